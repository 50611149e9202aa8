from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest
from tests.fakes.shared_data import shared_data
from tests.fakes.training_panels import HOUR_NS, reversal_panel

from tallystick.analysis.features import warm_up_bars
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.market.bars import BarPanel
from tallystick.training.config import TrainingConfig
from tallystick.training.dataset import build_dataset

CONFIG = TrainingConfig(features=("vol_20", "ret_1", "ma_ratio_10"), targets=("fwd_ret_120m",))


def test_rows_are_ordered_by_bar_then_symbol_and_carry_their_own_features() -> None:
    dataset = build_dataset(reversal_panel(0, strength=0.0, symbols=3, bars=200), CONFIG)
    bars = np.array([50, 60, 70], dtype=np.int64)
    rows = dataset.rows(bars)
    assert dataset.features == ("ma_ratio_10", "ret_1", "vol_20")
    assert rows.place.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert rows.symbol.tolist() == [0, 1, 2] * 3
    for number in range(9):
        np.testing.assert_array_equal(rows.matrix[number], dataset.cube[rows.symbol[number], :, bars[rows.place[number]]])
    labels = dataset.labels["fwd_ret_120m"]
    assert rows.take(labels)[4] == labels[1, 60]
    assert rows.scatter(np.array([4]), np.array([9.0]))[1, 1] == 9.0


@pytest.mark.clause("D1.23")
def test_interval_lookback_and_gap_come_from_the_panel_and_the_catalogue() -> None:
    dataset = build_dataset(reversal_panel(0, strength=0.0, symbols=3, bars=200), CONFIG)
    assert dataset.interval_ns == HOUR_NS
    assert dataset.lookback_bars == warm_up_bars(CONFIG.features)
    assert dataset.gap("fwd_ret_120m").total_ns == (2 + dataset.lookback_bars) * HOUR_NS
    assert not dataset.usable[:, : dataset.lookback_bars - 1].any()


def test_sampled_bars_do_not_depend_on_where_history_begins() -> None:
    panel = reversal_panel(0, strength=0.0, symbols=3, bars=300)
    later = BarPanel(
        venue=panel.venue,
        interval_minutes=panel.interval_minutes,
        symbols=panel.symbols,
        open_times_ns=panel.open_times_ns[37:],
        **{name: getattr(panel, name)[:, 37:] for name in ("open", "high", "low", "close", "volume", "quote_volume")},
    )
    whole, cut = build_dataset(panel, CONFIG), build_dataset(later, CONFIG)
    first = whole.times_ns[whole.every(np.arange(100, 300), 7)]
    second = cut.times_ns[cut.every(np.arange(63, 263), 7)]
    assert first.tolist() == second.tolist()


def test_bars_without_enough_features_are_no_rows() -> None:
    panel = reversal_panel(0, strength=0.0, symbols=3, bars=200)
    holes = {name: getattr(panel, name).copy() for name in ("open", "high", "low", "close", "volume", "quote_volume")}
    for values in holes.values():
        values[1, 100] = np.nan
    dataset = build_dataset(dataclasses.replace(panel, **holes), CONFIG)
    assert not dataset.usable[1, 100]
    assert dataset.usable[0, 100]
    assert np.isnan(dataset.labels["fwd_ret_120m"][1, [98, 100]]).all()


def test_refuses_a_panel_without_usable_bars_and_a_horizon_between_bars() -> None:
    with pytest.raises(DataError, match="warm-up"):
        build_dataset(reversal_panel(0, strength=0.0, symbols=3, bars=15), CONFIG)
    with pytest.raises(DataError, match="bars to train on"):
        build_dataset(reversal_panel(0, strength=0.0, symbols=3, bars=1), CONFIG)
    with pytest.raises(ConfigurationError, match="whole number"):
        build_dataset(reversal_panel(0, strength=0.0, symbols=3, bars=200), dataclasses.replace(CONFIG, targets=("fwd_ret_90m",)))


def test_real_bars_give_the_labels_of_a_plain_join() -> None:
    frame = pl.read_parquet(shared_data() / "crypto_intraday" / "binance_1h_15sym.parquet").filter(pl.col("symbol").is_in(["BTCUSDT", "SUIUSDT"]))
    times = np.arange(frame["ts"].dt.epoch("ns").min(), frame["ts"].dt.epoch("ns").max() + HOUR_NS, HOUR_NS, dtype=np.int64)
    columns = {name: np.full((2, times.size), np.nan) for name in ("open", "high", "low", "close", "volume")}
    for row, symbol in enumerate(("BTCUSDT", "SUIUSDT")):
        own = frame.filter(pl.col("symbol") == symbol)
        place = ((own["ts"].dt.epoch("ns").to_numpy() - times[0]) // HOUR_NS).astype(np.int64)
        for name, values in columns.items():
            values[row, place] = own[name].to_numpy()
    panel = BarPanel(
        venue="binance",
        interval_minutes=60,
        symbols=("BTCUSDT", "SUIUSDT"),
        open_times_ns=times,
        quote_volume=columns["volume"] * columns["close"],
        **columns,
    )
    found = build_dataset(panel, CONFIG).labels["fwd_ret_120m"]
    joined = (
        frame.select("symbol", "ts", "close")
        .join(frame.select("symbol", pl.col("ts") - pl.duration(hours=2), pl.col("close").alias("later")), on=["symbol", "ts"])
        .sort("symbol", "ts")
    )
    assert int(np.isfinite(found).sum()) == joined.height
    np.testing.assert_array_equal(found[np.isfinite(found)], (joined["later"] / joined["close"] - 1.0).to_numpy())
