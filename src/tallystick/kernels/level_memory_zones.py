"""What level memory states about one symbol: the order block and the supply or demand zone."""

from __future__ import annotations

import math
from typing import NamedTuple

from numpy import float64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel
from tallystick.kernels.level_memory import (
    ACTIVE,
    BOUGHT,
    FIRST_NS,
    GAP_MEAN,
    GAP_SQUARES,
    HIGH,
    IDLE_NS,
    INTERACTIONS,
    KEY,
    LAST_NS,
    LIQUIDATIONS,
    LOW,
    NS,
    SOLD,
    STATE,
    WEIGHT,
    LevelMemory,
)
from tallystick.kernels.primitives import seconds_of

# Columns of `order_block`; NaN throughout for none.
(
    BLOCK_KEY,
    BLOCK_LOW,
    BLOCK_HIGH,
    BLOCK_INTERACTIONS,
    BLOCK_RATE,
    BLOCK_BURSTINESS,
    BLOCK_LAST,
    BLOCK_SINCE,
    BLOCK_IDLE,
    BLOCK_BOUGHT,
    BLOCK_SOLD,
    BLOCK_WEIGHT,
    BLOCK_LIQUIDATIONS,
) = range(13)
BLOCK_COLUMNS = 13
# Columns of `zone`; NaN throughout for none.
(
    ZONE_FIRST,
    ZONE_LAST,
    ZONE_LOW,
    ZONE_HIGH,
    ZONE_CENTER,
    ZONE_WIDTH,
    ZONE_NODES,
    ZONE_INTERACTIONS,
    ZONE_VOLUME,
    ZONE_WEIGHT,
    ZONE_ABOVE,
    ZONE_DISPLACED,
    ZONE_DIRECTION,
    ZONE_MAGNITUDE,
    ZONE_RETESTS,
) = range(15)
ZONE_COLUMNS = 15


class ZoneRules(NamedTuple):
    """Order block: at least `block_*`, idle at most block_idle_ns. Zone: gaps, width, displacement as fractions of price; retest in nanoseconds."""

    block_interactions: int = 10
    block_burstiness: float = 0.3
    block_idle_ns: int = 300_000_000_000
    block_weight: float = 0.4
    zone_nodes: int = 3
    zone_gap: float = 0.002
    zone_width: float = 0.005
    zone_weight: float = 0.3
    displacement: float = 0.003
    retest_ns: int = 60_000_000_000


@kernel
def burstiness(mean: float, squares: float, gaps: int) -> float:
    """(σ − μ) / (σ + μ) of the gaps, σ over n (Goh and Barabási 2008); NaN without a gap, or when all gaps are 0."""
    if gaps < 1:
        return math.nan
    sigma = math.sqrt(max(0.0, squares) / gaps)
    if sigma + mean == 0.0:
        return math.nan
    return (sigma - mean) / (sigma + mean)


@kernel
def order_block(memory: LevelMemory, s: int, now_ns: int, rules: ZoneRules, out: NDArray[float64]) -> None:
    """The node that meets every bound with most touches per hour of its age; equal ones: the lowest bucket."""
    out[:] = math.nan
    whole, values = memory.whole[s], memory.values[s]
    best = -1.0
    for place in range(memory.live[s]):
        touches = whole[place, INTERACTIONS]
        idle_ns = now_ns - whole[place, LAST_NS]
        age_ns = now_ns - whole[place, FIRST_NS]
        if touches < rules.block_interactions or idle_ns > rules.block_idle_ns or values[place, WEIGHT] < rules.block_weight or age_ns <= 0:
            continue
        uneven = burstiness(values[place, GAP_MEAN], values[place, GAP_SQUARES], touches - 1)
        rate = touches / (age_ns / NS / 3600.0)
        if not uneven >= rules.block_burstiness or rate <= best:
            continue
        best = rate
        out[BLOCK_KEY] = whole[place, KEY]
        out[BLOCK_LOW] = values[place, LOW]
        out[BLOCK_HIGH] = values[place, HIGH]
        out[BLOCK_INTERACTIONS] = touches
        out[BLOCK_RATE] = rate
        out[BLOCK_BURSTINESS] = uneven
        out[BLOCK_LAST] = seconds_of(whole[place, LAST_NS])
        out[BLOCK_SINCE] = idle_ns / NS
        out[BLOCK_IDLE] = whole[place, IDLE_NS] / NS
        out[BLOCK_BOUGHT] = values[place, BOUGHT]
        out[BLOCK_SOLD] = values[place, SOLD]
        out[BLOCK_WEIGHT] = values[place, WEIGHT]
        out[BLOCK_LIQUIDATIONS] = whole[place, LIQUIDATIONS]


