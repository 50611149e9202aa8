"""The tables of labels, on both databases: the same labels once, other rules apart, a cascade with its waves or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from tests.fakes.databases import KINDS, fresh_database
from tests.fakes.source_tree import ROOT

from tallystick.adapters.fact_tables import label_tables
from tallystick.adapters.fact_tables.database import open_engine, transaction
from tallystick.adapters.fact_tables.label_tables import LabelCounts, LabelOrigin, LabelTables
from tallystick.adapters.fact_tables.reader import FactTablesReader
from tallystick.adapters.fact_tables.schema import METADATA, ROW_KEY
from tallystick.artifacts.store import parse_artifact
from tallystick.contracts.cascades import LabeledCascades, ValidationReport
from tallystick.contracts.errors import ArtifactError, DataError
from tallystick.contracts.registry import contract

ORIGIN = LabelOrigin("hyperliquid", "analysis.cascade_labeler", '{"drop_pct":"10"}')
COUNTED = "analysis.validators"
TABLES = ("hl_labeled_cascades", "hl_cascade_waves", "hl_validation_results")


def example(name: str) -> bytes:
    return ROOT.joinpath("tests", "contracts", "examples", name, "v1", "example.json").read_bytes()


def labels(**changed: Any) -> LabeledCascades:
    found: LabeledCascades = parse_artifact(contract("analysis.labeled_cascades"), example("analysis.labeled_cascades"))
    return found.model_copy(update=changed)


def report(**changed: Any) -> ValidationReport:
    document = json.loads(example("analysis.validation_report"))
    found: ValidationReport = parse_artifact(contract("analysis.validation_report"), json.dumps({**document, **changed}).encode())
    return found


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh_database(request.param, tmp_path) as found:
        yield found


def content(url: str) -> dict[str, list[dict[str, Any]]]:
    engine = open_engine(url)
    found = {}
    with transaction(engine) as connection:
        for name in TABLES:
            table = METADATA.tables[name]
            found[name] = [dict(row) for row in connection.execute(select(table).order_by(table.c[ROW_KEY])).mappings()]
    return found


def write(url: str, origin: LabelOrigin = ORIGIN, given: LabeledCascades | None = None) -> LabelCounts:
    with LabelTables(url) as tables:
        return tables.write_cascades(origin, given or labels())


@pytest.mark.clause("D4.27")
def test_the_same_labels_told_twice_are_one_row_each(url: str) -> None:
    given = labels()
    first = write(url)
    before = content(url)
    assert first == LabelCounts({"hl_labeled_cascades": len(given.cascades), "hl_cascade_waves": len(given.waves)}, {})
    assert write(url) == LabelCounts({}, first.rows_written)
    assert content(url) == before


def test_another_rule_venue_or_producer_stands_beside_it_with_waves_of_its_own(url: str) -> None:
    given = labels()
    others = (
        LabelOrigin("binance", ORIGIN.producer, ORIGIN.rule),
        LabelOrigin(ORIGIN.venue, "x", ORIGIN.rule),
        LabelOrigin(ORIGIN.venue, ORIGIN.producer, "{}"),
    )
    for origin in (ORIGIN, *others):
        assert write(url, origin).rows_known == {}
    rows = content(url)
    assert (len(rows["hl_labeled_cascades"]), len(rows["hl_cascade_waves"])) == (4 * len(given.cascades), 4 * len(given.waves))
    assert {row["cascade_key"] for row in rows["hl_cascade_waves"]} == {row[ROW_KEY] for row in rows["hl_labeled_cascades"]}


def test_rows_hold_the_digits_and_nanoseconds_of_the_labels(url: str) -> None:
    write(url)
    rows = content(url)
    given = labels()
    row = next(row for row in rows["hl_labeled_cascades"] if str(row["start_ts"]) == given.cascades[0].start_ts)
    for name in ("coin", "oi_drop_pct", "price_start", "price_end", "price_5min_after", "outcome", "liquidation_count", "wave_count"):
        assert row[name] == getattr(given.cascades[0], name)
    assert (row["venue"], row["producer"], row["rule"], str(row["end_ts"])) == (ORIGIN.venue, ORIGIN.producer, ORIGIN.rule, given.cascades[0].end_ts)
    own = [wave for wave in rows["hl_cascade_waves"] if wave["cascade_key"] == row[ROW_KEY]]
    assert [(wave["wave_num"], str(wave["start_ts"]), wave["oi_drop_pct"]) for wave in own] == [(1, given.waves[0].start_ts, given.waves[0].oi_drop_pct)]


def test_a_failure_at_the_waves_leaves_no_cascade(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = label_tables.insert_new

    def failing(connection: Any, table: Any, rows: Any) -> int:
        if table.name == "hl_cascade_waves":
            connection.execute(text("insert into there_is_no_such_table values (1)"))
        return real(connection, table, rows)

    with monkeypatch.context() as patched:
        patched.setattr(label_tables, "insert_new", failing)
        with pytest.raises(ArtifactError, match="there_is_no_such_table"):
            write(url)
    assert content(url)["hl_labeled_cascades"] == []
    assert write(url).rows_known == {}


def test_many_labels_go_in_parts_of_one_transaction(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_tables, "ROWS_AT_ONCE", 2)
    given = labels()
    assert write(url).rows_written == {"hl_labeled_cascades": len(given.cascades), "hl_cascade_waves": len(given.waves)}


def test_writers_at_once_write_each_row_once(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: write(url), range(4)))
    assert sum(item.rows_written.get("hl_labeled_cascades", 0) for item in found) == len(labels().cascades)


def test_results_are_one_row_each_and_other_evidence_or_sample_stands_apart(url: str) -> None:
    with LabelTables(url) as tables:
        first = tables.write_results(ORIGIN, labels(), COUNTED, report(), "ab" * 32)
        assert first == LabelCounts({"hl_validation_results": len(report().results)}, {})
        # The same labels from another file are the same labels.
        again = report(labeled_cascades_sha256="ef" * 32)
        assert tables.write_results(ORIGIN, labels(label_id="other"), COUNTED, again, "ab" * 32) == LabelCounts({}, first.rows_written)
        assert tables.write_results(ORIGIN, labels(), COUNTED, report(), "cd" * 32).rows_known == {}
        fewer = labels(cascades=labels().cascades[:1], waves=labels().waves[:1])
        assert tables.write_results(ORIGIN, fewer, COUNTED, report(), "ab" * 32).rows_known == {}
        assert tables.write_results(ORIGIN, labels(), "x", report(), "ab" * 32).rows_known == {}
    row = next(row for row in content(url)["hl_validation_results"] if row["hypothesis_name"] == report().results[0].hypothesis_name)
    given = report().results[0]
    assert (row["total_events"], row["status"], row["min_events"]) == (given.total_events, given.status, given.min_events)
    assert (float(row["success_rate"]), float(row["min_share"])) == (given.success_rate, given.min_share)
    assert "e" not in row["success_rate"]


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("hl_labeled_cascades", "update hl_labeled_cascades set outcome = 'NEUTRAL!'"),
        ("hl_cascade_waves", "update hl_cascade_waves set liquidation_count = liquidation_count + 1"),
        ("hl_validation_results", "update hl_validation_results set status = 'VALIDATED!'"),
    ],
)
def test_an_altered_row_no_longer_fits_its_key_and_is_not_read(url: str, table: str, change: str) -> None:
    write(url)
    with LabelTables(url) as tables:
        tables.write_results(ORIGIN, labels(), COUNTED, report(), "ab" * 32)
    reader = FactTablesReader(url)
    assert list(reader.altered()) == []
    assert len(reader.verified_rows(table, {"venue": "hyperliquid"})) == len(content(url)[table])
    assert reader.verified_rows(table, {"venue": "binance"}) == []
    with transaction(open_engine(url), writes=True) as connection:
        connection.execute(text(change))
    assert {name for name, _ in reader.altered()} == {table}
    with pytest.raises(ArtifactError, match=f"expected rows of {table} whose content gives their keys"):
        reader.verified_rows(table, {"venue": "hyperliquid"})
    reader.close()


def test_text_that_not_every_database_holds_is_refused_whole(url: str) -> None:
    given = labels()
    cascades = (*given.cascades[:-1], given.cascades[-1].model_copy(update={"coin": "B\0C"}))
    with LabelTables(url) as tables, pytest.raises(DataError, match="without NUL"):
        tables.write_cascades(ORIGIN, given.model_copy(update={"cascades": cascades}))
    assert content(url)["hl_labeled_cascades"] == []
