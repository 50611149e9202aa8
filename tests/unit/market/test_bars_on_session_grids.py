"""Panels, coverage, lake and import of a market that closes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.fakes.bar_panels import panel_of
from tests.fakes.session_bars import START_NS, on_regular_grid, session_panel, session_times, without

from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.seal import check_seal
from tallystick.artifacts.store import write_artifact
from tallystick.contracts.errors import ArtifactError, ConfigurationError, DataError, InvariantViolation
from tallystick.contracts.registry import contract
from tallystick.contracts.time import NS_PER_DAY, NS_PER_MINUTE, iso_from_ns
from tallystick.market.bars import COLUMNS, BarPanel
from tallystick.market.calendars import bars_per_year, day_minutes
from tallystick.market.coverage import find_sessions, open_times
from tallystick.market.discovery import choose_group, discover
from tallystick.market.import_bars import import_group
from tallystick.market.lake import Lake, bar_bytes

FAR_NS = START_NS + 10_000 * NS_PER_DAY
PANEL = session_panel()


def stored(root: Path, panel: BarPanel = PANEL, *, keep_others: bool = False) -> Lake:
    lake = Lake(Workspace(root))
    lake.write(panel, calendar="us_equities", source="a test", keep_others=keep_others)
    return lake


def same_bars(left: BarPanel, right: BarPanel) -> bool:
    return (
        (left.symbols, left.first_number) == (right.symbols, right.first_number)
        and np.array_equal(left.open_times_ns, right.open_times_ns)
        and np.array_equal(left.stacked(), right.stacked(), equal_nan=True)
    )


def test_bar_numbers_are_places_and_every_slice_keeps_them() -> None:
    panel = session_panel(first_number=40)
    assert (panel.first_bar_number, panel.calendar, panel.day_minutes) == (40, "us_equities", 390)
    assert panel.columns(30, 35).first_bar_number == 70
    later = panel.between(int(panel.open_times_ns[30]) - 1, int(panel.open_times_ns[50]))
    assert (later.first_bar_number, later.bars, later.select(["EQ03"]).first_bar_number) == (70, 20, 70)
    assert (later.market_clock_ns // panel.interval_ns).tolist() == list(range(70, 90))
    assert panel.between(0, 1).bars == 0
    with pytest.raises(DataError, match="columns within 0 to"):
        panel.columns(5, panel.bars + 1)


def test_clock_of_a_regular_grid_shows_its_open_times() -> None:
    regular = on_regular_grid(PANEL)
    assert regular.market_clock_ns is regular.open_times_ns
    assert (regular.calendar, regular.day_minutes) == ("crypto_24_7", 1440)


@pytest.mark.parametrize("spoil", ["twice", "off grid", "number"])
def test_refuses_a_session_grid_that_is_none(spoil: str) -> None:
    times, number = PANEL.open_times_ns.copy(), 0
    if spoil == "twice":
        times[4] = times[3]
    elif spoil == "off grid":
        times[-1] += NS_PER_MINUTE
    else:
        number = -1
    with pytest.raises(InvariantViolation, match="numbered from 0"):
        BarPanel("nyse", 15, PANEL.symbols, times, *(getattr(PANEL, name) for name in COLUMNS), first_number=number)


def test_lake_gives_back_the_grid_and_numbers_that_belong_to_the_group(tmp_path: Path) -> None:
    lake = stored(tmp_path, without(PANEL, 0, slice(0, 30)))
    whole = lake.read("nyse", 15)
    assert whole.first_number == 0
    assert np.array_equal(whole.open_times_ns, PANEL.open_times_ns)
    one = lake.read("nyse", 15, ["EQ00"])
    assert (one.first_bar_number, one.start_ns) == (30, int(PANEL.open_times_ns[30]))
    part = lake.read("nyse", 15, ["EQ04", "EQ01"], start_ns=one.start_ns + 1, end_ns=one.start_ns + NS_PER_DAY)
    assert same_bars(part, whole.between(one.start_ns + 1, one.start_ns + NS_PER_DAY).select(["EQ04", "EQ01"]))
    assert part.first_bar_number == 31


def test_regular_panel_of_a_market_that_closes_is_stored_by_its_sessions(tmp_path: Path) -> None:
    assert same_bars(stored(tmp_path, on_regular_grid(PANEL)).read("nyse", 15), PANEL)


def test_coverage_counts_a_gap_in_bars_of_open_market(tmp_path: Path) -> None:
    # from the last two bars of the first day over the night into the second
    lake = stored(tmp_path, without(PANEL, 2, slice(24, 29)))
    coverage, _ = lake.coverage("nyse", 15)
    assert coverage.sessions is not None
    assert [session.from_at for session in coverage.sessions[:3]] == ["2024-01-01T13:30:00Z", "2024-01-02T13:30:00Z", "2024-01-03T13:30:00Z"]
    assert coverage.sessions[2].to_at == "2024-01-03T17:00:00Z"
    gap = coverage.symbols["EQ02"].gaps
    assert [(item.from_at, item.to_at, item.bars) for item in gap] == [("2024-01-01T19:30:00Z", "2024-01-02T14:15:00Z", 5)]
    assert coverage.symbols["EQ01"].gaps == ()


def test_crypto_coverage_has_no_sessions(tmp_path: Path) -> None:
    lake = Lake(Workspace(tmp_path))
    lake.write(panel_of(np.ones((1, 4), dtype=bool)), calendar="crypto_24_7", source="a test")
    assert b"sessions" not in lake.workspace.path("market.coverage", venue="testing", interval="1h").read_bytes()


def test_others_get_gaps_where_a_new_symbol_opens_the_market(tmp_path: Path) -> None:
    short, long = without(PANEL, 0, slice(24, 26)).select(["EQ00"]), PANEL.select(["EQ01"])
    lake = stored(tmp_path, short)
    assert lake.read("nyse", 15).bars == PANEL.bars - 2
    for _ in range(2):
        stored(tmp_path, long, keep_others=True)
        coverage, _ = lake.coverage("nyse", 15)
        assert [item.bars for item in coverage.symbols["EQ00"].gaps] == [2]
        assert same_bars(lake.read("nyse", 15), without(PANEL, 0, slice(24, 26)).select(["EQ00", "EQ01"]))
        assert check_seal(lake.workspace.path("market.coverage", venue="nyse", interval="15m").parent) == []


def test_coverage_from_before_sessions_is_refused_with_its_cure(tmp_path: Path) -> None:
    lake = stored(tmp_path)
    coverage, _ = lake.coverage("nyse", 15)
    older = {name: value for name, value in coverage.model_dump(exclude_unset=True).items() if name != "sessions"}
    write_artifact(contract("market.coverage"), lake.workspace.path("market.coverage", venue="nyse", interval="15m"), type(coverage).model_validate(older))
    with pytest.raises(DataError, match="expected sessions in the coverage") as error:
        lake.read("nyse", 15)
    assert "import the bars again" in str(error.value.hint)


def test_bar_while_the_market_was_closed_is_refused_on_reading(tmp_path: Path) -> None:
    lake = stored(tmp_path)
    strange = PANEL.open_times_ns.copy()
    strange[25] += 60 * NS_PER_MINUTE
    moved = BarPanel("nyse", 15, PANEL.symbols, strange, *(getattr(PANEL, name) for name in COLUMNS), first_number=0)
    lake.workspace.path("market.bars", venue="nyse", interval="15m", symbol="EQ03").write_bytes(bar_bytes(moved, 3))
    assert lake.read("nyse", 15, ["EQ02"]).bars == PANEL.bars
    with pytest.raises(ArtifactError, match="while the market is open"):
        lake.read("nyse", 15, ["EQ03"], verified=False)


def test_days_of_a_session_grid_carry_midnight_and_the_edges_are_left_out() -> None:
    daily, counts = PANEL.resampled_counting(1440)
    days = sorted({int(time) // NS_PER_DAY * NS_PER_DAY for time in PANEL.open_times_ns})
    assert daily.open_times_ns.tolist() == days[1:-1]
    assert (daily.first_number, counts.dropped.tolist(), counts.incomplete.tolist()) == (0, [2] * 6, [0] * 6)
    second = PANEL.between(days[1], days[2])
    assert daily.open[:, 0].tolist() == second.open[:, 0].tolist()
    assert daily.high[:, 0].tolist() == second.high.max(axis=1).tolist()
    assert daily.close[:, 0].tolist() == second.close[:, -1].tolist()


def test_missing_member_of_a_session_makes_its_longer_bar_incomplete() -> None:
    _, counts = without(PANEL, 1, slice(30, 31)).resampled_counting(1440)
    assert counts.incomplete.tolist() == [0, 1, 0, 0, 0, 0]


def test_decision_35_days_and_years_come_from_the_calendar() -> None:
    assert [day_minutes("us_equities", minutes) for minutes in (1, 5, 60, 240, 1440)] == [390, 390, 420, 480, 1440]
    assert day_minutes("crypto_24_7", 60) == 1440
    for minutes in (1, 5, 60, 1440):
        assert bars_per_year("us_equities", minutes) == 252 * day_minutes("us_equities", minutes) / minutes
    with pytest.raises(ConfigurationError):
        day_minutes("us_equities", 0)


def bar_file(folder: Path, panel: BarPanel, regular_hours: np.ndarray | None = None) -> Path:
    """A Parquet file of the panel's bars, with a column of regular hours bool[T] where it is given."""
    frames = []
    for row, symbol in enumerate(panel.symbols):
        have = ~np.isnan(panel.close[row])
        columns = {"symbol": [symbol] * int(have.sum()), "ts": pl.Series(panel.open_times_ns[have]).cast(pl.Datetime("ns")).dt.replace_time_zone("UTC")}
        columns |= {name: getattr(panel, name)[row, have] for name in COLUMNS}
        frames.append(pl.DataFrame(columns if regular_hours is None else {**columns, "rth": regular_hours[have]}))
    path = folder / "bars.parquet"
    pl.concat(frames).write_parquet(path)
    return path


