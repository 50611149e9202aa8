from __future__ import annotations

import math

import numpy as np
import pytest

from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.universe.config import BALANCED_LEADER, UniverseConfig
from tallystick.universe.features import DayFeatures, market_context
from tallystick.universe.regime import classify_regime
from tallystick.universe.scoring import confidence_of, rank_fraction, rank_universe, renormalised, rule_scores

SYMBOLS = ("AAAUSDT", "BBBUSDT", "CCCUSDT", "DDDUSDT", "EEEUSDT")


def features(benchmark: dict[str, float] | None = None, **columns: list[float]) -> DayFeatures:
    names = (*BALANCED_LEADER, "momentum_combo", "rs_combo", "price_vs_sma60")
    values = {name: np.array(columns.get(name, [0.1, 0.2, 0.3, 0.4, 0.5])) for name in names}
    return DayFeatures(SYMBOLS, values, benchmark)


TREND = {"price_vs_sma200": 0.1, "zscore_120": 1.0}


def test_ranks_average_ties_and_count_a_missing_value_as_zero() -> None:
    assert rank_fraction(np.array([3.0, 1.0, 3.0, math.nan])) == [2.5 / 3, 1 / 3, 2.5 / 3, 0.0]


def test_the_rule_score_is_the_weighted_sum_of_rank_fractions() -> None:
    found = features(TREND, trend_persist_90=[0.9, 0.1, 0.1, 0.1, 0.1])
    scores = rule_scores(found, BALANCED_LEADER)
    others = 1 - BALANCED_LEADER["trend_persist_90"]
    assert scores[0] == pytest.approx(others * 0.2 + 0.20 * 1.0)
    assert scores[4] == pytest.approx(others * 1.0 + 0.20 * 0.5)


def test_without_a_benchmark_relative_strength_falls_out_and_the_rest_is_scaled_up() -> None:
    scores = rule_scores(features(None, rs_risk_adj=[math.nan] * 5), BALANCED_LEADER)
    assert scores == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def test_weights_of_absent_components_go_to_the_available_ones() -> None:
    assert renormalised({"rule": 0.5, "linear": 0.25, "ml": 0.25}, ["rule"]) == {"rule": 1.0}
    assert renormalised({"rule": 0.5, "linear": 0.25, "ml": 0.25}, ["rule", "ml"]) == pytest.approx({"ml": 1 / 3, "rule": 2 / 3})
    with pytest.raises(DataError, match="component with weight"):
        renormalised({"rule": 1.0}, [])


def test_confidence_is_agreement_and_distance_from_the_middle() -> None:
    assert confidence_of([0.9], 0.9) == pytest.approx(0.4 * 0.8)
    assert confidence_of([0.9, 0.9], 0.9) == pytest.approx(0.6 + 0.4 * 0.8)
    assert confidence_of([0.0, 1.0], 0.5) == 0.0


def test_every_component_shapes_the_order() -> None:
    flat = features(TREND, **{name: [0.5] * 5 for name in BALANCED_LEADER})
    scores = dict(zip(SYMBOLS, [5.0, 4.0, 3.0, 2.0, 1.0], strict=True))
    ranking, weights = rank_universe(flat, UniverseConfig(), "risk_off", {"ml": scores})
    assert weights == pytest.approx({"ml": 1 / 3, "rule": 2 / 3})
    assert [row.symbol for row in ranking] == list(SYMBOLS)
    assert ranking[0].ml_score == 1.0
    assert ranking[0].linear_score is None
    with pytest.raises(DataError, match="EEEUSDT"):
        rank_universe(flat, UniverseConfig(), "risk_off", {"ml": dict.fromkeys(SYMBOLS[:4], 1.0)})


def test_ties_fall_to_liquidity_then_turnover_then_symbol() -> None:
    flat = {name: [0.5] * 5 for name in BALANCED_LEADER}
    order = [row.symbol for row in rank_universe(features(TREND, **flat), UniverseConfig(), "unknown")[0]]
    assert order == list(SYMBOLS)
    weights = {"trend_persist_90": 1.0}
    config = UniverseConfig(rule_weights=weights)
    liquid = {**flat, "liquidity_stability": [0.5, 0.6, 0.6, 0.6, 0.5], "avg_quote_vol_180": [1.0, 1.0, 3.0, 2.0, 9.0]}
    assert [row.symbol for row in rank_universe(features(TREND, **liquid), config, "unknown")[0]] == [SYMBOLS[i] for i in (2, 3, 1, 4, 0)]


