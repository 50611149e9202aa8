"""Decision: what is demanded (mandates), what is done (one action per symbol), and the numbers behind both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from math import inf
from typing import Any, Literal

from tallystick.contracts.contract import Consumer, Contract, Rule
from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.positions import Direction


class MandateType(Enum):
    """What a policy or risk demands. The value is the rank: the larger one is looked at first (decision 18)."""

    EXIT = 5
    BLOCK = 4
    REDUCE = 3
    ENTRY = 2
    HOLD = 1


class ActionType(Enum):
    """What is done with a symbol in a cycle. BLOCK is no action: it only discards entries."""

    ENTRY = "ENTRY"
    EXIT = "EXIT"
    REDUCE = "REDUCE"
    HOLD = "HOLD"
    NO_ACTION = "NO_ACTION"


@dataclass(frozen=True, slots=True)
class Mandate:
    """One demand for one symbol.

    authority: rank within a type, not negative; timestamp and expires: seconds since 1970, UTC (the seed's unit).
    direction: which way an ENTRY opens. quantity: unsigned base units, for a REDUCE how much to take off. entry_price: quote per unit.
    alpha: forecast return over the horizon (signed fraction); target_weight: signed fraction of equity that a policy without a forecast asks for.
    stage, value, limit: where a policy stopped, and the number against its limit, so that a HOLD says why.
    Raises InvariantViolation for an empty symbol, a negative or non-finite authority or time, and an ENTRY without direction (decision 19).
    """

    symbol: str
    type: MandateType
    authority: float
    timestamp: float
    strategy_id: str | None = None
    direction: Direction | None = None
    quantity: Decimal | None = None
    entry_price: Decimal | None = None
    expires: float | None = None
    reason: str | None = None
    alpha: float | None = None
    horizon: str | None = None
    target_weight: float | None = None
    stage: str | None = None
    value: float | None = None
    limit: float | None = None

    def __post_init__(self) -> None:
        if not self.symbol:
            raise InvariantViolation("expected a mandate for a named symbol, found an empty symbol")
        if not (0 <= self.authority < inf and 0 <= self.timestamp < inf):
            name, number = ("timestamp", self.timestamp) if 0 <= self.authority < inf else ("authority", self.authority)
            raise InvariantViolation(f"expected {name} of {self.symbol} finite and not negative, found {number}")
        if self.type is MandateType.ENTRY and self.direction is None:
            raise InvariantViolation(
                f"expected an ENTRY mandate of {self.symbol} to name its direction, found none", hint="Set direction to LONG or SHORT: neither is assumed."
            )


@dataclass(frozen=True, slots=True)
class Action:
    """What is done with one symbol in this cycle: the mandate that won, or why none did.

    stage, value, limit: what decided, and the number against its limit. quantity, alpha, horizon, target_weight: as the mandate says.
    Raises InvariantViolation for an empty symbol and an ENTRY without direction.
    """

    type: ActionType
    symbol: str
    strategy_id: str | None
    direction: Direction | None = None
    reason: str | None = None
    decision_id: str | None = None
    quantity: Decimal | None = None
    alpha: float | None = None
    horizon: str | None = None
    target_weight: float | None = None
    stage: str | None = None
    value: float | None = None
    limit: float | None = None

    def __post_init__(self) -> None:
        if not self.symbol:
            raise InvariantViolation("expected an action for a named symbol, found an empty symbol")
        if self.type is ActionType.ENTRY and self.direction is None:
            raise InvariantViolation(f"expected an ENTRY of {self.symbol} to name its direction, found none")


@dataclass(frozen=True, slots=True)
class ModelPrediction:
    """One model's answer for one symbol. standardized_value in standard deviations within ±3; confidence, freshness in [0, 1]; ic in [-1, 1]."""

    family: str
    target: str
    horizon: str
    raw_value: float
    standardized_value: float
    confidence: float
    ic: float
    freshness: float


@dataclass(frozen=True, slots=True)
class HorizonPredictions:
    """All models of one horizon for one symbol. blended_alpha: forecast return over the horizon (fraction); weights by family, summing to 1."""

    horizon: str
    predictions: tuple[ModelPrediction, ...]
    blended_alpha: float
    blend_weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CostBreakdown:
    """Expected cost of one trade in basis points of its notional."""

    spread_cost: float
    timing_cost: float
    impact_cost: float
    total_cost: float


@dataclass(frozen=True, slots=True)
class ArbitrationResult:
    """The horizon chosen for one symbol, or None. Scores: (|alpha| − cost) / √(horizon / 5 min), basis points; threshold: what a score must reach."""

    selected_horizon: str | None
    horizon_scores: Mapping[str, float]
    cost_breakdown: CostBreakdown | None
    reason: str
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate's verdict: gate_value against limit. metadata: the further numbers, such as p_peak, p_valley, spread_bps."""

    gate_name: str
    allowed: bool
    gate_value: float
    reason: str
    metadata: Mapping[str, float] = field(default_factory=dict)
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class SizingResult:
    """What one symbol is to hold. Weights: signed fractions of equity; shares: signed base units to trade; value against limit: what decided."""

    symbol: str
    raw_weight: float
    gate_adjusted_weight: float
    final_weight: float
    shares: Decimal
    side: Literal["buy", "sell"] | None
    reason: str
    current_weight: float = 0.0
    value: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class PipelineTrace:
    """Every number on the way to one decision, by horizon and then family. Rebuilt by a replay, so it is telemetry and not journal."""

    market_snapshot: Mapping[str, float | None]
    raw_predictions: Mapping[str, Mapping[str, float]]
    standardized_predictions: Mapping[str, Mapping[str, float]]
    confidences: Mapping[str, Mapping[str, float]]
    blend_weights: Mapping[str, Mapping[str, float]]
    blended_alphas: Mapping[str, float]
    horizon_scores: Mapping[str, float]
    cost_breakdown: Mapping[str, CostBreakdown]
    selected_horizon: str | None
    barrier_gate_result: GateResult | None
    spread_gate_result: GateResult | None
    raw_weight: float | None
    gate_adjusted_weight: float | None
    final_weight: float | None
    risk_checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TradeDecision:
    """What was decided for one symbol, up to risk's review.

    Weights: signed fractions of equity; alpha: forecast return over the horizon (fraction); shares: signed base units; timestamp: seconds, UTC.
    stage, value, limit: what decided, and its number against its limit.
    """

    symbol: str
    decision: Literal["TRADE", "HOLD", "BLOCKED"]
    horizon: str | None
    target_weight: float | None
    current_weight: float
    alpha: float | None
    shares: Decimal
    reason: str
    timestamp: float
    trace: PipelineTrace | None = None
    stage: str | None = None
    value: float | None = None
    limit: float | None = None


def _expires_later(mandate: Mandate) -> str | None:
    return None if mandate.expires is None or mandate.expires > mandate.timestamp else f"expires {mandate.expires}, timestamp {mandate.timestamp}"


def _positive_numbers(mandate: Mandate) -> str | None:
    wrong = [number for number in (mandate.quantity, mandate.entry_price) if number is not None and not (number.is_finite() and number > 0)]
    return f"{wrong[0]}" if wrong else None


def _weight_follows_direction(mandate: Mandate) -> str | None:
    signed = [number for number in (mandate.alpha, mandate.target_weight) if number]
    against = mandate.direction is not None and any(number * mandate.direction.sign < 0 for number in signed)
    return f"{mandate.direction.value} with {signed[0]}" if against and mandate.direction is not None else None


def _idle_says_why(action: Action) -> str | None:
    idle = action.type in (ActionType.HOLD, ActionType.NO_ACTION)
    return f"{action.type.value} without a reason" if idle and not action.reason else None


def _acting_names_its_source(action: Action) -> str | None:
    acting = action.type in (ActionType.ENTRY, ActionType.EXIT, ActionType.REDUCE)
    return f"{action.type.value} without strategy_id" if acting and not action.strategy_id else None


def _prediction_ranges(horizon: HorizonPredictions) -> str | None:
    for item in horizon.predictions:
        if not (abs(item.standardized_value) <= 3 and 0 <= item.confidence <= 1 and 0 <= item.freshness <= 1 and -1 <= item.ic <= 1):
            return f"{item.family}: standardized {item.standardized_value}, confidence {item.confidence}, freshness {item.freshness}, ic {item.ic}"
    return None


def _weights_sum_to_one(horizon: HorizonPredictions) -> str | None:
    total = sum(horizon.blend_weights.values())
    return None if not horizon.blend_weights or abs(total - 1.0) <= 1e-9 else f"{total}"


def _weights_not_negative(horizon: HorizonPredictions) -> str | None:
    negative = sorted(family for family, weight in horizon.blend_weights.items() if weight < 0)
    return f"{negative[0]} with {horizon.blend_weights[negative[0]]}" if negative else None


def _selected_was_scored(result: ArbitrationResult) -> str | None:
    known = result.selected_horizon is None or result.selected_horizon in result.horizon_scores
    return None if known else f"{result.selected_horizon} outside {sorted(result.horizon_scores)}"


def _total_is_the_sum(result: ArbitrationResult) -> str | None:
    cost = result.cost_breakdown
    if cost is None:
        return None
    parts = cost.spread_cost + cost.timing_cost + cost.impact_cost
    return None if abs(parts - cost.total_cost) <= 1e-9 * max(1.0, abs(parts)) else f"total {cost.total_cost}, sum {parts}"


def _refusal_has_a_limit(result: GateResult) -> str | None:
    return None if result.allowed or result.limit is not None else f"{result.gate_name} refused without a limit"


def _side_follows_shares(result: SizingResult) -> str | None:
    expected = None if result.shares == 0 else "buy" if result.shares > 0 else "sell"
    return None if result.side == expected else f"side {result.side} for {result.shares} shares"


def _gate_only_shrinks(result: SizingResult) -> str | None:
    return None if abs(result.gate_adjusted_weight) <= abs(result.raw_weight) else f"{result.raw_weight} became {result.gate_adjusted_weight}"


def _trade_has_shares(decision: TradeDecision) -> str | None:
    return None if (decision.decision == "TRADE") == (decision.shares != 0) else f"{decision.decision} with {decision.shares} shares"


def _other_names_its_stage(decision: TradeDecision) -> str | None:
    return None if decision.decision == "TRADE" or decision.stage else f"{decision.decision} without a stage"


def _message(name: str, purpose: str, producer: str, consumers: tuple[Consumer, ...], shape: type[Any], **more: Any) -> Contract:
    return Contract(name=name, version="1.0", purpose=purpose, producer=producer, consumers=consumers, shape=shape, encoding="memory", **more)


CONTRACTS: tuple[Contract, ...] = (
    _message(
        "decision.mandate",
        "One demand for one symbol, from a policy or from risk",
        "decision.policies",
        (Consumer("decision.arbitration", ("*",), "one action per symbol"),),
        Mandate,
        rules=(
            Rule("expires_after_timestamp", "an expiry later than the timestamp", _expires_later, ("D4.52",)),
            Rule("numbers_are_positive", "quantity and entry_price above 0", _positive_numbers, ("D4.52",)),
            Rule("signs_follow_direction", "alpha and target_weight with the sign of the direction", _weight_follows_direction),
        ),
        seed_name="Mandate",
        clauses=("D4.51", "D4.52"),
    ),
    _message(
        "decision.action",
        "What is done with one symbol in this cycle",
        "decision.arbitration",
        (
            Consumer("decision.gates", ("type", "symbol", "direction", "alpha"), "refuse entries"),
            Consumer("decision.sizing", ("type", "symbol", "direction", "quantity", "alpha", "target_weight", "strategy_id"), "orders"),
            Consumer("engine.cycle", ("*",), "journal"),
        ),
        Action,
        rules=(
            Rule("idle_says_why", "a reason for HOLD and NO_ACTION", _idle_says_why),
            Rule("acting_names_its_source", "a strategy_id for ENTRY, EXIT and REDUCE", _acting_names_its_source, ("D4.53",)),
        ),
        seed_name="Action",
        clauses=("D4.53", "D4.57"),
    ),
    _message(
        "decision.horizon_predictions",
        "What the models of one horizon forecast for one symbol",
        "decision.model_alpha",
        (Consumer("decision.horizons", ("horizon", "blended_alpha"), "choose a horizon"), Consumer("engine.cycle", ("*",), "telemetry")),
        HorizonPredictions,
        rules=(
            Rule("predictions_in_range", "standardized within ±3, confidence and freshness in [0, 1], ic in [-1, 1]", _prediction_ranges),
            Rule("weights_sum_to_one", "blend weights that sum to 1", _weights_sum_to_one),
            Rule("weights_are_not_negative", "blend weights of at least 0", _weights_not_negative),
        ),
    ),
    _message(
        "decision.arbitration_result",
        "The horizon chosen for one symbol, with its costs",
        "decision.horizons",
        (Consumer("decision.model_alpha", ("selected_horizon",), "direction and alpha"), Consumer("engine.cycle", ("*",), "telemetry")),
        ArbitrationResult,
        rules=(
            Rule("selected_horizon_was_scored", "a selected horizon among the scores", _selected_was_scored),
            Rule("total_cost_is_the_sum", "total_cost = spread + timing + impact", _total_is_the_sum),
        ),
    ),
    _message(
        "decision.gate_result",
        "One gate's verdict on one action",
        "decision.gates",
        (Consumer("decision.sizing", ("allowed", "gate_value"), "shrink or refuse"), Consumer("engine.cycle", ("*",), "journal")),
        GateResult,
        rules=(Rule("refusal_has_a_limit", "the limit that a refusal broke", _refusal_has_a_limit),),
    ),
    _message(
        "decision.sizing_result",
        "What one symbol is to hold, and what is to be traded for it",
        "decision.sizing",
        (Consumer("engine.cycle", ("*",), "journal"),),
        SizingResult,
        rules=(
            Rule("side_follows_shares", "buy above 0, sell below, none at 0", _side_follows_shares),
            Rule("gate_only_shrinks", "a gated weight no larger than the raw one", _gate_only_shrinks),
        ),
    ),
    _message(
        "decision.trade_decision",
        "What was decided for one symbol, and the number that decided it",
        "decision.sizing",
        (Consumer("engine.cycle", ("*",), "journal"), Consumer("monitoring.trade_journal", ("symbol", "decision", "reason"), "shown to people")),
        TradeDecision,
        rules=(
            Rule("only_a_trade_has_shares", "shares for TRADE and for nothing else", _trade_has_shares),
            Rule("no_trade_names_its_stage", "the stage that decided on HOLD and BLOCKED", _other_names_its_stage),
        ),
    ),
)
