"""Late, foreign, repeated, disordered and missing facts: each is kept aside under its own reason, and the counts add up."""

from __future__ import annotations

import gc
import sys
from dataclasses import FrozenInstanceError, fields
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.venue_messages import (
    MS,
    NOON_MS,
    NOON_NS,
    binance_trade,
    depth_snapshot,
    depth_update,
    encoded,
    hyperliquid_book,
    hyperliquid_trade,
    hyperliquid_trades,
)

from tallystick.adapters.venues.admission import AdmissionLimits
from tallystick.adapters.venues.binance.decoder import binance_decoder
from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.adapters.venues.message_decoder import MessageDecoder
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.market_events import Quarantined, VenueEvent

HOUR_NS = 3_600_000 * MS
ASKED = "/fapi/v1/depth?symbol=BTCUSDT"


def outcome(item: Any) -> str:
    return item.reason if isinstance(item, Quarantined) else item.kind


def outcomes(decoder: MessageDecoder, *messages: tuple[bytes, int]) -> list[str]:
    return [outcome(item) for message, received_ns in messages for item in decoder.decode(message, received_ns)]


@pytest.mark.clause("D4.24", "D4.26")
def test_foreign_symbol_is_kept_aside_never_dropped() -> None:
    decoder = hyperliquid_decoder(["BTC"])
    (item,) = decoder.decode(hyperliquid_trades(hyperliquid_trade(coin="DOGE")), NOON_NS)
    assert isinstance(item, Quarantined)
    assert (item.reason, item.whole) == ("foreign_symbol", True)


@pytest.mark.clause("D4.24", "D4.26")
@pytest.mark.parametrize("symbols", [None, ("BTC", "BTCUSDT")], ids=["every symbol", "configured symbols"])
def test_a_fact_of_no_symbol_is_no_event(symbols: tuple[str, ...] | None) -> None:
    nobody = (hyperliquid_decoder(symbols), hyperliquid_trades(hyperliquid_trade(coin=""))), (binance_decoder(symbols), binance_trade(symbol=""))
    for decoder, message in nobody:
        (item,) = decoder.decode(message, NOON_NS)
        assert isinstance(item, Quarantined)
        assert (item.reason, item.message) == ("impossible_value", message)


@pytest.mark.clause("D4.24", "D4.26")
def test_entries_of_a_decoded_message_are_set_aside_beside_it() -> None:
    decoder = hyperliquid_decoder(["BTC"])
    message = encoded({"channel": "allMids", "data": {"mids": {"BTC": "1", "ETH": "2", "SOL": "3"}}})
    event, aside = decoder.decode(message, NOON_NS)
    assert isinstance(event, VenueEvent)
    assert isinstance(aside, Quarantined)
    assert (aside.reason, aside.entries, aside.whole, aside.message) == ("foreign_symbol", 2, False, message)
    counts = decoder.counts()
    assert (counts.messages_decoded, counts.messages_quarantined, counts.events_out, counts.entries_set_aside) == (1, 0, 1, 2)


def test_the_same_message_twice_is_a_duplicate() -> None:
    trade = (binance_trade(), NOON_NS)
    assert outcomes(binance_decoder(), trade, trade) == ["TRADE", "duplicate"]
    trade = (hyperliquid_trades(hyperliquid_trade(1), hyperliquid_trade(2)), NOON_NS)
    assert outcomes(hyperliquid_decoder(), trade, trade) == ["TRADE", "TRADE", "duplicate"]


def test_book_that_answers_the_subscription_may_come_once_more() -> None:
    book = (hyperliquid_book(), NOON_NS)
    assert outcomes(hyperliquid_decoder(), book, book, book) == ["BOOK", "BOOK", "duplicate"]


def test_identities_are_remembered_within_a_bound() -> None:
    decoder = binance_decoder(limits=AdmissionLimits(remembered=2))
    messages = [(binance_trade(number), NOON_NS) for number in (1, 2, 3, 3, 1)]
    assert outcomes(decoder, *messages) == ["TRADE", "TRADE", "TRADE", "duplicate", "TRADE"]


@pytest.mark.clause("D4.26")
@pytest.mark.parametrize(("step_ns", "reason"), [(HOUR_NS, "late"), (-HOUR_NS, "future")])
def test_clock_step_of_an_hour_keeps_messages_aside_until_it_is_undone(step_ns: int, reason: str) -> None:
    decoder = binance_decoder()
    messages = [(binance_trade(number, NOON_MS + number), NOON_NS + number * MS + (step_ns if number == 2 else 0)) for number in (1, 2, 3)]
    assert outcomes(decoder, *messages) == ["TRADE", reason, "TRADE"]


