"""Recorded lines in blocks and one by one: the same events, the same lines kept aside, the same counts and the same memory, whatever the lines hold."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fakes.shared_data import shared_data
from tests.fakes.venue_messages import MS, NOON_MS, NOON_NS, hyperliquid_book, hyperliquid_trade, hyperliquid_trades

from tallystick.adapters.recordings.recording_files import read_recording
from tallystick.adapters.venues.admission import AdmissionLimits
from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.adapters.venues.hyperliquid.trade_blocks import BlockDecoder, TradeBlock
from tallystick.adapters.venues.message_decoder import MessageDecoder
from tallystick.apps.observation_pass import ObservationPass
from tallystick.kernels import trade_lines as kernels

HASH, USERS = "0x" + "a" * 64, ["0x" + "b" * 40, "0x" + "c" * 40]
BLOCKS = "tallystick.adapters.venues.hyperliquid.trade_blocks."
SCANNING = "tallystick.adapters.venues.hyperliquid.trade_scanning."
Decoded = tuple[list[Any], list[Any], dict[str, tuple[int, list[Any]]]]


def remembered(decoder: MessageDecoder) -> dict[str, tuple[int, list[Any]]]:
    return {symbol: (last_ns, list(identities)) for symbol, (last_ns, identities) in decoder.admission.memory("TRADE").items()}


def by_lines(path: Path, decoder: MessageDecoder) -> Decoded:
    items = [item for line in read_recording(path) for item in decoder.decode(line.message, line.received_ns, line.source, line.asked)]
    return items, [decoder.counts()], remembered(decoder)


def by_blocks(path: Path, decoder: MessageDecoder) -> tuple[Decoded, int]:
    items: list[Any] = []
    inside = 0
    for item in BlockDecoder(decoder).decode(path):
        if isinstance(item, TradeBlock):
            events = list(item.events())
            assert [event.event_time_ns for event in events] == item.times_ns.tolist()
            assert {event.symbol for event in events} == item.symbols
            assert max(max(event.event_time_ns, event.received_ns) for event in events) == item.newest_ns
            items += events
            inside += len(item)
        else:
            items += item
    return (items, [decoder.counts()], remembered(decoder)), inside


def both(path: Path, symbols: tuple[str, ...] | None = None, limits: AdmissionLimits | None = None) -> tuple[Decoded, int]:
    streamed = by_lines(path, hyperliquid_decoder(symbols, limits))
    blocks, inside = by_blocks(path, hyperliquid_decoder(symbols, limits))
    assert blocks == streamed
    return streamed, inside


NUMBERS = st.sampled_from(["1", "0.1", "60000.5", "007.50", "0.0", "0", "", ".5", "1.", "1e3", "-1", "NaN", "9" * 18, "9" * 19, "0." + "1" * 30, "1.5 ", "١"])
COINS = st.sampled_from(["BTC", "ETH", "kPEPE", "@107", "xyz:NVDA", "", "A" * 16, "A" * 17, "É", 'B"C', "B\\C", "B\x00", "B\n"])
TIDS = st.integers(0, 12) | st.sampled_from([-1, 10**18 - 1, 10**18, 2**63, 2**64])
TIMES = st.integers(-3, 40).map(lambda second: NOON_MS + 1000 * second) | st.sampled_from([0, -1, LAST := 9_223_372_036_854, LAST + 1])


@st.composite
def trades(draw: st.DrawFn) -> dict[str, Any]:
    """A trade, most often a good one, its fields in any order."""
    strange = draw(st.integers(0, 5)) == 0
    trade = hyperliquid_trade(
        draw(TIDS if strange else st.integers(0, 400)),
        draw(TIMES) if strange else NOON_MS,
        draw(COINS if strange else st.sampled_from(["BTC", "ETH"])),
        px=draw(NUMBERS if strange else st.sampled_from(["60000.5", "1", "0.00012"])),
        sz=draw(NUMBERS if strange else st.sampled_from(["0.01", "3"])),
        side=draw(st.sampled_from(["A", "B", "C", 1] if strange else ["A", "B"])),
        hash=draw(st.sampled_from([HASH, "0x0", "", 'a"b', "é"]) if strange else st.just(HASH)),
        users=draw(st.sampled_from([USERS, ["0xa", "0xb"], ["0xa"], [], None]) if strange else st.just(USERS)),
    )
    if strange and draw(st.booleans()):
        trade.pop(draw(st.sampled_from(sorted(trade))))
    if strange and draw(st.booleans()):
        trade["more"] = draw(st.sampled_from([1, "x", {"px": "1"}]))
    return {key: trade[key] for key in draw(st.permutations(sorted(trade)))}


@st.composite
def recorded_lines(draw: st.DrawFn) -> bytes:
    """A line of a recording: trades, mostly; sometimes another message, or with bytes cut, changed or put in."""
    kind = draw(st.integers(0, 11))
    message = hyperliquid_trades(*draw(st.lists(trades(), min_size=1 if kind else 0, max_size=3)))
    if kind == 1:
        message = draw(st.sampled_from([hyperliquid_book(), b'{"channel":"pong"}', b"", b" ", b"wss://x <-> 1.5", json.dumps(json.loads(message)).encode()]))
    received_ns = NOON_NS + draw(st.integers(-40, 40)) * 1000 * MS
    stamp = draw(st.sampled_from([b"%d " % received_ns, b"%d " % received_ns, b"", b"0" * 16 + b" ", b"%d  " % received_ns, b"9" * 19 + b" ", b"12 "]))
    line = bytearray((stamp if kind < 4 else b"%d " % (NOON_NS + 10_000 * MS)) + message)
    if kind == 2 and line:
        place = draw(st.integers(0, len(line) - 1))
        line[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=2) | st.sampled_from([b'"', b",", b"}", b"{", b"\\", b" "]))
    return bytes(line).replace(b"\n", b"")


@pytest.mark.clause("D4.24", "D4.26")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(recorded_lines(), max_size=12), ending=st.sampled_from([b"\n", b"", b"\r\n", b"\n\n"]), few=st.booleans())
def test_any_lines_in_blocks_are_what_they_are_one_by_one(lines: list[bytes], ending: bytes, few: bool, tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    path.write_bytes((b"\r\n" if ending == b"\r\n" else b"\n").join(lines) + ending)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BLOCKS + "LINES_ALONE", 1)
        both(path, ("BTC",) if few else None, AdmissionLimits(remembered=3) if few else None)


def write(path: Path, count: int, odd_every: int) -> None:
    """Trades of eight coins, with lines that must be looked at between them: repeated, late, ahead, cut and foreign messages."""
    lines = []
    for number in range(count):
        time_ms = NOON_MS + number
        trade = hyperliquid_trade(number, time_ms, ["BTC", "ETH", "SOL", "DOGE", "HYPE", "ARB", "kPEPE", "AVAX"][number % 8], hash=HASH, users=USERS)
        message, received_ns = hyperliquid_trades(trade), (time_ms + 5) * MS
        if number % odd_every == odd_every - 1:
            which = number // odd_every % 5
            received_ns += (0, 3_600_000, -3_600_000, 0, 0)[which] * MS
            message = (hyperliquid_trades({**trade, "tid": number - 8}), message, message, message[:40], hyperliquid_book(time_ms))[which]
        lines.append(b"%d %s" % (received_ns, message))
    path.write_bytes(b"\n".join(lines))


@pytest.mark.parametrize("odd_every", [7, 500])
def test_long_recording_across_chunks_is_the_same(odd_every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "feed.jsonl"
    write(path, 6_000, odd_every)
    monkeypatch.setattr(SCANNING + "CHUNK_BYTES", 100_000)
    monkeypatch.setattr(BLOCKS + "ROOM", 900)
    (items, (counts,), _), inside = both(path, limits=AdmissionLimits(remembered=100))
    assert counts.messages_quarantined > 6_000 // odd_every // 2
    assert len(items) == 6_000
    assert inside > 5_000 or odd_every == 7


def test_recorded_feed_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BLOCKS + "LINES_ALONE", 1)
    path = shared_data() / "payloads" / "hyperliquid" / "ws_l2Book_BTC_20250126.jsonl.gz"
    (items, _, _), inside = both(path)
    assert len(items) > 100
    assert inside > 0


def test_columns_are_exact_beside_the_text(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl.gz"
    path.write_bytes(gzip.compress(b"%d %s" % (NOON_NS, hyperliquid_trades(hyperliquid_trade(7, px="00123.4500", sz="0.000001", hash=HASH, users=USERS)))))
    (block,) = BlockDecoder(hyperliquid_decoder()).decode(path)
    assert isinstance(block, TradeBlock)
    row = block.trades[0]
    assert (row[kernels.PRICE_UNITS], row[kernels.PRICE_DECIMALS], row[kernels.SIZE_UNITS], row[kernels.SIZE_DECIMALS]) == (1_234_500, 4, 1, 6)
    assert (block.trades[:, kernels.TID].tolist(), block.lines[:, kernels.RECEIVED_NS].tolist()) == ([7], [NOON_NS])


@pytest.mark.parametrize("letter", [b'"', b"\\", b"\x01", b"\x7f", b"\xff", b"\n"])
@pytest.mark.parametrize("inside", [b"aaaa", b"bbbb", b"cccc", b"BTC", b"trades"])
def test_a_byte_that_ends_or_breaks_a_string_is_not_jumped_over(letter: bytes, inside: bytes, tmp_path: Path) -> None:
    lines = [b"%d %s" % (NOON_NS, hyperliquid_trades(hyperliquid_trade(number, hash=HASH, users=USERS))) for number in range(3)]
    lines[1] = lines[1].replace(inside, inside[:1] + letter + inside[2:], 1)
    path = tmp_path / "feed.jsonl"
    path.write_bytes(b"\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BLOCKS + "LINES_ALONE", 1)
        _, inside_blocks = both(path)
    assert inside_blocks == 2


def test_wide_block_of_odd_bytes_is_counted_to_its_end(tmp_path: Path) -> None:
    # A mark in each stretch of 240 letters that are looked at together, and one in the rest.
    whole = hyperliquid_trades(hyperliquid_trade(hash=HASH, users=USERS))
    for place in range(30, len(whole), 9):
        message = bytearray(whole)
        if message[place] == 34:
            continue
        message[place] = 34
        path = tmp_path / "feed.jsonl"
        path.write_bytes(message)
        assert both(path)[1] == 0


def rooms(path: Path, decoder_limits: AdmissionLimits) -> tuple[dict[str, Any], dict[str, Any], int]:
    """The snapshot of a room that took every message by itself, of one that took blocks, and how many trades lay in blocks."""
    names, inside = ("BTC", "ETH", "kPEPE"), 0
    alone, blocks = ObservationPass(names), ObservationPass(names)
    decoder = hyperliquid_decoder(None, decoder_limits)
    for line in read_recording(path):
        alone.take(decoder.decode(line.message, line.received_ns, line.source, line.asked))
    for part in BlockDecoder(hyperliquid_decoder(None, decoder_limits)).decode(path):
        if isinstance(part, TradeBlock):
            blocks.take_block(part)
            inside += len(part)
        else:
            blocks.take(part)
    return alone.snapshot(), blocks.snapshot(), inside


@pytest.mark.clause("D4.07", "D4.26")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(recorded_lines(), min_size=1, max_size=12), again=st.booleans())
def test_a_room_takes_a_block_as_it_takes_its_messages(lines: list[bytes], again: bool, tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    path.write_bytes(b"\n".join(lines * 2 if again else lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BLOCKS + "LINES_ALONE", 1)
        alone, blocks, _ = rooms(path, AdmissionLimits(late_ns=20_000_000 * MS, remembered=2))
    assert blocks == alone


@pytest.mark.parametrize("odd_every", [7, 500])
def test_a_room_takes_a_long_recording_by_blocks(odd_every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "feed.jsonl"
    write(path, 3_000, odd_every)
    monkeypatch.setattr(SCANNING + "CHUNK_BYTES", 100_000)
    monkeypatch.setattr(BLOCKS + "LINES_ALONE", 1)
    alone, blocks, inside = rooms(path, AdmissionLimits(remembered=100))
    assert inside > 2_000
    assert blocks == alone
    assert blocks["counters"]["events_decoded"] > 1_000


def test_prices_of_columns_are_what_their_text_says(tmp_path: Path) -> None:
    path, texts = tmp_path / "feed.jsonl", ["0.1", "60000.5", "007.50", "9" * 18, "123456789012345678", "0.123456789012345678", "9007199254740993", "1"]
    trades_of = (hyperliquid_trade(number, px=text, sz=text, hash=HASH, users=USERS) for number, text in enumerate(texts))
    path.write_bytes(b"\n".join(b"%d %s" % (NOON_NS, hyperliquid_trades(trade)) for trade in trades_of))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BLOCKS + "LINES_ALONE", 1)
        parts = list(BlockDecoder(hyperliquid_decoder()).decode(path))
    blocks = [part for part in parts if isinstance(part, TradeBlock)]
    for block in blocks:
        columns = block.columns()
        for found in (columns.prices, columns.quantities):
            assert found.tolist() == [float(event.values["price"]) for event in block.events()]
        assert [columns.fact(place)[3] for place in range(len(columns))] == [event.source for event in block.events()]
    assert sum(map(len, blocks)) >= len(texts) - 1
