"""Hyperliquid's structs as facts: each function takes one parsed part and gives its entries. All raise MessageRefused."""

from __future__ import annotations

from collections.abc import Iterable

from tallystick.adapters.venues.hyperliquid import wire
from tallystick.adapters.venues.message_decoder import Fact
from tallystick.adapters.venues.refusals import ABOVE_ZERO, LAST_MS, NS_PER_MS, MessageRefused, amount, levels, nanoseconds, number, optional_number, positive

SIDES = {"B": "buy", "A": "sell"}
OTHER_SIDES = {"B": "sell", "A": "buy"}


def trades(items: Iterable[wire.Trade]) -> list[Fact]:
    """One TRADE each; a trade is known by its tid."""
    found: list[Fact] = []
    for item in items:
        price, quantity, time_ms, tid = item.px, item.sz, item.time, item.tid
        # The three checks as one condition: this is the busiest loop of all; which one failed is asked afterwards.
        if ABOVE_ZERO(price) is None or ABOVE_ZERO(quantity) is None or not 0 < time_ms <= LAST_MS:
            positive("px", price)
            positive("sz", quantity)
            nanoseconds(time_ms)
        values = {"price": price, "quantity": quantity, "side": SIDES[item.side], "trade_id": tid}
        found.append(("TRADE", item.coin, time_ms * NS_PER_MS, tid, values))
    return found


def book(item: wire.Book) -> list[Fact]:
    """A whole BOOK; one that is told twice for the same instant says nothing new."""
    time_ns = nanoseconds(item.time)
    bids, asks = (levels(name, ((level.px, level.sz) for level in side)) for name, side in zip(("bid", "ask"), item.levels, strict=True))
    return [("BOOK", item.coin, time_ns, time_ns, {"bids": bids, "asks": asks, "last_update_id": None})]


def best_prices(item: wire.BestPrices) -> list[Fact]:
    """A QUOTE; an empty side is None."""
    bid, ask = item.bbo
    values = {
        "bid_price": positive("bid", bid.px) if bid else None,
        "bid_quantity": amount("bid quantity", bid.sz) if bid else None,
        "ask_price": positive("ask", ask.px) if ask else None,
        "ask_quantity": amount("ask quantity", ask.sz) if ask else None,
        "update_id": None,
    }
    return [("QUOTE", item.coin, nanoseconds(item.time), (item.time, *values.values()), values)]


def mids(prices: dict[str, str]) -> list[Fact]:
    """One MID a coin; the message carries no time."""
    return [("MID", coin, None, None, {"price": positive(f"mid of {coin[:40]}", price)}) for coin, price in prices.items()]


def context(coin: str, item: wire.AssetContext) -> list[Fact]:
    """A MARK, and the OPEN_INTEREST where the coin has one; the message carries no time."""
    mark = {
        "price": amount("markPx", item.markPx),
        "oracle_price": optional_number("oraclePx", item.oraclePx),
        "mid_price": optional_number("midPx", item.midPx),
        "funding_rate": optional_number("funding", item.funding),
        "premium": optional_number("premium", item.premium),
        "next_funding_ns": None,
    }
    found: list[Fact] = [("MARK", coin, None, None, mark)]
    if item.openInterest is not None:
        values = {"open_interest": amount("openInterest", item.openInterest), "day_notional_volume": amount("dayNtlVlm", item.dayNtlVlm)}
        found.append(("OPEN_INTEREST", coin, None, None, values))
    return found


def all_contexts(exchanges: Iterable[tuple[str, Iterable[wire.AssetContext]]]) -> list[Fact]:
    """Contexts by asset number: the message names no coin, so each symbol is `<exchange>#<asset number>`, as the venue counts."""
    return [fact for exchange, contexts in exchanges for place, one in enumerate(contexts) for fact in context(f"{exchange}#{place}", one)]


def named_contexts(items: Iterable[wire.NamedContext]) -> list[Fact]:
    """What `context` says of each."""
    return [fact for item in items for fact in context(item.coin, item)]


def instruments(item: wire.Universe) -> list[Fact]:
    """One INSTRUMENT an asset."""
    return [
        (
            "INSTRUMENT",
            asset.name,
            None,
            None,
            {
                "size_decimals": asset.szDecimals,
                "max_leverage": asset.maxLeverage,
                "is_delisted": bool(asset.isDelisted),
                "only_isolated": bool(asset.onlyIsolated),
            },
        )
        for asset in item.universe
    ]


def universe_and_contexts(item: tuple[wire.Universe, tuple[wire.AssetContext, ...]]) -> list[Fact]:
    """INSTRUMENT, MARK and OPEN_INTEREST of every asset."""
    universe, contexts = item
    if len(universe.universe) != len(contexts):
        raise MessageRefused("impossible_value", f"expected one context for each of {len(universe.universe)} assets, found {len(contexts)}")
    pairs = zip(universe.universe, contexts, strict=True)
    return instruments(universe) + [fact for asset, one in pairs for fact in context(asset.name, one)]


def candle(item: wire.Candle | tuple[wire.Candle, ...]) -> list[Fact]:
    """BARs that are still told as they grow: the message carries no time of its own, and only the same content is a repetition."""
    found = candles(item if isinstance(item, tuple) else (item,))
    return [(kind, symbol, None, identity, values) for kind, symbol, _, identity, values in found]


def candles(items: Iterable[wire.Candle]) -> list[Fact]:
    """One BAR each, at its open time."""
    return [_bar(item) for item in items]