def test_clock_set_back_keeps_no_undated_message_aside() -> None:
    mids = encoded({"channel": "allMids", "data": {"mids": {"BTC": "1"}}})
    assert outcomes(hyperliquid_decoder(), (mids, NOON_NS + HOUR_NS), (mids, NOON_NS), (mids, NOON_NS + 1)) == ["MID", "MID", "MID"]


def test_answer_that_is_ahead_of_the_stream_disorders_nothing() -> None:
    decoder = hyperliquid_decoder()
    decoder.decode(hyperliquid_trades(hyperliquid_trade(1)), NOON_NS)
    decoder.decode(encoded([hyperliquid_trade(3, NOON_MS + 30)]), NOON_NS, asked='{"type":"recentTrades","coin":"BTC"}')
    stream = hyperliquid_trades(hyperliquid_trade(2, NOON_MS + 20), hyperliquid_trade(3, NOON_MS + 30))
    assert outcomes(decoder, (stream, NOON_NS)) == ["TRADE", "duplicate"]


def test_venue_clock_ahead_by_a_second_is_taken() -> None:
    assert outcomes(binance_decoder(), (binance_trade(), NOON_NS - 1250 * MS)) == ["TRADE"]


def test_unknown_receive_time_checks_no_lateness() -> None:
    assert outcomes(binance_decoder(), (binance_trade(), 0)) == ["TRADE"]


def test_out_of_order_event_is_kept_aside() -> None:
    assert outcomes(binance_decoder(), (binance_trade(2, NOON_MS + 10), NOON_NS), (binance_trade(1, NOON_MS), NOON_NS)) == ["TRADE", "out_of_order"]


def test_past_trades_on_a_new_connection_are_taken_once_and_not_later() -> None:
    decoder = hyperliquid_decoder()
    past = hyperliquid_trades(hyperliquid_trade(1, NOON_MS - 60_000), hyperliquid_trade(2, NOON_MS - 50_000))
    assert outcomes(decoder, (past, NOON_NS)) == ["TRADE", "TRADE"]
    assert outcomes(decoder, (hyperliquid_trades(hyperliquid_trade(3, NOON_MS - 40_000)), NOON_NS)) == ["late"]
    decoder.connected()
    # The second answer repeats what is known and fills the gap with what is not.
    again = hyperliquid_trades(hyperliquid_trade(2, NOON_MS - 50_000), hyperliquid_trade(4, NOON_MS - 35_000))
    assert outcomes(decoder, (again, NOON_NS)) == ["TRADE", "duplicate"]


