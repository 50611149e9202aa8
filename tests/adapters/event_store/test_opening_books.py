"""One day of a store, replayed by itself, begins with the books that the days before it left: its room reads what it reads in a replay of all days."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.venue_messages import MS, NOON_MS, NOON_NS, depth_snapshot, encoded, hyperliquid_book

from tallystick.adapters.event_store import opening_books
from tallystick.adapters.event_store.reading import StoreReader
from tallystick.adapters.event_store.store import EventStore, SegmentLimits
from tallystick.adapters.venues.binance.live import BinanceLive
from tallystick.adapters.venues.hyperliquid.live import HyperliquidLive
from tallystick.apps import observation_pass, store_replay
from tallystick.apps.cli.observe import app
from tallystick.apps.observe_replay import replay
from tallystick.apps.replay_result import decoder_of
from tallystick.artifacts.paths import Workspace, get_event_days, get_event_store_dir
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.time import NS_PER_DAY
from tallystick.observation import venue_facts
from tallystick.observation.collection import Collection, CollectionLimits
from tallystick.observation.governance import Observation
from tallystick.observation.ports import Answer, Frame, Link, Question

SYMBOLS = ("BTCUSDT", "ETHUSDT")
DAY_MS = NS_PER_DAY // MS
KEPT = 6


def changes(symbol: str, first: int, last: int, previous: int, time_ms: int, source: random.Random) -> bytes:
    """A depth update of random levels, bids below 60,000.5 and asks above."""
    lowest = {"b": 59_990, "a": 60_001}
    sides = {side: [[f"{low + source.randrange(10)}.0", source.choice(["0", "1", "2.50"])] for _ in range(3)] for side, low in lowest.items()}
    data = {"e": "depthUpdate", "E": time_ms, "T": time_ms, "s": symbol, "U": first, "u": last, "pu": previous, **sides}
    return encoded({"stream": f"{symbol.lower()}@depth@100ms", "data": data})


def collected(folder: Path, seed: int, days: int = 4, messages: int = 60, sessions: int = 1) -> None:
    """Days of two depth streams with holes, and whole books that come late, early or not at all."""
    source = random.Random(seed)
    at_ms, last = NOON_MS, dict.fromkeys(SYMBOLS, 100)
    for _ in range(sessions):
        with EventStore(folder, "binance", SegmentLimits(records=9)) as store:
            limits = CollectionLimits(remembered=5)
            collection = Collection("binance", SYMBOLS, BinanceLive().streams, store, lambda names: decoder_of("binance", names), (), limits)
            collection.start(at_ms * MS)
            collection.take(Link(True, at_ms * MS))
            for _ in range(days):
                for _ in range(messages):
                    at_ms += 50
                    symbol = source.choice(SYMBOLS)
                    if source.random() < 0.04:
                        number = last[symbol] - source.randrange(-2, 9)
                        answer = Answer(depth_snapshot(number, at_ms), at_ms * MS, f"/fapi/v1/depth?symbol={symbol}&limit=1000")
                        collection.answered(Question("depth@100ms", symbol, "book"), answer, at_ms * MS)
                    else:
                        first = last[symbol] + (1 if source.random() > 0.03 else 4)
                        message = changes(symbol, first, first + 1, last[symbol] if source.random() > 0.02 else first - 1, at_ms, source)
                        last[symbol] = first + 1
                        collection.take(Frame(message, at_ms * MS))
                at_ms += DAY_MS
            collection.end(at_ms * MS - DAY_MS * MS, "")
            at_ms -= DAY_MS // 2


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the room of a replay gets, in order."""
    found: list[Any] = []

    class Read(Observation):
        def ingest(self, now_ns: int, events: Iterable[Any]) -> Any:
            taken = tuple(events)
            found.extend(taken)
            return super().ingest(now_ns, taken)

    monkeypatch.setattr(observation_pass, "Observation", Read)
    monkeypatch.setattr(venue_facts, "CHANGES_KEPT", KEPT)
    monkeypatch.setattr(store_replay, "CHANGES_KEPT", KEPT)
    return found


def of_day(events: Iterable[Any], first: int, last: int) -> list[tuple[Any, ...]]:
    kept = [event for event in events if first <= int(event.source.partition("#")[0].rpartition(":")[2]) <= last]
    return [(event.kind, event.symbol, event.event_time_ns, str(event.values), event.source) for event in kept]


