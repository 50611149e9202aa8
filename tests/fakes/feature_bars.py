"""Small panels of made-up bars for feature tests, and one name of every feature family."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tallystick.analysis.catalogue import CATALOGUE
from tallystick.market.bars import BarPanel

INTERVAL_MINUTES = 60
INTERVAL_NS = INTERVAL_MINUTES * 60 * 10**9
BENCHMARK = "S0"


def make_panel(seed: int = 3, symbols: int = 4, bars: int = 300, first_bar: int = 412_345, holes: Sequence[tuple[int, int, int]] = ()) -> BarPanel:
    """Random walks; `holes` are (row, start, stop) without bars."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.cumprod(1.0 + rng.normal(0.0, 0.01, (symbols, bars)), axis=1)
    opened = close * (1.0 + rng.normal(0.0, 0.002, (symbols, bars)))
    high = np.maximum(opened, close) * (1.0 + rng.uniform(0.0, 0.004, (symbols, bars)))
    low = np.minimum(opened, close) * (1.0 - rng.uniform(0.0, 0.004, (symbols, bars)))
    volume = rng.lognormal(3.0, 0.8, (symbols, bars))
    columns = [opened, high, low, close, volume, volume * close]
    for row, start, stop in holes:
        for column in columns:
            column[row, start:stop] = np.nan
    times = (first_bar + np.arange(bars, dtype=np.int64)) * INTERVAL_NS
    return BarPanel("generated", INTERVAL_MINUTES, tuple(f"S{i}" for i in range(symbols)), times, *columns)


def cut(panel: BarPanel, start: int, stop: int | None = None) -> BarPanel:
    """The columns start:stop."""
    last = panel.bars if stop is None else stop
    return panel.between(int(panel.open_times_ns[start]), int(panel.open_times_ns[last - 1]) + 1)


def name_of(pattern: str, n: int) -> str:
    """A member of a family: n for its first number, larger and smaller ones for the rest."""
    numbers = iter((n, n + 3, max(1, n - 1)))
    return re.sub(r"\{\w+\}", lambda _: str(next(numbers)), pattern)


def every_family(*windows: int) -> tuple[str, ...]:
    """One name of every family for each window, and the ranks of two of them."""
    names = [name_of(pattern, n) for n in windows for pattern in CATALOGUE]
    return (*dict.fromkeys(names), f"cs_rank_ret_{windows[0]}", "cs_rank_vol_9")