@pytest.mark.parametrize("marked", [True, False])
def test_import_keeps_regular_sessions_and_counts_what_it_refuses(tmp_path: Path, marked: bool) -> None:
    """The third day closes early, but two of six symbols trade on; the first bar of the fourth day is marked as outside regular hours."""
    full = session_panel(days=40)
    late = session_times(40, 15, early=-1)
    columns = np.full((6, 6, late.size), np.nan)
    columns[:, :, np.isin(late, full.open_times_ns)] = np.stack([getattr(full, name) for name in COLUMNS])
    columns[:, :2, ~np.isin(late, full.open_times_ns)] = 50.0
    panel = BarPanel("nyse", 15, full.symbols, late, *columns, first_number=0)
    regular = np.ones(late.size, dtype=bool)
    opening = int(np.searchsorted(late, START_NS + 3 * NS_PER_DAY))
    regular[opening] = False
    group = choose_group(discover(bar_file(tmp_path, panel, regular if marked else None)).groups, minimum_symbols=1, minimum_days=1).group
    lake = Lake(Workspace(tmp_path / "workspace"))
    found = import_group(lake, group, end_ns=FAR_NS)
    assert group.calendar == "us_equities"
    assert found.refused_total() == {"outside_session": 2 * 12 + (6 if marked else 0)}
    read = lake.read("imported", 15)
    wanted = np.delete(full.open_times_ns, np.flatnonzero(full.open_times_ns == late[opening])) if marked else full.open_times_ns
    assert np.array_equal(read.open_times_ns, wanted)
    assert read.present().all()
    assert same_bars(read, found.panel)


