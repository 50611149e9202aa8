"""The numbers of a decision: standardising, confidence, blending, cost, barrier factor, and the moving-average signal.

NaN means "no value" and travels on: a missing number never becomes a trade.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel
from tallystick.kernels.statistics import count, mean, pearson, rank_fractions, sample_std, spearman

CLIP = 3.0
MIN_STANDARDISE = 3
MIN_STABILITY = 3


@kernel
def clipped(value: float, bound: float) -> float:
    """The value within ±bound; NaN stays NaN."""
    return math.nan if math.isnan(value) else min(bound, max(-bound, value))


@kernel
def standardised(recent: NDArray[float64], raw: float) -> float:
    """(raw − mean) / std of the recent raw predictions (this one among them), within ±3.

    Fewer than three of them: the raw value within ±3. A spread below 1e-9 of nothing but one value: 0.
    """
    if math.isnan(raw):
        return math.nan
    if count(recent) < MIN_STANDARDISE:
        return clipped(raw, CLIP)
    spread = sample_std(recent)
    if spread < 1e-9:
        return 0.0
    return clipped((raw - mean(recent)) / spread, CLIP)


@kernel
def normal_quantile(p: float) -> float:
    """Inverse of the standard normal distribution, relative error below 1.2e-9 (Acklam's rational approximation); NaN outside (0, 1)."""
    if not 0.0 < p < 1.0:
        return math.nan
    if p > 0.5:
        return -normal_quantile(1.0 - p)
    if p < 0.02425:
        q = math.sqrt(-2.0 * math.log(p))
        top = ((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q - 2.549732539343734) * q + 4.374664141464968) * q
        top += 2.938163982698783
        low = (((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1.0
        return top / low
    q = p - 0.5
    r = q * q
    top = ((((-3.969683028665376e01 * r + 2.209460984245205e02) * r - 2.759285104469687e02) * r + 1.383577518672690e02) * r - 3.066479806614716e01) * r
    top += 2.506628277459239
    low = ((((-5.447609879822406e01 * r + 1.615858368580409e02) * r - 1.556989798598866e02) * r + 6.680131188771972e01) * r - 1.328068155288572e01) * r
    return top * q / (low + 1.0)


@kernel
def rank_signals(scores: NDArray[float64], min_names: int) -> NDArray[float64]:
    """Scores of one timestamp as normal quantiles of (rank − 0.5) / n, within ±3; all NaN below min_names scores (decision 26)."""
    fractions = rank_fractions(scores)
    enough = count(scores) >= min_names
    for i in range(fractions.shape[0]):
        fractions[i] = clipped(normal_quantile(fractions[i]), CLIP) if enough else math.nan
    return fractions


@kernel
def recent_pairs(
    predictions: NDArray[float64], closes: NDArray[float64], bar: int, horizon: int, calibrated: NDArray[float64], realised: NDArray[float64]
) -> int:
    """Predictions whose horizon has ended by `bar`, newest first, with the return that followed; answers how many pairs are complete.

    predictions, closes: rings float64[L], the value of bar b at b % L. Pair k is of bar − horizon − k, and reads closes up to `bar` only.
    """
    length = predictions.shape[0]
    complete = 0
    for k in range(calibrated.shape[0]):
        start = bar - horizon - k
        calibrated[k] = math.nan
        realised[k] = math.nan
        if start < 0 or horizon + k >= length:
            continue
        value = predictions[start % length]
        outcome = closes[(start + horizon) % length] / closes[start % length] - 1.0
        if not (math.isnan(value) or math.isnan(outcome)):
            calibrated[k] = value
            realised[k] = outcome
            complete += 1
    return complete


@kernel
def skill(calibrated: NDArray[float64], realised: NDArray[float64], pairs: int, min_pairs: int, prior: float) -> float:
    """Spearman correlation of the complete pairs; the prior below min_pairs of them, or when one side is constant."""
    if pairs < min_pairs:
        return prior
    value = spearman(calibrated, realised)
    return prior if math.isnan(value) else value


@kernel
def stability(calibrated: NDArray[float64], realised: NDArray[float64], pairs: int) -> float:
    """1 / (1 + RMSE) of forecast against return, both fractions; 0.5 below three pairs."""
    if pairs < MIN_STABILITY:
        return 0.5
    squares = 0.0
    for i in range(calibrated.shape[0]):
        if not math.isnan(calibrated[i]):
            squares += (calibrated[i] - realised[i]) * (calibrated[i] - realised[i])
    return 1.0 / (1.0 + math.sqrt(squares / pairs))


@kernel
def freshness(age_s: float, half_life_scale_s: float) -> float:
    """exp(−age / τ), τ in seconds."""
    return math.exp(-age_s / half_life_scale_s)


@kernel
def root(value: float) -> float:
    """Square root; one definition for every clock."""
    return math.sqrt(value)


@kernel
def trade_cost(
    spread_bps: float,
    volatility_5m: float,
    horizon_minutes: float,
    order_usd: float,
    adv_usd: float,
    spread_k: float,
    timing_k: float,
    impact_k: float,
    out: NDArray[float64],
) -> None:
    """out[4] = spread, timing, impact and total cost in basis points.

    spread = k1 · spread; timing = k2 · vol · 1e4 · √(h / 5 min), vol per five minutes; impact = k3 · 10 · √((order / ADV) / 0.01).
    An ADV that is not above 0 gives NaN: a market nobody trades has no known impact.
    """
    out[0] = spread_k * spread_bps
    out[1] = timing_k * volatility_5m * 1e4 * math.sqrt(horizon_minutes / 5.0)
    out[2] = impact_k * 10.0 * math.sqrt(order_usd / adv_usd / 0.01) if adv_usd > 0.0 else math.nan
    out[3] = out[0] + out[1] + out[2]


@kernel
def _solve(matrix: NDArray[float64], vector: NDArray[float64]) -> NDArray[float64]:
    """Gaussian elimination with partial pivoting; small systems, one order of operations everywhere. NaN where the matrix is singular."""
    n = vector.shape[0]
    a = matrix.copy()
    x = vector.copy()
    for column in range(n):
        pivot = column
        for row in range(column + 1, n):
            if abs(a[row, column]) > abs(a[pivot, column]):
                pivot = row
        if a[pivot, column] == 0.0:
            x[:] = math.nan
            return x
        if pivot != column:
            for k in range(n):
                a[column, k], a[pivot, k] = a[pivot, k], a[column, k]
            x[column], x[pivot] = x[pivot], x[column]
        for row in range(column + 1, n):
            factor = a[row, column] / a[column, column]
            for k in range(column, n):
                a[row, k] -= factor * a[column, k]
            x[row] -= factor * x[column]
    for row in range(n - 1, -1, -1):
        for k in range(row + 1, n):
            x[row] -= a[row, k] * x[k]
        x[row] /= a[row, row]
    return x


@kernel
def sharpened(weights: NDArray[float64], temperature: float) -> NDArray[float64]:
    """Weights ∝ w^(1/T), summing to 1: T < 1 sharpens, T > 1 flattens, order is kept (decision 23). Negative weights count as 0; all 0 gives equal ones."""
    n = weights.shape[0]
    out = np.zeros(n)
    top = 0.0
    for i in range(n):
        top = max(top, weights[i])
    sum_of = 0.0
    for i in range(n):
        if weights[i] > 0.0:
            # Scaled by the largest first: a power of a tiny weight would vanish.
            out[i] = math.pow(weights[i] / top, 1.0 / temperature)
            sum_of += out[i]
    for i in range(n):
        out[i] = out[i] / sum_of if sum_of > 0.0 else 1.0 / n
    return out


@kernel
def blend_weights(recent: NDArray[float64], merit: NDArray[float64], ridge: float, min_observations: int, temperature: float) -> NDArray[float64]:
    """Weights of K models from recent[K, W], their standardised predictions, and merit[K]: (Σ + λI)⁻¹ μ, then `sharpened`.

    Σ: correlations; a pair without one counts as 0. merit NaN: the model has no prediction now and gets 0. Equal weights among the present until every
    one of them has min_observations.
    """
    k = merit.shape[0]
    present = np.empty(k, int64)
    n = 0
    enough = True
    for i in range(k):
        if not math.isnan(merit[i]):
            present[n] = i
            n += 1
            enough = enough and count(recent[i]) >= min_observations
    out = np.zeros(k)
    if n == 0:
        return out
    raw = np.ones(n)
    if enough and n > 1:
        matrix = np.empty((n, n))
        target = np.empty(n)
        for i in range(n):
            target[i] = merit[present[i]]
            for j in range(n):
                value = pearson(recent[present[i]], recent[present[j]]) if i != j else 1.0
                matrix[i, j] = (0.0 if math.isnan(value) else value) + (ridge if i == j else 0.0)
        raw = _solve(matrix, target)
        for i in range(n):
            if math.isnan(raw[i]):
                raw[:] = 1.0
                break
    weights = sharpened(raw, temperature) if enough else raw / n
    for i in range(n):
        out[present[i]] = weights[i]
    return out


@kernel
def logistic(x: float) -> float:
    """1 / (1 + exp(−x))."""
    return 1.0 / (1.0 + math.exp(-x))


@kernel
def barrier_factor(p_against: float, p_with: float, gamma: float, delta: float, floor: float) -> float:
    """max(floor, min(1, (1 − p_against)^γ · (0.5 + 0.5 · p_with)^δ)): for a long, against is a peak and with a valley; for a short the other way round."""
    factor = math.pow(1.0 - p_against, gamma) * math.pow(0.5 + 0.5 * p_with, delta)
    return max(floor, min(1.0, factor))


@kernel
def cross_signal(holding: bool, waited: int, before: float, now: float, rsi: float, max_entry_rsi: float, exit_rsi: float, cooldown: int) -> int:
    """+1 buy, −1 sell, 0 nothing. before, now: close / MA − 1 of the last bar and this one; waited: bars since the last signal.

    Flat: buy when the close crosses above its average and RSI is below max_entry_rsi. Long: sell when it crosses below, or RSI is above exit_rsi.
    Nothing within `cooldown` bars after a signal, exits included (the rule of `rsi_ma_cross_v2`).
    """
    if waited <= cooldown or math.isnan(now) or math.isnan(rsi):
        return 0
    if not holding:
        return 1 if before <= 0.0 < now and rsi < max_entry_rsi else 0
    return -1 if rsi > exit_rsi or before >= 0.0 > now else 0


@kernel
def cross_weights(
    ratio: NDArray[float64], rsi: NDArray[float64], max_entry_rsi: float, exit_rsi: float, cooldown: int, weight: float, out: NDArray[float64]
) -> None:
    """`cross_signal` over history: out[S, T] is the weight wanted after each bar, `weight` or 0."""
    for s in range(ratio.shape[0]):
        holding = False
        waited = cooldown + 1
        before = math.nan
        for t in range(ratio.shape[1]):
            signal = cross_signal(holding, waited, before, ratio[s, t], rsi[s, t], max_entry_rsi, exit_rsi, cooldown)
            waited = 1 if signal != 0 else waited + 1
            holding = signal > 0 or (holding and signal == 0)
            before = ratio[s, t]
            out[s, t] = weight if holding else 0.0
