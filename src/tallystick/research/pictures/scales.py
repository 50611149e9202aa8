"""From data to places on a picture: ticks on round numbers and on calendar boundaries, short texts for numbers, and long series made short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MOST_TIME_TICKS = 9
_HOUR, _DAY = 3_600 * 10**9, 24 * 3_600 * 10**9
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from data low … high to picture first … last."""

    low: float
    high: float
    first: float
    last: float

    def __call__(self, value: float) -> float:
        """The place of a value."""
        span = self.high - self.low
        return self.first if span == 0 else self.first + (value - self.low) / span * (self.last - self.first)

    def places(self, values: Floats) -> Floats:
        """The places of many values."""
        span = self.high - self.low
        found: Floats = np.full(values.shape, self.first) if span == 0 else self.first + (values - self.low) / span * (self.last - self.first)
        return found


def extent(*series: Floats, zero: bool = False) -> tuple[float, float]:
    """Lowest and highest of the finite values, widened where they are equal; (0, 1) for none. zero: 0 lies inside."""
    lows, highs = [0.0] if zero else [], [0.0] if zero else []
    for values in series:
        finite = values[np.isfinite(values)]
        if finite.size:
            lows.append(float(finite.min()))
            highs.append(float(finite.max()))
    if not lows:
        return 0.0, 1.0
    low, high = min(lows), max(highs)
    if low == high:
        pad = abs(low) * 0.05 or 0.5
        return low - pad, high + pad
    return low, high


def round_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Ticks at multiples of 1, 2 or 5 times a power of ten inside [low, high], at most `most` of them."""
    span = high - low
    if not (isfinite(span) and span > 0):
        return [low]
    step = 10.0 ** floor(log10(span / most))
    for factor in (1, 2, 5, 10, 20):
        first = -floor(-low / (step * factor) + 1e-9)
        last = floor(high / (step * factor) + 1e-9)
        if last - first + 1 <= most:
            return [number * step * factor for number in range(first, last + 1)]
    return [low, high]


def padded(low: float, high: float, share: float = 0.05) -> tuple[float, float]:
    """The extent with a margin on both sides."""
    pad = (high - low) * share
    return low - pad, high + pad


def short(value: float) -> str:
    """A number in few characters: 1.2M, 12,400, 0.031, 0."""
    if not isfinite(value):
        return "–"
    size = abs(value)
    for limit, unit in ((1e9, "G"), (1e6, "M")):
        if size >= limit:
            return _trimmed(f"{value / limit:.2f}") + unit
    if size >= 100:
        return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
    if size >= 1:
        return _trimmed(f"{value:.2f}")
    return "0" if size == 0 else _trimmed(f"{value:.{min(12, 2 - floor(log10(size)))}f}")


def share_text(value: float) -> str:
    """A fraction as percent in few characters."""
    if not isfinite(value):
        return "–"
    size = abs(value * 100)
    if 0 < size < 0.01:
        return short(value * 100) + " %"
    digits = 0 if size >= 100 else 1 if size >= 1 else 2
    return _trimmed(f"{value * 100:.{digits}f}") + " %"


def _trimmed(text: str) -> str:
    trimmed = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if trimmed == "-0" else trimmed


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A calendar boundary: the first column at or after it, and its text."""

    column: int
    text: str


def time_ticks(open_times_ns: Ints, most: int = MOST_TIME_TICKS) -> list[TimeTick]:
    """Columns where a calendar unit begins, of the finest unit that has at most `most` of them; the first column alone where there is none."""
    times = open_times_ns.astype("datetime64[ns]")
    months = times.astype("datetime64[M]").astype(np.int64)
    days = open_times_ns // _DAY
    years = months // 12
    units: Sequence[tuple[Ints, str]] = (
        (open_times_ns // _HOUR, "hour"),
        (open_times_ns // (6 * _HOUR), "hour"),
        (days, "day"),
        (days // 2, "day"),
        ((days + 3) // 7, "day"),
        ((days + 3) // 14, "day"),
        (months, "month"),
        (months // 2, "month"),
        (months // 3, "month"),
        (months // 6, "month"),
        (years, "year"),
        (years // 2, "year"),
        (years // 5, "year"),
    )
    for numbers, unit in units:
        columns = np.flatnonzero(np.diff(numbers)) + 1
        if 0 < columns.size <= most:
            return [TimeTick(int(column), _time_text(times[column], unit)) for column in columns]
    return [TimeTick(0, _time_text(times[0], "day"))] if times.size else []


def _time_text(time: np.datetime64, unit: str) -> str:
    text = str(time.astype("datetime64[m]"))
    year, month, day, clock = text[:4], _MONTH_NAMES[int(text[5:7]) - 1], int(text[8:10]), text[11:16]
    if unit == "year":
        return year
    if unit == "month":
        return year if month == "Jan" else f"{month} {year}"
    return f"{day} {month}" if unit == "day" or clock == "00:00" else clock


def shortened(values: Floats, most: int) -> tuple[Ints, Floats]:
    """Columns and values of a series that looks the same on `most` pixels: the lowest and the highest of each of `most` equal runs, in their order.

    The first and the last column are kept, and a break (NaN) where a whole run has no value. A series of at most 2 · most columns is returned whole.
    """
    count = values.size
    if count <= 2 * most:
        return np.arange(count, dtype=np.int64), values
    width = -(-count // most)
    rows = -(-count // width)
    padded_out = np.full(rows * width, np.nan)
    padded_out[:count] = values
    table = padded_out.reshape(rows, width)
    empty = np.isnan(table).all(axis=1)
    low = np.where(np.isnan(table), np.inf, table).argmin(axis=1)
    high = np.where(np.isnan(table), -np.inf, table).argmax(axis=1)
    places = np.stack([np.minimum(low, high), np.maximum(low, high)], axis=1)
    places[empty] = 0
    columns = (np.arange(rows)[:, None] * width + places).ravel()
    kept = np.unique(np.append(columns, [0, count - 1])).astype(np.int64)
    return kept, values[kept]
