"""Membership over monthly refreshes: names join and leave only after enough confirmations."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.contracts.time import date_from_ns


def refresh_columns(open_times_ns: Sequence[int]) -> tuple[int, ...]:
    """Positions of the refresh days in a daily grid: the first day, the last day of each month, and the latest day."""
    count = len(open_times_ns)
    months = [date_from_ns(int(time))[:7] for time in open_times_ns]
    return tuple(place for place in range(count) if place in (0, count - 1) or months[place] != months[place + 1])


def confirmed(eligible: Sequence[bool], barred: Sequence[bool], entry: int, leave: int) -> tuple[bool, ...]:
    """Membership after each refresh, oldest first.

    A name joins after `entry` eligible refreshes in a row and leaves after `leave` ineligible ones; a barred name (excluded, delisted, without a
    bar that day) leaves at once, because confirmations smooth judgement and not impossibility.
    """
    member, good, bad, out = False, 0, 0, []
    for fit, shut in zip(eligible, barred, strict=True):
        # Runs are counted over refreshes, not days, so a refresh in an unfinished month counts like any other.
        good, bad = (good + 1, 0) if fit and not shut else (0, bad + 1)
        if shut or bad >= leave:
            member = False
        elif good >= entry:
            member = True
        out.append(member)
    return tuple(out)
