from __future__ import annotations

from tallystick.contracts.time import NS_PER_DAY, date_from_ns, ns_from_iso
from tallystick.universe.membership import confirmed, refresh_columns


def dates(start: str, days: int) -> list[str]:
    times = [ns_from_iso(start) + day * NS_PER_DAY for day in range(days)]
    return [date_from_ns(times[place]) for place in refresh_columns(times)]


def test_refreshes_are_the_first_day_month_ends_and_the_latest_day() -> None:
    assert dates("2024-01-30", 45) == ["2024-01-30", "2024-01-31", "2024-02-29", "2024-03-14"]
    assert dates("2024-01-01", 31) == ["2024-01-01", "2024-01-31"]
    assert dates("2024-02-10", 1) == ["2024-02-10"]


def test_two_confirmations_join_and_two_leave() -> None:
    eligible = [True, True, False, True, False, False, True, True]
    assert confirmed(eligible, [False] * 8, 2, 2) == (False, True, True, True, True, False, False, True)


def test_one_confirmation_follows_eligibility() -> None:
    eligible = [False, True, False, True]
    assert confirmed(eligible, [False] * 4, 1, 1) == tuple(eligible)


def test_a_barred_name_leaves_at_once_and_starts_again() -> None:
    assert confirmed([True] * 5, [False, False, True, False, False], 2, 2) == (False, True, False, False, True)
