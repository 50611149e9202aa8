"""Feature values: the whole history of a panel at once, or live bar by bar. Both run the same compiled loops and give the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.analysis.catalogue import CATALOGUE, INPUTS, STANDARD_FEATURES, find_feature, needs_benchmark, warm_up_bars
from tallystick.contracts.errors import DataError
from tallystick.kernels.features import FeatureTable, advance, build_table, empty_state, history, step_all
from tallystick.kernels.kind_table import CLOSE
from tallystick.kernels.state import SavedState, pack_state, unpack_state
from tallystick.market.bars import BarPanel

__all__ = ["CATALOGUE", "INPUTS", "STANDARD_FEATURES", "FeatureStepper", "compute_history", "find_feature", "warm_up_bars"]

Floats = NDArray[float64]


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """The table of some features. Columns follow `names`; a ranked feature that was not asked for has a hidden column behind them."""

    names: tuple[str, ...]
    table: FeatureTable
    warm_up_bars: int
    relative: bool


def plan_features(names: Sequence[str]) -> FeaturePlan:
    """The plan of these features. Raises DataError for an unknown or repeated name."""
    if len(set(names)) != len(names):
        repeated = sorted({name for name in names if list(names).count(name) > 1})
        raise DataError(f"expected each feature once, found {', '.join(repeated)} more than once", where="feature names")
    columns = list(names)
    columns += sorted({row.ranks for row in map(find_feature, names) if row.ranks is not None} - set(names))
    rows: list[tuple[str, Sequence[float]] | int] = []
    for name in columns:
        row = find_feature(name)
        rows.append((row.kind, row.parameters) if row.ranks is None else columns.index(row.ranks))
    return FeaturePlan(tuple(names), build_table(rows), warm_up_bars(names), needs_benchmark(names))


def _benchmark_row(plan: FeaturePlan, symbols: Sequence[str], benchmark: str | None) -> int | None:
    if not plan.relative:
        return None
    relative = next(name for name in plan.names if needs_benchmark([name]))
    if benchmark is None:
        raise DataError(f"expected a benchmark symbol for {relative}, found none", where="feature names", hint="Name the benchmark, for instance BTCUSDT")
    if benchmark not in symbols:
        raise DataError(f"expected the benchmark {benchmark} among the symbols, found {', '.join(symbols)}", where="feature names")
    return list(symbols).index(benchmark)


def _with_benchmark(x: Floats, row: int | None) -> Floats:
    """x[S, 6, …] with the benchmark's close as a seventh input, where a feature asks for it; C-contiguous."""
    if row is None:
        return np.ascontiguousarray(x, dtype=np.float64)
    wide = np.empty((x.shape[0], len(INPUTS) + 1, *x.shape[2:]))
    wide[:, : len(INPUTS)] = x
    wide[:, len(INPUTS)] = x[row, CLOSE]
    return wide


def compute_history(panel: BarPanel, names: Sequence[str], benchmark: str | None = None, *, parallel: bool = False) -> Floats:
    """out[S, F, T] of these features over the panel's symbols and bars, from an empty state at its first bar.

    NaN is "no value". A feature is independent of where the panel begins from its `memory_bars`-th bar on. `parallel` uses two threads and
    gives the same bits. Raises DataError for an unknown or repeated name, or a benchmark that is asked for and missing.
    """
    plan = plan_features(names)
    row = _benchmark_row(plan, panel.symbols, benchmark)
    if panel.bars == 0:
        return np.empty((len(panel.symbols), len(names), 0))
    out = history(plan.table, _with_benchmark(panel.stacked(), row), panel.first_bar_number, parallel=parallel)
    return out if out.shape[1] == len(names) else np.ascontiguousarray(out[:, : len(names)])


