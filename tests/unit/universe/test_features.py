from __future__ import annotations

import math

import numpy as np
import pandas as pd
from tests.fakes.daily_bars import NAMES, book_of, daily_panel

from tallystick.market.bars import COLUMNS, BarPanel
from tallystick.universe.config import UniverseConfig
from tallystick.universe.eligibility import UniverseJudge
from tallystick.universe.features import MODEL_FEATURES, NO_CONTEXT, FeatureHistory, market_context, model_matrix

ALTS = tuple(name for name in NAMES if name != "BTCUSDT")


def matrix(panel: BarPanel, column: int) -> np.ndarray:
    features = FeatureHistory(UniverseJudge(panel, book_of(panel), UniverseConfig()), [column]).day(column, [panel.row(name) for name in ALTS])
    return model_matrix(features, market_context(features))


def frame(panel: BarPanel, name: str) -> pd.DataFrame:
    return pd.DataFrame({column: getattr(panel, column)[panel.row(name)] for column in COLUMNS})


def by_pandas(panel: BarPanel, name: str) -> dict[str, float]:
    """The features of a name on the last day that concern the name itself and the benchmark, from their definitions, in pandas."""
    own, btc = frame(panel, name), frame(panel, "BTCUSDT")
    close, one, market = own["close"], own["close"].pct_change(), btc["close"].pct_change()
    roc = {n: close / close.shift(n) - 1 for n in (20, 60, 120)}
    base = {n: btc["close"] / btc["close"].shift(n) - 1 for n in (20, 60, 120)}
    sma = {n: close.rolling(n).mean() for n in (20, 60, 120, 200)}
    combo = 0.5 * roc[20] + 0.3 * roc[60] + 0.2 * roc[120]
    relative = combo - (0.5 * base[20] + 0.3 * base[60] + 0.2 * base[120])
    vol = {n: one.rolling(n).std() * math.sqrt(365) for n in (20, 60)}
    before = close.shift(1)
    true_range = np.maximum(own["high"] - own["low"], np.maximum((own["high"] - before).abs(), (own["low"] - before).abs()))
    drawdown = close / close.rolling(180, min_periods=1).max() - 1
    ulcer = np.sqrt(((100 * (close / close.rolling(50).max() - 1)) ** 2).rolling(50).mean())
    average = {n: own["quote_volume"].rolling(n).mean() for n in (30, 90, 180)}
    values = {
        **{f"roc{n}": roc[n] for n in roc},
        **{f"rs{n}": roc[n] - base[n] for n in roc},
        "rs_combo": relative,
        "rs_risk_adj": relative / vol[20],
        **{f"price_vs_sma{n}": close / sma[n] - 1 for n in sma},
        "trend_persist_90": (close > sma[200]).astype(float).where(sma[200].notna()).rolling(90).mean(),
        "ma200_slope": sma[200] / sma[200].shift(20) - 1,
        "dist_to_90d_high": close / close.rolling(90).max() - 1,
        "dist_to_180d_high": close / close.rolling(180).max() - 1,
        "breakout_proximity": close / close.rolling(90).max(),
        "vol20": vol[20],
        "vol60": vol[60],
        "momentum_combo": combo,
        "risk_adjusted_momentum": combo / vol[20],
        "downside_volatility": one.clip(upper=0).rolling(60).std() * math.sqrt(365),
        "atr_ratio": true_range.rolling(14).mean() / close,
        "rolling_drawdown": drawdown,
        "ulcer_index": ulcer,
        "drawdown_severity": drawdown.abs() * (1 + ulcer / 100),
        "quote_volume": own["quote_volume"],
        **{f"avg_quote_vol_{n}": average[n] for n in average},
        "rolling_beta_to_btc": one.rolling(60).cov(market) / market.rolling(60).var(),
        "rolling_corr_to_btc": one.rolling(60).corr(market),
        "recent_liquidity_acceleration": average[30] / average[180] - 1,
        "btc_ma200_slope": btc["close"].rolling(200).mean() / btc["close"].rolling(200).mean().shift(20) - 1,
        "btc_zscore_120": (btc["close"] - btc["close"].rolling(120).mean()) / btc["close"].rolling(120).std(),
    }
    last = {key: float(series.iloc[-1]) for key, series in values.items()}
    ordered = sorted(last[f"avg_quote_vol_{n}"] for n in average)
    return (
        last
        | {"liquidity_stability": ordered[0] / ordered[-1], "age_days": float(len(close)), "tradable_ratio_180": 1.0}
        | {"btc_above_ma200": float(btc["close"].iloc[-1] > btc["close"].rolling(200).mean().iloc[-1])}
    )


