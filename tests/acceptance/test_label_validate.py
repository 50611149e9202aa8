"""`tallystick label validate` with funding of two venues and spot prices: P1 and P8 are decided, and their counts are a plain recount's."""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_right
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.fakes.databases import fresh_database
from tests.fakes.shared_data import shared_data
from tests.fakes.venue_facts import fact

from tallystick.adapters.fact_tables.writer import FactTablesWriter
from tallystick.apps.cli.label import commands
from tallystick.apps.label_database import database_evidence
from tallystick.apps.label_series import read_series, venues_of
from tallystick.contracts.errors import ConfigurationError, DataError

MINUTE = 60 * 10**9
START = 1_735_689_600 * 10**9
DAY = 1440 * MINUTE


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    commands()["label"].main([*map(str, arguments), "--json"], standalone_mode=False)
    return json.loads(capsys.readouterr().out)


def result(report: Any, name: str) -> Any:
    return next(row for row in report["results"] if row["hypothesis_name"].startswith(name))


def rates(offset: float) -> list[tuple[int, float]]:
    """A reading each ten minutes; between 8 and 16 o'clock the venues stand apart by the offset."""
    return [(time, offset if DAY // 3 <= time - START < 2 * DAY // 3 else 0.0001) for time in range(START, START + DAY, 10 * MINUTE)]


def funding_frame(venue: str, offset: float) -> pl.DataFrame:
    times, values = zip(*rates(offset), strict=True)
    return pl.DataFrame({"ts": times, "venue": venue, "symbol": "BTC", "funding_rate": values})


@pytest.fixture
def labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run(capsys, "cascades", "--seed", 7, "--keep", tmp_path / "kept", "--workspace", tmp_path)["cascades"]
    assert len(found) >= 30
    return found


@pytest.mark.clause("D4.38", "D4.41")
def test_funding_of_two_venues_decides_p1(tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: list[dict[str, Any]]) -> None:
    one, other = funding_frame("hyperliquid", 0.0009), funding_frame("kraken", 0.0001)
    expected = []
    for row in labels:
        start = int(row["start_ts"])
        gaps = [
            abs(value - rate)
            for (time, value), (_, rate) in zip(rates(0.0009), rates(0.0001), strict=True)
            if start - 30 * MINUTE <= time <= start - 5 * MINUTE
        ]
        expected += [max(gaps) >= 0.0005] if gaps else []
    pl.concat([one, other]).write_parquet(tmp_path / "both.parquet")
    one.drop("venue").write_csv(tmp_path / "one.csv")
    other.write_ndjson(tmp_path / "other.jsonl")
    ways = (
        ("--funding", tmp_path / "both.parquet"),
        ("--funding", tmp_path / "both.parquet", "--venues", "kraken,hyperliquid"),
        ("--funding", tmp_path / "one.csv", "--other-funding", tmp_path / "other.jsonl"),
    )
    for way in ways:
        row = result(run(capsys, "validate", *way, "--workspace", tmp_path), "P1")
        assert (row["total_events"], row["supporting_events"]) == (len(expected), sum(expected))
        assert row["status"] == ("VALIDATED" if row["success_rate"] >= 0.6 else "FAILED")
    assert 0 < sum(expected) < len(expected)
    assert result(run(capsys, "validate", "--workspace", tmp_path), "P1")["status"] == "INSUFFICIENT_DATA"


@pytest.mark.clause("D4.38", "D4.41")
@pytest.mark.parametrize("form", ["rows", "bars", "database"])
def test_spot_prices_decide_p8(tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: list[dict[str, Any]], form: str) -> None:
    marks = pl.read_parquet(tmp_path / "kept" / "marks.parquet").with_columns(pl.col("mark_px").cast(pl.Float64))
    times, prices = marks["snapshot_ts"].to_list(), marks["mark_px"].to_list()
    # Each minute a price of its own, off the mark by up to half a per cent; known at the end of its minute where it is a bar.
    spot = [(START + place * MINUTE, round(prices[60 * place] * (1 + (place % 11 - 5) / 1000), 2)) for place in range(1440)]
    known = [(time + (MINUTE if form == "bars" else 0), price) for time, price in spot]
    path = tmp_path / f"spot.{'db' if form == 'database' else 'parquet'}"
    frame = pl.DataFrame({"ts": [time for time, _ in spot], "symbol": "BTC", "close" if form == "bars" else "price": [price for _, price in spot]})
    if form == "database":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("create table spot_price_snapshots (snapshot_ts, coin, price)")
            connection.executemany("insert into spot_price_snapshots values (?, ?, ?)", [(time, "BTC", str(price)) for time, price in spot])
            connection.commit()
    else:
        frame.write_parquet(path)
    distances = []
    for row in labels:
        start = int(row["start_ts"])
        place = bisect_right([time for time, _ in known], start) - 1
        mark = prices[bisect_right(times, start) - 1]
        distances += [100 * abs(mark - known[place][1]) / known[place][1]] if place >= 0 else []
    found = result(run(capsys, "validate", "--spot", path, "--marks", tmp_path / "kept" / "marks.parquet", "--workspace", tmp_path), "P8")
    assert found["total_events"] == len(distances) >= 30
    assert found["supporting_events"] == sum(distance >= found["calibrated_threshold"] for distance in distances)
    assert found["status"] in ("VALIDATED", "FAILED")


def test_a_database_of_both_venues_decides_p1(tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: list[dict[str, Any]]) -> None:
    with fresh_database("sqlite", tmp_path) as url:
        with FactTablesWriter(url) as writer:
            for number, (time, value) in enumerate(rates(0.0009)):
                # Hyperliquid's rate is for an hour, Binance's for eight: an eighth of its rate is the same funding.
                writer.write([fact("FUNDING", number=number, time_ns=time, funding_rate=f"{value / 8:.10f}")])
                writer.write([fact("FUNDING", "binance", "BTCUSDT", number, time, funding_rate="0.0001")])
        row = result(run(capsys, "validate", "--database", url, "--workspace", tmp_path), "P1")
    assert row["total_events"] >= 30
    assert 0 < row["supporting_events"] < row["total_events"]


def test_a_rate_that_is_paid_as_the_next_one_is_told_gives_way_to_it(tmp_path: Path) -> None:
    with fresh_database("sqlite", tmp_path) as url:
        with FactTablesWriter(url) as writer:
            writer.write([fact("FUNDING", "binance", "BTCUSDT", 1, START, funding_rate="0.0003")])
            for number, rate in enumerate(("0.0001", "0.0002")):
                mark = {"price": "100.5", "oracle_price": "100", "funding_rate": rate, "next_funding_ns": START + DAY // 3}
                writer.write([fact("MARK", "binance", "BTCUSDT", 2 + number, START + number * MINUTE, **mark)])
            writer.write([fact("FUNDING", "binance", "BTCUSDT", 4, START - DAY // 3, funding_rate="0.0004")])
        found = database_evidence(url, "binance")["funding"]["BTCUSDT"]
    assert found.times.tolist() == [START - DAY // 3, START, START + MINUTE]
    assert found.values.tolist() == [0.0004, 0.0001, 0.0002]


def test_real_funding_of_two_of_seven_venues_is_read(tmp_path: Path) -> None:
    path = shared_data() / "perp_multi_venue" / "funding_rates_BTC_ETH_SOL.parquet"
    assert len(venues_of(path, "funding")) == 7
    found = read_series(path, "funding", "hyperliquid")
    assert sorted(found) == ["BTC", "ETH", "SOL"]
    assert sum(series.times.size for series in found.values()) == 26_208
    assert min(float(series.values.min()) for series in found.values()) < 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("--funding", "one.csv"), ConfigurationError, "two venues"),
        (("--funding", "three.csv"), ConfigurationError, "a, b, c"),
        (("--funding", "three.csv", "--venues", "a,x"), DataError, "expected rows of x"),
        (("--funding", "three.csv", "--venues", "a,a"), ConfigurationError, "two venues"),
        (("--other-funding", "one.csv"), ConfigurationError, "--funding with"),
        (("--funding", "bad.csv", "--other-funding", "one.csv"), DataError, "finite number"),
        (("--spot", "one.csv"), DataError, "column of spot"),
    ],
)
def test_funding_and_spot_that_cannot_be_used_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], error: type[Exception], message: str
) -> None:
    head = "ts,coin,funding_rate"
    (tmp_path / "one.csv").write_text(f"{head}\n{START},BTC,0.1\n")
    (tmp_path / "bad.csv").write_text(f"{head}\n{START},BTC,NaN\n")
    (tmp_path / "three.csv").write_text(f"{head},venue\n" + "".join(f"{START},BTC,0.1,{venue}\n" for venue in "abc"))
    given = [str(tmp_path / item) if item.endswith(".csv") else item for item in arguments]
    with pytest.raises(error, match=message):
        run(capsys, "validate", *given, "--workspace", tmp_path)
