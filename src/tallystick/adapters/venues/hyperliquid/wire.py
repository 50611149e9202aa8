"""Hyperliquid's messages as typed structs, by its own field names. Numbers stay the text that the venue sent; times are milliseconds."""

from __future__ import annotations

from typing import Literal

import msgspec

Side = Literal["A", "B"]


class Trade(msgspec.Struct, gc=False):
    """side: of the taker, B buys, A sells."""

    coin: str
    side: Side
    px: str
    sz: str
    time: int
    tid: int


class Level(msgspec.Struct, gc=False):
    """One price of a book."""

    px: str
    sz: str


class Book(msgspec.Struct):
    """levels: bids, then asks, best first."""

    coin: str
    levels: tuple[tuple[Level, ...], tuple[Level, ...]]
    time: int


class BestPrices(msgspec.Struct):
    """bbo: best bid, best ask; None for an empty side."""

    coin: str
    time: int
    bbo: tuple[Level | None, Level | None]


class Mids(msgspec.Struct):
    """Mid price by coin."""

    mids: dict[str, str]


class AssetContext(msgspec.Struct):
    """Funding, marks and open interest of one coin; spot coins have no funding, oracle or open interest."""

    markPx: str
    dayNtlVlm: str
    funding: str | None = None
    openInterest: str | None = None
    oraclePx: str | None = None
    midPx: str | None = None
    premium: str | None = None


class ActiveAssetContext(msgspec.Struct):
    """The context of one coin."""

    coin: str
    ctx: AssetContext


class AllContexts(msgspec.Struct):
    """Contexts of every exchange on the venue, in the order of its universe."""

    ctxs: tuple[tuple[str, tuple[AssetContext, ...]], ...]


class Candle(msgspec.Struct):
    """t, T: open and close, milliseconds; n: trades."""

    t: int
    T: int
    s: str
    i: str
    o: str
    c: str
    h: str
    l: str  # noqa: E741 - the venue's name
    v: str
    n: int


class FillLiquidation(msgspec.Struct):
    """Who was liquidated in a fill, at which mark."""

    markPx: str
    liquidatedUser: str | None = None
    method: str | None = None


class Fill(msgspec.Struct):
    """One fill of an account. tid is absent in answers of 2023."""

    coin: str
    px: str
    sz: str
    side: Side
    time: int
    startPosition: str
    dir: str
    closedPnl: str
    oid: int
    crossed: bool
    fee: str
    hash: str
    tid: int | None = None
    liquidation: FillLiquidation | None = None


class UserFills(msgspec.Struct):
    """user: whose; isSnapshot: the account's recent past, sent on subscription."""

    fills: tuple[Fill, ...]
    isSnapshot: bool = False
    user: str | None = None


class SliceFill(msgspec.Struct):
    """A fill of one slice of a time-weighted order."""

    fill: Fill
    twapId: int


class SliceFills(msgspec.Struct):
    """user: whose; isSnapshot: the account's recent past, sent on subscription."""

    twapSliceFills: tuple[SliceFill, ...]
    isSnapshot: bool = False
    user: str | None = None


class UserEvents(msgspec.Struct):
    """Events of an account; only its fills are facts about a market."""

    fills: tuple[Fill, ...] | None = None
    twapSliceFills: tuple[SliceFill, ...] | None = None


class Leverage(msgspec.Struct):
    """type: cross or isolated."""

    type: str
    value: int


class Position(msgspec.Struct):
    """szi: signed size."""

    coin: str
    szi: str
    leverage: Leverage
    positionValue: str
    unrealizedPnl: str
    marginUsed: str
    entryPx: str | None = None
    liquidationPx: str | None = None


class AssetPosition(msgspec.Struct):
    """type: oneWay."""

    position: Position
    type: str


class MarginSummary(msgspec.Struct):
    """Totals of an account."""

    accountValue: str
    totalNtlPos: str
    totalMarginUsed: str
    totalRawUsd: str


class ClearinghouseState(msgspec.Struct):
    """An account: its totals and positions. time is absent in answers of early 2023."""

    marginSummary: MarginSummary
    assetPositions: tuple[AssetPosition, ...]
    withdrawable: str
    time: int | None = None


