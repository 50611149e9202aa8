from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import NS_PER_MINUTE, iso_from_ns, ns_from_iso
from tallystick.market.bar_spacing import why_unusable
from tallystick.market.discovery import discover
from tallystick.market.import_bars import ImportedBars, import_group
from tallystick.market.lake import Lake

START_NS = ns_from_iso("2024-01-01T00:00:00Z")
HEADER = "symbol,ts,open,high,low,close,volume"
HOUR = 60


def write(path: Path, minutes: Sequence[int]) -> Path:
    """A file of one symbol with a bar at each of these minutes after the start, in this order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"AAAUSDT,{iso_from_ns(START_NS + at * NS_PER_MINUTE)},10,12,9,11,5" for at in minutes]
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def imported(tmp_path: Path, source: Path) -> ImportedBars:
    lake = Lake(Workspace(tmp_path.joinpath("workspace")))
    return import_group(lake, discover(source).groups[0], end_ns=ns_from_iso("2030-01-01T00:00:00Z"))


def test_shuffled_rows_are_refused_with_the_first_one_out_of_order(tmp_path: Path) -> None:
    hours = [HOUR * place for place in range(200)]
    random.Random(3).shuffle(hours)
    hours[:3] = sorted(hours[:3])
    with pytest.raises(
        DataError, match=r"AAAUSDT expected rows by time, oldest first, found \d+ of 200 that come after a later one, the first in row 4 "
    ) as error:
        discover(write(tmp_path / "bars.csv", hours))
    assert f"{iso_from_ns(START_NS + hours[3] * NS_PER_MINUTE)} after {iso_from_ns(START_NS + hours[2] * NS_PER_MINUTE)}" in error.value.message
    assert error.value.hint == ""


def test_newest_first_is_refused_as_an_order_and_not_as_too_few_bars(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"found 9 of 10 that come after a later one, the first in row 2 "):
        discover(write(tmp_path / "bars.csv", [HOUR * place for place in range(10)][::-1]))


def test_a_stray_row_is_refused_alone_and_the_interval_stays(tmp_path: Path) -> None:
    hours = [HOUR * place for place in range(20)]
    hours.append(hours.pop(5))
    found = imported(tmp_path, write(tmp_path / "in" / "bars.csv", hours).parent)
    assert (found.panel.interval_minutes, found.panel.bars, found.refused_total()) == (60, 20, {"unsorted": 1})


def test_rows_given_twice_are_duplicates_and_no_disorder(tmp_path: Path) -> None:
    hours = [HOUR * place for place in range(10)] * 2
    assert imported(tmp_path, write(tmp_path / "in" / "bars.csv", hours).parent).refused_total() == {"duplicate": 10}


@pytest.mark.parametrize(
    ("minutes", "says"),
    [
        (
            [7 * HOUR * place for place in range(9)],
            r"parts a day evenly, or whole days \(1m, 5m, 1h, 4h, 1d\), found most bars 7h apart in 9 rows from 2024-01-01",
        ),
        ([0, 7, 19, 26, 40, 47], "found most bars 7m apart in 6 rows"),
        (
            [30 + HOUR * place for place in range(9)],
            r"whole multiples of 1h in UTC, found 0 of 9 rows there, the first other one in row 1 \(2024-01-01T00:30:00Z\)",
        ),
        ([0, 60, 120, 185, 245, 305, 370, 430, 490], "found 3 of 9 rows there, the first other one in row 4"),
    ],
)
def test_irregular_and_odd_steps_are_refused_with_what_was_found_and_where(tmp_path: Path, minutes: list[int], says: str) -> None:
    with pytest.raises(DataError, match=says):
        discover(write(tmp_path / "bars.csv", minutes))


@pytest.mark.parametrize("interval", [1, 5, 90, 240, 1440, 4320])
def test_intervals_that_part_a_day_or_count_days_are_bars(tmp_path: Path, interval: int) -> None:
    # 2024-01-01 is 19,723 days after 1970, which three does not divide
    late = 2 * 1440 if interval == 4320 else 0
    group = discover(write(tmp_path / "bars.csv", [late + interval * place for place in range(9)])).groups[0]
    assert group.interval_minutes == interval


def test_one_time_is_no_interval() -> None:
    assert why_unusable({"step": None, "rows": 4}) == "has one bar only, so no interval"


def test_files_of_a_symbol_follow_each_other_by_time_and_not_by_name(tmp_path: Path) -> None:
    source = write(tmp_path / "in" / "AAAUSDT-10.csv", [HOUR * place for place in range(10, 20)]).parent
    write(source / "AAAUSDT-9.csv", [HOUR * place for place in range(10)])
    found = imported(tmp_path, source)
    assert (found.panel.bars, found.refused_total()) == (20, {})
