"""The quarantine files: append-only, one line for each message, or event of a room, with the reason. They exist only where something was kept aside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from tallystick.artifacts.atomic import make_folder, write_error
from tallystick.artifacts.canonical import canonical_json
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.market_events import Quarantined, QuarantineLine, quarantine_line
from tallystick.contracts.messages import document_of
from tallystick.contracts.observation import QuarantinedEvent


class QuarantineFile:
    """Appends; never rewrites a line. `sync` after every line makes each durable, for a live collector; a replay syncs once, on closing."""

    def __init__(self, path: Path, *, sync: bool = False) -> None:
        self.path = path
        self.written = 0
        self._sync = sync
        self._file: BinaryIO | None = None

    def append(self, item: Quarantined | QuarantinedEvent) -> None:
        """Keep one message with its bytes, or one event of a room with its content. Raises ArtifactError when the disk is full or the place is read-only."""
        try:
            if self._file is None:
                make_folder(self.path.parent)
                self._file = self.path.open("ab")
            self.written += 1
            self._file.write(canonical_json(quarantine_line(item, self.written) if isinstance(item, Quarantined) else document_of(item)))
            if self._sync:
                self._make_durable(self._file)
        except OSError as error:
            raise write_error(self.path, error) from error

    def close(self) -> None:
        """Make what was written durable."""
        if self._file is not None:
            self._make_durable(self._file)
            self._file.close()
            self._file = None

    def __enter__(self) -> QuarantineFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @staticmethod
    def _make_durable(file: BinaryIO) -> None:
        file.flush()
        os.fsync(file.fileno())


def read_quarantine(path: Path) -> Iterator[QuarantineLine]:
    """The lines of a quarantine file. Raises ArtifactError naming the first line that is none."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield QuarantineLine.model_validate_json(line)
            except ValidationError as error:
                raise ArtifactError(f"expected a line of a quarantine file, found another: {error.errors()[0]['msg']}", where=f"{path}:{number}") from error
