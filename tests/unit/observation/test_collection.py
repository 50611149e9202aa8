"""What a collection does with each item of a feed: it is in the log with what became of it; gaps are asked after, silences stated."""

from __future__ import annotations

import pytest
from tests.fakes.live_collection import BOOK, SYMBOL, S, agg_trade, book_answer, collected, connect, running, trades_answer
from tests.fakes.memory_log import MemoryLog
from tests.fakes.venue_messages import (
    MS,
    NOON_MS,
    NOON_NS,
    account_state,
    depth_snapshot,
    depth_update,
    encoded,
    hyperliquid_book,
    hyperliquid_trade,
    hyperliquid_trades,
)

from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.adapters.venues.hyperliquid.live import HyperliquidLive
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.time import NS_PER_DAY, NS_PER_HOUR
from tallystick.observation.collection import Collection, CollectionLimits
from tallystick.observation.ports import Answer, Backlog, ClockStep, Frame, Link, Question, Unanswered


@pytest.mark.clause("D4.18", "D4.26")
def test_every_message_is_in_the_log_with_its_bytes_time_and_outcome() -> None:
    collection, log = collected()
    collection.start(NOON_NS)
    connect(collection)
    messages = [agg_trade(1), b"\xff\xfe", b'{"result":null,"id":1}', agg_trade(1), b'{"stream":"x","data":{"e":"news"}}']
    for place, message in enumerate(messages):
        collection.take(Frame(message, NOON_NS + place))
    frames = [item for item in log.records if item.role == "frame"]
    assert [item.message for item in frames] == messages
    assert [item.received_ns for item in frames] == [NOON_NS + place for place in range(5)]
    assert [item.outcome for item in frames] == ["decoded", "quarantined", "control", "quarantined", "quarantined"]
    assert [item.kept[0].reason for item in frames if item.kept] == ["malformed_json", "duplicate", "unknown_channel"]
    counts = collection.counts()
    assert counts.messages_in == counts.messages_decoded + counts.messages_control + counts.messages_quarantined == 5


@pytest.mark.clause("D4.26")
def test_trades_missed_while_disconnected_are_asked_for_and_counted() -> None:
    collection, log = collected()
    collection.start(NOON_NS)
    connect(collection)
    assert collection.questions(NOON_NS) == (BOOK,)
    collection.take(Frame(agg_trade(7), NOON_NS))
    collection.take(Link(False, NOON_NS + S, "torn"))
    assert collection.questions(NOON_NS + S) == ()
    connect(collection, NOON_NS + 2 * S)
    assert set(collection.questions(NOON_NS + 2 * S)) == {BOOK, Question("aggTrade", SYMBOL, "trades", 7)}
    found = collection.answered(Question("aggTrade", SYMBOL, "trades", 7), trades_answer(8, 9, after=7), NOON_NS + 2 * S)
    assert len(found) == 2
    (gap,) = [mark for mark in log.marks("GAP") if mark.stream == "aggTrade"]
    assert (gap.symbol, gap.outcome, gap.count, gap.from_ns, gap.to_ns) == (SYMBOL, "backfilled", 2, NOON_NS, NOON_NS + 2 * S)
    # What the stream then repeats is kept aside as a duplicate, and counted.
    collection.take(Frame(agg_trade(9), NOON_NS + 2 * S))
    assert collection.counts().quarantined == {"duplicate": 1}
    assert [event.values["trade_id"] for event in log.events] == [7, 8, 9]
    assert [event.event_id for event in log.events] == [1, 2, 3]


def test_a_hole_in_the_numbers_of_live_trades_is_filled_page_by_page() -> None:
    collection, log = running()
    for number in (1, 6):
        collection.take(Frame(agg_trade(number), NOON_NS))
    question = Question("aggTrade", SYMBOL, "trades", 1)
    assert collection.questions(NOON_NS) == (question,)
    collection.answered(question, trades_answer(2, 3, after=1, is_full=True), NOON_NS)
    further = Question("aggTrade", SYMBOL, "trades", 3)
    assert collection.questions(NOON_NS) == (further,)
    collection.answered(further, trades_answer(4, 5, 6, after=3), NOON_NS)
    assert collection.questions(NOON_NS) == ()
    assert [(mark.outcome, mark.count) for mark in log.marks("GAP")] == [("backfilled", 4)]
    assert sorted(event.values["trade_id"] for event in log.events) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("answer", [None, trades_answer(20, 21, after=1)], ids=["no answer", "an answer that begins later"])
def test_what_cannot_be_had_again_is_a_lost_gap(answer: Answer | None) -> None:
    collection, log = running()
    for number in (1, 22):
        collection.take(Frame(agg_trade(number), NOON_NS))
    (question,) = collection.questions(NOON_NS)
    collection.answered(question, answer, NOON_NS + S)
    assert [(mark.stream, mark.outcome) for mark in log.marks("GAP")] == [("aggTrade", "lost")]


