"""Kinds over highs, lows and gaps. Each is kind(params, state slice, bar number, inputs x[I]) -> y; NaN is "no value"."""

from __future__ import annotations

import math

from numpy import float64
from numpy.typing import NDArray

from tallystick.kernels.kernel import inner_kernel
from tallystick.kernels.kind_table import CLOSE, HIGH, LOW, QUOTE_VOLUME
from tallystick.kernels.windows import larger, ratio, window_count, window_max, window_min, window_peak, window_sum

Row = NDArray[float64]


@inner_kernel
def to_high(params: Row, state: Row, bar: int, x: Row) -> float:
    """Close over the highest close of n bars, minus 1 (0 or below)."""
    return ratio(x[CLOSE], window_max(state, 0, int(params[0]), bar, x[CLOSE])) - 1.0


@inner_kernel
def to_low(params: Row, state: Row, bar: int, x: Row) -> float:
    """Close over the lowest close of n bars, minus 1 (0 or above)."""
    return ratio(x[CLOSE], window_min(state, 0, int(params[0]), bar, x[CLOSE])) - 1.0


@inner_kernel
def drawdown(params: Row, state: Row, bar: int, x: Row) -> float:
    """Close over the highest close present in up to n bars, minus 1: a short or gapped history is enough."""
    return ratio(x[CLOSE], window_peak(state, 0, int(params[0]), bar, x[CLOSE])) - 1.0


@inner_kernel
def ulcer(params: Row, state: Row, bar: int, x: Row) -> float:
    """Root mean square of the percentage below the n-bar high over n bars (Martin and McCann 1989)."""
    n = int(params[0])
    depth = 100.0 * (ratio(x[CLOSE], window_max(state, 0, n, bar, x[CLOSE])) - 1.0)
    return math.sqrt(window_sum(state, 1 + n, n, bar, depth * depth) / n)


@inner_kernel
def high_low_range(params: Row, state: Row, bar: int, x: Row) -> float:
    """(highest high − lowest low) of n bars over the close."""
    n = int(params[0])
    top = window_max(state, 0, n, bar, x[HIGH])
    return ratio(top - window_min(state, 1 + n, n, bar, x[LOW]), x[CLOSE])


@inner_kernel
def atr(params: Row, state: Row, bar: int, x: Row) -> float:
    """Simple mean of the true range of n bars over the close (the true range as in Wilder 1978, his recursion replaced by a mean)."""
    n = int(params[0])
    past = state[0]
    state[0] = x[CLOSE]
    reach = larger(x[HIGH] - x[LOW], larger(abs(x[HIGH] - past), abs(x[LOW] - past)))
    return ratio(window_sum(state, 1, n, bar, reach) / n, x[CLOSE])


@inner_kernel
def valid_bars(params: Row, state: Row, bar: int, x: Row) -> float:
    """How many of the last n bars had a close and some quote volume; bars before the first count as missing."""
    traded = not math.isnan(x[CLOSE]) and x[QUOTE_VOLUME] > 0.0
    return window_count(state, 0, int(params[0]), bar, traded)
