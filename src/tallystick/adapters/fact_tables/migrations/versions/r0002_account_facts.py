"""Facts about accounts: the positions of a wallet, and its totals."""

from __future__ import annotations

import sqlalchemy as sa

from tallystick.adapters.fact_tables.migrations.table_making import Tables, drop_tables, make_tables

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

TABLES: Tables = {
    "hl_position_snapshots": (
        (
            ("snapshot_ts", sa.BigInteger, False),
            ("wallet_address", sa.Text, True),
            ("coin", sa.Text, False),
            ("szi", sa.Text, False),
            ("entry_px", sa.Text, True),
            ("liquidation_px", sa.Text, True),
            ("leverage_type", sa.Text, False),
            ("leverage_value", sa.Text, False),
            ("margin_used", sa.Text, False),
            ("position_value", sa.Text, False),
            ("unrealized_pnl", sa.Text, False),
        ),
        "coin",
        "snapshot_ts",
    ),
    "hl_wallet_snapshots": (
        (
            ("snapshot_ts", sa.BigInteger, False),
            ("wallet_address", sa.Text, True),
            ("account_value", sa.Text, False),
            ("total_margin_used", sa.Text, False),
            ("withdrawable", sa.Text, False),
        ),
        "wallet_address",
        "snapshot_ts",
    ),
}


def upgrade() -> None:
    """Make the tables of accounts; those of 0001 are left as they are."""
    make_tables(TABLES)


def downgrade() -> None:
    """Drop the tables of accounts with all that is in them."""
    drop_tables(TABLES)