@pytest.mark.clause("D4.23")
@pytest.mark.parametrize("seed", range(6))
def test_the_room_of_one_day_reads_what_it_reads_in_a_replay_of_all_days(tmp_path: Path, read: list[Any], seed: int) -> None:
    folder = get_event_store_dir(Workspace(tmp_path), "binance")
    collected(folder, seed, sessions=1 + seed % 2)
    whole = replay(tmp_path, folder, "binance").as_document()
    all_days, taken = list(read), set[str]()
    assert whole["store"]["differences"] == 0
    assert "opening_books" not in whole["store"]
    for index in get_event_days(folder)[1:]:
        read.clear()
        document = replay(tmp_path, index.parent, "binance").as_document()
        segments = StoreReader(folder).index(index).segments
        first, last = segments[0].first_message, segments[-1].last_message
        assert of_day(read, first, last) == of_day(all_days, first, last), index.parent.name
        assert document["store"]["differences"] == 0
        taken |= set(document["store"].get("opening_books", {}).get("taken", ()))
    assert taken or seed % 2


def quiet_days(folder: Path, days: int) -> None:
    """A book on the first day, and only unbroken changes of it afterwards."""
    at_ms, last, source = NOON_MS, 100, random.Random(5)
    with EventStore(folder, "binance", SegmentLimits(records=9)) as store:
        limits = CollectionLimits(remembered=5)
        collection = Collection("binance", SYMBOLS, BinanceLive().streams, store, lambda names: decoder_of("binance", names), (), limits)
        collection.start(at_ms * MS)
        collection.answered(
            Question("depth@100ms", "BTCUSDT", "book"), Answer(depth_snapshot(last, at_ms), at_ms * MS, "/fapi/v1/depth?symbol=BTCUSDT"), at_ms * MS
        )
        for _ in range(days):
            for _ in range(20):
                collection.take(Frame(changes("BTCUSDT", last + 1, last + 2, last, at_ms, source), at_ms * MS))
                last, at_ms = last + 2, at_ms + 50
            at_ms += DAY_MS


def test_a_book_from_days_before_stands_in_the_snapshot_of_one_day_and_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = get_event_store_dir(Workspace(tmp_path), "binance")
    quiet_days(folder, 4)
    resting = [
        document["snapshot"]["primitives"]["BTCUSDT"]["resting_size"]
        for document in (replay(tmp_path, path, "binance").as_document() for path in (folder, get_event_days(folder)[-1].parent))
    ]
    assert resting[0] is not None
    assert resting[0] == resting[1]
    assert app(["replay", str(get_event_days(folder)[-1].parent), "--venue", "binance", "-w", str(tmp_path)], standalone_mode=False) == 0
    assert "the day begins with the books of BTCUSDT, as the days before it left them" in capsys.readouterr().out


def test_a_book_whose_day_is_gone_is_counted_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = get_event_store_dir(Workspace(tmp_path), "binance")
    quiet_days(folder, 4)
    days = get_event_days(folder)
    shutil.rmtree(days[0].parent)
    assert app(["replay", str(days[-1].parent), "--venue", "binance", "-w", str(tmp_path)], standalone_mode=False) == 0
    assert "no book of BTCUSDT, ETHUSDT until the next whole one: the days that hold it are gone" in capsys.readouterr().out
    store = replay(tmp_path, days[-1].parent, "binance").as_document()["store"]
    assert store["opening_books"] == {"taken": [], "none_yet": [], "not_stored": ["BTCUSDT", "ETHUSDT"]}
    shutil.rmtree(days[2].parent)
    with pytest.raises(ArtifactError, match="Replay with the days before it beside it"):
        replay(tmp_path, days[-1].parent, "binance")


def test_whole_books_are_not_searched_beyond_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = get_event_store_dir(Workspace(tmp_path), "hyperliquid")
    with EventStore(folder, "hyperliquid", SegmentLimits(records=5)) as store:
        collection = Collection("hyperliquid", ("BTC",), HyperliquidLive().streams, store, lambda names: decoder_of("hyperliquid", names))
        collection.start(NOON_NS)
        for at_ms in (*range(NOON_MS, NOON_MS + 30), NOON_MS + DAY_MS):
            collection.take(Frame(hyperliquid_book(at_ms), at_ms * MS))
    whole = opening_books.read_columns
    looked: list[str] = []
    monkeypatch.setattr(opening_books, "read_columns", lambda day, item, *rest, **more: (looked.append(item.segment), whole(day, item, *rest, **more))[1])
    document = replay(tmp_path, get_event_days(folder)[-1].parent, "hyperliquid").as_document()
    assert document["store"]["opening_books"] == {"taken": ["BTC"], "none_yet": [], "not_stored": []}
    assert set(looked) == {"000007"}


def test_an_index_of_segments_is_read_newest_first(tmp_path: Path) -> None:
    folder = get_event_store_dir(Workspace(tmp_path), "binance")
    quiet_days(folder, 2)
    reader = StoreReader(get_event_days(folder)[-1].parent)
    lasts = [item.last_message for _, item in reader.segments_before(25)]
    assert lasts == sorted(lasts, reverse=True)
    assert json.loads(get_event_days(folder)[0].read_bytes())["segments"][0]["last_message"] == lasts[-1]
