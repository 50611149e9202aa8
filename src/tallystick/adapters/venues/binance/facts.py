"""Binance's structs as facts: each function takes one parsed part and gives its entries. All raise MessageRefused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tallystick.adapters.venues.binance import wire
from tallystick.adapters.venues.message_decoder import Fact
from tallystick.adapters.venues.refusals import MessageRefused, amount, levels, nanoseconds, number, positive

PERPETUAL = "PERPETUAL"


def _trade(symbol: str, time_ms: int, identity: tuple[str, int], price: str, quantity: str, buyer_made: bool) -> Fact:
    """buyer_made: the buyer's order rested in the book, so the taker sold."""
    values = {"price": positive("price", price), "quantity": positive("quantity", quantity), "side": "sell" if buyer_made else "buy", "trade_id": identity[1]}
    return ("TRADE", symbol, nanoseconds(time_ms), identity, values)


def trade(item: wire.Trade) -> list[Fact]:
    """A TRADE, known by its id."""
    return [_trade(item.s, item.T, ("t", item.t), item.p, item.q, item.m)]


def trade_rows(rows: Iterable[wire.TradeAnswer], symbol: str) -> list[Fact]:
    """One TRADE each, known by the id that its stream gives it too."""
    return [_trade(symbol, row.time, ("t", row.id), row.price, row.qty, row.isBuyerMaker) for row in rows]


def aggregate_trade(item: wire.AggregateTrade | wire.AggregateTradeAnswer, symbol: str) -> Fact:
    """A TRADE of one taker order at one price, known by its aggregate id."""
    return _trade(symbol, item.T, ("a", item.a), item.p, item.q, item.m)


def forced_order(message: wire.ForceOrder) -> list[Fact]:
    """A LIQUIDATION; the venue gives it no id."""
    item = message.o
    values = {
        "price": positive("p", item.p),
        "quantity": positive("q", item.q),
        "side": item.S.lower(),
        "average_price": amount("ap", item.ap),
        "filled_quantity": amount("z", item.z),
        "order_status": item.X,
        "user": None,
    }
    identity = (item.T, *values.values())
    return [("LIQUIDATION", item.s, nanoseconds(item.T), identity, {**values, "trade_id": None})]


def depth(item: wire.DepthUpdate) -> list[Fact]:
    """A BOOK_DELTA with the update numbers that say what it follows."""
    if not 0 <= item.U <= item.u:
        raise MessageRefused("impossible_value", f"expected U not above u, found U {item.U} and u {item.u}")
    values = {
        "bids": levels("bid", item.b),
        "asks": levels("ask", item.a),
        "first_update_id": item.U,
        "last_update_id": item.u,
        "previous_update_id": item.pu,
    }
    return [("BOOK_DELTA", item.s, nanoseconds(item.E if item.T is None else item.T), item.u, values)]


def top_of_book(item: wire.DepthUpdate) -> list[Fact]:
    """A BOOK of the best levels alone: all of them each time, so no change that others build on, and without a number that they could join."""
    values = {"bids": levels("bid", item.b), "asks": levels("ask", item.a), "last_update_id": None}
    return [("BOOK", item.s, nanoseconds(item.E if item.T is None else item.T), ("top", item.u), values)]


def snapshot(item: wire.DepthSnapshot, symbol: str) -> list[Fact]:
    """A whole BOOK; only its number tells whether it is new."""
    bids, asks = levels("bid", item.bids), levels("ask", item.asks)
    time_ms = item.T if item.T is not None else item.E
    values = {"bids": bids, "asks": asks, "last_update_id": item.lastUpdateId}
    return [("BOOK", symbol, None if time_ms is None else nanoseconds(time_ms), item.lastUpdateId, values)]


def _quote(symbol: str, time_ms: int, update_id: int | None, bid: wire.Pair, ask: wire.Pair) -> Fact:
    """Known by its update number; bid and ask: price and quantity."""
    values = {
        "bid_price": positive("bid price", bid[0]),
        "bid_quantity": amount("bid quantity", bid[1]),
        "ask_price": positive("ask price", ask[0]),
        "ask_quantity": amount("ask quantity", ask[1]),
        "update_id": update_id,
    }
    return ("QUOTE", symbol, nanoseconds(time_ms), update_id, values)


def best_prices(item: wire.BookTicker) -> list[Fact]:
    """A QUOTE."""
    return [_quote(item.s, item.T, item.u, (item.b, item.B), (item.a, item.A))]


def best_price_rows(rows: Iterable[wire.BookTickerAnswer]) -> list[Fact]:
    """One QUOTE each."""
    return [_quote(row.symbol, row.time, row.lastUpdateId, (row.bidPrice, row.bidQty), (row.askPrice, row.askQty)) for row in rows]


def _mark(symbol: str, time_ms: int, mark: str, index: str, rate: str, next_ms: int) -> Fact:
    values = {
        "price": positive("mark price", mark),
        "oracle_price": amount("index price", index),
        "mid_price": None,
        "funding_rate": number("funding rate", rate) if rate else None,
        "premium": None,
        # Delivery contracts pay no funding: their rate is empty and their next time 0.
        "next_funding_ns": nanoseconds(next_ms) if next_ms else None,
    }
    return ("MARK", symbol, nanoseconds(time_ms), time_ms, values)


def mark(item: wire.MarkPrice) -> list[Fact]:
    """A MARK with index and funding."""
    return [_mark(item.s, item.E, item.p, item.i, item.r, item.T)]


