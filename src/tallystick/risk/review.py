"""The review: every request becomes an `ApprovedOrder` or a `RefusedOrder` with the number that decided. The only minter of approvals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tallystick.contracts.orders import LIMIT_TYPES, STOP_TYPES, ApprovedOrder, OrderAction, OrderRequest, OrderType, RefusedOrder
from tallystick.contracts.positions import Direction, Position, PositionState
from tallystick.contracts.quote_money import amount_of
from tallystick.contracts.risk import AccountState, BreakerState, CircuitState, KillState, RiskConfig, ValidationResult
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.kernels.money import NO_VALUE
from tallystick.risk.entry_limits import ENTRY_INVARIANTS, Entry, check_limits
from tallystick.risk.exposures import Exposures, Limits, entry_margin, value_of

REDUCE_CHECKS = ("CLIENT_ID", "INSTRUMENT", "LOT", "TICK", "ORDER_TYPE", "REDUCE_ONLY", "STATE")
ENTRY_CHECKS = ("CLIENT_ID", "INSTRUMENT", "LOT", "TICK", "ORDER_TYPE", "KILL_SWITCH", "CIRCUIT_BREAKER", "BLOCKED", "FLIP", "STATE", "NO_MARK", "MIN_NOTIONAL")


@dataclass(frozen=True, slots=True)
class Review:
    """The answer to a batch, in symbol order."""

    approved: tuple[ApprovedOrder, ...]
    refused: tuple[RefusedOrder, ...]


@dataclass(frozen=True, slots=True)
class _Context:
    positions: Mapping[str, Position]
    marks: Mapping[str, Decimal]
    instruments: Mapping[str, TradedInstrument]
    config: RiskConfig
    breaker: BreakerState
    kill: KillState
    blocked: Mapping[str, str]
    limits: Limits


def review_orders(
    requests: Sequence[OrderRequest],
    account: AccountState,
    positions: Mapping[str, Position],
    marks: Mapping[str, Decimal],
    instruments: Mapping[str, TradedInstrument],
    config: RiskConfig,
    breaker: BreakerState,
    kill: KillState,
    now_ns: int,
    *,
    pending: Mapping[str, Decimal] | None = None,
    blocked: Mapping[str, str] | None = None,
) -> Review:
    """Check a batch in symbol order; each approved addition counts before the next request is looked at.

    pending: signed quantity of working entry orders by symbol, counted as if filled. blocked: symbols whose entries are refused, with the reason
    (an unexplained difference with the venue, decision 16). Orders that only shrink a position pass a kill and an open breaker.
    """
    if not requests:
        return Review((), ())
    context = _Context(positions, marks, instruments, config, breaker, kill, blocked or {}, Limits.of(account, config))
    exposures = Exposures(positions, marks, instruments, pending or {}, config)
    _count_leaving(requests, context, exposures)
    leaving: dict[str, Decimal] = {}
    seen: set[str] = set()
    approved: list[ApprovedOrder] = []
    refused: list[RefusedOrder] = []
    for request in sorted(requests, key=lambda item: item.symbol):
        found = _check_form(request, context, seen)
        if found is None and request.reduce_only:
            found, action, value = _check_reduction(request, context, leaving)
            checks: tuple[str, ...] = REDUCE_CHECKS
        elif found is None:
            found, value = _check_entry(request, context, exposures)
            action, checks = "ENTRY", (*ENTRY_CHECKS, *ENTRY_INVARIANTS)
        if found is not None:
            refused.append(_refusal(request, found))
            continue
        seen.add(str(request.client_id))
        approved.append(ApprovedOrder(request, action, str(request.client_id), amount_of(value), now_ns, checks))
    return Review(tuple(approved), tuple(refused))


def _count_leaving(requests: Sequence[OrderRequest], context: _Context, exposures: Exposures) -> None:
    """Reductions are never refused for the net that they leave behind, so an entry beside them must fit it. Resting stops may never fill."""
    for request in requests:
        position, instrument = context.positions.get(request.symbol), context.instruments.get(request.symbol)
        mark = context.marks.get(request.symbol, Decimal(0))
        if not request.reduce_only or request.order_type in STOP_TYPES or position is None or instrument is None:
            continue
        if position.direction is not None and mark.is_finite() and mark > 0:
            value = value_of(instrument, min(request.quantity, position.quantity), mark)
            exposures.leave(position.direction, max(value, 0))


def _refusal(request: OrderRequest, found: ValidationResult) -> RefusedOrder:
    return RefusedOrder(request, str(found.reason), "risk", found.value, found.limit, str(found.violated_invariant))


def no(invariant: str, reason: str, value: float | None = None, limit: float | None = None) -> ValidationResult:
    """A refusal."""
    return ValidationResult(False, reason, invariant, True, value, limit)


def _check_form(request: OrderRequest, context: _Context, seen: set[str]) -> ValidationResult | None:
    """What any order needs: an id of its own, a known instrument, its grid, the prices of its type."""
    symbol, kind = request.symbol, request.order_type
    if not request.client_id or request.client_id in seen:
        return no("CLIENT_ID", f"expected a client id of its own for the order in {symbol}, found {request.client_id}")
    instrument = context.instruments.get(symbol)
    if instrument is None:
        return no("INSTRUMENT", f"{symbol} is not a traded instrument")
    if request.quantity >= instrument.lot * 2**62:
        return no("OVERFLOW", f"quantity {request.quantity} of {symbol} does not fit the money unit")
    if request.quantity % instrument.lot:
        return no("LOT", f"quantity {request.quantity} of {symbol} is not a multiple of its lot {instrument.lot}", request.size, float(instrument.lot))
    for price in (request.limit_price, request.stop_price):
        fault = None if price is None else instrument.price_fault(price)
        if price is not None and fault is not None:
            return no("TICK", f"price {price} of {symbol} {fault}", float(price), float(instrument.tick))
    takes_limit = kind in LIMIT_TYPES or kind is OrderType.IOC
    if (kind in LIMIT_TYPES and request.limit_price is None) or (request.limit_price is not None and not takes_limit):
        return no("ORDER_TYPE", f"{kind.value} in {symbol} with limit price {request.limit_price}")
    if (kind in STOP_TYPES) != (request.stop_price is not None):
        return no("ORDER_TYPE", f"{kind.value} in {symbol} with stop price {request.stop_price}")
    return None


def _check_reduction(request: OrderRequest, context: _Context, leaving: dict[str, Decimal]) -> tuple[ValidationResult | None, OrderAction, int]:
    """An order that only shrinks: against the position, within what is held and not yet leaving in this batch."""
    symbol = request.symbol
    position = context.positions.get(symbol) or Position.flat(symbol)
    against = position.direction is not None and request.side.sign != position.direction.sign
    free = position.quantity - leaving.get(symbol, Decimal(0)) if against else Decimal(0)
    if request.quantity > free:
        reason = f"reduce-only {request.side.value} of {request.quantity} {symbol} where it can take off {free}"
        return no("REDUCE_ONLY", reason, request.size, float(free)), "REDUCE", 0
    action: OrderAction = "EXIT" if request.quantity == position.quantity else "REDUCE"
    resting = request.order_type in STOP_TYPES
    if action == "REDUCE" and position.state is not PositionState.OPEN and not resting:
        return no("STATE", f"REDUCE of {symbol} needs an OPEN position, found {position.state.value}"), action, 0
    # A resting stop beside an exit may both be there: the venue shrinks them to what is held.
    if not resting:
        leaving[symbol] = leaving.get(symbol, Decimal(0)) + request.quantity
    mark = context.marks.get(symbol) or position.entry_price or Decimal(0)
    value = value_of(context.instruments[symbol], request.quantity, mark) if mark > 0 else 0
    return None, action, max(value, 0)


def _check_entry(request: OrderRequest, context: _Context, exposures: Exposures) -> tuple[ValidationResult | None, int]:
    """An order that adds: latches, the position's state, its price, its minimum, then every limit with what it adds."""
    refused = _check_latches(request, context) or _check_position(request, context, exposures)
    if refused is not None:
        return refused, 0
    symbol, instrument, mark = request.symbol, context.instruments[request.symbol], context.marks[request.symbol]
    price = max(item for item in (mark, request.limit_price, request.stop_price) if item is not None)
    value = value_of(instrument, request.quantity, price)
    if value == NO_VALUE:
        return no("OVERFLOW", f"the notional of {request.quantity} {symbol} at {price} does not fit the money unit"), 0
    least = value_of(instrument, request.quantity, min(item for item in (mark, request.limit_price) if item is not None))
    if amount_of(least) < instrument.min_notional:
        reason = f"notional {amount_of(least):.2f} of {symbol} is below the venue's minimum {instrument.min_notional}"
        return no("MIN_NOTIONAL", reason, least / 1e6, float(instrument.min_notional)), 0
    direction = Direction.LONG if request.side.sign > 0 else Direction.SHORT
    held = exposures.by_symbol.get(symbol, 0)
    entry = Entry(symbol, direction, value, entry_margin(held, value, instrument, context.config))
    refused = check_limits(entry, exposures, context.limits, context.config)
    if refused is None:
        exposures.add(symbol, direction, value, entry.margin)
    return refused, value


