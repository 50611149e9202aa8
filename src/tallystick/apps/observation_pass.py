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
    """A room for configured symbols. Its time is the venue's, as the events tell it, and only moves forward, though recordings overlap.

    What arrived too late was kept aside by the decoder. An answer about the past is not late for having been asked for: its events happened at their time.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self._observation, self._facts = Observation(symbols), VenueFacts()
        self._now_ns = self._last_ns = 0
        self._waiting: list[VenueEvent] = []

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

    def take(self, answers: Iterable[object], is_asked: bool = False) -> None:
        """What a decoder said of one message; only events are read, in the order of their times, since an answer may list the newest first.

        is_asked: an answer to a question. Those that come together are read together, for each tells of the same past.
        """
        self._waiting += (item for item in answers if isinstance(item, VenueEvent))
        if not is_asked:
            self._read()

    def _read(self) -> None:
        for item in sorted(self._waiting, key=lambda event: event.event_time_ns):
            self._last_ns = max(self._last_ns, item.received_ns, item.event_time_ns)
            raw = self._facts.raw_event(item)
            if raw is not None:
                self._now_ns = max(self._now_ns, item.event_time_ns)
                self._observation.ingest(self._now_ns, (raw,))
        self._waiting.clear()

    def snapshot(self, at_ns: int | None = None) -> dict[str, Any]:
        """The snapshot at an instant, or at the last event."""
        self._read()
        instant = max(self._now_ns, self._last_ns if at_ns is None else at_ns)
        return document_of(self._observation.snapshot(instant))  # type: ignore[no-any-return]
