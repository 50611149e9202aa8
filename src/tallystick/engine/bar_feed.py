"""The feed of a session on stored bars: one closed bar of every symbol a cycle, with its features."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.features import FeatureStepper
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import iso_from_ns
from tallystick.execution.venue_bars import VenueBars
from tallystick.market.bars import BarPanel

Floats = NDArray[np.float64]

VOLATILITY_BARS = 20
ADV_DAYS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """What a cycle sees: the bars that opened at `open_ns` and closed at `now_ns`, x[S, 6] and features[S, F], NaN where there is none."""

    open_ns: int
    now_ns: int
    bar_number: int
    x: Floats
    features: Floats

    @property
    def columns(self) -> Floats:
        """The bars field by field, float64[6, S], C-contiguous."""
        return np.ascontiguousarray(self.x.T)

    def inputs_sha256(self) -> str:
        """SHA-256 over the open time and the bars' little-endian bytes."""
        return hashlib.sha256(self.open_ns.to_bytes(8, "little") + self.x.astype("<f8").tobytes()).hexdigest()

    def features_sha256(self) -> str:
        """SHA-256 over the features' little-endian bytes."""
        return hashlib.sha256(self.features.astype("<f8").tobytes()).hexdigest()


class BarFeed:
    """Closed bars of [start, end), oldest first, after `past_bars` from which policies learn without speaking.

    Raises DataError when the panel has no bar in the session, or too few before it.
    """

    def __init__(self, panel: BarPanel, feature_names: Sequence[str], start_ns: int, end_ns: int, past_bars: int) -> None:
        per_day = max(1, panel.day_minutes // panel.interval_minutes)
        self.volatility_feature = f"vol_{VOLATILITY_BARS}"
        self.adv_feature = f"mean_quote_volume_{ADV_DAYS * per_day}"
        self.bars_per_day = per_day
        self.names = tuple(dict.fromkeys((*feature_names, self.volatility_feature, self.adv_feature)))
        self._session = panel.between(start_ns, end_ns)
        if self._session.bars == 0:
            raise DataError(f"expected bars from {iso_from_ns(start_ns)} to {iso_from_ns(end_ns)}, found none", where=panel.venue)
        self._places = {name: place for place, name in enumerate(self.names)}
        self._stepper = FeatureStepper(self.names, panel.symbols)
        needed, before = self._stepper.warm_up_bars, panel.between(0, start_ns).bars
        if before < needed + past_bars:
            raise DataError(f"expected {needed + past_bars} bars before {iso_from_ns(start_ns)} to warm up, found {before}", where=panel.venue)
        # Only what the features remember: any start gives the same bits (kernels, trap 2).
        self._stepper.warm(panel.columns(before - past_bars - needed, before - past_bars))
        self._past = panel.columns(before - past_bars, before)
        self._x = np.ascontiguousarray(np.moveaxis(self._session.stacked(), 2, 0))
        self.symbols = panel.symbols
        self.interval_minutes = panel.interval_minutes
        self.cycles = self._session.bars
        self._done = 0

    def past_turns(self) -> Iterator[Turn]:
        """The bars just before the session, oldest first; to be walked before the first turn."""
        x = np.ascontiguousarray(np.moveaxis(self._past.stacked(), 2, 0))
        for column, open_ns in enumerate(self._past.open_times_ns.tolist()):
            yield self._step(open_ns, self._past.first_bar_number + column, x[column])

    def turn(self, cycle: int) -> Turn:
        """The turn of a cycle, counted from 1. Raises DataError when cycles are not asked for in their order."""
        if cycle != self._done + 1:
            raise DataError(f"expected cycle {self._done + 1}, found {cycle}")
        self._done = cycle
        return self._step(int(self._session.open_times_ns[cycle - 1]), self._session.first_bar_number + cycle - 1, self._x[cycle - 1])

    def _step(self, open_ns: int, number: int, x: Floats) -> Turn:
        return Turn(open_ns, open_ns + self._session.interval_ns, number, x, self._stepper.step(number, x))

    def column(self, turn: Turn, name: str) -> Floats:
        """One feature of a turn, float64[S]."""
        return np.ascontiguousarray(turn.features[:, self._places[name]])

    def venue_bars(self, turn: Turn) -> VenueBars:
        """The same bars as the simulated venue sees them."""
        return VenueBars(self.symbols, *turn.columns[:5])
