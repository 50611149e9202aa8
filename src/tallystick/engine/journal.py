"""The chain of a journal: bodies are serialised once, deterministically, and hashed as stored bytes with the hash of the row before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tallystick.contracts.session import JournalRow, RowKind
from tallystick.engine.ports import Journal

GENESIS = "0" * 64


def encode_body(body: dict[str, Any]) -> bytes:
    """JSON with sorted keys and shortest float form: the one encoder of journal rows. Raises ValueError for NaN, TypeError for foreign values."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def decode_body(row: JournalRow) -> dict[str, Any]:
    """The body of a row."""
    body: dict[str, Any] = json.loads(row.body)
    return body


def row_sha256(previous: str, sequence: int, kind: str, cycle: int, body: bytes) -> str:
    """The hash that a row carries."""
    return hashlib.sha256(f"{previous}\n{sequence}\n{kind}\n{cycle}\n".encode() + body).hexdigest()


@dataclass(frozen=True, slots=True)
class ChainFault:
    """The first row at which a chain does not hold."""

    sequence: int
    expected: str
    found: str


def check_chain(rows: Iterable[JournalRow]) -> tuple[int, ChainFault | None]:
    """How many rows hold, and the first that is edited, dropped or swapped."""
    previous, count = GENESIS, 0
    for row in rows:
        if row.sequence != count + 1:
            return count, ChainFault(row.sequence, f"row {count + 1}", f"row {row.sequence}")
        if row.previous_sha256 != previous:
            return count, ChainFault(row.sequence, f"previous hash {previous}", row.previous_sha256)
        computed = row_sha256(previous, row.sequence, row.kind, row.cycle, row.body)
        if computed != row.row_sha256:
            return count, ChainFault(row.sequence, f"row hash {computed}", row.row_sha256)
        previous, count = row.row_sha256, count + 1
    return count, None


class Chain:
    """Appends bodies to a journal, linking each row to the one before."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        last = journal.last()
        self._sequence = last.sequence if last else 0
        self._previous = last.row_sha256 if last else GENESIS

    def append(self, entries: Sequence[tuple[RowKind, int, dict[str, Any]]]) -> None:
        """One durable commit of (kind, cycle, body) entries."""
        rows, previous, sequence = [], self._previous, self._sequence
        for kind, cycle, body in entries:
            sequence += 1
            data = encode_body(body)
            digest = row_sha256(previous, sequence, kind, cycle, data)
            rows.append(JournalRow(sequence, kind, cycle, data, previous, digest))
            previous = digest
        self._journal.append(rows)
        self._previous, self._sequence = previous, sequence


class MemoryJournal:
    """A journal that forgets: for replays, which only compare."""

    def __init__(self) -> None:
        self._rows: list[JournalRow] = []

    def append(self, rows: Sequence[JournalRow]) -> None:
        """Keep the rows until the replay ends."""
        self._rows.extend(rows)

    def rows(self, kind: RowKind | None = None) -> Iterator[JournalRow]:
        """Rows in order, of one kind or all."""
        return (row for row in self._rows if kind is None or row.kind == kind)

    def last(self, kind: RowKind | None = None) -> JournalRow | None:
        """The newest row, of one kind or any."""
        return next((row for row in reversed(self._rows) if kind is None or row.kind == kind), None)

    def close(self) -> None:
        """Nothing to fold."""