def _check_latches(request: OrderRequest, context: _Context) -> ValidationResult | None:
    if context.kill.active:
        return no("KILL_SWITCH", f"the kill switch is on: {context.kill.reason}")
    if context.breaker.state is CircuitState.OPEN:
        return no("CIRCUIT_BREAKER", f"the circuit breaker is open: {context.breaker.reason}")
    if request.symbol in context.blocked:
        return no("BLOCKED", f"entries in {request.symbol} are blocked: {context.blocked[request.symbol]}")
    return None


def _check_position(request: OrderRequest, context: _Context, exposures: Exposures) -> ValidationResult | None:
    symbol = request.symbol
    position = context.positions.get(symbol) or Position.flat(symbol)
    if position.direction is not None and request.side.sign != position.direction.sign:
        reason = f"an order against the {position.direction.value} position in {symbol} must be reduce-only: a flip is EXIT now and ENTRY in a later cycle"
        return no("FLIP", reason, request.size, float(position.quantity))
    if position.state not in (PositionState.FLAT, PositionState.OPEN):
        return no("STATE", f"ENTRY in {symbol} needs FLAT or OPEN, found {position.state.value}")
    mark = context.marks.get(symbol)
    if mark is None or not mark.is_finite() or mark <= 0:
        return no("NO_MARK", f"{symbol} has no mark price, so its risk is unknown")
    if exposures.unpriced:
        return no("NO_MARK", f"{', '.join(exposures.unpriced)} held without a price, so the account's risk is unknown")
    return None
