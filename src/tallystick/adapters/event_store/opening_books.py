"""The books that a day began with: a depth stream tells changes, and the whole book that they change may lie days before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tallystick.adapters.event_store.reading import StoreReader
from tallystick.adapters.event_store.records import stored_event
from tallystick.adapters.event_store.segments import EVENTS, number_of, read_columns
from tallystick.contracts.collection import EventSegment
from tallystick.contracts.market_events import VenueEvent

BOOKS = ("BOOK", "BOOK_DELTA")


@dataclass(slots=True)
class _Search:
    """How far back one symbol's book is to be read: `start`, the number of its first message; `left`: changes that a whole book after them may still need."""

    left: int
    start: int = 0
    has_book: bool = False
    done: bool = False


class OpeningBooks:
    """What must be read again to have the books of some symbols as they stood before a record.

    A whole book may come after changes that it does not hold, so many changes before it count too, and before the record, where the next one may come after
    it. No search goes beyond the start of the session, which began without any book. unresolved: symbols whose search ended where the store does, at records
    that are gone.
    """

    def __init__(self, reader: StoreReader, venue: str, number: int, symbols: Sequence[str], changes: int) -> None:
        """number: of the record. changes: of a book, that are remembered for a whole one which comes after them. Raises ArtifactError for damaged segments."""
        self._venue, self._number = venue, number
        self._searches = {symbol: _Search(changes) for symbol in symbols}
        self._segments: list[tuple[Path, EventSegment]] = []
        self.unresolved: frozenset[str] = frozenset()
        self._look_back(reader, changes)

    def messages(self) -> Iterator[tuple[bool, tuple[VenueEvent, ...]]]:
        """Whether a message was an answer, and its events about books, from the oldest message that counts to the last before the record."""
        for day, item in reversed(self._segments):
            roles, events = read_columns(day, item, ("number", "role"), tuple(EVENTS))
            asked = set(roles.filter(pl.col("role") == "answer").get_column("number"))
            found: list[VenueEvent] = []
            last = 0
            for row in events.filter(self._wanted()).iter_rows():
                number = number_of(row)
                search = self._searches[row[2]]
                if not search.start or not search.start <= number < self._number:
                    continue
                if found and number != last:
                    yield last in asked, tuple(found)
                    found = []
                last = number
                found.append(stored_event(self._venue, row))
            if found:
                yield last in asked, tuple(found)

    def _wanted(self) -> pl.Expr:
        return pl.col("kind").is_in(BOOKS) & pl.col("symbol").is_in(list(self._searches))

    def _look_back(self, reader: StoreReader, changes: int) -> None:
        oldest = self._number
        for day, item in reader.segments_before(self._number):
            if item.last_message < oldest - 1:
                break
            self._segments.append((day, item))
            oldest = item.first_message
            began = self._session_start(day, item)
            _, events = read_columns(day, item, events=tuple(EVENTS))
            for row in reversed(events.filter(self._wanted()).rows()):
                number = number_of(row)
                if began <= number < self._number:
                    _step(self._searches[row[2]], number, row[1], row[7], changes)
            if began or all(search.done for search in self._searches.values()):
                return
        if oldest > 1:
            self.unresolved = frozenset(symbol for symbol, search in self._searches.items() if not search.done)

    def _session_start(self, day: Path, item: EventSegment) -> int:
        """The number of the last mark of this segment, before the record, that started a session; 0 where there is none."""
        if not item.marks:
            return 0
        messages, _ = read_columns(day, item, ("number", "role", "message"))
        marks = messages.filter((pl.col("role") == "mark") & (pl.col("number") < self._number))
        return max((number for number, _, message in marks.iter_rows() if json.loads(message)["kind"] == "SESSION_STARTED"), default=0)


def _step(search: _Search, number: int, kind: str, values: str, changes: int) -> None:
    """One event further back."""
    if search.done:
        return
    if kind == "BOOK":
        search.start, search.left, search.has_book = number, changes, True
        # A whole book without a number is followed by others like it, and by no changes.
        search.done = json.loads(values)["last_update_id"] is None
    elif search.left:
        search.start = number
        search.left -= 1
        search.done = search.has_book and search.left == 0
