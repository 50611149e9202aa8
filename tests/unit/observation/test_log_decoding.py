"""The fold of a log: the same records give the same events, from the beginning or from any day."""

from __future__ import annotations

import pytest
from tests.fakes.memory_log import MemoryLog
from tests.fakes.venue_messages import NOON_NS, binance_trade

from tallystick.adapters.venues.binance.decoder import binance_decoder
from tallystick.contracts.collection import CollectionMark
from tallystick.contracts.errors import ContractViolation, DataError
from tallystick.contracts.market_events import MessageCounts, VenueEvent
from tallystick.observation.log_decoding import LogDecoding, bytes_of_mark, joined, mark_of


def decoding() -> LogDecoding:
    return LogDecoding("binance", binance_decoder, MemoryLog().earlier)


def test_a_mark_comes_back_as_it_was_and_empty_fields_are_left_out() -> None:
    mark = CollectionMark("GAP", NOON_NS, "aggTrade", "BTCUSDT", NOON_NS - 5, NOON_NS, "backfilled", 3)
    assert mark_of(bytes_of_mark(mark)) == mark
    assert bytes_of_mark(CollectionMark("CONNECTED", NOON_NS)) == b'{"kind":"CONNECTED","at_ns":"%d"}' % NOON_NS
    with pytest.raises(ContractViolation):
        mark_of(b'{"kind":"WELL","at_ns":"1"}')


@pytest.mark.clause("D4.23")
def test_events_lead_back_to_the_number_of_their_record() -> None:
    fold = decoding()
    fold.take(1, "mark", NOON_NS, "", bytes_of_mark(CollectionMark("SESSION_STARTED", NOON_NS, symbols=("BTCUSDT",))))
    (event,) = fold.take(2, "frame", NOON_NS, "", binance_trade())
    assert isinstance(event, VenueEvent)
    assert (event.source, event.event_id) == ("binance:2", 1)


def test_a_started_decoder_remembers_the_messages_before_it_and_counts_only_its_own() -> None:
    remembered = list[VenueEvent]()
    fold = LogDecoding("binance", binance_decoder, lambda first, before: iter([("frame", NOON_NS, "", binance_trade(4), first)]), remembered.append)
    fold.take(8, "mark", NOON_NS, "", bytes_of_mark(CollectionMark("DAY_STARTED", NOON_NS, symbols=("BTCUSDT",), warmed_from=7, last_event=30)))
    assert [event.values["trade_id"] for event in remembered] == [4]
    fold.take(9, "frame", NOON_NS, "", binance_trade(4))
    (event,) = fold.take(10, "frame", NOON_NS, "", binance_trade(5))
    assert isinstance(event, VenueEvent)
    assert event.event_id == 31
    assert fold.counts() == MessageCounts(2, 1, 0, 1, 1, 0, {"duplicate": 1}, {})


def test_refuses_a_message_before_any_session() -> None:
    with pytest.raises(DataError, match="begins with a session"):
        decoding().take(1, "frame", NOON_NS, "", b"{}")


def test_counts_are_joined_by_reason() -> None:
    one = MessageCounts(3, 1, 0, 2, 4, 1, {"late": 2}, {"duplicate": 1})
    assert joined(one, one) == MessageCounts(6, 2, 0, 4, 8, 2, {"late": 4}, {"duplicate": 2})