def test_symbol_that_is_not_alive_yet_takes_no_part_in_deciding_the_sessions(tmp_path: Path) -> None:
    panel = session_panel(symbols=5, days=40)
    for row in range(1, 5):
        panel = without(panel, row, slice(0, 300))
    group = choose_group(discover(bar_file(tmp_path, panel)).groups, minimum_symbols=1, minimum_days=1).group
    lake = Lake(Workspace(tmp_path / "workspace"))
    assert import_group(lake, group, end_ns=FAR_NS).refused_total() == {}
    assert lake.read("imported", 15).bars == panel.bars


def test_sessions_of_daily_bars_are_weeks(tmp_path: Path) -> None:
    days = np.array([START_NS + day * NS_PER_DAY for day in range(12) if day % 7 < 5], dtype=np.int64)
    sessions = find_sessions(days, NS_PER_DAY)
    assert [(session.from_at[:10], session.to_at[:10]) for session in sessions] == [("2024-01-01", "2024-01-06"), ("2024-01-08", "2024-01-13")]
    assert find_sessions(days[:0], NS_PER_DAY) == ()
    lake = stored(tmp_path, BarPanel("nyse", 1440, ("EQ00",), days, *np.full((6, 1, days.size), 9.0), first_number=0))
    coverage, _ = lake.coverage("nyse", 1440)
    assert [iso_from_ns(int(time)) for time in open_times(coverage)] == [iso_from_ns(int(time)) for time in days]
