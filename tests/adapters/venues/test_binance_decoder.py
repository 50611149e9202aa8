"""Binance's streams and answers as facts, and each way in which one can be wrong."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fakes.venue_messages import MS, NOON_MS, NOON_NS, binance_trade, depth_snapshot, depth_update, encoded

from tallystick.adapters.venues.binance.decoder import binance_decoder
from tallystick.apps.observation_pass import ObservationPass
from tallystick.contracts.checking import findings
from tallystick.contracts.market_events import CONTRACTS, EVENT_VALUES, Control, Quarantined, VenueEvent

VENUE_EVENT = next(item for item in CONTRACTS if item.name == "observation.venue_event")
MARK = {"e": "markPriceUpdate", "E": NOON_MS, "s": "BTCUSDT", "p": "11794.15", "i": "11784.62", "P": "1.0", "r": "0.00038167", "T": NOON_MS + 1}
FORCED = {
    "s": "BTCUSDT",
    "S": "SELL",
    "o": "LIMIT",
    "f": "IOC",
    "q": "0.014",
    "p": "9910",
    "ap": "9910.1",
    "X": "FILLED",
    "l": "0.014",
    "z": "0.014",
    "T": NOON_MS,
}
KLINE = {"t": NOON_MS, "T": NOON_MS + 59_999, "i": "1m", "o": "1", "c": "2", "h": "3", "l": "0.5", "v": "10", "n": 4, "x": True, "q": "20"}
AGGREGATE = {"e": "aggTrade", "E": NOON_MS, "a": 7, "s": "BTCUSDT", "p": "0.001", "q": "100", "f": 1, "l": 2, "T": NOON_MS, "m": False}
TICKER = {"e": "24hrTicker", "E": NOON_MS, "s": "BTCUSDT", "c": "2", "o": "1", "h": "3", "l": "0.5", "v": "10", "q": "20", "n": 4}
QUOTE = {"e": "bookTicker", "u": 5, "s": "BTCUSDT", "b": "1.0", "B": "2", "a": "1.1", "A": "0", "T": NOON_MS, "E": NOON_MS}
RISK = {
    "symbol": "BTCUSDT",
    "positionAmt": "0.001",
    "entryPrice": "50000.0",
    "markPrice": "51000.0",
    "liquidationPrice": "45000.0",
    "leverage": "20",
    "marginType": "cross",
    "isolatedMargin": "0.0",
    "notional": "51.0",
    "unRealizedProfit": "1.0",
    "updateTime": NOON_MS,
}
SHORT_TICKER = {name: value for name, value in TICKER.items() if name not in ("e", "n")} | {"e": "24hrMiniTicker"}
CONTRACT = {"e": "continuous_kline", "E": NOON_MS, "ps": "BTCUSDT", "ct": "PERPETUAL", "k": KLINE}
TRADED = {"id": 28457, "price": "4.00000100", "qty": "12.0", "quoteQty": "48.0", "time": NOON_MS, "isBuyerMaker": True}
BEST = {"symbol": "BTCUSDT", "bidPrice": "4.0", "bidQty": "431.0", "askPrice": "4.2", "askQty": "9.0", "time": NOON_MS, "lastUpdateId": 5}
DAY = {
    "symbol": "BTCUSDT",
    "lastPrice": "4.0",
    "openPrice": "99.0",
    "highPrice": "100.0",
    "lowPrice": "0.1",
    "volume": "8913.3",
    "quoteVolume": "15.3",
    "openTime": NOON_MS - 86_400_000,
    "closeTime": NOON_MS,
    "count": 76,
}
INTEREST = {"symbol": "BTCUSDT", "sumOpenInterest": "20403.1", "sumOpenInterestValue": "150570784.0", "timestamp": NOON_MS}
ROW = [NOON_MS, "1", "3", "0.5", "2", "10", NOON_MS + 59_999, "20", 4, "5", "10", "0"]


def one(document: Any, asked: str = "") -> tuple[Any, ...]:
    return binance_decoder().decode(document if isinstance(document, bytes) else encoded(document), NOON_NS, "recording:7", asked)


@pytest.mark.clause("D4.22", "D4.23")
@pytest.mark.parametrize(
    ("document", "asked", "kinds"),
    [
        pytest.param(AGGREGATE, "", ["TRADE"], id="aggTrade"),
        pytest.param(binance_trade(), "", ["TRADE"], id="trade"),
        pytest.param({"e": "forceOrder", "E": NOON_MS, "o": FORCED}, "", ["LIQUIDATION"], id="forceOrder"),
        pytest.param(depth_update(1, 2, 0), "", ["BOOK_DELTA"], id="depthUpdate"),
        pytest.param(QUOTE, "", ["QUOTE"], id="bookTicker"),
        pytest.param(MARK, "", ["MARK"], id="markPriceUpdate"),
        pytest.param({"stream": "!markPrice@arr", "data": [MARK, {**MARK, "s": "ETHUSDT"}]}, "", ["MARK", "MARK"], id="marks of all symbols"),
        pytest.param({"e": "kline", "E": NOON_MS, "s": "BTCUSDT", "k": KLINE}, "", ["BAR"], id="kline"),
        pytest.param(TICKER, "", ["DAY_SUMMARY"], id="24hrTicker"),
        pytest.param(depth_snapshot(5), "/fapi/v1/depth?symbol=BTCUSDT&limit=1000", ["BOOK"], id="depth answer"),
        pytest.param([AGGREGATE], "/fapi/v1/aggTrades?symbol=BTCUSDT", ["TRADE"], id="aggTrades answer"),
        pytest.param({"stream": "!miniTicker@arr", "data": [SHORT_TICKER, {**SHORT_TICKER, "s": "ETHUSDT"}]}, "", ["DAY_SUMMARY"] * 2, id="24hrMiniTicker"),
        pytest.param(CONTRACT, "", ["BAR"], id="continuous_kline of a perpetual"),
        pytest.param([ROW], "/fapi/v1/continuousKlines?pair=BTCUSDT&contractType=PERPETUAL&interval=1m", ["BAR"], id="continuousKlines answer"),
        pytest.param([TRADED], "/fapi/v1/historicalTrades?symbol=BTCUSDT", ["TRADE"], id="historicalTrades answer"),
        pytest.param(BEST, "", ["QUOTE"], id="best prices of one symbol"),
        pytest.param([BEST, {**BEST, "symbol": "ETHUSDT"}], "/fapi/v1/ticker/bookTicker", ["QUOTE", "QUOTE"], id="best prices of all symbols"),
        pytest.param(DAY, "", ["DAY_SUMMARY"], id="day of one symbol"),
        pytest.param([DAY], "/fapi/v1/ticker/24hr", ["DAY_SUMMARY"], id="days of all symbols"),
        pytest.param([INTEREST], "/futures/data/openInterestHist?symbol=BTCUSDT&period=5m", ["OPEN_INTEREST"], id="openInterestHist answer"),
        pytest.param(
            [{name: value for name, value in RISK.items() if name not in ("leverage", "marginType")}],
            "/fapi/v3/positionRisk",
            ["POSITION"],
            id="positionRisk 3",
        ),
        pytest.param([ROW, ROW], "/fapi/v1/klines?symbol=BTCUSDT&interval=1m", ["BAR"], id="klines answer, one row twice"),
        pytest.param([RISK], "", ["POSITION"], id="positionRisk"),
        pytest.param({"symbol": "BTCUSDT", "openInterest": "10.5", "time": NOON_MS}, "", ["OPEN_INTEREST"], id="openInterest"),
        pytest.param([{"symbol": "BTCUSDT", "fundingRate": "-0.0001", "fundingTime": NOON_MS}], "", ["FUNDING"], id="fundingRate"),
        pytest.param(
            {"symbol": "B", "markPrice": "1", "indexPrice": "1", "lastFundingRate": "", "nextFundingTime": 0, "time": NOON_MS}, "", ["MARK"], id="premiumIndex"
        ),
    ],
)
def test_message_becomes_facts_with_the_values_of_their_kinds(document: Any, asked: str, kinds: list[str]) -> None:
    events = [item for item in one(document, asked) if isinstance(item, VenueEvent)]
    assert [event.kind for event in events] == kinds
    for event in events:
        assert set(event.values) == set(EVENT_VALUES[event.kind])
        assert findings(VENUE_EVENT, event) == []


@pytest.mark.clause("D4.22")
def test_decimal_text_is_kept_exactly_and_the_taker_side_is_named() -> None:
    (event,) = one(binance_trade(7, p="61800.30", q="0.006", m=True))
    assert (event.values["price"], event.values["quantity"], event.values["side"], event.event_time_ns) == ("61800.30", "0.006", "sell", NOON_MS * MS)
    (event,) = one(AGGREGATE)
    assert event.values["side"] == "buy"


@pytest.mark.parametrize(
    ("document", "channel"),
    [
        ({"result": None, "id": 1}, "result"),
        ({"code": -1121, "msg": "Invalid symbol."}, "error"),
        ({"e": "ORDER_TRADE_UPDATE", "E": 1, "o": {}}, "ORDER_TRADE_UPDATE"),
        ({"orderId": 1, "clientOrderId": "a"}, "order"),
        ({}, "answer"),
        ({**CONTRACT, "ct": "CURRENT_QUARTER"}, "continuous_kline"),
        ({"e": "contractInfo", "E": 1, "s": "IOTAUSDT"}, "contractInfo"),
        ({"stream": "!assetIndex@arr", "data": [{"e": "assetIndexUpdate", "E": 1, "s": "ADAUSD"}]}, "assetIndexUpdate"),
    ],
)
def test_control_messages_are_understood(document: Any, channel: str) -> None:
    (item,) = one(document)
    assert isinstance(item, Control)
    assert item.channel == channel


def test_error_answer_to_a_question_is_control() -> None:
    (item,) = one({"code": -1121, "msg": "Invalid symbol."}, "/fapi/v1/depth?symbol=NOPE")
    assert isinstance(item, Control)
    assert item.detail == "-1121 Invalid symbol."


@pytest.mark.clause("D4.24", "D4.26")
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        pytest.param(depth_snapshot(5)[:40], "truncated", id="disconnect in the middle of a snapshot"),
        pytest.param(b'{"stream":"btcusdt@trade","data":}', "malformed_json", id="no JSON"),
        pytest.param(encoded({"stream": "x", "data": {"e": "tradeX"}}), "unknown_channel", id="unknown event"),
        pytest.param(encoded({"e": 5}), "unknown_channel", id="event of another type"),
        pytest.param(encoded({"stream": "x", "data": {"e": "trade", "s": "BTCUSDT"}}), "missing_field", id="no price"),
        pytest.param(binance_trade(p=1.5), "wrong_type", id="a price that is a float"),
        pytest.param(binance_trade(p="NaN"), "not_a_number", id="NaN"),
        pytest.param(binance_trade(p="0"), "impossible_value", id="price 0"),
        pytest.param(depth_update(9, 3, 1), "impossible_value", id="U above u"),
        pytest.param(encoded({"e": "forceOrder", "E": NOON_MS, "o": {**FORCED, "S": "HOLD"}}), "impossible_value", id="no side"),
        pytest.param(encoded({**QUOTE, "B": "-1"}), "impossible_value", id="negative quantity"),
        pytest.param(encoded({"e": "kline", "E": NOON_MS, "s": "B", "k": {**KLINE, "T": 5}}), "impossible_value", id="bar that ends before it begins"),
        pytest.param(depth_snapshot(5), "missing_field", id="book of nobody knows which symbol"),
        pytest.param(b"[[1]]", "unknown_channel", id="unknown list"),
    ],
)
def test_bad_message_is_kept_with_its_bytes_and_reason(message: bytes, reason: str) -> None:
    (item,) = one(message)
    assert isinstance(item, Quarantined)
    assert (item.reason, item.message, item.whole) == (reason, message, True)


def test_book_without_a_symbol_belongs_to_the_only_depth_stream() -> None:
    decoder = binance_decoder()
    decoder.decode(depth_update(1, 2, 0), NOON_NS)
    (event,) = decoder.decode(depth_snapshot(2), NOON_NS)
    assert isinstance(event, VenueEvent)
    assert event.symbol == "BTCUSDT"
    decoder.decode(depth_update(1, 2, 0, symbol="ETHUSDT"), NOON_NS)
    (item,) = decoder.decode(depth_snapshot(3), NOON_NS)
    assert isinstance(item, Quarantined)
    (event,) = binance_decoder(["ETHUSDT"]).decode(depth_snapshot(2), NOON_NS)
    assert isinstance(event, VenueEvent)
    assert event.symbol == "ETHUSDT"


def test_bars_of_a_delivery_contract_are_nobodys_bars() -> None:
    (item,) = one([ROW], "/fapi/v1/continuousKlines?pair=BTCUSDT&contractType=CURRENT_QUARTER&interval=1m")
    assert isinstance(item, Control)


def test_a_trade_is_the_same_in_its_stream_and_in_an_answer() -> None:
    decoder = binance_decoder()
    (streamed,) = decoder.decode(binance_trade(28457), NOON_NS)
    (again,) = decoder.decode(encoded([TRADED]), NOON_NS, asked="/fapi/v1/trades?symbol=BTCUSDT")
    assert (streamed.kind, again.reason) == ("TRADE", "duplicate")  # type: ignore[union-attr]


def best_levels(update: int, *bids: tuple[str, str], stream: str = "btcusdt@depth5@100ms") -> bytes:
    data = {
        "e": "depthUpdate",
        "E": NOON_MS + update,
        "T": NOON_MS + update,
        "s": "BTCUSDT",
        "U": update,
        "u": update,
        "pu": update - 1,
        "b": bids,
        "a": [("101", "1")],
    }
    return encoded({"stream": stream, "data": data})


@pytest.mark.clause("D4.22")
def test_best_levels_are_a_whole_book_each_time() -> None:
    room, decoder = ObservationPass(("BTCUSDT",)), binance_decoder()
    for number, bids in enumerate(((("100", "1"), ("99", "1")), (("98", "2"),)), 1):
        (event,) = decoder.decode(best_levels(number, *bids), NOON_NS + number * MS)
        assert isinstance(event, VenueEvent)
        assert (event.kind, event.values["bids"], event.values["last_update_id"]) == ("BOOK", bids, None)
        room.take((event,))
    # Read as changes, the levels that are gone would still be there.
    assert room.snapshot()["primitives"]["BTCUSDT"]["resting_size"]["bid_size"] == 2.0


def test_best_levels_beside_all_changes_say_nothing_new() -> None:
    decoder = binance_decoder()
    changes = best_levels(1, ("100", "1"), stream="btcusdt@depth@100ms")
    assert [item.kind for item in decoder.decode(changes, NOON_NS)] == ["BOOK_DELTA"]  # type: ignore[union-attr]
    (item,) = decoder.decode(best_levels(2, ("100", "1")), NOON_NS)
    assert isinstance(item, Control)
    assert item.detail == "best levels of a book whose every change is told"
    assert decoder.counts().messages_control == 1


def test_answer_of_an_unknown_endpoint_is_kept_aside() -> None:
    (item,) = one(b"{}", "/fapi/v1/somethingNew?symbol=A")
    assert item.reason == "unknown_channel"
