"""What the engine asks of the outside: a journal that is durable, and a reader of it for others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from tallystick.contracts.session import JournalRow, RowKind


class JournalReader(Protocol):
    """Reads rows in order; sees every committed row, also while another process writes."""

    def rows(self, kind: RowKind | None = None) -> Iterator[JournalRow]:
        """Rows in order of their sequence, of one kind or all."""
        ...

    def last(self, kind: RowKind | None = None) -> JournalRow | None:
        """The newest row, of one kind or any."""
        ...


class Journal(JournalReader, Protocol):
    """Appends rows; when `append` returns they survive a crash of the machine."""

    def append(self, rows: Sequence[JournalRow]) -> None:
        """One durable commit of these rows, which must follow the last one."""
        ...

    def close(self) -> None:
        """Fold everything into one file and let the lock go."""
        ...
