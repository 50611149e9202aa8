"""`tallystick observe`: recorded venue messages replayed to facts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.apps.cli.options import JsonOption, WorkspaceOption, workspace_root
from tallystick.apps.cli.output import emit, say, table

EXAMPLE = "Example: tallystick observe replay recordings --venue binance"
app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Venue messages to facts.", epilog=EXAMPLE)


def commands() -> dict[str, Any]:
    """The group of this module."""
    return {"observe": typer.main.get_command(app)}


@app.callback()
def root() -> None:
    """Venue messages to facts."""


@app.command(epilog=EXAMPLE)
def replay(
    path: Annotated[Path, typer.Argument(help="A recording, or a folder of recordings: .json, .jsonl, .gz, .txt.gz, .yaml cassettes.")],
    venue: Annotated[str, typer.Option(help="Whose messages these are: binance or hyperliquid.")],
    symbols: Annotated[str | None, typer.Option(help="Only these symbols, with commas between; others are kept aside as foreign [default: all].")] = None,
    at: Annotated[str | None, typer.Option("--at", help="Leave out what was received later, and take the snapshot at this time.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """Replay recorded messages: each one decoded, understood as control, or kept aside with its bytes and a reason."""
    from tallystick.apps.observe_replay import replay as replay_recordings
    from tallystick.contracts.time import ns_from_iso

    chosen = tuple(sorted({name.strip() for name in symbols.split(",") if name.strip()})) if symbols else None
    document = replay_recordings(workspace_root(workspace), path, venue, chosen, ns_from_iso(at) if at else None).as_document()

    def show() -> None:
        counters = document["counters"]
        table(f"{venue}  {path}", ("messages", "count"), list(counters.items()))
        table("events", ("kind", "count"), list(document["events"].items()))
        for title in ("quarantined", "set_aside"):
            if document[title]:
                table(title.replace("_", " "), ("reason", "count"), [(row["reason"], row["count"]) for row in document[title]])
        for row in document["recordings"]:
            if row["quarantine"]:
                say(f"kept aside from {row['recording']}: {row['quarantine']}")
        snapshot = document["snapshot"]
        if snapshot:
            say(f"snapshot of {len(snapshot['symbols_active'])} symbols at {snapshot['timestamp']:.3f}, {snapshot['status']}")

    emit(document, as_json, show)
    return 0