def test_every_column_of_the_models_equals_its_definition_in_pandas() -> None:
    panel = daily_panel(days=420)
    found = matrix(panel, panel.bars - 1)
    theirs = {name: by_pandas(panel, name) for name in ALTS}
    own = {place: name for place, name in enumerate(MODEL_FEATURES) if name in theirs[ALTS[0]]}
    for place, feature in own.items():
        np.testing.assert_allclose(found[:, place], [theirs[name][feature] for name in ALTS], rtol=1e-9, atol=1e-12, err_msg=feature)
    market = {
        "breadth_above_sma60": np.mean([theirs[name]["price_vs_sma60"] > 0 for name in ALTS]),
        "breadth_above_sma200": np.mean([theirs[name]["price_vs_sma200"] > 0 for name in ALTS]),
        "universe_momentum_dispersion": np.std([theirs[name]["momentum_combo"] for name in ALTS], ddof=1),
        "universe_rs_dispersion": np.std([theirs[name]["rs_combo"] for name in ALTS], ddof=1),
        "single_leader_burst": np.ptp(np.quantile([theirs[name]["momentum_combo"] for name in ALTS], [0.5, 1.0])),
    }
    for feature, value in market.items():
        np.testing.assert_allclose(found[:, MODEL_FEATURES.index(feature)], value, rtol=1e-9, err_msg=feature)
    assert set(own.values()) | set(market) == set(MODEL_FEATURES)
    assert len(MODEL_FEATURES) == 44


def test_features_of_a_day_read_nothing_after_it_and_are_the_same_beside_other_days() -> None:
    panel, poisoned = daily_panel(days=700), daily_panel(days=700)
    for name in COLUMNS:
        getattr(poisoned, name)[:, 600:] = 1e6
    alone = matrix(panel.columns(0, 600), 599)
    np.testing.assert_array_equal(matrix(poisoned, 599), alone)
    many = FeatureHistory(UniverseJudge(poisoned, book_of(poisoned), UniverseConfig()), [320, 400, 599, 650])
    day = many.day(599, [panel.row(name) for name in ALTS])
    np.testing.assert_array_equal(model_matrix(day, market_context(day)), alone)


def test_without_a_benchmark_relative_columns_have_no_value_and_all_others_stay() -> None:
    panel = daily_panel(days=420)
    found = matrix(panel.select(ALTS), panel.bars - 1)
    whole = matrix(panel, panel.bars - 1)
    relative = {name for name in MODEL_FEATURES if name.startswith(("rs", "btc_", "rolling_beta", "rolling_corr", "universe_rs"))}
    for place, name in enumerate(MODEL_FEATURES):
        if name in relative:
            assert np.isnan(found[:, place]).all(), name
        else:
            np.testing.assert_array_equal(found[:, place], whole[:, place], err_msg=name)


def test_too_few_names_have_no_market_context() -> None:
    panel = daily_panel(days=420)
    day = FeatureHistory(UniverseJudge(panel, book_of(panel), UniverseConfig()), [419]).day(419, [panel.row("ETHUSDT")])
    assert np.isnan(model_matrix(day, NO_CONTEXT)[:, -5:]).all()


def test_a_name_of_three_days_has_its_age_and_no_window() -> None:
    panel = daily_panel(days=420, lives={"ADAUSDT": (417, 420)})
    row = dict(zip(MODEL_FEATURES, matrix(panel, 419)[ALTS.index("ADAUSDT")].tolist(), strict=True))
    assert row["age_days"] == 3.0
    assert math.isnan(row["roc20"])
    assert math.isnan(row["avg_quote_vol_30"])
    assert row["rolling_drawdown"] <= 0.0
