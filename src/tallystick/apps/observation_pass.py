"""Decoded events through M1 to M5, the same way live and in a replay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tallystick.contracts.market_events import EVENT_VALUES, VenueEvent, VenueEventKind
from tallystick.contracts.messages import document_of
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.observation.governance import Observation
from tallystick.observation.venue_facts import VenueFacts


class ObservationPass:
    """A room for configured symbols. Its time only moves forward, though a recorder's clock may lag the venue's, and recordings overlap."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self._observation, self._facts = Observation(symbols), VenueFacts()
        self._now_ns = self._last_ns = 0

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

    def take(self, answers: Iterable[object]) -> None:
        """What a decoder said of one message; only events are read, in the order of their times, since an answer may list the newest first."""
        for item in sorted((item for item in answers if isinstance(item, VenueEvent)), key=lambda event: event.event_time_ns):
            at_ns = max(item.received_ns, item.event_time_ns)
            self._last_ns = max(self._last_ns, at_ns)
            raw = self._facts.raw_event(item)
            if raw is not None:
                self._now_ns = max(self._now_ns, at_ns)
                self._observation.ingest(self._now_ns, (raw,))

    def snapshot(self, at_ns: int | None = None) -> dict[str, Any]:
        """The snapshot at an instant, or at the last event."""
        instant = max(self._now_ns, self._last_ns if at_ns is None else at_ns)
        return document_of(self._observation.snapshot(instant))  # type: ignore[no-any-return]
