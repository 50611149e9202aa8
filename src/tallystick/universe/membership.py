"""Membership over monthly refreshes: names join and leave only after enough confirmations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Columns = NDArray[np.int64]


def month_ends(open_times_ns: NDArray[np.int64], traded: Flags) -> Columns:
    """Positions in a daily grid of the last day of each month on which anything traded; the latest month's may still move."""
    # A day on which the whole venue has no bar judges nobody: the refresh falls on the last day before it.
    days = np.flatnonzero(traded)
    months = open_times_ns[days].astype("datetime64[ns]").astype("datetime64[M]")
    last = np.append(months[1:] != months[:-1], [True]) if days.size else np.zeros(0, np.bool_)
    return days[last].astype(np.int64)


def refresh_columns(open_times_ns: NDArray[np.int64], traded: Flags) -> Columns:
    """Positions of the refresh days: the first day, the last traded day of each month, and the latest day."""
    return np.unique(np.concatenate([[0], month_ends(open_times_ns, traded), [open_times_ns.size - 1]])).astype(np.int64)


def confirmed(eligible: Flags, barred: Flags, entry: int, leave: int) -> tuple[Flags, NDArray[np.int64]]:
    """Membership bool[R, N] after each refresh, oldest first, and how many eligible refreshes in a row end there, int64[R, N].

    A name joins after `entry` eligible refreshes in a row and leaves after `leave` ineligible ones; a barred name (excluded, delisted, without a
    bar that day) leaves at once, because confirmations smooth judgement and not impossibility.
    """
    names = eligible.shape[1]
    member, good, bad = np.zeros(names, np.bool_), np.zeros(names, np.int64), np.zeros(names, np.int64)
    members, runs = np.empty(eligible.shape, np.bool_), np.empty(eligible.shape, np.int64)
    for refresh in range(eligible.shape[0]):
        # Runs are counted over refreshes, not days, so a refresh in an unfinished month counts like any other.
        fit = eligible[refresh] & ~barred[refresh]
        good, bad = np.where(fit, good + 1, 0), np.where(fit, 0, bad + 1)
        gone = barred[refresh] | (bad >= leave)
        member = ~gone & (member | (good >= entry))
        members[refresh], runs[refresh] = member, good
    return members, runs
