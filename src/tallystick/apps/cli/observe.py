"""`tallystick observe`: venue messages to facts, recorded or live."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.apps.cli.options import DatabaseOption, JsonOption, WorkspaceOption, asked_time, workspace_root
from tallystick.apps.cli.output import emit, log, say, table
from tallystick.contracts.time import NS_PER_SECOND, iso_from_ns

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
    path: Annotated[
        Path, typer.Argument(help="An event store or a day of one, a recording, or a folder of recordings: .json, .jsonl, .gz, .txt.gz, .yaml cassettes.")
    ],
    venue: Annotated[str, typer.Option(help="Whose messages these are: binance or hyperliquid.")],
    symbols: Annotated[str | None, typer.Option(help="Only these symbols, with commas between; others are kept aside as foreign [default: all].")] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Leave out what was received later, or at no recorded time; the snapshot is of then.", callback=asked_time)
    ] = None,
    database: DatabaseOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """Replay recorded messages: each one decoded, understood as control, or kept aside with its bytes and a reason."""
    import sys
    from contextlib import nullcontext

    from tallystick.apps.assembly import database_name, fact_tables
    from tallystick.apps.cli.progress import ChainProgress
    from tallystick.apps.fact_keeping import database_document
    from tallystick.apps.observe_replay import replay as replay_recordings
    from tallystick.artifacts.paths import Workspace
    from tallystick.contracts.errors import ConfigurationError
    from tallystick.contracts.time import ns_from_iso

    chosen = None if symbols is None else tuple(sorted({name.strip() for name in symbols.split(",") if name.strip()}))
    if chosen == ():
        raise ConfigurationError(f"expected symbols with commas between, found {symbols!r}", where="--symbols", hint="Leave the flag out for every symbol")
    place, instant = Workspace(workspace_root(workspace)), ns_from_iso(at) if at else None
    with fact_tables(place, database) if database else nullcontext() as tables, ChainProgress(enabled=sys.stderr.isatty() and not as_json) as bar:

        def progress(name: str, done: int, total: int, unit: str) -> None:
            bar.step(name, "running")
            bar.advance(name, done, total, unit)

        document = replay_recordings(place.root, path, venue, chosen, instant, progress, tables).as_document()
        if database and tables is not None:
            document["database"] = database_document(database_name(place, database), tables)

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
        if document["unread"]:
            say(f"left out, of no known format: {', '.join(document['unread'][:5])}{' …' if len(document['unread']) > 5 else ''} ({len(document['unread']):,})")
        stored = document.get("store")
        if stored:
            table("marks of the store", ("mark", "count"), list(stored["marks"].items()))
            _say_opening(stored.get("opening_books"))
            say(f"{stored['records']:,} records decoded again, {stored['differences']:,} differently than when they were stored")
        if "database" in document:
            _say_facts(document["database"])
        _say_snapshot(document["snapshot"], document["room_quarantine"])

    emit(document, as_json, show)
    return 0


def _say_opening(books: dict[str, list[str]] | None) -> None:
    """Which books a day began with whose session began on another."""
    if books and books["taken"]:
        say(f"the day begins with the books of {', '.join(books['taken'])}, as the days before it left them")
    if books and books["not_stored"]:
        names = ", ".join(books["not_stored"])
        say(f"no book of {names} until the next whole one: the days that hold it are gone; replay with the days before it beside it")


def _say_facts(counts: dict[str, Any]) -> None:
    """What became of the facts that a database was told."""
    names = sorted(counts["rows_written"].keys() | counts["rows_known"].keys())
    rows = [(name, counts["rows_written"].get(name, 0), counts["rows_known"].get(name, 0)) for name in names]
    table(f"{counts['facts']:,} facts to {counts['name']}", ("table", "new rows", "known"), rows)
    for title in ("without_table", "without_time", "unstorable"):
        for kind, count in counts[title].items():
            say(f"{title.replace('_', ' ')}: {count:,} {kind}")


@app.command(epilog="Example: tallystick observe migrate --database workspace")
def migrate(
    database: DatabaseOption = "workspace",
    to: Annotated[str, typer.Option("--to", help="head, a revision, or base, which drops every table of facts with its rows.")] = "head",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """Bring the tables of a database of facts to a revision, up or down. Writers do it by themselves; this is for going back."""
    from tallystick.apps.assembly import database_name, migrate_tables
    from tallystick.artifacts.paths import Workspace

    place = Workspace(workspace_root(workspace))
    chosen = database or "workspace"
    revision = migrate_tables(place, chosen, to)
    emit({"database": database_name(place, chosen), "revision": revision}, as_json, lambda: say(f"{database_name(place, chosen)} is at revision {revision}"))
    return 0


@app.command(epilog="Example: tallystick observe collect --venue binance --symbols BTCUSDT")
def collect(
    venue: Annotated[str, typer.Option(help="Whose streams: binance or hyperliquid.")],
    symbols: Annotated[str, typer.Option(help="The venue's names of the symbols, with commas between.")],
    base_url: Annotated[str, typer.Option("--base-url", help="REST address, and the WebSocket's too unless --ws-url is given [default: the venue's].")] = "",
    ws_url: Annotated[str, typer.Option("--ws-url", help="WebSocket address [default: the venue's].")] = "",
    duration: Annotated[float | None, typer.Option(help="End after so many seconds [default: Ctrl-C ends it].")] = None,
    messages: Annotated[int | None, typer.Option(help="End after so many messages.")] = None,
    report: Annotated[float, typer.Option(help="Seconds between two lines of progress.")] = 10.0,
    accounts: Annotated[
        str | None, typer.Option(help="Addresses of accounts, with commas between, whose positions and totals are asked for too: hyperliquid only.")
    ] = None,
    account_every: Annotated[
        float | None, typer.Option("--account-every", help="Seconds between two questions about an account [default: 10, more for more than 50 accounts].")
    ] = None,
    database: DatabaseOption = None,
    workspace: WorkspaceOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with the summary as one more JSON line, not as tables.")] = False,
) -> int:
    """Collect live messages into the event store: nothing is lost silently, gaps are backfilled over REST or recorded.

    Prints JSON lines: {"ready": …} first, then marks (connections, gaps, silences) and what is stored. Ends with a summary; Ctrl-C ends it with exit code 1.
    A database that fails does not stop the log; the exit code is then 3.
    """
    import asyncio
    import json
    import signal
    import sys
    from contextlib import nullcontext

    from tallystick.adapters.venues.live_feed import FeedSettings
    from tallystick.apps.assembly import database_name, fact_tables
    from tallystick.apps.fact_keeping import database_document
    from tallystick.apps.observe_collect import CollectionPlan
    from tallystick.apps.observe_collect import collect as collect_live
    from tallystick.artifacts.paths import Workspace, get_event_store_dir
    from tallystick.contracts.errors import ArtifactError, ConfigurationError
    from tallystick.observation.warming import warm_observation

    place = Workspace(workspace_root(workspace))
    names, addresses = _names(symbols), _names(accounts or "")
    if accounts is not None and not addresses:
        raise ConfigurationError(f"expected addresses with commas between, found {accounts!r}", where="--accounts")
    plan = CollectionPlan(venue, names, duration, messages, report, FeedSettings(base_url, ws_url), accounts=addresses, account_every_s=account_every)

    def tell(document: dict[str, Any]) -> None:
        say(json.dumps(document, ensure_ascii=False))
        sys.stdout.flush()

    async def run() -> dict[str, Any]:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        with fact_tables(place, database) if database else nullcontext() as tables:
            summary = await collect_live(place.root, plan, tell, stop, tables)
            return {**summary, "database": database_document(database_name(place, database), tables)} if database and tables is not None else summary

    # Compiling at the first trade would keep the stream waiting.
    warm_observation(log if sys.stderr.isatty() else None)
    summary = asyncio.run(run())
    if as_json:
        tell({"summary": summary})
    else:
        _show_collected(summary)
    if "tables_failed" in summary:
        hint = f"The log has every fact: observe replay {get_event_store_dir(place, venue)} --venue {venue} --database URL fills the tables"
        raise ArtifactError(f"expected a database that takes every fact, found one that failed: {summary['tables_failed']}", where="--database", hint=hint)
    return 1 if summary["interrupted"] else 0


def _names(text: str) -> tuple[str, ...]:
    """Names with commas between, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _show_collected(summary: dict[str, Any]) -> None:
    table(f"{summary['venue']}, ended by {summary['ended_by']}", ("messages", "count"), list(summary["counters"].items()))
    table("events", ("kind", "count"), list(summary["events"].items()))
    for title, columns in (("quarantined", ("reason", "count")), ("set_aside", ("reason", "count"))):
        if summary[title]:
            table(title.replace("_", " "), columns, [(row["reason"], row["count"]) for row in summary[title]])
    table("marks", ("mark", "count"), [*summary["marks"].items(), *((f"GAP {outcome}", count) for outcome, count in summary["gaps"].items())])
    if "database" in summary:
        _say_facts(summary["database"])
    for row in summary["artifacts"]:
        say(f"{row['path']}  sha256 {row['sha256']}")
    _say_snapshot(summary["snapshot"], summary["room_quarantine"])


def _say_snapshot(snapshot: dict[str, Any] | None, quarantine: str | None) -> None:
    if snapshot:
        when = f"at {iso_from_ns(round(snapshot['timestamp'] * 1000) * NS_PER_SECOND // 1000)}" if snapshot["timestamp"] else "without an event"
        say(f"snapshot of {len(snapshot['symbols_active'])} symbols {when}, {snapshot['status']}")
        counters = snapshot["counters"]
        if counters["dropped_events"]:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in counters["quarantined"].items())
            say(f"the room kept aside {counters['dropped_events']:,} of {counters['events_received']:,} events: {reasons}")
        if counters["overwritten"]:
            say(f"the room's memories overwrote {counters['overwritten']:,} entries that were still inside their windows")
    if quarantine:
        say(f"kept aside by the room: {quarantine}")
