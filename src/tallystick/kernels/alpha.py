"""From raw predictions to a scored horizon, for all models, symbols and horizons in one call. Rings hold the value of bar b at b % L."""

from __future__ import annotations

import math

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.decisions import blend_weights, rank_signals, recent_pairs, skill, stability, standardised, trade_cost
from tallystick.kernels.kernel import kernel

MIN_PAIRS = 5
MIN_BLEND = 5


@kernel
def clear_ring(ring: NDArray[float64], last_bar: int, bar: int) -> None:
    """Forget ring[N, L] for the bars after last_bar up to and including `bar`: a missing bar is no value, never an old one."""
    length = ring.shape[1]
    first = max(last_bar + 1, bar - length + 1)
    for b in range(first, bar + 1):
        for i in range(ring.shape[0]):
            ring[i, b % length] = math.nan


@kernel
def standardise_all(bar: int, raw: NDArray[float64], ranked: NDArray[int64], min_names: int, raw_ring: NDArray[float64], z: NDArray[float64]) -> None:
    """z[K, S] of raw[K, S]: over time by raw_ring[K, S, W], or across symbols at this bar where ranked[K] is 1."""
    models, symbols = raw.shape
    slot = bar % raw_ring.shape[2]
    for k in range(models):
        if ranked[k] == 1:
            signals = rank_signals(raw[k], min_names)
            for s in range(symbols):
                z[k, s] = signals[s]
            continue
        for s in range(symbols):
            raw_ring[k, s, slot] = raw[k, s]
            z[k, s] = standardised(raw_ring[k, s], raw[k, s])


@kernel
def calibrate_all(
    bar: int,
    z: NDArray[float64],
    horizon_of: NDArray[int64],
    horizon_bars: NDArray[int64],
    prior_ic: NDArray[float64],
    sigma: NDArray[float64],
    fresh: NDArray[float64],
    capacity: NDArray[float64],
    ic_floor: float,
    ic_window: int,
    z_ring: NDArray[float64],
    alpha_ring: NDArray[float64],
    close_ring: NDArray[float64],
    ic: NDArray[float64],
    confidence: NDArray[float64],
    calibrated: NDArray[float64],
) -> None:
    """ic, confidence and calibrated[K, S] of z[K, S].

    confidence = max(IC, floor) · freshness · capacity · stability; calibrated = z · confidence · σ_h, a forecast return (decision 22). IC and the
    error read pairs whose horizon has ended: closes after `bar` are not in the ring. The rings take this bar's values.
    """
    models, symbols = z.shape
    slot = bar % close_ring.shape[1]
    forecasts = np.empty(ic_window)
    returns = np.empty(ic_window)
    for k in range(models):
        h = horizon_of[k]
        for s in range(symbols):
            pairs = recent_pairs(z_ring[k, s], close_ring[s], bar, horizon_bars[h], forecasts, returns)
            ic[k, s] = skill(forecasts, returns, pairs, MIN_PAIRS, prior_ic[k, s])
            pairs = recent_pairs(alpha_ring[k, s], close_ring[s], bar, horizon_bars[h], forecasts, returns)
            confidence[k, s] = max(ic[k, s], ic_floor) * fresh[h] * capacity[s] * stability(forecasts, returns, pairs)
            calibrated[k, s] = z[k, s] * confidence[k, s] * sigma[h, s]
            z_ring[k, s, slot] = z[k, s]
            alpha_ring[k, s, slot] = calibrated[k, s]


