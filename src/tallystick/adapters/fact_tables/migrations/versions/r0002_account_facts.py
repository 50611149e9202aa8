"""Facts about accounts: the positions of a wallet, and its totals."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

KEY = sa.String(32)

# Table → (columns as (name, type, may be empty), whose, when).
TABLES: dict[str, tuple[tuple[tuple[str, type[sa.types.TypeEngine[Any]], bool], ...], str, str]] = {
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
    for name, (columns, whose, when) in TABLES.items():
        made = [sa.Column(column, kind(), nullable=empty) for column, kind, empty in columns]
        op.create_table(name, sa.Column("row_key", KEY, primary_key=True), *made)
        op.create_index(f"ix_{name}_order", name, [whose, when])


def downgrade() -> None:
    """Drop the tables of accounts with all that is in them."""
    for name in reversed(TABLES):
        op.drop_table(name)
