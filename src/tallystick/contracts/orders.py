"""Orders: what is asked, what risk answers, what the venue answers, and the results of a cycle."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite
from typing import Any

from tallystick.contracts.contract import Consumer, Contract, Rule
from tallystick.contracts.decision import ActionType
from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.order_kinds import LIMIT_TYPES, STOP_TYPES, OrderAction, OrderSide, OrderStatus, OrderType, TimestampNs
from tallystick.contracts.positions import PositionState

__all__ = [
    "CONTRACTS",
    "LIMIT_TYPES",
    "STOP_TYPES",
    "ApprovedOrder",
    "CycleStats",
    "ExecutionResult",
    "OrderAction",
    "OrderFill",
    "OrderRequest",
    "OrderResponse",
    "OrderSide",
    "OrderStatus",
    "OrderType",
    "RefusedOrder",
    "TimestampNs",
]


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What sizing asks for. size and price are the seed's floats; `quantity` and `limit_price` are the same numbers exactly (decision 4).

    size: unsigned base units; price: limit price, None for MARKET and STOP_MARKET, optional for IOC; stop_price: trigger of a stop.
    reduce_only: may only shrink a position. client_id: 32 hex digits derived from the decision (decision 67).
    Build with `OrderRequest.exact`; given floats alone, the exact numbers are those that their shortest text says.
    Raises InvariantViolation for a size that is not above 0 or a price that is not finite and above 0.
    """

    symbol: str
    side: OrderSide
    order_type: OrderType
    size: float
    price: float | None
    quantity: Decimal = field(default=Decimal(0))
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    reduce_only: bool = False
    client_id: str | None = None
    decision_id: str | None = None
    strategy_id: str | None = None

    def __post_init__(self) -> None:
        if not self.symbol or not isfinite(self.size) or self.size <= 0:
            raise InvariantViolation(f"expected an order of a named symbol with a size above 0, found {self.symbol!r} and {self.size}")
        for name, price in (("price", self.price), ("stop_price", self.stop_price)):
            if price is not None and not (isfinite(price) and price > 0):
                raise InvariantViolation(f"expected {name} of {self.symbol} finite and above 0, found {price}")
        if not self.quantity:
            object.__setattr__(self, "quantity", Decimal(repr(self.size)))
        if self.limit_price is None and self.price is not None:
            object.__setattr__(self, "limit_price", Decimal(repr(self.price)))
        if float(self.quantity) != self.size or (None if self.limit_price is None else float(self.limit_price)) != self.price:
            raise InvariantViolation(
                f"expected exact numbers of {self.symbol} equal to size {self.size} and price {self.price}, found {self.quantity} and {self.limit_price}"
            )

    @classmethod
    def exact(
        cls,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        quantity: Decimal,
        limit_price: Decimal | None = None,
        *,
        stop_price: Decimal | None = None,
        reduce_only: bool = False,
        client_id: str | None = None,
        decision_id: str | None = None,
        strategy_id: str | None = None,
    ) -> OrderRequest:
        """A request from exact numbers; the seed's floats are filled from them."""
        price = None if limit_price is None else float(limit_price)
        return cls(symbol, side, order_type, float(quantity), price, quantity, limit_price, stop_price, reduce_only, client_id, decision_id, strategy_id)


@dataclass(frozen=True, slots=True)
class OrderResponse:
    """The venue's answer to one request. SUBMITTED with an error means that it left and no answer came: unknown, never guessed."""

    success: bool
    order_id: str | None
    status: OrderStatus
    error_message: str | None


@dataclass(frozen=True, slots=True)
class OrderFill:
    """One confirmed fill: price in quote per unit, size in unsigned base units, UTC nanoseconds."""

    order_id: str
    price: float
    size: float
    timestamp_ns: TimestampNs


@dataclass(frozen=True, slots=True)
class ApprovedOrder:
    """A request that passed every risk check. Only `risk/` builds one; execution accepts nothing else.

    action: what the order does to its position; notional: quote currency at the price that was checked; checks: the invariants that passed.
    """

    request: OrderRequest
    action: OrderAction
    client_id: str
    notional: Decimal
    approved_at_ns: TimestampNs
    checks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.client_id != self.request.client_id:
            raise InvariantViolation(f"expected the request's client id {self.request.client_id}, found {self.client_id}")


@dataclass(frozen=True, slots=True)
class RefusedOrder:
    """A request that was refused: the sentence, the stage, the number against its limit, and the invariant."""

    request: OrderRequest
    reason: str
    stage: str
    value: float | None
    limit: float | None
    violated_invariant: str

    def __post_init__(self) -> None:
        if not self.reason or not self.violated_invariant:
            raise InvariantViolation("expected a refusal to name its reason and the violated invariant, found one that does not")


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """What became of one action. timestamp in seconds since 1970, UTC (the seed's unit); equities in quote currency, for audit."""

    symbol: str
    action: ActionType
    success: bool
    state_before: PositionState
    state_after: PositionState
    timestamp: float
    error: str | None
    equity_before: Decimal | None = None
    equity_after: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CycleStats:
    """Counts of one cycle."""

    mandates_received: int
    actions_executed: int
    actions_rejected: int
    symbols_processed: int

    def __post_init__(self) -> None:
        counts = (self.mandates_received, self.actions_executed, self.actions_rejected, self.symbols_processed)
        if min(counts) < 0:
            raise InvariantViolation(f"expected counts that are not negative, found {counts}")


