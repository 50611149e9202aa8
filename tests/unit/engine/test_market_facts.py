from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from tests.fakes.engine_session import SESSION_BAR, generated, without_bars
from tests.fakes.trading import held

from tallystick.contracts.positions import Direction
from tallystick.engine.bar_feed import BarFeed
from tallystick.engine.market_facts import estimated_spread_bps, held_weights, market_view


def test_spread_is_the_volatility_of_one_trade_by_hand():
    # 2 % a day in 24 bars: σ per bar = 0.02 / √24. 500 million a day in trades of 5,000 are 100,000 trades: 0.02 / √100,000 = 0.632 bps.
    volatility = np.array([0.02 / np.sqrt(24)])
    found = estimated_spread_bps(volatility, np.array([5e8]), 24, 0.0)
    assert found[0] == pytest.approx(0.6324555, rel=1e-6)
    # A hundredth of the volume: ten times the spread.
    assert estimated_spread_bps(volatility, np.array([5e6]), 24, 0.0)[0] == pytest.approx(6.324555, rel=1e-6)


@pytest.mark.clause("D4.140")
def test_spread_has_a_floor_and_is_unknown_where_volatility_or_volume_is():
    volatility, volume = np.array([1e-6, np.nan, 0.01, 0.01]), np.array([1e9, 1e9, np.nan, 0.0])
    assert np.array_equal(estimated_spread_bps(volatility, volume, 24, 2.0), [2.0, np.nan, np.nan, np.nan], equal_nan=True)


def test_view_carries_the_closed_bar_and_no_quote_where_there_was_no_bar():
    panel = without_bars(generated().panel, "BTCUSDT", 0, 1)
    start_ns = int(panel.open_times_ns[SESSION_BAR])
    feed = BarFeed(panel, ("ret_4",), start_ns, start_ns + 3 * panel.interval_ns, 5)
    list(feed.past_turns())
    turn = feed.turn(1)
    view = market_view(feed, turn, Decimal("1234.5"), 2.0)
    row = view.row["BTCUSDT"]
    assert (view.now_ns, view.equity_usd, view.symbols, view.data_age_s) == (start_ns + panel.interval_ns, 1234.5, panel.symbols, 0.0)
    assert np.isnan(view.close[row])
    assert np.isnan(view.quote_age_ms[row])
    others = np.delete(np.arange(len(view.symbols)), row)
    assert (view.quote_age_ms[others] == 0.0).all()
    assert view.close[others].tolist() == panel.close[others, SESSION_BAR].tolist()
    assert view.adv_usd[others].tolist() == (feed.column(turn, feed.adv_feature)[others] * 24).tolist()
    assert (view.spread_bps[others] >= 2.0).all()


def test_held_weights_are_signed_and_nothing_where_nothing_is_left():
    positions = {"A": held("A", "2"), "B": held("B", "1", direction=Direction.SHORT), "C": held("C", "9")}
    marks = {"A": Decimal(100), "B": Decimal(300)}
    assert held_weights(("A", "B", "C", "D"), positions, marks, Decimal(1000)).tolist() == [0.2, -0.3, 0.0, 0.0]
    assert held_weights(("A",), positions, marks, Decimal(0)).tolist() == [0.0]
