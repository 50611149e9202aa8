"""The fill model by hand: when a target fills, at what, and what an account may do."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fakes.research_market import START_NS, instruments_of, walk_panel

from tallystick.contracts.errors import ConfigurationError, DataError, StrategyError
from tallystick.contracts.instruments import TickRule
from tallystick.contracts.time import NS_PER_HOUR
from tallystick.kernels.simulation_books import BAR, CASH, FEE, LOTS, POSITION, PRICE, REALIZED, SIDE
from tallystick.market.bars import BarPanel
from tallystick.research.simulation import FillTerms, Simulation, simulate_targets, slippage_rows

NAN = float("nan")
TERMS = FillTerms(fee_e8=100_000, spread_e8=0, leverage_e4=10_000, cash_micro=1_000_000_000)


def simulate(opens: list[float], closes: list[float], weights: list[float], *, terms: FillTerms = TERMS, slippage_bps: float = 0.0) -> Simulation:
    """One symbol with a tick of 0.01 and a lot of 0.001."""
    open_, close = np.array([opens]), np.array([closes])
    times = START_NS + NS_PER_HOUR * np.arange(len(opens), dtype=np.int64)
    panel = BarPanel("testing", 60, ("BTCUSDT",), times, open_, np.maximum(open_, close), np.minimum(open_, close), close, open_ * 0 + 1, open_)
    (row,) = instruments_of(walk_panel(2, 10))[1:]
    row = row.model_copy(update={"price_rule": TickRule(kind="tick", tick="0.01"), "lot": "0.001"})
    return simulate_targets(panel, (row,), np.array([weights]), slippage_rows("fixed", slippage_bps, 0.0, None, (1, len(opens))), terms)


def test_target_of_a_close_fills_at_the_next_open() -> None:
    found = simulate([10.0, 20.0, 30.0, 40.0], [10.0, 20.0, 30.0, 40.0], [NAN, 0.5, NAN, 0.0])
    (entry,) = found.fills
    assert (entry[BAR], entry[PRICE], entry[LOTS]) == (2, 3000, 25_000)  # half of 1000 at the close of 20, filled at 30
    assert entry[FEE] == 750_000
    assert found.curve[-1].tolist() == [1_000_000_000 - 750_000 + 25 * 10_000_000, 250_000_000 - 750_000, 1_000_000_000]


def test_target_of_the_last_close_never_fills() -> None:
    assert len(simulate([10.0, 10.0], [10.0, 10.0], [NAN, 1.0]).fills) == 0


def test_constant_target_is_not_traded_back_to_itself() -> None:
    assert len(simulate([10.0, 10.0, 12.0, 9.0], [10.0, 11.0, 12.0, 9.0], [0.5, 0.5, 0.5, 0.5]).fills) == 1


def test_order_waits_while_there_is_no_bar_and_a_newer_target_replaces_it() -> None:
    found = simulate([10.0, NAN, 20.0, 20.0], [10.0, NAN, 20.0, 20.0], [0.2, 0.4, NAN, NAN])
    (fill,) = found.fills
    # Bar 1 has no bar: its target is known all the same, sized at the last price.
    assert (fill[BAR], fill[LOTS]) == (2, 40_000)


def test_first_bar_of_a_late_listing_is_never_traded_blind() -> None:
    found = simulate([NAN, NAN, 20.0, 20.0], [NAN, NAN, 20.0, 20.0], [0.5, 0.5, 0.5, 0.5])
    assert found.fills[:, BAR].tolist() == [3]


def test_entry_is_cut_to_what_the_cash_can_buy() -> None:
    found = simulate([10.0, 10.0, 10.0], [10.0, 10.0, 10.0], [1.0, NAN, NAN])
    (fill,) = found.fills
    assert found.cut_to_margin == 1
    assert 0 <= fill[CASH] < 11_000
    assert found.curve[-1, 2] <= found.curve[-1, 0]


def test_exit_is_never_cut_and_comes_before_entries() -> None:
    found = simulate([10.0, 10.0, 10.0, 10.0], [10.0, 10.0, 10.0, 10.0], [0.9, NAN, -0.9, NAN][:4])
    assert found.fills[:, [BAR, SIDE]].tolist() == [[1, 1], [3, -1], [3, -1]]
    assert found.fills[1, POSITION] == 0
    assert found.fills[2, POSITION] < 0


def test_entry_below_the_minimum_notional_is_refused_and_counted() -> None:
    found = simulate([10.0, 10.0, 10.0], [10.0, 10.0, 10.0], [0.004, NAN, NAN])
    assert (len(found.fills), found.refused_small) == (0, 1)


def test_trade_result_has_both_fees_and_slippage_in_it() -> None:
    found = simulate([10.0, 10.0, 10.0, 12.0], [10.0, 10.0, 10.0, 12.0], [0.5, NAN, 0.0, NAN], slippage_bps=10)
    assert found.fills[:, PRICE].tolist() == [1001, 1198]
    assert found.trades.tolist() == [[0, 1, 3, int(found.fills[:, REALIZED].sum())]]
    assert found.trades[0, 3] == 50 * (11_980_000 - 10_010_000) - int(found.fills[:, FEE].sum())


def test_short_earns_when_the_price_falls() -> None:
    found = simulate([10.0, 10.0, 8.0, 8.0], [10.0, 10.0, 8.0, 8.0], [-0.5, NAN, 0.0, NAN], terms=FillTerms(0, 0, 10_000, 1_000_000_000))
    assert found.trades.tolist() == [[0, 1, 3, 100_000_000]]
    assert found.curve[-1, 0] == 1_100_000_000


def test_account_that_is_wiped_out_is_an_error_with_its_time() -> None:
    with pytest.raises(StrategyError, match="wiped out at 2024-01-01T02:00:00Z"):
        simulate([10.0, 10.0, 40.0], [10.0, 10.0, 40.0], [-0.9, NAN, NAN])


def test_overflow_is_an_error() -> None:
    with pytest.raises(DataError, match="64 bits"):
        simulate([1e13, 1e13, 8e13], [1e13, 1e13, 8e13], [0.9, NAN, NAN], terms=FillTerms(0, 0, 10_000, 9 * 10**18))


def test_weight_outside_one_is_refused() -> None:
    with pytest.raises(StrategyError, match="between -1 and 1"):
        simulate([10.0, 10.0], [10.0, 10.0], [1.5, NAN])


def test_price_below_one_tick_is_refused() -> None:
    with pytest.raises(DataError, match="at least one tick"):
        simulate([0.001, 0.001], [0.001, 0.001], [0.5, NAN])


def test_slippage_by_volatility_is_clipped_and_wide_before_there_is_any() -> None:
    atr = np.array([[NAN, 0.0001, 0.02, 1.0]])
    assert slippage_rows("atr", 8.0, 0.05, atr, (1, 4)).tolist() == [[300_000, 20_000, 100_000, 300_000]]
    with pytest.raises(ConfigurationError, match="fixed or atr"):
        slippage_rows("random", 8.0, 0.05, None, (1, 4))
