"""Purged splits in time: what a model is fitted on and what it is judged on share no bar.

A row at bar t reads bars t − L + 1 … t for its features (L = lookback) and t + 1 … t + H for its label (H = horizon). The rows of two bars a < b
share no bar exactly when b − a ≥ H + L. That is the gap used everywhere: purge = H bars, embargo = L bars, never typed by hand (decision 32).
Times may be any clock on which bars that follow each other are at least one interval apart. On a session grid it must be the panel's `market_clock_ns`:
by the wall clock a night would pass for a gap of a hundred bars that nobody left out.
After López de Prado, Advances in Financial Machine Learning (2018), chapter 7; walk-forward: training lies before validation, never after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import int64
from numpy.typing import NDArray

from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.time import iso_from_ns


@dataclass(frozen=True, slots=True)
class Gap:
    """What must lie between training and judging, in nanoseconds of open market."""

    purge_ns: int
    embargo_ns: int

    @property
    def total_ns(self) -> int:
        """Smallest allowed distance between a training row and a later judged row."""
        return self.purge_ns + self.embargo_ns


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold: positions into the times given, both ascending; every training row ends at least `gap` before the first validation row."""

    number: int
    train: NDArray[int64]
    validate: NDArray[int64]


@dataclass(frozen=True, slots=True)
class HoldOut:
    """Positions of the development window and of the test window after it, the gap between them left out."""

    development: NDArray[int64]
    test: NDArray[int64]


def required_gap(*, horizon_bars: int, lookback_bars: int, interval_ns: int) -> Gap:
    """The gap that follows from horizon, feature lookback (bars a feature reads, its own included) and bar interval.

    Raises ConfigurationError for a horizon or lookback below one bar.
    """
    if horizon_bars < 1 or lookback_bars < 1 or interval_ns < 1:
        raise ConfigurationError(f"expected a horizon, a lookback and an interval above 0, found {horizon_bars}, {lookback_bars} bars and {interval_ns} ns")
    return Gap(purge_ns=horizon_bars * interval_ns, embargo_ns=lookback_bars * interval_ns)


def _require_order(times_ns: NDArray[int64]) -> None:
    if times_ns.ndim != 1 or times_ns.shape[0] < 2:
        raise DataError(f"expected at least two times in one row, found an array of shape {times_ns.shape}")
    steps = times_ns[1:] - times_ns[:-1]
    wrong = np.flatnonzero(steps <= 0)
    if wrong.size:
        place = int(wrong[0])
        kind = "twice" if steps[place] == 0 else f"before {iso_from_ns(int(times_ns[place]))}"
        raise DataError(
            f"expected strictly ascending times, found {iso_from_ns(int(times_ns[place + 1]))} {kind} at position {place + 1}",
            hint="Split on the sorted, distinct times of the panel, not on its stacked rows",
        )


def purged_walk_forward(times_ns: NDArray[int64], *, folds: int, gap: Gap, min_train: int = 1) -> tuple[Fold, ...]:
    """Expanding walk-forward: the times are cut into folds + 1 blocks of equal count; block k is judged by what lies `gap` before it.

    times_ns int64[T], strictly ascending, gaps allowed. Raises DataError for unsorted or duplicate times, and when a fold would train on fewer than
    `min_train` times; ConfigurationError for fewer than one fold.
    """
    if folds < 1:
        raise ConfigurationError(f"expected at least one fold, found {folds}")
    _require_order(times_ns)
    count = times_ns.shape[0]
    edges = [count * block // (folds + 1) for block in range(folds + 2)]
    out = []
    for number in range(1, folds + 1):
        validate = np.arange(edges[number], edges[number + 1], dtype=np.int64)
        if validate.size == 0:
            raise DataError(f"expected more times than folds, found {count} times for {folds} folds")
        last = int(np.searchsorted(times_ns, times_ns[validate[0]] - gap.total_ns, side="right"))
        if last < max(min_train, 1):
            raise DataError(
                f"expected at least {max(min_train, 1)} training times before fold {number}, found {last} "
                f"(gap of {gap.total_ns // 60_000_000_000} minutes from horizon and feature lookback)",
                hint="Give a longer history, a shorter horizon, features with a shorter lookback, or fewer folds",
            )
        out.append(Fold(number=number, train=np.arange(last, dtype=np.int64), validate=validate))
    return tuple(out)


def hold_out(times_ns: NDArray[int64], *, test_share_pct: float, gap: Gap) -> HoldOut:
    """The last `test_share_pct` percent of the times for the test, and everything at least `gap` before them for development.

    Raises DataError for unsorted or duplicate times and when either window is empty; ConfigurationError for a share outside (0, 100).
    """
    if not 0.0 < test_share_pct < 100.0:
        raise ConfigurationError(f"expected a test share between 0 and 100 percent, found {test_share_pct}")
    _require_order(times_ns)
    count = times_ns.shape[0]
    first = count - int(count * test_share_pct / 100.0)
    if first >= count:
        raise DataError(f"expected enough times for a test of {test_share_pct} %, found {count}")
    last = int(np.searchsorted(times_ns, times_ns[first] - gap.total_ns, side="right"))
    if last < 1:
        raise DataError(
            f"expected development times before the gap of {gap.total_ns // 60_000_000_000} minutes, found none",
            hint="Give a longer history, a shorter horizon or features with a shorter lookback",
        )
    return HoldOut(development=np.arange(last, dtype=np.int64), test=np.arange(first, count, dtype=np.int64))
