"""Primitives of the book: what rests at the top, and how the summed size of the top five levels changed from one update to the next."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel
from tallystick.kernels.primitives import seconds_of

BID, ASK = 0, 1
LEVELS = 5
# Columns of facts[S, BOOK_COLUMNS]; NaN where the last update does not state the fact. Sides are BID or ASK.
(
    BID_SIZE,
    ASK_SIZE,
    BEST_BID,
    BEST_ASK,
    BOOK_TIME,
    CONSUMED,
    CONSUMED_SIDE,
    CONSUMED_PRICE,
    MOVEMENT_PCT,
    ADDED,
    ADDED_SIDE,
    ADDED_PRICE,
) = range(12)
BOOK_COLUMNS = 12
PUSHED, LOST = range(2)


class BookMemory(NamedTuple):
    """Facts of the last update, its summed sizes sums[S, 2] and best prices best[S, 2], a ring of mid prices, counts[S, 2]."""

    facts: NDArray[float64]
    sums: NDArray[float64]
    best: NDArray[float64]
    mids: NDArray[float64]
    mid_ns: NDArray[int64]
    counts: NDArray[int64]


class BookRules(NamedTuple):
    """change_above: base units; movement_pct: 0–100; movement_ns: how far back the price is compared."""

    change_above: float = 0.1
    movement_pct: float = 1.0
    movement_ns: int = 2_000_000_000


def empty_books(symbols: int, updates: int) -> BookMemory:
    """Memory of the last `updates` mid prices of each symbol."""
    return BookMemory(
        np.full((symbols, BOOK_COLUMNS), np.nan),
        np.full((symbols, 2), np.nan),
        np.full((symbols, 2), np.nan),
        np.full((symbols, updates), np.nan),
        np.zeros((symbols, updates), dtype=np.int64),
        np.zeros((symbols, 2), dtype=np.int64),
    )


@kernel
def _summed_size(side: NDArray[float64]) -> float:
    total = 0.0
    for level in range(side.shape[0]):
        if not math.isnan(side[level, 1]):
            total += side[level, 1]
    return total


@kernel
def _earlier_mid(memory: BookMemory, s: int, oldest_ns: int) -> float:
    """The mid in force at an instant: the last one not later than it, else the oldest kept."""
    size = memory.mids.shape[1]
    pushed = memory.counts[s, PUSHED]
    place = pushed - 1
    while place > max(0, pushed - size) and memory.mid_ns[s, place % size] > oldest_ns:
        place -= 1
    mid: float = memory.mids[s, place % size]
    return mid


@kernel
def _push_mid(memory: BookMemory, s: int, time_ns: int, mid: float, rules: BookRules) -> None:
    size = memory.mids.shape[1]
    pushed = memory.counts[s, PUSHED]
    # The next oldest must still reach back to the start of the window, or the comparison has lost its beginning.
    if pushed >= size and memory.mid_ns[s, (pushed + 1) % size] > time_ns - rules.movement_ns:
        memory.counts[s, LOST] += 1
    memory.mids[s, pushed % size] = mid
    memory.mid_ns[s, pushed % size] = time_ns
    memory.counts[s, PUSHED] = pushed + 1


@kernel
def _note_change(memory: BookMemory, s: int, side: int, before: float, after: float, price_before: float, price_after: float, rules: BookRules) -> None:
    facts = memory.facts[s]
    if math.isnan(facts[CONSUMED]) and before - after > rules.change_above:
        facts[CONSUMED] = before - after
        facts[CONSUMED_SIDE] = side
        facts[CONSUMED_PRICE] = price_before
    if math.isnan(facts[ADDED]) and after - before > rules.change_above:
        facts[ADDED] = after - before
        facts[ADDED_SIDE] = side
        facts[ADDED_PRICE] = price_after


@kernel
def push_book(memory: BookMemory, s: int, time_ns: int, bids: NDArray[float64], asks: NDArray[float64], rules: BookRules) -> None:
    """Take one update, times not falling: bids[5, 2] and asks[5, 2] of price and size, best first, NaN beyond the last level.

    Consumption: a fall of the summed size by more than change_above since the update before, at the best price before; refill: a rise, at the best
    price after; bids are looked at first. Absorption is a consumption during which the mid moved by at most movement_pct in movement_ns.
    """
    facts = memory.facts[s]
    facts[:] = math.nan
    facts[BOOK_TIME] = seconds_of(time_ns)
    facts[BEST_BID] = bids[0, 0]
    facts[BID_SIZE] = bids[0, 1]
    facts[BEST_ASK] = asks[0, 0]
    facts[ASK_SIZE] = asks[0, 1]
    mid = (bids[0, 0] + asks[0, 0]) / 2.0
    if not math.isnan(mid):
        _push_mid(memory, s, time_ns, mid, rules)
    for side in range(2):
        levels = bids if side == BID else asks
        size = _summed_size(levels)
        _note_change(memory, s, side, memory.sums[s, side], size, memory.best[s, side], levels[0, 0], rules)
        memory.sums[s, side] = size
        memory.best[s, side] = levels[0, 0]
    if not (math.isnan(facts[CONSUMED]) or math.isnan(mid)):
        earlier = _earlier_mid(memory, s, time_ns - rules.movement_ns)
        moved = abs(mid - earlier) / earlier * 100.0
        if moved <= rules.movement_pct:
            facts[MOVEMENT_PCT] = moved
