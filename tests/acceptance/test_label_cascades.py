"""`tallystick label`: on generated seconds and on a real hourly file the labels equal a brute-force script exactly."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.fakes.cascade_oracle import OracleRule, label
from tests.fakes.shared_data import shared_data

from tallystick.apps.cli.label import commands
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.registry import contract

SECOND = 10**9
HOUR = 3600 * SECOND
REAL_FILE = "btc_1h_price_liq_funding_oi_cvd.parquet"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    commands()["label"].main([*map(str, arguments), "--json"], standalone_mode=False)
    return json.loads(capsys.readouterr().out)


def expected_rows(points: list[tuple[int, Decimal]], forced: list[int], marks: list[tuple[int, Decimal]], rule: OracleRule) -> tuple[list[Any], list[Any]]:
    """The oracle's cascades and waves in the form of the document, numbers as text."""
    rows, _ = label(points, forced, marks, rule)
    cascades, waves = [], []
    for number, row in enumerate(rows, 1):
        for place, (start, end, count, drop) in enumerate(row.pop("waves"), 1):  # type: ignore[arg-type, attr-defined]
            waves.append((number, place, start, end, count, drop))
        cascades.append({"cascade_id": number, "coin": "BTC", **row})
    return cascades, waves


def document_rows(document: Any) -> tuple[list[Any], list[Any]]:
    """The document's cascades and waves with numbers as numbers."""
    exact = {"oi_drop_pct": Decimal, "price_start": Decimal, "price_end": Decimal, "price_5min_after": Decimal, "start_ts": int, "end_ts": int}
    cascades = [{name: exact.get(name, lambda value: value)(value) for name, value in row.items()} for row in document["cascades"]]
    waves = [
        (row["cascade_id"], row["wave_num"], int(row["start_ts"]), int(row["end_ts"]), row["liquidation_count"], Decimal(row["oi_drop_pct"]))
        for row in document["waves"]
    ]
    return cascades, waves


@pytest.mark.clause("D4.27", "D4.28", "D4.29", "D4.30", "D4.34", "D4.35")
@pytest.mark.parametrize("boundary", ["exclusive", "inclusive"])
def test_generated_seconds_equal_the_brute_force_script(tmp_path: Path, capsys: pytest.CaptureFixture[str], boundary: str) -> None:
    kept = tmp_path / "kept"
    run(capsys, "cascades", "--seed", 7, "--keep", kept, "--workspace", tmp_path / "made")
    document = run(
        capsys,
        *("cascades", "--oi", kept / "oi.parquet", "--liquidations", kept / "liquidations.parquet", "--marks", kept / "marks.parquet"),
        *("--boundary", boundary, "--wave-gap-s", 6, "--workspace", tmp_path / boundary),
    )
    interest, marks = pl.read_parquet(kept / "oi.parquet"), pl.read_parquet(kept / "marks.parquet")
    expected = expected_rows(
        [(time, Decimal(value)) for time, value in interest.select("snapshot_ts", "open_interest").iter_rows()],
        pl.read_parquet(kept / "liquidations.parquet")["detected_ts"].to_list(),
        [(time, Decimal(value)) for time, value in marks.select("snapshot_ts", "mark_px").iter_rows()],
        OracleRule(inclusive=boundary == "inclusive", wave_gap_ns=6 * SECOND),
    )
    assert document_rows(document) == expected
    assert len(expected[0]) >= 50
    assert {row["outcome"] for row in expected[0]} == {"REVERSAL", "CONTINUATION", "NEUTRAL"}
    assert {row["wave_count"] for row in expected[0]} > {1, 2}


