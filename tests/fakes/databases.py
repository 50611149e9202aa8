"""Fresh databases for tests: a SQLite file, or a schema of its own in PostgreSQL, so that parallel tests never meet."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

POSTGRES_REASON = "no PostgreSQL answers (set TALLYSTICK_POSTGRES)"
KINDS = ("sqlite", "postgresql")


@contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of a database without tables; a skip with the one listed reason when no PostgreSQL answers."""
    if kind == "sqlite":
        yield f"sqlite:///{folder.joinpath('facts.db')}"
        return
    server = make_url(os.environ.get("TALLYSTICK_POSTGRES") or "postgresql+psycopg://postgres@127.0.0.1:5432/test")
    engine = create_engine(server, connect_args={"connect_timeout": 3}, isolation_level="AUTOCOMMIT")
    name = f"tallystick_{uuid.uuid4().hex}"
    try:
        with engine.connect() as connection:
            connection.execute(text(f"create schema {name}"))
    except OperationalError:
        engine.dispose()
        pytest.skip(POSTGRES_REASON)
    try:
        yield server.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"drop schema {name} cascade"))
        engine.dispose()
