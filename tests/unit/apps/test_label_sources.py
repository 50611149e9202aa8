"""Recorded streams as whole units: exact, whatever their form."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tallystick.apps.label_sources import Kind, read_stream, units_of
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


BARS = "ts,symbol,close,oi_close,liquidation_long_usd,liquidation_short_usd\n"


@pytest.mark.parametrize("value", ["NaN", "-1", "abc", ""])
def test_what_a_bar_liquidated_is_a_number_of_0_or_more(tmp_path: Path, value: str) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(f"{BARS}2025-01-01T00:00:00Z,BTC,100,10,0,0\n2025-01-01T01:00:00Z,BTC,100,10,0,{value}\n")
    with pytest.raises(DataError, match="liquidation_short_usd of 0 or more"):
        read_stream(path, "liquidations")


@pytest.mark.parametrize(
    ("rows", "seconds"),
    [
        # A minute's bars beside an hour's: the hour would be known after its first minute.
        ("00:00:00Z,A 00:01:00Z,A 00:02:00Z,A 00:00:00Z,B 01:00:00Z,B 02:00:00Z,B", "60 and 3600"),
        # One stray row, and every bar would be known a second after it began.
        ("00:00:00Z,A 00:00:01Z,A 01:00:00Z,A 02:00:00Z,A 03:00:00Z,A", "1 and 3600"),
    ],
)
@pytest.mark.clause("D4.27")
def test_decision_40_no_bar_is_known_before_its_close(tmp_path: Path, rows: str, seconds: str) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("ts,symbol,close\n" + "".join(f"2025-01-01T{row},100\n" for row in rows.split()))
    with pytest.raises(DataError, match=f"one interval, found {seconds} seconds"):
        read_stream(path, "marks")


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("oi", "ts,venue,coin,open_interest\n{0},hyperliquid,BTC,900\n{1},lighter,BTC,30\n", "one venue, found hyperliquid, lighter"),
        ("liquidations", "ts,symbol,liq_long_count\n{0},BTC,0\n", "each liquidation, found sums"),
        ("oi", "ts,coin,open_interest\n{0},,900\n", "every row"),
        ("marks", "ts,symbol,close\n2025-01-01T00:00:00Z,,100\n2025-01-01T01:00:00Z,BTC,100\n", "every row"),
        ("oi", "ts,coin,open_interest\n01/02/2025 00:00,BTC,1\n", "found '01/02/2025 00:00'"),
        ("oi", "ts,coin,open_interest\n2025-13-01,BTC,1\n", r"2025-13-01.*in\.csv"),
        ("oi", "ts,coin,open_interest\n9000000000000000000,BTC,1\n", "before the year 2096"),
        ("oi", "ts,coin\n1,2,3\n", "^[^\n]*more fields[^\n]*$"),
    ],
)
def test_a_stream_that_would_be_misread_is_refused_in_one_line(tmp_path: Path, kind: Kind, text: str, message: str) -> None:
    path = tmp_path / "in.csv"
    path.write_text(text.format(BASE, BASE + HOUR))
    with pytest.raises(DataError, match=message):
        read_stream(path, kind)


def test_iso_times_may_differ_in_their_decimals_and_zones(tmp_path: Path) -> None:
    path = tmp_path / "oi.csv"
    path.write_text(
        "ts,coin,oi\n2025-01-01T00:00:00+00:00,BTC,1\n2025-01-01T00:00:00.250000+00:00,BTC,2\n2025-01-01T02:00:01+02:00,BTC,3\n2025-01-01 00:00:02,BTC,4\n"
    )
    assert (read_stream(path, "oi").columns["BTC"][0] - BASE).tolist() == [0, 250_000_000, 10**9, 2 * 10**9]


@pytest.mark.parametrize("value", ["1_000", "٣", "1e-500000000", "NaN", "inf", "-3", "0x1"])
def test_text_that_is_no_plain_number_is_refused_by_itself(value: str) -> None:
    with pytest.raises(DataError, match="expected a number of 0 or more") as refused:
        units_of(pl.Series(["1", value]), "here")
    assert repr(value) in str(refused.value)


@pytest.mark.parametrize("column", ["coin", "open_interest"])
@pytest.mark.parametrize("values", [[["a"], ["b"]], [b"a", b"\xff"]])
def test_columns_of_lists_and_bytes_are_no_text(tmp_path: Path, column: str, values: list[object]) -> None:
    rows = {"ts": [BASE, BASE + HOUR], "coin": ["A", "A"], "open_interest": ["1", "2"]}
    pl.DataFrame({**rows, column: values}).write_parquet(tmp_path / "oi.parquet")
    with pytest.raises(DataError, match=f"text or numbers in ({column}|value)"):
        read_stream(tmp_path / "oi.parquet", "oi")
