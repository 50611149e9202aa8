"""The loop of the cascade generator: open interest, mark and forced closures of one coin, second by second, with cascades put in at random."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel
from tallystick.kernels.market_simulation import decay

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NORMALS = 2
UNIFORMS = 4
PLAN = 4
"""A planned cascade: first second, seconds it lasts, side of the closed positions (+1 long), and what follows (−1 reversal, 0 rest, +1 continuation)."""

AFTER_SECONDS = 300
REST_SECONDS = 240
RECOVERY_HALF_LIFE_SECONDS = 1800.0
RETURN_HALF_LIFE_SECONDS = 86_400.0
"""More longs are closed than shorts, which alone would take a fifth of the price every day."""


@kernel
def simulate_cascades(
    normals: Floats,
    uniforms: Floats,
    hazard: float,
    volatility: float,
    price: float,
    interest: float,
    interest_out: Floats,
    price_out: Floats,
    liquidation_counts: Ints,
    liquidation_sides: Ints,
    plans: Ints,
) -> int:
    """Fill open interest and price float64[T], liquidations and their side (+1 long, −1 short, 0 none) int64[T], plans int64[P, PLAN]; answers plans used.

    `normals` float64[T, 2], `uniforms` float64[T, 4]. A cascade begins with this hazard a second once the last one, its aftermath and a rest are over.
    It lasts 10 to 50 seconds, closes 11 to 22 per cent of open interest and moves the price by 1 to 3 per cent against the closed side; the five
    minutes after it take back, keep or extend the move by about 1 to 2 per cent. Open interest recovers with a half-life of half an hour, the price with
    one of a day, so that a market of months keeps its price.
    """
    target, anchor, used = interest, price, 0
    lasts, age, side, follows = 0, -1, 0, 0
    fall, move, drift, quiet = 0.0, 0.0, 0.0, REST_SECONDS
    recovery, back = 1.0 - decay(RECOVERY_HALF_LIFE_SECONDS), 1.0 - decay(RETURN_HALF_LIFE_SECONDS)
    for second in range(price_out.size):
        step = volatility * normals[second, 0] + back * math.log(anchor / price)
        growth = recovery * math.log(target / interest) + 2e-5 * normals[second, 1]
        count = 0
        if age < 0 and quiet <= 0 and used < plans.shape[0] and uniforms[second, 0] < hazard:
            age, lasts, side = 0, 10 + int(uniforms[second, 1] * 41.0), 1 if uniforms[second, 2] < 0.6 else -1
            follows = int(uniforms[second, 3] * 3.0) - 1
            depth = uniforms[second, 0] / hazard
            fall, move = math.log(1.0 - 0.11 - 0.11 * depth) / lasts, -side * (0.01 + 0.02 * uniforms[second, 1]) / lasts
            drift = -side * follows * (0.01 + 0.01 * depth) / AFTER_SECONDS
            plans[used, 0], plans[used, 1], plans[used, 2], plans[used, 3] = second, lasts, side, follows
            used += 1
        if age >= 0:
            if age < lasts:
                growth += fall
                step += move
                # Closures come in bursts, so that some cascades have more than one wave.
                busy = uniforms[second, 1] < 0.35 or age == 0 or age == lasts - 1
                count = 1 + int(uniforms[second, 2] * 4.0) if busy else 0
            else:
                step += drift
            age += 1
            if age >= lasts + AFTER_SECONDS:
                age, quiet = -1, REST_SECONDS
        else:
            quiet -= 1
            count = 1 if uniforms[second, 1] < 0.002 else 0
        price *= math.exp(step)
        interest *= math.exp(growth)
        price_out[second], interest_out[second], liquidation_counts[second] = price, interest, count
        in_cascade = 0 <= age <= lasts and count > 0
        liquidation_sides[second] = (side if in_cascade else (1 if uniforms[second, 2] < 0.5 else -1)) if count > 0 else 0
    return used
