"""The loop of the seeded market generator: one common factor with regimes, clustered volatility, and a weak momentum in what is each symbol's own."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FACTOR_DRAWS = 2
SYMBOL_DRAWS = 5
REGIMES = 4
FADE_DAYS = 45.0


@kernel
def decay(half_life_bars: float) -> float:
    """Weight that halves in so many bars."""
    return math.exp(-math.log(2.0) / half_life_bars)


@kernel
def on_grid(value: float, scale: float) -> float:
    """The nearest whole multiple of 1/scale, at least one; the division makes it the float nearest to that decimal."""
    return max(1.0, math.floor(value * scale + 0.5)) / scale


@kernel
def simulate_regimes(uniforms: Floats, switch_probability: float, regime: Ints) -> None:
    """Fill regime int64[T]: each bar stays with 1 − p, else moves to one of the three others with equal chance."""
    current = 0
    for bar in range(uniforms.size):
        if uniforms[bar] < switch_probability:
            jump = 1 + min(REGIMES - 2, int(uniforms[bar] / switch_probability * (REGIMES - 1)))
            current = (current + jump) % REGIMES
        regime[bar] = current


@kernel
def simulate_factor(
    normals: Floats, regime: Ints, drift_per_bar: Floats, volatility_factor: Floats, volatility: float, half_life_bars: float, clustering: float, factor: Floats
) -> None:
    """Fill the common factor's log returns float64[T]. `normals` float64[T, 2]; log volatility is a first-order autoregression of this half-life."""
    weight = decay(half_life_bars)
    fresh, log_volatility = math.sqrt(1.0 - weight * weight), 0.0
    for bar in range(factor.size):
        log_volatility = weight * log_volatility + fresh * clustering * normals[bar, 1]
        sigma = volatility * volatility_factor[regime[bar]] * math.exp(log_volatility - clustering * clustering)
        factor[bar] = drift_per_bar[regime[bar]] + sigma * normals[bar, 0]


@kernel
def simulate_symbol(
    normals: Floats,
    factor: Floats,
    first_bar: int,
    end_bar: int,
    fades: bool,
    bars_per_day: float,
    price: float,
    price_scale: float,
    lot_scale: float,
    beta: float,
    volatility: float,
    strength: float,
    signal_half_life_bars: float,
    quote_volume_per_bar: float,
    season: Floats,
    out: Floats,
) -> None:
    """Fill the bars float64[6, T] of one symbol from `first_bar` to `end_bar` (exclusive): open, high, low, close, volume, quote volume.

    Own log return of a bar = volatility × (strength × m + √(1 − strength²) × z), where m is the exponentially weighted sum of earlier z, scaled to
    unit variance: known before the bar, and seen in trailing returns. `normals` float64[T, 5]; `season` float64[24] scales volume by hour of day.
    A symbol that fades loses 0.6 % a day and four fifths of its volume over its last 45 days.
    """
    signal_weight, slow = decay(signal_half_life_bars), decay(3.0 * bars_per_day)
    volume_weight = decay(6.0 * bars_per_day)
    momentum, log_volatility, log_volume = 0.0, 0.0, 0.0
    noise = math.sqrt(1.0 - strength * strength)
    for bar in range(first_bar, end_bar):
        shock = normals[bar, 0]
        log_volatility = slow * log_volatility + math.sqrt(1.0 - slow * slow) * 0.3 * normals[bar, 1]
        sigma = volatility * math.exp(log_volatility - 0.09)
        own = strength * momentum + noise * shock
        momentum = signal_weight * momentum + math.sqrt(1.0 - signal_weight * signal_weight) * shock
        fade = 0.0
        if fades:
            fade = max(0.0, 1.0 - (end_bar - bar) / (FADE_DAYS * bars_per_day))
        step = beta * factor[bar] + sigma * own
        if fade > 0.0:
            step -= 0.006 / bars_per_day
        opened, closed = price, on_grid(price * math.exp(step), price_scale)
        reach = 0.5 * (sigma + abs(step))
        high = on_grid(max(opened, closed) * (1.0 + reach * abs(normals[bar, 2])), price_scale)
        low = on_grid(min(opened, closed) * (1.0 - min(0.5, reach * abs(normals[bar, 3]))), price_scale)
        log_volume = volume_weight * log_volume + math.sqrt(1.0 - volume_weight * volume_weight) * 0.2 * normals[bar, 4]
        excitement = 0.3 * (abs(shock) - 0.8) + 0.15 * normals[bar, 2]
        hour = int(bar * 24.0 / bars_per_day) % 24
        wanted = quote_volume_per_bar * season[hour] * (1.0 - 0.8 * fade) * math.exp(log_volume + excitement)
        volume = on_grid(wanted / closed, lot_scale)
        out[0, bar], out[1, bar], out[2, bar], out[3, bar] = opened, max(high, opened, closed), min(low, opened, closed), closed
        out[4, bar] = volume
        out[5, bar] = on_grid(volume * 0.5 * (opened + closed), 100.0)
        price = closed
