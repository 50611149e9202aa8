"""Generated liquidation cascades of one coin, second by second: open interest, marks, liquidations, and where they were put. Same seed, same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import PCG64, Generator
from numpy.typing import NDArray

from tallystick.contracts.errors import DataError
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.kernels.cascade_simulation import NORMALS, PLAN, UNIFORMS, simulate_cascades

Ints = NDArray[np.int64]
SECONDS_PER_CASCADE = 900.0
VOLATILITY_PER_SECOND = 4e-5
INTEREST_DECIMALS = 3
MARK_DECIMALS = 1
SIZE_DECIMALS = 3
_FOLLOWS: tuple[Literal["REVERSAL", "NEUTRAL", "CONTINUATION"], ...] = ("REVERSAL", "NEUTRAL", "CONTINUATION")


@dataclass(frozen=True, slots=True)
class PlannedCascade:
    """A cascade as it was put in: UTC nanoseconds, the side that was closed, and the drift that follows (what a rule finds may differ)."""

    start_ns: int
    end_ns: int
    side: Literal["long", "short"]
    follows: Literal["REVERSAL", "NEUTRAL", "CONTINUATION"]


@dataclass(frozen=True, slots=True)
class GeneratedCascades:
    """One coin, one value a second (int64, UTC ns). Units are whole numbers of the last decimal, as the constants of this module say.

    liquidation_sides: +1 a closed long, −1 a closed short; liquidation_units: size in base units; liquidation_marks: price units.
    """

    coin: str
    times: Ints
    interest_units: Ints
    mark_units: Ints
    liquidation_times: Ints
    liquidation_sides: Ints
    liquidation_units: Ints
    liquidation_marks: Ints
    plans: tuple[PlannedCascade, ...]


def generate_cascades(
    seed: int, coin: str = "BTC", seconds: int = 86_400, start_ns: int = 0, *, seconds_per_cascade: float = SECONDS_PER_CASCADE
) -> GeneratedCascades:
    """`seconds` seconds of one coin from `start_ns`, with a cascade every `seconds_per_cascade` on average (beside its aftermath and a rest of about
    nine minutes). Raises DataError for arguments that make no market.
    """
    if seconds < 1 or seed < 0 or start_ns < 0 or start_ns % NS_PER_SECOND or not seconds_per_cascade >= 1.0 or not coin:
        raise DataError(f"expected a seed, a coin and whole seconds, found seed {seed}, {coin!r}, {seconds} seconds from {start_ns} ns")
    rng = Generator(PCG64([seed, *coin.encode()]))
    price, interest = 20_000.0 + 5_000.0 * rng.random(), 60_000.0 + 40_000.0 * rng.random()
    prices, interests = np.empty(seconds), np.empty(seconds)
    counts, sides = np.empty(seconds, dtype=np.int64), np.empty(seconds, dtype=np.int64)
    plans = np.zeros((seconds // 500 + 1, PLAN), dtype=np.int64)
    normals, uniforms = rng.standard_normal((seconds, NORMALS)), rng.random((seconds, UNIFORMS))
    used = simulate_cascades(normals, uniforms, 1.0 / seconds_per_cascade, VOLATILITY_PER_SECOND, price, interest, interests, prices, counts, sides, plans)
    times = start_ns + NS_PER_SECOND * np.arange(seconds, dtype=np.int64)
    # Rounding to whole units is elementwise and exact, so the bytes are the same on every machine that runs the kernel.
    marks = np.maximum(1, np.rint(prices * 10**MARK_DECIMALS)).astype(np.int64)
    places = np.repeat(np.arange(seconds), counts)
    sizes = np.rint((0.05 + 4.0 * rng.random(places.size) ** 2) * 10**SIZE_DECIMALS).astype(np.int64)
    return GeneratedCascades(
        coin=coin,
        times=times,
        interest_units=np.maximum(1, np.rint(interests * 10**INTEREST_DECIMALS)).astype(np.int64),
        mark_units=marks,
        liquidation_times=times[places],
        liquidation_sides=sides[places],
        liquidation_units=sizes,
        liquidation_marks=marks[places],
        plans=tuple(_planned(row, start_ns) for row in plans[:used]),
    )


def _planned(row: Ints, start_ns: int) -> PlannedCascade:
    start = start_ns + int(row[0]) * NS_PER_SECOND
    return PlannedCascade(start, start + int(row[1]) * NS_PER_SECOND, "long" if row[2] > 0 else "short", _FOLLOWS[int(row[3]) + 1])
