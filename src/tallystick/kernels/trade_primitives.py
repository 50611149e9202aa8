"""Trades of the trailing window: promotion against a baseline of one-second windows (M3), bursts, accepted range, depth inside a zone (M4)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import inner_kernel, kernel

# Columns of counts: trades ever, trades lost inside the window, promoted ever, promoted lost inside the window.
PUSHED, LOST, PROMOTED, PROMOTED_LOST = range(4)
# Columns of windows: number of the open window, how many were closed.
OPEN_WINDOW, CLOSED = range(2)
# Columns of promoted[S, K, PROMOTED_COLUMNS].
PROMOTED_PRICE, PROMOTED_QUANTITY, PROMOTED_SIDE, BASELINE_MEAN, BASELINE_STD, SIGMA_DISTANCE = range(6)
PROMOTED_COLUMNS = 6
# Columns of `trade_primitives`.
BURST_COUNT, ACCEPTED, REJECTED, ACCEPTANCE = range(4)
TRADE_COLUMNS = 4


class TradeMemory(NamedTuple):
    """Rings of the last K trades and P promoted ones of each symbol, the open window's sum and count, the last window means, the price in force."""

    times_ns: NDArray[int64]
    prices: NDArray[float64]
    counts: NDArray[int64]
    windows: NDArray[int64]
    sums: NDArray[float64]
    means: NDArray[float64]
    baseline: NDArray[float64]
    promoted: NDArray[float64]
    promoted_ns: NDArray[int64]
    price: NDArray[float64]
    price_ns: NDArray[int64]


class TradeRules(NamedTuple):
    """Durations in nanoseconds; sigmas: how many standard deviations above the baseline a promoted quantity lies; baseline_trades: of a burst."""

    window_ns: int = 1_000_000_000
    warm_windows: int = 10
    sigmas: float = 2.0
    promoted_ns: int = 60_000_000_000
    trades_ns: int = 60_000_000_000
    burst_ns: int = 1_000_000_000
    baseline_trades: int = 10


def empty_trades(symbols: int, trades: int, promoted: int, windows: int) -> TradeMemory:
    """Memory of the last `trades` trades, `promoted` promoted trades and `windows` window means of each symbol."""
    return TradeMemory(
        np.zeros((symbols, trades), dtype=np.int64),
        np.zeros((symbols, trades)),
        np.zeros((symbols, 4), dtype=np.int64),
        np.full((symbols, 2), (-1, 0), dtype=np.int64),
        np.zeros((symbols, 2)),
        np.zeros((symbols, windows)),
        np.full((symbols, 2), np.nan),
        np.zeros((symbols, promoted, PROMOTED_COLUMNS)),
        np.zeros((symbols, promoted), dtype=np.int64),
        np.full(symbols, np.nan),
        np.full(symbols, -1, dtype=np.int64),
    )


@inner_kernel
def note_price(memory: TradeMemory, s: int, time_ns: int, price: float) -> None:
    """The price in force is that of the newest trade or mark."""
    if time_ns >= memory.price_ns[s]:
        memory.price[s] = price
        memory.price_ns[s] = time_ns


@inner_kernel
def _close_window(memory: TradeMemory, s: int) -> None:
    """Keep the mean quantity of the open window; the baseline is mean and σ (over n) of the kept means, oldest first."""
    size = memory.means.shape[1]
    number = memory.windows[s, CLOSED]
    memory.means[s, number % size] = memory.sums[s, 0] / memory.sums[s, 1]
    memory.windows[s, CLOSED] = number + 1
    kept = min(number + 1, size)
    oldest = 0 if kept < size else (number + 1) % size
    total = 0.0
    for i in range(oldest, kept):
        total += memory.means[s, i]
    for i in range(oldest):
        total += memory.means[s, i]
    mean = total / kept
    squares = 0.0
    for i in range(oldest, kept):
        squares += (memory.means[s, i] - mean) * (memory.means[s, i] - mean)
    for i in range(oldest):
        squares += (memory.means[s, i] - mean) * (memory.means[s, i] - mean)
    memory.baseline[s, 0] = mean
    memory.baseline[s, 1] = math.sqrt(squares / kept)


@inner_kernel
def _keep_promoted(memory: TradeMemory, s: int, time_ns: int, price: float, quantity: float, side: int, rules: TradeRules) -> None:
    size = memory.promoted.shape[1]
    number = memory.counts[s, PROMOTED]
    slot = number % size
    if number >= size and memory.promoted_ns[s, slot] > time_ns - rules.promoted_ns:
        memory.counts[s, PROMOTED_LOST] += 1
    mean, deviation = memory.baseline[s, 0], memory.baseline[s, 1]
    memory.promoted_ns[s, slot] = time_ns
    memory.promoted[s, slot, PROMOTED_PRICE] = price
    memory.promoted[s, slot, PROMOTED_QUANTITY] = quantity
    memory.promoted[s, slot, PROMOTED_SIDE] = side
    memory.promoted[s, slot, BASELINE_MEAN] = mean
    memory.promoted[s, slot, BASELINE_STD] = deviation
    memory.promoted[s, slot, SIGMA_DISTANCE] = (quantity - mean) / deviation if deviation > 0.0 else math.nan
    memory.counts[s, PROMOTED] = number + 1


