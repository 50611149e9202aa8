"""From a decoded fact to the rows of its tables. A fact without a table is counted by the writer, never dropped silently."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Table

from tallystick.adapters.fact_tables import schema
from tallystick.contracts.market_events import VenueEvent

Row = tuple[Table, dict[str, Any]]
# What the venue itself says: a fill that carries its liquidation, or a liquidation stream.
DETECTION = "venue"


class FactRows:
    """Remembers the newest mark of each Hyperliquid coin: its message tells open interest and funding together, our events tell them one after the other."""

    def __init__(self) -> None:
        self._marks: dict[str, VenueEvent] = {}

    def rows_of(self, event: VenueEvent) -> list[Row]:
        """The rows of a fact; none for a kind that has no table."""
        if event.venue == "hyperliquid":
            return self._of_hyperliquid(event)
        own = OF_BINANCE.get(event.kind) if event.venue == "binance" else None
        return own(event) if own is not None else _of_any(event)

    def _of_hyperliquid(self, event: VenueEvent) -> list[Row]:
        if event.kind == "MARK":
            self._marks[event.symbol] = event
            return _hyperliquid_mark(event)
        if event.kind == "OPEN_INTEREST":
            return [_hyperliquid_interest(event, self._marks.get(event.symbol))]
        own = OF_HYPERLIQUID.get(event.kind)
        return own(event) if own is not None else _of_any(event)


def _is_spot(coin: str) -> bool:
    # Hyperliquid names spot pairs by number, but for the oldest one.
    return coin.startswith("@") or "/" in coin


def _hyperliquid_mark(event: VenueEvent) -> list[Row]:
    values = event.values
    at = {"snapshot_ts": event.event_time_ns, "coin": event.symbol}
    if _is_spot(event.symbol):
        return [(schema.SPOT_PRICE_SNAPSHOTS, {**at, "price": values["price"], "source": event.venue})]
    found: list[Row] = [(schema.HL_MARK_PRICES, {**at, "mark_px": values["price"], "oracle_px": values["oracle_price"]})]
    if values["funding_rate"] is not None:
        found.append((schema.HL_FUNDING_SNAPSHOTS, {**at, "funding_rate": values["funding_rate"], "next_funding_ts": values["next_funding_ns"]}))
    return found


def _message_of(event: VenueEvent) -> str:
    return event.source.split("#", 1)[0]


def _hyperliquid_interest(event: VenueEvent, mark: VenueEvent | None) -> Row:
    together = mark is not None and mark.event_time_ns == event.event_time_ns and _message_of(mark) == _message_of(event)
    beside = mark.values if mark is not None and together else {"funding_rate": None, "premium": None}
    row = {
        "snapshot_ts": event.event_time_ns,
        "coin": event.symbol,
        "open_interest": event.values["open_interest"],
        "funding_rate": beside["funding_rate"],
        "premium": beside["premium"],
        "day_ntl_vlm": event.values["day_notional_volume"],
    }
    return schema.HL_OI_SNAPSHOTS, row


def _hyperliquid_liquidation(event: VenueEvent) -> list[Row]:
    values = event.values
    row = {
        "detected_ts": event.event_time_ns,
        "wallet_address": values["user"],
        "coin": event.symbol,
        "price": values["price"],
        "quantity": values["quantity"],
        "side": values["side"],
        "trade_id": _digits(values["trade_id"]),
        "detection_method": DETECTION,
    }
    return [(schema.HL_LIQUIDATIONS, row)]


def _hyperliquid_funding(event: VenueEvent) -> list[Row]:
    at = {"snapshot_ts": event.event_time_ns, "coin": event.symbol}
    return [(schema.HL_FUNDING_SNAPSHOTS, {**at, "funding_rate": event.values["funding_rate"], "next_funding_ts": None})]


def _hyperliquid_position(event: VenueEvent) -> list[Row]:
    values = event.values
    row = {
        "snapshot_ts": event.event_time_ns,
        "wallet_address": values["account"],
        "coin": event.symbol,
        "szi": values["size"],
        "entry_px": values["entry_price"],
        "liquidation_px": values["liquidation_price"],
        "leverage_type": values["leverage_type"],
        "leverage_value": str(values["leverage"]),
        "margin_used": values["margin_used"],
        "position_value": values["position_value"],
        "unrealized_pnl": values["unrealized_profit"],
    }
    return [(schema.HL_POSITION_SNAPSHOTS, row)]


def _hyperliquid_account(event: VenueEvent) -> list[Row]:
    values = event.values
    if values["exchange"]:
        # The table has no column for it, and the totals on one of the other exchanges are not the wallet's.
        return []
    row = {
        "snapshot_ts": event.event_time_ns,
        "wallet_address": values["account"],
        "account_value": values["account_value"],
        "total_margin_used": values["total_margin_used"],
        "withdrawable": values["withdrawable"],
    }
    return [(schema.HL_WALLET_SNAPSHOTS, row)]


def _binance_mark(event: VenueEvent) -> list[Row]:
    values = event.values
    row = {
        **_at(event),
        "mark_price": values["price"],
        "index_price": values["oracle_price"],
        "funding_rate": values["funding_rate"],
        "next_funding_time": values["next_funding_ns"],
    }
    found: list[Row] = [(schema.MARK_PRICES, row)]
    if values["funding_rate"] is not None:
        found.append(_binance_rate(event, values["next_funding_ns"], values["price"], values["oracle_price"]))
    return found


def _binance_rate(event: VenueEvent, funding_time: int | None, mark: str | None, index: str | None) -> Row:
    row = {
        "snapshot_ts": event.event_time_ns,
        "coin": event.symbol,
        "funding_rate": event.values["funding_rate"],
        "funding_time": funding_time,
        "mark_price": mark,
        "index_price": index,
    }
    return schema.BINANCE_FUNDING_SNAPSHOTS, row


def _binance_interest(event: VenueEvent) -> list[Row]:
    return [(schema.BINANCE_OI_SNAPSHOTS, {"snapshot_ts": event.event_time_ns, "coin": event.symbol, "open_interest": event.values["open_interest"]})]


def _binance_liquidation(event: VenueEvent) -> list[Row]:
    values = event.values
    row = {
        **_at(event),
        "side": values["side"],
        "price": values["price"],
        "volume": values["quantity"],
        "average_price": values["average_price"],
        "filled_volume": values["filled_quantity"],
        "order_status": values["order_status"],
    }
    return [(schema.LIQUIDATION_EVENTS, row)]


def _digits(number: int | None) -> str | None:
    """An identifier as text: some leave 64 bits."""
    return None if number is None else str(number)


def _at(event: VenueEvent) -> dict[str, Any]:
    return {"venue": event.venue, "timestamp": event.event_time_ns, "symbol": event.symbol}


def _trade(event: VenueEvent) -> Row:
    values = event.values
    return schema.TRADE_EVENTS, {
        **_at(event),
        "price": values["price"],
        "volume": values["quantity"],
        "is_buyer_maker": values["side"] == "sell",
        "trade_id": _digits(values["trade_id"]),
    }


def _quote(event: VenueEvent) -> Row:
    values = event.values
    return schema.ORDERBOOK_EVENTS, {
        **_at(event),
        "best_bid_price": values["bid_price"],
        "best_bid_qty": values["bid_quantity"],
        "best_ask_price": values["ask_price"],
        "best_ask_qty": values["ask_quantity"],
        "update_id": _digits(values["update_id"]),
    }


def _book(event: VenueEvent) -> Row:
    values = event.values
    sides = {name: json.dumps(values[name], separators=(",", ":")) for name in ("bids", "asks")}
    return schema.ORDERBOOK_DEPTH, {**_at(event), **sides, "last_update_id": _digits(values["last_update_id"])}


def _bar(event: VenueEvent) -> Row:
    values = event.values
    same = ("interval", "open", "high", "low", "close", "volume", "quote_volume", "trade_count", "is_closed")
    row = {"venue": event.venue, "symbol": event.symbol, "timestamp": values["open_time_ns"], "told_at": event.event_time_ns}
    return schema.OHLC_CANDLES, {**row, **{name: values[name] for name in same}}


ANY: dict[str, Callable[[VenueEvent], Row]] = {"TRADE": _trade, "QUOTE": _quote, "BOOK": _book, "BAR": _bar}
OF_HYPERLIQUID: dict[str, Callable[[VenueEvent], list[Row]]] = {
    "LIQUIDATION": _hyperliquid_liquidation,
    "FUNDING": _hyperliquid_funding,
    "POSITION": _hyperliquid_position,
    "ACCOUNT": _hyperliquid_account,
}
OF_BINANCE: dict[str, Callable[[VenueEvent], list[Row]]] = {
    "MARK": _binance_mark,
    "OPEN_INTEREST": _binance_interest,
    "LIQUIDATION": _binance_liquidation,
    "FUNDING": lambda event: [_binance_rate(event, event.event_time_ns, None, None)],
}


def _of_any(event: VenueEvent) -> list[Row]:
    found = ANY.get(event.kind)
    return [found(event)] if found is not None else []
