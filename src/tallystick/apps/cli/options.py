"""Options that every command shares, and the clock behind `--now`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

WorkspaceOption = Annotated[
    Path | None, typer.Option("--workspace", "-w", help="Root of RESULTS/, outputs/, data/ and state/ [default: TALLYSTICK_WORKSPACE or the current folder].")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else there.")]
NowOption = Annotated[str | None, typer.Option("--now", help="Fix every wall-clock field to this time, for instance 2025-07-01T00:00:00Z.")]
DatabaseOption = Annotated[
    str | None, typer.Option("--database", help="A database of facts: sqlite:///FILE, postgresql://HOST/NAME, or `workspace` for data/facts/facts.db.")
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def workspace_root(given: Path | None) -> Path:
    """The workspace that the command works in."""
    return (given or Path(os.environ.get("TALLYSTICK_WORKSPACE") or ".")).resolve()


def now_ns(given: str | None) -> int:
    """The fixed time of `--now`, else the clock, to the second."""
    from tallystick.contracts.time import NS_PER_SECOND, ns_from_iso

    return ns_from_iso(given) if given else time.time_ns() // NS_PER_SECOND * NS_PER_SECOND