def test_backfill_over_rest_knows_what_the_stream_brought() -> None:
    decoder = hyperliquid_decoder()
    decoder.decode(hyperliquid_trades(hyperliquid_trade(5)), NOON_NS)
    answer = encoded([hyperliquid_trade(5), hyperliquid_trade(4, NOON_MS - HOUR_NS // MS)])
    assert [outcome(item) for item in decoder.decode(answer, NOON_NS, asked='{"type":"recentTrades","coin":"BTC"}')] == ["TRADE", "duplicate"]


@pytest.mark.clause("D4.26")
def test_depth_gap_is_seen_and_only_a_joining_snapshot_heals_it() -> None:
    decoder = binance_decoder()
    assert outcomes(decoder, (depth_update(1, 5, 0), NOON_NS), (depth_update(6, 9, 5), NOON_NS)) == ["BOOK_DELTA", "BOOK_DELTA"]
    assert outcomes(decoder, (depth_update(15, 18, 14), NOON_NS), (depth_update(19, 20, 18), NOON_NS)) == ["sequence_gap", "sequence_gap"]
    assert decoder.awaiting_snapshot == ("BTCUSDT",)
    (book,) = decoder.decode(depth_snapshot(22), NOON_NS, asked=ASKED)
    assert outcome(book) == "BOOK"
    assert decoder.awaiting_snapshot == ()
    after = [(depth_update(20, 21, 19), NOON_NS), (depth_update(22, 24, 21), NOON_NS), (depth_update(25, 26, 24), NOON_NS)]
    assert outcomes(decoder, *after) == ["out_of_order", "BOOK_DELTA", "BOOK_DELTA"]
    assert decoder.awaiting_snapshot == ()


def test_snapshot_that_no_change_joins_leaves_the_hole() -> None:
    decoder = binance_decoder()
    outcomes(decoder, (depth_update(1, 5, 0), NOON_NS), (depth_update(15, 18, 14), NOON_NS))
    decoder.decode(depth_snapshot(16), NOON_NS, asked=ASKED)
    assert outcomes(decoder, (depth_update(30, 31, 29), NOON_NS)) == ["sequence_gap"]
    assert decoder.awaiting_snapshot == ("BTCUSDT",)


def test_disconnect_in_the_depth_stream_is_a_gap_unless_the_chain_goes_on() -> None:
    decoder = binance_decoder()
    decoder.decode(depth_update(1, 5, 0), NOON_NS)
    decoder.connected()
    assert outcomes(decoder, (depth_update(6, 7, 5), NOON_NS), (depth_update(6, 7, 5), NOON_NS), (depth_update(3, 4, 2), NOON_NS)) == [
        "BOOK_DELTA",
        "duplicate",
        "out_of_order",
    ]


def test_symbols_have_depth_streams_of_their_own() -> None:
    decoder = binance_decoder()
    messages = [(depth_update(1, 5, 0), NOON_NS), (depth_update(100, 110, 99, symbol="ETHUSDT"), NOON_NS), (depth_update(6, 7, 5), NOON_NS)]
    assert outcomes(decoder, *messages) == ["BOOK_DELTA"] * 3


def test_event_ids_are_sequential_over_messages() -> None:
    decoder = hyperliquid_decoder()
    messages = [hyperliquid_trades(hyperliquid_trade(1), hyperliquid_trade(2)), b"{", hyperliquid_trades(hyperliquid_trade(3))]
    events = [item for message in messages for item in decoder.decode(message, NOON_NS) if isinstance(item, VenueEvent)]
    assert [event.event_id for event in events] == [1, 2, 3]
    assert [event.source for event in events] == ["hyperliquid:1", "hyperliquid:1#1", "hyperliquid:3"]


def test_events_cannot_be_changed_and_are_what_their_contract_says() -> None:
    (event,) = binance_decoder().decode(binance_trade(), NOON_NS)
    assert isinstance(event, VenueEvent)
    assert event == VenueEvent(**{item.name: getattr(event, item.name) for item in fields(VenueEvent)})
    with pytest.raises(FrozenInstanceError):
        event.event_id = 2  # type: ignore[misc]


def held_bytes(thing: object) -> int:
    """Bytes of everything that a thing holds: counted object by object, since what a process has allocated depends on its other threads."""
    seen: dict[int, object] = {}
    waiting = [thing]
    while waiting:
        item = waiting.pop()
        if id(item) not in seen and not isinstance(item, type | ModuleType | FunctionType | BuiltinFunctionType):
            seen[id(item)] = item
            waiting.extend(gc.get_referents(item))
    return sum(map(sys.getsizeof, seen.values()))


def test_memory_does_not_grow_with_the_stream() -> None:
    decoder = hyperliquid_decoder(limits=AdmissionLimits(remembered=100))
    held = []
    for first in range(0, 10_000, 2000):
        for number in range(first, first + 2000):
            decoder.decode(hyperliquid_trades(hyperliquid_trade(number, NOON_MS + number)), NOON_NS + number * MS)
        held.append(held_bytes(decoder))
    # What it may remember is full before the first count; one remembered integer per message would be 28 bytes.
    assert max(held) - held[0] < 2000
    assert held[0] > 100 * 28, "what is remembered is among what was counted"


@pytest.mark.parametrize("limits", [{"late_ns": 0}, {"ahead_ns": -1}, {"remembered": 0}])
def test_refuses_limits_that_mean_nothing(limits: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError):
        AdmissionLimits(**limits)


@pytest.mark.parametrize("venue", ["hyperliquid", "binance"])
@settings(max_examples=150, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 9), st.integers(-40, 40), st.sampled_from(["BTC", "ETH", "DOGE"]), st.integers(0, 9)), max_size=30))
def test_single_trades_taken_at_once_are_those_that_the_whole_rule_takes(venue: str, steps: list[tuple[int, int, str, int]]) -> None:
    make, build = {"hyperliquid": (hyperliquid_decoder, one_hyperliquid_trade), "binance": (binance_decoder, one_binance_trade)}[venue]
    quick, slow = (make(["BTC", "ETH"], AdmissionLimits(remembered=4)) for _ in range(2))
    slow.admission.plain_trade = lambda *_: False  # type: ignore[method-assign]
    for tid, seconds, coin, kind in steps:
        if kind == 0:
            quick.connected()
            slow.connected()
        message = build(tid, NOON_MS + 1000 * (seconds if kind < 3 else 0), coin)
        received_ns = 0 if kind == 1 else NOON_NS + 1000 * MS * (seconds if kind == 2 else 1)
        assert quick.decode(message, received_ns) == slow.decode(message, received_ns)
    assert quick.counts() == slow.counts()
    assert [(name, last_ns, list(known)) for name, (last_ns, known) in quick.admission.memory("TRADE").items()] == [
        (name, last_ns, list(known)) for name, (last_ns, known) in slow.admission.memory("TRADE").items()
    ]


def one_hyperliquid_trade(tid: int, time_ms: int, coin: str) -> bytes:
    return hyperliquid_trades(hyperliquid_trade(tid, time_ms, coin))


def one_binance_trade(tid: int, time_ms: int, coin: str) -> bytes:
    return binance_trade(tid, time_ms, coin)
