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
SDK = {
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


class Comparison:
    """Compares field by field as the kept list says, and knows at the end whether the list was worked off."""

    def __init__(self, client: str, getters: dict[str, tuple[tuple[str, Getter], ...]]) -> None:
        self.listed = {(kind, name) for kind, names in kept_fields()[client].items() for name in names}
        self.getters, self.done = getters, set[tuple[str, str]]()

    def compare(self, kind: str, events: list[VenueEvent], rows: list[Any], as_number: bool = False) -> None:
        assert len(events) == len(rows) > 0
        for name, get in self.getters[kind]:
            mine = [value(event, name) for event in events]
            assert (numbers(mine) if as_number else mine) == [get(row) for row in rows], f"{kind}.{name}"
            self.done.add((kind, name))

    def finish(self) -> None:
        """The list in compared_fields.json is what was compared, no more and no less."""
        assert self.done == self.listed


def kept_fields() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads(Path(__file__).with_name("compared_fields.json").read_text())
    return found


def numbers(mine: list[Any]) -> list[Any]:
    """Decimal text as floats, also in books; ccxt gives no text."""
    return [[[float(price), float(size)] for price, size in item] if isinstance(item, tuple) else number(item) for item in mine]


def number(item: Any) -> Any:
    """Text that is a number as one; names, identifiers and absent values as they are."""
    try:
        return float(item) if isinstance(item, str) else item
    except ValueError:
        return item


def test_at_least_forty_fields_are_compared() -> None:
    fields = {(client, kind, name) for client, kinds in kept_fields().items() for kind, names in kinds.items() for name in names}
    assert len({field for field in fields if field[0] == "hyperliquid-python-sdk"}) >= 40
    assert len({field for field in fields if field[0].startswith("ccxt")}) >= 20


@pytest.mark.clause("D4.22")
def test_the_official_client_reads_the_same_values(server: str, ours: Callable[[str, str], list[VenueEvent]]) -> None:
    from hyperliquid.info import Info

    check = Comparison("hyperliquid-python-sdk", SDK)
    info = Info(server, skip_ws=True)
    check.compare("MID", ours("allMids", "MID"), list(info.all_mids().items()))
    state = info.user_state(USER)
    check.compare("POSITION", ours("clearinghouseState", "POSITION"), [row["position"] for row in state["assetPositions"]])
    check.compare("ACCOUNT", ours("clearinghouseState", "ACCOUNT"), [state])
    info.name_to_coin |= {"DYDX": "DYDX", "kPEPE": "kPEPE", "BTC": "BTC"}
    check.compare("BOOK", ours("l2Book:DYDX", "BOOK"), [info.l2_snapshot("DYDX")])
    check.compare("BAR", ours("candleSnapshot:kPEPE", "BAR"), info.candles_snapshot("kPEPE", "1h", 1684702007000, 1684784807000))
    check.compare("FILL", ours("userFills", "FILL"), info.user_fills(USER))
    check.compare("FILL", ours("userFillsByTime", "FILL"), info.user_fills_by_time(USER, 1755857880000, 1755857940000))
    check.compare("INSTRUMENT", ours("meta", "INSTRUMENT"), info.meta()["universe"])
    universe, contexts = info.meta_and_asset_ctxs()
    check.compare("INSTRUMENT", ours("metaAndAssetCtxs", "INSTRUMENT"), universe["universe"])
    check.compare("MARK", ours("metaAndAssetCtxs", "MARK"), contexts)
    check.compare("OPEN_INTEREST", ours("metaAndAssetCtxs", "OPEN_INTEREST"), contexts)
    check.compare("FUNDING", ours("fundingHistory:BTC", "FUNDING"), info.funding_history("BTC", 1681923833000))
    check.finish()
    info.session.close()


def client(name: str, url: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ccxt
    found = getattr(ccxt, name)({"options": {"fetchMarkets": {"types": ["swap"]}}})
    found.urls["api"] = dict.fromkeys(found.urls["api"], url if name == "hyperliquid" else f"{url}/fapi/v1")
    return found


CCXT_HYPERLIQUID: dict[str, tuple[tuple[str, Getter], ...]] = {
    "BOOK": (
        ("event_time_ns", lambda row: row["timestamp"] * MS),
        ("bids", lambda row: [level[:2] for level in row["bids"]]),
        ("asks", lambda row: [level[:2] for level in row["asks"]]),
    ),
    "BAR": (
        ("open_time_ns", lambda row: row[0] * MS),
        ("open", lambda row: row[1]),
        ("high", lambda row: row[2]),
        ("low", lambda row: row[3]),
        ("close", lambda row: row[4]),
        ("volume", lambda row: row[5]),
    ),
    "FILL": (
        ("event_time_ns", lambda row: row["timestamp"] * MS),
        ("price", lambda row: row["price"]),
        ("quantity", lambda row: row["amount"]),
        ("side", lambda row: row["side"]),
        ("trade_id", lambda row: int(row["id"])),
        ("order_id", lambda row: int(row["order"])),
        ("fee", lambda row: row["fee"]["cost"]),
        ("is_taker", lambda row: row["takerOrMaker"] == "taker"),
    ),
    "MARK": (
        ("symbol", lambda row: row["info"]["name"]),
        ("price", lambda row: row["markPrice"]),
        ("oracle_price", lambda row: row["indexPrice"]),
        ("funding_rate", lambda row: row["fundingRate"]),
    ),
    "OPEN_INTEREST": (("open_interest", lambda row: row["openInterestAmount"]),),
    "FUNDING": (("event_time_ns", lambda row: row["timestamp"] * MS), ("funding_rate", lambda row: row["fundingRate"])),
    "POSITION": (
        ("symbol", lambda row: row["info"]["position"]["coin"]),
        ("size", lambda row: row["contracts"] if row["side"] == "long" else -row["contracts"]),
        ("position_value", lambda row: row["notional"]),
        ("entry_price", lambda row: row["entryPrice"]),
        ("liquidation_price", lambda row: row["liquidationPrice"]),
        ("leverage", lambda row: row["leverage"]),
        ("leverage_type", lambda row: row["marginMode"]),
        ("unrealized_profit", lambda row: row["unrealizedPnl"]),
        ("margin_used", lambda row: row["initialMargin"]),
    ),
}
CCXT_BINANCE: dict[str, tuple[tuple[str, Getter], ...]] = {
    "BOOK": (
        ("last_update_id", lambda row: row["last"]),
        ("event_time_ns", lambda row: row["timestamp"] * MS),
        ("bids", lambda row: row["bids"]),
        ("asks", lambda row: row["asks"]),
    ),
    "TRADE": (
        ("event_time_ns", lambda row: row["timestamp"] * MS),
        ("price", lambda row: row["price"]),
        ("quantity", lambda row: row["amount"]),
        ("side", lambda row: row["side"]),
        ("trade_id", lambda row: int(row["id"])),
    ),
}


def test_ccxt_reads_the_same_hyperliquid_values(server: str, ours: Callable[[str, str], list[VenueEvent]]) -> None:
    check = Comparison("ccxt hyperliquid", CCXT_HYPERLIQUID)
    exchange = client("hyperliquid", server)
    exchange.load_markets()
    check.compare("BOOK", ours("l2Book:DYDX", "BOOK"), [exchange.fetch_order_book("DYDX/USDC:USDC")], as_number=True)
    pepe = next(market["symbol"] for market in exchange.markets.values() if market["info"]["name"] == "kPEPE")
    bars = exchange.fetch_ohlcv(pepe, "1h", 1684702007000, params={"until": 1684784807000})
    told = {bar[0] * MS for bar in bars}
    mine = ours("candleSnapshot:kPEPE", "BAR")
    # The client leaves out bars that open before what it asked for, or after.
    assert len(bars) >= len(mine) - 2
    check.compare("BAR", [event for event in mine if event.values["open_time_ns"] in told], bars, as_number=True)
    fills = sorted(exchange.fetch_trades("ETH/USDC:USDC", 1755857880000, params={"user": USER}), key=lambda row: int(row["id"]))
    check.compare("FILL", sorted(ours("userFillsByTime", "FILL"), key=lambda event: event.values["trade_id"]), fills, as_number=True)
    rates = {row["info"]["name"]: row for row in exchange.fetch_funding_rates().values()}
    assert len(rates) > 100
    check.compare("MARK", *paired(ours("metaAndAssetCtxs", "MARK"), rates), as_number=True)
    interest = {row["info"]["name"]: row for row in exchange.fetch_open_interests().values()}
    assert interest.keys() == rates.keys()
    check.compare("OPEN_INTEREST", *paired(ours("metaAndAssetCtxs", "OPEN_INTEREST"), interest), as_number=True)
    positions = {row["info"]["position"]["coin"]: row for row in exchange.fetch_positions(params={"user": USER})}
    check.compare("POSITION", *paired(ours("clearinghouseState", "POSITION"), positions), as_number=True)
    history = exchange.fetch_funding_rate_history("BTC/USDC:USDC", 1681923833000)
    funding = {event.event_time_ns // MS: event for event in ours("fundingHistory:BTC", "FUNDING")}
    assert len(history) >= 100
    check.compare("FUNDING", [funding[row["timestamp"]] for row in history], history, as_number=True)
    check.finish()


def paired(events: list[VenueEvent], rows: dict[str, Any]) -> tuple[list[VenueEvent], list[Any]]:
    """Events and rows of the same coins; the client may leave out coins, we may not."""
    by_coin = {event.symbol: event for event in events}
    assert rows.keys() <= by_coin.keys()
    return [by_coin[name] for name in rows], list(rows.values())


def test_ccxt_reads_the_same_binance_books_and_trades(server: str) -> None:
    check = Comparison("ccxt binanceusdm", CCXT_BINANCE)
    exchange = client("binanceusdm", server)
    decoder = binance_decoder()
    books: list[tuple[VenueEvent, Any]] = []
    for item in read_recording(binance_folder() / "BINANCE_FUTURES.http.0.0.txt.gz"):
        (event,) = decoder.decode(item.message, item.received_ns, item.source, item.asked)
        assert isinstance(event, VenueEvent)
        theirs = exchange.fapiPublicGetDepth({"symbol": event.symbol, "limit": 1000})
        books.append((event, {**exchange.parse_order_book(theirs, event.symbol, int(theirs["T"])), "last": int(theirs["lastUpdateId"])}))
    assert len(books) == 4
    check.compare("BOOK", [event for event, _ in books], [row for _, row in books], as_number=True)
    market = exchange.safe_market_structure({"id": "SUSHIUSDT", "symbol": "SUSHI/USDT:USDT", "contract": True, "swap": True, "linear": True})
    trades: list[tuple[VenueEvent, Any]] = []
    for item in read_recording(binance_folder() / "BINANCE_FUTURES.ws.1.0.txt.gz"):
        (event,) = decoder.decode(item.message, item.received_ns, item.source)
        if isinstance(event, VenueEvent) and event.kind == "TRADE":
            trades.append((event, exchange.parse_trade(json.loads(item.message)["data"], market)))
    assert len(trades) == 91
    check.compare("TRADE", [event for event, _ in trades], [row for _, row in trades], as_number=True)
    check.finish()