@pytest.mark.clause("D4.27", "D4.30")
def test_real_hourly_file_equals_the_brute_force_script_with_thresholds_of_its_grain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = shared_data() / "liquidations" / REAL_FILE
    document = run(
        capsys,
        *("cascades", "--oi", path, "--liquidations", path, "--marks", path, "--workspace", tmp_path),
        *("--drop-pct", "2.5", "--window-s", 4 * 3600 + 1, "--wave-gap-s", 3600, "--outcome-after-s", 5 * 3600, "--neutral-pct", "0.75"),
    )
    points, forced, marks = [], [], []
    for row in pl.read_parquet(path).sort("ts").iter_rows(named=True):
        # A bar is known at its close, an hour after its open time.
        close = int((row["ts"] - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * SECOND + HOUR
        points.append((close, Decimal(row["oi_close"])))
        marks.append((close, Decimal(repr(row["close"]))))
        forced += [close] * sum(row[side] > 0 for side in ("liquidation_long_usd", "liquidation_short_usd"))
    rule = OracleRule(Decimal("2.5"), 4 * HOUR + SECOND, wave_gap_ns=HOUR, after_ns=5 * HOUR, neutral_pct=Decimal("0.75"))
    assert document_rows(document) == expected_rows(points, forced, marks, rule)
    assert len(document["cascades"]) >= 50
    assert {row["outcome"] for row in document["cascades"]} == {"REVERSAL", "CONTINUATION", "NEUTRAL"}


def test_same_seed_writes_the_same_bytes_and_a_verified_artifact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("cascades", "--seed", 3, "--coins", "BTC,ETH", "--seconds", 6000, "--workspace")
    first, again = run(capsys, *arguments, tmp_path / "a"), run(capsys, *arguments, tmp_path / "b")
    assert first["sha256"] == again["sha256"]
    assert first["coins"] == ["BTC", "ETH"]
    labels = read_artifact(contract("analysis.labeled_cascades"), Path(first["path"]), first["sha256"])
    assert [row.cascade_id for row in labels.cascades] == list(range(1, len(labels.cascades) + 1))
    other = run(capsys, *arguments, tmp_path / "a", "--drop-pct", 5)
    assert other["label_id"] != first["label_id"]


@pytest.mark.clause("D4.38", "D4.39", "D4.41", "D4.123")
def test_validate_counts_nine_hypotheses_over_the_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labelled = run(capsys, "cascades", "--seed", 7, "--workspace", tmp_path)
    report = run(capsys, "validate", "--seed", 7, "--workspace", tmp_path)
    assert report["label_id"] == labelled["label_id"]
    assert report["labeled_cascades_sha256"] == labelled["sha256"]
    results = {row["hypothesis_name"][:2]: row for row in report["results"]}
    assert list(results) == [f"P{number}" for number in range(1, 10)]
    total = len(labelled["cascades"])
    assert results["P2"]["total_events"] == total
    assert results["P2"]["supporting_events"] == sum(3 <= row["wave_count"] <= 5 for row in labelled["cascades"])
    assert results["P9"]["total_events"] == total
    assert results["P1"]["status"] == "INSUFFICIENT_DATA"
    assert all(row["success_rate"] == (row["supporting_events"] / row["total_events"] if row["total_events"] else 0.0) for row in report["results"])


def streams(folder: Path) -> dict[str, pl.DataFrame]:
    """Tables as a recorder writes them: two coins, one cascade of BTC, a row that came twice."""
    base = 1_700_000_000 * SECOND
    seconds = [*range(0, 400, 10)]
    interest = ["1000.5" if second < 60 else "850.25" for second in seconds]
    rows = {
        "oi": pl.DataFrame({"snapshot_ts": [base + second * SECOND for second in seconds], "coin": "BTC", "open_interest": interest}),
        "liquidations": pl.DataFrame({"detected_ts": [base + 55 * SECOND, base + 58 * SECOND], "coin": "BTC"}),
        "marks": pl.DataFrame({"snapshot_ts": [base + second * SECOND for second in seconds], "coin": "BTC", "mark_px": ["100.0"] * 6 + ["98"] * 34}),
    }
    other = rows["oi"].with_columns(coin=pl.lit("xyz:GOLD"), open_interest=pl.lit("5"))
    rows["oi"] = pl.concat([rows["oi"], rows["oi"].tail(1), other])
    folder.mkdir()
    return rows


def paths_of(folder: Path, form: str) -> dict[str, Path]:
    rows = streams(folder)
    paths = {kind: folder / f"{kind}.{form}" for kind in rows}
    if form == "db":
        tables = {"oi": "hl_oi_snapshots", "liquidations": "hl_liquidations", "marks": "hl_mark_prices"}
        with closing(sqlite3.connect(paths["oi"])) as connection:
            for kind, frame in rows.items():
                connection.execute(f"create table {tables[kind]} ({', '.join(frame.columns)})")
                connection.executemany(f"insert into {tables[kind]} values ({', '.join('?' * frame.width)})", frame.rows())
            connection.commit()
        return dict.fromkeys(rows, paths["oi"])
    for kind, frame in rows.items():
        if form == "csv":
            frame.write_csv(paths[kind])
        elif form == "jsonl":
            frame.write_ndjson(paths[kind])
        else:
            frame.write_parquet(paths[kind])
    return paths


@pytest.mark.clause("D4.27")
@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl", "db"])
def test_every_form_of_the_tables_gives_the_same_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    paths = paths_of(tmp_path / "in", form)
    given = [item for kind, path in paths.items() for item in (f"--{kind}", path)]
    document = run(capsys, "cascades", *given, "--workspace", tmp_path)
    (row,) = document["cascades"]
    assert (row["coin"], row["price_start"], row["price_end"], row["oi_drop_pct"]) == ("BTC", "100", "98", "15.01749125")
    assert document["coins"] == ["BTC", "xyz:GOLD"]
    assert document["sources"][0]["repeated_rows"] == 1


def test_rows_of_coins_without_open_interest_are_counted_and_never_all_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = paths_of(tmp_path / "in", "parquet")
    given = [item for kind, path in paths.items() for item in (f"--{kind}", path)]
    forced = pl.read_parquet(paths["liquidations"])
    pl.concat([forced, forced.with_columns(coin=pl.lit("BTCUSDT"))]).write_parquet(paths["liquidations"])
    document = run(capsys, "cascades", *given, "--workspace", tmp_path)
    assert [source["unused_rows"] for source in document["sources"]] == [{}, {"BTCUSDT": 2}, {}]
    assert len(document["cascades"]) == 1
    commands()["label"].main(["cascades", *map(str, given), "--workspace", str(tmp_path)], standalone_mode=False)
    assert "unused 2 rows of liquidations: BTCUSDT has no open interest" in capsys.readouterr().out
    for kind in ("liquidations", "marks"):
        kept = pl.read_parquet(paths[kind])
        kept.with_columns(coin=pl.lit("BTCUSDT")).write_parquet(paths[kind])
        with pytest.raises(DataError, match=rf"{kind} of coins with open interest \(BTC, xyz:GOLD\), found only BTCUSDT"):
            run(capsys, "cascades", *given, "--workspace", tmp_path)
        kept.write_parquet(paths[kind])
    pl.read_parquet(paths["oi"]).head(0).write_parquet(paths["oi"])
    with pytest.raises(DataError, match="open interest, found no row"):
        run(capsys, "cascades", *given, "--workspace", tmp_path)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("snapshot_ts", pl.lit(1_700_000_000), "nanoseconds"),
        ("snapshot_ts", pl.lit("yesterday"), "times"),
        ("open_interest", pl.lit("NaN"), "number of 0 or more"),
        ("open_interest", pl.lit("-3"), "number of 0 or more"),
        ("open_interest", pl.lit("99999999999999999999"), "64 bits"),
        ("open_interest", pl.int_range(pl.len()).cast(pl.String), "two different"),
        ("coin", pl.lit(None, dtype=pl.String), "every row"),
    ],
)
def test_a_bad_stream_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str], column: str, value: pl.Expr, message: str) -> None:
    paths = paths_of(tmp_path / "in", "parquet")
    pl.read_parquet(paths["oi"]).with_columns(value.alias(column)).write_parquet(paths["oi"])
    given = [item for kind, path in paths.items() for item in (f"--{kind}", path)]
    with pytest.raises(DataError, match=message) as refused:
        run(capsys, "cascades", *given, "--workspace", tmp_path)
    assert "oi.parquet" in str(refused.value)


