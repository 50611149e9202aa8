"""The rows of training: one per bar and symbol, in that order, from one feature history and one label grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.analysis.features import compute_history, warm_up_bars
from tallystick.analysis.labels import forward_return, parse_target
from tallystick.analysis.splits import Gap, HoldOut, hold_out, required_gap
from tallystick.contracts.errors import DataError
from tallystick.market.bars import BarPanel
from tallystick.training.config import TrainingConfig

MIN_FEATURE_SHARE = 0.5
"""A row needs at least this share of its features; what is missing beyond the warm-up is left to each family."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """cube float64[S, F, T] of features sorted by name, labels float64[S, T] by target, usable bool[S, T]: the bar exists and has enough features.

    times_ns int64[T]: open times; clock_ns int64[T]: bar number × interval, on which gaps are measured. On a regular grid the two are one.
    day_minutes: what the bars of one trading day cover.
    """

    symbols: tuple[str, ...]
    features: tuple[str, ...]
    times_ns: NDArray[int64]
    clock_ns: NDArray[int64]
    interval_ns: int
    day_minutes: int
    lookback_bars: int
    cube: NDArray[float64]
    close: NDArray[float64]
    usable: NDArray[np.bool_]
    labels: Mapping[str, NDArray[float64]]

    def horizon_bars(self, target: str) -> int:
        """Bars of a target's horizon."""
        return parse_target(target).horizon_bars(self.interval_ns // 60_000_000_000)

    def gap(self, target: str) -> Gap:
        """What must lie between training and judging for this target."""
        return required_gap(horizon_bars=self.horizon_bars(target), lookback_bars=self.lookback_bars, interval_ns=self.interval_ns)

    def windows(self, target: str, test_share_pct: float) -> HoldOut:
        """Development and test positions of the panel for this target; development begins at the first bar with usable rows.

        Raises DataError when no development bar is usable.
        """
        windows = hold_out(self.clock_ns, test_share_pct=test_share_pct, gap=self.gap(target))
        first = int(np.argmax(self.usable.any(axis=0)))
        if first > windows.development[-1]:
            raise DataError(
                f"expected usable bars before the test window and its gap, found the first at bar {first} of {self.times_ns.shape[0]}",
                where=target,
                hint="Give a longer history, or features with a shorter lookback",
            )
        return HoldOut(development=windows.development[first:], test=windows.test)

    def every(self, positions: NDArray[int64], stride: int) -> NDArray[int64]:
        """The positions whose absolute bar number divides by `stride`: the same bars whatever history lies before them."""
        chosen: NDArray[int64] = positions[(self.clock_ns[positions] // self.interval_ns) % stride == 0]
        return chosen

    def rows(self, bars: NDArray[int64]) -> Rows:
        """The usable rows of these bars, ordered by bar, then symbol."""
        place, symbol = np.nonzero(self.usable[:, bars].T)
        return Rows(
            matrix=np.ascontiguousarray(self.cube[symbol, :, bars[place]]),
            bars=bars,
            place=place.astype(np.int64),
            symbol=symbol.astype(np.int64),
            symbols=len(self.symbols),
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """matrix float64[N, F]; row n is symbol[n] at bars[place[n]]."""

    matrix: NDArray[float64]
    bars: NDArray[int64]
    place: NDArray[int64]
    symbol: NDArray[int64]
    symbols: int

    def take(self, grid: NDArray[float64]) -> NDArray[float64]:
        """The values of a grid [S, T] at the rows."""
        return grid[self.symbol, self.bars[self.place]]

    def scatter(self, rows: NDArray[int64], values: NDArray[float64]) -> NDArray[float64]:
        """Values of some rows as a grid [S, number of bars], NaN elsewhere."""
        out = np.full((self.symbols, self.bars.shape[0]), np.nan)
        out[self.symbol[rows], self.place[rows]] = values
        return out


def build_dataset(panel: BarPanel, config: TrainingConfig) -> Dataset:
    """Features and labels of a panel. Raises DataError for an empty panel, ConfigurationError for a horizon that is no whole number of bars."""
    times = panel.open_times_ns
    if len(panel.symbols) < 1 or times.shape[0] < 2:
        raise DataError(f"expected bars to train on, found {len(panel.symbols)} symbols and {times.shape[0]} times")
    names = tuple(sorted(config.features))
    horizons = {target: parse_target(target).horizon_bars(panel.interval_minutes) for target in config.targets}
    warm_up = max(1, warm_up_bars(names))
    cube = np.array(compute_history(panel, names, config.benchmark), dtype=np.float64)
    cube[~np.isfinite(cube)] = np.nan
    exists = np.isfinite(panel.close) & (np.isfinite(cube).sum(axis=1) >= MIN_FEATURE_SHARE * len(names))
    exists[:, : warm_up - 1] = False
    if not exists.any():
        raise DataError(f"expected bars beyond the warm-up of {warm_up} bars, found {times.shape[0]} bars", hint="Give a longer history")
    return Dataset(
        symbols=panel.symbols,
        features=names,
        times_ns=times,
        clock_ns=panel.market_clock_ns,
        interval_ns=panel.interval_ns,
        day_minutes=panel.day_minutes,
        lookback_bars=warm_up,
        cube=cube,
        close=panel.close,
        usable=exists,
        labels={target: forward_return(panel.close, bars) for target, bars in horizons.items()},
    )