def premium_index(items: Iterable[wire.PremiumIndex]) -> list[Fact]:
    """One MARK each."""
    return [_mark(item.symbol, item.time, item.markPrice, item.indexPrice, item.lastFundingRate, item.nextFundingTime) for item in items]


def _bar(prices: tuple[str, str, str, str], volumes: tuple[str, str], times: tuple[int, int], interval: str, count: int, closed: bool | None) -> dict[str, Any]:
    open_ns, close_ns = nanoseconds(times[0]), nanoseconds(times[1])
    if close_ns <= open_ns:
        raise MessageRefused("impossible_value", f"expected a bar that ends after {times[0]}, found {times[1]}")
    return {
        "interval": interval,
        "open_time_ns": open_ns,
        "close_time_ns": close_ns,
        **{name: positive(name, text) for name, text in zip(("open", "high", "low", "close"), prices, strict=True)},
        "volume": amount("volume", volumes[0]),
        "quote_volume": amount("quote volume", volumes[1]),
        "trade_count": count,
        "is_closed": closed,
    }


def kline(item: wire.KlineBody, symbol: str, time_ms: int) -> list[Fact]:
    """A BAR as it grows; only the same content is a repetition."""
    values = _bar((item.o, item.h, item.low, item.c), (item.v, item.q), (item.t, item.T), item.i, item.n, item.x)
    return [("BAR", symbol, nanoseconds(time_ms), (item.i, item.t, item.n, item.c, item.v, item.x, time_ms), values)]


def contract_kline(message: wire.ContractKline) -> list[Fact]:
    """A BAR of a pair's perpetual, which has the pair's name; nothing of a delivery contract, whose name the message does not tell."""
    return kline(message.k, message.ps, message.E) if message.ct == PERPETUAL else []


def kline_rows(rows: Iterable[wire.KlineRow], symbol: str, interval: str) -> list[Fact]:
    """One BAR each, at its open time."""
    found: list[Fact] = []
    for row in rows:
        values = _bar(row[1:5], (row[5], row[7]), (row[0], row[6]), interval, row[8], None)
        found.append(("BAR", symbol, values["open_time_ns"], (interval, row[0], row[8], row[4], row[5]), values))
    return found


def _day(symbol: str, time_ms: int, prices: tuple[str, str, str, str], volumes: tuple[str, str], count: int | None) -> Fact:
    """prices: last, first, highest, lowest; volumes: in base and in quote units."""
    values: dict[str, Any] = {name: positive(name, text) for name, text in zip(("price", "open", "high", "low"), prices, strict=True)}
    values |= {"volume": amount("volume", volumes[0]), "quote_volume": amount("quote volume", volumes[1]), "trade_count": count}
    return ("DAY_SUMMARY", symbol, nanoseconds(time_ms), (time_ms, count), values)


def day_ticker(item: wire.DaySummary) -> list[Fact]:
    """A DAY_SUMMARY; the short one does not count its trades."""
    count = item.n if isinstance(item, wire.DayTicker) else None
    return [_day(item.s, item.E, (item.c, item.o, item.h, item.low), (item.v, item.q), count)]


def day_rows(rows: Iterable[wire.DayTickerAnswer]) -> list[Fact]:
    """One DAY_SUMMARY each."""
    return [
        _day(row.symbol, row.closeTime, (row.lastPrice, row.openPrice, row.highPrice, row.lowPrice), (row.volume, row.quoteVolume), row.count) for row in rows
    ]


def open_interest(item: wire.OpenInterest) -> list[Fact]:
    """An OPEN_INTEREST."""
    values = {"open_interest": amount("openInterest", item.openInterest), "day_notional_volume": None}
    return [("OPEN_INTEREST", item.symbol, nanoseconds(item.time), item.time, values)]


def open_interest_rows(rows: Iterable[wire.OpenInterestPoint]) -> list[Fact]:
    """One OPEN_INTEREST each."""
    found: list[Fact] = []
    for row in rows:
        values = {"open_interest": amount("sumOpenInterest", row.sumOpenInterest), "day_notional_volume": None}
        found.append(("OPEN_INTEREST", row.symbol, nanoseconds(row.timestamp), row.timestamp, values))
    return found


def funding(items: Iterable[wire.FundingRate]) -> list[Fact]:
    """One FUNDING each, known by its time."""
    return [
        ("FUNDING", item.symbol, nanoseconds(item.fundingTime), item.fundingTime, {"funding_rate": number("fundingRate", item.fundingRate), "premium": None})
        for item in items
    ]


def positions(items: Iterable[wire.PositionRisk]) -> list[Fact]:
    """One POSITION each."""
    found: list[Fact] = []
    for item in items:
        values = {
            "size": number("positionAmt", item.positionAmt),
            "entry_price": amount("entryPrice", item.entryPrice),
            "liquidation_price": amount("liquidationPrice", item.liquidationPrice),
            "leverage": item.leverage,
            "leverage_type": item.marginType,
            "margin_used": number("isolatedMargin", item.isolatedMargin),
            "position_value": number("notional", item.notional),
            "unrealized_profit": number("unRealizedProfit", item.unRealizedProfit),
            # The account is whoever signed the question; neither the question nor the answer names it.
            "account": None,
            "position_side": None if item.positionSide == "BOTH" else item.positionSide,
        }
        found.append(("POSITION", item.symbol, nanoseconds(item.updateTime), None, values))
    return found
