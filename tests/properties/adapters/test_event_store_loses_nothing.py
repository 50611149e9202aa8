"""For any bytes from a venue, in any order with lost connections and clocks that jump: each is stored once, accounted for, and replays to the same."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.venue_messages import NOON_NS, binance_trade, depth_snapshot, depth_update, hyperliquid_book, hyperliquid_trade, hyperliquid_trades

from tallystick.adapters.event_store.store import EventStore, SegmentLimits
from tallystick.adapters.venues.binance.live import BinanceLive
from tallystick.adapters.venues.hyperliquid.live import HyperliquidLive
from tallystick.apps.replay_result import decoder_of
from tallystick.apps.store_replay import replay_store
from tallystick.artifacts.paths import Workspace, get_event_store_dir
from tallystick.contracts.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND
from tallystick.observation.collection import Collection
from tallystick.observation.ports import Answer, FeedItem, Frame, Link

LIVE = {"binance": (BinanceLive(), ("BTCUSDT",)), "hyperliquid": (HyperliquidLive(), ("BTC",))}
GOOD = st.sampled_from(
    [
        *(hyperliquid_trades(hyperliquid_trade(number)) for number in range(4)),
        *(binance_trade(number) for number in range(4)),
        *(depth_update(number, number + 1, number - 1) for number in (1, 2, 3, 9)),
        hyperliquid_book(),
        b'{"channel":"pong"}',
    ]
)
ASKED = {"binance": "/fapi/v1/depth?symbol=BTCUSDT", "hyperliquid": '{"type":"recentTrades","coin":"BTC"}'}
STEPS = st.sampled_from([0, 1, NS_PER_SECOND, NS_PER_HOUR, -NS_PER_HOUR, NS_PER_DAY])
MESSAGES = GOOD | st.binary(max_size=40) | GOOD.flatmap(lambda message: st.integers(0, len(message)).map(lambda end: message[:end]))


@pytest.mark.clause("D4.02", "D4.24", "D4.26")
@pytest.mark.parametrize("venue", ["binance", "hyperliquid"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_feed_is_stored_whole_and_replays(venue: str, data: st.DataObject) -> None:
    live, symbols = LIVE[venue]
    at_ns, given_messages = NOON_NS, list[bytes]()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folder = get_event_store_dir(Workspace(root), venue)
        for _ in range(data.draw(st.integers(1, 2), "sessions")):
            with EventStore(folder, venue, SegmentLimits(records=7)) as store:
                collection = Collection(venue, symbols, live.streams, store, lambda names: decoder_of(venue, names), live.polled(symbols))
                collection.start(at_ns)
                own = 0
                for what in data.draw(st.lists(st.sampled_from(["frame", "frame", "frame", "answer", "up", "down"]), max_size=12), "items"):
                    at_ns += data.draw(STEPS, "clock")
                    item: FeedItem = Link(what == "up", at_ns)
                    if what in ("frame", "answer"):
                        message = data.draw(MESSAGES | st.just(depth_snapshot(2)), "message")
                        given_messages.append(message)
                        own += 1
                        item = Frame(message, at_ns) if what == "frame" else Answer(message, at_ns, ASKED[venue])
                    found = collection.take(item)
                    assert bool(found) == (what in ("frame", "answer"))
                    collection.tick(at_ns)
                    collection.questions(at_ns)
                counts = collection.counts()
                assert counts.messages_in == own == counts.messages_decoded + counts.messages_control + counts.messages_quarantined
                last_event = store.last_event
        document = replay_store(root, folder, venue).as_document()
        assert document["store"]["differences"] == 0
        assert document["counters"]["messages_in"] == len(given_messages)
        assert document["counters"]["events_out"] == last_event
