"""Scales: round ticks, calendar ticks, short texts, and long series that look the same when they are short."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tallystick.contracts.time import NS_PER_DAY, NS_PER_HOUR, ns_from_iso
from tallystick.research.pictures.scales import Scale, extent, round_ticks, share_text, short, shortened, time_ticks

START = ns_from_iso("2023-03-05")


@given(some.floats(-1e9, 1e9), some.floats(1e-6, 1e9), some.integers(2, 10))
def test_ticks_are_round_inside_and_not_too_many(low: float, span: float, most: int) -> None:
    # A millionth of the level is as fine as a picture ever gets.
    high = low + max(span, 1e-6 * abs(low))
    ticks = round_ticks(low, high, most)
    slack = 1e-6 * (high - low)
    assert len(ticks) <= most
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    if len(ticks) > 2:
        step = ticks[1] - ticks[0]
        assert f"{step:.2e}".startswith(("1.00", "2.00", "5.00"))


def test_ticks_of_a_flat_series_are_one() -> None:
    assert round_ticks(3.0, 3.0) == [3.0]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0"), (12_345.0, "12,345"), (1_234_567.0, "1.23M"), (0.01234, "0.0123"), (-3.5, "-3.5"), (float("nan"), "–"), (2.0, "2"), (-0.00001, "-0.00001")],
)
def test_numbers_are_short(value: float, words: str) -> None:
    assert short(value) == words


def test_shares_are_percent() -> None:
    assert [share_text(value) for value in (0.0, -0.1234, 0.005, 12.0, 0.000004)] == ["0 %", "-12.3 %", "0.5 %", "1200 %", "0.0004 %"]


@pytest.mark.parametrize(
    ("bars", "step", "texts"),
    [
        (24, NS_PER_HOUR, ["06:00", "12:00", "18:00"]),
        (24 * 5, NS_PER_HOUR, ["6 Mar", "7 Mar", "8 Mar", "9 Mar"]),
        (365, NS_PER_DAY, ["May 2023", "Jul 2023", "Sep 2023", "Nov 2023", "2024", "Mar 2024"]),
        (365 * 6, NS_PER_DAY, ["2024", "2025", "2026", "2027", "2028", "2029"]),
    ],
)
def test_time_ticks_stand_on_calendar_boundaries(bars: int, step: int, texts: list[str]) -> None:
    times = START + step * np.arange(bars, dtype=np.int64)
    assert [tick.text for tick in time_ticks(times)] == texts


def test_time_ticks_on_a_session_grid_stand_on_the_first_bar_after_the_boundary() -> None:
    days = [ns_from_iso(f"2024-{day}T14:00:00Z") for day in ("01-31", "02-01", "02-02")]
    times = np.array([day + hour * NS_PER_HOUR for day in days for hour in range(7)])
    assert [(tick.column, tick.text) for tick in time_ticks(times, most=2)] == [(7, "1 Feb"), (14, "2 Feb")]


@given(some.lists(some.one_of(some.floats(-1e6, 1e6), some.just(float("nan"))), min_size=1, max_size=400), some.integers(1, 40))
def test_shortened_series_keeps_both_extremes_and_both_ends(values: list[float], most: int) -> None:
    series = np.array(values)
    columns, kept = shortened(series, most)
    assert columns.size <= max(2 * most + 2, 2)
    assert (np.diff(columns) > 0).all()
    assert (columns[0], columns[-1]) == (0, series.size - 1)
    finite = series[np.isfinite(series)]
    if np.isfinite(kept).any():
        assert np.nanmin(kept) == finite.min()
        assert np.nanmax(kept) == finite.max()


def test_short_series_is_returned_whole() -> None:
    columns, kept = shortened(np.arange(20.0), 10)
    assert columns.tolist() == list(range(20))
    assert kept.tolist() == list(range(20))


def test_scale_of_equal_ends_does_not_divide_by_zero() -> None:
    assert Scale(1.0, 1.0, 5.0, 9.0)(1.0) == 5.0
    assert extent(np.array([np.nan])) == (0.0, 1.0)
    assert extent(np.array([4.0, 4.0])) == (3.8, 4.2)
