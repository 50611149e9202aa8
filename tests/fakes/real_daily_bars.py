"""Daily panels of the shared real bars, read without the lake."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from tallystick.contracts.time import NS_PER_MINUTE
from tallystick.market.bars import COLUMNS, BarPanel


def read_panel(path: Path, minutes: int, venue: str) -> BarPanel:
    """A panel of one Parquet file; where it has no quote volume it is close × volume."""
    frame = pl.read_parquet(path)
    if "quote_volume" not in frame.columns:
        frame = frame.with_columns((pl.col("close") * pl.col("volume")).alias("quote_volume"))
    step = minutes * NS_PER_MINUTE
    bars = frame["ts"].cast(pl.Datetime("ns", "UTC")).dt.epoch("ns").to_numpy() // step
    symbols = tuple(sorted(frame["symbol"].unique().to_list()))
    rows = np.searchsorted(np.array(symbols), frame["symbol"].to_numpy())
    first, last = int(bars.min()), int(bars.max())
    columns = []
    for name in COLUMNS:
        column = np.full((len(symbols), last - first + 1), np.nan)
        column[rows, bars - first] = frame[name].to_numpy()
        columns.append(column)
    return BarPanel(venue, minutes, symbols, np.arange(first, last + 1, dtype=np.int64) * step, *columns)


def hourly_as_daily(data: Path) -> BarPanel:
    """Fifteen symbols, 2023-01-01 to 2025-06-30, resampled from hours."""
    return read_panel(data / "crypto_intraday" / "binance_1h_15sym.parquet", 60, "binance").resampled(1440)


def stored_daily(data: Path) -> BarPanel:
    """Thirty-eight symbols, 2018 to 2024."""
    return read_panel(data / "crypto_daily" / "binance_spot_1d.parquet", 1440, "binance_spot")