class FeatureStepper:
    """Features live: one call per bar for all symbols, bit-equal to `compute_history`.

    Raises DataError for unknown names, a missing benchmark, bars of another shape, or a bar number that does not move forward.
    """

    def __init__(self, names: Sequence[str], symbols: Sequence[str], benchmark: str | None = None) -> None:
        self.names = tuple(names)
        self.symbols = tuple(symbols)
        self._plan = plan_features(names)
        self._benchmark = _benchmark_row(self._plan, self.symbols, benchmark)
        self._state = empty_state(self._plan.table, len(self.symbols))
        self._bar_number = -1

    @property
    def bar_number(self) -> int:
        """Absolute number of the last bar seen; −1 before the first."""
        return self._bar_number

    @property
    def warm_up_bars(self) -> int:
        """How many bars to feed before the outputs no longer depend on where feeding began."""
        return self._plan.warm_up_bars

    def warm(self, panel: BarPanel) -> Floats:
        """Step through a panel of past bars; returns the features of its last bar, float64[S, F] (NaN for an empty panel)."""
        if panel.symbols != self.symbols:
            raise DataError(f"expected bars of {', '.join(self.symbols)} in this order, found {', '.join(panel.symbols)}", where="feature warm-up")
        if panel.bars == 0:
            return np.full((len(self.symbols), len(self.names)), np.nan)
        self._catch_up(panel.first_bar_number)
        out = advance(self._plan.table, self._state, panel.first_bar_number, _with_benchmark(panel.stacked(), self._benchmark))
        self._bar_number = panel.first_bar_number + panel.bars - 1
        return np.ascontiguousarray(out[:, : len(self.names), -1])

    def step(self, bar_number: int, x: Floats) -> Floats:
        """Features float64[S, F] of the bar `bar_number` (as its panel counts) with inputs x[S, 6] in INPUTS order.

        A symbol without a bar has a row of NaN; bar numbers skipped since the last call count as bars that nobody had.
        """
        expected = (len(self.symbols), len(INPUTS))
        if x.shape != expected:
            raise DataError(f"expected inputs of shape {expected}, found {x.shape}", where=f"bar {bar_number}")
        self._catch_up(bar_number)
        out = np.empty((len(self.symbols), self._plan.table.kinds.shape[0]))
        step_all(self._plan.table, self._state, bar_number, _with_benchmark(x, self._benchmark), out)
        self._bar_number = bar_number
        return out if out.shape[1] == len(self.names) else np.ascontiguousarray(out[:, : len(self.names)])

    def to_bytes(self) -> bytes:
        """The state after the last bar: header, raw values, SHA-256."""
        return pack_state(self._plan.table, self._layout(), self.symbols, SavedState(self._bar_number, self._state))

    @classmethod
    def from_bytes(cls, data: bytes, names: Sequence[str], symbols: Sequence[str], benchmark: str | None = None) -> FeatureStepper:
        """A stepper that goes on after the saved bar. Raises ArtifactError for damaged bytes, other kernels, features or symbols."""
        stepper = cls(names, symbols, benchmark)
        saved = unpack_state(stepper._plan.table, stepper._layout(), stepper.symbols, data)
        stepper._state, stepper._bar_number = saved.state, saved.bar_number
        return stepper

    def _layout(self) -> tuple[str, ...]:
        # The benchmark gives relative states their meaning, so it is hashed with the names.
        return self.names if self._benchmark is None else (*self.names, f"benchmark {self.symbols[self._benchmark]}")

    def _catch_up(self, bar_number: int) -> None:
        """Feed rows of NaN for the bar numbers between the last bar and this one."""
        if bar_number <= self._bar_number:
            raise DataError(f"expected a bar after number {self._bar_number}, found {bar_number}", where="feature step")
        missing = bar_number - self._bar_number - 1
        if self._bar_number < 0 or missing == 0:
            return
        if missing > self.warm_up_bars:
            # Nothing older can be seen through so long a gap, so a fresh state fed with its end is the same and costs less.
            self._state = empty_state(self._plan.table, len(self.symbols))
            missing = self.warm_up_bars
        nothing = np.full((len(self.symbols), len(INPUTS) + 1, missing), np.nan)
        advance(self._plan.table, self._state, bar_number - missing, nothing)
