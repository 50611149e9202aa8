"""An engine session: its configuration with every input by hash, and the rows of its journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.training import CodeVersion

RowKind = Literal["session", "intent", "commit", "recovery", "end"]


class ArtifactReference(Shape):
    """An input of a session: its contract, its path below the workspace, and the SHA-256 it had."""

    contract: str
    path: str
    sha256: str


class GateRecord(Shape):
    """The promotion gate's verdict, and whether it was overridden (decision 48)."""

    passed: bool
    overridden: bool
    reasons: tuple[str, ...]


class SessionConfig(Shape):
    """Everything that a session obeys. Times are ISO-8601 UTC; `symbols` keep the order of the pool.

    `settings` holds the frozen settings of each room by its name; `inputs` every artifact that is read, by hash.
    """

    session_id: str
    created_at: str
    venue: str
    network: Literal["paper", "testnet", "mainnet"]
    market_venue: str
    interval_minutes: float
    symbols: tuple[str, ...]
    start: str
    end: str
    starting_cash: float
    degraded: bool
    universe_source: str
    pool_version: str | None
    gate: GateRecord
    code: CodeVersion
    inputs: tuple[ArtifactReference, ...]
    models: tuple[str, ...]
    settings: Mapping[str, Any]


class DecisionRow(Shape):
    """What was decided for one symbol in one cycle, and the stage and number that decided it.

    alpha: forecast return over the horizon (fraction); weights: signed fractions of equity; value against limit: the number that decided.
    """

    symbol: str
    decision_id: str
    decision: Literal["TRADE", "HOLD", "BLOCKED"]
    action: str
    direction: str | None
    stage: str
    reason: str
    value: float | None
    limit: float | None
    strategy_id: str | None
    horizon: str | None
    alpha: float | None
    current_weight: float
    target_weight: float | None
    order_id: str | None
    stages: Mapping[str, Any]


class OrderRow(Shape):
    """An order as risk approved it, before it left; quantities and prices are decimal strings."""

    order_id: str
    decision_id: str
    symbol: str
    side: Literal["buy", "sell"]
    order_type: str
    quantity: str
    price: str | None
    reduce_only: bool


class CycleCommit(Shape):
    """One turn of the engine. Hashes are SHA-256 over the little-endian bytes of the arrays that the cycle saw; `cils` is absent without a learner."""

    cycle: int
    now: str
    bar_open: str
    inputs_sha256: str
    features_sha256: str
    observation: Mapping[str, Any]
    updates: tuple[Mapping[str, Any], ...]
    decisions: tuple[DecisionRow, ...]
    orders: tuple[OrderRow, ...]
    refused: tuple[Mapping[str, Any], ...]
    account: Mapping[str, Any]
    positions: Mapping[str, Any]
    risk: Mapping[str, Any]
    stats: Mapping[str, int]
    state_sha256: str
    cils: Mapping[str, Any] | None = None


class CycleIntent(Shape):
    """The orders of a cycle, and the client ids of working entries that it cancels, durable before any of them leaves."""

    cycle: int
    now: str
    inputs_sha256: str
    orders: tuple[OrderRow, ...]
    cancels: tuple[str, ...] = ()


class SessionMark(Shape):
    """A start, a recovery or an end: which configuration, how many cycles were there."""

    session_id: str
    config_sha256: str
    cycles: int
    recorded_at: str
    status: str


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One row of a journal. `row_sha256` covers the row before, kind, cycle and the stored body bytes."""

    sequence: int
    kind: RowKind
    cycle: int
    body: bytes
    previous_sha256: str
    row_sha256: str


def _symbols_once(config: SessionConfig) -> str | None:
    twice = sorted({symbol for symbol in config.symbols if config.symbols.count(symbol) > 1})
    return f"{', '.join(twice)} twice" if twice else None


def _start_before_end(config: SessionConfig) -> str | None:
    return None if config.start < config.end else f"start {config.start}, end {config.end}"


def _gate_or_override(config: SessionConfig) -> str | None:
    if not config.models or config.gate.passed or (config.gate.overridden and config.network == "paper" and config.degraded):
        return None
    return f"gate passed {config.gate.passed}, overridden {config.gate.overridden}, network {config.network}, degraded {config.degraded}"


_READERS = (
    Consumer("engine.session", ("*",), "start, recover and replay the session"),
    Consumer("engine.trace", ("inputs", "code", "settings"), "walk from an order to what caused it"),
)

CONTRACTS = (
    Contract(
        name="engine.session_config",
        version="1.0",
        purpose="What an engine session obeys, and every input by hash",
        producer="apps.assembly",
        consumers=_READERS,
        shape=SessionConfig,
        paths=("state/sessions/{session_id}/config.json",),
        rules=(
            Rule("symbols_are_listed_once", "each symbol once", _symbols_once),
            Rule("session_starts_before_it_ends", "start before end", _start_before_end),
            Rule(
                "models_passed_the_gate",
                "models with a passed gate, or on paper an override that marks the session degraded (decision 48)",
                _gate_or_override,
                ("D3.37",),
            ),
        ),
        open_maps=("settings",),
        wall_clock=("created_at",),
    ),
    Contract(
        name="engine.journal",
        version="1.0",
        purpose="The truth of a session: inputs by hash, decisions, order intents, fills, money; each row carries the hash of the row before",
        producer="engine.session",
        consumers=(
            Consumer("engine.session", ("*",), "recover after a crash"),
            Consumer("engine.replay", ("*",), "compare a recomputed session with the recorded one"),
            Consumer("engine.trace", ("*",), "find the decision behind an order"),
            Consumer("apps.bridge", ("body",), "answer state, positions, trades and risk"),
        ),
        shape=JournalRow,
        encoding="sqlite",
        paths=("state/sessions/{session_id}/journal.db",),
        clauses=("D4.106",),
    ),
    Contract(
        name="engine.cycle_commit",
        version="1.0",
        purpose="The body of a commit row: one turn of the engine",
        producer="engine.cycle",
        consumers=(
            Consumer("engine.replay", ("*",), "compare stage by stage"),
            Consumer("monitoring.bodies", ("positions", "risk", "updates", "now", "cycle"), "show the session"),
        ),
        shape=CycleCommit,
        encoding="memory",
    ),
    Contract(
        name="engine.cycle_intent",
        version="1.0",
        purpose="The body of an intent row: orders, durable before any leaves",
        producer="engine.cycle",
        consumers=(Consumer("engine.session", ("*",), "know after a crash what may have been sent"),),
        shape=CycleIntent,
        encoding="memory",
        clauses=("D4.106",),
    ),
    Contract(
        name="engine.session_mark",
        version="1.0",
        purpose="The body of a session, recovery or end row",
        producer="engine.session",
        consumers=(Consumer("engine.replay", ("*",), "tell an ended session from one that was cut"),),
        shape=SessionMark,
        encoding="memory",
        wall_clock=("recorded_at",),
    ),
)
