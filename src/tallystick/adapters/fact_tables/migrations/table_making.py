"""How a revision makes and drops the tables it lists. What a revision made never changes: another layout is another function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import sqlalchemy as sa
from alembic import op

# Table → (columns as (name, type, may be empty), whose, when).
Tables: TypeAlias = Mapping[str, tuple[tuple[tuple[str, type[sa.types.TypeEngine[Any]], bool], ...], str, str]]


def make_tables(tables: Tables) -> None:
    """Each table with its key, its columns, and an index over whose and when."""
    for name, (columns, whose, when) in tables.items():
        made = [sa.Column(column, kind(), nullable=empty) for column, kind, empty in columns]
        op.create_table(name, sa.Column("row_key", sa.String(32), primary_key=True), *made)
        op.create_index(f"ix_{name}_order", name, [whose, when])


def drop_tables(tables: Iterable[str]) -> None:
    """Drop these tables with all that is in them, last made first."""
    for name in reversed(list(tables)):
        op.drop_table(name)
