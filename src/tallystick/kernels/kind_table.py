"""The kinds of features: their numbers, parameters, state and memory. A feature is a row of data over one of them.

`memory` is how many bars, this one included, an output depends on. Every kind is finite: after that many bars a cold start is bit-equal to a full run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tallystick.kernels.recursions import recursions_size
from tallystick.kernels.windows import comoments_size, delay_size, moments_size, sum_size

OPEN, HIGH, LOW, CLOSE, VOLUME, QUOTE_VOLUME, BENCHMARK = range(7)
"""Rows of the input x[S, I, T]; BENCHMARK is the benchmark symbol's close, present only where a feature asks for it."""

MAX_PARAMETERS = 5

(
    LEVEL, CHANGE, VOLATILITY, DOWNSIDE_VOLATILITY, MOMENTUM, UP_SHARE, ILLIQUIDITY, RSI,
    MEAN, MEAN_RATIO, ZSCORE, BAND_POSITION, BAND_WIDTH, MEAN_SLOPE, SHARE_ABOVE, MACD,
    TO_HIGH, TO_LOW, DRAWDOWN, ULCER, RANGE, ATR, VALID_BARS,
    EXCESS_CHANGE, BETA, CORRELATION,
) = range(26)  # fmt: skip

RETURN_KINDS, AVERAGE_KINDS, EXTREME_KINDS = MEAN, TO_HIGH, EXCESS_CHANGE
"""Kinds below each bound belong to return, average and extreme kinds; the rest are relative to the benchmark."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One rule: its number in the compiled chain, what its parameters are called, and what it keeps."""

    name: str
    number: int
    parameters: tuple[str, ...]
    state_size: Callable[..., int]
    memory: Callable[..., int]


def _macd_size(fast: int, slow: int, signal: int, block: int, part: int) -> int:
    return recursions_size(3)


KINDS: tuple[Kind, ...] = (
    Kind("level", LEVEL, ("column",), lambda column: 0, lambda column: 1),
    Kind("change", CHANGE, ("column", "n"), lambda column, n: delay_size(n), lambda column, n: n + 1),
    Kind("volatility", VOLATILITY, ("n",), lambda n: 1 + moments_size(n), lambda n: n + 1),
    Kind("downside_volatility", DOWNSIDE_VOLATILITY, ("n",), lambda n: 1 + moments_size(n), lambda n: n + 1),
    Kind("momentum", MOMENTUM, ("n",), lambda n: 1 + delay_size(n) + moments_size(n), lambda n: n + 1),
    Kind("up_share", UP_SHARE, ("n",), lambda n: 1 + sum_size(n), lambda n: n + 1),
    Kind("illiquidity", ILLIQUIDITY, ("n",), lambda n: 1 + sum_size(n), lambda n: n + 1),
    Kind("rsi", RSI, ("n", "block"), lambda n, block: 1 + recursions_size(2), lambda n, block: 2 * block + 1),
    Kind("mean", MEAN, ("column", "n"), lambda column, n: sum_size(n), lambda column, n: n),
    Kind("mean_ratio", MEAN_RATIO, ("column", "n", "offset"), lambda column, n, offset: sum_size(n), lambda column, n, offset: n),
    Kind("zscore", ZSCORE, ("column", "n"), lambda column, n: moments_size(n), lambda column, n: n),
    Kind("band_position", BAND_POSITION, ("n",), moments_size, lambda n: n),
    Kind("band_width", BAND_WIDTH, ("n",), moments_size, lambda n: n),
    Kind("mean_slope", MEAN_SLOPE, ("n", "k"), lambda n, k: sum_size(n) + delay_size(k), lambda n, k: n + k),
    Kind("share_above", SHARE_ABOVE, ("n", "m"), lambda n, m: sum_size(n) + sum_size(m), lambda n, m: n + m - 1),
    Kind("macd", MACD, ("fast", "slow", "signal", "block", "part"), _macd_size, lambda fast, slow, signal, block, part: 2 * block),
    Kind("to_high", TO_HIGH, ("n",), sum_size, lambda n: n),
    Kind("to_low", TO_LOW, ("n",), sum_size, lambda n: n),
    Kind("drawdown", DRAWDOWN, ("n",), sum_size, lambda n: n),
    Kind("ulcer", ULCER, ("n",), lambda n: 2 * sum_size(n), lambda n: 2 * n - 1),
    Kind("range", RANGE, ("n",), lambda n: 2 * sum_size(n), lambda n: n),
    Kind("atr", ATR, ("n",), lambda n: 1 + sum_size(n), lambda n: n + 1),
    Kind("valid_bars", VALID_BARS, ("n",), sum_size, lambda n: n),
    Kind("excess_change", EXCESS_CHANGE, ("n",), lambda n: 2 * delay_size(n), lambda n: n + 1),
    Kind("beta", BETA, ("n",), lambda n: 2 + comoments_size(n), lambda n: n + 1),
    Kind("correlation", CORRELATION, ("n",), lambda n: 2 + comoments_size(n), lambda n: n + 1),
)

KIND_BY_NAME = {kind.name: kind for kind in KINDS}
