"""Level memory (M2): price buckets of one relative width, touched by trades and liquidations, forgotten with time.

A node is one bucket and one side of the taker. A liquidation, or a trade of at least `trade_value`, makes the node of its own side; every trade and
liquidation afterwards touches the nodes of both sides in its bucket. Weight is a count of touches that decays linearly; it says nothing else, and it
has no upper bound, so an untouched node can outlive its decay: the idle times are what ends it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import inner_kernel, kernel

BUY, SELL = 0, 1
ACTIVE, DORMANT, ARCHIVED = 0, 1, 2
BY_TRADE, BY_LIQUIDATION = 0, 1
# Whole numbers of a node; key = 2 · bucket + side, nodes of a symbol lie in ascending key.
KEY, STATE, REASON, INTERACTIONS, TRADES, LIQUIDATIONS, FIRST_NS, LAST_NS, DECAYED_NS, IDLE_NS = range(10)
WHOLE_COLUMNS = 10
# Values of a node: gaps are seconds between touches, as running mean and sum of squared deviations.
WEIGHT, BOUGHT, SOLD, GAP_MEAN, GAP_SQUARES, LOW, HIGH = range(7)
VALUE_COLUMNS = 7
# Tallies of a symbol since the start.
CREATED, TOUCHED, REVIVED, RETIRED, LOST = range(5)
TALLY_COLUMNS = 5
NS = 1e9


class LevelMemory(NamedTuple):
    """whole[S, N, WHOLE_COLUMNS] and values[S, N, VALUE_COLUMNS] of the live[S] nodes, the archive rings of A nodes, tallies[S, TALLY_COLUMNS].

    clock[1]: number of the last lifecycle update, −1 before the first.
    """

    whole: NDArray[int64]
    values: NDArray[float64]
    live: NDArray[int64]
    archive_whole: NDArray[int64]
    archive_values: NDArray[float64]
    tallies: NDArray[int64]
    clock: NDArray[int64]


class LevelRules(NamedTuple):
    """Width of a bucket in basis points of price; weights; decay in weight per second; idle times and the update interval in nanoseconds."""

    width_bps: float = 10.0
    liquidation_weight: float = 0.5
    trade_weight: float = 0.3
    trade_value: float = 1000.0
    touch_weight: float = 0.1
    revival_weight: float = 0.1
    active_decay: float = 0.0001
    dormant_decay: float = 0.00001
    dormant_below: float = 0.15
    dormant_idle_ns: int = 3_600_000_000_000
    archived_below: float = 0.01
    archived_idle_ns: int = 86_400_000_000_000
    update_ns: int = 10_000_000_000


def empty_levels(symbols: int, nodes: int, archived: int) -> LevelMemory:
    """Memory of up to `nodes` live and `archived` archived nodes for each symbol."""
    return LevelMemory(
        np.zeros((symbols, nodes, WHOLE_COLUMNS), dtype=np.int64),
        np.zeros((symbols, nodes, VALUE_COLUMNS)),
        np.zeros(symbols, dtype=np.int64),
        np.zeros((symbols, archived, WHOLE_COLUMNS), dtype=np.int64),
        np.zeros((symbols, archived, VALUE_COLUMNS)),
        np.zeros((symbols, TALLY_COLUMNS), dtype=np.int64),
        np.full(1, -1, dtype=np.int64),
    )


@inner_kernel
def bucket_edge(bucket: int, width_bps: float) -> float:
    """Lower edge of a bucket: (1 + width)^bucket."""
    return math.exp(bucket * math.log1p(width_bps / 1e4))


@inner_kernel
def bucket_of(price: float, width_bps: float) -> int:
    """The bucket with lower edge ≤ price < upper edge. Rounding of the logarithm is undone, so the edges decide."""
    width = math.log1p(width_bps / 1e4)
    bucket = math.floor(math.log(price) / width)
    while price < math.exp(bucket * width):
        bucket -= 1
    while price >= math.exp((bucket + 1) * width):
        bucket += 1
    return bucket


@inner_kernel
def node_place(whole: NDArray[int64], live: int, key: int) -> int:
    """Place of the first node whose key is not below `key`; `live` for none."""
    low = 0
    high = live
    while low < high:
        middle = (low + high) // 2
        if whole[middle, KEY] < key:
            low = middle + 1
        else:
            high = middle
    return low


@inner_kernel
def _copy_row(source: NDArray[Any], place: int, target: NDArray[Any], slot: int) -> None:
    """target[slot] = source[place], column by column: an assignment of slices looks for overlaps, and its error messages take long to compile."""
    for column in range(source.shape[1]):
        target[slot, column] = source[place, column]


@inner_kernel
def _copy_node(memory: LevelMemory, s: int, place: int, slot: int) -> None:
    _copy_row(memory.whole[s], place, memory.whole[s], slot)
    _copy_row(memory.values[s], place, memory.values[s], slot)


@inner_kernel
def _archive(memory: LevelMemory, s: int, place: int) -> None:
    """Copy a node to the archive ring; the oldest archived one is lost when the ring is full."""
    size = memory.archive_whole.shape[1]
    number = memory.tallies[s, RETIRED]
    if number >= size:
        memory.tallies[s, LOST] += 1
    slot = number % size
    _copy_row(memory.whole[s], place, memory.archive_whole[s], slot)
    _copy_row(memory.values[s], place, memory.archive_values[s], slot)
    memory.archive_whole[s, slot, STATE] = ARCHIVED
    memory.tallies[s, RETIRED] = number + 1


@inner_kernel
def _lightest(memory: LevelMemory, s: int) -> int:
    found = 0
    for place in range(1, memory.live[s]):
        if memory.values[s, place, WEIGHT] < memory.values[s, found, WEIGHT]:
            found = place
    return found


@inner_kernel
def _make_room(memory: LevelMemory, s: int) -> None:
    """A full memory archives its lightest node before its time, which is counted."""
    if memory.live[s] < memory.whole.shape[1]:
        return
    place = _lightest(memory, s)
    _archive(memory, s, place)
    memory.tallies[s, LOST] += 1
    for i in range(place, memory.live[s] - 1):
        _copy_node(memory, s, i + 1, i)
    memory.live[s] -= 1


@inner_kernel
def _add_evidence(memory: LevelMemory, s: int, place: int, quantity: float, side: int, is_liquidation: bool) -> None:
    """Counts and volumes. A liquidation is counted without its volume, because its trade is reported too."""
    memory.whole[s, place, INTERACTIONS] += 1
    if is_liquidation:
        memory.whole[s, place, LIQUIDATIONS] += 1
        return
    memory.whole[s, place, TRADES] += 1
    if side == BUY:
        memory.values[s, place, BOUGHT] += quantity
    else:
        memory.values[s, place, SOLD] += quantity


@inner_kernel
def _touch(memory: LevelMemory, s: int, place: int, time_ns: int, quantity: float, side: int, is_liquidation: bool, rules: LevelRules) -> None:
    gap_ns = max(0, time_ns - memory.whole[s, place, LAST_NS])
    gap = gap_ns / NS
    gaps = memory.whole[s, place, INTERACTIONS]
    off = gap - memory.values[s, place, GAP_MEAN]
    memory.values[s, place, GAP_MEAN] += off / gaps
    memory.values[s, place, GAP_SQUARES] += off * (gap - memory.values[s, place, GAP_MEAN])
    memory.whole[s, place, IDLE_NS] = max(memory.whole[s, place, IDLE_NS], gap_ns)
    memory.whole[s, place, LAST_NS] += gap_ns
    gained = rules.touch_weight
    if memory.whole[s, place, STATE] == DORMANT:
        gained = rules.revival_weight
        memory.whole[s, place, STATE] = ACTIVE
        memory.tallies[s, REVIVED] += 1
    memory.values[s, place, WEIGHT] += gained
    _add_evidence(memory, s, place, quantity, side, is_liquidation)
    memory.tallies[s, TOUCHED] += 1


@inner_kernel
def _create(memory: LevelMemory, s: int, bucket: int, time_ns: int, quantity: float, side: int, is_liquidation: bool, rules: LevelRules) -> None:
    _make_room(memory, s)
    key = 2 * bucket + side
    place = node_place(memory.whole[s], memory.live[s], key)
    for i in range(memory.live[s], place, -1):
        _copy_node(memory, s, i - 1, i)
    memory.live[s] += 1
    for column in range(WHOLE_COLUMNS):
        memory.whole[s, place, column] = 0
    for column in range(VALUE_COLUMNS):
        memory.values[s, place, column] = 0.0
    memory.whole[s, place, KEY] = key
    memory.whole[s, place, STATE] = ACTIVE
    memory.whole[s, place, REASON] = BY_LIQUIDATION if is_liquidation else BY_TRADE
    memory.whole[s, place, FIRST_NS] = time_ns
    memory.whole[s, place, LAST_NS] = time_ns
    memory.whole[s, place, DECAYED_NS] = time_ns
    memory.values[s, place, WEIGHT] = rules.liquidation_weight if is_liquidation else rules.trade_weight
    memory.values[s, place, LOW] = bucket_edge(bucket, rules.width_bps)
    memory.values[s, place, HIGH] = bucket_edge(bucket + 1, rules.width_bps)
    _add_evidence(memory, s, place, quantity, side, is_liquidation)
    memory.tallies[s, CREATED] += 1


@inner_kernel
def touch_levels(
    memory: LevelMemory, s: int, time_ns: int, price: float, quantity: float, side: int, is_liquidation: bool, creates: bool, rules: LevelRules
) -> None:
    """One trade or liquidation of symbol s: touch the nodes of its bucket; make the node of its side where there is none and it `creates`."""
    bucket = bucket_of(price, rules.width_bps)
    place = node_place(memory.whole[s], memory.live[s], 2 * bucket)
    present = False
    while place < memory.live[s] and memory.whole[s, place, KEY] <= 2 * bucket + 1:
        present = present or memory.whole[s, place, KEY] == 2 * bucket + side
        _touch(memory, s, place, time_ns, quantity, side, is_liquidation, rules)
        place += 1
    if creates and not present:
        _create(memory, s, bucket, time_ns, quantity, side, is_liquidation, rules)


@inner_kernel
def _next_state(state: int, weight: float, idle_ns: int, rules: LevelRules) -> int:
    if weight < rules.archived_below or idle_ns >= rules.archived_idle_ns:
        return ARCHIVED
    if weight < rules.dormant_below or idle_ns >= rules.dormant_idle_ns:
        return DORMANT
    return state


@kernel
def _update(memory: LevelMemory, s: int, instant_ns: int, rules: LevelRules) -> None:
    """Decay every node of symbol s to an instant; light or idle ones turn dormant, then go to the archive."""
    kept = 0
    for place in range(memory.live[s]):
        elapsed_ns = max(0, instant_ns - memory.whole[s, place, DECAYED_NS])
        rate = rules.active_decay if memory.whole[s, place, STATE] == ACTIVE else rules.dormant_decay
        memory.values[s, place, WEIGHT] = max(0.0, memory.values[s, place, WEIGHT] - rate * (elapsed_ns / NS))
        memory.whole[s, place, DECAYED_NS] += elapsed_ns
        idle_ns = instant_ns - memory.whole[s, place, LAST_NS]
        state = _next_state(memory.whole[s, place, STATE], memory.values[s, place, WEIGHT], idle_ns, rules)
        if state == ARCHIVED:
            _archive(memory, s, place)
            continue
        memory.whole[s, place, STATE] = state
        if kept != place:
            _copy_node(memory, s, place, kept)
        kept += 1
    memory.live[s] = kept


@inner_kernel
def _any_live(memory: LevelMemory) -> bool:
    for s in range(memory.live.shape[0]):  # noqa: SIM110 - a loop that compiles
        if memory.live[s] > 0:
            return True
    return False


@kernel
def advance_levels(memory: LevelMemory, now_ns: int, rules: LevelRules) -> None:
    """Every lifecycle update up to an instant. They lie on multiples of `update_ns`, so how often time is advanced changes nothing."""
    target = now_ns // rules.update_ns
    if memory.clock[0] < 0:
        memory.clock[0] = target
    while memory.clock[0] < target:
        if not _any_live(memory):
            memory.clock[0] = target
            return
        memory.clock[0] += 1
        for s in range(memory.live.shape[0]):
            _update(memory, s, memory.clock[0] * rules.update_ns, rules)
