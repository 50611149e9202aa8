"""Float statistics over plain arrays: one summation order, so equal inputs give equal bits on every run and thread count.

NaN means "no value": a value, or a pair with one of its sides missing, is left out. Fewer values than a formula needs give NaN.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel


@kernel
def total(x: NDArray[float64]) -> float:
    """Sum of the values present, first to last; 0 for none."""
    result = 0.0
    for i in range(x.shape[0]):
        if not math.isnan(x[i]):
            result += x[i]
    return result


@kernel
def count(x: NDArray[float64]) -> int:
    """How many values are present."""
    result = 0
    for i in range(x.shape[0]):
        if not math.isnan(x[i]):
            result += 1
    return result


@kernel
def mean(x: NDArray[float64]) -> float:
    """Arithmetic mean of the values present."""
    n = count(x)
    if n == 0:
        return math.nan
    return total(x) / n


@kernel
def sample_std(x: NDArray[float64]) -> float:
    """Standard deviation with n − 1, two passes; NaN below two values."""
    n = count(x)
    if n < 2:
        return math.nan
    centre = total(x) / n
    squares = 0.0
    for i in range(x.shape[0]):
        if not math.isnan(x[i]):
            squares += (x[i] - centre) * (x[i] - centre)
    return math.sqrt(squares / (n - 1))


@kernel
def covariance(x: NDArray[float64], y: NDArray[float64]) -> float:
    """Sample covariance (n − 1) of the complete pairs."""
    n = 0
    sum_x = 0.0
    sum_y = 0.0
    for i in range(x.shape[0]):
        if not (math.isnan(x[i]) or math.isnan(y[i])):
            n += 1
            sum_x += x[i]
            sum_y += y[i]
    if n < 2:
        return math.nan
    mean_x = sum_x / n
    mean_y = sum_y / n
    products = 0.0
    for i in range(x.shape[0]):
        if not (math.isnan(x[i]) or math.isnan(y[i])):
            products += (x[i] - mean_x) * (y[i] - mean_y)
    return products / (n - 1)


@kernel
def pearson(x: NDArray[float64], y: NDArray[float64]) -> float:
    """Pearson correlation of the complete pairs; NaN below two pairs or when one side is constant."""
    n = 0
    sum_x = 0.0
    sum_y = 0.0
    for i in range(x.shape[0]):
        if not (math.isnan(x[i]) or math.isnan(y[i])):
            n += 1
            sum_x += x[i]
            sum_y += y[i]
    if n < 2:
        return math.nan
    mean_x = sum_x / n
    mean_y = sum_y / n
    xx = 0.0
    yy = 0.0
    xy = 0.0
    for i in range(x.shape[0]):
        if not (math.isnan(x[i]) or math.isnan(y[i])):
            dx = x[i] - mean_x
            dy = y[i] - mean_y
            xx += dx * dx
            yy += dy * dy
            xy += dx * dy
    if xx == 0.0 or yy == 0.0:
        return math.nan
    return min(1.0, max(-1.0, xy / (math.sqrt(xx) * math.sqrt(yy))))


@kernel
def present_order(x: NDArray[float64]) -> NDArray[int64]:
    """Positions of the values present, ascending by value."""
    n = count(x)
    places = np.empty(n, np.int64)
    values = np.empty(n, np.float64)
    k = 0
    for i in range(x.shape[0]):
        if not math.isnan(x[i]):
            places[k] = i
            values[k] = x[i]
            k += 1
    return places[np.argsort(values)]


@kernel
def ranks(x: NDArray[float64]) -> NDArray[float64]:
    """Ranks 1…n of the values present, ties get their average; NaN stays NaN."""
    order = present_order(x)
    out = np.full(x.shape[0], math.nan)
    n = order.shape[0]
    start = 0
    while start < n:
        stop = start + 1
        while stop < n and x[order[stop]] == x[order[start]]:
            stop += 1
        for k in range(start, stop):
            out[order[k]] = 0.5 * (start + 1 + stop)
        start = stop
    return out


@kernel
def rank_fractions(x: NDArray[float64]) -> NDArray[float64]:
    """(rank − 0.5) / n over the values present, average ties; all NaN below two values."""
    out = ranks(x)
    n = count(x)
    for i in range(out.shape[0]):
        out[i] = (out[i] - 0.5) / n if n >= 2 else math.nan
    return out


@kernel
def spearman(x: NDArray[float64], y: NDArray[float64]) -> float:
    """Spearman correlation of the complete pairs: Pearson over their average-tie ranks."""
    paired_x = x.copy()
    paired_y = y.copy()
    for i in range(x.shape[0]):
        if math.isnan(x[i]) or math.isnan(y[i]):
            paired_x[i] = math.nan
            paired_y[i] = math.nan
    return pearson(ranks(paired_x), ranks(paired_y))


@kernel
def quantile(x: NDArray[float64], fraction: float) -> float:
    """Quantile of the values present, linear between neighbours (Hyndman and Fan, type 7); fraction in [0, 1]."""
    order = present_order(x)
    n = order.shape[0]
    if n == 0 or not 0.0 <= fraction <= 1.0:
        return math.nan
    place = fraction * (n - 1)
    below = math.floor(place)
    above = min(below + 1, n - 1)
    low: float = x[order[below]]
    high: float = x[order[above]]
    share: float = place - below
    return low + (high - low) * share


@kernel
def column_moments(x: NDArray[float64], means: NDArray[float64], stds: NDArray[float64]) -> None:
    """Mean and population standard deviation of each column of x[N, F], written to means[F] and stds[F].

    NaN entries are left out; an empty column gives NaN. A constant column gets std 1, so that standardising it gives zeros.
    """
    for f in range(x.shape[1]):
        n = 0
        first = 0.0
        for i in range(x.shape[0]):
            if not math.isnan(x[i, f]):
                n += 1
                first += x[i, f]
        if n == 0:
            means[f] = math.nan
            stds[f] = math.nan
            continue
        centre = first / n
        squares = 0.0
        for i in range(x.shape[0]):
            if not math.isnan(x[i, f]):
                squares += (x[i, f] - centre) * (x[i, f] - centre)
        means[f] = centre
        deviation = math.sqrt(squares / n)
        # Ten rounding errors of the mean: below that, the spread of a constant column is only noise.
        stds[f] = deviation if deviation > 2.3e-15 * abs(centre) else 1.0


@kernel
def linear_predict(x: NDArray[float64], coefficients: NDArray[float64], intercept: float) -> NDArray[float64]:
    """intercept + x[S, F] · coefficients[F], summed from the first feature to the last; a NaN feature gives NaN for that row."""
    out = np.empty(x.shape[0], np.float64)
    for s in range(x.shape[0]):
        value = intercept
        for f in range(x.shape[1]):
            value += x[s, f] * coefficients[f]
        out[s] = value
    return out
