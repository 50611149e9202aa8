"""One rule, two clocks, on real hourly bars: history, two threads, live, resumed and plain Python give the same bits."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from tests.fakes.feature_bars import cut
from tests.fakes.shared_data import shared_data

from tallystick.analysis.features import STANDARD_FEATURES, FeatureStepper, compute_history, plan_features, warm_up_bars
from tallystick.kernels.features import history_plain
from tallystick.market.bars import BarPanel

BENCHMARK = "BTCUSDT"
NAMES = (
    *STANDARD_FEATURES, "rs_20", "beta_60", "corr_60", "sma_slope_50_20", "share_above_sma_30_50", "downside_vol_60", "drawdown_180", "ulcer_50",
    "mean_quote_volume_90",    "valid_bars_180", "illiquidity_20", "up_share_20", "zscore_120", "cs_rank_ret_20", "cs_rank_vol_20", "cs_rank_rs_60",
)  # fmt: skip
HOUR_NS = 3_600 * 10**9
BARS = 1_600


@pytest.fixture(name="panel", scope="module")
def read_panel() -> BarPanel:
    start = datetime(2023, 3, 1, tzinfo=UTC)
    rows = (
        pl.scan_parquet(shared_data() / "crypto_intraday" / "binance_1h_15sym.parquet")
        .filter((pl.col("ts") >= start) & (pl.col("ts") < pl.lit(start) + pl.duration(hours=BARS)))
        .sort("symbol", "ts")
        .collect()
    )
    symbols = tuple(sorted(rows["symbol"].unique().to_list()))
    first = int(start.timestamp()) // 3_600
    times = (first + np.arange(BARS, dtype=np.int64)) * HOUR_NS
    columns = {name: np.full((len(symbols), BARS), np.nan) for name in ("open", "high", "low", "close", "volume")}
    place = rows["ts"].dt.epoch("s").to_numpy() // 3_600 - first
    symbol = np.searchsorted(symbols, rows["symbol"].to_numpy())
    for name, column in columns.items():
        column[symbol, place] = rows[name].to_numpy()
    # The file has no quote volume; its product with the close stands for it here.
    return BarPanel("binance", 60, symbols, times, **columns, quote_volume=columns["volume"] * columns["close"])


def test_history_threads_live_resumed_and_warmed_are_bit_equal_on_real_bars(panel: BarPanel) -> None:
    whole = compute_history(panel, NAMES, BENCHMARK)
    memory = warm_up_bars(NAMES)
    listed_before = panel.present().all(axis=1)
    assert 10 < listed_before.sum() < len(panel.symbols), "one symbol is listed inside the slice, so gaps are real too"
    assert np.isfinite(whole[listed_before][:, :, memory:]).all()
    assert compute_history(panel, NAMES, BENCHMARK, parallel=True).tobytes() == whole.tobytes()

    x = panel.stacked()
    stepper = FeatureStepper(NAMES, panel.symbols, BENCHMARK)
    late = FeatureStepper(NAMES, panel.symbols, BENCHMARK)
    begin = 900
    late.warm(cut(panel, begin - memory, begin))
    for t in range(BARS):
        bar, expected = panel.first_bar_number + t, np.ascontiguousarray(whole[:, :, t]).tobytes()
        assert stepper.step(bar, x[:, :, t]).tobytes() == expected, t
        if t >= begin:
            assert late.step(bar, x[:, :, t]).tobytes() == expected, t
        if t % 400 == 123:
            stepper = FeatureStepper.from_bytes(stepper.to_bytes(), NAMES, panel.symbols, BENCHMARK)


def test_plain_python_is_bit_equal_on_real_bars(panel: BarPanel) -> None:
    few = cut(panel.select(["BTCUSDT", "ETHUSDT"]), 0, 420)
    plan = plan_features(NAMES)
    x = np.concatenate([few.stacked(), np.broadcast_to(few.close[0], (2, 1, few.bars))], axis=1)
    oracle = history_plain(plan.table, np.ascontiguousarray(x), few.first_bar_number)[:, : len(NAMES)]
    assert np.ascontiguousarray(oracle).tobytes() == compute_history(few, NAMES, BENCHMARK).tobytes()
