"""An event log in memory, as long as a test: implements observation's `EventLog`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tallystick.contracts.collection import CollectionMark, StoredMessage
from tallystick.contracts.market_events import VenueEvent
from tallystick.contracts.time import date_from_ns
from tallystick.observation.log_decoding import mark_of


class MemoryLog:
    """What a store would hold."""

    def __init__(self) -> None:
        self.records: list[StoredMessage] = []
        self.events: list[VenueEvent] = []

    @property
    def next_number(self) -> int:
        return len(self.records) + 1

    @property
    def last_event(self) -> int:
        return self.events[-1].event_id if self.events else 0

    def begins_day(self, received_ns: int) -> bool:
        return bool(self.records) and date_from_ns(received_ns) > max(date_from_ns(item.received_ns) for item in self.records)

    def append(self, item: StoredMessage, events: Sequence[VenueEvent]) -> None:
        assert item.number == self.next_number
        self.records.append(item)
        self.events.extend(events)

    def earlier(self, first: int, before: int) -> Iterator[tuple[str, int, str, bytes, int]]:
        for item in self.records[first - 1 : before - 1]:
            yield item.role, item.received_ns, item.asked, item.message, item.number

    def marks(self, kind: str = "") -> list[CollectionMark]:
        found = [mark_of(item.message) for item in self.records if item.role == "mark"]
        return [mark for mark in found if not kind or mark.kind == kind]
