"""The official Hyperliquid client and ccxt read the same recorded answers from a local server; their values are ours, field by field."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.shared_data import shared_data
from tests.fakes.venue_server import question, venue_server

from tallystick.adapters.recordings.recording_files import read_recording
from tallystick.adapters.venues.binance.decoder import binance_decoder
from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.contracts.market_events import VenueEvent

MS = 1_000_000
USER = "0x5e9ee1089755c3435139848e47e6635505d5a13a"
Getter = Callable[[Any], Any]
SIDES = {"B": "buy", "A": "sell"}

# Kind, our value, and the client's: every pair is compared for every entry of the recorded answer.
MID: tuple[tuple[str, Getter], ...] = (("symbol", lambda row: row[0]), ("price", lambda row: row[1]))
POSITION: tuple[tuple[str, Getter], ...] = (
    ("symbol", lambda row: row["coin"]),
    ("size", lambda row: row["szi"]),
    ("entry_price", lambda row: row["entryPx"]),
    ("liquidation_price", lambda row: row["liquidationPx"]),
    ("leverage", lambda row: row["leverage"]["value"]),
    ("leverage_type", lambda row: row["leverage"]["type"]),
    ("margin_used", lambda row: row["marginUsed"]),
    ("position_value", lambda row: row["positionValue"]),
    ("unrealized_profit", lambda row: row["unrealizedPnl"]),
)
ACCOUNT: tuple[tuple[str, Getter], ...] = (
    ("account_value", lambda row: row["marginSummary"]["accountValue"]),
    ("total_notional", lambda row: row["marginSummary"]["totalNtlPos"]),
    ("total_margin_used", lambda row: row["marginSummary"]["totalMarginUsed"]),
    ("withdrawable", lambda row: row["withdrawable"]),
)
BOOK: tuple[tuple[str, Getter], ...] = (
    ("symbol", lambda row: row["coin"]),
    ("event_time_ns", lambda row: row["time"] * MS),
    ("bids", lambda row: tuple((level["px"], level["sz"]) for level in row["levels"][0])),
    ("asks", lambda row: tuple((level["px"], level["sz"]) for level in row["levels"][1])),
)
BAR: tuple[tuple[str, Getter], ...] = (
    ("symbol", lambda row: row["s"]),
    ("interval", lambda row: row["i"]),
    ("open_time_ns", lambda row: row["t"] * MS),
    ("close_time_ns", lambda row: row["T"] * MS),
    ("open", lambda row: row["o"]),
    ("high", lambda row: row["h"]),
    ("low", lambda row: row["l"]),
    ("close", lambda row: row["c"]),
    ("volume", lambda row: row["v"]),
    ("trade_count", lambda row: row["n"]),
)
FILL: tuple[tuple[str, Getter], ...] = (
    ("symbol", lambda row: row["coin"]),
    ("event_time_ns", lambda row: row["time"] * MS),
    ("price", lambda row: row["px"]),
    ("quantity", lambda row: row["sz"]),
    ("side", lambda row: SIDES[row["side"]]),
    ("trade_id", lambda row: row.get("tid")),
    ("order_id", lambda row: row["oid"]),
    ("fee", lambda row: row["fee"]),
    ("closed_profit", lambda row: row["closedPnl"]),
    ("start_position", lambda row: row["startPosition"]),
    ("direction", lambda row: row["dir"]),
    ("is_taker", lambda row: row["crossed"]),
)
INSTRUMENT: tuple[tuple[str, Getter], ...] = (
    ("symbol", lambda row: row["name"]),
    ("size_decimals", lambda row: row["szDecimals"]),
    ("max_leverage", lambda row: row["maxLeverage"]),
    ("is_delisted", lambda row: row.get("isDelisted", False)),
    ("only_isolated", lambda row: row.get("onlyIsolated", False)),
)
MARK: tuple[tuple[str, Getter], ...] = (
    ("price", lambda row: row["markPx"]),
    ("oracle_price", lambda row: row["oraclePx"]),
    ("mid_price", lambda row: row["midPx"]),
    ("funding_rate", lambda row: row["funding"]),
    ("premium", lambda row: row["premium"]),
)
OPEN_INTEREST: tuple[tuple[str, Getter], ...] = (("open_interest", lambda row: row["openInterest"]), ("day_notional_volume", lambda row: row["dayNtlVlm"]))
FUNDING: tuple[tuple[str, Getter], ...] = (
    ("symbol", lambda row: row["coin"]),
    ("event_time_ns", lambda row: row["time"] * MS),
    ("funding_rate", lambda row: row["fundingRate"]),
    ("premium", lambda row: row.get("premium")),
)
COMPARED = {
    "MID": MID,
    "POSITION": POSITION,
    "ACCOUNT": ACCOUNT,
    "BOOK": BOOK,
    "BAR": BAR,
    "FILL": FILL,
    "INSTRUMENT": INSTRUMENT,
    "MARK": MARK,
    "OPEN_INTEREST": OPEN_INTEREST,
    "FUNDING": FUNDING,
}


def recorded() -> dict[str, tuple[bytes, str]]:
    """Question → (answer, what was posted), from both sets of cassettes; the later set wins, but for what only the earlier one has in full."""
    found: dict[str, tuple[bytes, str]] = {}
    root = shared_data() / "payloads" / "hyperliquid"
    for folder in ("go_hyperliquid_cassettes", "python_sdk_cassettes"):
        for path in sorted((root / folder).glob("*.yaml")):
            for item in read_recording(path):
                body = json.loads(item.asked)
                if "type" in body and item.message != b"[]" and not (body["type"] == "meta" and "meta" in found) and body.get("dex", "") == "":
                    found[question(body)] = (item.message, item.asked)
    return found


@pytest.fixture(scope="module")
def answers() -> dict[str, tuple[bytes, str]]:
    return recorded()


@pytest.fixture(scope="module")
def server(answers: dict[str, tuple[bytes, str]]) -> Iterator[str]:
    depth = {}
    for item in read_recording(binance_folder() / "BINANCE_FUTURES.http.0.0.txt.gz"):
        depth[f"/fapi/v1/depth?symbol={item.asked.split('symbol=')[1].split('&')[0]}"] = item.message
    with venue_server({**{key: message for key, (message, _) in answers.items()}, **depth}) as url:
        yield url


def binance_folder() -> Path:
    return shared_data() / "payloads" / "binance" / "cryptofeed_recordings"


@pytest.fixture(scope="module")
def ours(answers: dict[str, tuple[bytes, str]]) -> Callable[[str, str], list[VenueEvent]]:
    def events(key: str, kind: str) -> list[VenueEvent]:
        message, asked = answers[key]
        found = hyperliquid_decoder().decode(message, 0, asked=asked)
        assert all(isinstance(item, VenueEvent) for item in found)
        return [item for item in found if isinstance(item, VenueEvent) and item.kind == kind]

    return events


def value(event: VenueEvent, name: str) -> Any:
    return getattr(event, name) if name in ("symbol", "event_time_ns") else event.values[name]


def compare(kind: str, events: list[VenueEvent], rows: list[Any]) -> None:
    assert len(events) == len(rows) > 0
    for name, get in COMPARED[kind]:
        assert [value(event, name) for event in events] == [get(row) for row in rows], f"{kind}.{name}"


def test_at_least_forty_fields_are_compared() -> None:
    fields = {(kind, name) for kind, getters in COMPARED.items() for name, _ in getters}
    assert len(fields) >= 40


@pytest.mark.clause("D4.22")
def test_the_official_client_reads_the_same_values(server: str, ours: Callable[[str, str], list[VenueEvent]]) -> None:
    from hyperliquid.info import Info

    info = Info(server, skip_ws=True)
    compare("MID", ours("allMids", "MID"), list(info.all_mids().items()))
    state = info.user_state(USER)
    compare("POSITION", ours("clearinghouseState", "POSITION"), [row["position"] for row in state["assetPositions"]])
    compare("ACCOUNT", ours("clearinghouseState", "ACCOUNT"), [state])
    info.name_to_coin |= {"DYDX": "DYDX", "kPEPE": "kPEPE", "BTC": "BTC"}
    compare("BOOK", ours("l2Book:DYDX", "BOOK"), [info.l2_snapshot("DYDX")])
    compare("BAR", ours("candleSnapshot:kPEPE", "BAR"), info.candles_snapshot("kPEPE", "1h", 1684702007000, 1684784807000))
    compare("FILL", ours("userFills", "FILL"), info.user_fills(USER))
    compare("FILL", ours("userFillsByTime", "FILL"), info.user_fills_by_time(USER, 1755857880000, 1755857940000))
    compare("INSTRUMENT", ours("meta", "INSTRUMENT"), info.meta()["universe"])
    universe, contexts = info.meta_and_asset_ctxs()
    compare("INSTRUMENT", ours("metaAndAssetCtxs", "INSTRUMENT"), universe["universe"])
    compare("MARK", ours("metaAndAssetCtxs", "MARK"), contexts)
    compare("OPEN_INTEREST", ours("metaAndAssetCtxs", "OPEN_INTEREST"), contexts)
    compare("FUNDING", ours("fundingHistory:BTC", "FUNDING"), info.funding_history("BTC", 1681923833000))
    info.session.close()


def client(name: str, url: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ccxt
    found = getattr(ccxt, name)({"options": {"fetchMarkets": {"types": ["swap"]}}})
    found.urls["api"] = dict.fromkeys(found.urls["api"], url if name == "hyperliquid" else f"{url}/fapi/v1")
    return found


def numbers(texts: list[str | None]) -> list[float | None]:
    return [None if text is None else float(text) for text in texts]


def test_ccxt_reads_the_same_hyperliquid_values(server: str, ours: Callable[[str, str], list[VenueEvent]]) -> None:
    exchange = client("hyperliquid", server)
    exchange.load_markets()
    book, theirs = ours("l2Book:DYDX", "BOOK")[0], exchange.fetch_order_book("DYDX/USDC:USDC")
    assert book.event_time_ns == theirs["timestamp"] * MS
    for side in ("bids", "asks"):
        assert [[float(price), float(size)] for price, size in book.values[side]] == [level[:2] for level in theirs[side]]
    pepe = next(market["symbol"] for market in exchange.markets.values() if market["info"]["name"] == "kPEPE")
    bars = exchange.fetch_ohlcv(pepe, "1h", 1684702007000, params={"until": 1684784807000})
    mine = ours("candleSnapshot:kPEPE", "BAR")
    names = ("open", "high", "low", "close", "volume")
    rows = {event.values["open_time_ns"] // MS: [float(event.values[name]) for name in names] for event in mine}
    # The client leaves out bars that open before what it asked for, or after.
    assert len(bars) >= len(mine) - 2
    assert all(rows[bar[0]] == bar[1:] for bar in bars)
    fills = {event.values["trade_id"]: event for event in ours("userFillsByTime", "FILL")}
    for row in exchange.fetch_trades("ETH/USDC:USDC", 1755857880000, params={"user": USER}):
        event = fills.pop(int(row["id"]))
        found = (float(event.values["price"]), float(event.values["quantity"]), event.values["side"], event.event_time_ns // MS, str(event.values["order_id"]))
        assert found == (row["price"], row["amount"], row["side"], row["timestamp"], row["order"])
    assert not fills
    rates = exchange.fetch_funding_rates()
    marks = {event.symbol: event for event in ours("metaAndAssetCtxs", "MARK")}
    for row in rates.values():
        event = marks[row["info"]["name"]]
        assert numbers([event.values[name] for name in ("price", "oracle_price", "funding_rate")]) == [row["markPrice"], row["indexPrice"], row["fundingRate"]]
    assert len(rates) > 100


def test_ccxt_reads_the_same_binance_books_and_trades(server: str) -> None:
    exchange = client("binanceusdm", server)
    decoder = binance_decoder()
    compared = 0
    for item in read_recording(binance_folder() / "BINANCE_FUTURES.http.0.0.txt.gz"):
        (event,) = decoder.decode(item.message, item.received_ns, item.source, item.asked)
        assert isinstance(event, VenueEvent)
        theirs = exchange.fapiPublicGetDepth({"symbol": event.symbol, "limit": 1000})
        parsed = exchange.parse_order_book(theirs, event.symbol, int(theirs["T"]))
        assert int(theirs["lastUpdateId"]) == event.values["last_update_id"]
        assert parsed["timestamp"] * MS == event.event_time_ns
        for side in ("bids", "asks"):
            assert [[float(price), float(size)] for price, size in event.values[side]] == parsed[side]
        compared += 1
    assert compared == 4
    market = exchange.safe_market_structure({"id": "SUSHIUSDT", "symbol": "SUSHI/USDT:USDT", "contract": True, "swap": True, "linear": True})
    trades = 0
    for item in read_recording(binance_folder() / "BINANCE_FUTURES.ws.1.0.txt.gz"):
        (event,) = decoder.decode(item.message, item.received_ns, item.source)
        if isinstance(event, VenueEvent) and event.kind == "TRADE":
            row = exchange.parse_trade(json.loads(item.message)["data"], market)
            found = (
                float(event.values["price"]),
                float(event.values["quantity"]),
                event.values["side"],
                event.event_time_ns // MS,
                str(event.values["trade_id"]),
            )
            assert found == (row["price"], row["amount"], row["side"], row["timestamp"], row["id"])
            trades += 1
    assert trades == 91
