"""Kinds relative to the benchmark's close, input row BENCHMARK. Each is kind(params, state slice, bar number, inputs x[I]) -> y."""

from __future__ import annotations

import math

from numpy import float64
from numpy.typing import NDArray

from tallystick.kernels.kernel import inner_kernel
from tallystick.kernels.kind_table import BENCHMARK, CLOSE
from tallystick.kernels.return_kinds import one_bar_return
from tallystick.kernels.windows import delay, ratio, window_comoments

Row = NDArray[float64]


@inner_kernel
def excess_change(params: Row, state: Row, bar: int, x: Row) -> float:
    """n-bar return minus the benchmark's."""
    n = int(params[0])
    own = ratio(x[CLOSE], delay(state, 0, n, bar, x[CLOSE])) - 1.0
    return own - (ratio(x[BENCHMARK], delay(state, n, n, bar, x[BENCHMARK])) - 1.0)


@inner_kernel
def beta(params: Row, state: Row, bar: int, x: Row) -> float:
    """Covariance of one-bar returns with the benchmark's over the benchmark's variance, n bars; exactly 1 for the benchmark itself."""
    own = one_bar_return(state, 0, x[CLOSE])
    market = one_bar_return(state, 1, x[BENCHMARK])
    _, market_squares, products = window_comoments(state, 2, int(params[0]), bar, own, market)
    return ratio(products, market_squares)


@inner_kernel
def correlation(params: Row, state: Row, bar: int, x: Row) -> float:
    """Pearson correlation of one-bar returns with the benchmark's over n bars, within [−1, 1]."""
    own = one_bar_return(state, 0, x[CLOSE])
    market = one_bar_return(state, 1, x[BENCHMARK])
    own_squares, market_squares, products = window_comoments(state, 2, int(params[0]), bar, own, market)
    value = ratio(products, math.sqrt(own_squares) * math.sqrt(market_squares))
    if value > 1.0:
        return 1.0
    if value < -1.0:
        return -1.0
    return value
