"""The memories behind the primitives: trades, liquidations, books, levels and positions of every symbol."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.contracts.observation import MarketEvent
from tallystick.contracts.observation_events import BookEvent, PositionEvent
from tallystick.kernels import book_primitives, level_memory, primitives, primitives_liquidations, primitives_positions, primitives_room, trade_primitives
from tallystick.kernels.primitives_room import EventColumns, MarkMemory, RoomMemory
from tallystick.observation.config import ObservationConfig
from tallystick.observation.ports import TradeColumns

KIND = {
    "TRADE": primitives_room.TRADE,
    "LIQUIDATION": primitives_room.LIQUIDATION,
    "MARK": primitives_room.MARK,
    "BAR_CLOSE": primitives_room.MARK,
    "BOOK": primitives_room.BOOK,
}
SIDE = {"buy": 0, "sell": 1, None: -1}
WAITING_AT_MOST = 4096
"""Events that may wait for a reading: entering a kernel costs some hundred times one event of it."""
_NO_LEVELS = ((nan, nan),) * book_primitives.LEVELS
_NO_INSTANTS = np.empty(0, dtype=np.int64)


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


class WaitingEvents:
    """Events in M1 form that no memory has taken yet, as columns, each with the instant at which it arrived."""

    def __init__(self) -> None:
        self._events: list[tuple[int, int, int, float, float, int]] = []
        self._arrivals: list[int] = []
        self._books: list[BookEvent] = []

    def __len__(self) -> int:
        return len(self._arrivals)

    def add(self, row: int, event: MarketEvent | BookEvent, arrival_ns: int) -> None:
        """One event of the symbol of a row; arrivals do not fall."""
        if isinstance(event, BookEvent):
            self._events.append((primitives_room.BOOK, row, event.event_time_ns, nan, nan, len(self._books)))
            self._books.append(event)
        else:
            quantity = nan if event.quantity is None else event.quantity
            self._events.append((KIND[event.kind], row, event.event_time_ns, event.price, quantity, SIDE[event.side]))
        self._arrivals.append(arrival_ns)

    def take(self) -> tuple[EventColumns, NDArray[int64]]:
        """All of them and their arrivals; none waits afterwards."""
        books = [(_padded(book.bids), _padded(book.asks)) for book in self._books]
        levels = np.array(books, dtype=np.float64).reshape(-1, 2, book_primitives.LEVELS, 2)
        kinds, rows, times, prices, quantities, sides = zip(*self._events, strict=True) if self._events else ((),) * 6
        columns = EventColumns(
            np.array(kinds, dtype=np.int64),
            np.array(rows, dtype=np.int64),
            np.array(times, dtype=np.int64),
            np.array(prices, dtype=np.float64),
            np.array(quantities, dtype=np.float64),
            np.array(sides, dtype=np.int64),
            levels,
        )
        arrivals = np.array(self._arrivals, dtype=np.int64)
        self._events.clear()
        self._arrivals.clear()
        self._books.clear()
        return columns, arrivals


def _padded(levels: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    return (*levels, *_NO_LEVELS[len(levels) :])


class Evidence:
    """Memories of the symbols of one room; `marks` is shared with it. The memories hold nothing until the first trade, liquidation, book or position."""

    def __init__(self, row: dict[str, int], marks: MarkMemory, config: ObservationConfig, now_ns: int) -> None:
        self.row = row
        self.config = config
        self.positions_lost = 0
        self._marks = marks
        self._room = empty_room(len(row), config)
        self._waiting = WaitingEvents()
        self._now_ns = now_ns
        self._slots: list[dict[str, int]] = [{} for _ in row]
        primitives_room.advance(self._room, now_ns, config.rules)
        # The price in force before the first evidence is the last mark.
        for s in np.flatnonzero(marks.counts).tolist():
            self._room.trades.price[s] = marks.prices[s, marks.counts[s] - 1]
            self._room.trades.price_ns[s] = marks.times_ns[s, marks.counts[s] - 1]

    @property
    def room(self) -> RoomMemory:
        """The memories at the last instant."""
        self.settle()
        return self._room

    @property
    def lost(self) -> int:
        """Entries that a full memory lost while they were still inside its window, archived nodes beyond the limit, and positions beyond the limit."""
        room = self.room
        rings = room.trades.counts[:, [trade_primitives.LOST, trade_primitives.PROMOTED_LOST]].sum()
        rings += room.liquidations.counts[:, primitives_liquidations.LOST].sum() + room.books.counts[:, book_primitives.LOST].sum()
        return int(rings) + int(room.levels.tallies[:, level_memory.LOST].sum()) + self.positions_lost

    def advance(self, now_ns: int) -> None:
        """Time moved."""
        self._now_ns = now_ns

    def take(self, events: Sequence[MarketEvent | BookEvent | PositionEvent]) -> None:
        """Events that arrived at the last instant, in order; marks among them go to the window of marks too."""
        for event in events:
            if isinstance(event, PositionEvent):
                self._track(event)
            else:
                self._waiting.add(self.row[event.symbol], event, self._now_ns)
        if len(self._waiting) >= WAITING_AT_MOST:
            self.settle()

    def take_trades(self, trades: TradeColumns, rows: NDArray[int64], arrivals_ns: NDArray[int64]) -> None:
        """Trades as columns, each at its own instant; rows: of their symbols. The last instant is that of the last one."""
        self.settle()
        count = len(trades)
        kinds, none = np.full(count, primitives_room.TRADE, dtype=np.int64), np.empty((0, 2, book_primitives.LEVELS, 2))
        self._replay(EventColumns(kinds, rows, trades.times_ns, trades.prices, trades.quantities, trades.sides, none), arrivals_ns)
        self._now_ns = int(arrivals_ns[-1])

    def settle(self) -> None:
        """Take what waits, and do the lifecycle updates of the level memory up to the last instant."""
        if len(self._waiting):
            self._replay(*self._waiting.take())
        # Between two lifecycle updates there is nothing to advance.
        if self._now_ns // self.config.rules.levels.update_ns != self._room.levels.clock[0]:
            primitives_room.advance(self._room, self._now_ns, self.config.rules)

    def measure(self, now_ns: int) -> NDArray[float64]:
        """float64[S, ROOM_COLUMNS] at an instant."""
        out = np.empty((len(self.row), primitives_room.ROOM_COLUMNS))
        primitives_room.measure(self.room, now_ns, self.config.rules, out)
        return out

    def _replay(self, events: EventColumns, arrivals_ns: NDArray[int64]) -> None:
        config, none, count = self.config, _NO_INSTANTS, len(self.row)
        marks, facts = np.empty((0, count, primitives.COLUMNS)), np.empty((0, count, primitives_room.ROOM_COLUMNS))
        primitives_room.replay(self._room, self._marks, config.rules, events, arrivals_ns, none, config.window_ns, config.presence_ns, marks, facts)

    def _track(self, event: PositionEvent) -> None:
        """The newest reading of an account stands; 0 removes it; a full memory loses the account that was read longest ago."""
        s, positions = self.row[event.symbol], self._room.positions
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
        slots, positions = self._slots[s], self._room.positions
        hole, last = slots.pop(account), len(slots)
        for name, slot in slots.items():
            if slot == last:
                slots[name] = hole
        for column in (positions.quantity, positions.value, positions.leverage, positions.liquidation):
            column[s, hole] = column[s, last]
            column[s, last] = nan
        positions.used[s] = last
