"""How much may be held, by formula. No limit is changed here and no size is called safe."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tallystick.contracts.errors import DataError
from tallystick.contracts.positions import Position
from tallystick.contracts.quote_money import exact
from tallystick.contracts.risk import AccountState, RiskConfig
from tallystick.contracts.traded_instruments import TradedInstrument


@dataclass(frozen=True, slots=True)
class CapitalLimits:
    """max_position_size: unsigned base units on the lot grid, held quantity included; available_capital: quote currency."""

    max_position_size: Decimal
    available_capital: Decimal


def available_capital(account: AccountState, config: RiskConfig) -> Decimal:
    """Free margin above the part of equity that stays free (min_free_margin), at least 0."""
    return max(Decimal(0), account.margin_available - exact(config.min_free_margin) * max(account.equity, Decimal(0)))


def distance_quantity(margin: Decimal, price: Decimal, config: RiskConfig) -> Decimal:
    """margin · L_target / price · (1 − D_min_safe · L_target), at least 0: what keeps the liquidation distance at the target leverage."""
    target = exact(config.L_target)
    return max(Decimal(0), margin * target / price * (1 - exact(config.D_min_safe) * target))


def capital_limits(account: AccountState, position: Position, price: Decimal, config: RiskConfig, instrument: TradedInstrument) -> CapitalLimits:
    """The largest position of one symbol and the capital that is free for new ones.

    The smallest of: safety_factor · distance_quantity, the loss at the stop within risk_fraction · equity (R1), max_position_frac · equity,
    L_symbol_max · equity (R6). The same for a long and a short (R7). Raises DataError for a price that is not above 0.
    """
    if not price.is_finite() or price <= 0:
        raise DataError(f"expected a price above 0 for {position.symbol}, found {price}")
    capital = available_capital(account, config)
    equity = max(account.equity, Decimal(0))
    bounds = [
        position.quantity + exact(config.safety_factor) * distance_quantity(capital, price, config),
        exact(config.max_position_frac) * equity / price,
        exact(config.L_symbol_max) * equity / price,
    ]
    if config.stop_loss_pct > 0:
        bounds.append(exact(config.risk_fraction) * equity / (exact(config.stop_loss_pct) * price))
    return CapitalLimits(instrument.quantity(instrument.whole_lots(min(bounds))), capital)
