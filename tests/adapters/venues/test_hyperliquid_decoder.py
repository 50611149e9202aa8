"""Hyperliquid's channels and answers as facts, and each way in which one can be wrong."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fakes.venue_messages import MS, NOON_MS, NOON_NS, encoded, hyperliquid_book, hyperliquid_trade, hyperliquid_trades

from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.contracts.checking import findings
from tallystick.contracts.market_events import CONTRACTS, EVENT_VALUES, Control, Quarantined, VenueEvent

VENUE_EVENT = next(item for item in CONTRACTS if item.name == "observation.venue_event")
FILL = {
    "coin": "BTC",
    "px": "66653.0",
    "sz": "0.001",
    "side": "A",
    "time": NOON_MS,
    "startPosition": "-0.0213",
    "dir": "Open Short",
    "closedPnl": "0.0",
    "hash": "0xe2",
    "oid": 55,
    "crossed": False,
    "fee": "0.009997",
    "tid": 745,
    "liquidation": {"liquidatedUser": "0x36", "markPx": "66607.0", "method": "market"},
}
CONTEXT = {"funding": "0.0000125", "openInterest": "25877.1", "dayNtlVlm": "36.5", "oraclePx": "113106.0", "markPx": "113080.0", "midPx": None, "premium": None}
CANDLE = {"t": NOON_MS, "T": NOON_MS + 59_999, "s": "BTC", "i": "1m", "o": "1.0", "c": "1.5", "h": "2.0", "l": "0.5", "v": "10.0", "n": 3}
SPOT_CONTEXT = {"coin": "@1", "markPx": "1.0", "midPx": None, "dayNtlVlm": "2.0", "prevDayPx": "0.9", "circulatingSupply": "5.0"}
SLICE = {"fill": {name: value for name, value in FILL.items() if name != "liquidation"}, "twapId": 3}
STATE = {
    "marginSummary": {"accountValue": "100.5", "totalNtlPos": "10.0", "totalRawUsd": "0.0", "totalMarginUsed": "1.0"},
    "withdrawable": "99.0",
    "time": NOON_MS,
    "assetPositions": [
        {
            "type": "oneWay",
            "position": {
                "coin": "BTC",
                "szi": "-0.5",
                "entryPx": "60000.0",
                "liquidationPx": None,
                "leverage": {"type": "cross", "value": 20},
                "marginUsed": "1.0",
                "positionValue": "10.0",
                "unrealizedPnl": "-0.1",
            },
        }
    ],
}


def one(document: Any, received_ns: int = NOON_NS, asked: str = "") -> tuple[Any, ...]:
    return hyperliquid_decoder().decode(document if isinstance(document, bytes) else encoded(document), received_ns, "recording:7", asked)


@pytest.mark.clause("D4.22", "D4.23")
@pytest.mark.parametrize(
    ("document", "kinds"),
    [
        pytest.param({"channel": "trades", "data": [hyperliquid_trade()]}, ["TRADE"], id="trades"),
        pytest.param({"channel": "allMids", "data": {"mids": {"BTC": "1.5", "@1": "2.0"}}}, ["MID", "MID"], id="allMids"),
        pytest.param({"channel": "bbo", "data": {"coin": "BTC", "time": NOON_MS, "bbo": [{"px": "1", "sz": "2", "n": 1}, None]}}, ["QUOTE"], id="bbo"),
        pytest.param({"channel": "activeAssetCtx", "data": {"coin": "BTC", "ctx": CONTEXT}}, ["MARK", "OPEN_INTEREST"], id="activeAssetCtx"),
        pytest.param(
            {"channel": "activeSpotAssetCtx", "data": {"coin": "@1", "ctx": {"markPx": "1.0", "dayNtlVlm": "2.0"}}}, ["MARK"], id="activeSpotAssetCtx"
        ),
        pytest.param({"channel": "allDexsAssetCtxs", "data": {"ctxs": [["xyz", [CONTEXT]]]}}, ["MARK", "OPEN_INTEREST"], id="allDexsAssetCtxs"),
        pytest.param({"channel": "assetCtxs", "data": {"dex": "", "ctxs": [CONTEXT]}}, ["MARK", "OPEN_INTEREST"], id="assetCtxs"),
        pytest.param({"channel": "spotAssetCtxs", "data": [SPOT_CONTEXT, {**SPOT_CONTEXT, "coin": "@2"}]}, ["MARK", "MARK"], id="spotAssetCtxs"),
        pytest.param([{"universe": [{"name": "@1"}], "tokens": []}, [SPOT_CONTEXT]], ["MARK"], id="spotMetaAndAssetCtxs"),
        pytest.param({"channel": "candle", "data": CANDLE}, ["BAR"], id="candle"),
        pytest.param({"channel": "candle", "data": [CANDLE, {**CANDLE, "n": 4}]}, ["BAR", "BAR"], id="candles"),
        pytest.param({"channel": "userEvents", "data": {"fills": [FILL]}}, ["FILL", "LIQUIDATION"], id="userEvents"),
        pytest.param({"channel": "user", "data": {"twapSliceFills": [SLICE]}}, ["FILL"], id="slices among the events of a user"),
        pytest.param({"channel": "userTwapSliceFills", "data": {"user": "0x1", "isSnapshot": True, "twapSliceFills": [SLICE]}}, ["FILL"], id="slices"),
        pytest.param([SLICE], ["FILL"], id="slices answer"),
        pytest.param(
            {"channel": "allDexsClearinghouseState", "data": {"user": "0x1", "clearinghouseStates": [["", STATE], ["xyz", STATE]]}},
            ["ACCOUNT", "POSITION", "ACCOUNT", "POSITION"],
            id="allDexsClearinghouseState",
        ),
        pytest.param({"channel": "user", "data": {"fills": [FILL]}}, ["FILL", "LIQUIDATION"], id="user"),
        pytest.param({"channel": "userFills", "data": {"user": "0x1", "isSnapshot": True, "fills": [FILL]}}, ["FILL", "LIQUIDATION"], id="userFills"),
        pytest.param({"channel": "clearinghouseState", "data": {"clearinghouseState": STATE}}, ["ACCOUNT", "POSITION"], id="clearinghouseState"),
        pytest.param({"universe": [{"name": "BTC", "szDecimals": 5, "maxLeverage": 40}]}, ["INSTRUMENT"], id="meta"),
        pytest.param(
            [{"universe": [{"name": "BTC", "szDecimals": 5, "maxLeverage": 40}]}, [CONTEXT]], ["INSTRUMENT", "MARK", "OPEN_INTEREST"], id="metaAndAssetCtxs"
        ),
        pytest.param(STATE, ["ACCOUNT", "POSITION"], id="clearinghouseState answer"),
        pytest.param([hyperliquid_trade(2), hyperliquid_trade(1)], ["TRADE", "TRADE"], id="recentTrades"),
        pytest.param([CANDLE], ["BAR"], id="candleSnapshot"),
        pytest.param([FILL], ["FILL", "LIQUIDATION"], id="userFills answer"),
        pytest.param([{"coin": "BTC", "fundingRate": "-0.0006", "premium": "-0.0009", "time": NOON_MS}], ["FUNDING"], id="fundingHistory"),
        pytest.param(
            {"channel": "post", "data": {"id": 1, "response": {"type": "info", "payload": {"type": "recentTrades", "data": [hyperliquid_trade()]}}}},
            ["TRADE"],
            id="post",
        ),
    ],
)
def test_channel_becomes_facts_with_the_values_of_their_kinds(document: Any, kinds: list[str]) -> None:
    events = one(document)
    assert [event.kind for event in events] == kinds
    for number, event in enumerate(events, 1):
        assert event.event_id == number
        assert event.source.startswith("recording:7")
        assert set(event.values) == set(EVENT_VALUES[event.kind])
        assert findings(VENUE_EVENT, event) == []


USER = "0xcd5051944f780a621ee62e39e493c489668acf4d"


@pytest.mark.clause("D4.22")
@pytest.mark.parametrize(
    ("document", "asked", "whose"),
    [
        pytest.param({"channel": "clearinghouseState", "data": {"dex": "xyz", "user": USER, "clearinghouseState": STATE}}, "", (USER, "xyz"), id="channel"),
        pytest.param({"channel": "clearinghouseState", "data": {"dex": "", "user": USER, "clearinghouseState": STATE}}, "", (USER, ""), id="main exchange"),
        pytest.param({"channel": "clearinghouseState", "data": {"clearinghouseState": STATE}}, "", (None, None), id="channel without a user"),
        pytest.param(STATE, f'{{"type":"clearinghouseState","user":"{USER}"}}', (USER, None), id="question"),
        pytest.param(STATE, f'{{"type":"clearinghouseState","user":"{USER}","dex":"xyz"}}', (USER, "xyz"), id="question about an exchange"),
        pytest.param(STATE, '{"type":"clearinghouseState","user":7,"dex":null}', (None, None), id="question about no account"),
        pytest.param(STATE, '{"type":"clearinghouseState","user":""}', (None, None), id="question about an empty account"),
        pytest.param(STATE, "clearinghouseState", (None, None), id="question by name"),
        pytest.param(STATE, "", (None, None), id="answer to nobody's question"),
        pytest.param(
            {"channel": "post", "data": {"id": 1, "response": {"type": "info", "payload": {"type": "clearinghouseState", "data": STATE}}}},
            "",
            (None, None),
            id="post",
        ),
    ],
)
def test_an_account_is_the_one_that_the_message_or_the_question_names(document: Any, asked: str, whose: tuple[str | None, str | None]) -> None:
    account, position = one(document, asked=asked)
    assert (account.values["account"], account.values["exchange"]) == whose
    assert position.values["account"] == whose[0]


VICTIM = "0x360878d351f05975e25f1807a27895e1e5e004fb"
AGAINST = FILL | {"liquidation": {"liquidatedUser": VICTIM, "markPx": "66607.0", "method": "market"}}
SLICE = {"fill": AGAINST | {"crossed": True}, "twapId": 3}
FORCED = AGAINST | {"side": "B", "crossed": True, "dir": "Close Short", "startPosition": "-1.0"}


@pytest.mark.clause("D4.22")
@pytest.mark.parametrize(
    ("document", "asked"),
    [
        pytest.param({"channel": "user", "data": {"fills": [AGAINST]}}, "", id="who traded against it, and rested"),
        pytest.param({"channel": "user", "data": {"fills": [FORCED]}}, "", id="who was liquidated"),
        pytest.param({"channel": "user", "data": {"fills": [FORCED | {"crossed": False, "dir": "Liquidated Cross Short"}]}}, "", id="who is called so"),
        pytest.param({"channel": "userFills", "data": {"user": USER, "fills": [AGAINST | {"crossed": True}]}}, "", id="the liquidator's channel"),
        pytest.param({"channel": "userFills", "data": {"user": VICTIM.upper(), "fills": [FORCED | {"crossed": False}]}}, "", id="the liquidated one's channel"),
        pytest.param([AGAINST | {"crossed": True}], f'{{"type":"userFills","user":"{USER}"}}', id="a question about the liquidator"),
        pytest.param([FORCED], f'{{"type":"userFillsByTime","user":"{VICTIM}"}}', id="a question about the liquidated one"),
        pytest.param([SLICE], f'{{"type":"userTwapSliceFills","user":"{USER}"}}', id="a question about slices"),
        pytest.param({"channel": "userTwapSliceFills", "data": {"user": USER, "twapSliceFills": [SLICE]}}, "", id="the channel of slices"),
    ],
)
def test_a_liquidation_has_the_side_of_the_forced_order_whoever_is_told_of_it(document: Any, asked: str) -> None:
    fill, liquidation = one(document, asked=asked)
    assert liquidation.kind == "LIQUIDATION"
    assert liquidation.values["side"] == "buy"
    assert fill.values["side"] == ("sell" if fill.values["start_position"] == "-0.0213" else "buy")


@pytest.mark.clause("D4.22")
def test_both_accounts_of_a_trade_have_their_fill_and_their_liquidation_is_one() -> None:
    decoder = hyperliquid_decoder()
    told = [decoder.decode(encoded({"channel": "user", "data": {"fills": [fill]}}), NOON_NS) for fill in (AGAINST, FORCED, FORCED)]
    kinds = [[item.kind if isinstance(item, VenueEvent) else item.reason for item in answers] for answers in told]
    assert kinds == [["FILL", "LIQUIDATION"], ["FILL", "duplicate"], ["duplicate"]]


@pytest.mark.clause("D4.22")
def test_decimal_text_is_kept_exactly_and_time_is_in_nanoseconds() -> None:
    (event,) = one(hyperliquid_trades(hyperliquid_trade(9, px="105056.0", sz="0.00219", side="A")))
    assert event == VenueEvent(
        1,
        "TRADE",
        "hyperliquid",
        "BTC",
        NOON_MS * MS,
        NOON_NS,
        "recording:7",
        "venue",
        {"price": "105056.0", "quantity": "0.00219", "side": "sell", "trade_id": 9},
    )


def test_a_message_without_a_time_says_that_the_receiver_dated_it() -> None:
    (event,) = one({"channel": "allMids", "data": {"mids": {"BTC": "1.5"}}})
    assert (event.clock, event.event_time_ns) == ("receiver", NOON_NS)


@pytest.mark.parametrize(
    ("message", "channel"),
    [
        (b"Websocket connection established.", "connection"),
        (b'{"channel":"pong"}', "pong"),
        (b'{"channel":"subscriptionResponse","data":{"method":"subscribe"}}', "subscriptionResponse"),
        (b'{"channel":"error","data":"Invalid subscription"}', "error"),
        (b'{"channel":"user","data":{"funding":{}}}', "user"),
        (b'{"channel":"userEvents","data":{"nonUserCancel":[]}}', "userEvents"),
        (b'{"channel":"activeAssetData","data":{"coin":"BTC"}}', "activeAssetData"),
        (b'[{"order":{},"status":"open","statusTimestamp":1}]', "historicalOrders"),
        (b'{"channel":"trades","data":[]}', "trades"),
        (b'{"status":"ok","response":{"type":"order"}}', "exchange"),
        (b"[]", "answer"),
    ],
)
def test_control_messages_are_understood(message: bytes, channel: str) -> None:
    (item,) = one(message)
    assert isinstance(item, Control)
    assert item.channel == channel


@pytest.mark.clause("D4.24", "D4.26")
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        pytest.param(b'{"channel":"trades","data":[{"coin":"BTC"', "truncated", id="cut"),
        pytest.param(hyperliquid_book()[:60], "truncated", id="disconnect in the middle of a snapshot"),
        pytest.param(b"", "truncated", id="empty"),
        pytest.param(b"{]", "malformed_json", id="no JSON"),
        pytest.param(b"\xff\xfe\x00", "malformed_json", id="no text"),
        pytest.param(b"[" * 100_000, "malformed_json", id="too deep"),
        pytest.param(b'{"channel":"webTrades3","data":[]}', "unknown_channel", id="unknown channel"),
        pytest.param(b'{"channel":["trades"],"data":[]}', "unknown_channel", id="channel of another type"),
        pytest.param(b'{"a":1}', "unknown_channel", id="unknown answer"),
        pytest.param(b"7", "unknown_channel", id="a bare number"),
        pytest.param(b'{"channel":"trades"}', "missing_field", id="no data"),
        pytest.param(encoded({"channel": "trades", "data": [{"coin": "BTC"}]}), "missing_field", id="no price"),
        pytest.param(hyperliquid_trades(hyperliquid_trade(px=60000.5)), "wrong_type", id="a price that is a float"),
        pytest.param(hyperliquid_trades(hyperliquid_trade(time="noon")), "wrong_type", id="a time that is text"),
        pytest.param(hyperliquid_trades(hyperliquid_trade(px="NaN")), "not_a_number", id="NaN"),
        pytest.param(hyperliquid_trades(hyperliquid_trade(sz="Infinity")), "not_a_number", id="infinity"),
        pytest.param(hyperliquid_trades(hyperliquid_trade(px="1_000")), "not_a_number", id="underscore"),
        pytest.param(hyperliquid_trades(hyperliquid_trade(px="٣")), "not_a_number", id="digits of another script"),
        pytest.param(hyperliquid_trades(hyperliquid_trade(px="0.0")), "impossible_value", id="price 0"),
        pytest.param(hyperliquid_trades(hyperliquid_trade(sz="-1")), "impossible_value", id="negative size"),
        pytest.param(hyperliquid_trades(hyperliquid_trade(side="X")), "impossible_value", id="no side"),
        pytest.param(hyperliquid_trades(hyperliquid_trade(time_ms=0)), "impossible_value", id="time 0"),
        pytest.param(hyperliquid_trades(hyperliquid_trade(time_ms=10**30)), "impossible_value", id="time beyond 64 bits"),
    ],
)
def test_bad_message_is_kept_with_its_bytes_and_reason(message: bytes, reason: str) -> None:
    decoder = hyperliquid_decoder()
    (item,) = decoder.decode(message, NOON_NS, "recording:7")
    assert isinstance(item, Quarantined)
    assert (item.reason, item.message, item.whole, item.source) == (reason, message, True, "recording:7")
    assert item.finding
    counts = decoder.counts()
    assert (counts.messages_in, counts.messages_quarantined, dict(counts.quarantined)) == (1, 1, {reason: 1})


def test_contexts_that_do_not_match_their_universe_are_refused() -> None:
    (item,) = one([{"universe": []}, [CONTEXT]])
    assert item.reason == "impossible_value"


def test_answer_to_an_unknown_question_is_kept_aside() -> None:
    (item,) = one(b"{}", asked='{"type":"somethingNew"}')
    assert (item.reason, item.channel) == ("unknown_channel", "somethingNew")
    (item,) = one(b"{}", asked="{broken")
    assert item.reason == "malformed_json"
