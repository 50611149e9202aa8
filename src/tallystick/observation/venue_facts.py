"""From a decoded fact of a venue to the raw events of this room, with books kept current from their changes. What the room has no use for is counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tallystick.contracts.market_events import VenueEvent
from tallystick.contracts.observation import EventKind, RawMarketEvent
from tallystick.contracts.observation_events import RawStateEvent
from tallystick.observation.books import Book

MARKET: dict[str, EventKind] = {"TRADE": "TRADE", "LIQUIDATION": "LIQUIDATION", "MARK": "MARK"}
CHANGES_KEPT = 512
"""Changes of a book that are remembered for a snapshot that comes after them: more than a stream sends while an answer over REST is under way."""
STALE_KEPT = 64
"""Answers older than the last one of their account whose positions are left out: far more than can lie between two of the facts of one of them."""
Raw = RawMarketEvent | RawStateEvent
Values = Mapping[str, Any]


class VenueFacts:
    """unread: facts by kind that no primitive reads, changes of a book that has no snapshot yet, snapshots older than all that is remembered, and what an
    answer about an account says that is older than the last one.
    """

    def __init__(self) -> None:
        self.unread: dict[str, int] = {}
        # Of each message about an account that is not read yet, the symbols of the positions in it.
        self._listed: dict[str, frozenset[str]] = {}
        # Account and exchange → the time of its last answer, and the symbols of the positions in that.
        self._held: dict[tuple[str, str], tuple[int, frozenset[str]]] = {}
        self._stale: deque[str] = deque(maxlen=STALE_KEPT)
        self._books: dict[str, Book] = {}
        self._changes: dict[str, deque[Values]] = {}

    def hear(self, message: Sequence[VenueEvent]) -> None:
        """All facts of one message, before they are read one by one: every position of an account follows its totals, on one exchange after the other."""
        told = ""
        for event in message:
            if event.kind == "ACCOUNT":
                told = event.source
                self._listed[told] = frozenset()
            elif event.kind == "POSITION" and told:
                self._listed[told] |= {event.symbol}

    def raw_events(self, event: VenueEvent) -> tuple[Raw, ...]:
        """The raw events of a fact: the one that it is itself; of an account, its positions that are gone, with a quantity of 0; none for what is not read."""
        if event.kind == "ACCOUNT":
            return self._closed(event)
        found = self.raw_event(event)
        return () if found is None else (found,)

    def raw_event(self, event: VenueEvent) -> Raw | None:
        """The raw event of a fact about an instrument; None for one that is not read."""
        if event.kind in MARKET:
            return RawMarketEvent(MARKET[event.kind], event.symbol, event.event_time_ns, event.values, event.source)
        values: dict[str, Any] | None = None
        if event.kind in ("BOOK", "BOOK_DELTA"):
            values = self._book(event)
        elif event.kind == "POSITION" and _message_of(event) not in self._stale:
            values = _position(event)
        if values is None:
            self._leave(event)
            return None
        return RawStateEvent("POSITION" if event.kind == "POSITION" else "BOOK", event.symbol, event.event_time_ns, values, event.source)

    def _leave(self, event: VenueEvent) -> None:
        self.unread[event.kind] = self.unread.get(event.kind, 0) + 1

    def _closed(self, event: VenueEvent) -> tuple[RawStateEvent, ...]:
        """The positions that the last answer of this account had and this one has not. Without an address nobody knows which answer was the last."""
        account, listed = event.values["account"], self._listed.pop(event.source, None)
        if account is None or listed is None:
            self._leave(event)
            return ()
        # A question without an exchange is one about the main one, which messages name by an empty text.
        key = (account, event.values["exchange"] or "")
        last_ns, before = self._held.get(key, (0, frozenset[str]()))
        if event.event_time_ns < last_ns:
            self._stale.append(_message_of(event))
            self._leave(event)
            return ()
        self._held[key] = (event.event_time_ns, listed)
        return tuple(RawStateEvent("POSITION", symbol, event.event_time_ns, CLOSED | {"account": account}, event.source) for symbol in sorted(before - listed))

    def remember(self, event: VenueEvent) -> None:
        """Keep a book current from a fact that the room does not get: it lies before the time that is read."""
        if event.kind in ("BOOK", "BOOK_DELTA"):
            self._change(event)

    def book_at(self, event: VenueEvent) -> RawStateEvent | None:
        """The book of the event's symbol as it stands now, at the event's time; None where there is none."""
        book = self._books.get(event.symbol)
        return None if book is None else RawStateEvent("BOOK", event.symbol, event.event_time_ns, book.best(), event.source)

    def _book(self, event: VenueEvent) -> dict[str, Any] | None:
        """The five best levels after a snapshot, or after a change of one. Text that is no number stays, for M1 to keep aside with its reason."""
        is_sound = self._change(event)
        book = self._books.get(event.symbol)
        if book is None:
            return None
        return book.best() if is_sound else {"bids": event.values["bids"], "asks": event.values["asks"]}

    def _change(self, event: VenueEvent) -> bool:
        """Keep the book of a symbol current, if there is one; answer whether every level was a number."""
        symbol, values = event.symbol, event.values
        changes = self._changes.setdefault(symbol, deque(maxlen=CHANGES_KEPT))
        newer: Iterable[Values] = (values,)
        if event.kind == "BOOK":
            self._books[symbol] = Book()
            missed = _since(changes, values["last_update_id"])
            if missed is None:
                del self._books[symbol]
                changes.clear()
            else:
                newer = (values, *missed)
        else:
            _remember(changes, values)
        book = self._books.get(symbol)
        return book is None or all(book.change(change) for change in newer)


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


CLOSED: dict[str, Any] = {"quantity": "0", "value": "0", "leverage": None, "liquidation_price": None}


def _message_of(event: VenueEvent) -> str:
    return event.source.partition("#")[0]


def _position(event: VenueEvent) -> dict[str, Any]:
    """The reading of a position. One of which nobody said whose it is stands for the venue's own feed; the two of hedge mode stand side by side.

    Binance writes the value of a short with a sign, and 0 for a position that has no liquidation price.
    """
    values = event.values
    liquidation_price, side = values["liquidation_price"], values.get("position_side")
    account = values["account"] or event.venue
    return {
        "account": f"{account} {side}" if side else account,
        "quantity": values["size"],
        "value": values["position_value"].removeprefix("-"),
        "leverage": values["leverage"],
        "liquidation_price": liquidation_price if liquidation_price and liquidation_price.strip("0.") else None,
    }
