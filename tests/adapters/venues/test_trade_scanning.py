"""Text scanned by several threads comes back whole and in order, up to where a file breaks off."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from tests.fakes.venue_messages import NOON_NS, hyperliquid_trade, hyperliquid_trades

from tallystick.adapters.recordings.lines import UNREADABLE
from tallystick.adapters.venues.hyperliquid import trade_scanning
from tallystick.adapters.venues.hyperliquid.trade_scanning import ScannedLines, scanned_lines
from tallystick.kernels import trade_lines as kernels

HASH, USERS = "0x" + "a" * 64, ["0x" + "b" * 40, "0x" + "c" * 40]


def feed(count: int) -> bytes:
    rows = (hyperliquid_trade(number, coin=f"C{number % 40}", hash=HASH, users=USERS) for number in range(count))
    return b"\n".join(b"%d %s" % (NOON_NS, hyperliquid_trades(row)) for row in rows)


@pytest.mark.parametrize("chunk_bytes", [100, 5_000, 2**21])
@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_every_line_comes_once_and_in_order(chunk_bytes: int, ending: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trade_scanning, "CHUNK_BYTES", chunk_bytes)
    path = tmp_path / "feed.jsonl"
    path.write_bytes(feed(500) + ending)
    parts = list(scanned_lines(path))
    assert b"".join(bytes(part.text[: int(part.lines[-1, kernels.LINE_END]) + 1]) for part in parts) == feed(500) + ending
    assert [int(tid) for part in parts for tid in part.trades[:, kernels.TID]] == list(range(500))
    assert [part.coins[row] for part in parts for row in part.trades[:, kernels.COIN]] == [f"C{number % 40}" for number in range(500)]


def test_what_lies_before_a_break_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trade_scanning, "CHUNK_BYTES", 4_000)
    path = tmp_path / "feed.jsonl.gz"
    found: list[ScannedLines] = []
    path.write_bytes(gzip.compress(feed(500))[:-200])
    with pytest.raises(UNREADABLE):
        found.extend(scanned_lines(path))
    assert sum(len(part.trades) for part in found) > 100


@pytest.mark.parametrize(("stamp", "trades"), [(NOON_NS, 1), (NOON_NS // 1_000, 0)])
def test_a_stamp_in_microseconds_is_left_to_the_reader_of_lines(stamp: int, trades: int, tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    path.write_bytes(b"%d %s\n" % (stamp, hyperliquid_trades(hyperliquid_trade(1, hash=HASH, users=USERS))))
    (part,) = scanned_lines(path)
    assert len(part.trades) == trades
