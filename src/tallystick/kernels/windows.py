"""Windows over the last w bars, as functions of the window's contents and the absolute bar number only.

Bars are cut into blocks of w, aligned at multiples of w of the absolute bar number. A window is the suffix of the last block merged with the prefix
of this one: nothing is ever subtracted, so a cold start, a huge print or a gap leaves no trace once it has left the window. O(1) amortised.

State is NaN before the first bar, and NaN is "no value": it spreads through a merge. That is the whole rule of a window, written once: any NaN
among the last w values, or a start fewer than w bars ago, gives NaN, and the window recovers w bars later.

Each function takes the state slice, the place `at` where its own part begins, the window w, the bar number, and the new value.
"""

from __future__ import annotations

import math

from numpy import float64
from numpy.typing import NDArray

from tallystick.kernels.kernel import inner_kernel

State = NDArray[float64]


def delay_size(w: int) -> int:
    """State of `delay`."""
    return w


def sum_size(w: int) -> int:
    """State of `window_sum`, `window_max`, `window_min` and `window_peak`."""
    return 1 + w


def moments_size(w: int) -> int:
    """State of `window_moments`."""
    return 2 + 2 * w


def comoments_size(w: int) -> int:
    """State of `window_comoments`."""
    return 5 + 5 * w


@inner_kernel
def ratio(a: float, b: float) -> float:
    """a / b, or NaN for a zero divisor."""
    if b == 0.0:
        return math.nan
    return a / b


@inner_kernel
def settled(y: float) -> float:
    """A finite output as it is, anything else as the one NaN: its sign and payload depend on the compiler."""
    if -math.inf < y < math.inf:
        return y
    return math.nan


@inner_kernel
def larger(a: float, b: float) -> float:
    """The larger, or NaN when either is NaN (`max` keeps whichever came first)."""
    if math.isnan(a) or math.isnan(b):
        return math.nan
    return a if a > b else b


@inner_kernel
def delay(state: State, at: int, w: int, bar: int, x: float) -> float:
    """The value of w bars ago."""
    place = at + bar % w
    past: float = state[place]
    state[place] = x
    return past


@inner_kernel
def window_sum(state: State, at: int, w: int, bar: int, x: float) -> float:
    """Sum of the last w values."""
    i = bar % w
    slots = at + 1
    state[at] = x if i == 0 else state[at] + x
    result: float = state[at]
    if i < w - 1:
        result = state[slots + i + 1] + state[at]
    state[slots + i] = x
    if i == w - 1:
        for j in range(w - 2, -1, -1):
            state[slots + j] = state[slots + j] + state[slots + j + 1]
    return result


@inner_kernel
def window_max(state: State, at: int, w: int, bar: int, x: float) -> float:
    """Largest of the last w values."""
    i = bar % w
    slots = at + 1
    state[at] = x if i == 0 else larger(state[at], x)
    result: float = state[at]
    if i < w - 1:
        result = larger(state[slots + i + 1], state[at])
    state[slots + i] = x
    if i == w - 1:
        for j in range(w - 2, -1, -1):
            state[slots + j] = larger(state[slots + j], state[slots + j + 1])
    return result


@inner_kernel
def window_min(state: State, at: int, w: int, bar: int, x: float) -> float:
    """Smallest of the last w values."""
    return -window_max(state, at, w, bar, -x)


@inner_kernel
def present_larger(a: float, b: float) -> float:
    """The larger of the values present; NaN only when both are."""
    if math.isnan(a):
        return b
    if math.isnan(b):
        return a
    return a if a > b else b


@inner_kernel
def window_peak(state: State, at: int, w: int, bar: int, x: float) -> float:
    """Largest of the values present among the last w bars: the one window that looks past gaps and needs no full history."""
    i = bar % w
    slots = at + 1
    state[at] = x if i == 0 else present_larger(state[at], x)
    result: float = state[at]
    if i < w - 1:
        result = present_larger(state[slots + i + 1], state[at])
    state[slots + i] = x
    if i == w - 1:
        for j in range(w - 2, -1, -1):
            state[slots + j] = present_larger(state[slots + j], state[slots + j + 1])
    return result