def test_a_missing_column_an_unknown_form_and_half_a_command_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = paths_of(tmp_path / "in", "parquet")
    with pytest.raises(DataError, match="column of marks"):
        run(capsys, "cascades", "--oi", paths["oi"], "--liquidations", paths["liquidations"], "--marks", paths["oi"], "--workspace", tmp_path)
    with pytest.raises(DataError, match=r"\.parquet"):
        run(capsys, "cascades", "--oi", tmp_path / "oi.txt", "--liquidations", paths["liquidations"], "--marks", paths["oi"], "--workspace", tmp_path)
    with pytest.raises(DataError, match="readable"):
        run(capsys, "cascades", "--oi", tmp_path / "no.parquet", "--liquidations", paths["liquidations"], "--marks", paths["oi"], "--workspace", tmp_path)
    with pytest.raises(ConfigurationError, match="together"):
        run(capsys, "cascades", "--oi", paths["oi"], "--workspace", tmp_path)
    with pytest.raises(ConfigurationError, match="exclusive"):
        run(capsys, "cascades", "--seed", 1, "--boundary", "open", "--workspace", tmp_path)
    for flags in (("--window-s", "1e30"), ("--wave-gap-s", "8000000000"), ("--coins", " , "), ("--seconds", 0), ("--seconds", 10**11)):
        with pytest.raises(ConfigurationError, match="expected"):
            run(capsys, "cascades", "--seed", 1, *flags, "--workspace", tmp_path)
    with pytest.raises(DataError, match="found none"):
        run(capsys, "validate", "--workspace", tmp_path)
