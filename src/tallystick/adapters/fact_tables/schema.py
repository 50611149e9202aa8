"""The tables as they are at the newest revision. Names and columns are the public system's; what it derives (sums, mids, spreads) is not stored.

Decimals are TEXT and hold exactly the digits that the venue sent, on SQLite and PostgreSQL alike; times are UTC nanoseconds in 64 bits. `row_key` is a
digest of the row's content: the same fact twice is one row, and an altered row no longer fits its key.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, String, Table, Text

from tallystick.contracts.errors import DataError

# PostgreSQL holds no NUL, and neither database a half of a surrogate pair.
UNSTORABLE = re.compile(r"\\u(?:0000|d[89a-f])")
METADATA = MetaData()
ROW_KEY = "row_key"
KEY_DIGITS = 32


def _time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _table(name: str, order: tuple[str, str], *columns: Column[Any]) -> Table:
    """A table with its key, and an index on (whose, when)."""
    return Table(name, METADATA, Column(ROW_KEY, String(KEY_DIGITS), primary_key=True), *columns, Index(f"ix_{name}_order", *order))


HL_OI_SNAPSHOTS = _table(
    "hl_oi_snapshots",
    ("coin", "snapshot_ts"),
    _time("snapshot_ts"),
    _text("coin"),
    _text("open_interest"),
    _text("funding_rate", nullable=True),
    _text("premium", nullable=True),
    _text("day_ntl_vlm", nullable=True),
)
HL_MARK_PRICES = _table("hl_mark_prices", ("coin", "snapshot_ts"), _time("snapshot_ts"), _text("coin"), _text("mark_px"), _text("oracle_px", nullable=True))
HL_LIQUIDATIONS = _table(
    "hl_liquidations",
    ("coin", "detected_ts"),
    _time("detected_ts"),
    _text("wallet_address", nullable=True),
    _text("coin"),
    _text("price"),
    _text("quantity"),
    _text("side"),
    _text("trade_id", nullable=True),
    _text("detection_method"),
)
HL_FUNDING_SNAPSHOTS = _table(
    "hl_funding_snapshots",
    ("coin", "snapshot_ts"),
    _time("snapshot_ts"),
    _text("coin"),
    _text("funding_rate"),
    _time("next_funding_ts", nullable=True),
)
BINANCE_OI_SNAPSHOTS = _table("binance_oi_snapshots", ("coin", "snapshot_ts"), _time("snapshot_ts"), _text("coin"), _text("open_interest"))
BINANCE_FUNDING_SNAPSHOTS = _table(
    "binance_funding_snapshots",
    ("coin", "snapshot_ts"),
    _time("snapshot_ts"),
    _text("coin"),
    _text("funding_rate"),
    _time("funding_time", nullable=True),
    _text("mark_price", nullable=True),
    _text("index_price", nullable=True),
)
SPOT_PRICE_SNAPSHOTS = _table("spot_price_snapshots", ("coin", "snapshot_ts"), _time("snapshot_ts"), _text("coin"), _text("price"), _text("source"))
LIQUIDATION_EVENTS = _table(
    "liquidation_events",
    ("symbol", "timestamp"),
    _text("venue"),
    _time("timestamp"),
    _text("symbol"),
    _text("side"),
    _text("price"),
    _text("volume"),
    _text("average_price", nullable=True),
    _text("filled_volume", nullable=True),
    _text("order_status", nullable=True),
)
TRADE_EVENTS = _table(
    "trade_events",
    ("symbol", "timestamp"),
    _text("venue"),
    _time("timestamp"),
    _text("symbol"),
    _text("price"),
    _text("volume"),
    Column("is_buyer_maker", Boolean, nullable=False),
    _text("trade_id", nullable=True),
)
ORDERBOOK_EVENTS = _table(
    "orderbook_events",
    ("symbol", "timestamp"),
    _text("venue"),
    _time("timestamp"),
    _text("symbol"),
    _text("best_bid_price", nullable=True),
    _text("best_bid_qty", nullable=True),
    _text("best_ask_price", nullable=True),
    _text("best_ask_qty", nullable=True),
    _text("update_id", nullable=True),
)
ORDERBOOK_DEPTH = _table(
    "orderbook_depth",
    ("symbol", "timestamp"),
    _text("venue"),
    _time("timestamp"),
    _text("symbol"),
    _text("bids"),
    _text("asks"),
    _text("last_update_id", nullable=True),
)
MARK_PRICES = _table(
    "mark_prices",
    ("symbol", "timestamp"),
    _text("venue"),
    _time("timestamp"),
    _text("symbol"),
    _text("mark_price"),
    _text("index_price", nullable=True),
    _text("funding_rate", nullable=True),
    _time("next_funding_time", nullable=True),
)
OHLC_CANDLES = _table(
    "ohlc_candles",
    ("symbol", "timestamp"),
    _text("venue"),
    _text("symbol"),
    _text("interval"),
    _time("timestamp"),
    _time("told_at"),
    _text("open"),
    _text("high"),
    _text("low"),
    _text("close"),
    _text("volume"),
    _text("quote_volume", nullable=True),
    Column("trade_count", BigInteger, nullable=False),
    Column("is_closed", Boolean, nullable=True),
)


def row_key(table: Table, row: Mapping[str, Any]) -> str:
    """The digest of a row's content, in the order of the table's columns. Raises DataError for content that not every database can hold."""
    content = [table.name, *(row[column.name] for column in table.columns if column.name != ROW_KEY)]
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    if UNSTORABLE.search(text) is not None or any(isinstance(value, int) and value >= 2**63 for value in content):
        raise DataError("expected text without NUL or half characters and numbers of 64 bits, found others", where=table.name)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]