def test_a_hole_in_the_depth_stream_is_resynchronised_from_a_book_and_recorded() -> None:
    collection, log = collected()
    collection.start(NOON_NS)
    connect(collection)
    collection.answered(collection.questions(NOON_NS)[0], book_answer(5), NOON_NS)
    collection.take(Frame(depth_update(4, 7, 3), NOON_NS))
    collection.take(Frame(depth_update(20, 21, 19), NOON_NS + S))
    (question,) = collection.questions(NOON_NS + S)
    assert question == BOOK
    collection.answered(question, book_answer(22), NOON_NS + S)
    collection.take(Frame(depth_update(22, 24, 21), NOON_NS + S))
    assert [item.kept[0].reason for item in log.records if item.kept] == ["sequence_gap"]
    (gap,) = log.marks("GAP")
    assert (gap.stream, gap.symbol, gap.outcome) == ("depth@100ms", SYMBOL, "resynchronised")
    assert [event.kind for event in log.events] == ["BOOK", "BOOK_DELTA", "BOOK", "BOOK_DELTA"]


def test_a_book_that_does_not_join_is_asked_for_again_after_growing_pauses() -> None:
    collection, _ = collected(limits=CollectionLimits(retry_ns=S))
    collection.start(NOON_NS)
    connect(collection)
    collection.answered(collection.questions(NOON_NS)[0], book_answer(5), NOON_NS)
    asked = []
    for tenth in range(200):
        at_ns = NOON_NS + tenth * S // 10
        collection.take(Frame(depth_update(100 + 10 * tenth, 101 + 10 * tenth, 99 + 10 * tenth, time_ms=NOON_MS + tenth * 100), at_ns))
        for question in collection.questions(at_ns):
            asked.append(tenth)
            collection.answered(question, Answer(depth_snapshot(tenth), at_ns, book_answer(0).asked), at_ns)
    assert asked == [10, 30, 70, 150]


def test_a_book_without_answer_is_a_lost_gap_and_asked_again() -> None:
    collection, log = collected()
    collection.start(NOON_NS)
    connect(collection)
    collection.answered(collection.questions(NOON_NS)[0], book_answer(5), NOON_NS)
    collection.take(Frame(depth_update(5, 6, 4), NOON_NS))
    collection.take(Frame(depth_update(20, 21, 19), NOON_NS))
    (question,) = collection.questions(NOON_NS + 2 * S)
    collection.answered(question, None, NOON_NS + 2 * S)
    assert [mark.outcome for mark in log.marks("GAP")] == ["lost"]
    assert collection.questions(NOON_NS + 2 * S) == ()
    assert collection.questions(NOON_NS + 10 * S) == (BOOK,)


def test_newest_trades_that_reach_back_close_a_gap_and_others_lose_it() -> None:
    collection, log = collected("hyperliquid")
    collection.start(NOON_NS)
    connect(collection)
    collection.take(Frame(hyperliquid_trades(hyperliquid_trade(1)), NOON_NS))
    asked = '{"type":"recentTrades","coin":"BTC"}'
    for trades, outcome in (((3, 2, 1), "backfilled"), ((9, 8), "lost")):
        connect(collection, NOON_NS + S)
        question = Question("trades", "BTC", "trades")
        assert collection.questions(NOON_NS + S) == (question,)
        rows = encoded([hyperliquid_trade(number, NOON_MS + number) for number in trades])
        collection.answered(question, Answer(rows, NOON_NS + S, asked), NOON_NS + S)
        assert [mark.outcome for mark in log.marks("GAP") if mark.stream == "trades"][-1] == outcome
    assert sorted(event.values["trade_id"] for event in log.events if event.kind == "TRADE") == [1, 2, 3, 8, 9]


def test_readings_between_two_connections_are_recorded_as_lost() -> None:
    collection, log = collected("hyperliquid")
    collection.start(NOON_NS)
    connect(collection)
    collection.take(Frame(hyperliquid_book(), NOON_NS))
    collection.take(Link(False, NOON_NS + S))
    connect(collection, NOON_NS + 3 * S)
    (gap,) = log.marks("GAP")
    assert (gap.stream, gap.outcome, gap.from_ns, gap.to_ns) == ("l2Book", "lost", NOON_NS, NOON_NS + 3 * S)


