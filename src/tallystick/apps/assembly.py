"""The one place where parts are joined: which families, which loaders, which journal, which venue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tallystick.adapters.compute.local_processes import LocalProcesses
from tallystick.adapters.journals.sqlite import SqliteJournal, SqliteJournalReader
from tallystick.adapters.models.lightgbm import LightGBMFamily, LightGBMLoader
from tallystick.adapters.models.ridge import RidgeFamily, RidgeLoader
from tallystick.artifacts.paths import Workspace
from tallystick.decision.ports import PredictorLoader
from tallystick.engine.ports import Journal, JournalReader
from tallystick.training.ports import Compute, ModelFamily


def model_families() -> tuple[ModelFamily, ...]:
    """Every family that can be fitted."""
    return (LightGBMFamily(), RidgeFamily())


def predictor_loaders() -> tuple[PredictorLoader, ...]:
    """Every family that can be loaded."""
    return (LightGBMLoader(), RidgeLoader())


def compute() -> Compute:
    """Where fitting runs: a child process for each family, one thread each, so that the machine's size changes no result."""
    return LocalProcesses()


@contextmanager
def session_journal(workspace: Workspace, session_id: str) -> Iterator[Journal]:
    """The journal of a session, for its one writer."""
    config = workspace.path("engine.session_config", session_id=session_id)
    journal = SqliteJournal(journal_path(workspace, session_id), config)
    try:
        yield journal
    finally:
        journal.close()


def journal_path(workspace: Workspace, session_id: str) -> Path:
    """Where the journal of a session lies."""
    return workspace.path("engine.journal", session_id=session_id)


def journal_reader(workspace: Workspace, session_id: str) -> JournalReader:
    """The journal of a session, for everyone else. Raises ArtifactError when there is none."""
    return SqliteJournalReader(journal_path(workspace, session_id))
