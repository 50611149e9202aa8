"""Bars of a longer interval from bars of a shorter one; half-open, labelled by open time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.market import MINUTES_PER_DAY
from tallystick.contracts.time import NS_PER_MINUTE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ResampledColumns:
    """`open_times_ns` int64[N], `columns` float64[6, S, N] in the order open, high, low, close, volume, quote_volume.

    `dropped` int64[S]: longer bars left out because they reach beyond the symbol's first or last bar (part of them is unknown).
    `incomplete` int64[S]: longer bars that were built although a member between the edges is missing.
    """

    open_times_ns: Ints
    columns: Floats
    dropped: Ints
    incomplete: Ints


def resample_columns(open_times_ns: Ints, columns: Floats, interval_minutes: int, minutes: int) -> ResampledColumns:
    """Members of [t, t + minutes) become one bar: first open, highest high, lowest low, last close, sums of the volumes in time order.

    A longer bar is built when it lies wholly between the open of the symbol's first bar and the close of its last, and has a member at all.
    `columns` is float64[6, S, T] at ascending open times, NaN = no bar; times that are not there (a closed market) miss nothing.
    Raises ConfigurationError unless `minutes` is a multiple of the interval and divides a day, so that longer bars start at midnight UTC.
    """
    if minutes < interval_minutes or minutes % interval_minutes or MINUTES_PER_DAY % minutes:
        raise ConfigurationError(f"expected a multiple of {interval_minutes} minutes that divides a day, found {minutes} minutes")
    step, target = interval_minutes * NS_PER_MINUTE, minutes * NS_PER_MINUTE
    count = columns.shape[1]
    if open_times_ns.size == 0:
        zeros = np.zeros(count, dtype=np.int64)
        return ResampledColumns(open_times_ns, columns, zeros, zeros)
    times, window, sizes = np.unique(open_times_ns // target * target, return_inverse=True, return_counts=True)
    place = np.arange(open_times_ns.size) - (np.cumsum(sizes) - sizes)[window]
    members = np.full((6, count, times.size, int(sizes.max())), np.nan)
    members[:, :, window, place] = columns
    out = np.full((6, count, times.size), np.nan)
    present: NDArray[np.bool_] = ~np.isnan(members[3])
    for index in range(members.shape[3]):
        here = present[:, :, index]
        first = here & np.isnan(out[0])
        out[0][first] = members[0, :, :, index][first]
        out[1] = np.fmax(out[1], np.where(here, members[1, :, :, index], np.nan))
        out[2] = np.fmin(out[2], np.where(here, members[2, :, :, index], np.nan))
        out[3] = np.where(here, members[3, :, :, index], out[3])
        # one addition per member, always in time order: the same bits for any batch and any number of threads
        for row in (4, 5):
            value = np.where(here, members[row, :, :, index], 0.0)
            out[row] = np.where(here & np.isnan(out[row]), value, out[row] + value)
    any_member = present.any(axis=2)
    kept = any_member & _within_life(open_times_ns, ~np.isnan(columns[3]), times, step, target)
    out[:, ~kept] = np.nan
    dropped = np.count_nonzero(any_member & ~kept, axis=1).astype(np.int64)
    incomplete = np.count_nonzero(kept & (np.count_nonzero(present, axis=2) < sizes), axis=1).astype(np.int64)
    used = np.flatnonzero(kept.any(axis=0))
    span = slice(int(used[0]), int(used[-1]) + 1) if used.size else slice(0, 0)
    return ResampledColumns(times[span], np.ascontiguousarray(out[:, :, span]), dropped, incomplete)


def _within_life(open_times_ns: Ints, present: NDArray[np.bool_], starts: Ints, step: int, target: int) -> NDArray[np.bool_]:
    """bool[S, windows]: whether a window starts at or after the open of the symbol's first bar and ends at or before the close of its last."""
    first = open_times_ns[np.argmax(present, axis=1)]
    closed = open_times_ns[present.shape[1] - 1 - np.argmax(present[:, ::-1], axis=1)] + step
    inside: NDArray[np.bool_] = (starts[None, :] >= first[:, None]) & (starts[None, :] + target <= closed[:, None])
    return inside