def test_a_silent_stream_is_stated_once_and_again_when_it_speaks() -> None:
    collection, log = collected("hyperliquid")
    collection.start(NOON_NS)
    collection.tick(NOON_NS + 100 * S)
    assert log.marks("STALE") == []
    connect(collection)
    collection.take(Frame(hyperliquid_book(), NOON_NS))
    for second in (9, 11, 12):
        collection.tick(NOON_NS + second * S)
    (stale,) = log.marks("STALE")
    assert (stale.stream, stale.symbol, stale.from_ns, stale.to_ns) == ("l2Book", "BTC", NOON_NS, NOON_NS + 11 * S)
    collection.take(Frame(hyperliquid_book(NOON_MS + 13_000), NOON_NS + 13 * S))
    (resumed,) = log.marks("RESUMED")
    assert (resumed.stream, resumed.from_ns, resumed.to_ns) == ("l2Book", NOON_NS, NOON_NS + 13 * S)


@pytest.mark.parametrize("by_ns", [NS_PER_HOUR, -NS_PER_HOUR], ids=["forward", "back"])
def test_a_clock_step_of_an_hour_is_marked_and_loses_nothing(by_ns: int) -> None:
    collection, log = collected()
    collection.start(NOON_NS)
    connect(collection)
    collection.take(Frame(agg_trade(1), NOON_NS))
    collection.take(ClockStep(NOON_NS, by_ns))
    # Receive times go on as they were until the next connection takes the new clock.
    collection.take(Frame(agg_trade(2), NOON_NS + MS))
    connect(collection, NOON_NS + by_ns)
    collection.take(Frame(agg_trade(3), NOON_NS + by_ns))
    assert [mark.kind for mark in log.marks()][:3] == ["SESSION_STARTED", "CONNECTED", "CLOCK_STEP"]
    assert [event.values["trade_id"] for event in log.events] == [1, 2]
    assert collection.counts().quarantined == {"late" if by_ns > 0 else "future": 1}
    assert log.records[-1].message == agg_trade(3)


