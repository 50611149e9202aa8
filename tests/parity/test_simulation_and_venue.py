"""One definition of fills: what research fills, the simulated venue fills at the same price and fee, on the same bars."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from tests.fakes.research_market import instruments_of, random_weights, walk_panel
from tests.fakes.trading import approved

from tallystick.contracts.instruments import SignificantFiguresRule
from tallystick.contracts.orders import OrderSide
from tallystick.contracts.quote_money import MICRO, amount_of
from tallystick.contracts.venue_updates import VenueFill
from tallystick.execution.simulated_venue import SimulatedVenue, VenueCosts
from tallystick.execution.traded_instruments import traded_instrument
from tallystick.execution.venue_bars import VenueBars
from tallystick.kernels.simulation import BAR, FEE, LOTS, POSITION, PRICE, SIDE, SYMBOL
from tallystick.market.bars import BarPanel
from tallystick.research.simulation import FillTerms, simulate_targets, slippage_rows

CASH = 100_000


def bars_at(panel: BarPanel, column: int) -> VenueBars:
    return VenueBars(panel.symbols, *[getattr(panel, name)[:, column].copy() for name in ("open", "high", "low", "close", "volume")])


@pytest.mark.parametrize("figures", [False, True])
def test_same_orders_on_same_bars_give_the_same_fills(figures: bool) -> None:
    panel = walk_panel(3, 200, seed=11)
    # Prices on the grid, so that both see one open; ranges that hold it.
    rows = instruments_of(panel)
    if figures:
        rows = tuple(row.model_copy(update={"price_rule": SignificantFiguresRule(kind="significant_figures", figures=5, max_decimals=6)}) for row in rows)
    weights = random_weights(panel, seed=12, most=0.25, change=0.1)
    terms = FillTerms(fee_e8=50_000, spread_e8=20_000, leverage_e4=10_000, cash_micro=CASH * MICRO)
    research = simulate_targets(panel, rows, weights, slippage_rows("fixed", 2.0, 0.0, None, weights.shape), terms)
    assert research.cut_to_margin == 0

    costs = VenueCosts(taker_fee_e8=50_000, spread_e8=20_000, slippage_e8=20_000, funding_rate_e8=0, volume_share=1.0, leverage_e4=10_000)
    venue = SimulatedVenue({row.venue_symbol: traded_instrument(row) for row in rows}, costs, Decimal(CASH))
    found = []
    for column in range(panel.bars):
        now_ns = int(panel.open_times_ns[column])
        for fill in research.fills[research.fills[:, BAR] == column].tolist():
            row = rows[fill[SYMBOL]]
            side = OrderSide.BUY if fill[SIDE] > 0 else OrderSide.SELL
            reduces = abs(fill[POSITION] - fill[SIDE] * fill[LOTS]) > abs(fill[POSITION])
            venue.submit(approved("REDUCE" if reduces else "ENTRY", symbol=row.venue_symbol, side=side, quantity=str(row.quantity_of(fill[LOTS]))), now_ns)
        venue.advance(now_ns, bars_at(panel, column))
        updates = venue.drain()
        assert all(isinstance(update, VenueFill) for update in updates), updates
        found += [(update.symbol, update.side.sign, update.quantity, update.price, update.fee) for update in updates]
        if column % 20 == 19:
            assert venue.account().equity == amount_of(int(research.curve[column, 0]))
    wanted = [
        (
            rows[fill[SYMBOL]].venue_symbol,
            fill[SIDE],
            rows[fill[SYMBOL]].quantity_of(fill[LOTS]),
            rows[fill[SYMBOL]].price_of(fill[PRICE]),
            amount_of(fill[FEE]),
        )
        for fill in research.fills.tolist()
    ]
    assert found == wanted
    assert len(wanted) > 30
    assert not np.isnan(panel.close).any()
