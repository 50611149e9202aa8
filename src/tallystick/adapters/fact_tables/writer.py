"""The writer of the tables: facts in, rows out, each fact once however often it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import URL, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from tallystick.adapters.fact_tables.database import TablesWriter, transaction
from tallystick.adapters.fact_tables.rows import FactRows
from tallystick.adapters.fact_tables.schema import ROW_KEY, row_key
from tallystick.contracts.errors import DataError
from tallystick.contracts.market_events import VenueEvent
from tallystick.observation.ports import FactCounts

ROWS_AT_ONCE = 5_000


class FactTablesWriter(TablesWriter):
    """Implements observation's `FactTables` on SQLite or PostgreSQL. Opening it makes or upgrades the tables."""

    def __init__(self, url: str | URL) -> None:
        super().__init__(url)
        self._rows = FactRows()
        self._written: Counter[str] = Counter()
        self._known: Counter[str] = Counter()
        self._without_table: Counter[str] = Counter()
        self._without_time: Counter[str] = Counter()
        self._unstorable: Counter[str] = Counter()
        self._told = 0

    def write(self, events: Iterable[VenueEvent]) -> None:
        """Keep these facts, some thousand rows a transaction. Raises ArtifactError when the database refuses; nothing of that transaction is kept."""
        pending: dict[Table, dict[str, dict[str, Any]]] = {}
        waiting = 0
        for event in events:
            self._told += 1
            for table, row in self._admitted(event):
                try:
                    key = row_key(table, row)
                except DataError:
                    self._unstorable[event.kind] += 1
                    continue
                rows = pending.setdefault(table, {})
                if key in rows:
                    self._known[table.name] += 1
                    continue
                rows[key] = {ROW_KEY: key, **row}
                waiting += 1
            if waiting >= ROWS_AT_ONCE:
                self._insert(pending)
                pending, waiting = {}, 0
        if pending:
            self._insert(pending)

    def _admitted(self, event: VenueEvent) -> list[tuple[Table, dict[str, Any]]]:
        found = self._rows.rows_of(event)
        if not found:
            self._without_table[event.kind] += 1
        elif event.event_time_ns <= 0:
            # A recording without receive times cannot date what the venue did not date.
            self._without_time[event.kind] += 1
            return []
        return found

    def _insert(self, pending: dict[Table, dict[str, dict[str, Any]]]) -> None:
        added: dict[str, tuple[int, int]] = {}
        with transaction(self._engine, writes=True) as connection:
            for table, rows in pending.items():
                added[table.name] = (insert_new(connection, table, list(rows.values())), len(rows))
        # Counted after the commit: what was rolled back was not written.
        for name, (new, told) in added.items():
            self._written[name] += new
            self._known[name] += told - new

    def counts(self) -> FactCounts:
        """What became of every fact so far."""
        parts = (self._written, self._known, self._without_table, self._without_time, self._unstorable)
        written, known, without_table, without_time, unstorable = ({name: count for name, count in sorted(part.items()) if count} for part in parts)
        return FactCounts(self._told, written, known, without_table, without_time, unstorable)


def insert_new(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
    """Insert the rows whose key is not there yet; answer how many that were."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # The rows that come back are the new ones; a count of affected rows is not told for batches on every driver.
    query = insert(table).on_conflict_do_nothing(index_elements=[ROW_KEY]).returning(table.c[ROW_KEY])
    return len(connection.execute(query, rows).all())
