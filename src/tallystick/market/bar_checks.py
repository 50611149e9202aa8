"""Which bars are refused, and why. A refused bar becomes a gap; nothing is repaired."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.market import RefusalReason

# In order of precedence: a bar is counted under the first reason that fits.
REASONS: tuple[RefusalReason, ...] = (
    "unreadable_time",
    "non_finite",
    "impossible",
    "off_grid",
    "outside_session",
    "open",
    "duplicate",
    "unsorted",
)


@dataclass(frozen=True, slots=True)
class SymbolRows:
    """Rows of one symbol in file order. `times_ns` int64[N] (negative = unreadable), `columns` float64[6, N], `in_session` bool[N] or None."""

    times_ns: NDArray[np.int64]
    columns: NDArray[np.float64]
    in_session: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class CheckedRows:
    """The accepted rows, ascending, no duplicate; the count of the others by reason; whether any quote volume was estimated."""

    times_ns: NDArray[np.int64]
    columns: NDArray[np.float64]
    refused: dict[RefusalReason, int]
    estimated: bool


def check_rows(rows: SymbolRows, interval_ns: int, end_ns: int) -> CheckedRows:
    """Refuse bars that are open at `end_ns` (close time after it), unreadable, non-finite, impossible, off the grid, outside the session,
    a duplicate of an accepted bar, or earlier than one (unsorted). An import refuses more bars as outside the session, from all symbols together.

    Impossible: high below low, open or close outside [low, high], a price at or below zero, a negative volume. A quote volume that is not
    there becomes volume × close, and `estimated` says so.
    """
    times, columns = rows.times_ns, rows.columns
    open_, high, low, close, volume, quote = columns
    finite = np.isfinite(columns[:5]).all(axis=0) & ~np.isinf(quote)
    with np.errstate(invalid="ignore"):
        impossible = (high < low) | (open_ > high) | (open_ < low) | (close > high) | (close < low) | (low <= 0) | (volume < 0) | (quote < 0)
    outside = np.zeros(times.size, dtype=np.bool_) if rows.in_session is None else ~rows.in_session
    reasons = np.full(times.size, -1, dtype=np.int64)
    tests = (times < 0, ~finite, impossible, times % interval_ns != 0, outside, times > end_ns - interval_ns)
    for code, broken in enumerate(tests):
        reasons[(reasons < 0) & broken] = code
    _refuse_by_order(times, reasons)
    kept = reasons < 0
    counts = np.bincount(reasons[~kept], minlength=len(REASONS))
    refused = {name: int(counts[code]) for code, name in enumerate(REASONS) if counts[code]}
    accepted = np.ascontiguousarray(columns[:, kept])
    unknown = np.isnan(accepted[5])
    accepted[5] = np.where(unknown, accepted[4] * accepted[3], accepted[5])
    return CheckedRows(times[kept], accepted, refused, bool(unknown.any()))


def _refuse_by_order(times: NDArray[np.int64], reasons: NDArray[np.int64]) -> None:
    """Mark bars at or before one that was accepted earlier in the file: the same time is a duplicate, another one unsorted."""
    alive = np.flatnonzero(reasons < 0)
    if alive.size < 2:
        return
    order = times[alive]
    late = order[1:] <= np.maximum.accumulate(order)[:-1]
    if not late.any():
        return
    accepted = np.concatenate(([order[0]], order[1:][~late]))
    bad = alive[1:][late]
    # an accepted time that stands later in the file lies above every earlier one, so membership alone tells a duplicate
    twice = np.isin(times[bad], accepted)
    reasons[bad] = np.where(twice, REASONS.index("duplicate"), REASONS.index("unsorted"))
