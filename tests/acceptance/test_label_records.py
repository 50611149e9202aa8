"""Labels into the tables of a database and back: `label … --record` keeps them, `label validate --stored-labels` counts over them, `verify` vouches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.acceptance.test_facts_in_tables import recording, run
from tests.fakes.databases import KINDS, fresh_database
from tests.fakes.venue_messages import MS, NOON_MS, encoded

from tallystick.adapters.fact_tables.database import open_engine, transaction
from tallystick.apps.cli.label import commands
from tallystick.apps.labels import generated_streams
from tallystick.apps.verifiers import VERIFIERS
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ArtifactError, ConfigurationError, DataError

SECONDS = 6_000
RESULTS = ("results", "label_id")


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh_database(request.param, tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "messages.jsonl"
    path.write_bytes(recording(generated_streams(7, ["BTC"], SECONDS, "2025-01-01")))
    return path


@pytest.mark.clause("D4.27", "D4.28")
def test_labels_are_recorded_once_and_counted_from_the_database_as_from_their_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, messages: Path
) -> None:
    workspace = ("--workspace", tmp_path / "w")
    run(capsys, "observe", "replay", messages, "--venue", "hyperliquid", "--database", url, *workspace)
    first = run(capsys, "label", "cascades", "--database", url, "--record", *workspace)
    counts = {"hl_labeled_cascades": len(first["cascades"]), "hl_cascade_waves": len(first["waves"])}
    assert len(first["cascades"]) >= 3
    assert (first["database"]["rows_written"], first["database"]["rows_known"]) == (counts, {})
    again = run(capsys, "label", "cascades", "--database", url, "--record", "--drop-pct", "10.0", *workspace)
    assert (again["database"]["rows_written"], again["database"]["rows_known"]) == ({}, counts)
    assert again["database"]["rule_id"] == first["database"]["rule_id"]

    options = ("--database", url, "--min-events", 1)
    from_file = run(capsys, "label", "validate", *options, "--labels", first["path"], "--record", *workspace)
    elsewhere = ("--workspace", tmp_path / "elsewhere")
    stored = run(capsys, "label", "validate", *options, "--stored-labels", "--record", *elsewhere)
    assert stored["results"] == from_file["results"]
    found = json.loads(Path(stored["path"]).with_name("labeled_cascades.json").read_bytes())
    assert (found["cascades"], found["waves"], found["rule"]) == (first["cascades"], first["waves"], first["rule"])
    assert [source["kind"] for source in found["sources"]] == ["labels"]
    # The same labels, from whichever file, counted on the same series: one row for each hypothesis.
    assert from_file["database"]["rows_written"] == stored["database"]["rows_known"] == {"hl_validation_results": 9}
    more = run(capsys, "label", "validate", *options[:2], "--min-events", 2, "--stored-labels", "--record", *elsewhere)
    assert more["database"]["rows_written"] == {"hl_validation_results": 9}
    report = verify(tmp_path / "elsewhere", verifiers=VERIFIERS)
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())

    other = run(capsys, "label", "cascades", "--database", url, "--record", "--drop-pct", "8", *workspace)
    assert other["database"]["rows_known"] == {}
    with pytest.raises(ConfigurationError, match=rf"found 2: .*{first['database']['rule_id']}: 10 % in 60 s"):
        run(capsys, "label", "validate", *options, "--stored-labels", *elsewhere)
    with pytest.raises(ConfigurationError, match="found no x but"):
        run(capsys, "label", "validate", *options, "--stored-labels", "--rule", "x", *elsewhere)
    chosen = run(capsys, "label", "validate", *options, "--stored-labels", "--rule", first["database"]["rule_id"], *elsewhere)
    assert {name: chosen[name] for name in RESULTS} == {name: stored[name] for name in RESULTS}


def test_the_workspaces_own_file_stays_sealed_and_an_altered_label_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str], messages: Path) -> None:
    workspace = ("--database", "workspace", "--workspace", tmp_path)
    run(capsys, "observe", "replay", messages, "--venue", "hyperliquid", *workspace)
    capsys.readouterr()
    assert commands()["label"].main(["cascades", *map(str, workspace), "--record"], standalone_mode=False) == 0
    shown = capsys.readouterr().out
    assert "recorded in data/facts/facts.db, rule " in shown
    assert "hl_cascade_waves" in shown
    run(capsys, "label", "validate", "--stored-labels", "--record", *workspace)
    report = verify(tmp_path, verifiers=VERIFIERS)
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())
    engine = open_engine(f"sqlite:///{tmp_path / 'data' / 'facts' / 'facts.db'}")
    for table, column in (("hl_labeled_cascades", "outcome"), ("hl_cascade_waves", "oi_drop_pct"), ("hl_validation_results", "status")):
        with transaction(engine, writes=True) as connection:
            connection.execute(text(f"update {table} set {column} = {column} || '0'"))
        failures = verify(tmp_path, verifiers=VERIFIERS).failures
        assert {failure.rule for failure in failures} == {"row_key", "seal"}
        assert any(table in failure.expected for failure in failures)
        with transaction(engine, writes=True) as connection:
            connection.execute(text(f"update {table} set {column} = substr({column}, 1, length({column}) - 1)"))
    with transaction(engine, writes=True) as connection:
        connection.execute(text("update hl_labeled_cascades set price_end = '1' || price_end"))
    with pytest.raises(ArtifactError, match="content gives their keys"):
        run(capsys, "label", "validate", "--stored-labels", *workspace)


def test_labels_that_lost_a_wave_are_refused_before_anything_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str], messages: Path) -> None:
    workspace = ("--database", "workspace", "--workspace", tmp_path)
    run(capsys, "observe", "replay", messages, "--venue", "hyperliquid", *workspace)
    run(capsys, "label", "cascades", "--record", *workspace)
    with transaction(open_engine(f"sqlite:///{tmp_path / 'data' / 'facts' / 'facts.db'}"), writes=True) as connection:
        connection.execute(text("delete from hl_cascade_waves where wave_num = 1"))
    with pytest.raises(DataError, match=r"labels of hyperliquid that fit together.*waves_add_up_to_their_cascade"):
        run(capsys, "label", "validate", "--stored-labels", *workspace)


def test_binance_labels_stand_under_their_venue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[tuple[int, bytes]] = []
    for second in range(0, 500, 5):
        time, falls = NOON_MS + 1000 * second, second >= 60
        mark = {"e": "markPriceUpdate", "E": time, "s": "BTCUSDT", "p": "98" if falls else "100.0", "i": "100", "r": "0.0001", "T": NOON_MS + 3_600_000}
        lines.append((time, encoded({"stream": "m", "data": mark})))
        lines.append((time, encoded({"symbol": "BTCUSDT", "openInterest": "850.25" if falls else "1000.5", "time": time})))
    for second in (55, 58):
        order: dict[str, Any] = {"s": "BTCUSDT", "S": "SELL", "q": "1", "p": "99", "ap": "99", "X": "FILLED", "z": "1", "T": NOON_MS + 1000 * second}
        lines.append((NOON_MS + 1000 * second, encoded({"stream": "f", "data": {"e": "forceOrder", "E": NOON_MS + 1000 * second, "o": order}})))
    path = tmp_path / "messages.jsonl"
    path.write_bytes(b"".join(b"%d %s\n" % (time * MS, message) for time, message in sorted(lines)))
    workspace = ("--database", "workspace", "--venue", "binance", "--workspace", tmp_path)
    run(capsys, "observe", "replay", path, *workspace)
    labelled = run(capsys, "label", "cascades", "--record", *workspace)
    assert labelled["database"]["rows_written"] == {"hl_cascade_waves": 1, "hl_labeled_cascades": 1}
    assert run(capsys, "label", "validate", "--stored-labels", "--min-events", 1, *workspace)["results"]
    with pytest.raises(DataError, match="expected labels of hyperliquid in hl_labeled_cascades, found no row"):
        run(capsys, "label", "validate", "--stored-labels", "--database", "workspace", "--workspace", tmp_path)


def test_what_cannot_be_meant_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = ("--workspace", tmp_path)
    for arguments in (("cascades", "--seed", 7, "--record"), ("validate", "--seed", 7, "--record"), ("validate", "--stored-labels")):
        with pytest.raises(ConfigurationError, match="expected --database with --"):
            run(capsys, "label", *arguments, *workspace)
    with pytest.raises(ConfigurationError, match="found both"):
        run(capsys, "label", "validate", "--database", "workspace", "--stored-labels", "--labels", "x.json", *workspace)
    with pytest.raises(ConfigurationError, match="expected --stored-labels with --rule"):
        run(capsys, "label", "validate", "--database", "workspace", "--rule", "x", *workspace)
