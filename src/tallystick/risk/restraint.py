"""What risk demands: EXIT, REDUCE or BLOCK. Its mandates enter the same arbitration as every other; it never opens anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, Decimal

from tallystick.contracts.decision import Mandate, MandateType
from tallystick.contracts.positions import Position, PositionState
from tallystick.contracts.quote_money import exact
from tallystick.contracts.risk import AccountState, BreakerState, KillState, PortfolioRisk, PositionRisk, RiskConfig
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.risk import calculator, circuit_breaker

BLOCK_AUTHORITY = 10.0
EXIT_CRITICAL_AUTHORITY = 10.0
EXIT_STOP_AUTHORITY = 9.5
REDUCE_WORST_AUTHORITY = 9.0
REDUCE_DISTANCE_AUTHORITY = 8.0
EXIT_PROFIT_AUTHORITY = 7.5
REDUCE_EXPOSURE_AUTHORITY = 7.0

_WORKING = (PositionState.OPEN, PositionState.ENTERING, PositionState.REDUCING)


def restrain(
    account: AccountState,
    positions: Mapping[str, Position],
    marks: Mapping[str, Decimal],
    config: RiskConfig,
    now_ns: int,
    observation_failed: bool,
    breaker: BreakerState,
    kill: KillState,
    instruments: Mapping[str, TradedInstrument] | None = None,
    opened_ns: Mapping[str, int] | None = None,
) -> tuple[Mandate, ...]:
    """Risk's mandates for one cycle, sorted by symbol, then by authority, highest first.

    BLOCK for every symbol: failed observation, open breaker, latched kill, leverage above L_max, a held symbol without a mark.
    Per position: EXIT below D_critical, at the stop loss, at the take profit, and at the time stop where `opened_ns` gives the age; REDUCE below
    D_min_safe, for symbol exposure above L_symbol_max, and of the worst symbol when the smallest distance is below R_liq_min.
    A CLOSING position gets no further demand: its exit is on the way. `instruments` give maintenance by tier and round reductions up to whole lots.
    """
    symbols = sorted({*marks, *positions})
    held = {symbol: positions[symbol] for symbol in sorted(positions) if positions[symbol].quantity}
    priced = {symbol: position for symbol, position in held.items() if symbol in marks}
    risks, portfolio = calculator.assess(account, priced, marks, config, instruments)
    found = list(_blocks(symbols, held, marks, portfolio, config, now_ns, observation_failed, breaker, kill))
    for risk in risks:
        if positions[risk.symbol].state in _WORKING:
            instrument = None if instruments is None else instruments.get(risk.symbol)
            age_ns = now_ns - opened_ns[risk.symbol] if opened_ns is not None and risk.symbol in opened_ns else None
            found += _exits(risk, config, now_ns, age_ns)
            found += _reductions(risk, portfolio, account, config, now_ns, instrument)
    return tuple(sorted(found, key=lambda mandate: (mandate.symbol, -mandate.authority, -mandate.type.value, mandate.reason or "")))


def _blocks(
    symbols: list[str],
    held: Mapping[str, Position],
    marks: Mapping[str, Decimal],
    portfolio: PortfolioRisk,
    config: RiskConfig,
    now_ns: int,
    observation_failed: bool,
    breaker: BreakerState,
    kill: KillState,
) -> Iterator[Mandate]:
    yield from circuit_breaker.block_mandates(breaker, symbols, now_ns)
    reasons = []
    if observation_failed:
        reasons.append(("risk.observation", "observation has failed"))
    if kill.active:
        reasons.append(("risk.kill_switch", f"kill switch: {kill.reason}"))
    if portfolio.total_leverage > config.L_max:
        reasons.append(("risk.leverage", f"leverage {portfolio.total_leverage:.4g} is above L_max {config.L_max:g}"))
    # An unpriced position makes every sum unknown, so nothing may be added anywhere.
    reasons += [("risk.mark", f"no mark for the held symbol {symbol}") for symbol in held if symbol not in marks]
    for source, reason in reasons:
        yield from (_mandate(symbol, MandateType.BLOCK, BLOCK_AUTHORITY, now_ns, source, reason) for symbol in symbols)


def _exits(risk: PositionRisk, config: RiskConfig, now_ns: int, age_ns: int | None) -> Iterator[Mandate]:
    def leave(authority: float, source: str, reason: str) -> Mandate:
        return _mandate(risk.symbol, MandateType.EXIT, authority, now_ns, source, reason, quantity=risk.quantity)

    gain = calculator.profit_fraction(risk)
    if risk.liquidation_distance < config.D_critical:
        reason = f"liquidation distance {risk.liquidation_distance:.4f} is below D_critical {config.D_critical:g}"
        yield leave(EXIT_CRITICAL_AUTHORITY, "risk.liquidation", reason)
    if config.stop_loss_pct > 0 and gain <= -exact(config.stop_loss_pct):
        yield leave(EXIT_STOP_AUTHORITY, "risk.stop_loss", f"result {gain:.4f} of entry is at the stop loss −{config.stop_loss_pct:g}")
    if config.take_profit_pct > 0 and gain >= exact(config.take_profit_pct):
        yield leave(EXIT_PROFIT_AUTHORITY, "risk.take_profit", f"result {gain:.4f} of entry is at the take profit {config.take_profit_pct:g}")
    if age_ns is not None and config.time_stop_s > 0 and age_ns >= config.time_stop_s * NS_PER_SECOND:
        yield leave(EXIT_PROFIT_AUTHORITY, "risk.time_stop", f"held for {age_ns / NS_PER_SECOND:g} s, limit {config.time_stop_s:g} s")


def _reductions(
    risk: PositionRisk,
    portfolio: PortfolioRisk,
    account: AccountState,
    config: RiskConfig,
    now_ns: int,
    instrument: TradedInstrument | None,
) -> Iterator[Mandate]:
    def reduce(authority: float, source: str, reason: str) -> Mandate:
        quantity = reduction_quantity(risk, account, config, instrument)
        return _mandate(risk.symbol, MandateType.REDUCE, authority, now_ns, source, reason, quantity=quantity)

    symbol_leverage = calculator.leverage(risk.quantity * risk.mark_price, account.equity)
    if risk.symbol == portfolio.worst_symbol and portfolio.min_liquidation_distance < config.R_liq_min:
        reason = f"smallest liquidation distance {portfolio.min_liquidation_distance:.4f} is below R_liq_min {config.R_liq_min:g}"
        yield reduce(REDUCE_WORST_AUTHORITY, "risk.worst_symbol", reason)
    if risk.liquidation_distance < config.D_min_safe:
        reason = f"liquidation distance {risk.liquidation_distance:.4f} is below D_min_safe {config.D_min_safe:g}"
        yield reduce(REDUCE_DISTANCE_AUTHORITY, "risk.liquidation", reason)
    if symbol_leverage > config.L_symbol_max:
        reason = f"symbol leverage {symbol_leverage:.4g} is above L_symbol_max {config.L_symbol_max:g}"
        yield reduce(REDUCE_EXPOSURE_AUTHORITY, "risk.exposure", reason)


def reduction_quantity(risk: PositionRisk, account: AccountState, config: RiskConfig, instrument: TradedInstrument | None) -> Decimal:
    """How much to take off: reduction_pct of the position, or more where what is left would still break L_symbol_max (R12), never more than is held."""
    allowed = exact(config.L_symbol_max) * max(account.equity, Decimal(0)) / risk.mark_price
    quantity = max(exact(config.reduction_pct) * risk.quantity, risk.quantity - allowed)
    if instrument is not None:
        quantity = (quantity / instrument.lot).to_integral_value(ROUND_CEILING) * instrument.lot
    return min(quantity, risk.quantity)


def _mandate(symbol: str, kind: MandateType, authority: float, now_ns: int, source: str, reason: str, quantity: Decimal | None = None) -> Mandate:
    return Mandate(symbol=symbol, type=kind, authority=authority, timestamp=now_ns / NS_PER_SECOND, strategy_id=source, quantity=quantity, reason=reason)
