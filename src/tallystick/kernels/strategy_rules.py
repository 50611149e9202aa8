"""The rules of the strategies in the box: from the features of a bar and what is held to what should be held. History and live call the same function.

A rule answers +1 long, −1 short, 0 flat, or `KEEP`. A change of side passes through flat for one bar: out now, in at the next bar if the rule still says
so (decision 46), which is what a fill at the next open gives the policy too.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import inner_lean_kernel, kernel
from tallystick.kernels.matching import price_ticks
from tallystick.kernels.money import NO_VALUE

BUY_AND_HOLD, MA_CROSS, MOMENTUM, RANK, REVERSION = range(5)
KEEP = 2
TIE = 1e-12
"""Two averages this close, as a fraction of the price, are equal: sums of the same ticks in another order."""


@inner_lean_kernel
def _cross(before: NDArray[float64], now: NDArray[float64], shorts: bool, held: int) -> int:
    """now, before: close over the fast average − 1 and over the slow one, of this bar and the last. The fast lies above where its ratio is the smaller.

    Long only, it enters at a cross; with shorts it is always on the side of the fast average.
    """
    gap, last = now[1] - now[0], before[1] - before[0]
    if math.isnan(gap):
        return KEEP
    up = gap > TIE
    if held != 0:
        return KEEP if up == (held > 0) else 0
    if math.isnan(last) or (up == (last > TIE) and not shorts):
        return KEEP
    return 1 if up else -1 if shorts else 0


@inner_lean_kernel
def _levels(x: float, enter: float, leave: float, shorts: bool, held: int) -> int:
    """Long from `enter` up, until x is below `leave`; short the mirror image."""
    if math.isnan(x):
        return KEEP
    if x > enter:
        return 1
    if x < -enter and shorts:
        return -1
    return 0 if held * x < leave and held != 0 else KEEP


@inner_lean_kernel
def _reversion(x: float, enter: float, leave: float, shorts: bool, held: int) -> int:
    """Long below −enter, until x is at or above −leave; short the mirror image."""
    if math.isnan(x):
        return KEEP
    if held != 0:
        return 0 if held * x >= -leave else KEEP
    if x < -enter:
        return 1
    return -1 if x > enter and shorts else KEEP


@inner_lean_kernel
def desired_side(kind: int, before: NDArray[float64], now: NDArray[float64], params: NDArray[float64], held: int) -> int:
    """What a rule wants held after this bar. before, now: its features float64[F]; params float64[3]: enter, leave, shorts (0 or 1); held: −1, 0 or 1."""
    shorts = params[2] > 0.0
    if kind == BUY_AND_HOLD:
        return 1 if not math.isnan(now[0]) else KEEP
    if kind == MA_CROSS:
        return _cross(before, now, shorts, held)
    if kind == REVERSION:
        return _reversion(now[0], params[0], params[1], shorts, held)
    if kind == RANK:
        # A share of ranks around the middle: the top tenth is above 0.4.
        return _levels(now[0] - 0.5, params[0], params[1], shorts, held)
    return _levels(now[0], params[0], params[1], shorts, held)


@inner_lean_kernel
def _next_side(kind: int, before: NDArray[float64], now: NDArray[float64], params: NDArray[float64], held: int) -> int:
    wanted = desired_side(kind, before, now, params, held)
    if wanted == KEEP:
        return held
    return 0 if wanted == -held else wanted


@kernel
def next_side(kind: int, before: NDArray[float64], now: NDArray[float64], params: NDArray[float64], held: int) -> int:
    """`desired_side` as what is held next: a change of side goes through flat."""
    return _next_side(kind, before, now, params, held)


@kernel
def rule_targets(kind: int, features: NDArray[float64], params: NDArray[float64], weight: float, out: NDArray[float64]) -> None:
    """`next_side` over history: out[S, T] from features[S, F, T], ±weight or 0."""
    count = features.shape[1]
    before, now = np.empty(count), np.empty(count)
    for s in range(features.shape[0]):
        held = 0
        before[:] = math.nan
        for t in range(features.shape[2]):
            for f in range(count):
                now[f] = features[s, f, t]
            held = _next_side(kind, before, now, params, held)
            out[s, t] = held * weight
            for f in range(count):
                before[f] = now[f]


@kernel
def ticks_of_row(prices: NDArray[float64], scale: float, tick: float, out: NDArray[int64]) -> None:
    """Prices float64[T] as whole ticks; see `price_ticks`."""
    for t in range(prices.shape[0]):
        out[t] = price_ticks(prices[t], scale, tick)


@kernel
def list_crosses(ticks: NDArray[int64], first: int, fast: int, slow: int, target: float, bars: NDArray[int64], values: NDArray[float64]) -> int:
    """The changes that `MA_CROSS` without shorts makes, from closes int64[T] in ticks: sums of whole ticks are exact, so they may be kept running.

    Bars before `first` warm the averages; bars and values are counted from it. The highest ticks times fast · slow must fit int64. Answers how many.
    """
    found, begin = 0, 0
    held, known = False, -1
    while begin < ticks.shape[0]:
        # From gap to gap; within, the averages have no value before `slow` bars.
        end = begin
        fast_sum, slow_sum = 0, 0
        while end < ticks.shape[0] and ticks[end] != NO_VALUE and end < begin + slow - 1:
            slow_sum += ticks[end]
            fast_sum += ticks[end] if end >= begin + slow - fast else 0
            end += 1
        was_up, known = False, -1
        for t in range(end, ticks.shape[0]):
            now = ticks[t]
            if now == NO_VALUE:
                break
            fast_sum += now
            slow_sum += now
            up = fast_sum * slow > slow_sum * fast
            fast_sum -= ticks[t - fast + 1]
            slow_sum -= ticks[t - slow + 1]
            end = t + 1
            if up != was_up or known < first:
                if t >= first and ((held and not up) or (up and not held and known >= first)):
                    held = up
                    bars[found], values[found] = t - first, target if up else 0.0
                    found += 1
                was_up = up
            known = t
        begin = max(end, begin) + 1
    return found
