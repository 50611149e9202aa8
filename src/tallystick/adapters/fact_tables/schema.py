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
HL_POSITION_SNAPSHOTS = _table(
    "hl_position_snapshots",
    ("coin", "snapshot_ts"),
    _time("snapshot_ts"),
    _text("wallet_address", nullable=True),
    _text("coin"),
    _text("szi"),
    _text("entry_px", nullable=True),
    _text("liquidation_px", nullable=True),
    _text("leverage_type"),
    _text("leverage_value"),
    _text("margin_used"),
    _text("position_value"),
    _text("unrealized_pnl"),
)
HL_WALLET_SNAPSHOTS = _table(
    "hl_wallet_snapshots",
    ("wallet_address", "snapshot_ts"),
    _time("snapshot_ts"),
    _text("wallet_address", nullable=True),
    _text("account_value"),
    _text("total_margin_used"),
    _text("withdrawable"),
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

HL_LABELED_CASCADES = _table(
    "hl_labeled_cascades",
    ("coin", "start_ts"),
    _text("venue"),
    _text("coin"),
    _time("start_ts"),
    _time("end_ts"),
    _text("oi_drop_pct"),
    Column("liquidation_count", BigInteger, nullable=False),
    Column("wave_count", BigInteger, nullable=False),
    _text("price_start"),
    _text("price_end"),
    _text("price_5min_after"),
    _text("outcome"),
    _text("producer"),
    _text("rule"),
)
HL_CASCADE_WAVES = _table(
    "hl_cascade_waves",
    ("cascade_key", "start_ts"),
    _text("venue"),
    _text("cascade_key"),
    Column("wave_num", BigInteger, nullable=False),
    _time("start_ts"),
    _time("end_ts"),
    Column("liquidation_count", BigInteger, nullable=False),
    _text("oi_drop_pct"),
)
HL_VALIDATION_RESULTS = _table(
    "hl_validation_results",
    ("hypothesis_name", "labels_sha256"),
    _text("venue"),
    _text("hypothesis_name"),
    Column("total_events", BigInteger, nullable=False),
    Column("supporting_events", BigInteger, nullable=False),
    _text("success_rate"),
    _text("calibrated_threshold", nullable=True),
    _text("status"),
    Column("min_events", BigInteger, nullable=False),
    _text("min_share"),
    _text("producer"),
    _text("rule"),
    _text("labels_sha256"),
    _text("evidence_sha256"),
)


def row_key(table: Table, row: Mapping[str, Any]) -> str:
    """The digest of a row's content, in the order of the table's columns. Raises DataError for content that not every database can hold."""
    content = [table.name, *(row[column.name] for column in table.columns if column.name != ROW_KEY)]
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    if UNSTORABLE.search(text) is not None or any(isinstance(value, int) and value >= 2**63 for value in content):
        raise DataError("expected text without NUL or half characters and numbers of 64 bits, found others", where=table.name)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]
