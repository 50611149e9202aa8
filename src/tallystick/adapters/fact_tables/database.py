"""Opening a database of facts and bringing its tables to a revision. Every outside error becomes an ArtifactError that names the place without its password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from tallystick.contracts.errors import ArtifactError, ConfigurationError, DataError

DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgresql+psycopg": "postgresql+psycopg"}
BUSY_S = 30
CONNECT_S = 10
# Any number that every process of this project asks for: two first uses at once wait for each other.
_UPGRADE_LOCK = 7_211_900_417
SCRIPTS = "tallystick.adapters.fact_tables:migrations"


def shown(url: str | URL) -> str:
    """A URL as it may be told: the password hidden."""
    return make_url(url).render_as_string(hide_password=True)


def sqlite_url(path: Path) -> URL:
    """The URL of a SQLite file, whatever characters its path has."""
    return URL.create("sqlite", database=str(path))


def open_engine(url: str | URL) -> Engine:
    """An engine for a SQLite or PostgreSQL URL; nothing connects yet. Raises ConfigurationError for another URL or a missing driver."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError("expected a database URL, found text that is none", where="--database", hint="For instance sqlite:///facts.db") from error
    if parsed.drivername not in DRIVERS:
        raise ConfigurationError(f"expected a database of sqlite or postgresql, found {parsed.drivername}", where="--database")
    parsed = parsed.set(drivername=DRIVERS[parsed.drivername])
    sqlite = parsed.drivername == "sqlite"
    if sqlite and not parsed.database:
        raise ConfigurationError("expected a file in the URL of SQLite, found none", where="--database", hint="For instance sqlite:///facts.db")
    options: dict[str, Any] = {"timeout": BUSY_S} if sqlite else {"connect_timeout": CONNECT_S}
    try:
        engine = create_engine(parsed, connect_args=options, poolclass=NullPool)
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"expected the driver {error.name}, found none", where="--database", hint="Install tallystick[postgres]") from error
    if sqlite:
        _own_transactions(engine)
    return engine


def _own_transactions(engine: Engine) -> None:
    # Python's sqlite3 commits before it changes a table; with transactions of our own a migration is whole or not there.
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


@contextmanager
def transaction(engine: Engine, *, writes: bool = False) -> Iterator[Connection]:
    """One transaction. Raises ArtifactError for whatever the database refuses."""
    try:
        with engine.connect().execution_options(writes=writes) as connection, connection.begin():
            yield connection
    except SQLAlchemyError as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
        raise ArtifactError(
            f"expected a database that answers, found: {reason}", where=shown(engine.url), hint="Check the URL, and that the server runs"
        ) from error


def migrate(engine: Engine, revision: str = "head") -> str:
    """Bring the tables to a revision, up or down; answer the one that is there then ("base": no tables).

    Raises ArtifactError for a database that is at an unknown revision, ConfigurationError for a revision that is not ours.
    """
    script = ScriptDirectory.from_config(_config())
    known = {item.revision for item in script.walk_revisions()}
    if revision not in {"head", "base", *known}:
        raise ConfigurationError(f"expected head, base or one of the revisions {', '.join(sorted(known))}, found {revision!r}", where="--to")
    with transaction(engine, writes=True) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("select pg_advisory_xact_lock(:number)"), {"number": _UPGRADE_LOCK})
        present = _revision(connection)
        _require_known(present, known, engine)
        config = _config()
        config.attributes["connection"] = connection
        wanted = script.get_current_head() if revision == "head" else None if revision == "base" else revision
        try:
            if wanted is None or (present is not None and wanted in _below(script, present)):
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)
        except CommandError as error:
            raise ArtifactError(f"expected a way from revision {present} to {revision}, found: {error}", where=shown(engine.url)) from error
        return _revision(connection) or "base"


class TablesWriter:
    """What every writer of tables is: an open database whose tables are at our revision. Opening it makes or upgrades them."""

    def __init__(self, url: str | URL) -> None:
        self._engine: Engine = open_engine(url)
        migrate(self._engine)

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self.close()


def require_head(engine: Engine) -> None:
    """Raises DataError unless the tables are there and at our revision; changes nothing."""
    script = ScriptDirectory.from_config(_config())
    with transaction(engine) as connection:
        present = _revision(connection)
    _require_known(present, {item.revision for item in script.walk_revisions()}, engine)
    if present != script.get_current_head():
        found = "none" if present is None else f"revision {present}"
        raise DataError(
            f"expected tables of facts at revision {script.get_current_head()}, found {found}",
            where=shown(engine.url),
            hint="Fill them: tallystick observe replay RECORDINGS --venue hyperliquid --database URL",
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _below(script: ScriptDirectory, revision: str) -> set[str]:
    return {item.revision for item in script.iterate_revisions(revision, "base") if item.revision != revision}


def _require_known(present: str | None, known: set[str], engine: Engine) -> None:
    if present is not None and present not in known:
        raise ArtifactError(
            f"expected tables at a revision that this version knows ({', '.join(sorted(known))}), found {present}",
            where=shown(engine.url),
            hint="They were made by a later version: update tallystick",
        )