def _success_has_an_order(response: OrderResponse) -> str | None:
    good = not response.success or (response.order_id is not None and response.status is not OrderStatus.REJECTED)
    return None if good else f"success with order_id {response.order_id} and status {response.status.value}"


def _failure_says_why(response: OrderResponse) -> str | None:
    return None if response.success or response.error_message else "a failure without error_message"


def _fill_is_positive(fill: OrderFill) -> str | None:
    return None if fill.price > 0 and fill.size > 0 else f"price {fill.price}, size {fill.size}"


def _typed_prices_are_given(request: OrderRequest) -> str | None:
    needs_limit, needs_stop = request.order_type in LIMIT_TYPES, request.order_type in STOP_TYPES
    takes_limit = needs_limit or request.order_type is OrderType.IOC
    good = (request.price is not None or not needs_limit) and (request.price is None or takes_limit) and (request.stop_price is not None) == needs_stop
    return None if good else f"{request.order_type.value} with price {request.price} and stop_price {request.stop_price}"


def _approval_names_its_checks(order: ApprovedOrder) -> str | None:
    return None if order.checks else "no check"


def _refused_by_risk(order: RefusedOrder) -> str | None:
    return None if order.stage == "risk" else order.stage


def _error_only_on_failure(result: ExecutionResult) -> str | None:
    return None if result.success == (result.error is None) else f"success {result.success}, error {result.error!r}"


def _every_executed_action_has_a_symbol(stats: CycleStats) -> str | None:
    acted = stats.actions_executed + stats.actions_rejected
    return None if acted <= stats.symbols_processed else f"{acted} actions for {stats.symbols_processed} symbols"


def _message(name: str, purpose: str, producer: str, consumers: tuple[Consumer, ...], shape: type[Any], **more: Any) -> Contract:
    return Contract(name=name, version="1.0", purpose=purpose, producer=producer, consumers=consumers, shape=shape, encoding="memory", **more)


CONTRACTS: tuple[Contract, ...] = (
    _message(
        "execution.order_request",
        "An order that sizing asks for, before risk has seen it.",
        "decision.sizing",
        (Consumer("risk.review", ("*",), "every limit"), Consumer("execution.order_executor", ("*",), "sent as it is")),
        OrderRequest,
        rules=(Rule("typed_prices_are_given", "the order type has the prices it needs, and no other", _typed_prices_are_given, ("D4.89",)),),
        seed_name="OrderRequest",
        clauses=("D4.88", "D4.89"),
    ),
    _message(
        "execution.order_response",
        "The venue's answer to one request.",
        "execution.order_executor",
        (Consumer("engine.cycle", ("*",), "journal"), Consumer("execution.fill_tracker", ("order_id", "status"), "which orders work")),
        OrderResponse,
        rules=(
            Rule("success_has_an_order", "a success has an order id and is not REJECTED", _success_has_an_order, ("D4.90",)),
            Rule("failure_says_why", "a failure has an error_message", _failure_says_why, ("D4.90",)),
        ),
        seed_name="OrderResponse",
        clauses=("D4.90",),
    ),
    _message(
        "execution.order_fill",
        "One confirmed fill.",
        "execution.fill_tracker",
        (Consumer("monitoring.trade_journal", ("*",), "trades"),),
        OrderFill,
        rules=(Rule("fill_is_positive", "price and size are above 0", _fill_is_positive, ("D4.90",)),),
        seed_name="OrderFill",
        clauses=("D4.90",),
    ),
    _message(
        "risk.approved_order",
        "An order that risk let through: the only thing execution accepts.",
        "risk.review",
        (
            Consumer("execution.order_executor", ("*",), "submits it unchanged"),
            Consumer("engine.cycle", ("*",), "intent in the journal"),
            Consumer("execution.position_book", ("request", "action", "client_id"), "the position's next state"),
        ),
        ApprovedOrder,
        rules=(Rule("approval_names_its_checks", "an approval names the checks it passed", _approval_names_its_checks, ("D4.105",)),),
    ),
    _message(
        "risk.refused_order",
        "An order that risk refused, with the number that decided.",
        "risk.review",
        (Consumer("engine.cycle", ("*",), "journal"), Consumer("monitoring.trade_journal", ("reason", "value", "limit"), "shown to people")),
        RefusedOrder,
        rules=(Rule("refused_by_risk", "the stage is risk", _refused_by_risk, ("D4.62",)),),
    ),
    _message(
        "execution.execution_result",
        "What became of one action.",
        "engine.cycle",
        (Consumer("monitoring.trade_journal", ("*",), "audit"),),
        ExecutionResult,
        rules=(Rule("error_only_on_failure", "a failure names its error, a success names none", _error_only_on_failure, ("D4.101",)),),
        seed_name="ExecutionResult",
        clauses=("D4.101",),
    ),
    _message(
        "execution.cycle_stats",
        "Counts of one cycle.",
        "engine.cycle",
        (Consumer("monitoring.performance", ("*",), "throughput and refusals"),),
        CycleStats,
        rules=(
            Rule("at_most_one_action_per_symbol", "executed and rejected actions do not exceed the symbols", _every_executed_action_has_a_symbol, ("D4.102",)),
        ),
        seed_name="CycleStats",
        clauses=("D4.102",),
    ),
)
