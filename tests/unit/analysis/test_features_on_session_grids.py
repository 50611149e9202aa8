"""Features, labels and splits on a grid that has no nights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.feature_bars import every_family
from tests.fakes.session_bars import on_regular_grid, session_panel, without

from tallystick.analysis.features import FeatureStepper, compute_history, warm_up_bars
from tallystick.analysis.labels import forward_return
from tallystick.analysis.splits import hold_out, purged_walk_forward, required_gap

NAMES = every_family(4)
# 20 trading days of 26 bars, one of them cut short; one symbol has no bars across a night
PANEL = without(session_panel(symbols=4, days=26, first_number=7), 2, slice(48, 55))
BENCHMARK = PANEL.symbols[0]


def row(t: int) -> np.ndarray:
    return np.ascontiguousarray(PANEL.stacked()[:, :, t])


def test_live_features_equal_history_bit_for_bit_across_nights() -> None:
    whole = compute_history(PANEL, NAMES, BENCHMARK)
    assert whole.tobytes() == compute_history(PANEL, NAMES, BENCHMARK, parallel=True).tobytes()
    start = warm_up_bars(NAMES) + 33
    stepper = FeatureStepper(NAMES, PANEL.symbols, BENCHMARK)
    warmed = stepper.warm(PANEL.columns(start - stepper.warm_up_bars, start))
    assert warmed.tobytes() == np.ascontiguousarray(whole[:, :, start - 1]).tobytes()
    for t in range(start, start + 60):
        if t == start + 30:
            stepper = FeatureStepper.from_bytes(stepper.to_bytes(), NAMES, PANEL.symbols, BENCHMARK)
        assert stepper.step(PANEL.first_bar_number + t, row(t)).tobytes() == np.ascontiguousarray(whole[:, :, t]).tobytes(), t


def test_windows_see_the_last_bars_of_open_market_and_no_night() -> None:
    found = compute_history(PANEL, ["ret_1", "vol_20", "mean_quote_volume_26"])
    opening = 26
    assert found[0, 0, opening] == PANEL.close[0, opening] / PANEL.close[0, opening - 1] - 1.0
    assert np.isfinite(found[0, :, 26:]).all()
    np.testing.assert_allclose(found[1, 2, 40], PANEL.quote_volume[1, 15:41].mean(), rtol=1e-12)
    nights = compute_history(on_regular_grid(PANEL), ["vol_20"])
    assert np.isfinite(nights).sum() < np.isfinite(found[:, 1]).sum()


def test_label_of_the_last_bar_of_a_day_is_over_the_night() -> None:
    last = 25
    labels = forward_return(PANEL.close, 1)
    assert PANEL.open_times_ns[last + 1] - PANEL.open_times_ns[last] > 10 * PANEL.interval_ns
    assert labels[0, last] == PANEL.close[0, last + 1] / PANEL.close[0, last] - 1.0


@given(st.integers(1, 6), st.integers(1, 30), st.integers(1, 5), st.integers(20, 40))
@settings(max_examples=40, deadline=None)
def test_gap_between_training_and_judging_counts_bars(horizon: int, lookback: int, folds: int, days: int) -> None:
    panel = session_panel(symbols=1, days=days, first_number=3)
    gap = required_gap(horizon_bars=horizon, lookback_bars=lookback, interval_ns=panel.interval_ns)
    for fold in purged_walk_forward(panel.market_clock_ns, folds=folds, gap=gap):
        assert fold.validate[0] - fold.train[-1] == horizon + lookback
    windows = hold_out(panel.market_clock_ns, test_share_pct=20.0, gap=gap)
    assert windows.test[0] - windows.development[-1] == horizon + lookback


@pytest.mark.clause("D1.23")
def test_wall_clock_would_let_training_and_judging_share_bars() -> None:
    panel = session_panel(symbols=1, days=20)
    gap = required_gap(horizon_bars=4, lookback_bars=20, interval_ns=panel.interval_ns)
    naive = [fold.validate[0] - fold.train[-1] for fold in purged_walk_forward(panel.open_times_ns, folds=4, gap=gap)]
    assert min(naive) < 24
