"""The panel of bars that every other room computes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import DataError, InvariantViolation
from tallystick.contracts.instruments import Calendar
from tallystick.contracts.time import NS_PER_MINUTE
from tallystick.market.calendars import day_minutes
from tallystick.market.resample import ResampledColumns, resample_columns

Floats = NDArray[np.float64]
COLUMNS = ("open", "high", "low", "close", "volume", "quote_volume")


@dataclass(frozen=True, slots=True, eq=False)
class BarPanel:
    """Bars of several symbols on one grid: `open_times_ns` int64[T], the columns float64[S, T], NaN where there is no bar.

    A bar covers [open time, open time + interval). Open times are whole multiples of the interval. On a regular grid (`first_number` None) they follow
    each other without a hole, and the bar number of a column is `open_times_ns // interval_ns`. On a session grid there are columns only where the market
    was open, and column t has the bar number `first_number + t`: an ordinal of the stored group, the same whatever symbols or times were asked for.
    Raises InvariantViolation when shapes or grid do not fit.
    """

    venue: str
    interval_minutes: int
    symbols: tuple[str, ...]
    open_times_ns: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    quote_volume: Floats
    first_number: int | None = None

    def __post_init__(self) -> None:
        shape = (len(self.symbols), self.open_times_ns.size)
        for name in COLUMNS:
            if (found := getattr(self, name).shape) != shape:
                raise InvariantViolation(f"expected {name} of shape {shape}, found {found}", where=self.venue)
        if len(set(self.symbols)) != len(self.symbols):
            raise InvariantViolation("expected each symbol once in a bar panel", where=self.venue)
        times, step = self.open_times_ns, self.interval_ns
        if self.first_number is None:
            if times.size and (int(times[0]) % step or bool((np.diff(times) != step).any())):
                raise InvariantViolation(f"expected open times every {self.interval_minutes} minutes on whole multiples of it", where=self.venue)
        elif self.first_number < 0 or bool((times % step).any()) or bool((np.diff(times) <= 0).any()):
            raise InvariantViolation(f"expected ascending open times on whole multiples of {self.interval_minutes} minutes, numbered from 0", where=self.venue)

    @property
    def interval_ns(self) -> int:
        """The interval in nanoseconds."""
        return self.interval_minutes * NS_PER_MINUTE

    @property
    def bars(self) -> int:
        """T, the number of columns of the grid."""
        return int(self.open_times_ns.size)

    @property
    def first_bar_number(self) -> int:
        """Bar number of the first column. Raises DataError for an empty panel."""
        self._require_bars()
        return int(self.open_times_ns[0]) // self.interval_ns if self.first_number is None else self.first_number

    @property
    def calendar(self) -> Calendar:
        """The calendar that the grid follows: US equities are the only one with sessions."""
        return "crypto_24_7" if self.first_number is None else "us_equities"

    @property
    def day_minutes(self) -> int:
        """Minutes that the bars of one trading day cover."""
        return day_minutes(self.calendar, self.interval_minutes)

    @property
    def market_clock_ns(self) -> NDArray[np.int64]:
        """int64[T], bar number × interval: a clock that stands still while the market is closed. On a regular grid it shows the open times."""
        if self.first_number is None:
            return self.open_times_ns
        return (self.first_number + np.arange(self.bars, dtype=np.int64)) * self.interval_ns

    @property
    def start_ns(self) -> int:
        """Open time of the first column. Raises DataError for an empty panel."""
        self._require_bars()
        return int(self.open_times_ns[0])

    @property
    def end_ns(self) -> int:
        """Close time of the last column. Raises DataError for an empty panel."""
        self._require_bars()
        return int(self.open_times_ns[-1]) + self.interval_ns

    def between(self, start_ns: int, end_ns: int) -> BarPanel:
        """The columns whose open times lie in [start_ns, end_ns)."""
        low, high = np.searchsorted(self.open_times_ns, [start_ns, end_ns], side="left")
        return self.columns(int(low), max(int(low), int(high)))

    def columns(self, low: int, high: int) -> BarPanel:
        """The columns low … high − 1. Raises DataError unless 0 ≤ low ≤ high ≤ T."""
        if not 0 <= low <= high <= self.bars:
            raise DataError(f"expected columns within 0 to {self.bars}, found {low} to {high}", where=self.venue)
        number = None if self.first_number is None else self.first_number + low
        return self._replaced(self.symbols, self.open_times_ns[low:high], [getattr(self, name)[:, low:high] for name in COLUMNS], number)

    def select(self, symbols: Sequence[str]) -> BarPanel:
        """The rows of these symbols, in this order. Raises DataError for a symbol that the panel does not have."""
        rows = [self.row(symbol) for symbol in symbols]
        return self._replaced(tuple(symbols), self.open_times_ns, [getattr(self, name)[rows] for name in COLUMNS], self.first_number)

    def row(self, symbol: str) -> int:
        """The row of a symbol. Raises DataError for one that the panel does not have."""
        try:
            return self.symbols.index(symbol)
        except ValueError:
            raise DataError(f"expected a symbol of the panel ({', '.join(self.symbols)}), found {symbol}", where=self.venue) from None

    def stacked(self) -> Floats:
        """float64[S, 6, T], C-contiguous: open, high, low, close, volume, quote_volume."""
        return np.ascontiguousarray(np.stack([getattr(self, name) for name in COLUMNS], axis=1))

    def present(self) -> NDArray[np.bool_]:
        """bool[S, T]: where a bar is."""
        return ~np.isnan(self.close)

    def resampled(self, minutes: int) -> BarPanel:
        """Bars of a longer interval; see `resample_columns` for the rule of the edges. A session grid stays one, numbered anew from 0."""
        return self.resampled_counting(minutes)[0]

    def resampled_counting(self, minutes: int) -> tuple[BarPanel, ResampledColumns]:
        """The longer bars, and how many were dropped at the edges or built with a member missing, per symbol."""
        found = resample_columns(self.open_times_ns, np.stack([getattr(self, name) for name in COLUMNS]), self.interval_minutes, minutes)
        open_, high, low, close, volume, quote_volume = found.columns
        number = None if self.first_number is None else 0
        return BarPanel(self.venue, minutes, self.symbols, found.open_times_ns, open_, high, low, close, volume, quote_volume, number), found

    def _replaced(self, symbols: tuple[str, ...], times: NDArray[np.int64], columns: Sequence[Floats], first_number: int | None) -> BarPanel:
        open_, high, low, close, volume, quote_volume = columns
        return BarPanel(self.venue, self.interval_minutes, symbols, times, open_, high, low, close, volume, quote_volume, first_number)

    def _require_bars(self) -> None:
        if self.bars == 0:
            raise DataError("expected at least one bar, found an empty panel", where=self.venue)
