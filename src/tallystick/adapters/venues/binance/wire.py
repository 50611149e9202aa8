"""Binance's stream messages as typed structs, by its own one-letter field names. Numbers stay the text that the venue sent; times are milliseconds."""

from __future__ import annotations

from typing import Literal

import msgspec

Pair = tuple[str, str]


class AggregateTrade(msgspec.Struct, tag_field="e", tag="aggTrade", gc=False):
    """a: id; m: the buyer is the maker, so the taker sold."""

    s: str
    a: int
    p: str
    q: str
    T: int
    E: int
    m: bool


class Trade(msgspec.Struct, tag_field="e", tag="trade", gc=False):
    """t: id; m: the buyer is the maker, so the taker sold."""

    s: str
    t: int
    p: str
    q: str
    T: int
    E: int
    m: bool


class ForcedOrder(msgspec.Struct):
    """S: side of the order that closes the position; p: its limit; ap: average price; z: filled so far."""

    s: str
    S: Literal["BUY", "SELL"]
    q: str
    p: str
    ap: str
    X: str
    z: str
    T: int


class ForceOrder(msgspec.Struct, tag_field="e", tag="forceOrder"):
    """A liquidation."""

    E: int
    o: ForcedOrder


class DepthUpdate(msgspec.Struct, tag_field="e", tag="depthUpdate"):
    """U, u: first and last update in it; pu: last update of the message before; a quantity of 0 removes a level."""

    s: str
    U: int
    u: int
    b: tuple[Pair, ...]
    a: tuple[Pair, ...]
    E: int
    T: int | None = None
    pu: int | None = None


class BookTicker(msgspec.Struct, tag_field="e", tag="bookTicker", gc=False):
    """Best bid and ask with quantities."""

    u: int
    s: str
    b: str
    B: str
    a: str
    A: str
    T: int
    E: int


class MarkPrice(msgspec.Struct, tag_field="e", tag="markPriceUpdate"):
    """p: mark; i: index; r: funding rate; T: next funding."""

    E: int
    s: str
    p: str
    i: str
    r: str
    T: int


class KlineBody(msgspec.Struct):
    """One bar; x: it is final."""

    t: int
    T: int
    i: str
    o: str
    c: str
    h: str
    v: str
    n: int
    x: bool
    q: str
    low: str = msgspec.field(name="l")


class Kline(msgspec.Struct, tag_field="e", tag="kline"):
    """A bar as it grows."""

    E: int
    s: str
    k: KlineBody


class DaySummary(msgspec.Struct, tag_field="e", tag="24hrMiniTicker"):
    """The last 24 hours, in short."""

    E: int
    s: str
    c: str
    o: str
    h: str
    v: str
    q: str
    low: str = msgspec.field(name="l")


class DayTicker(DaySummary, tag_field="e", tag="24hrTicker"):
    """The last 24 hours; n: trades."""

    n: int


class ContractKline(msgspec.Struct, tag_field="e", tag="continuous_kline"):
    """A bar as it grows, of the contract of this type (ct) on a pair."""

    E: int
    ps: str
    ct: str
    k: KlineBody


Event = AggregateTrade | Trade | ForceOrder | DepthUpdate | BookTicker | MarkPrice | Kline | ContractKline | DayTicker | DaySummary


class Stream(msgspec.Struct):
    """A message of the combined endpoint."""

    stream: str
    data: Event


class DepthSnapshot(msgspec.Struct):
    """The answer of /fapi/v1/depth; it does not name its symbol."""

    lastUpdateId: int
    bids: tuple[Pair, ...]
    asks: tuple[Pair, ...]
    T: int | None = None
    E: int | None = None


class AggregateTradeAnswer(msgspec.Struct):
    """One row of /fapi/v1/aggTrades."""

    a: int
    p: str
    q: str
    T: int
    m: bool


class TradeAnswer(msgspec.Struct):
    """One row of /fapi/v1/trades and /fapi/v1/historicalTrades."""

    id: int
    price: str
    qty: str
    time: int
    isBuyerMaker: bool


class BookTickerAnswer(msgspec.Struct):
    """An answer of /fapi/v1/ticker/bookTicker."""

    symbol: str
    bidPrice: str
    bidQty: str
    askPrice: str
    askQty: str
    time: int
    lastUpdateId: int | None = None


class DayTickerAnswer(msgspec.Struct):
    """An answer of /fapi/v1/ticker/24hr."""

    symbol: str
    lastPrice: str
    openPrice: str
    highPrice: str
    lowPrice: str
    volume: str
    quoteVolume: str
    closeTime: int
    count: int


class OpenInterestPoint(msgspec.Struct):
    """One row of /futures/data/openInterestHist."""

    symbol: str
    sumOpenInterest: str
    timestamp: int


class PremiumIndex(msgspec.Struct):
    """An answer of /fapi/v1/premiumIndex."""

    symbol: str
    markPrice: str
    indexPrice: str
    lastFundingRate: str
    nextFundingTime: int
    time: int


class OpenInterest(msgspec.Struct):
    """The answer of /fapi/v1/openInterest."""

    symbol: str
    openInterest: str
    time: int


class FundingRate(msgspec.Struct):
    """One row of /fapi/v1/fundingRate."""

    symbol: str
    fundingRate: str
    fundingTime: int


class PositionRisk(msgspec.Struct):
    """One row of positionRisk; a leverage is a digit string, and the third version of the answer has neither it nor the kind of margin.

    positionSide: BOTH, or in hedge mode LONG and SHORT, each in a row of its own.
    """

    symbol: str
    positionAmt: str
    entryPrice: str
    liquidationPrice: str
    isolatedMargin: str
    notional: str
    unRealizedProfit: str
    updateTime: int
    markPrice: str
    leverage: str | None = None
    marginType: str | None = None
    positionSide: Literal["BOTH", "LONG", "SHORT"] = "BOTH"


# [open time, open, high, low, close, volume, close time, quote volume, trades, taker base, taker quote, ignored]
KlineRow = tuple[int, str, str, str, str, str, int, str, int, str, str, str]
