"""Each feature family against its textbook formula, and the rules that all windows share."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.fakes.feature_bars import BENCHMARK, make_panel, name_of
from tests.fakes.feature_oracles import ORACLES, oracle

from tallystick.analysis.catalogue import CATALOGUE, find_feature
from tallystick.analysis.features import compute_history

PANEL = make_panel(bars=420)


def columns(row: int) -> dict[str, np.ndarray]:
    names = ("open", "high", "low", "close", "volume", "quote_volume")
    bars = {name: getattr(PANEL, name)[row] for name in names}
    return {**bars, "benchmark": PANEL.close[PANEL.row(BENCHMARK)], "bar": PANEL.open_times_ns // PANEL.interval_ns}


def test_every_family_has_an_oracle() -> None:
    assert set(ORACLES) == set(CATALOGUE)


@pytest.mark.parametrize("pattern", list(CATALOGUE))
@pytest.mark.parametrize("window", [2, 5, 17])
def test_family_follows_its_formula(pattern: str, window: int) -> None:
    name = name_of(pattern, window)
    memory = find_feature(name).memory_bars
    values = compute_history(PANEL, [name], BENCHMARK)[:, 0]
    for row in (0, 1):
        for t in (memory - 1, memory, memory + 7, 419):
            assert values[row, t] == pytest.approx(oracle(pattern, name, columns(row), t), rel=1e-9, abs=1e-12), (name, row, t)


@pytest.mark.parametrize("pattern", [p for p in CATALOGUE if p not in {"drawdown_{n}", "valid_bars_{n}"}])
def test_no_value_before_the_window_is_full(pattern: str) -> None:
    name = name_of(pattern, 6)
    feature = find_feature(name)
    values = compute_history(PANEL, [name], BENCHMARK)[1, 0]
    # Restarted averages speak as soon as an elder has seen a block, which may be before their memory is full.
    first = feature.memory_bars // 2 if feature.kind in {"rsi", "macd"} else feature.memory_bars - 1
    assert np.isnan(values[:first]).all()
    assert np.isfinite(values[feature.memory_bars - 1 :]).all()


@pytest.mark.parametrize("pattern", list(CATALOGUE))
def test_one_missing_bar_is_gone_when_it_has_left_the_memory(pattern: str) -> None:
    name = name_of(pattern, 5)
    memory = find_feature(name).memory_bars
    holed = make_panel(bars=420, holes=[(1, 200, 201)])
    clean, torn = (compute_history(panel, [name], BENCHMARK)[1, 0] for panel in (PANEL, holed))
    assert clean[:200].tobytes() == torn[:200].tobytes()
    assert clean[200 + memory :].tobytes() == torn[200 + memory :].tobytes()
    if pattern not in {"drawdown_{n}", "valid_bars_{n}"} and find_feature(name).kind not in {"rsi", "macd", "change", "excess_change", "mean_slope"}:
        assert np.isnan(torn[200 : 200 + memory]).all()


def test_a_window_that_looks_past_gaps_says_so_and_does() -> None:
    holed = make_panel(bars=60, holes=[(1, 30, 34)])
    depth, valid = compute_history(holed, ["drawdown_20", "valid_bars_20"])[1]
    closes = holed.close[1]
    assert depth[36] == closes[36] / np.nanmax(closes[17:37]) - 1.0
    assert math.isnan(depth[32])
    assert valid[[0, 5, 25, 33, 45]].tolist() == [1, 6, 20, 16, 16]


def test_recursion_of_a_new_listing_waits_for_a_block_of_values() -> None:
    listed = make_panel(bars=420, holes=[(1, 0, 100)])
    strength = compute_history(listed, ["rsi_5"])[1, 0]
    first = int(np.flatnonzero(np.isfinite(strength))[0])
    assert first - 101 >= 49


def test_ranks_are_symmetric_and_shared_by_ties() -> None:
    close = PANEL.close.copy()
    close[2] = close[3]
    tied = type(PANEL)(PANEL.venue, 60, PANEL.symbols, PANEL.open_times_ns, PANEL.open, PANEL.high, PANEL.low, close, PANEL.volume, PANEL.quote_volume)
    returns, rank = compute_history(tied, ["ret_3", "cs_rank_ret_3"]).transpose(1, 0, 2)
    assert np.isnan(rank[:, :3]).all()
    for t in (3, 50, 419):
        order = np.argsort(np.argsort(returns[:, t]))
        expected = (order + 0.5) / 4
        expected[2] = expected[3] = expected[2:].mean()
        np.testing.assert_allclose(rank[:, t], expected, rtol=1e-15)


def test_rank_counts_only_symbols_with_a_value_and_needs_two() -> None:
    holed = make_panel(bars=10, holes=[(0, 5, 10), (1, 5, 10), (2, 8, 10)])
    rank = compute_history(holed, ["cs_rank_close"])[:, 0]
    assert sorted(rank[2:, 6].tolist()) == [0.25, 0.75]
    assert np.isnan(rank[:2, 6]).all()
    assert np.isnan(rank[:, 9]).all()


def test_benchmark_has_beta_and_correlation_of_exactly_one_with_itself() -> None:
    beta, correlation, excess = compute_history(PANEL, ["beta_60", "corr_60", "rs_20"], BENCHMARK)[0]
    assert set(beta[60:].tolist()) == {1.0}
    np.testing.assert_allclose(correlation[60:], 1.0, rtol=3e-16)
    assert set(excess[20:].tolist()) == {0.0}
