"""Small panels of bars for tests."""

from __future__ import annotations

import numpy as np

from tallystick.contracts.time import NS_PER_MINUTE
from tallystick.market.bars import BarPanel

START_NS = 1_704_067_200_000_000_000
"""2024-01-01T00:00:00Z."""


def panel_of(present: np.ndarray, *, interval_minutes: int = 60, start_ns: int = START_NS, seed: int = 5, venue: str = "testing") -> BarPanel:
    """Plausible bars where `present` bool[S, T] says so, NaN elsewhere; symbols AAAUSDT, BBBUSDT, …"""
    draws = np.random.default_rng(seed).random((6, *present.shape))
    open_, close = 100.0 + 10 * draws[0], 100.0 + 10 * draws[1]
    columns = [open_, np.maximum(open_, close) + draws[2], np.minimum(open_, close) - draws[3], close, 50 * draws[4], 5000 * draws[5]]
    masked = [np.where(present, column, np.nan) for column in columns]
    times = start_ns + interval_minutes * NS_PER_MINUTE * np.arange(present.shape[1], dtype=np.int64)
    symbols = tuple(f"{chr(65 + row) * 3}USDT" for row in range(present.shape[0]))
    return BarPanel(venue, interval_minutes, symbols, times, *masked)
