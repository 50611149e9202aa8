"""One definition of fills: what research fills, the simulated venue fills at the same price and fee, on the same bars."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from tests.fakes.research_market import instruments_of, random_weights, walk_panel
from tests.fakes.trading import approved

from tallystick.contracts.instruments import SignificantFiguresRule
from tallystick.contracts.orders import OrderSide
from tallystick.contracts.quote_money import MICRO, amount_of
from tallystick.contracts.venue_updates import VenueFill, VenueFunding, VenueLiquidation
from tallystick.execution.simulated_venue import SimulatedVenue, VenueCosts
from tallystick.execution.traded_instruments import traded_instrument
from tallystick.execution.venue_bars import VenueBars
from tallystick.kernels.matching import LIQUIDATION
from tallystick.kernels.simulation_books import BAR, FEE, LIQUIDITY, LOTS, POSITION, PRICE, SIDE, SYMBOL
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


@pytest.mark.parametrize("seed", [21, 22, 23])
def test_funding_partial_fills_and_liquidations_are_the_venues_too(seed: int) -> None:
    """Under leverage, on a wild market with thin volume: every fill, funding payment and liquidation, and equity at every close, to the micro-quote."""
    panel = walk_panel(3, 400, seed=seed, volatility=0.06)
    panel = replace(panel, volume=panel.volume / np.array([[2e4], [1e9], [5e7]]))
    # A part of an order may be small; the venue would refuse it as an order of its own.
    rows = tuple(row.model_copy(update={"minimum_notional": "0"}) for row in instruments_of(panel))
    weights = random_weights(panel, seed=seed, most=0.9, change=0.05)
    terms = FillTerms(50_000, 20_000, 40_000, CASH * MICRO, funding_e8=30_000, liquidation_fee_e8=100_000, volume_share=0.1)
    research = simulate_targets(panel, rows, weights, slippage_rows("fixed", 2.0, 0.0, None, weights.shape), terms)
    costs = VenueCosts(50_000, 50_000, 20_000, 20_000, 30_000, 100_000, 0.1, 40_000)
    venue = SimulatedVenue({row.venue_symbol: traded_instrument(row) for row in rows}, costs, Decimal(CASH))
    liquidated, funded = 0, Decimal(0)
    for column in range(panel.bars):
        now_ns = int(panel.open_times_ns[column])
        mine = research.fills[research.fills[:, BAR] == column]
        for fill in mine[mine[:, LIQUIDITY] != LIQUIDATION].tolist():
            row, side = rows[fill[SYMBOL]], OrderSide.BUY if fill[SIDE] > 0 else OrderSide.SELL
            reduces = abs(fill[POSITION] - fill[SIDE] * fill[LOTS]) > abs(fill[POSITION])
            venue.submit(approved("REDUCE" if reduces else "ENTRY", symbol=row.venue_symbol, side=side, quantity=str(row.quantity_of(fill[LOTS]))), now_ns)
        venue.advance(now_ns, bars_at(panel, column))
        found = []
        for update in venue.drain():
            if isinstance(update, VenueFunding):
                funded += update.payment
            else:
                assert isinstance(update, VenueFill | VenueLiquidation), update
                liquidated += isinstance(update, VenueLiquidation)
                found.append((update.symbol, update.side.sign, update.quantity, update.price, update.fee))
        wanted = []
        for fill in mine.tolist():
            row = rows[fill[SYMBOL]]
            wanted.append((row.venue_symbol, fill[SIDE], row.quantity_of(fill[LOTS]), row.price_of(fill[PRICE]), amount_of(fill[FEE])))
        assert found == wanted, column
        assert venue.account().equity == amount_of(int(research.curve[column, 0])), column
    assert (liquidated, funded) == (research.liquidated, amount_of(research.funding_micro))
    assert funded != 0
    parts = research.fills[1:, :2] - research.fills[:-1, :2]
    assert len(research.fills) > 40
    assert bool((np.abs(parts).sum(axis=1) == 1).any()), "orders filled over several bars"


def test_the_wild_market_liquidates() -> None:
    panel = walk_panel(1, 60, seed=5)
    fall = np.where(np.arange(60) < 30, 1.0, 0.5)
    panel = replace(panel, open=panel.open * fall, high=panel.high * fall, low=panel.low * fall, close=panel.close * fall)
    weights = np.full((1, 60), np.nan)
    weights[0, 3] = 1.0
    rows = instruments_of(panel)
    terms = FillTerms(0, 0, 10_000, CASH * MICRO, liquidation_fee_e8=100_000)
    short = simulate_targets(panel, rows, -weights, slippage_rows("fixed", 0.0, 0.0, None, (1, 60)), terms)
    assert short.liquidated == 0
    up = replace(panel, open=1 / panel.open, high=1 / panel.low, low=1 / panel.high, close=1 / panel.close)
    caught = simulate_targets(up, rows, -0.9 * weights, slippage_rows("fixed", 0.0, 0.0, None, (1, 60)), terms)
    assert caught.liquidated == 1
    assert caught.fills[-1, LIQUIDITY] == LIQUIDATION
    assert 0 < caught.curve[-1, 0] < CASH * MICRO // 2
