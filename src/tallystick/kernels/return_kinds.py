"""Kinds over one-bar and n-bar simple returns. Each is kind(params, state slice, bar number, inputs x[I]) -> y; NaN is "no value"."""

from __future__ import annotations

import math

from numpy import float64
from numpy.typing import NDArray

from tallystick.kernels.kernel import inner_kernel
from tallystick.kernels.kind_table import CLOSE, QUOTE_VOLUME
from tallystick.kernels.recursions import wilder_strength
from tallystick.kernels.windows import delay, ratio, window_moments, window_sum

Row = NDArray[float64]


@inner_kernel
def one_bar_return(state: Row, at: int, price: float) -> float:
    """price / price of the bar before − 1; state[at] keeps the price."""
    past = state[at]
    state[at] = price
    return ratio(price, past) - 1.0


@inner_kernel
def level(params: Row, state: Row, bar: int, x: Row) -> float:
    """The input itself."""
    value: float = x[int(params[0])]
    return value


@inner_kernel
def change(params: Row, state: Row, bar: int, x: Row) -> float:
    """Input over its value n bars ago, minus 1."""
    value = x[int(params[0])]
    return ratio(value, delay(state, 0, int(params[1]), bar, value)) - 1.0


@inner_kernel
def volatility(params: Row, state: Row, bar: int, x: Row) -> float:
    """Sample standard deviation (n − 1) of the last n one-bar returns."""
    n = int(params[0])
    _, squares = window_moments(state, 1, n, bar, one_bar_return(state, 0, x[CLOSE]))
    return math.sqrt(squares / (n - 1))


@inner_kernel
def downside_volatility(params: Row, state: Row, bar: int, x: Row) -> float:
    """Sample standard deviation of the last n one-bar returns with gains counted as 0."""
    n = int(params[0])
    move = one_bar_return(state, 0, x[CLOSE])
    move = min(move, 0.0)
    _, squares = window_moments(state, 1, n, bar, move)
    return math.sqrt(squares / (n - 1))


@inner_kernel
def momentum(params: Row, state: Row, bar: int, x: Row) -> float:
    """n-bar return in units of its own noise: return / (volatility · √n)."""
    n = int(params[0])
    close = x[CLOSE]
    _, squares = window_moments(state, 1 + n, n, bar, one_bar_return(state, 0, close))
    move = ratio(close, delay(state, 1, n, bar, close)) - 1.0
    return ratio(move, math.sqrt(squares / (n - 1)) * math.sqrt(float(n)))


@inner_kernel
def up_share(params: Row, state: Row, bar: int, x: Row) -> float:
    """Share of the last n one-bar returns above 0."""
    n = int(params[0])
    move = one_bar_return(state, 0, x[CLOSE])
    if not math.isnan(move):
        move = 1.0 if move > 0.0 else 0.0
    return window_sum(state, 1, n, bar, move) / n


@inner_kernel
def illiquidity(params: Row, state: Row, bar: int, x: Row) -> float:
    """Mean of |one-bar return| per million of quote volume over n bars (Amihud 2002)."""
    n = int(params[0])
    impact = ratio(abs(one_bar_return(state, 0, x[CLOSE])), x[QUOTE_VOLUME] / 1e6)
    return window_sum(state, 1, n, bar, impact) / n


@inner_kernel
def rsi(params: Row, state: Row, bar: int, x: Row) -> float:
    """Wilder's relative strength index of closes, 0 to 100."""
    past = state[0]
    state[0] = x[CLOSE]
    return wilder_strength(state, 1, int(params[0]), int(params[1]), bar, x[CLOSE] - past)
