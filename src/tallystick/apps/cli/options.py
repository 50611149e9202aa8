"""Options that every command shares, and the clock behind `--now`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer


def asked_time(parameter: typer.CallbackParam, given: str | None) -> str | None:
    """The callback of every option that is a time. Raises ConfigurationError, exit code 2: what was typed is wrong, not the data."""
    from tallystick.contracts.errors import ConfigurationError, DataError
    from tallystick.contracts.time import ns_from_iso

    try:
        if given is not None:
            ns_from_iso(given)
    except DataError as error:
        raise ConfigurationError(error.message, where=parameter.opts[0]) from error
    return given


def asked_day(parameter: typer.CallbackParam, given: str | None) -> str | None:
    """As `asked_time`, for a day such as 2025-06-15 without a time."""
    from tallystick.contracts.errors import ConfigurationError

    if asked_time(parameter, given) and len(given or "") != len("2025-06-15"):
        raise ConfigurationError(f"expected a day such as 2025-06-15, found {given!r}", where=parameter.opts[0])
    return given


def asked_database(given: str | None) -> str | None:
    """The callback of `--database`: an empty text, as of a variable that is not set, is no database and not none either. Raises ConfigurationError."""
    from tallystick.contracts.errors import ConfigurationError

    if given is not None and not given.strip():
        raise ConfigurationError("expected a database, found an empty text", where="--database", hint="For instance --database workspace")
    return given


WorkspaceOption = Annotated[
    Path | None, typer.Option("--workspace", "-w", help="Root of RESULTS/, outputs/, data/ and state/ [default: TALLYSTICK_WORKSPACE or the current folder].")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else there.")]
NowOption = Annotated[
    str | None, typer.Option("--now", help="Fix every wall-clock field to this time, for instance 2025-07-01T00:00:00Z.", callback=asked_time)
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="A database of facts: sqlite:///FILE, postgresql://HOST/NAME, or `workspace` for data/facts/facts.db.",
        callback=asked_database,
    ),
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def workspace_root(given: Path | None) -> Path:
    """The workspace that the command works in."""
    return (given or Path(os.environ.get("TALLYSTICK_WORKSPACE") or ".")).resolve()


def now_ns(given: str | None) -> int:
    """The fixed time of `--now`, else the clock, to the second."""
    from tallystick.contracts.time import NS_PER_SECOND, ns_from_iso

    return ns_from_iso(given) if given else time.time_ns() // NS_PER_SECOND * NS_PER_SECOND