def _bar(item: wire.Candle) -> Fact:
    open_ns, close_ns = nanoseconds(item.t), nanoseconds(item.T)
    if close_ns <= open_ns:
        raise MessageRefused("impossible_value", f"expected a bar that ends after {item.t}, found {item.T}")
    values = {
        "interval": item.i,
        "open_time_ns": open_ns,
        "close_time_ns": close_ns,
        "open": positive("o", item.o),
        "high": positive("h", item.h),
        "low": positive("l", item.l),
        "close": positive("c", item.c),
        "volume": amount("v", item.v),
        "quote_volume": None,
        "trade_count": item.n,
        "is_closed": None,
    }
    return ("BAR", item.s, open_ns, (item.i, item.t, item.n, item.c, item.v), values)


def fills(items: Iterable[wire.Fill], user: str | None = None) -> list[Fact]:
    """One FILL each, and a LIQUIDATION where the venue says that it was one. user: whose fills, as the channel or the question named them."""
    found: list[Fact] = []
    for item in items:
        time_ns, victim = nanoseconds(item.time), item.liquidation.liquidatedUser if item.liquidation else None
        price, quantity, side = positive("px", item.px), positive("sz", item.sz), SIDES[item.side]
        # Answers of 2023 carry no tid; hash and order alone repeat when one order fills twice at once.
        identity = item.tid if item.tid is not None else (item.hash, item.oid, item.px, item.sz, item.startPosition)
        # Both accounts of a trade are told of it by one tid, and each fill is its own.
        fill_identity = identity if item.tid is None else (item.tid, item.side)
        values = {
            "price": price,
            "quantity": quantity,
            "side": side,
            "trade_id": item.tid,
            "order_id": item.oid,
            "fee": number("fee", item.fee),
            "closed_profit": number("closedPnl", item.closedPnl),
            "start_position": number("startPosition", item.startPosition),
            "direction": item.dir,
            "is_taker": item.crossed,
            "liquidated_user": victim,
        }
        found.append(("FILL", item.coin, time_ns, fill_identity, values))
        if item.liquidation is not None:
            liquidation = {
                "price": price,
                "quantity": quantity,
                "side": _forced_side(item, victim, user),
                "average_price": None,
                "filled_quantity": quantity,
                "order_status": None,
                "user": victim,
                "trade_id": item.tid,
            }
            found.append(("LIQUIDATION", item.coin, time_ns, identity, liquidation))
    return found


def _forced_side(item: wire.Fill, victim: str | None, user: str | None) -> str:
    """The side of the order that closed the liquidated position: whoever traded against it is told of the liquidation too, and has the other side."""
    # Where nobody says whose fills these are: the venue calls the account's own fill so, or else the forced order takes and what rested is the other's.
    is_forced = user.lower() == victim.lower() if user and victim else item.crossed or item.dir.startswith("Liquidated")
    return SIDES[item.side] if is_forced else OTHER_SIDES[item.side]


def slice_fills(items: Iterable[wire.SliceFill], user: str | None = None) -> list[Fact]:
    """The fills of slices, which are fills like all others."""
    return fills((item.fill for item in items), user)


def user_events(item: wire.UserEvents) -> list[Fact]:
    """All fills among the events of an account."""
    return fills(item.fills or ()) + slice_fills(item.twapSliceFills or ())


def accounts(item: wire.AllAccountStates) -> list[Fact]:
    """What `account` says of each exchange."""
    return [fact for exchange, state in item.clearinghouseStates for fact in account(state, item.user, exchange)]


def account(item: wire.ClearinghouseState, user: str | None = None, exchange: str | None = None) -> list[Fact]:
    """The ACCOUNT, then one POSITION each. user, exchange: whose and where, as the channel or the question named them; None where neither did."""
    whose = user or None
    time_ns = None if item.time is None else nanoseconds(item.time)
    totals = {
        "account_value": number("accountValue", item.marginSummary.accountValue),
        "total_notional": number("totalNtlPos", item.marginSummary.totalNtlPos),
        "total_margin_used": number("totalMarginUsed", item.marginSummary.totalMarginUsed),
        "withdrawable": number("withdrawable", item.withdrawable),
        "account": whose,
        "exchange": exchange,
    }
    return [("ACCOUNT", "", time_ns, None, totals), *(position(one.position, time_ns, whose) for one in item.assetPositions)]


def position(item: wire.Position, time_ns: int | None, whose: str | None) -> Fact:
    """A POSITION, its size signed."""
    values = {
        "size": number("szi", item.szi),
        "entry_price": optional_number("entryPx", item.entryPx),
        "liquidation_price": optional_number("liquidationPx", item.liquidationPx),
        "leverage": item.leverage.value,
        "leverage_type": item.leverage.type,
        "margin_used": number("marginUsed", item.marginUsed),
        "position_value": number("positionValue", item.positionValue),
        "unrealized_profit": number("unrealizedPnl", item.unrealizedPnl),
        "account": whose,
        "position_side": None,
    }
    return ("POSITION", item.coin, time_ns, None, values)


def funding(items: Iterable[wire.FundingPoint]) -> list[Fact]:
    """One FUNDING each, known by its time."""
    return [
        (
            "FUNDING",
            item.coin,
            nanoseconds(item.time),
            item.time,
            {"funding_rate": number("fundingRate", item.fundingRate), "premium": optional_number("premium", item.premium)},
        )
        for item in items
    ]
