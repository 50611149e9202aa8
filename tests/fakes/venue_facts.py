"""One decoded fact of every kind and venue, with numbers whose digits show whether they were kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.fakes.venue_messages import NOON_NS

from tallystick.contracts.market_events import EVENT_VALUES, VenueEvent, VenueEventKind

DIGITS = "60000.12345678901234567890"
BARE: dict[str, Any] = {
    "side": "sell",
    "account": "0x00000000000000000000000000000000000000a1",
    "exchange": "",
    "bids": (("60000.10", "1.50"),),
    "asks": (("60001.00", "0.010"),),
    "interval": "1m",
    "open_time_ns": NOON_NS,
    "close_time_ns": NOON_NS + 60 * 10**9,
    "next_funding_ns": NOON_NS + 3600 * 10**9,
    "trade_count": 7,
    "is_closed": True,
    "trade_id": 12345678901234567890,
    "last_update_id": 5,
    "update_id": 9,
    "funding_rate": "-0.00001250",
}


def fact(kind: VenueEventKind, venue: str = "hyperliquid", symbol: str = "BTC", number: int = 1, time_ns: int = NOON_NS, **changed: Any) -> VenueEvent:
    """A fact with every value of its kind; text values are DIGITS unless they are named."""
    values: Mapping[str, Any] = {name: BARE.get(name, DIGITS) for name in EVENT_VALUES[kind]} | changed
    return VenueEvent(number, kind, venue, symbol, time_ns, time_ns, f"test:{number}", "venue", values)


def facts_of_all_kinds() -> list[VenueEvent]:
    """Every kind once for each venue, numbered from 1."""
    kinds = tuple(EVENT_VALUES)
    pairs = [(kind, venue) for venue in ("hyperliquid", "binance") for kind in kinds]
    return [fact(kind, venue, number=number) for number, (kind, venue) in enumerate(pairs, 1)]  # type: ignore[arg-type]