@kernel
def _chain_end(memory: LevelMemory, s: int, first: int, rules: ZoneRules) -> int:
    """Place of the last node of the chain that starts at `first`: small gaps between bands, and no wider than a zone may be."""
    whole, values = memory.whole[s], memory.values[s]
    last = first
    for place in range(first + 1, memory.live[s]):
        if whole[place, STATE] != ACTIVE:
            continue
        gap = values[place, LOW] - values[last, HIGH]
        width = values[place, HIGH] - values[first, LOW]
        center = (values[place, HIGH] + values[first, LOW]) / 2.0
        if gap > rules.zone_gap * values[last, HIGH] or width > rules.zone_width * center:
            break
        last = place
    return last


@kernel
def _add_chain(memory: LevelMemory, s: int, first: int, last: int, now_ns: int, rules: ZoneRules, chain: NDArray[float64]) -> None:
    whole, values = memory.whole[s], memory.values[s]
    chain[:] = 0.0
    for place in range(first, last + 1):
        if whole[place, STATE] != ACTIVE:
            continue
        chain[ZONE_NODES] += 1
        chain[ZONE_INTERACTIONS] += whole[place, INTERACTIONS]
        chain[ZONE_VOLUME] += values[place, BOUGHT] + values[place, SOLD]
        chain[ZONE_WEIGHT] += values[place, WEIGHT]
        if now_ns - whole[place, LAST_NS] <= rules.retest_ns:
            chain[ZONE_RETESTS] += 1
    chain[ZONE_WEIGHT] /= chain[ZONE_NODES]
    chain[ZONE_FIRST] = whole[first, KEY] // 2
    chain[ZONE_LAST] = whole[last, KEY] // 2
    chain[ZONE_LOW] = values[first, LOW]
    chain[ZONE_HIGH] = values[last, HIGH]


@kernel
def zone(memory: LevelMemory, s: int, now_ns: int, price: float, rules: ZoneRules, chain: NDArray[float64], out: NDArray[float64]) -> None:
    """Active nodes chained from the lowest up; of the chains that meet the bounds, the one with most touches (equal ones: the lowest).

    The choice and the bounds do not depend on the price; what lies above or below it does: no zone without a price. chain[ZONE_COLUMNS] is room to work in.
    """
    out[:] = math.nan
    if math.isnan(price):
        return
    most = -1.0
    free = 0
    for first in range(memory.live[s]):
        if first < free or memory.whole[s, first, STATE] != ACTIVE:
            continue
        last = _chain_end(memory, s, first, rules)
        _add_chain(memory, s, first, last, now_ns, rules, chain)
        if chain[ZONE_NODES] >= rules.zone_nodes and chain[ZONE_WEIGHT] >= rules.zone_weight and chain[ZONE_INTERACTIONS] > most:
            most = chain[ZONE_INTERACTIONS]
            for column in range(ZONE_COLUMNS):
                out[column] = chain[column]
        free = last + 1
    if most < 0.0:
        return
    out[ZONE_CENTER] = (out[ZONE_LOW] + out[ZONE_HIGH]) / 2.0
    out[ZONE_WIDTH] = out[ZONE_HIGH] - out[ZONE_LOW]
    off = price - out[ZONE_CENTER]
    out[ZONE_ABOVE] = 1.0 if out[ZONE_CENTER] > price else 0.0
    out[ZONE_MAGNITUDE] = abs(off) / out[ZONE_CENTER]
    out[ZONE_DISPLACED] = 1.0 if out[ZONE_MAGNITUDE] >= rules.displacement else 0.0
    if out[ZONE_DISPLACED] > 0.0:
        out[ZONE_DIRECTION] = 1.0 if off > 0.0 else -1.0


@kernel
def busiest_node(memory: LevelMemory, s: int) -> int:
    """Place of the active node with most touches, the lowest of equal ones; −1 for none."""
    best = -1
    for place in range(memory.live[s]):
        if memory.whole[s, place, STATE] == ACTIVE and (best < 0 or memory.whole[s, place, INTERACTIONS] > memory.whole[s, best, INTERACTIONS]):
            best = place
    return best
