"""One writer at a time in a folder, across processes and threads. The lock is the folder itself, so nothing is left behind, and a crash releases it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tallystick.artifacts.atomic import make_folder, write_error
from tallystick.contracts.errors import ArtifactError


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Make the folder where it is missing, wait until no other process holds it, and hold it.

    Raises ArtifactError when it cannot be made or opened, or without `wait` when another process holds it.
    """
    descriptor = _opened(folder)
    try:
        if wait:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        else:
            _take_now(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def shared(folder: Path) -> Iterator[Callable[[], bool]]:
    """Make the folder where it is missing, and hold it beside others that share it; waits while one holds it alone.

    What it gives is to be called once, when the work is done: True for the last of those that share it, who then holds it alone until the end; any other
    holds it no longer. A folder that is shared is never one that `locked` is asked for. Raises ArtifactError when it cannot be made or opened.
    """
    descriptor = _opened(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        # A shared lock that cannot become a sole one is let go, so of two that end at once one is the last.
        yield lambda: _try(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def _opened(folder: Path) -> int:
    make_folder(folder)
    try:
        return os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise write_error(folder, error) from error


def _take_now(descriptor: int, folder: Path) -> None:
    # Whoever only looks (`is_held`) shares the lock for an instant; a writer does not share it.
    while not _try(descriptor, fcntl.LOCK_EX):
        if not _try(descriptor, fcntl.LOCK_SH):
            hint = "Let the other process end first"
            raise ArtifactError("expected to be the only writer in the folder, found another process writing", where=str(folder), hint=hint)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.sched_yield()


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(folder: Path) -> bool:
    """Whether a writer holds the folder now; a folder that is not there, or may not be opened, is held by none that could be seen."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)
