"""From a decoded fact of a venue to the raw events of this room, with books kept current from their changes. What the room has no use for is counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from heapq import nlargest, nsmallest
from typing import Any

from tallystick.contracts.market_events import VenueEvent
from tallystick.contracts.observation import EventKind, RawMarketEvent
from tallystick.contracts.observation_events import RawStateEvent
from tallystick.kernels.book_primitives import LEVELS

MARKET: dict[str, EventKind] = {"TRADE": "TRADE", "LIQUIDATION": "LIQUIDATION", "MARK": "MARK"}
CHANGES_KEPT = 512
"""Changes of a book that are remembered for a snapshot that comes after them: more than a stream sends while an answer over REST is under way."""
Sides = dict[str, dict[Decimal, str]]
Values = Mapping[str, Any]


class VenueFacts:
    """unread: facts by kind that no primitive reads, changes of a book that has no snapshot yet, and snapshots older than all that is remembered."""

    def __init__(self) -> None:
        self.unread: dict[str, int] = {}
        self._books: dict[str, Sides] = {}
        self._changes: dict[str, deque[Values]] = {}

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
        symbol, values = event.symbol, event.values
        changes = self._changes.setdefault(symbol, deque(maxlen=CHANGES_KEPT))
        newer: Iterable[Values] = (values,)
        if event.kind == "BOOK":
            self._books[symbol] = {"bids": {}, "asks": {}}
            missed = _since(changes, values["last_update_id"])
            if missed is None:
                del self._books[symbol]
                changes.clear()
            else:
                newer = (values, *missed)
        else:
            _remember(changes, values)
        book = self._books.get(symbol)
        if book is None:
            return None
        for change in newer:
            for name, levels in book.items():
                for price, size in change[name]:
                    try:
                        place, empty = Decimal(price), Decimal(size) == 0
                    except InvalidOperation:
                        return {"bids": values["bids"], "asks": values["asks"]}
                    if empty:
                        levels.pop(place, None)
                    else:
                        levels[place] = size
        best = {"bids": nlargest(LEVELS, book["bids"]), "asks": nsmallest(LEVELS, book["asks"])}
        return {name: [(str(price), book[name][price]) for price in prices] for name, prices in best.items()}


def _remember(changes: deque[Values], values: Values) -> None:
    """Add a change; those before it only count where it follows them."""
    if changes and values.get("previous_update_id") not in (None, changes[-1].get("last_update_id")):
        changes.clear()
    changes.append(values)


def _since(changes: Iterable[Values], snapshot_id: int | None) -> tuple[Values, ...] | None:
    """The changes that a snapshot does not hold yet: it is asked for while the stream goes on, and may come after them.

    Those up to the snapshot's own number are in it. None where what follows the snapshot is no longer remembered.
    """
    if snapshot_id is None:
        return ()
    newer = tuple(change for change in changes if change.get("last_update_id", 0) > snapshot_id)
    if not newer or newer[0]["first_update_id"] <= snapshot_id + 1 or (newer[0]["previous_update_id"] or snapshot_id + 1) <= snapshot_id:
        return newer
    return None


def _position(event: VenueEvent, account: str) -> dict[str, Any]:
    values = event.values
    return {
        "account": account or event.venue,
        "quantity": values["size"],
        "value": values["position_value"],
        "leverage": values["leverage"],
        "liquidation_price": values["liquidation_price"],
    }
