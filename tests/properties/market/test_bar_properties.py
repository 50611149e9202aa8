"""Refusal, resampling and slicing against brute force."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.bar_panels import START_NS, panel_of

from tallystick.contracts.time import NS_PER_MINUTE
from tallystick.market.bar_checks import SymbolRows, check_rows
from tallystick.market.bars import COLUMNS
from tallystick.market.coverage import expected_times, find_gaps

HOUR = 60 * NS_PER_MINUTE
END = START_NS + 12 * HOUR
KINDS = ("good", "good", "good", "nan", "inf", "high", "close", "zero", "volume", "quote", "early", "off", "session", "unreadable", "no_quote")


def make_row(kind: str, hour: int) -> tuple[int, list[float], bool]:
    bar = [10.0, 12.0, 9.0, 11.0, 5.0, 55.0]
    time, inside = START_NS + hour * HOUR, True
    match kind:
        case "nan":
            bar[3] = math.nan
        case "inf":
            bar[4] = math.inf
        case "high":
            bar[1] = 8.0
        case "close":
            bar[3] = 12.5
        case "zero":
            bar[2] = 0.0
        case "volume":
            bar[4] = -1.0
        case "quote":
            bar[5] = -1.0
        case "early":
            time = -1
        case "off":
            time += 60_000_000_000
        case "session":
            inside = False
        case "no_quote":
            bar[5] = math.nan
        case "unreadable":
            time = -5
        case _:
            pass
    return time, bar, inside


def oracle(rows: list[tuple[int, list[float], bool]]) -> tuple[list[int], dict[str, int]]:
    accepted: list[int] = []
    refused: dict[str, int] = {}
    for time, (open_, high, low, close, volume, quote), inside in rows:
        if time < 0:
            why = "unreadable_time"
        elif not all(math.isfinite(value) for value in (open_, high, low, close, volume)):
            why = "non_finite"
        elif not (0 < low <= min(open_, close) and max(open_, close) <= high) or volume < 0 or quote < 0:
            why = "impossible"
        elif time % HOUR:
            why = "off_grid"
        elif not inside:
            why = "outside_session"
        elif time + HOUR > END:
            why = "open"
        elif time in accepted:
            why = "duplicate"
        elif accepted and time < accepted[-1]:
            why = "unsorted"
        else:
            accepted.append(time)
            continue
        refused[why] = refused.get(why, 0) + 1
    return accepted, refused


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 13)), max_size=24))
@settings(max_examples=120, deadline=None)
def test_import_refuses_exactly_the_bad_bars(plan: list[tuple[str, int]]) -> None:
    rows = [make_row(kind, hour) for kind, hour in plan]
    columns = np.array([bar for _, bar, _ in rows], dtype=np.float64).reshape(-1, 6).T
    found = check_rows(
        SymbolRows(np.array([time for time, _, _ in rows], dtype=np.int64), columns, np.array([inside for *_, inside in rows], dtype=bool)), HOUR, END
    )
    accepted, refused = oracle(rows)
    assert found.times_ns.tolist() == accepted
    assert found.refused == refused
    assert len(accepted) + sum(refused.values()) == len(rows)
    assert not np.isnan(found.columns).any()


@given(st.integers(1, 3), st.integers(1, 60), st.integers(0, 30), st.sampled_from([60, 120, 240, 1440]), st.integers(0, 2**32 - 1))
@settings(max_examples=80, deadline=None)
def test_resampling_agrees_with_brute_force(count: int, bars: int, offset: int, minutes: int, seed: int) -> None:
    present = np.random.default_rng(seed).random((count, bars)) < 0.8
    panel = panel_of(present, start_ns=START_NS + offset * HOUR, seed=seed)
    longer = panel.resampled(minutes)
    target, expected = minutes * NS_PER_MINUTE, {}
    for row in range(count):
        have = [index for index in range(bars) if present[row, index]]
        for start in sorted({int(panel.open_times_ns[index]) // target * target for index in have}):
            members = [index for index in have if start <= panel.open_times_ns[index] < start + target]
            inside = start >= panel.open_times_ns[have[0]] and start + target <= panel.open_times_ns[have[-1]] + HOUR
            if inside:
                volume = quote = 0.0
                for index in members:
                    volume, quote = volume + panel.volume[row, index], quote + panel.quote_volume[row, index]
                expected[row, start] = (
                    panel.open[row, members[0]],
                    max(panel.high[row, index] for index in members),
                    min(panel.low[row, index] for index in members),
                    panel.close[row, members[-1]],
                    volume,
                    quote,
                )
    found = {
        (row, int(longer.open_times_ns[index])): tuple(float(getattr(longer, name)[row, index]) for name in COLUMNS)
        for row in range(count)
        for index in range(longer.bars)
        if not np.isnan(longer.close[row, index])
    }
    assert found == expected


@given(st.integers(1, 30), st.integers(-5, 40), st.integers(-5, 40))
@settings(max_examples=60, deadline=None)
def test_slices_hold_open_times_from_start_to_end_exclusive(bars: int, low: int, high: int) -> None:
    panel = panel_of(np.ones((2, bars), dtype=bool))
    start, end = START_NS + low * HOUR - 1, START_NS + high * HOUR
    part = panel.between(start, end)
    wanted = [index for index in range(bars) if start <= panel.open_times_ns[index] < end]
    assert part.open_times_ns.tolist() == [int(panel.open_times_ns[index]) for index in wanted]
    assert np.array_equal(part.select(["BBBUSDT"]).close[0], panel.close[1, wanted])
    assert part.stacked().shape == (2, 6, len(wanted))


@pytest.mark.parametrize("calendar", ["crypto_24_7", "us_equities"])
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_gaps_hold_exactly_the_missing_bars(calendar: str, pattern: list[tuple[bool, bool]]) -> None:
    present = np.array(pattern, dtype=bool).T
    panel = panel_of(present)
    gaps = find_gaps(panel.open_times_ns, present[0], expected_times(present, calendar), HOUR)
    have = np.flatnonzero(present[0])
    missing = (
        [] if have.size == 0 else [index for index in range(have[0], have[-1]) if not present[0, index] and (calendar == "crypto_24_7" or present[1, index])]
    )
    assert sum(gap.bars for gap in gaps) == len(missing)
    assert all(before.to_at < after.from_at for before, after in pairwise(gaps))
