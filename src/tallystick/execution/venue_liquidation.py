"""Liquidation at the simulated venue: cross margin, checked at every position's adverse extreme of the bar at once, the most cautious reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.orders import OrderSide
from tallystick.contracts.quote_money import amount_of
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.contracts.venue_updates import VenueLiquidation
from tallystick.execution.bar_matching import Quote, taker_price
from tallystick.execution.ledger import Ledger
from tallystick.kernels.fees import fee
from tallystick.kernels.liquidation import is_liquidated
from tallystick.kernels.margin import maintenance_margin
from tallystick.kernels.money import NO_VALUE


def takings(ledger: Ledger, extremes: Mapping[str, int]) -> Iterator[str]:
    """Symbols to take away, one at a time, while equity at these prices does not cover the maintenance of what is held.

    Largest maintenance first, then by symbol. The caller takes each before it asks for the next.
    """
    while ledger.holdings:
        if _is_plainly_safe(ledger, extremes):
            return
        margins = {symbol: maintenance(ledger, symbol, extremes[symbol]) for symbol in ledger.holdings}
        if not is_liquidated(ledger.equity_micro(extremes), sum(margins.values())):
            return
        yield min(margins, key=lambda symbol: (-margins[symbol], symbol))


def _is_plainly_safe(ledger: Ledger, extremes: Mapping[str, int]) -> bool:
    """A bound in plain integers that spares the exact sum on most bars: equity above the highest rate of any tier on everything."""
    equity, gross, highest = ledger.cash_micro, 0, 0
    for symbol, holding in ledger.holdings.items():
        instrument = ledger.instruments[symbol]
        value = holding.lots * extremes[symbol] * instrument.unit_num // instrument.unit_den
        equity += value - holding.cost_micro
        gross += abs(value)
        for tier in instrument.tiers:
            highest = max(highest, tier.rate_e8)
    # Two micro-quote per holding cover the roundings of the exact sums.
    return (equity - 2 * len(ledger.holdings)) * 100_000_000 > (gross + 2 * len(ledger.holdings)) * highest


def maintenance(ledger: Ledger, symbol: str, mark_ticks: int) -> int:
    """Maintenance margin of a holding at a mark, micro-quote."""
    tiers = ledger.instrument(symbol).tiers
    found = maintenance_margin(
        ledger.value_micro(symbol, mark_ticks),
        np.array([tier.lower_micro for tier in tiers], dtype=np.int64),
        np.array([tier.rate_e8 for tier in tiers], dtype=np.int64),
        np.array([tier.deduction_micro for tier in tiers], dtype=np.int64),
    )
    if found == NO_VALUE:
        raise InvariantViolation(f"expected a maintenance margin of {symbol} that fits int64 micro-quote, found an overflow", where="simulated venue")
    return int(found)


def take(ledger: Ledger, symbol: str, reference: int, quote: Quote, fee_e8: int, update_id: str, now_ns: int) -> VenueLiquidation:
    """Close a holding as a taker from the reference price, with the liquidation's fee."""
    instrument: TradedInstrument = ledger.instrument(symbol)
    lots = ledger.lots(symbol)
    side = -1 if lots > 0 else 1
    price = max(1, taker_price(side, reference, quote, instrument))
    paid = fee(ledger.value_micro(symbol, price), fee_e8)
    ledger.fill(symbol, -lots, price, paid)
    return VenueLiquidation(
        update_id,
        symbol,
        OrderSide.BUY if side > 0 else OrderSide.SELL,
        instrument.quantity(abs(lots)),
        instrument.price(price),
        amount_of(paid),
        "LIQUIDATION",
        now_ns,
    )
