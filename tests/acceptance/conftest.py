"""One quickstart a test run, shared by all workers; each test gets its own copy."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.quickstart_workspace import shared_result, walk


@pytest.fixture(scope="session")
def shared_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run see."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def finished(shared_base: Path) -> tuple[Path, dict[str, Any]]:
    """The workspace of a finished quickstart, never to be written to, and what the command answered."""
    return shared_result(shared_base, "quickstart", walk)


@pytest.fixture(scope="session")
def reference(finished: tuple[Path, dict[str, Any]]) -> Path:
    """The finished workspace, never to be written to."""
    return finished[0]


@pytest.fixture(scope="session")
def result(finished: tuple[Path, dict[str, Any]]) -> dict[str, Any]:
    """What the quickstart answered."""
    return finished[1]


@pytest.fixture
def workspace(reference: Path, tmp_path: Path) -> Path:
    """A copy of the finished workspace."""
    return Path(shutil.copytree(reference, tmp_path / "workspace"))
