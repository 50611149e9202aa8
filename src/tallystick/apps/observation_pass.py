"""Decoded events through M1 to M5, the same way live and in a replay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tallystick.adapters.venues.hyperliquid.trade_blocks import TradeBlock
from tallystick.contracts.market_events import EVENT_VALUES, VenueEvent, VenueEventKind
from tallystick.contracts.messages import document_of
from tallystick.contracts.observation import QuarantinedEvent
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.observation.governance import Observation
from tallystick.observation.venue_facts import VenueFacts

ABOUT_ACCOUNTS = frozenset({"ACCOUNT", "POSITION"})
ACCOUNTS_AT_MOST = 20_000
"""Facts about accounts that wait for a stream to go on: they are asked for while it is down too, however long that lasts."""


class ObservationPass:
    """A room for configured symbols. Its time is the venue's, as the events tell it, and only moves forward, though recordings overlap.

    What arrived too late was kept aside by the decoder. An answer about the past is not late for having been asked for: its events happened at their time.
    """

    def __init__(self, symbols: Sequence[str], keep: Callable[[QuarantinedEvent], None] | None = None) -> None:
        """keep: gets every event that the room keeps aside; without it they are counted alone."""
        self._observation, self._facts = Observation(symbols), VenueFacts()
        self._keep = keep
        self._now_ns = self._last_ns = 0
        self._waiting: list[VenueEvent] = []
        self._has_backfill = False

    @staticmethod
    def prepare() -> None:
        """Load what is compiled, so that no live message waits for it."""
        room = ObservationPass(("X",))
        trade = {"price": "1", "quantity": "1", "side": "buy", "trade_id": 1}
        forced = {"price": "1", "quantity": "1", "side": "sell", "average_price": "1", "filled_quantity": "1", "order_status": None, "user": None}
        mark = dict.fromkeys(EVENT_VALUES["MARK"], None) | {"price": "1"}
        book = {"bids": (("1", "1"),), "asks": (("2", "1"),), "last_update_id": None}
        kinds: tuple[tuple[VenueEventKind, dict[str, Any]], ...] = (("TRADE", trade), ("LIQUIDATION", forced), ("MARK", mark), ("BOOK", book))
        for number in range(1, 3):
            for kind, values in kinds:
                room.take((VenueEvent(number, kind, "", "X", number * NS_PER_SECOND, number * NS_PER_SECOND, f"{kind}:{number}", "venue", values),))
        room.snapshot()

    def begin_with(self, messages: Iterable[tuple[bool, Sequence[VenueEvent]]]) -> frozenset[str]:
        """The books as they stood before what is read: messages about them, each with whether it was an answer. Answers the symbols that have one."""
        newest: dict[str, VenueEvent] = {}
        waiting: list[VenueEvent] = []
        for is_asked, events in messages:
            waiting += events
            if not is_asked:
                self._remember(waiting, newest)
        self._remember(waiting, newest)
        books = {symbol: book for symbol, event in sorted(newest.items()) if (book := self._facts.book_at(event)) is not None}
        for book in sorted(books.values(), key=lambda item: item.event_time_ns):
            self._now_ns = max(self._now_ns, book.event_time_ns)
            self._observation.ingest(self._now_ns, (book,))
        return frozenset(books)

    def _remember(self, waiting: list[VenueEvent], newest: dict[str, VenueEvent]) -> None:
        for item in sorted(waiting, key=lambda event: event.event_time_ns):
            self._facts.remember(item)
            newest[item.symbol] = item
        waiting.clear()

    def take(self, answers: Iterable[object], is_asked: bool = False) -> None:
        """What a decoder said of one message; only events are read, in the order of their times, since an answer may list the newest first.

        is_asked: an answer to a question. Those that come together are read together, for each tells of the same past.
        """
        events = [item for item in answers if isinstance(item, VenueEvent)]
        self._facts.hear(events)
        self._waiting += events
        self._has_backfill = self._has_backfill or any(item.kind not in ABOUT_ACCOUNTS for item in events)
        if not is_asked or (len(self._waiting) >= ACCOUNTS_AT_MOST and not self._has_backfill):
            self._read()

    def take_block(self, block: TradeBlock) -> None:
        """As `take` of each of its messages."""
        self._read()
        columns = block.columns()
        inside = np.diff(columns.lines) == 0
        # Messages whose trades are in the order of their times need no sorting, so time moves as over the whole column.
        arrivals_ns = np.maximum.accumulate(np.maximum(columns.times_ns, self._now_ns))
        if (np.diff(columns.times_ns)[inside] >= 0).all() and self._observation.ingest_trades(arrivals_ns, columns):
            self._now_ns = int(arrivals_ns[-1])
            self._last_ns = max(self._last_ns, block.newest_ns)
            return
        for message in block.messages():
            self.take(message)

    def _read(self) -> None:
        for item in sorted(self._waiting, key=lambda event: event.event_time_ns):
            self._last_ns = max(self._last_ns, item.received_ns, item.event_time_ns)
            found = self._facts.raw_events(item)
            if found:
                self._now_ns = max(self._now_ns, item.event_time_ns)
                self._observation.ingest(self._now_ns, found)
        self._waiting.clear()
        self._has_backfill = False
        if self._keep is not None:
            for event in self._observation.drain_quarantine():
                self._keep(event)

    def snapshot(self, at_ns: int | None = None) -> dict[str, Any]:
        """The snapshot at an instant, or at the last event."""
        self._read()
        # The room has been there: an event that a slower clock dated before is late by so much, and no time that goes back.
        self._now_ns = max(self._now_ns, self._last_ns if at_ns is None else at_ns)
        return document_of(self._observation.snapshot(self._now_ns))  # type: ignore[no-any-return]
