"""For any bytes: an answer that is never empty, never an exception, the bytes kept, and counts that add up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.venue_messages import NOON_NS, binance_trade, depth_snapshot, depth_update, hyperliquid_book, hyperliquid_trade, hyperliquid_trades

from tallystick.adapters.venues.binance.decoder import binance_decoder
from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.contracts.checking import findings
from tallystick.contracts.market_events import CONTRACTS, Control, Quarantined, VenueEvent, quarantine_line

COUNTS = next(item for item in CONTRACTS if item.name == "observation.message_counts")
DECODERS = {"hyperliquid": hyperliquid_decoder, "binance": binance_decoder}
GOOD = (
    hyperliquid_trades(hyperliquid_trade()),
    hyperliquid_book(),
    binance_trade(),
    depth_update(1, 2, 0),
    depth_snapshot(3),
    b'{"channel":"allMids","data":{"mids":{"BTC":"1.5"}}}',
)
KEYS = ["channel", "data", "e", "s", "p", "q", "T", "coin", "levels", "px", "universe", "stream", "ctx", "mids"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["NaN", "1.5", "", "BTC", "trades", "trade"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good message with bytes cut, changed or put in."""
    message = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(message) - 1, 0)))
        piece = draw(st.binary(max_size=3))
        message[place : place + draw(st.integers(0, 6))] = piece
    return bytes(message[: draw(st.integers(0, len(message)))] if draw(st.booleans()) else message)


@st.composite
def retyped(draw: st.DrawFn) -> bytes:
    """A good message with one of its values replaced by any other."""
    document: Any = json.loads(draw(st.sampled_from(GOOD)))
    inner = document
    for _ in range(draw(st.integers(0, 4))):
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner))) if isinstance(inner, list) else []
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if not isinstance(inner[key], dict | list) or draw(st.booleans()):
            inner[key] = draw(VALUES)
            break
        inner = inner[key]
    return json.dumps(document).encode()


MESSAGES = st.binary(max_size=60) | damaged() | retyped() | VALUES.map(lambda value: json.dumps(value).encode())
ASKED = st.sampled_from(["", "", "", '{"type":"l2Book"}', '{"type":"meta"}', "/fapi/v1/depth?symbol=A", "nonsense", "{", '{"type":[]}', "http://[x/depth"])


@pytest.mark.clause("D4.24", "D4.26")
@pytest.mark.parametrize("venue", sorted(DECODERS))
@settings(max_examples=400, deadline=None)
@given(messages=st.lists(st.tuples(MESSAGES, st.integers(0, 2 * NOON_NS), ASKED), min_size=1, max_size=4))
def test_any_bytes_become_events_control_or_quarantine(venue: str, messages: list[tuple[bytes, int, str]]) -> None:
    decoder = DECODERS[venue]()
    events = 0
    for message, received_ns, asked in messages:
        answer = decoder.decode(message, received_ns, asked=asked)
        assert answer
        kinds = {type(item) for item in answer}
        if Control in kinds or (isinstance(answer[0], Quarantined) and answer[0].whole):
            assert len(answer) == 1
        else:
            assert isinstance(answer[0], VenueEvent)
        for item in answer:
            if isinstance(item, VenueEvent):
                events += 1
                assert item.event_id == events
            if isinstance(item, Quarantined):
                assert item.message == message
                assert quarantine_line(item, 1).message() == message
    counts = decoder.counts()
    assert findings(COUNTS, counts) == []
    assert (counts.messages_in, counts.events_out) == (len(messages), events)
