"""Keeping the record of a quickstart, and deciding what of it still holds."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tallystick.apps.code_identity import code_identity
from tallystick.artifacts.atomic import make_folder, write_error
from tallystick.artifacts.checksum import sha256_file
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.seal import break_seal, check_seal, is_sealed, seal_folder, seal_sha256
from tallystick.artifacts.store import read_artifact, write_artifact
from tallystick.contracts.errors import ConfigurationError, SafetyRefusal
from tallystick.contracts.quickstart import QuickstartRecord, StepArtifact, StepRecord
from tallystick.contracts.registry import contract
from tallystick.contracts.time import iso_from_ns

RECORD = "apps.quickstart_record"
# The fact that says which code made a step: other code may make it differently, so its steps do not hold.
CODE = "code_sha256"


def artifact(workspace: Workspace, path: Path) -> StepArtifact:
    """A file with its hash, or a sealed folder with the hash of its seal."""
    return StepArtifact(path=workspace.relative(path), sha256=seal_sha256(path) if path.is_dir() else sha256_file(path))


@contextmanager
def alone(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace for one quickstart; the lock dies with its process. Raises SafetyRefusal while another one is at work there."""
    folder = workspace.path(RECORD).parent
    make_folder(folder)
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise write_error(folder, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise SafetyRefusal(
            "expected to be the only quickstart in this workspace, found another at work", where=str(workspace.root), hint="Wait for it, or name another folder"
        ) from error
    finally:
        os.close(descriptor)


def open_record(workspace: Workspace, *, seed: int, data: Path | None, now_ns: int, now_given: bool) -> QuickstartRecord:
    """The record of this workspace, or a new one. Raises ConfigurationError when steps of another quickstart were made here."""
    path = workspace.path(RECORD)
    asked = QuickstartRecord(source="data" if data else "generated", seed=seed, data=str(data.resolve()) if data else None, now=iso_from_ns(now_ns), steps=())
    found: QuickstartRecord = read_artifact(contract(RECORD), path) if path.exists() else asked
    if not found.steps:
        write_artifact(contract(RECORD), path, asked)
        return asked
    if (found.source, found.seed, found.data) != (asked.source, asked.seed, asked.data) or (now_given and found.now != asked.now):
        what = f"the bars of {found.data}" if found.data else f"the generated market of seed {found.seed}"
        raise ConfigurationError(
            f"expected a workspace without another quickstart, found one on {what} at {found.now}",
            where=str(workspace.root),
            hint="Name another folder with --workspace, or repeat the command as it was",
        )
    break_seal(path.parent)
    return found


def forget_empty(workspace: Workspace) -> None:
    """Leave nothing behind of a quickstart that ended before its first step did."""
    path = workspace.path(RECORD)
    if path.is_file() and read_artifact(contract(RECORD), path).steps:
        return
    with suppress(OSError):
        path.unlink(missing_ok=True)
        for folder in (path.parent, path.parent.parent, workspace.root):
            folder.rmdir()


def save_step(
    workspace: Workspace, record: QuickstartRecord, name: str, paths: Sequence[Path], facts: dict[str, Any], lines: Sequence[str]
) -> QuickstartRecord:
    """The record with one more finished step, written durably."""
    artifacts = tuple(artifact(workspace, path) for path in paths)
    step = StepRecord(name=name, artifacts=artifacts, facts={**facts, CODE: code_identity().source_sha256}, lines=tuple(lines))
    steps = (*(item for item in record.steps if item.name != name), step)
    kept = QuickstartRecord(source=record.source, seed=record.seed, data=record.data, now=record.now, steps=steps)
    write_artifact(contract(RECORD), workspace.path(RECORD), kept)
    return kept


def finish(workspace: Workspace) -> None:
    """Seal the record: the chain is whole."""
    seal_folder(workspace.path(RECORD).parent)


def still_holds(workspace: Workspace, step: StepRecord) -> bool:
    """Whether this code made the step, and everything that it made is still there, byte for byte."""
    return step.facts.get(CODE) == code_identity().source_sha256 and all(_holds(workspace.at(item.path), item.sha256) for item in step.artifacts)


def _holds(path: Path, sha256: str) -> bool:
    if path.is_dir():
        return is_sealed(path) and seal_sha256(path) == sha256 and not check_seal(path)
    return path.is_file() and sha256_file(path) == sha256
