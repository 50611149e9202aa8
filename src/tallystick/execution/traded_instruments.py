"""From an effective-dated instrument to the part of it that money arithmetic needs."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from tallystick.contracts.market import Instrument
from tallystick.contracts.quote_money import MICRO
from tallystick.contracts.time import NS_PER_MINUTE
from tallystick.contracts.traded_instruments import MarginTier, TradedInstrument


def traded_instrument(instrument: Instrument) -> TradedInstrument:
    """Its grid, unit, minimum notional, funding step and margin tiers.

    The maintenance margin is made continuous over the tiers: each deduction is the one before plus lower · (rate − rate before), as venues define it.
    """
    tiers: list[MarginTier] = []
    deduction, rate_before = Fraction(0), Fraction(0)
    for number, tier in enumerate(instrument.margin_tiers):
        rate, lower = Fraction(tier.maintenance_rate), Fraction(tier.lower_notional) * MICRO
        if number:
            deduction += lower * (rate - rate_before)
        rate_before = rate
        tiers.append(MarginTier(int(lower), round(rate * 100_000_000), round(deduction), tier.max_leverage))
    return TradedInstrument(
        symbol=instrument.venue_symbol,
        tick=instrument.tick,
        lot=Decimal(instrument.lot),
        unit_num=instrument.unit_num,
        unit_den=instrument.unit_den,
        min_notional=Decimal(instrument.minimum_notional),
        tiers=tuple(tiers),
        funding_interval_ns=(instrument.funding_interval_minutes or 0) * NS_PER_MINUTE,
        price_figures=instrument.figures,
    )
