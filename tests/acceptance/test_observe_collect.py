"""Live collection of a local venue that drops, cuts, doubles and withholds: what was stored is the truth, what is missing is recorded, and it replays."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.shared_data import shared_data
from tests.fakes.venue_answers import serve
from tests.fakes.venue_stream import UNKNOWN, StreamFaults, VenueStream, generated_stream, recorded_stream

from tallystick.adapters.event_store.reading import StoreReader
from tallystick.adapters.event_store.records import Record
from tallystick.adapters.event_store.store import SegmentLimits
from tallystick.adapters.venues.live_feed import FeedSettings
from tallystick.apps.cli.observe import app
from tallystick.apps.observe_collect import CollectionPlan, collect
from tallystick.apps.observe_replay import replay
from tallystick.apps.verifiers import VERIFIERS
from tallystick.artifacts.paths import Workspace, get_event_store_dir
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ConfigurationError
from tallystick.observation.log_decoding import mark_of

SYMBOLS = {"binance": ("BTCUSDT", "ETHUSDT"), "hyperliquid": ("BTC", "ETH")}


def collected(root: Path, played: VenueStream, symbols: tuple[str, ...], **plan: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Collect until the venue has played everything, and nothing more came for a while."""
    lines: list[dict[str, Any]] = []

    async def main(base: str, ws: str) -> dict[str, Any]:
        stop = asyncio.Event()

        async def watch() -> None:
            while not played.finished.is_set():
                await asyncio.sleep(0.02)
            stored, since = lines[-1].get("stored"), time.monotonic()
            while time.monotonic() - since < 0.6:
                await asyncio.sleep(0.05)
                if lines[-1].get("stored") != stored:
                    stored, since = lines[-1].get("stored"), time.monotonic()
            stop.set()

        feed = FeedSettings(base, ws, wait_s=0.02, longest_wait_s=0.1, pace_s=0.0)
        watching = asyncio.create_task(watch())
        found = await collect(root, CollectionPlan(played.venue, symbols, feed=feed, report_s=0.1, **plan), lines.append, stop)
        await watching
        return found

    with serve(played.answers) as base, played.serve() as ws:
        return asyncio.run(main(base, ws)), lines


def records(root: Path, venue: str) -> list[Record]:
    return list(StoreReader(get_event_store_dir(Workspace(root), venue)).records())


def kept_aside(root: Path, found: dict[str, Any]) -> int:
    """Lines of the file that a summary names for what the room kept aside; 0 where it names none."""
    return 0 if found["room_quarantine"] is None else len((root / found["room_quarantine"]).read_text().splitlines())


def require_replay(root: Path, venue: str, summary: dict[str, Any]) -> dict[str, Any]:
    """The store replays to what the live pass found, bit for bit, and every file is accounted for."""
    document = replay(root, get_event_store_dir(Workspace(root), venue), venue).as_document()
    for name in ("counters", "events", "quarantined", "set_aside", "snapshot"):
        assert document[name] == summary[name], name
    assert document["store"]["differences"] == 0
    assert kept_aside(root, summary) == kept_aside(root, document) == (summary["snapshot"] or {"counters": {"dropped_events": 0}})["counters"]["dropped_events"]
    counters = document["counters"]
    assert counters["messages_in"] == counters["messages_decoded"] + counters["messages_control"] + counters["messages_quarantined"]
    report = verify(root, verifiers=VERIFIERS)
    assert report.is_good
    assert not report.unknown
    return document


def trade_ids(rows: list[Record]) -> list[tuple[str, int]]:
    return [(row[2], json.loads(row[7])["trade_id"]) for record in rows for row in record.events if row[1] == "TRADE"]


def rebuilt(rows: list[Record], symbol: str) -> dict[str, dict[str, str]]:
    """The book that the stored events say: the last whole one and the changes after it."""
    book: dict[str, dict[str, str]] = {}
    for row in (row for record in rows for row in record.events if row[2] == symbol and row[1] in ("BOOK", "BOOK_DELTA")):
        values = json.loads(row[7])
        if row[1] == "BOOK":
            book = {"bids": {}, "asks": {}}
        for side in book:
            for price, quantity in values[side]:
                book[side][price] = quantity
                if float(quantity) == 0:
                    del book[side][price]
    return book


