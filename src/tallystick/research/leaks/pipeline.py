"""A run as stages that can be run again on changed bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import InvariantViolation
from tallystick.market.bars import BarPanel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
MAIN = "bars"
Inputs = Mapping[str, BarPanel]
Stage = Callable[[Inputs], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Traded:
    """What a fill model made of weights: equity float64[T]; of each fill the column and row of its bar, its side (+1 bought, −1 sold), and its price."""

    columns: Ints
    rows: Ints
    sides: Ints
    prices: Floats
    equity: Floats


Trade = Callable[[BarPanel, Floats], Traded]


@dataclass(frozen=True, slots=True, eq=False)
class Pipeline:
    """A run, stage by stage. Each stage is a pure function; an absent one is not tested.

    inputs: the bars that are traded under `bars`, and every joined series (another interval, another venue) under a name of its own; each may begin before
    start_ns, the open time of the first bar that is traded. decide(inputs, start_ns) gives signed weights [S, T] on the grid of `bars`, of which the columns
    before start_ns do not count; NaN is no decision. features: [S, F, T]; labels: [S, T], what a model is fitted to, of label_bars bars,
    whose unit may be taken from the past (a volatility) with label_reads_past; membership: [S, T],
    above 0 where a symbol may be traded. trade(bars, weights): the fill model, over the bars from start_ns on. reference: the fill model of the house, by which
    the distortion of every other leak is measured. warm_up_bars: how many bars before it a value depends on, where that is declared. universe_known_ns: when
    the list of symbols was made; candidates: bars of every symbol that could have been chosen, over the same period. model_seen_ns: open time of the last bar
    that a model which decides, and was fitted before, may know.
    """

    inputs: Inputs
    start_ns: int
    decide: Callable[[Inputs, int], Floats]
    trade: Trade
    reference: Trade
    features: Stage | None = None
    labels: Stage | None = None
    label_bars: int = 1
    label_reads_past: bool = False
    membership: Stage | None = None
    warm_up_bars: int | None = None
    universe_known_ns: int | None = None
    candidates: BarPanel | None = None
    model_seen_ns: int | None = None

    @property
    def bars(self) -> BarPanel:
        """The bars that are traded, with those before them."""
        return self.inputs[MAIN]

    @property
    def start(self) -> int:
        """The column of the first traded bar."""
        return int(np.searchsorted(self.bars.open_times_ns, self.start_ns))

    @property
    def traded_bars(self) -> BarPanel:
        """The bars from start_ns on."""
        return self.bars.columns(self.start, self.bars.bars)

    def weights(self, inputs: Inputs | None = None) -> Floats:
        """What `decide` gives; columns before the start as NaN. Raises InvariantViolation for another shape."""
        used = self.inputs if inputs is None else inputs
        panel = used[MAIN]
        found = np.array(self.decide(used, self.start_ns), np.float64)
        if found.shape != panel.close.shape:
            raise InvariantViolation(f"expected weights of shape {panel.close.shape}, found {found.shape}")
        found[:, : int(np.searchsorted(panel.open_times_ns, self.start_ns))] = np.nan
        return found

    def total_return(self, weights: Floats) -> float | None:
        """What the fill model of the house makes of weights [S, T]: equity at the end over equity at the first close, minus 1."""
        equity = self.reference(self.traded_bars, np.ascontiguousarray(weights[:, self.start :])).equity
        return float(equity[-1] / equity[0] - 1.0) if equity.size and equity[0] > 0 else None


def differs(before: Floats, after: Floats) -> Flags:
    """bool[T]: columns in which any value is not the same bit pattern; NaN equals NaN."""
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    return np.asarray(~same.reshape(-1, same.shape[-1]).all(axis=0))
