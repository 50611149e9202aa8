"""Every memory of the room behind one step per event and one measurement per instant: history and live call the same two."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.book_primitives import BOOK_COLUMNS, BookMemory, BookRules, push_book
from tallystick.kernels.kernel import borrowed, inner_kernel, kernel
from tallystick.kernels.level_memory import HIGH, KEY, LOW, LevelMemory, LevelRules, advance_levels, touch_levels
from tallystick.kernels.level_memory_zones import BLOCK_COLUMNS, ZONE_COLUMNS, ZONE_FIRST, ZONE_HIGH, ZONE_LOW, ZoneRules, busiest_node, order_block, zone
from tallystick.kernels.primitives import mark_primitives, push_mark
from tallystick.kernels.primitives_liquidations import LIQUIDATION_COLUMNS, LiquidationMemory, LiquidationRules, liquidation_primitives, push_liquidation
from tallystick.kernels.primitives_positions import (
    AT_RISK,
    BIAS_COLUMNS,
    LEVERAGE_COLUMNS,
    PROXIMITY_COLUMNS,
    PositionMemory,
    bias,
    leverage,
    proximity,
)
from tallystick.kernels.trade_primitives import TRADE_COLUMNS, TradeMemory, TradeRules, note_price, penetration_depth, push_trade, trade_primitives

TRADE, LIQUIDATION, MARK, BOOK = range(4)

# Where the columns of each group start in one row of `measure`.
PENETRATION = 0
PENETRATED_KEY = 1  # the node's key, or NaN where the zone was measured
TRADES_AT = 2
BOOK_AT = TRADES_AT + TRADE_COLUMNS
LIQUIDATIONS_AT = BOOK_AT + BOOK_COLUMNS
PROXIMITY_AT = LIQUIDATIONS_AT + LIQUIDATION_COLUMNS
LEVERAGE_AT = PROXIMITY_AT + PROXIMITY_COLUMNS
BIAS_AT = LEVERAGE_AT + LEVERAGE_COLUMNS
BLOCK_AT = BIAS_AT + BIAS_COLUMNS
ZONE_AT = BLOCK_AT + BLOCK_COLUMNS
PRICE = ZONE_AT + ZONE_COLUMNS
ROOM_COLUMNS = PRICE + 1


class RoomMemory(NamedTuple):
    """All that the primitives beyond the marks remember."""

    trades: TradeMemory
    liquidations: LiquidationMemory
    books: BookMemory
    levels: LevelMemory
    positions: PositionMemory


class RoomRules(NamedTuple):
    """All constants of the primitives; threshold_pct: of the liquidation prices near the price (0–100)."""

    trades: TradeRules = TradeRules()
    liquidations: LiquidationRules = LiquidationRules()
    books: BookRules = BookRules()
    levels: LevelRules = LevelRules()
    zones: ZoneRules = ZoneRules()
    threshold_pct: float = 2.0


class MarkMemory(NamedTuple):
    """The window of marks: prices[S, N], times_ns[S, N], counts[S], and how many were overwritten inside the window: lost[S]."""

    prices: NDArray[float64]
    times_ns: NDArray[int64]
    counts: NDArray[int64]
    lost: NDArray[int64]


class EventColumns(NamedTuple):
    """kinds[E] TRADE, LIQUIDATION, MARK or BOOK, rows[E] of the symbols, times_ns[E] of the venue, prices[E], quantities[E], sides[E] of the taker.

    books[B, 2, 5, 2]: bids and asks of price and size, NaN beyond the last level; sides[E] of a BOOK is its place there.
    """

    kinds: NDArray[int64]
    rows: NDArray[int64]
    times_ns: NDArray[int64]
    prices: NDArray[float64]
    quantities: NDArray[float64]
    sides: NDArray[int64]
    books: NDArray[float64]


@inner_kernel
def take_traded(room: RoomMemory, s: int, time_ns: int, price: float, quantity: float, side: int, is_liquidation: bool, rules: RoomRules) -> bool:
    """One trade or liquidation (side BUY or SELL of the taker) into every memory; answers whether a trade was promoted."""
    creates = is_liquidation or price * quantity >= rules.levels.trade_value
    touch_levels(room.levels, s, time_ns, price, quantity, side, is_liquidation, creates, rules.levels)
    if is_liquidation:
        push_liquidation(room.liquidations, s, time_ns, price, quantity, rules.liquidations)
        return False
    return push_trade(room.trades, s, time_ns, price, quantity, side, rules.trades)


@inner_kernel
def advance(room: RoomMemory, now_ns: int, rules: RoomRules) -> None:
    """Move time: lifecycle updates of the level memory."""
    advance_levels(room.levels, now_ns, rules.levels)


@kernel
def _penetrate(room: RoomMemory, s: int, now_ns: int, rules: RoomRules, out: NDArray[float64]) -> None:
    """Depth inside the zone, or inside the busiest node where there is no zone: bounds that the last price does not set (decision 28)."""
    out[PENETRATED_KEY] = np.nan
    if not np.isnan(out[ZONE_AT + ZONE_FIRST]):
        out[PENETRATION] = penetration_depth(room.trades, s, now_ns, out[ZONE_AT + ZONE_LOW], out[ZONE_AT + ZONE_HIGH], rules.trades)
        return
    out[PENETRATION] = np.nan
    place = busiest_node(room.levels, s)
    if place >= 0:
        low, high = room.levels.values[s, place, LOW], room.levels.values[s, place, HIGH]
        out[PENETRATION] = penetration_depth(room.trades, s, now_ns, low, high, rules.trades)
        out[PENETRATED_KEY] = room.levels.whole[s, place, KEY]


@kernel
def measure(room: RoomMemory, now_ns: int, rules: RoomRules, out: NDArray[float64]) -> None:
    """out[S, ROOM_COLUMNS] at an instant; NaN where a fact is absent."""
    room, out = borrowed(room), borrowed(out)
    chain = np.empty(ZONE_COLUMNS)
    for s in range(out.shape[0]):
        price = room.trades.price[s]
        out[s, PRICE] = price
        trade_primitives(room.trades, s, now_ns, rules.trades, out[s, TRADES_AT:BOOK_AT])
        for column in range(BOOK_COLUMNS):
            out[s, BOOK_AT + column] = room.books.facts[s, column]
        proximity(room.positions, s, price, rules.threshold_pct, out[s, PROXIMITY_AT:LEVERAGE_AT])
        found = out[s, PROXIMITY_AT + AT_RISK]
        at_risk = 0 if np.isnan(found) else int(found)
        liquidation_primitives(room.liquidations, s, now_ns, price, room.positions.used[s], at_risk, rules.liquidations, out[s, LIQUIDATIONS_AT:PROXIMITY_AT])
        leverage(room.positions, s, out[s, LEVERAGE_AT:BIAS_AT])
        bias(room.positions, s, out[s, BIAS_AT:BLOCK_AT])
        order_block(room.levels, s, now_ns, rules.zones, out[s, BLOCK_AT:ZONE_AT])
        zone(room.levels, s, now_ns, price, rules.zones, chain, out[s, ZONE_AT:PRICE])
        _penetrate(room, s, now_ns, rules, out[s])


@inner_kernel
def take_mark(trades: TradeMemory, marks: MarkMemory, s: int, time_ns: int, price: float, oldest_ns: int) -> None:
    """One mark into the window of marks; a full window loses its oldest, counted when that is later than oldest_ns."""
    if marks.counts[s] == marks.prices.shape[1] and marks.times_ns[s, 0] > oldest_ns:
        marks.lost[s] += 1
    marks.counts[s] = push_mark(marks.prices[s], marks.times_ns[s], marks.counts[s], price, time_ns)
    note_price(trades, s, time_ns, price)


@inner_kernel
def _take_event(room: RoomMemory, marks: MarkMemory, rules: RoomRules, events: EventColumns, e: int, now_ns: int, window_ns: int) -> bool:
    s, time_ns, kind = events.rows[e], events.times_ns[e], events.kinds[e]
    if kind in (TRADE, LIQUIDATION):
        return take_traded(room, s, time_ns, events.prices[e], events.quantities[e], events.sides[e], kind == LIQUIDATION, rules)
    if kind == MARK:
        take_mark(room.trades, marks, s, time_ns, events.prices[e], now_ns - window_ns)
    else:
        push_book(room.books, s, time_ns, events.books[events.sides[e], 0], events.books[events.sides[e], 1], rules.books)
    return False


@kernel
def replay(
    room: RoomMemory,
    marks: MarkMemory,
    rules: RoomRules,
    events: EventColumns,
    arrivals_ns: NDArray[int64],
    instants_ns: NDArray[int64],
    window_ns: int,
    presence_ns: int,
    mark_out: NDArray[float64],
    out: NDArray[float64],
) -> int:
    """Events in the order of arrival; each instant is measured after the events that arrived up to it. A live room gives those since its last reading.

    mark_out[I, S, COLUMNS], out[I, S, ROOM_COLUMNS] for instants_ns[I], both ascending. Answers how many trades were promoted.
    """
    room, marks, events = borrowed(room), borrowed(marks), borrowed(events)
    starts = np.zeros(out.shape[1], np.int64)
    count = events.kinds.shape[0]
    promoted = 0
    at = 0
    for e in range(count + 1):
        while at < instants_ns.shape[0] and (e == count or instants_ns[at] < arrivals_ns[e]):
            advance(room, instants_ns[at], rules)
            mark_primitives(marks.prices, marks.times_ns, marks.counts, instants_ns[at], window_ns, presence_ns, starts, mark_out[at])
            measure(room, instants_ns[at], rules, out[at])
            at += 1
        if e < count:
            # Between two lifecycle updates there is nothing to advance.
            if arrivals_ns[e] // rules.levels.update_ns != room.levels.clock[0]:
                advance(room, arrivals_ns[e], rules)
            promoted += 1 if _take_event(room, marks, rules, events, e, arrivals_ns[e], window_ns) else 0
    return promoted