@pytest.mark.clause("D4.18", "D4.19", "D4.21", "D4.24", "D4.26")
def test_every_trade_and_the_book_survive_a_faulty_connection(tmp_path: Path) -> None:
    faults = StreamFaults(seed=2, drop=0.006, cut=0.004, gap=0.02, duplicate=0.02, calm_after=700)
    played = VenueStream("binance", generated_stream("binance", 1, SYMBOLS["binance"], 1000), faults)
    summary, lines = collected(tmp_path, played, SYMBOLS["binance"], segments=SegmentLimits(records=300))
    assert set(faults.drawn) == {"drop", "cut", "gap", "duplicate"}
    assert "ready" in lines[0]
    rows = records(tmp_path, "binance")
    truth = [(item["data"]["s"], item["data"]["a"]) for item in played.truth if item["data"]["e"] == "aggTrade"]
    assert sorted(trade_ids(rows)) == sorted(truth)
    for symbol in SYMBOLS["binance"]:
        assert rebuilt(rows, symbol) == played.book(symbol)
    assert [row[0] for record in rows for row in record.events] == list(range(1, summary["last_event"] + 1))
    assert summary["gaps"]["backfilled"] > 0
    assert summary["gaps"]["resynchronised"] > 0
    assert summary["marks"]["CONNECTED"] >= 3
    require_replay(tmp_path, "binance", summary)


@pytest.mark.clause("D4.26")
def test_what_hyperliquid_no_longer_gives_is_a_recorded_gap(tmp_path: Path) -> None:
    faults = StreamFaults(seed=5, drop=0.008, duplicate=0.02, down_messages=60, calm_after=500)
    played = VenueStream("hyperliquid", generated_stream("hyperliquid", 3, SYMBOLS["hyperliquid"], 700), faults)
    played.answers.recent = 3
    summary, _ = collected(tmp_path, played, SYMBOLS["hyperliquid"])
    rows = records(tmp_path, "hyperliquid")
    found = trade_ids(rows)
    assert len(set(found)) == len(found)
    sent = {(trade["coin"], trade["tid"]): trade["time"] for item in played.truth if item["channel"] == "trades" for trade in item["data"]}
    assert set(found) <= set(sent)
    missing = set(sent) - set(found)
    assert missing
    marks = [mark_of(record.message) for record in rows if record.role == "mark"]
    lost = [mark for mark in marks if mark.stream == "trades" and mark.outcome == "lost"]
    # The venue's times are whole milliseconds, so a trade may seem to be that much older than the moment at which the last one was received.
    slack_ns = 2_000_000
    for coin, tid in missing:
        at_ns = sent[coin, tid] * 1_000_000
        assert any(mark.symbol == coin and mark.from_ns - slack_ns <= at_ns <= mark.to_ns + slack_ns for mark in lost), (coin, tid)
    require_replay(tmp_path, "hyperliquid", summary)


@pytest.mark.parametrize(
    ("venue", "name", "symbols", "kinds"),
    [
        ("binance", "cryptofeed_recordings/BINANCE_FUTURES.ws.1.0.txt.gz", ("SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT"), {"TRADE", "BOOK", "BOOK_DELTA"}),
        ("hyperliquid", "ws_l2Book_BTC_20250126.jsonl.gz", ("BTC",), {"TRADE", "BOOK"}),
    ],
)
def test_recorded_streams_are_collected_and_replayed(tmp_path: Path, venue: str, name: str, symbols: tuple[str, ...], kinds: set[str]) -> None:
    messages = recorded_stream(shared_data() / "payloads" / venue / name)
    played = VenueStream(venue, messages, StreamFaults(seed=7, drop=0.004, duplicate=0.01, calm_after=len(messages) - 50))
    summary, _ = collected(tmp_path, played, symbols)
    assert set(summary["events"]) == kinds
    assert summary["counters"]["messages_decoded"] > 40
    require_replay(tmp_path, venue, summary)


def test_two_sessions_and_each_day_replay(tmp_path: Path) -> None:
    for seed in (1, 2):
        played = VenueStream("binance", generated_stream("binance", seed, ("BTCUSDT",), 60), pause_s=0.0)
        summary, _ = collected(tmp_path, played, ("BTCUSDT",))
    folder = get_event_store_dir(Workspace(tmp_path), "binance")
    whole = replay(tmp_path, folder, "binance").as_document()
    assert whole["store"]["marks"]["SESSION_STARTED"] == 2
    assert whole["store"]["differences"] == 0
    # The room of a session begins with it, so the last snapshot is the live one of the last session.
    assert whole["snapshot"] == summary["snapshot"]
    assert whole["counters"]["messages_in"] == sum(record.role != "mark" for record in records(tmp_path, "binance"))
    (day,) = (path.parent for path in StoreReader(folder).days)
    assert replay(tmp_path, day, "binance").as_document()["counters"] == whole["counters"]