@kernel
def blend_all(
    bar: int,
    horizon_of: NDArray[int64],
    ic: NDArray[float64],
    calibrated: NDArray[float64],
    cost_share: NDArray[float64],
    temperature: NDArray[float64],
    ridge: float,
    cost_weight: float,
    merit_floor: float,
    window: int,
    z_ring: NDArray[float64],
    weights: NDArray[float64],
    alpha: NDArray[float64],
) -> None:
    """weights[K, S] and alpha[H, S]: per horizon, Σ w · calibrated over its models. merit = max(IC − cost_weight · cost share, floor).

    cost_share[H, S]: cost of a trade in units of σ_h, the unit of an IC. NaN where no model of the horizon has a prediction.
    """
    models, symbols = calibrated.shape
    length = z_ring.shape[2]
    members = np.empty(models, int64)
    for h in range(alpha.shape[0]):
        n = 0
        for k in range(models):
            if horizon_of[k] == h:
                members[n] = k
                n += 1
        recent = np.empty((n, window))
        merit = np.empty(n)
        for s in range(symbols):
            for i in range(n):
                k = members[i]
                for j in range(window):
                    recent[i, j] = z_ring[k, s, (bar - window + 1 + j) % length] if bar - window + 1 + j >= 0 else math.nan
                present = not (math.isnan(calibrated[k, s]) or math.isnan(cost_share[h, s]))
                merit[i] = max(ic[k, s] - cost_weight * cost_share[h, s], merit_floor) if present else math.nan
            found = blend_weights(recent, merit, ridge, MIN_BLEND, temperature[h])
            total = 0.0
            some = False
            for i in range(n):
                weights[members[i], s] = found[i]
                if not math.isnan(merit[i]):
                    total += found[i] * calibrated[members[i], s]
                    some = True
            alpha[h, s] = total if some else math.nan


@kernel
def cost_all(
    spread_bps: NDArray[float64],
    volatility_5m: NDArray[float64],
    adv_usd: NDArray[float64],
    minutes: NDArray[float64],
    order_usd: float,
    spread_k: float,
    timing_k: float,
    impact_k: float,
    costs: NDArray[float64],
) -> None:
    """costs[H, S, 4] in basis points, as `trade_cost`."""
    for h in range(costs.shape[0]):
        for s in range(costs.shape[1]):
            trade_cost(spread_bps[s], volatility_5m[s], minutes[h], order_usd, adv_usd[s], spread_k, timing_k, impact_k, costs[h, s])


@kernel
def score_all(alpha: NDArray[float64], costs: NDArray[float64], minutes: NDArray[float64], scores: NDArray[float64], chosen: NDArray[int64]) -> None:
    """scores[H, S] = (|alpha| · 1e4 − cost) / √(h / 5 min); chosen[S]: the horizon of the highest, the shorter one of equals, −1 for none."""
    for s in range(alpha.shape[1]):
        chosen[s] = -1
        for h in range(alpha.shape[0]):
            scores[h, s] = (abs(alpha[h, s]) * 1e4 - costs[h, s, 3]) / math.sqrt(minutes[h] / 5.0)
            if not math.isnan(scores[h, s]) and (chosen[s] < 0 or scores[h, s] > scores[chosen[s], s]):
                chosen[s] = h


@kernel
def prefer_all(scores: NDArray[float64], thresholds: NDArray[float64], preference: NDArray[float64], chosen: NDArray[int64]) -> None:
    """chosen[S] anew: the horizon with the highest score · preference[H] among those that reach thresholds[S], else among all; −1 for none.

    A preference moves no score across a threshold, and a score below 0 is compared as it is: there is nothing in it to prefer.
    """
    for s in range(scores.shape[1]):
        chosen[s] = -1
        best, best_passes = 0.0, False
        for h in range(scores.shape[0]):
            score = scores[h, s]
            if math.isnan(score):
                continue
            passes = score >= thresholds[s]
            value = score * preference[h] if score > 0.0 else score
            if chosen[s] < 0 or (passes and not best_passes) or (passes == best_passes and value > best):
                chosen[s], best, best_passes = h, value, passes


@kernel
def spread_over_horizons(volatility: NDArray[float64], bars: NDArray[float64], sigma: NDArray[float64]) -> None:
    """sigma[H, S] = volatility per bar · √bars of the horizon."""
    for h in range(sigma.shape[0]):
        for s in range(sigma.shape[1]):
            sigma[h, s] = volatility[s] * math.sqrt(bars[h])
