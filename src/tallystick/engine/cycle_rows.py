"""The rows of a cycle: what was seen, decided, sent and held, as plain values for the journal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from tallystick.artifacts.canonical import canonical_json, plain
from tallystick.contracts.dashboard import CilsStats
from tallystick.contracts.messages import document_of
from tallystick.contracts.observation import ObservationSnapshot
from tallystick.contracts.orders import ApprovedOrder, CycleStats, ExecutionResult, RefusedOrder
from tallystick.contracts.positions import Position
from tallystick.contracts.risk import AccountState, BreakerState, KillState, RiskConfig
from tallystick.contracts.time import iso_from_ns
from tallystick.contracts.venue_updates import VenueUpdate
from tallystick.decision.sizing import SizedAction
from tallystick.engine.bar_feed import Turn
from tallystick.engine.round_trips import RoundTrips
from tallystick.execution.position_book import PositionBook
from tallystick.execution.simulated_venue import SimulatedVenue
from tallystick.monitoring.bodies import positions_body
from tallystick.risk.review import Review
from tallystick.risk.status import risk_status

# What of a policy's stage table a row keeps: enough to see which number changed. The rest a replay makes again.
_KEPT = ("alphas", "scores_bps", "threshold_bps", "horizon")
EXECUTION = "execution"


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What a cycle knew before it decided."""

    cycle: int
    turn: Turn
    updates: tuple[VenueUpdate, ...]
    snapshot: ObservationSnapshot
    account: AccountState
    positions: Mapping[str, Position]
    marks: Mapping[str, Decimal]
    limits: RiskConfig
    breaker: BreakerState
    kill: KillState


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a cycle decided and what became of it. stages: the numbers of each policy for one action; cils: None without a learner."""

    sized: Sequence[SizedAction]
    review: Review
    results: Sequence[ExecutionResult]
    stats: CycleStats
    stages: Callable[[SizedAction], dict[str, Any]]
    state_sha256: str
    cils: CilsStats | None = None


def intent(cycle: int, turn: Turn, review: Review, cancels: Sequence[str]) -> dict[str, Any]:
    """Orders, and the client ids of working entries to cancel, before any of them leaves."""
    orders = [order_row(order) for order in review.approved]
    row: dict[str, Any] = {"cycle": cycle, "now": iso_from_ns(turn.now_ns), "inputs_sha256": turn.inputs_sha256(), "orders": orders}
    return {**row, "cancels": list(cancels)} if cancels else row


def order_row(order: ApprovedOrder) -> dict[str, Any]:
    """An approved order."""
    request = order.request
    return {
        "order_id": order.client_id,
        "decision_id": str(request.decision_id),
        "symbol": request.symbol,
        "side": request.side.value,
        "order_type": request.order_type.value,
        "quantity": format(request.quantity, "f"),
        "price": None if request.limit_price is None else format(request.limit_price, "f"),
        "reduce_only": request.reduce_only,
    }


def commit(facts: Facts, outcome: Outcome) -> dict[str, Any]:
    """The whole turn."""
    turn, review = facts.turn, outcome.review
    refused = {order.request.symbol: order for order in review.refused}
    sent = {order.request.symbol: order for order in review.approved}
    results = {result.symbol: result for result in outcome.results}
    decisions = []
    for item in outcome.sized:
        symbol = item.action.symbol
        decisions.append(decision_row(item, sent.get(symbol), refused.get(symbol), results.get(symbol), outcome.stages(item)))
    return {
        "cycle": facts.cycle,
        "now": iso_from_ns(turn.now_ns),
        "bar_open": iso_from_ns(turn.open_ns),
        "inputs_sha256": turn.inputs_sha256(),
        "features_sha256": turn.features_sha256(),
        "observation": observation_row(facts.snapshot),
        "updates": [document_of(update) for update in facts.updates],
        "decisions": decisions,
        "orders": [order_row(order) for order in review.approved],
        "refused": [refused_row(order) for order in review.refused],
        "account": account_row(facts.account),
        "positions": positions_body(facts.positions, facts.marks, facts.account.equity),
        "risk": risk_status(facts.account, facts.positions, facts.marks, facts.limits, facts.breaker, facts.kill, turn.now_ns),
        "stats": asdict(outcome.stats),
        "state_sha256": outcome.state_sha256,
        **({} if outcome.cils is None else {"cils": plain(outcome.cils)}),
    }


def observation_row(snapshot: ObservationSnapshot) -> dict[str, Any]:
    """Status and counters, and a hash over the primitives."""
    return {
        "status": snapshot.status.value,
        "counters": plain(snapshot.counters),
        "primitives_sha256": hashlib.sha256(canonical_json(snapshot.primitives)).hexdigest(),
    }


def account_row(account: AccountState) -> dict[str, str]:
    """Money as decimal strings."""
    return {"equity": format(account.equity, "f"), "margin_available": format(account.margin_available, "f")}


def refused_row(order: RefusedOrder) -> dict[str, Any]:
    """A refusal of risk with its number."""
    return {
        "symbol": order.request.symbol,
        "decision_id": str(order.request.decision_id),
        "reason": order.reason,
        "stage": order.stage,
        "value": order.value,
        "limit": order.limit,
        "violated_invariant": order.violated_invariant,
        "quantity": format(order.request.quantity, "f"),
        "side": order.request.side.value,
    }


def decision_row(
    item: SizedAction, sent: ApprovedOrder | None, refused: RefusedOrder | None, result: ExecutionResult | None, stages: dict[str, Any]
) -> dict[str, Any]:
    """What was decided for one symbol, after risk had its say; under `stages` each policy's numbers, and under `execution` what became of it."""
    action, decision = item.action, item.decision
    row = {
        "symbol": action.symbol,
        "decision_id": str(action.decision_id),
        "decision": decision.decision,
        "action": action.type.value,
        "direction": action.direction.value if action.direction else None,
        "stage": decision.stage or "arbitration",
        "reason": decision.reason,
        "value": decision.value,
        "limit": decision.limit,
        "strategy_id": action.strategy_id,
        "horizon": action.horizon,
        "alpha": decision.alpha,
        "current_weight": decision.current_weight,
        "target_weight": decision.target_weight,
        "order_id": sent.client_id if sent else None,
        "stages": {name: _kept(found) for name, found in sorted(stages.items())} | ({} if result is None else {EXECUTION: result_row(result)}),
    }
    if sent is not None and item.request is None:
        again = "the exit is sent again: its order ended and something is held"
        row |= {"decision": "TRADE", "action": "EXIT", "stage": EXECUTION, "reason": again, "target_weight": 0.0, "strategy_id": sent.request.strategy_id}
    if refused is not None:
        row |= {"decision": "BLOCKED", "stage": refused.stage, "reason": refused.reason, "value": refused.value, "limit": refused.limit}
    return row


def result_row(result: ExecutionResult) -> dict[str, Any]:
    """What became of an action, without the symbol and the action that its decision names."""
    document: dict[str, Any] = plain(result)
    return {name: value for name, value in document.items() if name not in ("symbol", "action")}


def _kept(found: Mapping[str, Any]) -> dict[str, Any]:
    raw = {horizon: {name: numbers["raw"] for name, numbers in models.items()} for horizon, models in found.get("predictions", {}).items()}
    return {**({"raw": raw} if raw else {}), **{name: found[name] for name in _KEPT if name in found}}


def state_sha256(book: PositionBook, venue: SimulatedVenue, memories: Sequence[bytes], trips: RoundTrips, breaker: BreakerState, kill: KillState) -> str:
    """SHA-256 over books, working orders, policy memories and latches."""
    document = {
        "book": book.digest(),
        "venue": plain(venue.state()),
        "memories": [hashlib.sha256(memory).hexdigest() for memory in memories],
        "trips": trips.state(),
        "breaker": plain(asdict(breaker)),
        "kill": plain(asdict(kill)),
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
