"""`tallystick market fetch` against a local server that speaks both venues: whole, killed and gone on with, at a venue that is down, busy or wrong."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import stamina
from tests.fakes.candle_answers import HOUR_MS, CandleVenue, Misdeed, candle_server, walk
from tests.fakes.quickstart_workspace import call, finish, start
from tests.fakes.shared_data import shared_data
from tests.fakes.venue_server import venue_server

from tallystick.adapters.recordings.recording_files import read_recording
from tallystick.apps.verifiers import VERIFIERS
from tallystick.artifacts.verification import verify
from tallystick.contracts.time import ns_from_iso

START = "2025-01-01T00:00:00Z"
START_MS = ns_from_iso(START) // 1_000_000
NOW = "2025-06-01T00:30:00Z"
SYMBOLS = {"hyperliquid": ("BTC", "kPEPE"), "binance": ("1000PEPEUSDT", "BTCUSDT")}


def venue_of(name: str, count: int = 2500) -> CandleVenue:
    return CandleVenue({symbol: walk(symbol, START_MS, count) for symbol in SYMBOLS[name]})


def arguments(name: str, url: str, root: Path, *more: str) -> tuple[str, ...]:
    place = ("--base-url", url, "--workspace", str(root), "--now", NOW, "--json")
    return ("market", "fetch", "--venue", name, "--symbols", ",".join(SYMBOLS[name]), "--interval", "1h", "--start", START, *place, *more)


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", sorted(SYMBOLS))
def test_a_fetch_answers_as_an_import_and_verify_knows_every_file(name: str, tmp_path: Path) -> None:
    with candle_server(venue_of(name)) as url:
        answer = call(*arguments(name, url, tmp_path / "fetched"))
        assert answer.code == 0, answer.err
        document = answer.document
        assert (document["symbols"], document["rows"], document["refused_rows"]) == (list(SYMBOLS[name]), 5000, [])
        assert document["pages"]["asked"] == document["pages"]["pages"]
        assert "Example: tallystick market fetch" in call("market", "fetch", "--help").out
        table = call(*[item for item in arguments(name, url, tmp_path / "fetched") if item != "--json"])
        assert SYMBOLS[name][0] in table.out
    report = verify(tmp_path / "fetched", verifiers=VERIFIERS)
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())
    stored = tmp_path / "fetched" / "data" / "market" / name / "1h"
    imported = call("market", "import", str(stored), "--workspace", str(tmp_path / "imported"), "--json", "--now", NOW).document
    assert imported.keys() <= document.keys()
    assert imported["groups"][0].keys() == document["groups"][0].keys()
    coverage = call("market", "coverage", "--workspace", str(tmp_path / "fetched"), "--json").document
    assert coverage["coverage_sha256"] == document["groups"][0]["sha256"]


@pytest.mark.parametrize("name", sorted(SYMBOLS))
def test_killed_in_the_middle_it_goes_on_and_ends_in_the_same_bytes(name: str, tmp_path: Path) -> None:
    with candle_server(venue_of(name)) as url:
        assert call(*arguments(name, url, tmp_path / "whole")).code == 0
    venue = venue_of(name)
    venue.gate, venue.gated_from = threading.Event(), 4
    with candle_server(venue) as url:
        process = start(*arguments(name, url, tmp_path / "cut"))
        until = time.monotonic() + 60
        while len(venue.asked) < 4 and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        finish(process)
        kept = files(tmp_path / "cut")
        assert kept
        assert all(place.startswith("data/fetched/") and not place.endswith("SHA256SUMS") for place in kept)
        before = len(venue.asked)
        venue.gate.set()
        document = call(*arguments(name, url, tmp_path / "cut")).document
        assert document["pages"]["asked"] == document["pages"]["pages"] - len(kept)
        assert len(venue.asked) - before == document["pages"]["asked"] + (name == "hyperliquid")
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


@pytest.mark.parametrize("name", sorted(SYMBOLS))
def test_a_venue_that_is_busy_for_a_while_changes_nothing(name: str, tmp_path: Path) -> None:
    venue = venue_of(name, 300)
    venue.misdeeds = {1: Misdeed(429, headers={"Retry-After": "1"}), 3: Misdeed(503), 4: Misdeed(0)}
    with stamina.set_testing(True, attempts=6), candle_server(venue) as url:
        assert call(*arguments(name, url, tmp_path / "busy", "--end", "2025-02-01")).code == 0
    with candle_server(venue_of(name, 300)) as url:
        assert call(*arguments(name, url, tmp_path / "calm", "--end", "2025-02-01")).code == 0
    assert files(tmp_path / "busy") == files(tmp_path / "calm")


def test_loud_errors_name_what_is_wrong(tmp_path: Path) -> None:
    def refused(*more: str, venue: CandleVenue | None = None, code: int = 3) -> dict[str, Any]:
        with stamina.set_testing(True, attempts=2), candle_server(venue or venue_of("binance", 30)) as url:
            answer = call(*arguments("binance", url, tmp_path, *more))
        assert answer.code == code, answer.out
        error: dict[str, Any] = answer.error
        return error

    assert "found DOGEUSDT" in refused("--symbols", "DOGEUSDT")["message"]
    down = refused(venue=CandleVenue({}, after=(1, Misdeed(503, b"maintenance"))))
    assert down["code"] == "VENUE_NOT_ANSWERED"
    assert "goes on" in down["hint"]
    assert "127.0.0.1" in down["where"]
    bad = refused(venue=CandleVenue({}, after=(1, Misdeed(200, b"<html>"))))
    (kept,) = (tmp_path / "data" / "quarantine").rglob("*.jsonl")
    assert str(kept) in bad["hint"]
    assert "<html>" in kept.read_text()
    assert verify(tmp_path, verifiers=VERIFIERS).unknown == ()
    assert refused("--venue", "kraken", code=2)["where"] == "--venue"
    assert "a.b:c" in refused("--symbols", "a.b:c", code=2)["message"]
    assert "3m" in refused("--interval", "7m", code=2)["message"]
    assert refused("--start", "2026-01-01", code=2)["where"] == "market fetch"


def test_the_recorded_answers_of_hyperliquid_become_bars(tmp_path: Path) -> None:
    folder = shared_data() / "payloads" / "hyperliquid"
    recorded = next(item for item in read_recording(folder / "python_sdk_cassettes" / "test_get_candles_snapshot.yaml") if "candleSnapshot" in item.asked)
    universe = next(item for item in read_recording(folder / "go_hyperliquid_cassettes" / "Meta.yaml") if item.message.startswith(b'{"universe"'))
    more = ("--symbols", "kPEPE", "--start", "2023-05-21T20:00:00Z", "--end", "2023-05-22T19:00:00Z")
    with venue_server({"meta": universe.message, "candleSnapshot:kPEPE": recorded.message}) as url:
        document = call(*arguments("hyperliquid", url, tmp_path, *more)).document
        unknown = call(*arguments("hyperliquid", url, tmp_path, "--symbols", "NOSUCHCOIN"))
    (row,) = document["groups"][0]["symbols"]
    assert (row["symbol"], row["rows"], row["gaps"], row["refused"]) == ("kPEPE", 23, 0, 0)
    assert (row["first"], row["last"]) == ("2023-05-21T20:00:00Z", "2023-05-22T18:00:00Z")
    assert "found NOSUCHCOIN" in unknown.error["message"]
    assert HOUR_MS == 3_600_000
