"""Binance's REST answers, by what was asked or, where the caller does not say, by their fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from tallystick.adapters.venues.binance import facts, wire
from tallystick.adapters.venues.message_decoder import Fact, Reading
from tallystick.adapters.venues.refusals import MessageRefused

# Last part of the request's path → the name of the answer.
ENDPOINTS = {
    "depth": "depth",
    "aggTrades": "aggTrades",
    "klines": "klines",
    "continuousKlines": "continuousKlines",
    "trades": "trades",
    "historicalTrades": "trades",
    "24hr": "24hr",
    "bookTicker": "bookTicker",
    "openInterestHist": "openInterestHist",
    "premiumIndex": "premiumIndex",
    "openInterest": "openInterest",
    "fundingRate": "fundingRate",
    "positionRisk": "positionRisk",
    "account": "account",
    "balance": "balance",
    "exchangeInfo": "exchangeInfo",
    "order": "order",
    "openOrders": "openOrders",
    "openAlgoOrders": "openAlgoOrders",
    "ping": "ping",
    "time": "time",
    "listenKey": "listenKey",
}
# Understood, and no fact that an event could carry: ratios, indexes, margin tables, the last price alone, and what only concerns the one who asks.
CONTROL_ENDPOINTS = (
    "accountConfig",
    "adlQuantile",
    "allOrders",
    "apiTradingStatus",
    "assetIndex",
    "basis",
    "commissionRate",
    "constituents",
    "dual",
    "feeBurn",
    "forceOrders",
    "fundingInfo",
    "globalLongShortAccountRatio",
    "income",
    "indexInfo",
    "indexPriceKlines",
    "insuranceBalance",
    "leverageBracket",
    "markPriceKlines",
    "multiAssetsMargin",
    "openOrder",
    "positionMargin",
    "premiumIndexKlines",
    "price",
    "symbolConfig",
    "takerlongshortRatio",
    "topLongShortAccountRatio",
    "topLongShortPositionRatio",
    "userTrades",
)
ENDPOINTS.update({name: name for name in CONTROL_ENDPOINTS})
CONTROL = frozenset(
    {"account", "balance", "exchangeInfo", "order", "openOrders", "openAlgoOrders", "ping", "time", "listenKey", "error", "result", *CONTROL_ENDPOINTS}
)
# Answers of one symbol, or of all as a list.
OF_ONE_OR_ALL: dict[str, tuple[Any, Callable[[Any], list[Fact]]]] = {
    "premiumIndex": (tuple[wire.PremiumIndex, ...], facts.premium_index),
    "bookTicker": (tuple[wire.BookTickerAnswer, ...], facts.best_price_rows),
    "24hr": (tuple[wire.DayTickerAnswer, ...], facts.day_rows),
}
UNNAMED = ("depth", "aggTrades", "trades", "klines")
BY_FIELDS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"lastUpdateId", "bids", "asks"}), "depth"),
    (frozenset({"code", "msg"}), "error"),
    (frozenset({"result", "id"}), "result"),
    (frozenset({"error", "id"}), "error"),
    (frozenset({"markPrice", "nextFundingTime"}), "premiumIndex"),
    (frozenset({"openInterest", "symbol"}), "openInterest"),
    (frozenset({"bidPrice", "askPrice", "symbol"}), "bookTicker"),
    (frozenset({"lastPrice", "closeTime", "symbol"}), "24hr"),
    (frozenset({"orderId", "clientOrderId"}), "order"),
    (frozenset({"totalWalletBalance", "assets"}), "account"),
    (frozenset({"exchangeFilters", "symbols"}), "exchangeInfo"),
    (frozenset({"serverTime"}), "time"),
    (frozenset({"listenKey"}), "listenKey"),
)
BY_ENTRY: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"positionAmt", "entryPrice"}), "positionRisk"),
    (frozenset({"accountAlias", "balance"}), "balance"),
    (frozenset({"algoId"}), "openAlgoOrders"),
    (frozenset({"orderId"}), "openOrders"),
    (frozenset({"fundingRate", "fundingTime"}), "fundingRate"),
    (frozenset({"markPrice", "nextFundingTime"}), "premiumIndex"),
    (frozenset({"a", "p", "q", "T", "m"}), "aggTrades"),
    (frozenset({"id", "price", "qty", "isBuyerMaker"}), "trades"),
    (frozenset({"bidPrice", "askPrice", "symbol"}), "bookTicker"),
    (frozenset({"lastPrice", "closeTime", "symbol"}), "24hr"),
    (frozenset({"sumOpenInterest", "timestamp"}), "openInterestHist"),
)


def what_was_asked(target: str) -> tuple[str, dict[str, str]]:
    """The name of an answer and its parameters, from the request target. Raises MessageRefused for an unknown one."""
    parts = urlsplit(target)
    name = ENDPOINTS.get(parts.path.rstrip("/").rsplit("/", 1)[-1])
    if name is None:
        raise MessageRefused("unknown_channel", f"expected the answer of a known endpoint, found one of {parts.path[:60]!r}", parts.path)
    return name, {key: values[0] for key, values in parse_qs(parts.query).items()}


def told_by_fields(document: object) -> str:
    """What an answer answers, from its fields; empty for an empty one. Raises MessageRefused for one that nothing recognises."""
    found: str | None = None
    if isinstance(document, dict | list) and not document:
        return ""
    if isinstance(document, dict):
        found = next((name for keys, name in BY_FIELDS if keys <= document.keys()), None)
    elif isinstance(document, list) and isinstance(document[0], dict):
        found = next((name for keys, name in BY_ENTRY if keys <= document[0].keys()), None)
    if found is None:
        raise MessageRefused("unknown_channel", f"expected an answer with known fields, found a {type(document).__name__}")
    return found


def read_answer(document: object, name: str, asked: dict[str, str], only_symbol: str | None) -> Reading:
    """The facts of an answer, already parsed. only_symbol: the one symbol that an unnamed book can be of. Raises ValidationError or MessageRefused."""
    if not name:
        return Reading("answer", None, detail="an empty answer")
    if isinstance(document, dict) and {"code", "msg"} <= document.keys():
        return Reading("error", None, detail=f"{document['code']} {document['msg']}"[:200])
    if name in CONTROL:
        return Reading(name, None)
    symbol = asked.get("symbol") or only_symbol or ""
    if name in UNNAMED and not symbol:
        raise MessageRefused("missing_field", f"expected the symbol that {name} was asked for, found none")
    return Reading(name, _entries(document, name, symbol, asked), history=True)


def _entries(document: object, name: str, symbol: str, asked: dict[str, str]) -> list[Fact]:
    def parsed(shape: Any) -> Any:
        return msgspec.convert(document, shape, strict=True)

    if name in OF_ONE_OR_ALL:
        shape, entries = OF_ONE_OR_ALL[name]
        return entries(msgspec.convert(document if isinstance(document, list) else [document], shape, strict=True))
    match name:
        case "depth":
            return facts.snapshot(parsed(wire.DepthSnapshot), symbol)
        case "aggTrades":
            return [facts.aggregate_trade(item, symbol) for item in parsed(tuple[wire.AggregateTradeAnswer, ...])]
        case "klines":
            return facts.kline_rows(parsed(tuple[wire.KlineRow, ...]), symbol, asked.get("interval", ""))
        case "trades":
            return facts.trade_rows(parsed(tuple[wire.TradeAnswer, ...]), symbol)
        case "continuousKlines":
            # Only the perpetual of a pair has the pair's name.
            pair = asked.get("pair", "") if asked.get("contractType") == facts.PERPETUAL else ""
            return facts.kline_rows(parsed(tuple[wire.KlineRow, ...]), pair, asked.get("interval", "")) if pair else []
        case "openInterestHist":
            return facts.open_interest_rows(parsed(tuple[wire.OpenInterestPoint, ...]))
        case "openInterest":
            return facts.open_interest(parsed(wire.OpenInterest))
        case "fundingRate":
            return facts.funding(parsed(tuple[wire.FundingRate, ...]))
        case _:
            return facts.positions(parsed(tuple[wire.PositionRisk, ...]))