def test_a_new_session_and_a_new_day_remember_what_came_before_and_go_on_with_the_ids() -> None:
    collection, log = collected()
    collection.start(NOON_NS)
    connect(collection)
    for number in (1, 2):
        collection.take(Frame(agg_trade(number), NOON_NS))
    again, _ = collected(log=log)
    again.start(NOON_NS + S)
    connect(again, NOON_NS + S)
    assert Question("aggTrade", SYMBOL, "trades", 2) in again.questions(NOON_NS + S)
    for number in (2, 3):
        again.take(Frame(agg_trade(number), NOON_NS + S))
    assert again.counts().messages_in == 2
    assert again.counts().quarantined == {"duplicate": 1}
    tomorrow = NOON_NS + NS_PER_DAY
    for number in (3, 4):
        again.take(Frame(agg_trade(number, NOON_MS + NS_PER_DAY // MS), tomorrow))
    assert [mark.kind for mark in log.marks()][-1] == "DAY_STARTED"
    assert [event.event_id for event in log.events] == [1, 2, 3, 4]
    assert again.counts().quarantined == {"duplicate": 2}


def test_a_connection_carries_some_streams_and_its_loss_is_a_gap_of_those_only() -> None:
    collection, log = collected()
    collection.start(NOON_NS)
    books, others = ("depth@100ms",), ("aggTrade", "markPrice@1s", "forceOrder")
    collection.take(Link(True, NOON_NS, streams=others))
    assert collection.questions(NOON_NS) == ()
    collection.take(Link(True, NOON_NS, streams=books))
    collection.answered(collection.questions(NOON_NS)[0], book_answer(5), NOON_NS)
    for message in (agg_trade(1), depth_update(5, 6, 4)):
        collection.take(Frame(message, NOON_NS))
    collection.take(Link(False, NOON_NS + S, "torn", books))
    collection.take(Frame(agg_trade(3), NOON_NS + S))
    assert collection.questions(NOON_NS + S) == (Question("aggTrade", SYMBOL, "trades", 1),)
    collection.tick(NOON_NS + 300 * S)
    assert {mark.stream for mark in log.marks("STALE")} == {"aggTrade", "markPrice@1s"}
    collection.take(Link(True, NOON_NS + 300 * S, streams=books))
    assert collection.questions(NOON_NS + 300 * S) == (BOOK,)
    assert [mark.stream for mark in log.marks("CONNECTED")] == [",".join(others), *books, *books]


@pytest.mark.clause("D4.21")
def test_a_backlog_is_a_mark_of_the_log() -> None:
    collection, log = collected()
    collection.start(NOON_NS)
    collection.take(Backlog(NOON_NS, 20_000))
    assert [(mark.kind, mark.count) for mark in collection.drain_marks()][1:] == [("BACKLOG", 20_000)]
    assert collection.drain_marks() == ()
    assert log.marks("BACKLOG")[0].at_ns == NOON_NS


def test_what_no_stream_tells_is_polled_at_its_pace() -> None:
    collection, _ = collected(limits=CollectionLimits(poll_ns=S))
    collection.start(NOON_NS)
    assert collection.polls(NOON_NS) == ()
    connect(collection)
    assert collection.polls(NOON_NS) == (Question("openInterest", SYMBOL, "open_interest"),)
    assert collection.polls(NOON_NS + S // 2) == ()
    assert len(collection.polls(NOON_NS + S)) == 1


def test_a_poll_is_due_again_though_the_clock_was_set_back() -> None:
    collection, _ = collected(limits=CollectionLimits(poll_ns=S))
    collection.start(NOON_NS)
    connect(collection)
    assert len(collection.polls(NOON_NS)) == 1
    assert len(collection.polls(NOON_NS - NS_PER_HOUR)) == 1
    assert collection.polls(NOON_NS - NS_PER_HOUR + S // 2) == ()


def of_accounts(*addresses: str) -> tuple[Collection, MemoryLog, list[Question]]:
    live, log = HyperliquidLive(), MemoryLog()
    questions = live.accounts(tuple(f"0x{address * 40}" for address in addresses))
    found = Collection("hyperliquid", ("BTC",), live.streams, log, hyperliquid_decoder, (), CollectionLimits(account_ns=10 * S), questions)
    found.start(NOON_NS)
    return found, log, list(questions)


def test_accounts_are_asked_about_in_their_places_of_every_round() -> None:
    collection, _, (first, second) = of_accounts("a", "b")
    # No stream need be up: an account is asked about over REST.
    assert [collection.polls(NOON_NS + second * S) for second in range(5)] == [(first,), (), (), (), ()]
    assert [collection.polls(NOON_NS + second * S) for second in range(5, 16)] == [(second,), *[()] * 4, (first,), *[()] * 4, (second,)]
    # After a pause of 37 s each is asked about once, and then in its old place.
    assert collection.polls(NOON_NS + 52 * S) == (first, second)
    assert [collection.polls(NOON_NS + second * S) for second in (54, 55, 59, 60)] == [(), (second,), (), (first,)]


@pytest.mark.parametrize("by_ns", [NS_PER_HOUR, -NS_PER_HOUR], ids=["forward", "back"])
def test_accounts_are_asked_about_after_the_clock_was_set(by_ns: int) -> None:
    collection, _, (first, second) = of_accounts("a", "b")
    assert collection.polls(NOON_NS) == (first,)
    assert collection.polls(NOON_NS + by_ns + 7 * S) == (first, second)
    assert [collection.polls(NOON_NS + by_ns + second * S) for second in (9, 10, 14, 15)] == [(), (first,), (), (second,)]


@pytest.mark.clause("D4.26")
def test_a_poll_without_an_answer_is_a_mark_and_the_next_round_asks_again() -> None:
    collection, log, (question,) = of_accounts("a")
    assert collection.polls(NOON_NS) == (question,)
    assert collection.take(Unanswered(question, NOON_NS + S, "status 503: 'busy'")) == ()
    (mark,) = log.marks("UNANSWERED")
    assert (mark.stream, mark.symbol, mark.detail) == ("clearinghouseState", "", f"0x{'a' * 40}: status 503: 'busy'")
    assert collection.marks["UNANSWERED"] == 1
    assert collection.polls(NOON_NS + 10 * S) == (question,)
    collection.take(Unanswered(Question("openInterest", "BTC", "open_interest"), NOON_NS + 2 * S, "ReadTimeout"))
    assert [(mark.stream, mark.symbol, mark.detail) for mark in log.marks("UNANSWERED")][1:] == [("openInterest", "BTC", "ReadTimeout")]


def test_an_answer_about_an_account_is_in_the_log_with_its_question() -> None:
    collection, log, (question,) = of_accounts("a")
    asked = HyperliquidLive().call(question).asked
    collection.take(Answer(encoded(account_state(NOON_MS, BTC="1", ETH="2")), NOON_NS, asked))
    assert [(event.kind, event.symbol, event.values["account"]) for event in log.events] == [
        ("ACCOUNT", "", question.account),
        ("POSITION", "BTC", question.account),
    ]
    # A coin that is not collected is kept aside like one of a stream, and counted.
    assert [(item.role, item.asked, item.outcome, [kept.reason for kept in item.kept]) for item in log.records[1:]] == [
        ("answer", asked, "decoded", ["foreign_symbol"])
    ]


@pytest.mark.parametrize("name", ["remembered", "retry_ns", "poll_ns", "account_ns"])
def test_refuses_limits_below_one(name: str) -> None:
    with pytest.raises(ConfigurationError):
        CollectionLimits(**{name: 0})
