"""Training rows of a market that closes."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fakes.session_bars import on_regular_grid, session_panel

from tallystick.contracts.errors import DataError
from tallystick.training.config import TrainingConfig
from tallystick.training.dataset import build_dataset
from tallystick.training.identity import panel_fingerprint
from tallystick.training.plans import target_rows
from tallystick.training.promotion import run_book

CONFIG = TrainingConfig(features=("vol_20", "ret_1", "ma_ratio_10", "mean_quote_volume_60"), targets=("fwd_ret_60m",), training_rows=2_000, folds=3)
PANEL = session_panel(days=60)


def test_every_bar_beyond_the_warm_up_is_usable_and_no_gap_is_shorter_than_its_bars() -> None:
    dataset = build_dataset(PANEL, CONFIG)
    assert dataset.usable[:, dataset.lookback_bars - 1 :].all()
    assert (dataset.day_minutes, dataset.horizon_bars("fwd_ret_60m")) == (390, 4)
    shared = target_rows(dataset, "fwd_ret_60m", CONFIG)
    needed = dataset.lookback_bars + 4
    bars = shared.rows.bars
    assert all(bars[fold.validate[0]] - bars[fold.train[-1]] >= needed for fold in shared.folds)
    assert shared.windows.test[0] - shared.windows.development[-1] >= needed
    assert set(np.diff(bars[shared.development :]).tolist()) == {4}


def test_the_same_bars_on_a_grid_with_nights_have_no_full_window() -> None:
    with pytest.raises(DataError, match="beyond the warm-up"):
        build_dataset(on_regular_grid(PANEL), TrainingConfig(features=("mean_quote_volume_60",), targets=("fwd_ret_60m",)))


def test_sampled_bars_depend_on_their_number_alone() -> None:
    whole, cut = build_dataset(PANEL, CONFIG), build_dataset(PANEL.columns(137, PANEL.bars), CONFIG)
    first = whole.times_ns[whole.every(np.arange(400, 900), 7)]
    second = cut.times_ns[cut.every(np.arange(400 - 137, 900 - 137), 7)]
    assert first.tolist() == second.tolist()


def test_fingerprint_knows_the_numbers_of_a_session_grid() -> None:
    assert panel_fingerprint(session_panel(days=3)) != panel_fingerprint(session_panel(days=3, first_number=1))


def test_decision_35_sharpe_of_equities_counts_horizons_of_open_market() -> None:
    rng = np.random.default_rng(2)
    weights, returns = np.ones((200, 1)), rng.normal(0.001, 0.01, size=(1, 200))
    year = {
        name: run_book(weights, returns, horizon_minutes=390, costs=CONFIG.promotion, day_minutes=minutes).sharpe
        for name, minutes in (("crypto", 1440), ("equities", 390))
    }
    assert year["crypto"] is not None
    assert year["equities"] == pytest.approx(year["crypto"] * (390 / 1440) ** 0.5)
