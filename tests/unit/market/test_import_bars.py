from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.fakes.bar_panels import START_NS, panel_of
from tests.fakes.shared_data import shared_data

from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import ns_from_iso
from tallystick.market.bar_files import inspect_file, read_rows, require_bars
from tallystick.market.discovery import choose_group, discover, left_out_lines
from tallystick.market.import_bars import ImportedBars, import_group
from tallystick.market.lake import Lake, bar_bytes

FAR_NS = ns_from_iso("2030-01-01T00:00:00Z")
HEADER = "symbol,ts,open,high,low,close,volume"


def csv_rows(symbol: str = "AAAUSDT", count: int = 5, day: str = "2024-01-0") -> list[str]:
    return [f"{symbol},{day}{index + 1}T00:00:00Z,10,12,9,11,5" for index in range(count)]


def write(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def imported(tmp_path: Path, source: Path, end_ns: int = FAR_NS) -> ImportedBars:
    return import_group(Lake(Workspace(tmp_path.joinpath("workspace"))), discover(source).groups[0], end_ns=end_ns)


def test_each_bad_bar_is_refused_and_counted_and_the_file_is_kept(tmp_path: Path) -> None:
    lines = [
        HEADER,
        *csv_rows(),
        "AAAUSDT,2024-01-03T00:00:00Z,10,12,9,11,5",
        "AAAUSDT,2024-01-06T00:00:00Z,10,12,9,NaN,5",
        "AAAUSDT,2024-01-07T00:00:00Z,10,8,9,11,5",
        "AAAUSDT,2024-01-08T00:00:00Z,10,12,9,eleven,5",
        "AAAUSDT,yesterday,10,12,9,11,5",
        "AAAUSDT,2024-01-09T00:00:00Z,10,12,9,11,5",
        "AAAUSDT,2024-01-08T00:00:00Z,10,12,9,11,5",
        "AAAUSDT,2024-01-10T00:00:00Z,10,12,9,11,5",
    ]
    found = imported(tmp_path, write(tmp_path / "in" / "bars.csv", lines).parent, end_ns=ns_from_iso("2024-01-10T23:59:59Z"))
    assert found.refused_total() == {"duplicate": 1, "impossible": 1, "non_finite": 2, "open": 1, "unreadable_time": 1, "unsorted": 1}
    coverage, _ = Lake(Workspace(tmp_path.joinpath("workspace"))).coverage("imported", 1440)
    item = coverage.symbols["AAAUSDT"]
    assert (item.rows, item.last, [gap.bars for gap in item.gaps]) == (6, "2024-01-09T00:00:00Z", [3])
    assert item.refused["open"] == 1


def test_decision_36_an_open_bar_is_never_stored(tmp_path: Path) -> None:
    source = write(tmp_path / "in" / "bars.csv", [HEADER, *csv_rows()]).parent
    one_short = imported(tmp_path, source, end_ns=ns_from_iso("2024-01-06T00:00:00Z") - 1)
    assert one_short.panel.bars == 4
    assert imported(tmp_path, source, end_ns=ns_from_iso("2024-01-06T00:00:00Z")).panel.bars == 5


def test_a_parquet_file_with_a_nan_close_loses_that_bar_only(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    frame = pl.read_parquet(bar_bytes(panel_of(np.ones((1, 30), dtype=bool)), 0))
    frame.with_columns(pl.when(pl.int_range(30) == 7).then(float("nan")).otherwise(pl.col("close")).alias("close")).write_parquet(source / "x")
    found = imported(tmp_path, source)
    assert found.refused_total() == {"non_finite": 1}
    assert np.flatnonzero(np.isnan(found.panel.close[0])).tolist() == [7]


def test_quote_volume_that_is_not_there_is_estimated_and_marked(tmp_path: Path) -> None:
    found = imported(tmp_path, write(tmp_path / "in" / "bars.csv", [HEADER, *csv_rows()]).parent)
    assert found.panel.quote_volume[0].tolist() == [55.0] * 5
    coverage, sha256 = Lake(Workspace(tmp_path.joinpath("workspace"))).coverage("imported", 1440)
    assert coverage.symbols["AAAUSDT"].quote_volume == "estimated"
    assert sha256 == found.coverage_sha256
    reported = write(tmp_path / "other" / "bars.csv", [f"{HEADER},quote_volume", *(f"{line},54" for line in csv_rows())])
    assert imported(tmp_path, reported.parent).panel.quote_volume[0].tolist() == [54.0] * 5


@pytest.mark.parametrize(
    ("column", "stamps"),
    [
        ("ts", ["1704067200", "1704153600", "1704240000"]),
        ("open_time", ["1704067200000", "1704153600000", "1704240000000"]),
        ("timestamp", ["1704067200.0", "1704153600.0", "1704240000.0"]),
        ("timestamp", ["1704067200000000", "1704153600000000", "1704240000000000"]),
        ("Date", ["2024-01-01", "2024-01-02", "2024-01-03"]),
        ("date", ["2024-01-01 00:00:00", "2024-01-02 00:00:00", "2024-01-03 00:00:00"]),
        ("datetime", ["2024-01-01T00:00:00.000Z", "2024-01-02T00:00:00.000Z", "2024-01-03T00:00:00.000Z"]),
        ("time", ["2024-01-01T01:00:00+01:00", "2024-01-02 01:00:00+0100", "2024-01-03T00:00+00:00"]),
    ],
)
def test_times_of_every_common_form_are_read(tmp_path: Path, column: str, stamps: list[str]) -> None:
    path = write(tmp_path / "prices.csv", [f"{column};Open;High;Low;Close;Volume", *(f"{stamp};10;12;9;11;5" for stamp in stamps)])
    rows = read_rows(require_bars(path), ("ts", "open"))
    assert rows.get_column("ts").to_list() == [START_NS + day * 86_400_000_000_000 for day in range(3)]
    assert rows.get_column("symbol").to_list() == ["PRICES"] * 3


def test_parquet_times_of_every_kind_are_read(tmp_path: Path) -> None:
    moments = pl.Series("ts", [START_NS // 1000, START_NS // 1000 + 86_400_000_000]).cast(pl.Datetime("us"))
    prices = {name: [10.0, 10.0] for name in ("open", "high", "low", "close", "volume")}
    for index, series in enumerate(
        (moments, moments.cast(pl.Datetime("ms")).dt.replace_time_zone("UTC"), moments.cast(pl.Datetime("ns")), moments.cast(pl.Date))
    ):
        path = tmp_path / f"{index}.parquet"
        pl.DataFrame({"ts": series, **prices}).write_parquet(path)
        assert read_rows(require_bars(path), ("ts",)).get_column("ts").to_list() == [START_NS, START_NS + 86_400_000_000_000]


def test_a_header_with_spaces_quotes_and_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "in" / "bars.csv"
    path.parent.mkdir()
    path.write_bytes('\ufeff"Symbol", TS ,open, high,low ,close,volume\r\n'.encode() + "\r\n".join(csv_rows()).encode())
    assert imported(tmp_path, path.parent).panel.symbols == ("AAAUSDT",)


def test_a_row_that_is_cut_short_is_refused_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "in" / "bars.csv", [HEADER, *csv_rows(), "AAAUSDT,2024-01-06,10,12"])
    assert imported(tmp_path, path.parent).refused_total() == {"non_finite": 1}


def test_a_compressed_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "in" / "bars"
    path.parent.mkdir()
    path.write_bytes(gzip.compress("\n".join([HEADER, *csv_rows()]).encode()))
    assert imported(tmp_path, path.parent).panel.bars == 5


def test_a_missing_column_is_one_clear_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "in" / "bars.csv", ["symbol,ts,open,high,low,volume", "AAAUSDT,2024-01-01,10,12,9,5"])
    with pytest.raises(DataError, match=r"found that bars.csv has no column close"):
        discover(path)
    with pytest.raises(DataError, match=r"found none: bars.csv has no column close"):
        discover(path.parent)


def test_missing_empty_and_foreign_folders_are_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a folder with bars, found none of that name"):
        discover(tmp_path / "nowhere")
    with pytest.raises(DataError, match="found an empty folder"):
        discover(tmp_path)
    write(tmp_path / "notes.md", ["# notes"])
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1\x00\x01")
    (tmp_path / "cut.gz").write_bytes(b"\x1f\x8b\x08")
    (tmp_path / "noise.bin").write_bytes(bytes(range(128, 256)))
    with pytest.raises(DataError, match="expected at least one bar file, found none"):
        discover(tmp_path)
    whys = {path.name: getattr(inspect_file(path), "why", "") for path in tmp_path.iterdir()}
    assert whys["empty.csv"] == "is empty"
    assert whys["cut.parquet"].startswith("is a damaged Parquet file")
    assert whys["cut.gz"] == "is a damaged gzip file"
    assert whys["noise.bin"] == "is neither Parquet nor a text table"
    assert whys["notes.md"] == "has no header line of a table"


def test_a_file_that_is_only_bad_bars_says_what_was_wrong(tmp_path: Path) -> None:
    source = write(tmp_path / "in" / "bars.csv", [HEADER, *(line.replace(",11,", ",13,") for line in csv_rows())]).parent
    with pytest.raises(DataError, match=r"expected at least one good bar.*AAAUSDT: 5 impossible"):
        imported(tmp_path, source)


def test_a_symbol_without_a_good_bar_is_named(tmp_path: Path) -> None:
    bad = [line.replace(",11,", ",13,") for line in csv_rows("BADUSDT")]
    found = imported(tmp_path, write(tmp_path / "in" / "bars.csv", [HEADER, *csv_rows(), *bad]).parent)
    assert found.without_bars == ("BADUSDT",)
    assert found.refused["BADUSDT"] == {"impossible": 5}
    assert found.panel.symbols == ("AAAUSDT",)


def test_symbols_that_cannot_be_file_names_are_left_out_aloud(tmp_path: Path) -> None:
    path = write(tmp_path / "in" / "bars.csv", [HEADER, *csv_rows(), *csv_rows("../x"), "ONEUSDT,2024-01-01,10,12,9,11,5"])
    found = discover(path.parent)
    assert found.groups[0].symbols == ("AAAUSDT",)
    assert [item.why.split(",")[0] for item in found.left_out] == ["expected a symbol of letters", "has one bar only"]


def test_files_of_one_symbol_each_make_one_group(tmp_path: Path) -> None:
    for name in ("AAA", "BBB"):
        write(tmp_path / "in" / f"{name}USDT_1d.csv", ["date,open,high,low,close,volume", *(line.split(",", 1)[1] for line in csv_rows())])
    group = discover(tmp_path / "in").groups[0]
    assert (group.symbols, group.interval_minutes, group.venue) == (("AAAUSDT", "BBBUSDT"), 1440, "imported")
    found = imported(tmp_path, tmp_path / "in")
    assert found.panel.symbols == ("AAAUSDT", "BBBUSDT")


def test_no_group_that_is_large_enough_lists_what_there_is(tmp_path: Path) -> None:
    source = write(tmp_path / "in" / "bars.csv", [HEADER, *csv_rows()]).parent
    with pytest.raises(DataError, match=r"at least 5 symbols with 180 days of bars, found: imported USDT 1d"):
        choose_group(discover(source).groups)


def test_the_shared_folder_gives_hourly_binance(tmp_path: Path) -> None:
    found = discover(shared_data())
    choice = choose_group(found.groups)
    assert (choice.group.venue, choice.group.interval_minutes, len(choice.group.symbols)) == ("binance", 60, 15)
    assert [file.path.name for file in choice.group.files] == ["binance_1h_15sym.parquet"]
    whys = {item.what: item.why for item in (*found.left_out, *choice.left_out)}
    assert whys["liquidations/btc_1h_price_liq_funding_oi_cvd.parquet"] == "has no column volume"
    assert any(what.startswith("us_equity") and "no crypto group" in why for what, why in whys.items())
    assert len(choice.left_out) == len(found.groups) - 1
    assert len(left_out_lines(found.left_out)) < 10
    lake = Lake(Workspace(tmp_path))
    stored = import_group(lake, choice.group, end_ns=FAR_NS)
    assert stored.refused_total() == {}
    panel = lake.read("binance", 60)
    assert panel.close.shape == (15, 21_888)
    assert np.array_equal(panel.close, stored.panel.close, equal_nan=True)
    daily = panel.resampled(1440)
    assert daily.bars == 912


def test_shared_equities_are_chosen_only_without_crypto(tmp_path: Path) -> None:
    group = choose_group(discover(shared_data().joinpath("us_equities")).groups).group
    assert (group.venue_class, group.calendar, group.interval_minutes) == ("equities", "us_equities", 5)
    found = import_group(Lake(Workspace(tmp_path)), group, end_ns=FAR_NS)
    # 3,528 are marked so; 37 are of the few names that traded on after one of three early closes
    assert found.refused_total() == {"outside_session": 3565}
    assert found.panel.present().all()
    assert {row.quote for row in found.instruments} == {"USD"}
