"""`observe collect --database`: the tables hold the facts of the log, a replay of the log adds none and fills another database alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.fakes.databases import KINDS, fresh_database
from tests.fakes.venue_answers import serve
from tests.fakes.venue_stream import VenueStream, generated_stream

from tallystick.adapters.fact_tables.database import open_engine, transaction
from tallystick.adapters.fact_tables.schema import METADATA
from tallystick.adapters.fact_tables.writer import FactTablesWriter
from tallystick.apps.cli.observe import app
from tallystick.apps.verifiers import VERIFIERS
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.market_events import VenueEvent


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh_database(request.param, tmp_path) as found:
        yield found


def content(url: str) -> dict[str, set[Any]]:
    engine = open_engine(url)
    with transaction(engine) as connection:
        return {table.name: {tuple(row) for row in connection.execute(select(table))} for table in METADATA.sorted_tables}


def last_document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])["summary"]
    return found


@pytest.mark.clause("D4.26", "D4.27")
def test_the_tables_hold_what_the_log_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str) -> None:
    root = tmp_path / "w"
    played = VenueStream("hyperliquid", generated_stream("hyperliquid", 3, ("BTC", "ETH"), 400), pause_s=0.0)
    place = ("--venue", "hyperliquid", "--workspace", str(root), "--json")
    with serve(played.answers) as base, played.serve() as ws:
        wanted = ("--symbols", "BTC,ETH", "--base-url", base, "--ws-url", ws, "--messages", "200")
        app(["collect", *place, *wanted, "--database", url], standalone_mode=False)
    told = last_document(capsys)
    assert told["database"]["facts"] == told["last_event"] > 100
    assert told["database"]["rows_written"]["trade_events"] == told["events"]["TRADE"]
    before = content(url)
    folder = root / "data" / "events" / "hyperliquid"
    app(["replay", str(folder), *place, "--database", url], standalone_mode=False)
    replayed = json.loads(capsys.readouterr().out)
    assert replayed["database"]["rows_written"] == {}
    assert replayed["database"]["facts"] == told["last_event"]
    assert content(url) == before
    app(["replay", str(folder), *place, "--database", "workspace"], standalone_mode=False)
    assert content(f"sqlite:///{root / 'data' / 'facts' / 'facts.db'}") == before
    report = verify(root, verifiers=VERIFIERS)
    assert (report.failures, report.unknown) == ((), ())


@pytest.mark.clause("D4.26")
def test_tables_that_fail_do_not_end_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = FactTablesWriter.write, list[int]()

    def failing(self: FactTablesWriter, events: Iterable[VenueEvent]) -> None:
        calls.append(1)
        if len(calls) > 1:
            raise ArtifactError("expected a database that answers, found: the server closed the connection")
        write(self, events)

    monkeypatch.setattr(FactTablesWriter, "write", failing)
    played = VenueStream("hyperliquid", generated_stream("hyperliquid", 3, ("BTC", "ETH"), 400), pause_s=0.005)
    place = ("--venue", "hyperliquid", "--workspace", str(tmp_path), "--json", "--database", "workspace")
    with serve(played.answers) as base, played.serve() as ws, pytest.raises(ArtifactError, match="closed the connection"):
        app(["collect", *place, "--symbols", "BTC,ETH", "--base-url", base, "--ws-url", ws, "--messages", "300"], standalone_mode=False)
    told = last_document(capsys)
    assert len(calls) == 2
    assert told["ended_by"] == "messages"
    assert told["database"]["facts"] < told["last_event"]
    monkeypatch.undo()
    app(["replay", str(tmp_path / "data" / "events" / "hyperliquid"), *place], standalone_mode=False)
    filled = json.loads(capsys.readouterr().out)["database"]
    assert filled["facts"] == told["last_event"]
    assert sum(filled["rows_known"].values()) == sum(told["database"]["rows_written"].values())