@inner_kernel
def push_trade(memory: TradeMemory, s: int, time_ns: int, price: float, quantity: float, side: int, rules: TradeRules) -> bool:
    """Take one trade, times not falling; answers whether it was promoted.

    Its quantity is held against the windows closed before its own: a trade never moves its own baseline. A window without a trade has no mean.
    """
    window = time_ns // rules.window_ns
    if window != memory.windows[s, OPEN_WINDOW]:
        if memory.sums[s, 1] > 0.0:
            _close_window(memory, s)
        memory.windows[s, OPEN_WINDOW] = window
        memory.sums[s, 0] = 0.0
        memory.sums[s, 1] = 0.0
    warm = memory.windows[s, CLOSED] >= rules.warm_windows
    promoted: bool = warm and quantity > memory.baseline[s, 0] + rules.sigmas * memory.baseline[s, 1]
    if promoted:
        _keep_promoted(memory, s, time_ns, price, quantity, side, rules)
    memory.sums[s, 0] += quantity
    memory.sums[s, 1] += 1.0
    size = memory.times_ns.shape[1]
    slot = memory.counts[s, PUSHED] % size
    if memory.counts[s, PUSHED] >= size and memory.times_ns[s, slot] > time_ns - rules.trades_ns:
        memory.counts[s, LOST] += 1
    memory.times_ns[s, slot] = time_ns
    memory.prices[s, slot] = price
    memory.counts[s, PUSHED] += 1
    note_price(memory, s, time_ns, price)
    return promoted


@inner_kernel
def _later_than(memory: TradeMemory, s: int, oldest_ns: int) -> int:
    """How many of the trades in the ring are later: its times do not fall, so the first of them is searched by halves."""
    times_ns = memory.times_ns[s]
    size = times_ns.shape[0]
    pushed = memory.counts[s, PUSHED]
    last: int = min(pushed, size)
    low, high = 0, last
    begin = (pushed - last) % size
    while low < high:
        middle = (low + high) // 2
        place = begin + middle
        if times_ns[place if place < size else place - size] <= oldest_ns:
            low = middle + 1
        else:
            high = middle
    return last - low


@inner_kernel
def _extremes(prices: NDArray[float64], low: float, high: float) -> tuple[float, float]:
    """The lowest and the highest, with those given."""
    for price in prices:
        low, high = min(low, price), max(high, price)
    return low, high


@inner_kernel
def _deepest(prices: NDArray[float64], low: float, high: float, depth: float) -> float:
    """The largest min(p − low, high − p), with the one given: below 0 for a price outside."""
    for price in prices:
        depth = max(depth, min(price - low, high - price))
    return depth


@inner_kernel
def _spans(memory: TradeMemory, s: int, count: int) -> tuple[NDArray[float64], NDArray[float64]]:
    """Prices of the last `count` trades, oldest first: what lies before the end of the ring, and what goes on at its beginning."""
    prices = memory.prices[s]
    first = (memory.counts[s, PUSHED] - count) % prices.shape[0]
    before = min(count, prices.shape[0] - first)
    return prices[first : first + before], prices[: count - before]


@kernel
def trade_primitives(memory: TradeMemory, s: int, now_ns: int, rules: TradeRules, out: NDArray[float64]) -> None:
    """Burst: trades later than now − burst window, NaN unless more than the baseline. Acceptance: |close − open| / (high − low) of the trade window.

    NaN where every price of the window is the same, or there is no trade in it.
    """
    out[:] = math.nan
    count = _later_than(memory, s, now_ns - rules.trades_ns)
    if count == 0:
        return
    burst = min(count, _later_than(memory, s, now_ns - rules.burst_ns))
    if burst > rules.baseline_trades:
        out[BURST_COUNT] = burst
    earlier, later = _spans(memory, s, count)
    low, high = _extremes(earlier, math.inf, -math.inf)
    low, high = _extremes(later, low, high)
    if high > low:
        last = later[-1] if later.shape[0] else earlier[-1]
        out[ACCEPTED] = abs(last - earlier[0])
        out[REJECTED] = (high - low) - out[ACCEPTED]
        out[ACCEPTANCE] = out[ACCEPTED] / (high - low)


@kernel
def penetration_depth(memory: TradeMemory, s: int, now_ns: int, low: float, high: float, rules: TradeRules) -> float:
    """max over the trade prices of the window inside [low, high] of min(p − low, high − p); NaN when none was inside."""
    earlier, later = _spans(memory, s, _later_than(memory, s, now_ns - rules.trades_ns))
    depth = _deepest(later, low, high, _deepest(earlier, low, high, -math.inf))
    return depth if depth >= 0.0 else math.nan