class Asset(msgspec.Struct):
    """One perpetual of the universe."""

    name: str
    szDecimals: int
    maxLeverage: int
    onlyIsolated: bool | None = None
    isDelisted: bool | None = None


class Universe(msgspec.Struct):
    """What can be traded, in the order that asset numbers follow."""

    universe: tuple[Asset, ...]


class FundingPoint(msgspec.Struct):
    """A paid funding rate."""

    coin: str
    fundingRate: str
    time: int
    premium: str | None = None


class AccountState(msgspec.Struct):
    """The clearinghouse state of the channel of that name. user: whose; dex: on which of the venue's exchanges, empty for its main one."""

    clearinghouseState: ClearinghouseState
    user: str | None = None
    dex: str | None = None


class AllAccountStates(msgspec.Struct):
    """The clearinghouse states of one account on all of the venue's exchanges, each with its exchange's name."""

    clearinghouseStates: tuple[tuple[str, ClearinghouseState], ...]
    user: str | None = None


class ExchangeContexts(msgspec.Struct):
    """Contexts of one exchange (dex), in the order of its universe."""

    dex: str
    ctxs: tuple[AssetContext, ...]


class NamedContext(AssetContext, kw_only=True):
    """A context that names its coin."""

    coin: str


class TradesMessage(msgspec.Struct, tag_field="channel", tag="trades"):
    """Channel trades."""

    data: tuple[Trade, ...]


class BookMessage(msgspec.Struct, tag_field="channel", tag="l2Book"):
    """Channel l2Book."""

    data: Book


class BestPricesMessage(msgspec.Struct, tag_field="channel", tag="bbo"):
    """Channel bbo."""

    data: BestPrices


class MidsMessage(msgspec.Struct, tag_field="channel", tag="allMids"):
    """Channel allMids."""

    data: Mids


class ContextMessage(msgspec.Struct, tag_field="channel", tag="activeAssetCtx"):
    """Channel activeAssetCtx."""

    data: ActiveAssetContext


class SpotContextMessage(msgspec.Struct, tag_field="channel", tag="activeSpotAssetCtx"):
    """Channel activeSpotAssetCtx."""

    data: ActiveAssetContext


class AllContextsMessage(msgspec.Struct, tag_field="channel", tag="allDexsAssetCtxs"):
    """Channel allDexsAssetCtxs."""

    data: AllContexts


class ExchangeContextsMessage(msgspec.Struct, tag_field="channel", tag="assetCtxs"):
    """Channel assetCtxs."""

    data: ExchangeContexts


class SpotContextsMessage(msgspec.Struct, tag_field="channel", tag="spotAssetCtxs"):
    """Channel spotAssetCtxs."""

    data: tuple[NamedContext, ...]


class CandleMessage(msgspec.Struct, tag_field="channel", tag="candle"):
    """Channel candle; the venue's own reference shows a list, its streams one object."""

    data: Candle | tuple[Candle, ...]


class UserMessage(msgspec.Struct, tag_field="channel", tag="user"):
    """Channel user: the answer to the subscription userEvents."""

    data: UserEvents


class UserEventsMessage(msgspec.Struct, tag_field="channel", tag="userEvents"):
    """Channel user under the name of its subscription."""

    data: UserEvents


class SliceFillsMessage(msgspec.Struct, tag_field="channel", tag="userTwapSliceFills"):
    """Channel userTwapSliceFills."""

    data: SliceFills


class UserFillsMessage(msgspec.Struct, tag_field="channel", tag="userFills"):
    """Channel userFills."""

    data: UserFills


class AccountMessage(msgspec.Struct, tag_field="channel", tag="clearinghouseState"):
    """Channel clearinghouseState."""

    data: AccountState


class AllAccountsMessage(msgspec.Struct, tag_field="channel", tag="allDexsClearinghouseState"):
    """Channel allDexsClearinghouseState."""

    data: AllAccountStates


Message = (
    TradesMessage
    | BookMessage
    | BestPricesMessage
    | MidsMessage
    | ContextMessage
    | SpotContextMessage
    | AllContextsMessage
    | ExchangeContextsMessage
    | SpotContextsMessage
    | CandleMessage
    | UserMessage
    | UserEventsMessage
    | UserFillsMessage
    | SliceFillsMessage
    | AccountMessage
    | AllAccountsMessage
)
