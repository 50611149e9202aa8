"""Decoded events through the room: in the order of their times, and time only forward."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fakes.venue_messages import MS, NOON_MS, NOON_NS, account_state, encoded, hyperliquid_trade, hyperliquid_trades

from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.apps.observation_pass import ACCOUNTS_AT_MOST, ObservationPass
from tallystick.contracts.observation import QuarantinedEvent
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


def test_events_go_on_after_a_snapshot_at_the_receivers_time() -> None:
    room, decoder = ObservationPass(("BTC",)), hyperliquid_decoder()
    room.take(decoder.decode(hyperliquid_trades(hyperliquid_trade()), NOON_NS + 1250 * MS))
    room.snapshot()
    room.take(decoder.decode(hyperliquid_trades(hyperliquid_trade(2, NOON_MS + 100)), NOON_NS + 1350 * MS))
    assert room.snapshot()["counters"]["events_decoded"] == 2


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


class Accounts:
    """A room of BTC and ETH that is told what accounts answer."""

    def __init__(self) -> None:
        self.room, self._decoder = ObservationPass(("BTC", "ETH")), hyperliquid_decoder(("BTC", "ETH"))

    def answers(self, user: str, at_ms: int, dex: str = "", **sizes: str) -> None:
        asked = f'{{"type":"clearinghouseState","user":"{user}","dex":"{dex}"}}' if user else ""
        state = encoded(account_state(NOON_MS + at_ms, **sizes))
        self.room.take(self._decoder.decode(state, NOON_NS + at_ms * MS, asked=asked), is_asked=True)
        # What was asked is read with the next message of a stream.
        self.room.take(self._decoder.decode(b'{"channel":"pong"}', NOON_NS + at_ms * MS))

    def counts(self) -> dict[str, tuple[int, int]]:
        """Long and short accounts by coin; nothing for a coin without a position."""
        bundles = self.room.snapshot()["primitives"]
        found = {coin: bundle["open_interest_directional_bias"] for coin, bundle in bundles.items()}
        return {coin: (bias["long_participant_count"], bias["short_participant_count"]) for coin, bias in found.items() if bias}

    def counters(self) -> dict[str, Any]:
        return self.room.snapshot()["counters"]  # type: ignore[no-any-return]


def test_a_position_that_the_accounts_next_answer_does_not_have_is_closed() -> None:
    told = Accounts()
    told.answers("0xa", 0, BTC="1", ETH="2")
    told.answers("0xb", 1, BTC="-1")
    assert told.counts() == {"BTC": (1, 1), "ETH": (1, 0)}
    told.answers("0xa", 2, ETH="2")
    # The other account holds the same coin, and keeps it.
    assert told.counts() == {"BTC": (0, 1), "ETH": (1, 0)}
    told.answers("0xb", 3)
    assert told.counts() == {"ETH": (1, 0)}
    told.answers("0xb", 4, BTC="3")
    told.answers("0xa", 5)
    assert told.counts() == {"BTC": (1, 0)}
    counters = told.counters()
    assert (counters["events_decoded"], counters["quarantined"]) == (3 + 1 + 1 + 1 + 1 + 1, {})


def test_two_answers_that_are_read_together_are_read_in_their_order() -> None:
    room, decoder = ObservationPass(("BTC",)), hyperliquid_decoder()
    asked = '{"type":"clearinghouseState","user":"0xa"}'
    for at_ms, sizes in ((2, {}), (1, {"BTC": "1"})):
        room.take(decoder.decode(encoded(account_state(NOON_MS + at_ms, **sizes)), NOON_NS + 2 * MS, asked=asked), is_asked=True)
    assert room.snapshot()["primitives"]["BTC"]["open_interest_directional_bias"] is None


def test_accounts_that_answer_while_every_stream_is_down_do_not_wait_without_end() -> None:
    kept: list[QuarantinedEvent] = []
    room, decoder = ObservationPass(("BTC",), kept.append), hyperliquid_decoder(("BTC",))
    asked = '{"type":"clearinghouseState","user":"0xa"}'
    for number in range(ACCOUNTS_AT_MOST // 2):
        assert not kept
        state = account_state(NOON_MS + number, BTC="1")
        # A leverage that the room keeps aside when it reads it.
        state["assetPositions"][0]["position"]["leverage"]["value"] = 0 if number == 0 else 20
        room.take(decoder.decode(encoded(state), NOON_NS + number * MS, asked=asked), is_asked=True)
    assert [item.finding for item in kept] == ["leverage 0"]
    assert room.snapshot()["counters"]["events_decoded"] == ACCOUNTS_AT_MOST // 2 - 1


def test_an_answer_older_than_the_accounts_last_one_changes_nothing() -> None:
    told = Accounts()
    told.answers("0xa", 10, BTC="1")
    told.answers("0xa", 9, ETH="2")
    assert told.counts() == {"BTC": (1, 0)}
    told.answers("0xa", 11, BTC="1")
    assert told.counts() == {"BTC": (1, 0)}


def test_answers_of_other_accounts_may_be_older_than_the_last_one() -> None:
    told = Accounts()
    told.answers("0xa", 10, BTC="1")
    told.answers("0xb", 9, BTC="1")
    assert told.counts() == {"BTC": (2, 0)}
    assert told.counters()["quarantined"] == {}


def test_an_answer_of_another_exchange_of_the_venue_or_of_nobody_closes_nothing() -> None:
    told = Accounts()
    told.answers("0xa", 0, BTC="1")
    told.answers("0xa", 1, dex="xyz")
    told.answers("", 2, ETH="1")
    told.answers("", 3)
    assert told.counts() == {"BTC": (1, 0), "ETH": (1, 0)}


def test_a_question_without_an_exchange_is_about_the_main_one() -> None:
    room, decoder = ObservationPass(("BTC",)), hyperliquid_decoder()
    held = encoded(account_state(NOON_MS, BTC="1"))
    room.take(decoder.decode(held, NOON_NS, asked='{"type":"clearinghouseState","user":"0xa"}'))
    assert room.snapshot()["primitives"]["BTC"]["open_interest_directional_bias"] is not None
    gone = {"dex": "", "user": "0xa", "clearinghouseState": account_state(NOON_MS + 1)}
    room.take(decoder.decode(encoded({"channel": "clearinghouseState", "data": gone}), NOON_NS + MS))
    assert room.snapshot()["primitives"]["BTC"]["open_interest_directional_bias"] is None


def test_preparing_leaves_no_trace() -> None:
    ObservationPass.prepare()
    assert ObservationPass(("BTC",)).snapshot(NOON_NS)["counters"]["events_received"] == 0
