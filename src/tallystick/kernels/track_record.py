"""What a track record proves: probabilistic and deflated Sharpe, and intervals by the stationary bootstrap. Plain loops, one summation order."""

from __future__ import annotations

import math

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel

EULER_GAMMA = 0.5772156649015329
MOMENTS = ("sharpe_per_bar", "skewness", "kurtosis")
BOOTSTRAP_FIGURES = ("total_return", "sharpe_simple", "max_drawdown")


@kernel
def normal_cdf(z: float) -> float:
    """Probability that a standard normal variable is at or below z."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@kernel
def normal_quantile(p: float) -> float:
    """The z with `normal_cdf(z)` = p for 0 < p < 1; NaN elsewhere. Bisection of the exact function to the last bit: slow, plain, and called a few times."""
    if not 0.0 < p < 1.0:
        return math.nan
    low, high = -39.0, 39.0
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return middle
        # Above the middle the complement keeps the digits that 1 − p loses.
        below = normal_cdf(middle) < p if p <= 0.5 else 0.5 * math.erfc(middle / math.sqrt(2.0)) > 1.0 - p
        if below:
            low = middle
        else:
            high = middle


@kernel
def moments(returns: NDArray[float64]) -> NDArray[float64]:
    """The figures of `MOMENTS`: mean over sample deviation (n − 1); third and fourth standardised moments of the population (kurtosis 3 when normal).

    NaN below three returns or without any spread.
    """
    out = np.full(3, math.nan)
    n = returns.shape[0]
    if n < 3:
        return out
    summed = 0.0
    for t in range(n):
        summed += returns[t]
    mean = summed / n
    second, third, fourth = 0.0, 0.0, 0.0
    for t in range(n):
        d = returns[t] - mean
        second += d * d
        third += d * d * d
        fourth += d * d * d * d
    if not second > 1e-30 * n * mean * mean:
        return out
    variance = second / n
    out[0] = mean / math.sqrt(second / (n - 1))
    out[1] = third / n / (variance * math.sqrt(variance))
    out[2] = fourth / n / (variance * variance)
    return out


@kernel
def sharpe_error(sharpe: float, skewness: float, kurtosis: float) -> float:
    """Standard error of a per-bar Sharpe ratio times √(n − 1), for returns that need not be normal (Mertens 2002)."""
    return math.sqrt(max(1.0 - skewness * sharpe + 0.25 * (kurtosis - 1.0) * sharpe * sharpe, 0.0))


@kernel
def probabilistic_sharpe(sharpe: float, threshold: float, bars: int, skewness: float, kurtosis: float) -> float:
    """Probability that the true per-bar Sharpe ratio exceeds a threshold, given the one observed over so many bars.

    Source: Bailey and López de Prado (2012), The Sharpe ratio efficient frontier, Journal of Risk 15(2).
    """
    error = sharpe_error(sharpe, skewness, kurtosis)
    if bars < 2 or not error > 0.0:
        return math.nan
    return normal_cdf((sharpe - threshold) * math.sqrt(bars - 1.0) / error)


@kernel
def minimum_track_record(sharpe: float, skewness: float, kurtosis: float, confidence: float) -> float:
    """Bars after which `probabilistic_sharpe` against 0 reaches a confidence; NaN unless the Sharpe ratio is positive. Same source."""
    if not sharpe > 0.0:
        return math.nan
    z = normal_quantile(confidence) / sharpe
    error = sharpe_error(sharpe, skewness, kurtosis)
    return 1.0 + error * error * z * z


@kernel
def expected_best(trials: int, variance: float) -> float:
    """Expected highest Sharpe ratio of so many independent trials without skill, whose ratios have this variance; 0 for one trial.

    Source: Bailey and López de Prado (2014), The deflated Sharpe ratio, Journal of Portfolio Management 40(5).
    """
    if trials < 2:
        return 0.0
    first = normal_quantile(1.0 - 1.0 / trials)
    second = normal_quantile(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - EULER_GAMMA) * first + EULER_GAMMA * second)


@kernel
def _mixed(state: np.uint64) -> np.uint64:
    """SplitMix64's output for a state: a bijection that looks random in every bit (Steele, Lea and Flood 2014)."""
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def bootstrap(returns: NDArray[float64], mean_block: float, bars_per_year: float, seed: int, out: NDArray[float64]) -> None:
    """Resampled figures, out[B, 3] as `BOOTSTRAP_FIGURES` says, of the stationary bootstrap (Politis and Romano 1994).

    Each resample walks the returns from a random bar on, wrapping around, and jumps to another random bar with probability 1 / mean_block.
    The numbers drawn follow from the seed alone. Sharpe is NaN where a resample has no spread.
    """
    n = returns.shape[0]
    year = math.sqrt(bars_per_year)
    state = np.uint64(seed)
    step = np.uint64(0x9E3779B97F4A7C15)
    jump = np.uint64(min(2.0**64 / mean_block, 2.0**64 - 2048.0))
    for b in range(out.shape[0]):
        summed, squares, value, peak, deepest = 0.0, 0.0, 1.0, 1.0, 0.0
        place = int64(0)
        for t in range(n):
            state += step
            if t == 0 or _mixed(state) < jump:
                state += step
                place = int64(_mixed(state) % np.uint64(n))
            else:
                place = place + int64(1) if place + 1 < n else int64(0)
            gain = returns[place]
            summed += gain
            squares += gain * gain
            value *= 1.0 + gain
            peak = max(peak, value)
            deepest = min(deepest, value / peak - 1.0)
        out[b, 0] = value - 1.0
        variance = (squares - summed * summed / n) / (n - 1)
        out[b, 1] = year * (summed / n) / math.sqrt(variance) if variance > 1e-30 else math.nan
        out[b, 2] = deepest
