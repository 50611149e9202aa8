"""Gaps that an answer fills, answers that fill none, and polls that bring nothing: what was missed is there, or recorded as lost."""

from __future__ import annotations

import pytest
from tests.fakes.live_collection import SYMBOL, S, agg_trade, collected, connect, running, trades_answer
from tests.fakes.venue_messages import NOON_MS, NOON_NS, encoded

from tallystick.observation.collection import CollectionLimits
from tallystick.observation.ports import Answer, Frame, Link, Question


@pytest.mark.clause("D4.21")
@pytest.mark.parametrize("body", [b"<html>busy</html>", b"[{", b'{"code":-1003,"msg":"Too many requests."}', b"{}"])
def test_an_answer_that_says_nothing_fills_no_gap(body: bytes) -> None:
    collection, log = running()
    collection.take(Frame(agg_trade(7), NOON_NS))
    collection.take(Link(False, NOON_NS + S, "torn"))
    connect(collection, NOON_NS + 2 * S)
    question = next(item for item in collection.questions(NOON_NS + 2 * S) if item.about == "trades")
    at_ns, answer = NOON_NS + 2 * S, Answer(body, NOON_NS + 2 * S, trades_answer(after=7).asked)
    collection.answered(question, answer, at_ns)
    for _ in range(5):
        assert [mark for mark in log.marks("GAP") if mark.stream == "aggTrade"] == []
        at_ns += S
        assert question in collection.questions(at_ns)
        collection.answered(question, answer, at_ns)
    assert question not in collection.questions(at_ns + 60 * S)
    assert [(mark.outcome, mark.detail) for mark in log.marks("GAP") if mark.stream == "aggTrade"] == [("lost", "the venue's answer could not be read")]


def test_a_venue_without_trades_in_the_gap_has_lost_none() -> None:
    collection, log = running()
    collection.take(Frame(agg_trade(7), NOON_NS))
    connect(collection, NOON_NS + 2 * S)
    question = next(item for item in collection.questions(NOON_NS + 2 * S) if item.about == "trades")
    collection.answered(question, trades_answer(after=7), NOON_NS + 2 * S)
    assert [(mark.outcome, mark.count) for mark in log.marks("GAP") if mark.stream == "aggTrade"] == [("backfilled", 0)]


@pytest.mark.clause("D4.21")
@pytest.mark.parametrize("catches_up", [True, False])
def test_an_answer_that_ends_inside_the_hole_is_asked_for_again(catches_up: bool) -> None:
    collection, log = running()
    for number in (1, 6):
        collection.take(Frame(agg_trade(number), NOON_NS))
    (question,) = collection.questions(NOON_NS)
    collection.answered(question, trades_answer(2, 3, after=1), NOON_NS)
    assert log.marks("GAP") == []
    assert collection.questions(NOON_NS) == ()
    at_ns = NOON_NS
    for _ in range(5):
        at_ns += S
        (further,) = collection.questions(at_ns)
        assert further == Question("aggTrade", SYMBOL, "trades", 3)
        collection.answered(further, trades_answer(*((4, 5) if catches_up else ()), after=3), at_ns)
        if catches_up:
            break
    (gap,) = log.marks("GAP")
    assert (gap.outcome, gap.count, gap.detail) == (("backfilled", 4, "") if catches_up else ("lost", 2, "trades 4 to 5 are not given"))
    assert collection.questions(at_ns + 60 * S) == ()


@pytest.mark.clause("D4.21")
def test_a_hole_that_waits_outlives_a_torn_connection_and_is_lost_with_the_session() -> None:
    collection, log = running()
    for number in (1, 6):
        collection.take(Frame(agg_trade(number), NOON_NS))
    collection.answered(collection.questions(NOON_NS)[0], trades_answer(2, after=1), NOON_NS)
    collection.take(Link(False, NOON_NS + S // 2, "torn"))
    connect(collection, NOON_NS + 2 * S)
    question = next(item for item in collection.questions(NOON_NS + 2 * S) if item.about == "trades")
    assert question.after_id == 2
    collection.answered(question, trades_answer(3, after=2), NOON_NS + 2 * S)
    collection.end(NOON_NS + 3 * S, "duration")
    gaps = [mark for mark in log.marks("GAP") if mark.stream == "aggTrade"]
    assert [(mark.outcome, mark.count, mark.from_ns, mark.to_ns) for mark in gaps] == [("lost", 2, NOON_NS, NOON_NS + 3 * S)]
    assert log.marks()[-1].kind == "SESSION_ENDED"


@pytest.mark.clause("D4.21")
def test_polls_that_bring_nothing_are_a_silence_of_the_log() -> None:
    collection, log = collected(limits=CollectionLimits(poll_ns=S))
    collection.start(NOON_NS)
    collection.tick(NOON_NS + 60 * S)
    connect(collection, NOON_NS + 60 * S)
    asked = f"/fapi/v1/openInterest?symbol={SYMBOL}"
    for second in range(60, 68):
        collection.polls(NOON_NS + second * S)
        collection.tick(NOON_NS + second * S)
    found = [mark for mark in log.marks("STALE") if mark.stream == "openInterest"]
    assert [(mark.symbol, mark.from_ns, mark.to_ns) for mark in found] == [(SYMBOL, NOON_NS + 60 * S, NOON_NS + 67 * S)]
    body = encoded({"symbol": SYMBOL, "openInterest": "10659.5", "time": NOON_MS + 70_000})
    collection.take(Answer(body, NOON_NS + 70 * S, asked))
    assert [mark.stream for mark in log.marks("RESUMED")] == ["openInterest"]
    # Without a connection nothing is polled, which the log says already.
    collection.take(Link(False, NOON_NS + 71 * S, "torn"))
    collection.tick(NOON_NS + 200 * S)
    assert len([mark for mark in log.marks("STALE") if mark.stream == "openInterest"]) == 1
