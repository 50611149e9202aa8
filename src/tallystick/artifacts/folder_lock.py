"""One writer at a time in a folder, across processes and threads. The lock is the folder itself, so nothing is left behind, and a crash releases it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tallystick.artifacts.atomic import make_folder, write_error
from tallystick.contracts.errors import ArtifactError


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Make the folder where it is missing, wait until no other process holds it, and hold it.

    Raises ArtifactError when it cannot be made or opened, or without `wait` when another process holds it.
    """
    make_folder(folder)
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise write_error(folder, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            hint = "Let the other process end first"
            raise ArtifactError("expected to be the only writer in the folder, found another process writing", where=str(folder), hint=hint) from error
        yield
    finally:
        os.close(descriptor)
