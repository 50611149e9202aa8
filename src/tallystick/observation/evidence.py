"""The memories behind the primitives: trades, liquidations, books, levels and positions of every symbol."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.contracts.observation import MarketEvent
from tallystick.contracts.observation_events import BookEvent, PositionEvent
from tallystick.kernels import book_primitives, level_memory, primitives_liquidations, primitives_positions, primitives_room, trade_primitives
from tallystick.kernels.primitives_room import EventColumns, MarkMemory, RoomMemory
from tallystick.observation.config import ObservationConfig

KIND = {
    "TRADE": primitives_room.TRADE,
    "LIQUIDATION": primitives_room.LIQUIDATION,
    "MARK": primitives_room.MARK,
    "BAR_CLOSE": primitives_room.MARK,
    "BOOK": primitives_room.BOOK,
}
SIDES = ("buy", "sell")


def empty_room(symbols: int, config: ObservationConfig) -> RoomMemory:
    """Memories without any evidence."""
    return RoomMemory(
        trade_primitives.empty_trades(symbols, config.trades_kept, config.promoted_kept, config.baseline_windows),
        primitives_liquidations.empty_liquidations(symbols, config.liquidations_kept),
        book_primitives.empty_books(symbols, config.books_kept),
        level_memory.empty_levels(symbols, config.nodes_kept, config.nodes_archived),
        primitives_positions.empty_positions(symbols, config.positions_kept),
    )


def empty_marks(symbols: int, kept: int) -> MarkMemory:
    """A window of marks without any."""
    prices, times_ns = np.full((symbols, kept), np.nan), np.zeros((symbols, kept), dtype=np.int64)
    return MarkMemory(prices, times_ns, np.zeros(symbols, dtype=np.int64), np.zeros(symbols, dtype=np.int64))


def event_columns(events: Sequence[MarketEvent | BookEvent], row: dict[str, int]) -> EventColumns:
    """Events in M1 form as the columns that the kernels take."""
    books = [event for event in events if isinstance(event, BookEvent)]
    levels = np.full((len(books), 2, book_primitives.LEVELS, 2), nan)
    for place, book in enumerate(books):
        for side, given in enumerate((book.bids, book.asks)):
            if given:
                levels[place, side, : len(given)] = given
    sides, seen = [], 0
    for event in events:
        if isinstance(event, BookEvent):
            sides.append(seen)
            seen += 1
        else:
            sides.append(SIDES.index(event.side) if event.side is not None else -1)
    return EventColumns(
        np.array([KIND[event.kind] for event in events], dtype=np.int64),
        np.array([row[event.symbol] for event in events], dtype=np.int64),
        np.array([event.event_time_ns for event in events], dtype=np.int64),
        np.array([event.price if isinstance(event, MarketEvent) else nan for event in events], dtype=np.float64),
        np.array([(event.quantity if isinstance(event, MarketEvent) else None) or nan for event in events], dtype=np.float64),
        np.array(sides, dtype=np.int64),
        levels,
    )


class Evidence:
    """Memories of the symbols of one room; `marks` is shared with it. The memories hold nothing until the first trade, liquidation, book or position."""

    def __init__(self, row: dict[str, int], marks: MarkMemory, config: ObservationConfig) -> None:
        self.row = row
        self.marks = marks
        self.config = config
        self.room = empty_room(len(row), config)
        self.positions_lost = 0
        self._slots: list[dict[str, int]] = [{} for _ in row]
        # The price in force before the first evidence is the last mark.
        for s in np.flatnonzero(marks.counts).tolist():
            self.room.trades.price[s] = marks.prices[s, marks.counts[s] - 1]
            self.room.trades.price_ns[s] = marks.times_ns[s, marks.counts[s] - 1]

    @property
    def lost(self) -> int:
        """Entries that a full memory lost while they were still inside its window, archived nodes beyond the limit, and positions beyond the limit."""
        room = self.room
        rings = room.trades.counts[:, [trade_primitives.LOST, trade_primitives.PROMOTED_LOST]].sum()
        rings += room.liquidations.counts[:, primitives_liquidations.LOST].sum() + room.books.counts[:, book_primitives.LOST].sum()
        return int(rings) + int(room.levels.tallies[:, level_memory.LOST].sum()) + self.positions_lost

    def advance(self, now_ns: int) -> None:
        """Lifecycle updates of the level memory up to an instant."""
        # Between two lifecycle updates there is nothing to advance, and entering a kernel costs more than a trade.
        if now_ns // self.config.rules.levels.update_ns != self.room.levels.clock[0]:
            primitives_room.advance(self.room, now_ns, self.config.rules)

    def take(self, now_ns: int, events: Sequence[MarketEvent | BookEvent | PositionEvent]) -> None:
        """Events that arrived at one instant, in order; marks among them go to the window of marks too."""
        for event in events:
            if isinstance(event, PositionEvent):
                self._track(event)
        columns = event_columns([event for event in events if not isinstance(event, PositionEvent)], self.row)
        primitives_room.take_events(self.room, self.marks, self.config.rules, columns, now_ns, self.config.window_ns)

    def measure(self, now_ns: int) -> NDArray[float64]:
        """float64[S, ROOM_COLUMNS] at an instant."""
        out = np.empty((len(self.row), primitives_room.ROOM_COLUMNS))
        primitives_room.measure(self.room, now_ns, self.config.rules, out)
        return out

    def _track(self, event: PositionEvent) -> None:
        """The newest reading of an account stands; 0 removes it; a full memory loses the account that was read longest ago."""
        s, positions = self.row[event.symbol], self.room.positions
        slots = self._slots[s]
        if event.account in slots:
            slots[event.account] = slots.pop(event.account)
            if event.quantity == 0.0:
                self._forget(s, event.account)
                return
        elif event.quantity == 0.0:
            return
        else:
            if len(slots) == positions.quantity.shape[1]:
                self._forget(s, next(iter(slots)))
                self.positions_lost += 1
            slots[event.account] = len(slots)
            positions.used[s] = len(slots)
        slot = slots[event.account]
        positions.quantity[s, slot] = event.quantity
        positions.value[s, slot] = event.value
        positions.leverage[s, slot] = nan if event.leverage is None else event.leverage
        positions.liquidation[s, slot] = nan if event.liquidation_price is None else event.liquidation_price

    def _forget(self, s: int, account: str) -> None:
        """The last slot moves into the hole."""
        slots, positions = self._slots[s], self.room.positions
        hole, last = slots.pop(account), len(slots)
        for name, slot in slots.items():
            if slot == last:
                slots[name] = hole
        for column in (positions.quantity, positions.value, positions.leverage, positions.liquidation):
            column[s, hole] = column[s, last]
            column[s, last] = nan
        positions.used[s] = last
