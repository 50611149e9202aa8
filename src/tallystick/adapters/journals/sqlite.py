"""A journal in SQLite: WAL with synchronous FULL while it is written, folded into one file when it is closed."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self, get_args

from tallystick.contracts.errors import ArtifactError, SafetyRefusal
from tallystick.contracts.session import JournalRow, RowKind

_SCHEMA = """CREATE TABLE IF NOT EXISTS journal (
  sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, cycle INTEGER NOT NULL, body BLOB NOT NULL, previous_sha256 TEXT NOT NULL, row_sha256 TEXT NOT NULL
)"""
_LOCK_ATTEMPTS, _LOCK_PAUSE_S = 5, 0.05
_INSERT = "INSERT INTO journal (sequence, kind, cycle, body, previous_sha256, row_sha256) VALUES (?, ?, ?, ?, ?, ?)"
_SELECT = "SELECT sequence, kind, cycle, body, previous_sha256, row_sha256 FROM journal WHERE ?1 IS NULL OR kind = ?1 ORDER BY sequence"
_LAST = f"{_SELECT} DESC LIMIT 1"


class SqliteJournalReader:
    """Reads a journal without ever writing to it, also while the engine runs."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ArtifactError("expected a journal, found none", where=str(path), hint="See: tallystick status")
        self._path = path

    def rows(self, kind: RowKind | None = None) -> Iterator[JournalRow]:
        """Rows in order of their sequence. Raises ArtifactError when the file is no journal."""
        yield from self._select(_SELECT, kind)

    def last(self, kind: RowKind | None = None) -> JournalRow | None:
        """The newest row, of one kind or any."""
        return next(iter(self._select(_LAST, kind)), None)

    def _select(self, query: str, kind: RowKind | None) -> list[JournalRow]:
        # A folded journal is read as immutable: then reading leaves no -shm or -wal file beside a sealed one.
        folded = not self._path.with_name(f"{self._path.name}-wal").exists()
        try:
            connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro{'&immutable=1' if folded else ''}", uri=True, timeout=5)
            try:
                found = [JournalRow(*row) for row in connection.execute(query, (kind,))]
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise ArtifactError(f"expected a journal, found a file that SQLite cannot read: {error}", where=str(self._path)) from error
        damaged = next((number for number, row in enumerate(found, 1) if not _is_typed(row)), None)
        if damaged is not None:
            raise ArtifactError(f"expected rows of a journal, found one with values of other types at place {damaged}", where=str(self._path))
        return found


def _is_typed(row: JournalRow) -> bool:
    # One flipped bit can turn a stored value into one of another type.
    numbers, texts = (row.sequence, row.cycle), (row.previous_sha256, row.row_sha256)
    typed = all(isinstance(value, int) for value in numbers) and all(isinstance(value, str) for value in texts) and isinstance(row.body, bytes)
    return typed and row.kind in get_args(RowKind)


class SqliteJournal(SqliteJournalReader):
    """The one writer of a journal. A second writer is refused by a lock that dies with its process."""

    def __init__(self, path: Path, lock_path: Path) -> None:
        self._lock = lock_path.open("rb")
        self._take_lock(path, lock_path)
        self._path = path
        try:
            self._connection = sqlite3.connect(path, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA secure_delete = ON")
            self._connection.execute(_SCHEMA)
        except sqlite3.Error as error:
            self._lock.close()
            raise ArtifactError(f"expected to open the journal, found: {error}", where=str(path)) from error

    def _take_lock(self, path: Path, lock_path: Path) -> None:
        # A bridge that looks whether an engine lives holds a shared lock for an instant, so one refusal is not the last word.
        for attempt in range(_LOCK_ATTEMPTS):
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if attempt + 1 == _LOCK_ATTEMPTS:
                    self._lock.close()
                    raise SafetyRefusal("expected to be the one writer of this session, found another process at work on it", where=str(path)) from error
                time.sleep(_LOCK_PAUSE_S)
            else:
                # Whoever replaced the file in between has the lock of another one.
                if os.fstat(self._lock.fileno()).st_ino == lock_path.stat().st_ino:
                    return
                self._lock.close()
                raise SafetyRefusal("expected the file of this session's lock to stay, found it replaced by another process", where=str(path))

    def append(self, rows: Sequence[JournalRow]) -> None:
        """One durable commit. Raises ArtifactError when it did not reach the disk; nothing of it is kept then."""
        values = [(row.sequence, row.kind, row.cycle, row.body, row.previous_sha256, row.row_sha256) for row in rows]
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(_INSERT, values)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise ArtifactError(
                f"expected a durable journal commit, found: {error}", where=str(self._path), hint="The session stopped before anything was sent"
            ) from error

    def rows(self, kind: RowKind | None = None) -> Iterator[JournalRow]:
        """Rows in order of their sequence, through the writer's own connection."""
        for row in self._connection.execute(_SELECT, (kind,)).fetchall():
            yield JournalRow(*row)

    def last(self, kind: RowKind | None = None) -> JournalRow | None:
        """The newest row, of one kind or any."""
        row = self._connection.execute(_LAST, (kind,)).fetchone()
        return JournalRow(*row) if row else None

    def close(self) -> None:
        """Fold the write-ahead log into the file, so that one file is the whole journal, and let the lock go."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()
        self._lock.close()

    def __enter__(self) -> Self:
        """The journal itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
