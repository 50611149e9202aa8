"""Made-up bars of a market that closes: weekdays, 13:30 to 20:00 UTC, and one early close."""

from __future__ import annotations

import numpy as np

from tallystick.contracts.time import NS_PER_DAY, NS_PER_MINUTE
from tallystick.market.bars import COLUMNS, BarPanel

START_NS = 1_704_067_200_000_000_000
"""2024-01-01T00:00:00Z, a Monday."""
OPEN_MINUTES, CLOSE_MINUTES, EARLY_CLOSE_MINUTES = 13 * 60 + 30, 20 * 60, 17 * 60


def session_times(days: int, interval_minutes: int, early: int = 2) -> np.ndarray:
    """int64[T]: open times on the weekdays among so many days; day `early` closes three hours before the others."""
    found = []
    for day in range(days):
        if day % 7 < 5:
            minutes = np.arange(OPEN_MINUTES, EARLY_CLOSE_MINUTES if day == early else CLOSE_MINUTES, interval_minutes, dtype=np.int64)
            found.append(START_NS + day * NS_PER_DAY + minutes * NS_PER_MINUTE)
    return np.concatenate(found)


def session_panel(symbols: int = 6, days: int = 12, interval_minutes: int = 15, seed: int = 11, first_number: int = 0, strength: float = 0.0) -> BarPanel:
    """Random walks whose return is −strength × the one before it plus noise, with a jump over each night."""
    times = session_times(days, interval_minutes)
    rng = np.random.default_rng(seed)
    shocks = rng.normal(0.0, 0.003, size=(symbols, times.size))
    shocks[:, np.flatnonzero(np.diff(times, prepend=times[0]) > interval_minutes * NS_PER_MINUTE)] *= 4.0
    for column in range(1, times.size):
        shocks[:, column] -= strength * shocks[:, column - 1]
    close = 50.0 * np.cumprod(1.0 + shocks, axis=1)
    open_ = close * (1.0 + rng.normal(0.0, 0.0005, size=close.shape))
    high, low = np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999
    volume = np.rint(rng.uniform(1_000.0, 9_000.0, size=close.shape))
    names = tuple(f"EQ{number:02d}" for number in range(symbols))
    return BarPanel("nyse", interval_minutes, names, times, open_, high, low, close, volume, volume * close, first_number)


def on_regular_grid(panel: BarPanel) -> BarPanel:
    """The same bars on a regular grid, NaN while the market was closed."""
    step = panel.interval_ns
    times = np.arange(panel.start_ns, panel.end_ns, step, dtype=np.int64)
    columns = np.full((len(COLUMNS), len(panel.symbols), times.size), np.nan)
    columns[:, :, (panel.open_times_ns - panel.start_ns) // step] = np.stack([getattr(panel, name) for name in COLUMNS])
    return BarPanel(panel.venue, panel.interval_minutes, panel.symbols, times, *columns)


def without(panel: BarPanel, row: int, columns: slice | np.ndarray) -> BarPanel:
    """The panel with bars of one symbol taken out."""
    values = [getattr(panel, name).copy() for name in COLUMNS]
    for value in values:
        value[row, columns] = np.nan
    return BarPanel(panel.venue, panel.interval_minutes, panel.symbols, panel.open_times_ns, *values, first_number=panel.first_number)
