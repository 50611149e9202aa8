"""Probability of backtest overfitting of a sweep, by combinatorially symmetric cross-validation."""

from __future__ import annotations

from itertools import combinations
from math import comb, sqrt

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.run_evidence import Overfitting
from tallystick.kernels import overfitting as kernel
from tallystick.kernels.statistics import quantile, total

Floats = NDArray[np.float64]
MOST_BLOCKS = 16
LEAST_BARS_OF_BLOCK = 2


def probability_of_backtest_overfitting(returns: Floats, blocks: int = MOST_BLOCKS, bars_per_year: float = 1.0) -> Overfitting:
    """How often the best trial in sample is below the median out of sample.

    returns: float64[T, N], bar returns of N trials over the same T bars, one column a trial (NaN refused). blocks: an even number of equal blocks of time;
    every choice of half of them is in sample once (16 blocks: 12,870 choices). bars_per_year only annualises the two median Sharpe ratios.
    `probability` is the share of choices whose logit is at or below 0: near 0.5 the choice of the best says nothing, near 0 it holds.
    Source: Bailey, Borwein, López de Prado and Zhu (2017), The probability of backtest overfitting, Journal of Computational Finance 20(4).
    Raises ConfigurationError for an odd number of blocks, DataError for fewer than two trials or too few bars, or a return that is no number.
    """
    if blocks < 2 or blocks % 2 or blocks > MOST_BLOCKS:
        raise ConfigurationError(f"expected an even number of blocks from 2 to {MOST_BLOCKS}, found {blocks}", where="blocks")
    if returns.ndim != 2 or returns.shape[1] < 2 or returns.shape[0] < LEAST_BARS_OF_BLOCK * blocks:
        raise DataError(f"expected returns of at least {LEAST_BARS_OF_BLOCK * blocks} bars and 2 trials, found shape {returns.shape}", where="sweep")
    if not bool(np.isfinite(returns).all()):
        raise DataError("expected a return for every bar of every trial, found a missing one", where="sweep")
    sums = np.empty((blocks + 1, 2, returns.shape[1]))
    bars = int(kernel.block_sums(np.ascontiguousarray(returns, np.float64), blocks, sums))
    halves = np.zeros((comb(blocks, blocks // 2), blocks), np.int64)
    for row, chosen in enumerate(combinations(range(blocks), blocks // 2)):
        halves[row, chosen] = 1
    out = np.empty((len(halves), 4))
    kernel.cross_validate(sums, bars, halves, out)
    year = sqrt(bars_per_year)
    return Overfitting(
        probability=float(np.count_nonzero(out[:, 0] <= 0.0)) / len(out),
        probability_of_loss=float(total(np.ascontiguousarray(out[:, 3]))) / len(out),
        median_logit=float(quantile(np.ascontiguousarray(out[:, 0]), 0.5)),
        median_sharpe_in_sample=float(quantile(np.ascontiguousarray(out[:, 1]), 0.5)) * year,
        median_sharpe_out_of_sample=float(quantile(np.ascontiguousarray(out[:, 2]), 0.5)) * year,
        trials=int(returns.shape[1]),
        blocks=blocks,
        choices=len(out),
    )
