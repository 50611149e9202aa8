"""From a decoded fact of a venue to the raw events of this room, with books kept current from their changes. What the room has no use for is counted."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from heapq import nlargest, nsmallest
from typing import Any

from tallystick.contracts.market_events import VenueEvent
from tallystick.contracts.observation import EventKind, RawMarketEvent
from tallystick.contracts.observation_events import RawStateEvent
from tallystick.kernels.book_primitives import LEVELS

MARKET: dict[str, EventKind] = {"TRADE": "TRADE", "LIQUIDATION": "LIQUIDATION", "MARK": "MARK"}
Sides = dict[str, dict[Decimal, str]]


class VenueFacts:
    """unread: facts by kind that no primitive reads, or changes of a book that has no snapshot yet."""

    def __init__(self) -> None:
        self.unread: dict[str, int] = {}
        self._books: dict[str, Sides] = {}

    def raw_event(self, event: VenueEvent, account: str = "") -> RawMarketEvent | RawStateEvent | None:
        """The raw event of a fact; None for one that is not read. account: whose position it is, by default the venue's name for its own feed."""
        if event.kind in MARKET:
            return RawMarketEvent(MARKET[event.kind], event.symbol, event.event_time_ns, event.values, event.source)
        values = self._book(event) if event.kind in ("BOOK", "BOOK_DELTA") else _position(event, account) if event.kind == "POSITION" else None
        if values is None:
            self.unread[event.kind] = self.unread.get(event.kind, 0) + 1
            return None
        return RawStateEvent("POSITION" if event.kind == "POSITION" else "BOOK", event.symbol, event.event_time_ns, values, event.source)

    def _book(self, event: VenueEvent) -> dict[str, Any] | None:
        """The five best levels after a snapshot, or after a change of one. Text that is no number stays, for M1 to keep aside with its reason."""
        if event.kind == "BOOK":
            self._books[event.symbol] = {"bids": {}, "asks": {}}
        book = self._books.get(event.symbol)
        if book is None:
            return None
        for name, levels in book.items():
            for price, size in event.values[name]:
                try:
                    place, empty = Decimal(price), Decimal(size) == 0
                except InvalidOperation:
                    return {"bids": event.values["bids"], "asks": event.values["asks"]}
                if empty:
                    levels.pop(place, None)
                else:
                    levels[place] = size
        best = {"bids": nlargest(LEVELS, book["bids"]), "asks": nsmallest(LEVELS, book["asks"])}
        return {name: [(str(price), book[name][price]) for price in prices] for name, prices in best.items()}


def _position(event: VenueEvent, account: str) -> dict[str, Any]:
    values = event.values
    return {
        "account": account or event.venue,
        "quantity": values["size"],
        "value": values["position_value"],
        "leverage": values["leverage"],
        "liquidation_price": values["liquidation_price"],
    }
