"""Candles of both venues from a loopback server: exact digits, unknown symbols and bad answers told, bad ones kept with their bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.fakes.candle_answers import HOUR_MS, CandleVenue, Misdeed, candle_server, walk
from tests.fakes.shared_data import shared_data
from tests.fakes.venue_messages import MS, NOON_NS, encoded
from tests.fakes.venue_server import venue_server

from tallystick.adapters.recordings.quarantine_file import read_quarantine
from tallystick.adapters.recordings.recording_files import read_recording
from tallystick.adapters.venues.binance import candles as binance
from tallystick.adapters.venues.candle_history import RestCandleHistory
from tallystick.adapters.venues.hyperliquid import candles as hyperliquid
from tallystick.adapters.venues.rate_limit import TokenBucket
from tallystick.adapters.venues.rest import RestClient
from tallystick.contracts.errors import DataError

VENUES = {"binance": binance, "hyperliquid": hyperliquid}
START_MS = NOON_NS // MS // HOUR_MS * HOUR_MS
NOW_NS = (START_MS + 1000 * HOUR_MS) * MS


@pytest.fixture
def server() -> CandleVenue:
    return CandleVenue({"BTC": walk("BTC", START_MS, 10), "ETH": walk("ETH", START_MS, 3)})


@contextmanager
def history_at(url: str, venue: str, folder: Path) -> Iterator[RestCandleHistory]:
    with RestClient(url, TokenBucket(1e6, 1e6)) as client:
        yield RestCandleHistory(VENUES[venue].candle_questions(), client, folder.joinpath("bad.jsonl"), NOW_NS)


@pytest.fixture(params=sorted(VENUES))
def history(request: pytest.FixtureRequest, server: CandleVenue, tmp_path: Path) -> Iterator[RestCandleHistory]:
    with candle_server(server) as url, history_at(url, request.param, tmp_path) as found:
        yield found


def test_bars_come_as_the_venue_wrote_them(server: CandleVenue, history: RestCandleHistory) -> None:
    answer = history.ask("BTC", "1h", START_MS + HOUR_MS, START_MS + 4 * HOUR_MS)
    quote = 6 if history.venue == "binance" else None
    assert answer.bars == tuple((*bar[:6], bar[6] if quote else None) for bar in server.bars["BTC"][1:5])
    assert (len(answer.sha256), answer.repeated) == (64, 0)


def test_a_time_without_bars_has_none(history: RestCandleHistory) -> None:
    assert history.ask("ETH", "1h", START_MS + 5 * HOUR_MS, START_MS + 6 * HOUR_MS).bars == ()


def test_bars_told_twice_are_counted_once_each(server: CandleVenue, history: RestCandleHistory) -> None:
    server.bars["BTC"].insert(2, server.bars["BTC"][1])
    answer = history.ask("BTC", "1h", START_MS, START_MS + 4 * HOUR_MS)
    assert (len(answer.bars), answer.repeated) == (5, 1)


def test_an_unknown_symbol_is_told_by_name(history: RestCandleHistory) -> None:
    # Hyperliquid is asked for what it lists; Binance says so in its answer.
    first = (lambda: history.require(["BTC", "DOGE"])) if history.venue == "hyperliquid" else (lambda: history.ask("DOGE", "1h", START_MS, START_MS))
    with pytest.raises(DataError, match=f"{history.venue} lists, found DOGE"):
        first()


def candle(**changed: object) -> dict[str, object]:
    return {"t": START_MS, "T": START_MS + HOUR_MS - 1, "s": "BTC", "i": "1h", "o": "1", "c": "1", "h": "1", "l": "1", "v": "1", "n": 1} | changed


BAD = {
    "no JSON": b"<html>busy</html>",
    "cut": b'[{"t": 1',
    "an error with status 200": b'{"code":-1000,"msg":"an unknown error"}',
    "another coin": encoded([candle(s="ETH")]),
    "another interval": encoded([candle(i="5m")]),
    "NaN": encoded([candle(c="NaN")]),
    "ends before it starts": encoded([candle(T=START_MS - 1)]),
    "text for a number": encoded([[START_MS, "1", "1", "1", "one", "1", START_MS + 1, "1", 1, "0", "0", "0"]]),
    "too short": b"[[1]]",
    "a number": b"5",
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_a_bad_answer_is_told_and_kept_with_its_bytes(server: CandleVenue, history: RestCandleHistory, tmp_path: Path, body: bytes) -> None:
    server.answers["BTC"] = body
    with pytest.raises(DataError, match="cannot be used") as refused:
        history.ask("BTC", "1h", START_MS, START_MS)
    assert "bad.jsonl" in str(refused.value)
    (line,) = read_quarantine(tmp_path / "bad.jsonl")
    assert line.message() == body
    assert (line.venue, line.channel, line.whole) == (history.venue, "candles", True)
    assert line.source


def test_another_status_is_told_and_kept(server: CandleVenue, history: RestCandleHistory, tmp_path: Path) -> None:
    server.after = (1, Misdeed(451, b"not from here"))
    with pytest.raises(DataError, match="expected status 200, found 451"):
        history.ask("BTC", "1h", START_MS, START_MS)
    assert [line.message() for line in read_quarantine(tmp_path / "bad.jsonl")] == [b"not from here"]


def test_a_list_of_what_is_listed_that_is_none_is_told_and_kept(server: CandleVenue, tmp_path: Path) -> None:
    server.after = (1, Misdeed(200, b'{"universe":5}'))
    with candle_server(server) as url, history_at(url, "hyperliquid", tmp_path) as history, pytest.raises(DataError, match="cannot be used"):
        history.require(["BTC"])
    assert [line.message() for line in read_quarantine(tmp_path / "bad.jsonl")] == [b'{"universe":5}']


def test_the_recorded_answer_of_hyperliquid_is_read_digit_by_digit(tmp_path: Path) -> None:
    folder = shared_data() / "payloads" / "hyperliquid" / "python_sdk_cassettes"
    recorded = next(item for item in read_recording(folder / "test_get_candles_snapshot.yaml") if b"candleSnapshot" in item.asked.encode())
    with venue_server({"candleSnapshot:kPEPE": recorded.message}) as url, history_at(url, "hyperliquid", tmp_path) as history:
        answer = history.ask("kPEPE", "1h", 1684702007000, 1684784807000)
    assert len(answer.bars) == 24
    text = recorded.message.decode().replace(" ", "")
    for opened, *numbers, quote in answer.bars:
        assert f'"t":{opened}' in text
        assert all(f'"{number}"' in text for number in numbers)
        assert quote is None
