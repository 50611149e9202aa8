"""Recorded streams as whole units: exact, whatever their form."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tallystick.apps.label_sources import read_stream, units_of
from tallystick.contracts.errors import DataError

HOUR = 3600 * 10**9
BASE = 1_735_689_600 * 10**9


@pytest.mark.parametrize(
    ("values", "units", "decimals"),
    [
        (["1.50", "2.25", "3"], [150, 225, 300], 2),
        (["1.0", "20"], [1, 20], 0),
        ([7, 8], [7, 8], 0),
        ([0.1, 1e-7, 123456.75], [1000000, 1, 1234567500000], 7),
        (["1E+3", "0.5"], [10000, 5], 1),
        ([], [], 0),
    ],
)
def test_numbers_become_whole_units_of_their_last_decimal(values: list[object], units: list[int], decimals: int) -> None:
    series = pl.Series(values, dtype=pl.String if not values else None)
    found, places = units_of(series, "here")
    assert (found.tolist(), places) == (units, decimals)


def test_bars_stand_at_their_close_with_an_event_for_each_side_that_was_liquidated(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(
        "ts,symbol,close,oi_close,liquidation_long_usd,liquidation_short_usd\n"
        "2025-01-01T00:00:00Z,BTC,100.5,1000,5.5,0\n"
        "2025-01-01T01:00:00Z,BTC,99,900,1,2\n"
        "2025-01-01T03:00:00Z,BTC,98,800,0,0\n"
    )
    closes = [BASE + HOUR, BASE + 2 * HOUR, BASE + 4 * HOUR]
    times, units, decimals = read_stream(path, "marks").columns["BTC"]
    assert (times.tolist(), units.tolist(), decimals) == (closes, [1005, 990, 980], 1)
    assert read_stream(path, "oi").columns["BTC"][1].tolist() == [1000, 900, 800]
    assert read_stream(path, "liquidations").columns["BTC"][0].tolist() == [closes[0], closes[1], closes[1]]


def test_a_single_bar_has_no_interval(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("ts,symbol,close\n2025-01-01T00:00:00Z,BTC,100\n")
    with pytest.raises(DataError, match="two bars"):
        read_stream(path, "marks")


def test_a_database_without_the_table_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.write_bytes(b"")
    with pytest.raises(DataError, match="hl_oi_snapshots"):
        read_stream(path, "oi")
