"""The first tables: open interest, marks, liquidations, funding, spot prices, trades, quotes, books and candles."""

from __future__ import annotations

import sqlalchemy as sa

from tallystick.adapters.fact_tables.migrations.table_making import Tables, drop_tables, make_tables

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

TABLES: Tables = {
    "binance_funding_snapshots": (
        (
            ("snapshot_ts", sa.BigInteger, False),
            ("coin", sa.Text, False),
            ("funding_rate", sa.Text, False),
            ("funding_time", sa.BigInteger, True),
            ("mark_price", sa.Text, True),
            ("index_price", sa.Text, True),
        ),
        "coin",
        "snapshot_ts",
    ),
    "binance_oi_snapshots": (
        (
            ("snapshot_ts", sa.BigInteger, False),
            ("coin", sa.Text, False),
            ("open_interest", sa.Text, False),
        ),
        "coin",
        "snapshot_ts",
    ),
    "hl_funding_snapshots": (
        (
            ("snapshot_ts", sa.BigInteger, False),
            ("coin", sa.Text, False),
            ("funding_rate", sa.Text, False),
            ("next_funding_ts", sa.BigInteger, True),
        ),
        "coin",
        "snapshot_ts",
    ),
    "hl_liquidations": (
        (
            ("detected_ts", sa.BigInteger, False),
            ("wallet_address", sa.Text, True),
            ("coin", sa.Text, False),
            ("price", sa.Text, False),
            ("quantity", sa.Text, False),
            ("side", sa.Text, False),
            ("trade_id", sa.Text, True),
            ("detection_method", sa.Text, False),
        ),
        "coin",
        "detected_ts",
    ),
    "hl_mark_prices": (
        (
            ("snapshot_ts", sa.BigInteger, False),
            ("coin", sa.Text, False),
            ("mark_px", sa.Text, False),
            ("oracle_px", sa.Text, True),
        ),
        "coin",
        "snapshot_ts",
    ),
    "hl_oi_snapshots": (
        (
            ("snapshot_ts", sa.BigInteger, False),
            ("coin", sa.Text, False),
            ("open_interest", sa.Text, False),
            ("funding_rate", sa.Text, True),
            ("premium", sa.Text, True),
            ("day_ntl_vlm", sa.Text, True),
        ),
        "coin",
        "snapshot_ts",
    ),
    "liquidation_events": (
        (
            ("venue", sa.Text, False),
            ("timestamp", sa.BigInteger, False),
            ("symbol", sa.Text, False),
            ("side", sa.Text, False),
            ("price", sa.Text, False),
            ("volume", sa.Text, False),
            ("average_price", sa.Text, True),
            ("filled_volume", sa.Text, True),
            ("order_status", sa.Text, True),
        ),
        "symbol",
        "timestamp",
    ),
    "mark_prices": (
        (
            ("venue", sa.Text, False),
            ("timestamp", sa.BigInteger, False),
            ("symbol", sa.Text, False),
            ("mark_price", sa.Text, False),
            ("index_price", sa.Text, True),
            ("funding_rate", sa.Text, True),
            ("next_funding_time", sa.BigInteger, True),
        ),
        "symbol",
        "timestamp",
    ),
    "ohlc_candles": (
        (
            ("venue", sa.Text, False),
            ("symbol", sa.Text, False),
            ("interval", sa.Text, False),
            ("timestamp", sa.BigInteger, False),
            ("told_at", sa.BigInteger, False),
            ("open", sa.Text, False),
            ("high", sa.Text, False),
            ("low", sa.Text, False),
            ("close", sa.Text, False),
            ("volume", sa.Text, False),
            ("quote_volume", sa.Text, True),
            ("trade_count", sa.BigInteger, False),
            ("is_closed", sa.Boolean, True),
        ),
        "symbol",
        "timestamp",
    ),
    "orderbook_depth": (
        (
            ("venue", sa.Text, False),
            ("timestamp", sa.BigInteger, False),
            ("symbol", sa.Text, False),
            ("bids", sa.Text, False),
            ("asks", sa.Text, False),
            ("last_update_id", sa.Text, True),
        ),
        "symbol",
        "timestamp",
    ),
    "orderbook_events": (
        (
            ("venue", sa.Text, False),
            ("timestamp", sa.BigInteger, False),
            ("symbol", sa.Text, False),
            ("best_bid_price", sa.Text, True),
            ("best_bid_qty", sa.Text, True),
            ("best_ask_price", sa.Text, True),
            ("best_ask_qty", sa.Text, True),
            ("update_id", sa.Text, True),
        ),
        "symbol",
        "timestamp",
    ),
    "spot_price_snapshots": (
        (
            ("snapshot_ts", sa.BigInteger, False),
            ("coin", sa.Text, False),
            ("price", sa.Text, False),
            ("source", sa.Text, False),
        ),
        "coin",
        "snapshot_ts",
    ),
    "trade_events": (
        (
            ("venue", sa.Text, False),
            ("timestamp", sa.BigInteger, False),
            ("symbol", sa.Text, False),
            ("price", sa.Text, False),
            ("volume", sa.Text, False),
            ("is_buyer_maker", sa.Boolean, False),
            ("trade_id", sa.Text, True),
        ),
        "symbol",
        "timestamp",
    ),
}


def upgrade() -> None:
    """Make the tables."""
    make_tables(TABLES)


def downgrade() -> None:
    """Drop the tables with all that is in them."""
    drop_tables(TABLES)
