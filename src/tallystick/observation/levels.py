"""Nodes of the level memory, readable. Weight counts touches and decays; it ranks nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tallystick.contracts.time import NS_PER_SECOND
from tallystick.kernels import level_memory as kernels
from tallystick.kernels.level_memory import LevelMemory, LevelRules

NodeState = Literal["ACTIVE", "DORMANT", "ARCHIVED"]
STATES: tuple[NodeState, ...] = ("ACTIVE", "DORMANT", "ARCHIVED")
REASONS: tuple[Literal["trade", "liquidation"], ...] = ("trade", "liquidation")


@dataclass(frozen=True, slots=True)
class LevelNode:
    """One bucket and side. Prices in quote per unit, volumes in base units, rates in weight per second, times in seconds since 1970 (UTC)."""

    node_id: str
    symbol: str
    side: Literal["buy", "sell"]
    price_center: float
    price_band: float
    state: NodeState
    node_weight: float
    decay_rate: float
    first_seen_ts: float
    last_interaction_ts: float
    interaction_count: int
    liquidation_count: int
    trade_execution_count: int
    volume_total: float
    creation_reason: Literal["trade", "liquidation"]


@dataclass(frozen=True, slots=True)
class LevelCounts:
    """Nodes by state now; created, interactions and revived since the start. archived: since the start, kept or not."""

    active: int
    dormant: int
    archived: int
    created: int
    interactions: int
    revived: int


def node_id(symbol: str, key: int) -> str:
    """symbol_side_bucket."""
    return f"{symbol}_{'sell' if key % 2 else 'buy'}_{key // 2}"


def level_nodes(memory: LevelMemory, s: int, symbol: str, rules: LevelRules, archived: bool = False) -> tuple[LevelNode, ...]:
    """Live nodes of a symbol from the lowest price up, or its archive, oldest first."""
    if archived:
        size, retired = memory.archive_whole.shape[1], int(memory.tallies[s, kernels.RETIRED])
        places = [place % size for place in range(max(0, retired - size), retired)]
        whole, values = memory.archive_whole[s], memory.archive_values[s]
    else:
        places, whole, values = list(range(int(memory.live[s]))), memory.whole[s], memory.values[s]
    return tuple(_node(symbol, whole[place].tolist(), values[place].tolist(), rules) for place in places)


def _node(symbol: str, whole: list[int], values: list[float], rules: LevelRules) -> LevelNode:
    low, high = values[kernels.LOW], values[kernels.HIGH]
    state = STATES[whole[kernels.STATE]]
    return LevelNode(
        node_id(symbol, whole[kernels.KEY]),
        symbol,
        "sell" if whole[kernels.KEY] % 2 else "buy",
        (low + high) / 2,
        high - low,
        state,
        values[kernels.WEIGHT],
        {"ACTIVE": rules.active_decay, "DORMANT": rules.dormant_decay, "ARCHIVED": 0.0}[state],
        whole[kernels.FIRST_NS] / NS_PER_SECOND,
        whole[kernels.LAST_NS] / NS_PER_SECOND,
        whole[kernels.INTERACTIONS],
        whole[kernels.LIQUIDATIONS],
        whole[kernels.TRADES],
        values[kernels.BOUGHT] + values[kernels.SOLD],
        REASONS[whole[kernels.REASON]],
    )


def level_counts(memory: LevelMemory) -> LevelCounts:
    """Counts over all symbols."""
    states = [int(state) for s, live in enumerate(memory.live.tolist()) for state in memory.whole[s, :live, kernels.STATE]]
    tallies = memory.tallies.sum(axis=0).tolist()
    return LevelCounts(
        states.count(kernels.ACTIVE),
        states.count(kernels.DORMANT),
        tallies[kernels.RETIRED],
        tallies[kernels.CREATED],
        tallies[kernels.TOUCHED],
        tallies[kernels.REVIVED],
    )
