"""Every recorded payload and the raw feed replays: counts add up, and at least 99.9 % of the market's messages are decoded."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.shared_data import shared_data
from tests.fakes.venue_messages import MS, NOON_MS, NOON_NS, encoded, hyperliquid_trade, hyperliquid_trades

from tallystick.adapters.recordings.quarantine_file import read_quarantine
from tallystick.apps.cli.observe import app
from tallystick.apps.observe_replay import decoded_parts, decoder_of, replay
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.market_events import VenueEvent
from tallystick.contracts.time import iso_from_ns

RAW_FEED = "ticks/binance_um_ws_raw_btcusdt_20240808.gz"


def run(path: Path, venue: str, root: Path, **more: Any) -> dict[str, Any]:
    document = replay(root, path, venue, **more).as_document()
    counters = document["counters"]
    assert counters["messages_in"] == counters["messages_decoded"] + counters["messages_control"] + counters["messages_quarantined"]
    assert sum(row["count"] for row in document["quarantined"]) == counters["messages_quarantined"]
    assert sum(document["events"].values()) == counters["events_out"]
    return document


@pytest.mark.clause("D4.26")
@pytest.mark.parametrize("venue", ["binance", "hyperliquid"])
def test_every_recorded_payload_replays(tmp_path: Path, venue: str) -> None:
    folder = shared_data() / "payloads" / venue
    document = run(folder, venue, tmp_path)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(document["recordings"]) == len(files)
    assert document["decoded_pct"] >= 99.9
    assert all(row["messages_in"] > 0 for row in document["recordings"])


@pytest.mark.clause("D4.26", "D4.122")
def test_the_raw_feed_replays_whole(tmp_path: Path) -> None:
    path = shared_data() / RAW_FEED
    document = run(path, "binance", tmp_path)
    with gzip.open(path) as lines:
        assert document["counters"]["messages_in"] == sum(1 for _ in lines)
    assert document["decoded_pct"] >= 99.9
    assert document["events"] == {"BOOK": 1, "BOOK_DELTA": 6551, "QUOTE": 66089, "TRADE": 21313}
    snapshot = document["snapshot"]
    assert snapshot["symbols_active"] == ["BTCUSDT"]
    assert snapshot["status"] == "UNINITIALIZED"
    assert snapshot["primitives"]["BTCUSDT"]["resting_size"]["best_bid_price"] > 0


@pytest.mark.clause("D4.23")
def test_every_event_leads_back_to_its_line() -> None:
    path = shared_data() / "payloads" / "hyperliquid" / "ws_l2Book_BTC_20250126.jsonl.gz"
    with gzip.open(path, "rt") as file:
        lines = file.readlines()
    events = [item for part in decoded_parts(decoder_of("hyperliquid"), path, path.name) for item in part if isinstance(item, VenueEvent)]
    assert [event.event_id for event in events] == list(range(1, len(events) + 1))
    for event in events:
        name, number = event.source.partition("#")[0].split(":")
        assert name == path.name
        line = lines[int(number) - 1]
        texts = [event.values["price"], event.values["quantity"]] if event.kind == "TRADE" else [text for level in event.values["bids"] for text in level]
        assert all(f'"{text}"' in line for text in texts)
        assert line.startswith(str(event.received_ns))


@pytest.mark.clause("D4.24", "D4.26")
def test_bad_lines_are_counted_written_down_and_stop_nothing(tmp_path: Path) -> None:
    lines = [
        hyperliquid_trades(hyperliquid_trade(1)),
        hyperliquid_trades(hyperliquid_trade(2))[:50],
        hyperliquid_trades(hyperliquid_trade(3, px="NaN")),
        hyperliquid_trades(hyperliquid_trade(1)),
        b'{"channel":"pong"}',
        hyperliquid_trades(hyperliquid_trade(4, NOON_MS - 3_600_000)),
        b"\xff\xfe",
        hyperliquid_trades(hyperliquid_trade(5, coin="DOGE")),
        hyperliquid_trades(hyperliquid_trade(6, NOON_MS + 1)),
    ]
    path = tmp_path / "feed.jsonl"
    path.write_bytes(b"\n".join(b"%d %s" % (NOON_NS, line) for line in lines))
    document = run(path, "hyperliquid", tmp_path, symbols=("BTC",))
    assert document["counters"] == {
        "messages_in": 9,
        "messages_decoded": 2,
        "messages_control": 1,
        "messages_quarantined": 6,
        "events_out": 2,
        "entries_set_aside": 0,
    }
    reasons = {row["reason"]: row["count"] for row in document["quarantined"]}
    assert reasons == {"duplicate": 1, "foreign_symbol": 1, "late": 1, "malformed_json": 1, "not_a_number": 1, "truncated": 1}
    kept = list(read_quarantine(tmp_path / document["recordings"][0]["quarantine"]))
    assert [line.message() for line in kept] == [lines[place] for place in (1, 2, 3, 5, 6, 7)]
    assert document["snapshot"]["counters"]["events_received"] == 2


def test_replay_is_the_same_twice(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    path.write_bytes(b"%d %s\n%d {" % (NOON_NS, hyperliquid_trades(hyperliquid_trade()), NOON_NS))
    first = run(path, "hyperliquid", tmp_path)
    content = (tmp_path / first["recordings"][0]["quarantine"]).read_bytes()
    assert run(path, "hyperliquid", tmp_path) == first
    assert (tmp_path / first["recordings"][0]["quarantine"]).read_bytes() == content


def test_at_leaves_out_what_came_later(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "feed.jsonl"
    times = [NOON_NS + second * 1000 * MS for second in range(3)]
    path.write_bytes(b"\n".join(b"%d %s" % (ns, hyperliquid_trades(hyperliquid_trade(place, ns // MS))) for place, ns in enumerate(times)))
    at = iso_from_ns(times[1])
    arguments = ["replay", str(path), "--venue", "hyperliquid", "--at", at, "-w", str(tmp_path)]
    app([*arguments, "--json"], standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    assert document["counters"]["messages_in"] == 2
    assert document["snapshot"]["timestamp"] == times[1] / 1e9
    app(arguments, standalone_mode=False)
    assert "messages_decoded" in capsys.readouterr().out


def test_at_leaves_out_what_has_no_time_of_receipt(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    path.write_bytes(b"%d %s\n%s" % (NOON_NS, hyperliquid_trades(hyperliquid_trade(1)), hyperliquid_trades(hyperliquid_trade(2, NOON_NS // MS + 60_000))))
    found = replay(tmp_path, path, "hyperliquid", at_ns=NOON_NS + 1)
    assert (found.counts.messages_in, found.snapshot["timestamp"]) == (1, (NOON_NS + 1) / 1e9)


def test_refuses_unknown_venue_and_path_without_recordings(tmp_path: Path) -> None:
    (tmp_path / "feed.jsonl").write_bytes(b"{}")
    with pytest.raises(ConfigurationError):
        replay(tmp_path, tmp_path, "nasdaq")
    with pytest.raises(DataError):
        replay(tmp_path, tmp_path / "nothing", "binance")


@pytest.mark.clause("D4.26")
def test_people_are_told_what_the_room_and_the_folder_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lines = [hyperliquid_trades(hyperliquid_trade()), hyperliquid_trades(hyperliquid_trade(2, NOON_MS + 60_000))]
    # An answer about the past is history to the decoder; the room's time has passed.
    lines.append(encoded([hyperliquid_trade(3, NOON_MS + 1)]))
    (folder / "a.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    (folder / "c.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    arguments = ["replay", str(folder), "--venue", "hyperliquid", "--workspace", str(tmp_path)]
    document = run(folder, "hyperliquid", tmp_path)
    assert document["unread"] == ["c.jsonl.zst"]
    assert document["snapshot"]["counters"]["quarantined"] == {"late": 1}
    app(arguments, standalone_mode=False)
    said = capsys.readouterr().out
    assert "left out, of no known format: c.jsonl.zst (1)" in said
    assert "the room kept aside 1 of 3 events: 1 late" in said


def test_symbols_that_name_none_are_not_every_symbol(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(hyperliquid_trades(hyperliquid_trade()))
    for given in (",", "", "  "):
        with pytest.raises(ConfigurationError, match="expected symbols"):
            app(["replay", str(tmp_path / "a.jsonl"), "--venue", "hyperliquid", "--symbols", given, "--workspace", str(tmp_path)], standalone_mode=False)
