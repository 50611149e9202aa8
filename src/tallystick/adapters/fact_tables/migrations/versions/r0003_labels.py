"""What the labeler and the validators found: cascades, their waves, and how often hypotheses held."""

from __future__ import annotations

import sqlalchemy as sa

from tallystick.adapters.fact_tables.migrations.table_making import Tables, drop_tables, make_tables

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

TABLES: Tables = {
    "hl_labeled_cascades": (
        (
            ("venue", sa.Text, False),
            ("coin", sa.Text, False),
            ("start_ts", sa.BigInteger, False),
            ("end_ts", sa.BigInteger, False),
            ("oi_drop_pct", sa.Text, False),
            ("liquidation_count", sa.BigInteger, False),
            ("wave_count", sa.BigInteger, False),
            ("price_start", sa.Text, False),
            ("price_end", sa.Text, False),
            ("price_5min_after", sa.Text, False),
            ("outcome", sa.Text, False),
            ("producer", sa.Text, False),
            ("rule", sa.Text, False),
        ),
        "coin",
        "start_ts",
    ),
    "hl_cascade_waves": (
        (
            ("venue", sa.Text, False),
            ("cascade_key", sa.Text, False),
            ("wave_num", sa.BigInteger, False),
            ("start_ts", sa.BigInteger, False),
            ("end_ts", sa.BigInteger, False),
            ("liquidation_count", sa.BigInteger, False),
            ("oi_drop_pct", sa.Text, False),
        ),
        "cascade_key",
        "start_ts",
    ),
    "hl_validation_results": (
        (
            ("venue", sa.Text, False),
            ("hypothesis_name", sa.Text, False),
            ("total_events", sa.BigInteger, False),
            ("supporting_events", sa.BigInteger, False),
            ("success_rate", sa.Text, False),
            ("calibrated_threshold", sa.Text, True),
            ("status", sa.Text, False),
            ("min_events", sa.BigInteger, False),
            ("min_share", sa.Text, False),
            ("producer", sa.Text, False),
            ("rule", sa.Text, False),
            ("labels_sha256", sa.Text, False),
            ("evidence_sha256", sa.Text, False),
        ),
        "hypothesis_name",
        "labels_sha256",
    ),
}


def upgrade() -> None:
    """Make the tables of labels; those of 0002 are left as they are."""
    make_tables(TABLES)


def downgrade() -> None:
    """Drop the tables of labels with all that is in them."""
    drop_tables(TABLES)
