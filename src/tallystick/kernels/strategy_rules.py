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
BLOCK = 256
"""Bars whose crosses are looked for together; what they need stays in the processor's first cache."""
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
def tick_sums(prices: NDArray[float64], scale: float, tick: float, sums: NDArray[int64], missing: NDArray[int64]) -> tuple[int, int]:
    """Running sums of prices float64[T] in whole ticks into sums int64[T + 1], from 0; see `price_ticks`. missing: the bars without one, ascending.

    Answers how many are missing, and the highest price in ticks, 0 where there is none.
    """
    found, most = 0, 0
    sums[0] = 0
    for t in range(prices.shape[0]):
        ticks = price_ticks(prices[t], scale, tick)
        if ticks == NO_VALUE:
            missing[found] = t
            found += 1
            ticks = 0
        most = max(most, ticks)
        sums[t + 1] = sums[t] + ticks
    return found, most


@kernel
def _is_above(sums: NDArray[int64], t: int, fast: int, slow: int) -> bool:
    """Whether the fast average lies above the slow one at bar t, the last of both windows."""
    return bool((sums[t + 1] - sums[t + 1 - fast]) * slow > (sums[t + 1] - sums[t + 1 - slow]) * fast)


@kernel
def list_crosses(
    sums: NDArray[int64], missing: NDArray[int64], first: int, fast: int, slow: int, target: float, bars: NDArray[int64], values: NDArray[float64]
) -> int:
    """The changes that `MA_CROSS` without shorts makes, from the sums and gaps of closes in ticks: sums of whole ticks are exact, so they may be kept running.

    Bars before `first` warm the averages; bars and values, with room for all T, are counted from it. The highest ticks times fast · slow must fit int64.
    Answers how many.
    """
    found, begin, held = 0, 0, False
    above = np.empty(BLOCK + 1, np.int64)
    for gap in range(missing.shape[0] + 1):
        # From gap to gap; within, the averages have no value before `slow` bars.
        end = missing[gap] if gap < missing.shape[0] else sums.shape[0] - 1
        t = max(begin + slow - 1, first)
        begin = end + 1
        if t >= end:
            continue
        up = _is_above(sums, t, fast, slow)
        if held and not up:
            bars[found], values[found] = t - first, 0.0
            found += 1
            held = False
        while up and not held and t + 1 < end:
            # What lies above from the start has not crossed.
            t += 1
            up = _is_above(sums, t, fast, slow)
        # First every bar's side, many in one instruction; then what changed is kept without a jump that the processor could guess wrongly.
        above[0] = int(up)
        for start in range(t + 1, end, BLOCK):
            stop = min(start + BLOCK, end)
            now, fast_ago, slow_ago = sums[start + 1 : stop + 1], sums[start + 1 - fast :], sums[start + 1 - slow :]
            for i in range(stop - start):
                above[i + 1] = int((now[i] - fast_ago[i]) * slow > (now[i] - slow_ago[i]) * fast)
            changed, changes = bars[found:], 0
            for i in range(stop - start):
                changed[changes] = start + i - first
                changes += above[i + 1] ^ above[i]
            for place in range(found, found + changes):
                held = not held
                values[place] = target if held else 0.0
            found += changes
            above[0] = above[stop - start]
    return found