def test_a_bounded_collection_ends_by_itself_and_people_read_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    played = VenueStream("hyperliquid", generated_stream("hyperliquid", 1, ("BTC",), 100_000))
    with serve(played.answers) as base, played.serve() as ws:
        place = ["--venue", "hyperliquid", "-w", str(tmp_path)]
        assert app(["collect", *place, "--symbols", f"BTC,{UNKNOWN},BTC", "--base-url", base, "--ws-url", ws, "--messages", "30"], standalone_mode=False) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert json.loads(lines[0])["ready"] == {"venue": "hyperliquid", "symbols": ["BTC", UNKNOWN], "streams": ["trades", "l2Book", "activeAssetCtx"]}
    assert any("Invalid subscription" in json.loads(line).get("venue_says", "") for line in lines if line.startswith("{"))
    assert "ended by messages" in out
    assert "data/events/hyperliquid/" in out
    folder = get_event_store_dir(Workspace(tmp_path), "hyperliquid")
    assert app(["replay", str(folder), *place], standalone_mode=False) == 0
    assert "0 differently than when they were stored" in capsys.readouterr().out
    with pytest.raises(ConfigurationError, match="begins with"):
        app(["collect", *place, "--symbols", "BTC", "--base-url", "ftp://x"], standalone_mode=False)


def test_a_store_is_replayed_with_its_own_symbols_and_venue(tmp_path: Path) -> None:
    played = VenueStream("binance", generated_stream("binance", 1, ("BTCUSDT",), 10), pause_s=0.0)
    collected(tmp_path, played, ("BTCUSDT",))
    folder = get_event_store_dir(Workspace(tmp_path), "binance")
    with pytest.raises(ConfigurationError, match="no symbols"):
        replay(tmp_path, folder, "binance", ("BTCUSDT",))
    with pytest.raises(ConfigurationError, match="expected the venue of the store"):
        replay(tmp_path, folder, "hyperliquid")


@pytest.mark.parametrize(
    "changed",
    [
        {"venue": "nasdaq"},
        {"symbols": ()},
        {"symbols": ("A", "A")},
        # Binance's messages name it in capitals, so each one would be foreign.
        {"symbols": ("btcusdt",)},
        {"duration_s": 0.0},
        {"messages": -1},
        {"duration_s": float("nan")},
        {"report_s": float("inf")},
    ],
)
def test_refuses_a_plan_that_cannot_be(changed: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        CollectionPlan(**{"venue": "binance", "symbols": ("BTCUSDT",), **changed})


def test_small_letters_are_names_where_the_venue_uses_them() -> None:
    assert CollectionPlan("hyperliquid", ("kPEPE", "@107")).symbols == ("kPEPE", "@107")


def started(root: Path, base: str, ws: str, *more: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-c",
        "from tallystick.apps.cli.main import main; main()",
        "observe",
        "collect",
        "--venue",
        "binance",
        "--symbols",
        "BTCUSDT",
        "--base-url",
        base,
        "--ws-url",
        ws,
    ]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen([*command, "--report", "0.05", "-w", str(root), *more], stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.slow
def test_kill_9_loses_nothing_acknowledged_and_ctrl_c_ends_with_a_summary(tmp_path: Path) -> None:
    played = VenueStream("binance", generated_stream("binance", 1, ("BTCUSDT",), 100_000), pause_s=0.0005)
    acknowledged = last_event = 0
    with serve(played.answers) as base, played.serve() as ws:
        with started(tmp_path, base, ws) as process:
            assert process.stdout is not None
            assert list(json.loads(process.stdout.readline())) == ["ready"]
            for line in process.stdout:
                document = json.loads(line)
                acknowledged, last_event = document.get("stored", acknowledged), document.get("last_event", last_event)
                if acknowledged > 300:
                    break
            process.send_signal(signal.SIGKILL)
        rows = records(tmp_path, "binance")
        assert rows[-1].number >= acknowledged
        assert not verify(tmp_path, verifiers=VERIFIERS).failures
        with started(tmp_path, base, ws, "--json") as process:
            assert process.stdout is not None
            lines = iter(process.stdout)
            next(line for line in lines if json.loads(line).get("stored", 0) > acknowledged)
            process.send_signal(signal.SIGINT)
            summary = json.loads(list(lines)[-1])["summary"]
            assert process.wait(60) == 1
    assert summary["interrupted"]
    rows = records(tmp_path, "binance")
    assert [record.number for record in rows] == list(range(1, summary["stored"] + 1))
    assert [row[0] for record in rows for row in record.events] == list(range(1, summary["last_event"] + 1))
    assert summary["last_event"] > last_event
    found = sorted(number for _, number in trade_ids(rows))
    # Across the kill every trade is there, once.
    assert found == list(range(found[0], found[-1] + 1))
    document = replay(tmp_path, get_event_store_dir(Workspace(tmp_path), "binance"), "binance").as_document()
    assert document["store"]["differences"] == 0
    assert document["store"]["marks"]["SESSION_STARTED"] == 2
    report = verify(tmp_path, verifiers=VERIFIERS)
    assert report.is_good
    assert not report.unknown
