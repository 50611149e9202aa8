"""Session grids against brute force, on sessions of any shape."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.bar_panels import START_NS, panel_of

from tallystick.artifacts.paths import Workspace
from tallystick.contracts.time import NS_PER_MINUTE, ns_from_iso
from tallystick.market.bars import COLUMNS, BarPanel
from tallystick.market.coverage import find_sessions
from tallystick.market.lake import Lake

HOUR = 60 * NS_PER_MINUTE
PATTERNS = st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=2, max_size=80).filter(
    lambda rows: all(any(row[at] for row in rows) for at in range(3))
)


def closed_at_times(present: np.ndarray, seed: int = 5) -> BarPanel:
    """bool[S, T] as bars on the session grid that it makes."""
    regular, open_ = panel_of(present, seed=seed), present.any(axis=0)
    return BarPanel("testing", 60, regular.symbols, regular.open_times_ns[open_], *(getattr(regular, name)[:, open_] for name in COLUMNS), first_number=0)


@given(st.lists(st.integers(0, 200), min_size=1, max_size=60, unique=True))
@settings(max_examples=80, deadline=None)
def test_sessions_hold_exactly_their_times_and_none_touches_the_next(hours: list[int]) -> None:
    times = START_NS + HOUR * np.array(sorted(hours), dtype=np.int64)
    sessions = [(ns_from_iso(item.from_at), ns_from_iso(item.to_at)) for item in find_sessions(times, HOUR)]
    assert [time for start, end in sessions for time in range(start, end, HOUR)] == times.tolist()
    assert all(before[1] < after[0] for before, after in pairwise(sessions))


@given(PATTERNS, st.lists(st.sampled_from(["AAAUSDT", "BBBUSDT", "CCCUSDT"]), min_size=1, max_size=3, unique=True), st.integers(-3, 83), st.integers(1, 90))
@settings(max_examples=40, deadline=None)
def test_a_bar_has_one_number_whatever_is_read(pattern: list[list[bool]], names: list[str], low: int, hours: int) -> None:
    panel = closed_at_times(np.array(pattern, dtype=bool).T)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Workspace(Path(folder)))
        lake.write(panel, calendar="us_equities", source="a test")
        start, end = START_NS + low * HOUR, START_NS + (low + hours) * HOUR
        rows = [panel.row(name) for name in names]
        have = np.flatnonzero(panel.present()[rows].any(axis=0))
        inside = [index for index in range(have[0], have[-1] + 1) if start <= panel.open_times_ns[index] < end]
        if not inside:
            return
        part = lake.read("testing", 60, names, start_ns=start, end_ns=end)
    assert part.first_bar_number == inside[0]
    assert part.open_times_ns.tolist() == panel.open_times_ns[inside].tolist()
    assert np.array_equal(part.stacked(), panel.select(names).columns(inside[0], inside[-1] + 1).stacked(), equal_nan=True)


@given(PATTERNS, st.sampled_from([60, 120, 240, 1440]), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_resampling_a_session_grid_gives_the_bars_of_the_regular_one(pattern: list[list[bool]], minutes: int, seed: int) -> None:
    present = np.array(pattern, dtype=bool).T
    sessions, regular = closed_at_times(present, seed).resampled(minutes), panel_of(present, seed=seed).resampled(minutes)
    at = np.isin(regular.open_times_ns, sessions.open_times_ns)
    assert not regular.present()[:, ~at].any()
    assert np.array_equal(sessions.stacked(), regular.stacked()[:, :, at], equal_nan=True)
