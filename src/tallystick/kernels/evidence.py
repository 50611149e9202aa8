"""Statistical evidence for training: correlations per timestamp, overlap-aware errors, circular shifts, and the return of a simple book.

Matrices are [S, T], symbols by timestamps; NaN means "no value". Sums run in one order, so equal inputs give equal bits.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel
from tallystick.kernels.statistics import pearson, ranks, spearman


@kernel
def timestamp_correlations(x: NDArray[float64], y: NDArray[float64], min_names: int, out: NDArray[float64]) -> None:
    """Pearson and Spearman correlation over symbols at each timestamp of x[S, T] and y[S, T], written to out[2, T]; NaN below `min_names` pairs."""
    symbols = x.shape[0]
    left = np.empty(symbols)
    right = np.empty(symbols)
    for t in range(x.shape[1]):
        pairs = 0
        for s in range(symbols):
            left[s] = x[s, t]
            right[s] = y[s, t]
            if not (math.isnan(left[s]) or math.isnan(right[s])):
                pairs += 1
        if pairs < min_names:
            out[0, t] = math.nan
            out[1, t] = math.nan
        else:
            out[0, t] = pearson(left, right)
            out[1, t] = spearman(left, right)


@kernel
def feature_correlations(features: NDArray[float64], y: NDArray[float64], min_names: int, out: NDArray[float64]) -> None:
    """Spearman correlation over symbols of each feature of features[F, T, S] with y[T, S], written to out[F, T]; NaN below `min_names` pairs."""
    symbols = y.shape[1]
    for t in range(y.shape[0]):
        label_ranks = ranks(y[t])
        for f in range(features.shape[0]):
            row = features[f, t]
            pairs = 0
            same = True
            for s in range(symbols):
                has_label = not math.isnan(label_ranks[s])
                has_value = not math.isnan(row[s])
                if has_label and has_value:
                    pairs += 1
                if has_label != has_value:
                    same = False
            if pairs < min_names:
                out[f, t] = math.nan
            elif same:
                out[f, t] = pearson(ranks(row), label_ranks)
            else:
                out[f, t] = spearman(row, y[t])


@kernel
def overlap_aware_mean(x: NDArray[float64], lag: int) -> tuple[float, float, int]:
    """Mean of the values present, its standard error under autocorrelation up to `lag`, and their number; NaN below lag + 3 values.

    The variance is the larger of Hansen and Hodrick (1980, equal weights, right for overlapping horizons but not always positive) and Newey and West
    (1987, Bartlett weights, never negative), so the error is never understated by the choice between them.
    """
    n = 0
    sum_x = 0.0
    values = np.empty(x.shape[0])
    for i in range(x.shape[0]):
        if not math.isnan(x[i]):
            values[n] = x[i]
            sum_x += x[i]
            n += 1
    if n < lag + 3:
        return math.nan, math.nan, n
    centre = sum_x / n
    base = 0.0
    for i in range(n):
        base += (values[i] - centre) * (values[i] - centre)
    hansen_hodrick = base
    newey_west = base
    for k in range(1, lag + 1):
        products = 0.0
        for i in range(k, n):
            products += (values[i] - centre) * (values[i - k] - centre)
        hansen_hodrick += 2.0 * products
        newey_west += 2.0 * (1.0 - k / (lag + 1.0)) * products
    return centre, math.sqrt(max(hansen_hodrick, newey_west, 0.0)) / n, n


@kernel
def standard_ranks(x: NDArray[float64], out: NDArray[float64]) -> None:
    """Ranks of each row of x[R, N] with mean 0 and sum of squares 1, written to out[R, N]; absent values and constant rows give 0."""
    for r in range(x.shape[0]):
        row = ranks(x[r])
        n = 0
        sum_r = 0.0
        for i in range(row.shape[0]):
            if not math.isnan(row[i]):
                n += 1
                sum_r += row[i]
        squares = 0.0
        centre = sum_r / max(n, 1)
        for i in range(row.shape[0]):
            if not math.isnan(row[i]):
                squares += (row[i] - centre) * (row[i] - centre)
        scale = 1.0 / math.sqrt(squares) if squares > 0.0 else 0.0
        for i in range(row.shape[0]):
            out[r, i] = 0.0 if math.isnan(row[i]) else (row[i] - centre) * scale


@kernel
def shifted_products(x: NDArray[float64], y: NDArray[float64], shifts: NDArray[int64], out: NDArray[float64]) -> None:
    """Sum over t and s of x[t, s] · y[(t + shift) mod T, s] for each circular shift, written to out."""
    times, symbols = x.shape
    for k in range(shifts.shape[0]):
        total = 0.0
        for t in range(times):
            other = (t + shifts[k]) % times
            for s in range(symbols):
                total += x[t, s] * y[other, s]
        out[k] = total


@kernel
def draw_shifts(seed: int, low: int, high: int, out: NDArray[int64]) -> None:
    """Pseudo-random integers in [low, high), written to out: a 31-bit Lehmer generator (Park and Miller, 1988), two draws per value."""
    modulus = 2147483647
    state = seed % (modulus - 1) + 1
    for _ in range(8):
        state = state * 48271 % modulus
    for k in range(out.shape[0]):
        state = state * 48271 % modulus
        first = state
        state = state * 48271 % modulus
        out[k] = low + (first * 65536 + state % 65536) % (high - low)


@kernel
def book_returns(weights: NDArray[float64], returns: NDArray[float64], cost_frac: float, out: NDArray[float64]) -> None:
    """Gross return, cost and turnover of each rebalance of weights[T, S] over returns[T, S], written to out[3, T] as fractions of equity.

    Turnover is the sum of absolute weight changes, from flat at the start; the last rebalance also pays to go flat. Costs are turnover × cost_frac.
    """
    times, symbols = weights.shape
    for t in range(times):
        gross = 0.0
        turnover = 0.0
        for s in range(symbols):
            before = weights[t - 1, s] if t > 0 else 0.0
            turnover += abs(weights[t, s] - before)
            if t == times - 1:
                turnover += abs(weights[t, s])
            if not math.isnan(returns[t, s]):
                gross += weights[t, s] * returns[t, s]
        out[0, t] = gross
        out[1, t] = turnover * cost_frac
        out[2, t] = turnover


@kernel
def logistic(x: float) -> float:
    """1 / (1 + e^−x)."""
    return 1.0 / (1.0 + math.exp(-x))
