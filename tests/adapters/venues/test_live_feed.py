"""The live feed against a local venue: it connects again by itself, keeps its connection alive, asks patiently, and tells what happened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.fakes.venue_answers import AnswerFaults, VenueAnswers, serve
from tests.fakes.venue_stream import StreamFaults, VenueStream, generated_stream

from tallystick.adapters.venues.binance.live import BinanceLive
from tallystick.adapters.venues.hyperliquid.live import HyperliquidLive
from tallystick.adapters.venues.live_feed import FeedSettings, LiveFeed, ReceiveClock
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.time import NS_PER_HOUR, NS_PER_SECOND
from tallystick.observation.ports import Answer, Backlog, ClockStep, FeedItem, Frame, Link, Question, Unanswered

TRADES = Question("aggTrade", "BTCUSDT", "trades", 3)
NOWHERE = "http://127.0.0.1:9"


def quick(base: str = NOWHERE, ws: str = "", **changed: Any) -> FeedSettings:
    return FeedSettings(base, ws, **{"wait_s": 0.01, "longest_wait_s": 0.05, "pace_s": 0.0, **changed})


async def until(feed: LiveFeed, done: Callable[[list[FeedItem]], bool]) -> list[FeedItem]:
    found: list[FeedItem] = []
    try:
        async with asyncio.timeout(60):
            while not done(found):
                item = await feed.next(0.05)
                if item is not None:
                    found.append(item)
    finally:
        await feed.close()
    return found


def links(items: list[FeedItem]) -> list[bool]:
    return [item.is_up for item in items if isinstance(item, Link)]


@pytest.mark.parametrize("fault", ["drop", "cut"])
def test_connects_and_subscribes_again_after_a_torn_connection(fault: str) -> None:
    """A cut tears the connection in the middle of a message, a snapshot of the book among them."""
    played = VenueStream("hyperliquid", generated_stream("hyperliquid", 1, ("BTC",), 300), StreamFaults(4, down_messages=5, calm_after=150, **{fault: 0.05}))
    with played.serve() as ws:
        feed = LiveFeed(HyperliquidLive(), ("BTC",), quick(ws=ws))
        items = asyncio.run(until(feed, lambda found: played.finished.is_set() and len(found) > 100))
    told = links(items)
    assert told[:3] == [True, False, True]
    assert told == [place % 2 == 0 for place in range(len(told))]
    assert played.connections >= 2
    # Nothing of a message that was cut is given.
    assert all(item.message.endswith(b"}") for item in items if isinstance(item, Frame))
    received = [item.received_ns for item in items if isinstance(item, Frame)]
    assert received == sorted(received)


def test_gives_up_a_connection_that_is_silent_for_too_long() -> None:
    faults = StreamFaults(1, silence=1.0, silence_s=0.4)
    played = VenueStream("binance", generated_stream("binance", 1, ("BTCUSDT",), 5), faults)
    with played.serve() as ws:
        feed = LiveFeed(BinanceLive(), ("BTCUSDT",), quick(ws=ws, silence_s=0.15))
        items = asyncio.run(until(feed, lambda found: len(links(found)) >= 3))
    down = next(item for item in items if isinstance(item, Link) and not item.is_up)
    assert down.detail == "no message for 0.15 s"


def test_its_own_ping_keeps_a_quiet_connection_alive() -> None:
    played = VenueStream("hyperliquid", [])
    with played.serve() as ws:
        feed = LiveFeed(HyperliquidLive(), ("BTC",), quick(ws=ws, heartbeat_s=0.1, silence_s=1.0))
        items = asyncio.run(until(feed, lambda found: sum(isinstance(item, Frame) and b"pong" in item.message for item in found) >= 15))
    assert links(items) == [True]
    assert played.pongs >= 15


@pytest.mark.clause("D4.18", "D4.21")
def test_a_full_buffer_is_told_and_drops_nothing() -> None:
    played = VenueStream("hyperliquid", generated_stream("hyperliquid", 1, ("BTC",), 200), pause_s=0.0)
    with played.serve() as ws:
        feed = LiveFeed(HyperliquidLive(), ("BTC",), quick(ws=ws, waiting=8))

        async def slowly() -> list[FeedItem]:
            await feed.next(1.0)
            await asyncio.sleep(0.3)
            return await until(feed, lambda found: sum(isinstance(item, Frame) for item in found) == 203)

        items = asyncio.run(slowly())
    assert any(isinstance(item, Backlog) and item.waiting == 8 for item in items)
    sent = [json.dumps(item, separators=(",", ":")).encode() for item in played.truth]
    assert [item.message for item in items if isinstance(item, Frame) and b"subscriptionResponse" not in item.message] == sent


def test_tells_once_that_a_venue_cannot_be_reached() -> None:
    feed = LiveFeed(HyperliquidLive(), ("BTC",), quick(ws="ws://127.0.0.1:9"))
    began = []

    def late(found: list[FeedItem]) -> bool:
        began.append(1)
        return len(began) > 8

    (down,) = asyncio.run(until(feed, late))
    assert isinstance(down, Link)
    assert not down.is_up
    assert "Connect" in down.detail or "refused" in down.detail


async def asked(base: str, question: Question, **changed: Any) -> Answer | None:
    feed = LiveFeed(BinanceLive(), ("BTCUSDT",), quick(base, "ws://127.0.0.1:9", **changed))
    try:
        return await feed.ask(question)
    finally:
        await feed.close()


def run(call: Awaitable[Answer | None]) -> Answer | None:
    async def main() -> Answer | None:
        return await call

    return asyncio.run(main())


def tape(count: int) -> VenueAnswers:
    rows = [{"a": number, "p": "1.5", "q": "2", "f": number, "l": number, "T": 1_700_000_000_000 + number, "m": True} for number in range(1, count + 1)]
    return VenueAnswers("binance", trades={"BTCUSDT": rows})


def test_asks_again_after_every_passing_fault() -> None:
    answers = tape(5)
    answers.faults = AnswerFaults(3, too_many=0.25, server_error=0.25, drop=0.2, cut=0.2)
    with serve(answers) as base:
        for _ in range(6):
            found = run(asked(base, TRADES))
            assert found is not None
            assert found.asked == "/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=4&limit=1000"
            assert found.message.count(b'"a":') == 2
            assert not found.is_full
    assert set(answers.faults.drawn) == {"too_many", "server_error", "drop", "cut"}


def test_an_answer_of_a_whole_page_may_have_a_next_one() -> None:
    with serve(tape(1003)) as base:
        found = run(asked(base, TRADES))
    assert found is not None
    assert found.is_full


def test_gives_up_a_question_that_is_refused_or_never_answered() -> None:
    answers = VenueAnswers("binance")
    with serve(answers) as base:
        assert run(asked(base, TRADES)) is None
        assert len(answers.asked) == 1
    answers.faults = AnswerFaults(1, server_error=1.0, in_a_row=100)
    with serve(answers) as base:
        assert run(asked(base, TRADES, tries=3)) is None
    assert answers.faults.drawn == {"server_error": 3}


def test_a_venue_that_wants_a_long_pause_does_not_hold_up_its_streams() -> None:
    answers = tape(5)
    answers.faults = AnswerFaults(1, too_many=1.0, in_a_row=100, retry_after_s=3600)
    with serve(answers) as base:
        assert run(asyncio.wait_for(asked(base, TRADES, tries=3), 5)) is None
    assert answers.faults.drawn == {"too_many": 1}


def test_a_later_answer_comes_among_the_items() -> None:
    async def main(base: str) -> list[FeedItem]:
        feed = LiveFeed(BinanceLive(), ("BTCUSDT",), quick(base, "ws://127.0.0.1:9"))
        feed.ask_later(TRADES)
        return await until(feed, lambda found: any(isinstance(item, Answer) for item in found))

    with serve(tape(5)) as base:
        items = asyncio.run(main(base))
    assert any(isinstance(item, Answer) for item in items)


@pytest.mark.clause("D4.26")
@pytest.mark.parametrize(
    ("faults", "detail"),
    [({"server_error": 1.0}, "status 503: 'Service Unavailable'"), ({"too_many": 1.0}, "status 429"), ({"drop": 1.0}, "RemoteProtocolError: ")],
)
def test_a_later_answer_that_does_not_come_is_an_item_that_says_why(faults: dict[str, float], detail: str) -> None:
    async def main(base: str) -> list[FeedItem]:
        feed = LiveFeed(BinanceLive(), ("BTCUSDT",), quick(base, "ws://127.0.0.1:9", tries=2))
        feed.ask_later(TRADES)
        return await until(feed, lambda found: any(isinstance(item, Unanswered) for item in found))

    answers = tape(5)
    answers.faults = AnswerFaults(1, in_a_row=100, **faults)  # type: ignore[arg-type]
    with serve(answers) as base:
        items = asyncio.run(main(base))
    (found,) = [item for item in items if isinstance(item, Unanswered)]
    assert found.question == TRADES
    assert found.detail.startswith(detail)


def test_an_account_is_asked_about_once_a_round() -> None:
    (question,) = HyperliquidLive().accounts((f"0x{'A1' * 20}",))
    answers = VenueAnswers("hyperliquid")
    answers.faults = AnswerFaults(1, server_error=1.0, in_a_row=100)

    async def main(base: str) -> Answer | None:
        feed = LiveFeed(HyperliquidLive(), ("BTC",), quick(base, "ws://127.0.0.1:9"))
        found = await feed.ask(question)
        answers.faults, answers.accounts = None, {f"0x{'a1' * 20}": {"BTC": "1"}}
        assert found is None
        found = await feed.ask(question)
        await feed.close()
        return found

    faults = answers.faults
    with serve(answers) as base:
        found = asyncio.run(main(base))
    assert faults.drawn == {"server_error": 1}
    assert found is not None
    assert found.asked == f'{{"type":"clearinghouseState","user":"0x{"a1" * 20}"}}'


def test_a_question_that_is_still_being_asked_is_not_asked_a_second_time() -> None:
    async def main(base: str) -> int:
        feed = LiveFeed(BinanceLive(), ("BTCUSDT",), quick(base, "ws://127.0.0.1:9"))
        for times in (3, 1):
            for _ in range(times):
                feed.ask_later(TRADES)
            async with asyncio.timeout(30):
                while not isinstance(await feed.next(5.0), Answer):
                    pass
        found = await feed.next(0.3)
        await feed.close()
        return int(isinstance(found, Answer))

    answers = tape(5)
    with serve(answers) as base:
        assert asyncio.run(main(base)) == 0
    assert len(answers.asked) == 2


def test_a_clock_that_is_set_is_told_once_and_receive_times_go_on() -> None:
    wall = [1_700_000_000 * NS_PER_SECOND]
    steady = [0]
    clock = ReceiveClock(lambda: wall[0], lambda: steady[0])

    async def main() -> tuple[list[FeedItem | None], int]:
        feed = LiveFeed(BinanceLive(), ("BTCUSDT",), quick(ws="ws://127.0.0.1:9"), clock)
        wall[0] += NS_PER_HOUR
        steady[0] += NS_PER_SECOND
        found = [await feed.next(0), await feed.next(0)]
        await feed.close()
        return found, feed.now_ns()

    found, now_ns = asyncio.run(main())
    assert found[0] == ClockStep(1_700_000_001 * NS_PER_SECOND, NS_PER_HOUR - NS_PER_SECOND)
    assert not isinstance(found[1], ClockStep)
    assert now_ns == 1_700_000_001 * NS_PER_SECOND
    clock.anchor()
    assert clock.now_ns() == wall[0]
    assert clock.step_ns() == 0


def test_an_address_given_alone_is_where_the_socket_is_sought() -> None:
    assert FeedSettings("http://127.0.0.1:8/").urls(HyperliquidLive()) == ("http://127.0.0.1:8", "ws://127.0.0.1:8")
    assert FeedSettings().urls(BinanceLive()) == ("https://fapi.binance.com", "wss://fstream.binance.com")
    assert FeedSettings("https://a", "wss://b/").urls(BinanceLive()) == ("https://a", "wss://b")
    for base, ws in (("ftp://a", ""), ("http://a", "http://b")):
        with pytest.raises(ConfigurationError, match="begins with"):
            FeedSettings(base, ws).urls(BinanceLive())


@pytest.mark.parametrize("place", ["//127.0.0.1:99999", "//127.0.0.1:0", "//127.0.0.1:x", "//:8", "//[::1"])
def test_an_address_that_nothing_can_be_reached_at_is_refused_before_anything_begins(place: str) -> None:
    for base, ws in ((f"http:{place}", ""), ("", f"ws:{place}")):
        with pytest.raises(ConfigurationError, match="with a host"):
            FeedSettings(base, ws).urls(BinanceLive())
