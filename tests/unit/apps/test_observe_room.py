"""Recordings that ran side by side are read side by side, and a file is opened when its time has come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes.venue_messages import MS, NOON_MS, hyperliquid_book, hyperliquid_trade, hyperliquid_trades

from tallystick.adapters.venues.hyperliquid import trade_blocks
from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.apps.observation_pass import ObservationPass
from tallystick.apps.observe_replay import decoded_parts, replay
from tallystick.apps.observe_room import Part, RecordedSpan, came_at, observe_recordings

HASH, USERS = "0x" + "a" * 64, ["0x" + "b" * 40, "0x" + "c" * 40]


def stamped(message: bytes, at_ms: int) -> bytes:
    return b"%d %s" % (at_ms * MS, message)


def trades(path: Path, coin: str, times_ms: list[int], first: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [hyperliquid_trade(first + place, at, coin, hash=HASH, users=USERS) for place, at in enumerate(times_ms)]
    path.write_bytes(b"\n".join(stamped(hyperliquid_trades(row), row["time"] + 5) for row in rows))
    return path


def span(path: Path) -> RecordedSpan:
    first = next(decoded_parts(hyperliquid_decoder(), path, path.name))
    return RecordedSpan(path, path.name, came_at(first)[0])


def observed(paths: list[Path], coins: tuple[str, ...], worth_bytes: int) -> tuple[ObservationPass, list[int]]:
    room, begun = ObservationPass(coins), []

    def parts_of(item: RecordedSpan) -> Iterator[Part]:
        return decoded_parts(hyperliquid_decoder(), item.path, item.name, worth_bytes=worth_bytes)

    observe_recordings(room, [span(path) for path in paths], parts_of, begun.append)
    return room, begun


MINUTES = [NOON_MS + 60_000 * minute for minute in range(30)]


@pytest.mark.clause("D4.24", "D4.26")
def test_nothing_is_late_in_two_recordings_of_the_same_half_hour(tmp_path: Path) -> None:
    btc, eth = tmp_path / "btc" / "trades.jsonl", tmp_path / "eth" / "trades.jsonl"
    trades(btc, "BTC", MINUTES)
    trades(eth, "ETH", MINUTES)
    (tmp_path / "books.jsonl").write_bytes(b"\n".join(stamped(hyperliquid_book(at + 1), at + 2) for at in MINUTES))
    found = replay(tmp_path / "workspace", tmp_path, "hyperliquid")
    assert found.snapshot is not None
    counters = found.snapshot["counters"]
    assert (counters["events_decoded"], counters["quarantined"]) == (90, {})
    assert [item["recording"] for item in found.recordings] == ["books.jsonl", "btc/trades.jsonl", "eth/trades.jsonl"]


def test_files_of_one_name_in_two_folders_are_two_recordings(tmp_path: Path) -> None:
    trades(tmp_path / "day1" / "trades.jsonl", "BTC", MINUTES[:15])
    trades(tmp_path / "day2" / "trades.jsonl", "BTC", MINUTES[15:], first=100)
    found = replay(tmp_path / "workspace", tmp_path, "hyperliquid")
    assert found.snapshot is not None
    assert found.snapshot["counters"]["events_decoded"] == 30


@pytest.mark.parametrize("shift_ms", [0, 30_000, 15 * 60_000, 3_600_000])
def test_blocks_beside_another_recording_give_what_messages_give(shift_ms: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trade_blocks, "LINES_ALONE", 1)
    paths = [trades(tmp_path / "a.jsonl", "BTC", MINUTES), trades(tmp_path / "b.jsonl", "ETH", [at + shift_ms for at in MINUTES])]
    (blocks, _), (alone, _) = observed(paths, ("BTC", "ETH"), 0), observed(paths, ("BTC", "ETH"), 2**40)
    assert blocks.snapshot() == alone.snapshot()
    counters = alone.snapshot()["counters"]
    assert (counters["events_decoded"], counters["quarantined"]) == (60, {})


def test_a_recording_is_opened_when_its_time_has_come(tmp_path: Path) -> None:
    order: list[str] = []
    paths = [trades(tmp_path / f"{day}.jsonl", "BTC", [at + 3_600_000 * day for at in MINUTES], 1 + 100 * day) for day in range(3)]

    def parts_of(item: RecordedSpan) -> Iterator[Part]:
        order.append(f"open {item.name}")
        yield from decoded_parts(hyperliquid_decoder(), item.path, item.name)
        order.append(f"close {item.name}")

    begun: list[int] = []
    observe_recordings(ObservationPass(("BTC",)), [span(path) for path in reversed(paths)], parts_of, begun.append)
    assert order == [f"{what} {day}.jsonl" for day in range(3) for what in ("open", "close")]
    assert begun == [0, 1, 2]


@pytest.mark.clause("D4.24", "D4.26")
def test_what_the_room_keeps_aside_is_in_its_file(tmp_path: Path) -> None:
    recording, workspace = tmp_path / "feed.jsonl", tmp_path / "workspace"
    # The first trades of a stream may be old for the decoder; for the room that has seen a newer event they are late.
    old = hyperliquid_trades(hyperliquid_trade(7, NOON_MS - 60_000, "ETH"))
    recording.write_bytes(b"\n".join([stamped(hyperliquid_trades(hyperliquid_trade()), NOON_MS + 5), stamped(old, NOON_MS + 6)]))
    found = replay(workspace, recording, "hyperliquid")
    assert found.snapshot is not None
    assert found.snapshot["counters"]["quarantined"] == {"late": 1}
    assert found.room_quarantine is not None
    (line,) = (workspace / found.room_quarantine).read_text().splitlines()
    kept = json.loads(line)
    assert (kept["reason"], kept["source"], kept["symbol"]) == ("late", "feed.jsonl:2", "ETH")
    assert json.loads(kept["content"])["trade_id"] == 7
    assert replay(workspace, recording, "hyperliquid").room_quarantine == found.room_quarantine
    assert (workspace / found.room_quarantine).read_text().splitlines() == [line]
    recording.write_bytes(stamped(hyperliquid_trades(hyperliquid_trade()), NOON_MS + 5))
    assert replay(workspace, recording, "hyperliquid").room_quarantine is None