@pytest.mark.parametrize(
    ("trend", "z", "sma60", "sma200", "momentum", "label"),
    [
        (-0.1, -1.0, [1, 1, -1, -1, -1], [1, -1, -1, -1, -1], [0.1] * 5, "risk_off"),
        (0.1, 1.0, [1, -1, -1, -1, -1], [1, 1, 1, -1, -1], [0.1] * 5, "risk_off"),
        (0.1, 1.0, [1, -1, -1, -1, 0.0], [1, 1, 1, 1, 1], [0.1] * 5, "risk_off"),
        (0.1, 1.0, [1, 1, 1, -1, -1], [1, 1, 1, -1, -1], [0.0, 0.2, 0.4, 0.5, 0.5], "broad_alt_strength"),
        (0.1, 1.0, [1, 1, 1, -1, -1], [1, 1, 1, -1, -1], [0.0, 0.0, 0.0, 0.0, 9.0], "late_momentum"),
        (-0.1, 1.0, [1, 1, 1, -1, -1], [1, 1, 1, -1, -1], [0.0, 0.2, 0.4, 0.5, 0.5], "late_momentum"),
    ],
)
def test_regimes_follow_benchmark_and_breadth(trend: float, z: float, sma60: list[float], sma200: list[float], momentum: list[float], label: str) -> None:
    found = features({"price_vs_sma200": trend, "zscore_120": z}, price_vs_sma60=sma60, price_vs_sma200=sma200, momentum_combo=momentum, rs_combo=momentum)
    regime = classify_regime(found, "BTCUSDT", 5)
    assert regime.label == label
    assert 0 <= regime.confidence <= 1


def test_btc_dominant_needs_narrow_breadth() -> None:
    symbols = tuple(f"S{i:02}USDT" for i in range(10))
    values = {name: np.full(10, 0.1) for name in (*BALANCED_LEADER, "momentum_combo", "rs_combo")}
    values["price_vs_sma60"] = np.array([1.0] * 3 + [-1.0] * 7)
    values["momentum_combo"] = np.linspace(0, 1, 10)
    regime = classify_regime(DayFeatures(symbols, values, {"price_vs_sma200": 0.1, "zscore_120": 0.9}), "BTCUSDT", 5)
    assert regime.label == "btc_dominant"
    assert regime.confidence == pytest.approx((0.35 - 0.3) * 2.5 + 0.3)


def test_an_absent_benchmark_or_too_few_names_is_said_and_not_guessed() -> None:
    assert "no bar on the day" in classify_regime(features(None), "BTCUSDT", 5).note
    assert classify_regime(features(None), "BTCUSDT", 5).label == "unknown"
    assert "6 are needed" in classify_regime(features(TREND), "BTCUSDT", 6).note
    assert "200-day mean" in classify_regime(features({"price_vs_sma200": math.nan, "zscore_120": 0.0}), "BTCUSDT", 5).note


def test_the_context_measures_spread_and_leader() -> None:
    context = market_context(features(TREND, momentum_combo=[0.0, 1.0, 2.0, 3.0, 9.0], price_vs_sma60=[1.0, -1.0, math.nan, 1.0, 1.0]))
    assert context.single_leader_burst == 7.0
    assert context.breadth_above_sma60 == 0.75
    assert context.momentum_dispersion == pytest.approx(np.std([0.0, 1.0, 2.0, 3.0, 9.0], ddof=1))


def test_settings_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="sum to 1"):
        UniverseConfig(rule_weights={"trend_persist_90": 0.9})
    with pytest.raises(ConfigurationError, match="thresholds"):
        UniverseConfig(thresholds={})
    with pytest.raises(ConfigurationError, match="named symbol once"):
        UniverseConfig(named_symbols=("ETHUSDT", "ETHUSDT"))
