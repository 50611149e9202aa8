"""Facts to the tables of a database on the way through a replay or a collection, where one was named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from tallystick.contracts.market_events import VenueEvent
from tallystick.observation.ports import FactTables

FACTS_AT_ONCE = 5_000


class FactKeeping:
    """Hands facts to tables, `at_once` by itself or, with None, only when it is told to; without tables it does nothing."""

    def __init__(self, tables: FactTables | None, at_once: int | None = FACTS_AT_ONCE) -> None:
        self._tables, self._at_once = tables, at_once
        self._waiting: list[VenueEvent] = []

    def take(self, items: Iterable[object]) -> None:
        """Keep the facts among these, by and by."""
        if self._tables is None:
            return
        self._waiting += [item for item in items if isinstance(item, VenueEvent)]
        if self._at_once is not None and len(self._waiting) >= self._at_once:
            self.flush()

    def flush(self) -> None:
        """Keep what waits."""
        if self._tables is not None and self._waiting:
            self._tables.write(self._waiting)
            self._waiting = []


def database_document(name: str, tables: FactTables) -> dict[str, Any]:
    """What a command says of the database that it filled."""
    return {"name": name, **asdict(tables.counts())}
