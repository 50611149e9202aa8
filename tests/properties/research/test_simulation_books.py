"""What holds for every simulation: money is conserved, the past does not know the future, and leverage is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.research_market import instruments_of, random_weights, walk_panel

from tallystick.kernels.simulation_books import BAR, FEE, NOTIONAL, POSITION, REALIZED, SIDE, TRADE
from tallystick.research.simulation import FillTerms, Simulation, simulate_targets, slippage_rows

CASH = 50_000_000_000


def simulated(seed: int, leverage: float = 1.0, shocked_from: int | None = None) -> Simulation:
    panel = walk_panel(3, 120, seed=seed, gaps=0.05)
    rows = instruments_of(panel)
    weights = random_weights(panel, seed=seed, most=0.6)
    if shocked_from is not None:
        factor = np.where(np.arange(panel.bars) >= shocked_from, 0.97, 1.0)
        panel = replace(panel, open=panel.open * factor, close=panel.close * factor, high=panel.high * factor, low=panel.low * factor)
        weights = np.where(np.arange(panel.bars) >= shocked_from, -weights, weights)
    slippage = slippage_rows("fixed", 5.0, 0.0, None, weights.shape)
    return simulate_targets(panel, rows, weights, slippage, FillTerms(100_000, 10_000, int(leverage * 10_000), CASH))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_cash_is_what_the_fills_left(seed: int) -> None:
    found = simulated(seed)
    fills = found.fills
    moved = int((fills[:, SIDE] * fills[:, NOTIONAL]).sum()) + int(fills[:, FEE].sum())
    assert int(found.curve[-1, 1]) == CASH - moved
    assert abs(int(found.curve[-1, 0]) - int(found.curve[-1, 1])) <= int(found.curve[-1, 2])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_results_of_closed_trades_are_the_realized_of_their_fills(seed: int) -> None:
    found = simulated(seed)
    closed = int(found.trades[:, 3].sum())
    ended = {int(row[TRADE]) for row in found.fills if row[POSITION] == 0}
    assert closed == sum(int(row[REALIZED]) for row in found.fills if int(row[TRADE]) in ended)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 118))
def test_the_past_does_not_know_the_future(seed: int, shocked_from: int) -> None:
    plain, shocked = simulated(seed), simulated(seed, shocked_from=shocked_from)
    before = plain.fills[plain.fills[:, BAR] < shocked_from]
    assert before.tolist() == shocked.fills[shocked.fills[:, BAR] < shocked_from].tolist()
    assert plain.curve[:shocked_from].tolist() == shocked.curve[:shocked_from].tolist()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 1.0, 2.5]))
def test_an_entry_keeps_the_leverage(seed: int, leverage: float) -> None:
    found = simulated(seed, leverage)
    entered = {int(bar) for bar in found.fills[:, BAR]}
    for bar in entered:
        # Between the open of the fill and this close prices moved by a few percent at most.
        assert found.curve[bar, 2] <= leverage * found.curve[bar, 0] * 1.2
