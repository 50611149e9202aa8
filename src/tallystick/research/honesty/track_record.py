"""Evidence of a run: how likely its Sharpe ratio is skill, after so many trials, and how far its results would scatter."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.run_evidence import Bootstrap, Evidence, Interval
from tallystick.kernels import track_record as kernel
from tallystick.kernels.statistics import quantile, sample_std

Floats = NDArray[np.float64]
CONFIDENCE = 0.95
MOST_RESAMPLES, LEAST_RESAMPLES, MOST_STEPS = 1000, 200, 30_000_000
LEAST_BARS = 30
"""Fewer returns than this have no distribution worth resampling."""


@dataclass(frozen=True, slots=True)
class Trials:
    """The looks that were taken at the same data: how many, this one included, and the annualised Sharpe ratios of those that have one."""

    count: int = 1
    sharpes: tuple[float, ...] = ()


def evidence_of(returns: Floats, bars_per_year: float, seed: int, trials: Trials | None = None) -> Evidence:
    """The section `evidence` of a report from bar returns float64[T].

    Deflation needs the variance of the trials' Sharpe ratios; with fewer than two of them it takes the variance that a ratio without skill has by chance,
    1 / (T − 1) per bar. The seed fixes the resamples.
    """
    looks = trials or Trials()
    bars = int(returns.size)
    sharpe, skewness, kurtosis = (float(value) for value in kernel.moments(np.ascontiguousarray(returns, np.float64)))
    if not isfinite(sharpe):
        return _without_spread(bars, looks)
    known = np.array(looks.sharpes, np.float64)
    variance = float(sample_std(known)) ** 2 / bars_per_year if known.size >= 2 else 1.0 / (bars - 1)
    best = float(kernel.expected_best(looks.count, variance))
    return Evidence(
        bars=bars,
        sharpe_per_bar=sharpe,
        skewness=skewness,
        kurtosis=kurtosis,
        probabilistic_sharpe=_known(kernel.probabilistic_sharpe(sharpe, 0.0, bars, skewness, kurtosis)),
        deflated_sharpe=_known(kernel.probabilistic_sharpe(sharpe, best, bars, skewness, kurtosis)),
        expected_best_sharpe=best * sqrt(bars_per_year),
        trials=looks.count,
        minimum_track_record_bars=_known(kernel.minimum_track_record(sharpe, skewness, kurtosis, CONFIDENCE)),
        bootstrap=bootstrap_of(returns, bars_per_year, seed),
    )


def bootstrap_of(returns: Floats, bars_per_year: float, seed: int) -> Bootstrap | None:
    """95 % intervals of the main results; None below `LEAST_BARS` returns.

    Blocks have T^(1/3) bars on average, the rate that is best for the stationary bootstrap. A thousand resamples, fewer where T is so large that they
    would take seconds, never below two hundred.
    """
    bars = int(returns.size)
    if bars < LEAST_BARS:
        return None
    block = float(round(bars ** (1 / 3)))
    drawn = np.empty((max(LEAST_RESAMPLES, min(MOST_RESAMPLES, MOST_STEPS // bars)), len(kernel.BOOTSTRAP_FIGURES)))
    kernel.bootstrap(np.ascontiguousarray(returns, np.float64), block, bars_per_year, seed, drawn)
    tail = (1.0 - CONFIDENCE) / 2.0
    intervals = {}
    for column, name in enumerate(kernel.BOOTSTRAP_FIGURES):
        values = np.ascontiguousarray(drawn[:, column])
        low, high = float(quantile(values, tail)), float(quantile(values, 1.0 - tail))
        intervals[name] = Interval(low=_known(low), high=_known(high))
    return Bootstrap(method="stationary_block", level=CONFIDENCE, resamples=len(drawn), mean_block_bars=block, seed=seed, intervals=intervals)


def _known(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def _without_spread(bars: int, looks: Trials) -> Evidence:
    return Evidence(
        bars=bars,
        sharpe_per_bar=None,
        skewness=None,
        kurtosis=None,
        probabilistic_sharpe=None,
        deflated_sharpe=None,
        expected_best_sharpe=None,
        trials=looks.count,
        minimum_track_record_bars=None,
        bootstrap=None,
    )
