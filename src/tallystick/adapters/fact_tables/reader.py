"""Reading the tables: columns of one table, and whether every row still fits its key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import URL, Engine, Table, select

from tallystick.adapters.fact_tables.database import open_engine, require_head, shown, transaction
from tallystick.adapters.fact_tables.schema import METADATA, ROW_KEY, row_key
from tallystick.contracts.errors import ArtifactError, DataError

ROWS_AT_ONCE = 10_000


class FactTablesReader:
    """Reads a database of facts and never changes it. Raises DataError unless its tables are at our revision."""

    def __init__(self, url: str | URL) -> None:
        self._engine: Engine = open_engine(url)
        require_head(self._engine)
        self.name = shown(self._engine.url)

    def columns(self, table: str, names: Sequence[str], where: dict[str, str] | None = None) -> list[tuple[Any, ...]]:
        """All rows, these columns of them, in no order; `where`: columns that must have these values."""
        chosen = METADATA.tables[table]
        query = select(*(chosen.c[name] for name in names))
        for name, value in (where or {}).items():
            query = query.where(chosen.c[name] == value)
        with transaction(self._engine) as connection:
            return [tuple(row) for row in connection.execute(query)]

    def verified_rows(self, table: str, where: dict[str, str]) -> list[dict[str, Any]]:
        """All rows with these values, whole, in no order. Raises ArtifactError for one whose content does not give its key."""
        chosen = METADATA.tables[table]
        query = select(chosen)
        for name, value in where.items():
            query = query.where(chosen.c[name] == value)
        with transaction(self._engine) as connection:
            found = [dict(row) for row in connection.execute(query).mappings()]
        for row in found:
            if _key(chosen, row) != row[ROW_KEY]:
                message = f"expected rows of {table} whose content gives their keys, found another content under {row[ROW_KEY]}"
                raise ArtifactError(message, where=self.name, hint="The row was changed: delete it, and record the labels again")
        return found

    def altered(self) -> Iterator[tuple[str, str]]:
        """Table and key of every row whose content does not give its key."""
        for table in METADATA.sorted_tables:
            with transaction(self._engine) as connection:
                found = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(select(table))
                for row in found.mappings():
                    if _key(table, dict(row)) != row[ROW_KEY]:
                        yield table.name, str(row[ROW_KEY])

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()


def _key(table: Table, row: dict[str, Any]) -> str:
    try:
        return row_key(table, row)
    except (DataError, TypeError):
        return ""
