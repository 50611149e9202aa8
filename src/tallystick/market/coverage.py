"""What is stored and what is missing: first, last, rows, gaps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import DataError
from tallystick.contracts.market import Calendar, Coverage, Gap, QuoteVolumeSource, RefusalReason, Session, SymbolCoverage
from tallystick.contracts.time import NS_PER_MINUTE, iso_from_ns, ns_from_iso
from tallystick.market.calendars import has_sessions


def find_gaps(open_times_ns: NDArray[np.int64], present: NDArray[np.bool_], expected: NDArray[np.bool_], interval_ns: int) -> tuple[Gap, ...]:
    """Stretches between the first and the last bar where bars are expected and missing.

    `present`, `expected` bool[T]. On a round-the-clock calendar every time is expected; on a session calendar those at which some symbol of the
    venue has a bar, so a night ends no gap and starts none.
    """
    have = np.flatnonzero(present)
    if have.size == 0:
        return ()
    inside = np.zeros(present.size, dtype=np.bool_)
    inside[have[0] : have[-1] + 1] = True
    missing = np.flatnonzero(expected & ~present & inside)
    if missing.size == 0:
        return ()
    # a new gap starts wherever a bar lies between two missing ones
    bars_before = np.cumsum(present)[missing]
    starts = np.flatnonzero(np.concatenate(([True], np.diff(bars_before) > 0)))
    ends = np.concatenate((starts[1:], [missing.size]))
    return tuple(
        Gap(
            from_at=iso_from_ns(int(open_times_ns[missing[low]])),
            to_at=iso_from_ns(int(open_times_ns[missing[high - 1]]) + interval_ns),
            bars=int(high - low),
        )
        for low, high in zip(starts, ends, strict=True)
    )


def expected_times(present: NDArray[np.bool_], calendar: Calendar) -> NDArray[np.bool_]:
    """bool[T] of the times at which a bar is expected, from bool[S, T] of those there are."""
    if not has_sessions(calendar):
        return np.ones(present.shape[1], dtype=np.bool_)
    return np.asarray(present.any(axis=0), dtype=np.bool_)


def find_sessions(open_times_ns: NDArray[np.int64], interval_ns: int) -> tuple[Session, ...]:
    """Ascending open times as stretches of consecutive bars."""
    if open_times_ns.size == 0:
        return ()
    edges = np.flatnonzero(np.diff(open_times_ns, prepend=open_times_ns[:1] - 2 * interval_ns) != interval_ns)
    ends = np.concatenate((edges[1:], [open_times_ns.size])) - 1
    return tuple(
        Session(from_at=iso_from_ns(int(open_times_ns[first])), to_at=iso_from_ns(int(open_times_ns[last]) + interval_ns))
        for first, last in zip(edges, ends, strict=True)
    )


def open_times(coverage: Coverage) -> NDArray[np.int64]:
    """int64[N]: every open time of the stored group, ascending; the place of a time in a group with sessions is its bar number.

    Raises DataError for a coverage from before sessions were recorded.
    """
    step = coverage.interval_minutes * NS_PER_MINUTE
    if not has_sessions(coverage.calendar):
        first, last = (pick(ns_from_iso(getattr(row, edge)) for row in coverage.symbols.values()) for pick, edge in ((min, "first"), (max, "last")))
        return np.arange(first, last + step, step, dtype=np.int64)
    if not coverage.sessions:
        raise DataError(
            f"expected sessions in the coverage of {coverage.venue} ({coverage.calendar}), found none",
            hint="It was written by an earlier version: import the bars again",
        )
    return np.concatenate([np.arange(ns_from_iso(session.from_at), ns_from_iso(session.to_at), step, dtype=np.int64) for session in coverage.sessions])


def cover_symbol(
    open_times_ns: NDArray[np.int64],
    present: NDArray[np.bool_],
    gaps: tuple[Gap, ...],
    *,
    refused: Mapping[RefusalReason, int],
    quote_volume: QuoteVolumeSource,
    sha256: str,
) -> SymbolCoverage:
    """The coverage row of a symbol that has at least one bar."""
    have = np.flatnonzero(present)
    return SymbolCoverage(
        first=iso_from_ns(int(open_times_ns[have[0]])),
        last=iso_from_ns(int(open_times_ns[have[-1]])),
        rows=int(have.size),
        gaps=gaps,
        refused=dict(sorted(refused.items())),
        quote_volume=quote_volume,
        sha256=sha256,
    )
