"""Decoded events through the room: in the order of their times, and time only forward."""

from __future__ import annotations

import pytest
from tests.fakes.venue_messages import MS, NOON_MS, NOON_NS, encoded, hyperliquid_trade, hyperliquid_trades

from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.apps.observation_pass import ObservationPass
from tallystick.contracts.time import NS_PER_SECOND


def test_an_answer_with_the_newest_trade_first_is_taken_whole() -> None:
    room, decoder = ObservationPass(("BTC",)), hyperliquid_decoder()
    rows = encoded([hyperliquid_trade(number, NOON_MS + number) for number in (3, 2, 1)])
    room.take(decoder.decode(rows, NOON_NS + 10 * MS, asked='{"type":"recentTrades","coin":"BTC"}'))
    counters = room.snapshot()["counters"]
    assert (counters["events_decoded"], counters["quarantined"]) == (3, {})


@pytest.mark.clause("D4.05")
def test_time_stands_at_the_last_event_or_where_it_is_asked() -> None:
    room, decoder = ObservationPass(("BTC",)), hyperliquid_decoder()
    room.take(decoder.decode(hyperliquid_trades(hyperliquid_trade()), NOON_NS + 5 * MS))
    # A receiver's clock that is set back moves nothing back.
    room.take(decoder.decode(hyperliquid_trades(hyperliquid_trade(2, NOON_MS + 1)), NOON_NS))
    assert room.snapshot()["timestamp"] == (NOON_NS + 5 * MS) / NS_PER_SECOND
    assert room.snapshot(NOON_NS + 9 * MS)["timestamp"] == (NOON_NS + 9 * MS) / NS_PER_SECOND


@pytest.mark.clause("D4.23", "D4.26")
def test_what_a_backfill_brought_of_a_long_gap_is_taken_for_every_symbol() -> None:
    room, decoder = ObservationPass(("BTC", "ETH")), hyperliquid_decoder()
    room.take(decoder.decode(hyperliquid_trades(hyperliquid_trade(), hyperliquid_trade(2, coin="ETH")), NOON_NS))
    after = NOON_MS + 300_000
    for first, coin in ((10, "BTC"), (20, "ETH")):
        rows = encoded([hyperliquid_trade(first + place, after - 60_000 * place, coin) for place in range(4)])
        room.take(decoder.decode(rows, NOON_NS + 300 * NS_PER_SECOND, asked=f'{{"type":"recentTrades","coin":"{coin}"}}'), is_asked=True)
    room.take(decoder.decode(hyperliquid_trades(hyperliquid_trade(30, after)), NOON_NS + 300 * NS_PER_SECOND))
    counters = room.snapshot()["counters"]
    assert (counters["events_decoded"], counters["quarantined"]) == (11, {})


def test_preparing_leaves_no_trace() -> None:
    ObservationPass.prepare()
    assert ObservationPass(("BTC",)).snapshot(NOON_NS)["counters"]["events_received"] == 0
