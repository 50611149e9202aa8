from __future__ import annotations

import numpy as np

from tallystick.contracts.time import NS_PER_DAY, date_from_ns, ns_from_iso
from tallystick.universe.membership import confirmed, refresh_columns


def dates(start: str, days: int, silent: tuple[int, ...] = ()) -> list[str]:
    times = ns_from_iso(start) + NS_PER_DAY * np.arange(days, dtype=np.int64)
    traded = np.array([day not in silent for day in range(days)])
    return [date_from_ns(int(times[place])) for place in refresh_columns(times, traded)]


def members(eligible: list[bool], barred: list[bool], entry: int, leave: int) -> list[bool]:
    found, _ = confirmed(np.array(eligible)[:, None], np.array(barred)[:, None], entry, leave)
    return found[:, 0].tolist()


def test_refreshes_are_the_first_day_month_ends_and_the_latest_day() -> None:
    assert dates("2024-01-30", 45) == ["2024-01-30", "2024-01-31", "2024-02-29", "2024-03-14"]
    assert dates("2024-01-01", 31) == ["2024-01-01", "2024-01-31"]
    assert dates("2024-02-10", 1) == ["2024-02-10"]


def test_a_month_end_without_any_bar_refreshes_on_the_last_traded_day_before_it() -> None:
    assert dates("2024-01-01", 40, silent=(29, 30)) == ["2024-01-01", "2024-01-29", "2024-02-09"]


def test_two_confirmations_join_and_two_leave() -> None:
    eligible = [True, True, False, True, False, False, True, True]
    assert members(eligible, [False] * 8, 2, 2) == [False, True, True, True, True, False, False, True]


def test_one_confirmation_follows_eligibility() -> None:
    eligible = [False, True, False, True]
    assert members(eligible, [False] * 4, 1, 1) == eligible


def test_a_barred_name_leaves_at_once_and_starts_again() -> None:
    assert members([True] * 5, [False, False, True, False, False], 2, 2) == [False, True, False, False, True]
