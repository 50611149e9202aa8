"""Sizing: from actions to order requests, over the whole portfolio at once, scaling down only (decision 24)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import isfinite
from typing import Literal

from numpy import float64
from numpy.typing import NDArray

from tallystick.contracts.decision import Action, ActionType, SizingResult, TradeDecision
from tallystick.contracts.errors import DataError, InvariantViolation
from tallystick.contracts.order_kinds import OrderSide, OrderType
from tallystick.contracts.orders import OrderRequest
from tallystick.contracts.positions import Direction, Position
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.decision.config import DecisionConfig
from tallystick.decision.gates import STAGE as GATING
from tallystick.decision.gates import GatedAction
from tallystick.decision.market_view import MarketView
from tallystick.kernels.money import NO_VALUE
from tallystick.kernels.sizes import lots_from_weight

STAGE = "sizing"
MICRO, E8 = 1_000_000, 100_000_000


@dataclass(frozen=True, slots=True)
class _Plan:
    """An entry's sign and its weights on the way: raw, after the gate, and the target; why and by which number it was held back, or None."""

    sign: int
    raw: float
    gated: float
    target: float
    held_back: tuple[str, float, float] | None = None


@dataclass(frozen=True, slots=True)
class SizedAction:
    """An action after sizing: its order request, or None, and the numbers that say why. The messages about it are made for whoever asks.

    verdict, stage, reason, value, limit: what decided. current, target: signed fractions of equity held now and wanted, target None where nothing was
    planned; shares: signed base units; timestamp: seconds, UTC.
    """

    gated: GatedAction
    request: OrderRequest | None
    verdict: Literal["TRADE", "HOLD", "BLOCKED"]
    stage: str | None
    reason: str
    value: float | None
    limit: float | None
    current: float
    target: float | None
    timestamp: float
    shares: Decimal = Decimal(0)
    plan: _Plan | None = None

    @property
    def action(self) -> Action:
        """What arbitration chose."""
        return self.gated.action

    @property
    def sizing(self) -> SizingResult:
        """The weights on the way, and the number that held an order back."""
        symbol, plan = self.action.symbol, self.plan or _Plan(0, 0.0, 0.0, self.current)
        if self.request is None:
            return SizingResult(symbol, plan.raw, plan.gated, self.current, self.shares, None, self.reason, self.current, self.value, self.limit)
        side: Literal["buy", "sell"] = "buy" if self.request.side is OrderSide.BUY else "sell"
        return SizingResult(symbol, plan.raw, plan.gated, plan.target, self.shares, side, self.reason, self.current)

    @property
    def decision(self) -> TradeDecision:
        """What was decided, for the journal and for people."""
        action = self.action
        return TradeDecision(
            symbol=action.symbol,
            decision=self.verdict,
            horizon=action.horizon,
            target_weight=self.target,
            current_weight=self.current,
            alpha=action.alpha,
            shares=self.shares,
            reason=self.reason,
            timestamp=self.timestamp,
            stage=self.stage,
            value=self.value,
            limit=self.limit,
        )


@dataclass(frozen=True, slots=True)
class _Book:
    view: MarketView
    positions: Mapping[str, Position]
    weights: Mapping[str, float]
    equity: Decimal
    instruments: Mapping[str, TradedInstrument]
    config: DecisionConfig
    identify: Callable[[str], str] | None

    def instrument(self, symbol: str) -> TradedInstrument:
        if symbol not in self.instruments:
            raise DataError(f"expected the instrument of {symbol} to size an order, found none", where=symbol)
        return self.instruments[symbol]

    def current(self, symbol: str) -> float:
        return self.weights.get(symbol, 0.0)


def size(
    gated: Sequence[GatedAction],
    view: MarketView,
    positions: Mapping[str, Position],
    weights: NDArray[float64],
    equity: Decimal,
    instruments: Mapping[str, TradedInstrument],
    config: DecisionConfig,
    *,
    sigmas: Mapping[str, float | None] | None = None,
    identify: Callable[[str], str] | None = None,
) -> tuple[SizedAction, ...]:
    """Every action with its size, in the order given. weights: float64[S] held now, signed fractions of equity, in the order of `view.symbols`.

    Entry: w = clip(alpha / σ, ±cap) · (max_weight / cap) · gate factor, or the policy's target weight · gate factor; within ±position_cap; all entries
    together scaled down to what gross_target leaves; inside the no-trade band nothing happens; |Δw| · equity in whole lots, truncated.
    sigmas: symbol → σ of the chosen horizon's return. identify: decision id → client order id. Exits and reductions are exact quantities.
    Raises DataError for an acting symbol without instrument, price or place in the view; InvariantViolation for an order beyond the money range.
    """
    if not gated:
        return ()
    held = {symbol: weight for symbol, weight in zip(view.symbols, weights.tolist(), strict=True) if isfinite(weight)}
    book = _Book(view, positions, held, equity, instruments, config, identify)
    plans = _plan_entries(gated, book, sigmas or {})
    return tuple(_size_one(item, book, plans.get(item.action.symbol)) for item in gated)


