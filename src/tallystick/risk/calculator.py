"""Sums, leverage and liquidation distance. Numbers only: nothing here calls a risk acceptable or decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import inf

from tallystick.contracts.errors import DataError
from tallystick.contracts.positions import Direction, Position
from tallystick.contracts.quote_money import exact, micro_floor
from tallystick.contracts.risk import AccountState, PortfolioRisk, PositionRisk, RiskConfig
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.kernels.liquidation import liquidation_ticks

_DIGITS = 12
_MOST_LEVERAGE = 100_000.0


def total_leverage(account: AccountState, positions: Mapping[str, Position], marks: Mapping[str, Decimal]) -> float:
    """Σ|quantity · mark| / equity; infinite when equity is not positive and something is held. Raises DataError without a mark."""
    gross = sum((position.quantity * mark_of(marks, position.symbol) for position in positions.values() if position.quantity), Decimal(0))
    return leverage(gross, account.equity)


def leverage(notional: Decimal, equity: Decimal) -> float:
    """Notional / equity; 0 for nothing, infinite when equity is not positive."""
    if notional == 0:
        return 0.0
    return float(notional / equity) if equity > 0 else inf


def mark_of(marks: Mapping[str, Decimal], symbol: str) -> Decimal:
    """The mark of a symbol. Raises DataError when there is none, or it is not positive."""
    mark = marks.get(symbol)
    if mark is None or not mark.is_finite() or mark <= 0:
        raise DataError(f"expected a mark price above 0 for {symbol}, found {mark}", hint="Risk of a held position cannot be computed without its price.")
    return mark


def maintenance_rate(instrument: TradedInstrument | None, notional_micro: int, config: RiskConfig) -> Decimal:
    """Maintenance margin over the notional of a position of this size: what the instrument's tier asks, at least the configured rate."""
    floor = exact(config.maintenance_margin_rate)
    if instrument is None or notional_micro <= 0:
        return floor
    tier = next(tier for tier in reversed(instrument.tiers) if notional_micro >= tier.lower_micro)
    return max(floor, Decimal(tier.rate_e8).scaleb(-8) - Decimal(tier.deduction_micro) / notional_micro)


def position_risk(position: Position, mark: Decimal, account_leverage: float, config: RiskConfig, instrument: TradedInstrument | None = None) -> PositionRisk:
    """The liquidation price and distance of one held position. instrument: whose tiers say what maintenance the venue asks of it.

    Margin is shared by the account, so the whole equity stands behind every position. With q·(p − mark) eating equity E = q·mark/L, the maintenance
    q·p·MMR is reached at p ≈ mark·(1 − 1/L + MMR) for a long and mark·(1 + 1/L − MMR) for a short: the isolated formula with the position rebased
    at its mark and L the account's leverage. A position already beyond that price is at distance 0.
    """
    if position.direction is None or position.quantity == 0 or position.entry_price is None:
        raise DataError(f"expected a held position of {position.symbol}, found {position.state.value} with quantity {position.quantity}")
    # A scale of its own keeps twelve figures of any price, 90,000 or 0.00001, inside the int64 of the kernel.
    scale = _DIGITS - 1 - mark.adjusted()
    ticks = int(mark.scaleb(scale))
    rate = maintenance_rate(instrument, micro_floor(position.quantity * mark), config)
    leverage_e4 = max(1, round(min(account_leverage, _MOST_LEVERAGE) * 10_000))
    found = liquidation_ticks(position.direction.sign, ticks, leverage_e4, round(rate.scaleb(8)))
    if found < 0:
        raise DataError(f"expected a liquidation price of {position.symbol} that fits, found an overflow at mark {mark} and leverage {account_leverage}")
    price = Decimal(found).scaleb(-scale)
    price = min(price, mark) if position.direction is Direction.LONG else max(price, mark)
    distance = float(abs(mark - price) / mark)
    return PositionRisk(position.symbol, position.direction, position.quantity, position.entry_price, mark, price, distance)


def portfolio_risk(account: AccountState, risks: Sequence[PositionRisk]) -> PortfolioRisk:
    """Aggregate metrics over the positions."""
    gross = net = Decimal(0)
    for risk in risks:
        value = risk.quantity * risk.mark_price
        gross += value
        net += value * risk.direction.sign
    worst = min(risks, key=lambda risk: (risk.liquidation_distance, risk.symbol), default=None)
    return PortfolioRisk(
        total_leverage=leverage(gross, account.equity),
        min_liquidation_distance=1.0 if worst is None else worst.liquidation_distance,
        net_leverage=leverage(abs(net), account.equity),
        gross_notional=gross,
        net_notional=net,
        worst_symbol=None if worst is None else worst.symbol,
        position_count=len(risks),
    )


def assess(
    account: AccountState,
    positions: Mapping[str, Position],
    marks: Mapping[str, Decimal],
    config: RiskConfig,
    instruments: Mapping[str, TradedInstrument] | None = None,
) -> tuple[tuple[PositionRisk, ...], PortfolioRisk]:
    """Every held position, in symbol order, and their sum. Raises DataError when a held symbol has no mark."""
    held = [positions[symbol] for symbol in sorted(positions) if positions[symbol].quantity]
    account_leverage = total_leverage(account, positions, marks)
    risks = tuple(
        position_risk(position, mark_of(marks, position.symbol), account_leverage, config, (instruments or {}).get(position.symbol)) for position in held
    )
    return risks, portfolio_risk(account, risks)


def profit_fraction(risk: PositionRisk) -> Decimal:
    """Unrealised result as a fraction of the entry price, positive when the position gains."""
    return (risk.mark_price - risk.entry_price) / risk.entry_price * risk.direction.sign
