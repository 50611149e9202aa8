"""Primitives of liquidations: how many and how much near the price, and the phase that trailing counts define."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import inner_kernel, kernel
from tallystick.kernels.primitives import SECOND_NS, seconds_of

PUSHED, LOST = range(2)
# Columns of `liquidation_primitives`; phases in the order of PHASES.
(
    DENSITY_COUNT,
    DENSITY_VALUE,
    DENSITY,
    PHASE,
    WITHIN_5S,
    WITHIN_30S,
    WITHIN_60S,
    VALUE_60S,
    RUN_VALUE,
    RUN_SECONDS,
    RUN_START,
) = range(11)
LIQUIDATION_COLUMNS = 11
NONE, PROXIMITY, LIQUIDATING, CASCADING, EXHAUSTED = range(5)
PHASES = ("NONE", "PROXIMITY", "LIQUIDATING", "CASCADING", "EXHAUSTED")


class LiquidationMemory(NamedTuple):
    """Rings of the last K liquidations of each symbol (values in quote currency), counts[S, 2], and the current run: run_ns[S, 2], run_value[S]."""

    times_ns: NDArray[int64]
    prices: NDArray[float64]
    values: NDArray[float64]
    counts: NDArray[int64]
    run_ns: NDArray[int64]
    run_value: NDArray[float64]


class LiquidationRules(NamedTuple):
    """near: fraction of price; window_ns: of the density; cascading: liquidations in thirty seconds; run_gap_ns: a longer pause starts a new run."""

    near: float = 0.005
    window_ns: int = 60 * SECOND_NS
    cascading: int = 3
    run_gap_ns: int = 60 * SECOND_NS


def empty_liquidations(symbols: int, kept: int) -> LiquidationMemory:
    """Memory of the last `kept` liquidations of each symbol."""
    return LiquidationMemory(
        np.zeros((symbols, kept), dtype=np.int64),
        np.zeros((symbols, kept)),
        np.zeros((symbols, kept)),
        np.zeros((symbols, 2), dtype=np.int64),
        np.zeros((symbols, 2), dtype=np.int64),
        np.zeros(symbols),
    )


@inner_kernel
def push_liquidation(memory: LiquidationMemory, s: int, time_ns: int, price: float, quantity: float, rules: LiquidationRules) -> None:
    """Take one liquidation, times not falling."""
    size = memory.times_ns.shape[1]
    pushed = memory.counts[s, PUSHED]
    slot = pushed % size
    if pushed >= size and memory.times_ns[s, slot] > time_ns - max(rules.window_ns, 60 * SECOND_NS):
        memory.counts[s, LOST] += 1
    if pushed == 0 or time_ns - memory.run_ns[s, 1] > rules.run_gap_ns:
        memory.run_ns[s, 0] = time_ns
        memory.run_value[s] = 0.0
    memory.run_ns[s, 1] = time_ns
    memory.run_value[s] += price * quantity
    memory.times_ns[s, slot] = time_ns
    memory.prices[s, slot] = price
    memory.values[s, slot] = price * quantity
    memory.counts[s, PUSHED] = pushed + 1


@kernel
def cascade_phase(within_5s: int, within_30s: int, within_60s: int, at_risk: int, cascading: int) -> int:
    """CASCADING before LIQUIDATING before EXHAUSTED before PROXIMITY before NONE: counts of the shortest memory speak last."""
    if within_30s >= cascading:
        return CASCADING
    if within_5s >= 1:
        return LIQUIDATING
    if within_60s >= 1 and at_risk == 0:
        return EXHAUSTED
    return PROXIMITY if at_risk > 0 else NONE


@kernel
def _add_density(memory: LiquidationMemory, s: int, now_ns: int, price: float, rules: LiquidationRules, out: NDArray[float64]) -> None:
    size = memory.times_ns.shape[1]
    pushed = memory.counts[s, PUSHED]
    near = 0
    value = 0.0
    for place in range(max(0, pushed - size), pushed):
        slot = place % size
        if memory.times_ns[s, slot] > now_ns - rules.window_ns and abs(memory.prices[s, slot] - price) <= rules.near * price:
            near += 1
            value += memory.values[s, slot]
    if near > 0:
        out[DENSITY_COUNT] = near
        out[DENSITY_VALUE] = value
        out[DENSITY] = value / (rules.window_ns / SECOND_NS)


@kernel
def liquidation_primitives(
    memory: LiquidationMemory, s: int, now_ns: int, price: float, tracked: int, at_risk: int, rules: LiquidationRules, out: NDArray[float64]
) -> None:
    """Density: liquidations later than now − window within `near` of the price, NaN without one. Phase: NaN with no liquidation and no position ever.

    A run is liquidations without a pause above run_gap_ns; it is over when that pause has passed.
    """
    out[:] = math.nan
    size = memory.times_ns.shape[1]
    pushed = memory.counts[s, PUSHED]
    _add_density(memory, s, now_ns, price, rules, out)
    if pushed == 0 and tracked == 0:
        return
    in_5s = 0
    in_30s = 0
    in_60s = 0
    value = 0.0
    for place in range(max(0, pushed - size), pushed):
        slot = place % size
        age_ns = now_ns - memory.times_ns[s, slot]
        if age_ns < 60 * SECOND_NS:
            in_60s += 1
            value += memory.values[s, slot]
            in_30s += 1 if age_ns < 30 * SECOND_NS else 0
            in_5s += 1 if age_ns < 5 * SECOND_NS else 0
    out[WITHIN_5S] = in_5s
    out[WITHIN_30S] = in_30s
    out[WITHIN_60S] = in_60s
    out[VALUE_60S] = value
    out[PHASE] = cascade_phase(in_5s, in_30s, in_60s, at_risk, rules.cascading)
    out[RUN_VALUE] = 0.0
    out[RUN_SECONDS] = 0.0
    if pushed > 0 and now_ns - memory.run_ns[s, 1] <= rules.run_gap_ns:
        out[RUN_VALUE] = memory.run_value[s]
        out[RUN_SECONDS] = (memory.run_ns[s, 1] - memory.run_ns[s, 0]) / SECOND_NS
        out[RUN_START] = seconds_of(memory.run_ns[s, 0])