def _plan_entries(gated: Sequence[GatedAction], book: _Book, sigmas: Mapping[str, float | None]) -> dict[str, _Plan]:
    config = book.config
    plans = {
        item.action.symbol: _plan_entry(item, book, sigmas.get(item.action.symbol)) for item in gated if item.action.type is ActionType.ENTRY and item.allowed
    }
    leaving = {item.action.symbol for item in gated if item.action.type is ActionType.EXIT}
    moving = [symbol for symbol in sorted(plans) if plans[symbol].held_back is None]
    unscaled = {symbol: plans[symbol].target for symbol in moving}
    # An entry that scaling holds back keeps its weight, which leaves less room for the others: repeat until the set is stable.
    while moving:
        others = sum(abs(book.weights[symbol]) for symbol in sorted(book.weights) if symbol not in leaving and symbol not in moving)
        wanted = sum(abs(unscaled[symbol]) for symbol in moving)
        room = max(0.0, config.gross_target - others)
        if wanted <= room:
            break
        reason = f"gross target {config.gross_target:g} leaves {room:.4f} for entries that want {wanted:.4f}"
        for symbol in moving:
            plan = replace(plans[symbol], target=unscaled[symbol] * (room / wanted))
            plans[symbol] = _within_band(plan, book.current(symbol), config, reason)
        still = [symbol for symbol in moving if plans[symbol].held_back is None]
        if still == moving:
            break
        moving = still
    return plans


def _plan_entry(item: GatedAction, book: _Book, sigma: float | None) -> _Plan:
    action, config = item.action, book.config
    if action.alpha is not None and sigma is not None and sigma > 0.0:
        strength = min(config.conviction_cap, max(-config.conviction_cap, action.alpha / sigma))
        raw = strength * (config.max_weight / config.conviction_cap)
    elif action.target_weight is not None:
        raw = action.target_weight
    else:
        return _Plan(0, 0.0, 0.0, 0.0, ("neither a forecast with its σ nor a target weight", 0.0, config.no_trade_band))
    if not isfinite(raw) or action.direction is None or raw * action.direction.sign < 0:
        raise InvariantViolation(f"expected a weight of {action.symbol} in the direction of its ENTRY, found {raw} for {action.direction}")
    adjusted = raw * item.factor
    target = min(config.position_cap, max(-config.position_cap, adjusted))
    plan = _Plan(action.direction.sign, raw, adjusted, target)
    return _within_band(plan, book.current(action.symbol), config, "")


def _within_band(plan: _Plan, current: float, config: DecisionConfig, why: str) -> _Plan:
    change = plan.target - current
    note = f"; {why}" if why else ""
    if abs(change) < config.no_trade_band:
        reason = f"change of weight {change:+.4f} is inside the no-trade band {config.no_trade_band:g}{note}"
        return replace(plan, held_back=(reason, abs(change), config.no_trade_band))
    if current * plan.sign < 0.0:
        return replace(plan, held_back=(f"{current:+.4f} is held the other way; EXIT first{note}", abs(plan.target), abs(current)))
    if change * plan.sign < 0.0:
        reason = f"target weight {plan.target:+.4f} is below the {current:+.4f} held; only REDUCE takes off{note}"
        return replace(plan, held_back=(reason, abs(plan.target), abs(current)))
    return plan


def _size_one(item: GatedAction, book: _Book, plan: _Plan | None) -> SizedAction:
    action = item.action
    current = book.current(action.symbol)
    if action.type is ActionType.ENTRY:
        refusal = item.refusal
        if refusal is not None:
            return _no_order(item, book, "BLOCKED", GATING, refusal.reason, refusal.metadata.get("against", refusal.gate_value), refusal.limit)
        assert plan is not None
        return _size_entry(item, book, plan)
    if action.type in (ActionType.EXIT, ActionType.REDUCE):
        return _size_shrinking(item, book)
    # Only a BLOCK leaves its source on a NO_ACTION.
    blocked = action.type is ActionType.NO_ACTION and action.strategy_id is not None
    reason = action.reason or action.type.value
    return _no_order(item, book, "BLOCKED" if blocked else "HOLD", action.stage or "arbitration", reason, action.value, action.limit, target=current)