@inner_kernel
def window_moments(state: State, at: int, w: int, bar: int, x: float) -> tuple[float, float]:
    """Mean and sum of squared deviations of the last w values (Welford 1962 along a block; Chan, Golub and LeVeque 1979 to merge two)."""
    i = bar % w
    n = i + 1
    means = at + 2
    squares = means + w
    if i == 0:
        mean = x
        square = x - x
    else:
        gap = x - state[at]
        mean = state[at] + gap / n
        square = state[at + 1] + gap * (x - mean)
    state[at] = mean
    state[at + 1] = square
    if i < w - 1:
        gap = mean - state[means + n]
        square = (state[squares + n] + square) + gap * gap * ((w - n) * n / w)
        mean = state[means + n] + gap * (n / w)
    state[means + i] = x
    state[squares + i] = x - x
    if i == w - 1:
        for j in range(w - 2, -1, -1):
            gap = state[means + j] - state[means + j + 1]
            after = state[means + j + 1] + gap / (w - j)
            state[squares + j] = state[squares + j + 1] + gap * (state[means + j] - after)
            state[means + j] = after
    return mean, square


@inner_kernel
def window_comoments(state: State, at: int, w: int, bar: int, x: float, y: float) -> tuple[float, float, float]:
    """Sums of squared deviations of x and of y, and of their products, over the last w pairs; merged as in `window_moments`."""
    i = bar % w
    n = i + 1
    mean_x = at + 5
    mean_y = mean_x + w
    xx = mean_y + w
    yy = xx + w
    xy = yy + w
    # A pair with one side missing is missing: neither side may enter alone.
    if math.isnan(x) or math.isnan(y):
        x = math.nan
        y = math.nan
    if i == 0:
        state[at], state[at + 1] = x, y
        state[at + 2], state[at + 3], state[at + 4] = x - x, x - x, x - x
    else:
        gap_x, gap_y = x - state[at], y - state[at + 1]
        state[at] += gap_x / n
        state[at + 1] += gap_y / n
        state[at + 2] += gap_x * (x - state[at])
        state[at + 3] += gap_y * (y - state[at + 1])
        state[at + 4] += gap_x * (y - state[at + 1])
    sum_xx, sum_yy, sum_xy = state[at + 2], state[at + 3], state[at + 4]
    if i < w - 1:
        weight = (w - n) * n / w
        gap_x, gap_y = state[at] - state[mean_x + n], state[at + 1] - state[mean_y + n]
        sum_xx = (state[xx + n] + sum_xx) + gap_x * gap_x * weight
        sum_yy = (state[yy + n] + sum_yy) + gap_y * gap_y * weight
        sum_xy = (state[xy + n] + sum_xy) + gap_x * gap_y * weight
    state[mean_x + i], state[mean_y + i] = x, y
    state[xx + i], state[yy + i], state[xy + i] = x - x, x - x, x - x
    if i == w - 1:
        for j in range(w - 2, -1, -1):
            own_x, own_y = state[mean_x + j], state[mean_y + j]
            gap_x, gap_y = own_x - state[mean_x + j + 1], own_y - state[mean_y + j + 1]
            state[mean_x + j] = state[mean_x + j + 1] + gap_x / (w - j)
            state[mean_y + j] = state[mean_y + j + 1] + gap_y / (w - j)
            state[xx + j] = state[xx + j + 1] + gap_x * (own_x - state[mean_x + j])
            state[yy + j] = state[yy + j + 1] + gap_y * (own_y - state[mean_y + j])
            state[xy + j] = state[xy + j + 1] + gap_x * (own_y - state[mean_y + j])
    return sum_xx, sum_yy, sum_xy


@inner_kernel
def window_count(state: State, at: int, w: int, bar: int, present: bool) -> float:
    """How many of the last w bars were present; bars before the first one count as absent."""
    i = bar % w
    slots = at + 1
    x = 1.0 if present else 0.0
    before = state[at]
    state[at] = x if i == 0 or math.isnan(before) else before + x
    result: float = state[at]
    if i < w - 1 and not math.isnan(state[slots + i + 1]):
        result = state[slots + i + 1] + state[at]
    state[slots + i] = x
    if i == w - 1:
        for j in range(w - 2, -1, -1):
            state[slots + j] = state[slots + j + 1] + (0.0 if math.isnan(state[slots + j]) else state[slots + j])
    return result
