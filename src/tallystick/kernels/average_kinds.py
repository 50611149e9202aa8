"""Kinds over moving averages and their spread. Each is kind(params, state slice, bar number, inputs x[I]) -> y; NaN is "no value"."""

from __future__ import annotations

import math

from numpy import float64
from numpy.typing import NDArray

from tallystick.kernels.kernel import inner_kernel
from tallystick.kernels.kind_table import CLOSE
from tallystick.kernels.recursions import convergence
from tallystick.kernels.windows import delay, ratio, window_moments, window_sum

Row = NDArray[float64]


@inner_kernel
def mean(params: Row, state: Row, bar: int, x: Row) -> float:
    """Mean of the last n values of an input."""
    n = int(params[1])
    return window_sum(state, 0, n, bar, x[int(params[0])]) / n


@inner_kernel
def mean_ratio(params: Row, state: Row, bar: int, x: Row) -> float:
    """Input over its mean of n bars, minus an offset (1 for a relative distance, 0 for a ratio)."""
    n = int(params[1])
    value = x[int(params[0])]
    offset: float = params[2]
    return ratio(value, window_sum(state, 0, n, bar, value) / n) - offset


@inner_kernel
def zscore(params: Row, state: Row, bar: int, x: Row) -> float:
    """(input − mean) / sample standard deviation over n bars; NaN when nothing moved."""
    n = int(params[1])
    value = x[int(params[0])]
    centre, squares = window_moments(state, 0, n, bar, value)
    return ratio(value - centre, math.sqrt(squares / (n - 1)))


@inner_kernel
def band_position(params: Row, state: Row, bar: int, x: Row) -> float:
    """Place of the close between the Bollinger bands: 0 at the lower, 1 at the upper (mean ± 2 population standard deviations)."""
    n = int(params[0])
    centre, squares = window_moments(state, 0, n, bar, x[CLOSE])
    return 0.5 + ratio(x[CLOSE] - centre, 4.0 * math.sqrt(squares / n))


@inner_kernel
def band_width(params: Row, state: Row, bar: int, x: Row) -> float:
    """Distance of the Bollinger bands over their mean: 4 population standard deviations / mean."""
    n = int(params[0])
    centre, squares = window_moments(state, 0, n, bar, x[CLOSE])
    return ratio(4.0 * math.sqrt(squares / n), centre)


@inner_kernel
def mean_slope(params: Row, state: Row, bar: int, x: Row) -> float:
    """The n-bar mean of closes over itself k bars ago, minus 1."""
    n = int(params[0])
    now = window_sum(state, 0, n, bar, x[CLOSE]) / n
    return ratio(now, delay(state, 1 + n, int(params[1]), bar, now)) - 1.0


@inner_kernel
def share_above(params: Row, state: Row, bar: int, x: Row) -> float:
    """Share of the last m bars whose close lay above its own n-bar mean."""
    n = int(params[0])
    m = int(params[1])
    centre = window_sum(state, 0, n, bar, x[CLOSE]) / n
    above = centre
    if not math.isnan(centre):
        above = 1.0 if x[CLOSE] > centre else 0.0
    return window_sum(state, 1 + n, m, bar, above) / m


@inner_kernel
def macd(params: Row, state: Row, bar: int, x: Row) -> float:
    """MACD over the close: part 0 the line, 1 its signal, 2 the line minus the signal."""
    line, signal = convergence(state, 0, int(params[0]), int(params[1]), int(params[2]), int(params[3]), bar, x[CLOSE])
    if params[4] == 0.0:
        return ratio(line, x[CLOSE])
    if params[4] == 1.0:
        return ratio(signal, x[CLOSE])
    return ratio(line - signal, x[CLOSE])