def _size_entry(item: GatedAction, book: _Book, plan: _Plan) -> SizedAction:
    action, current = item.action, book.current(item.action.symbol)
    if plan.held_back is not None:
        reason, value, limit = plan.held_back
        return _no_order(item, book, "HOLD", STAGE, reason, value, limit, plan=plan)
    instrument = book.instrument(action.symbol)
    row = book.view.row.get(action.symbol)
    close = float("nan") if row is None else float(book.view.close[row])
    if not close > 0.0:
        raise DataError(f"expected a price of {action.symbol} to size an order, found {close}", where=action.symbol)
    ticks = instrument.nearest_ticks(close)
    weight_e8, equity_micro = int((plan.target - current) * E8), int(book.equity * MICRO)
    lots = lots_from_weight(weight_e8, equity_micro, ticks, instrument.unit_num, instrument.unit_den)
    if lots == NO_VALUE:
        raise InvariantViolation(f"expected an order of {action.symbol} inside the money range, found weight {plan.target} of equity {book.equity}")
    quantity = instrument.quantity(abs(int(lots)))
    notional = quantity * instrument.price(ticks)
    if lots == 0:
        reason = f"change of weight {plan.target - current:+.6f} is less than one lot of {instrument.lot}"
        return _no_order(
            item, book, "HOLD", STAGE, reason, abs(plan.target - current) * float(book.equity), float(instrument.lot * instrument.price(ticks)), plan=plan
        )
    if notional < instrument.min_notional:
        reason = f"order of {notional:f} is below the smallest of {instrument.min_notional:f}"
        return _no_order(item, book, "HOLD", STAGE, reason, float(notional), float(instrument.min_notional), plan=plan)
    side = OrderSide.BUY if lots > 0 else OrderSide.SELL
    return _order(item, book, side, quantity, plan, action.reason or "entry", reduce_only=False)


def _size_shrinking(item: GatedAction, book: _Book) -> SizedAction:
    """EXIT takes everything off; REDUCE the mandate's quantity or the configured share, in whole lots, never more than is held."""
    action = item.action
    current, position = book.current(action.symbol), book.positions.get(action.symbol)
    if position is None or position.quantity == 0 or position.direction is None:
        return _no_order(item, book, "HOLD", STAGE, f"{action.type.value} with nothing held", 0.0, 0.0, target=current)
    side = OrderSide.SELL if position.direction is Direction.LONG else OrderSide.BUY
    if action.type is ActionType.EXIT:
        return _order(item, book, side, position.quantity, _Plan(0, 0.0, 0.0, 0.0), action.reason or "exit", reduce_only=True)
    instrument = book.instrument(action.symbol)
    wanted = action.quantity if action.quantity is not None else position.quantity * Decimal(repr(book.config.reduce_share))
    quantity = position.quantity if wanted >= position.quantity else instrument.quantity(instrument.whole_lots(wanted))
    if quantity == 0:
        reason = f"reduction of {wanted:f} is less than one lot of {instrument.lot}"
        return _no_order(item, book, "HOLD", STAGE, reason, float(wanted), float(instrument.lot), target=current)
    target = current * float(1 - quantity / position.quantity)
    return _order(item, book, side, quantity, _Plan(0, target, target, target), action.reason or "reduction", reduce_only=True)


def _order(item: GatedAction, book: _Book, side: OrderSide, quantity: Decimal, plan: _Plan, reason: str, *, reduce_only: bool) -> SizedAction:
    action = item.action
    client_id = None if book.identify is None or action.decision_id is None else book.identify(action.decision_id)
    request = OrderRequest.exact(
        action.symbol,
        side,
        OrderType.MARKET,
        quantity,
        reduce_only=reduce_only,
        client_id=client_id,
        decision_id=action.decision_id,
        strategy_id=action.strategy_id,
    )
    current, stage, shares = book.current(action.symbol), action.stage, quantity * side.sign
    return SizedAction(item, request, "TRADE", stage, reason, action.value, action.limit, current, plan.target, book.view.now_s, shares, plan)


def _no_order(
    item: GatedAction,
    book: _Book,
    verdict: Literal["HOLD", "BLOCKED"],
    stage: str,
    reason: str,
    value: float | None,
    limit: float | None,
    *,
    plan: _Plan | None = None,
    target: float | None = None,
) -> SizedAction:
    wanted = plan.target if plan is not None else target
    return SizedAction(item, None, verdict, stage, reason, value, limit, book.current(item.action.symbol), wanted, book.view.now_s, plan=plan)
