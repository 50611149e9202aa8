"""Engine sessions: trade, status, why, trace, replay, journal, bridge."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.apps.cli.options import JsonOption, NowOption, WorkspaceOption, asked_time, now_ns, workspace_root
from tallystick.apps.cli.output import emit, log, say, short_moment, table

journal_app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Verify the hash chain of a journal, or export it.",
    epilog="Example: tallystick journal verify",
)
SessionOption = Annotated[str | None, typer.Option("--session", help="Session id [default: the newest].")]


def commands() -> dict[str, Any]:
    """The commands of this module."""
    found: dict[str, Any] = {"journal": typer.main.get_command(journal_app)}
    for name, function, example in (
        ("trade", trade, "trade --ungated --session-id second"),
        ("status", status, "status"),
        ("why", why, "why AVOUSDT --at 2025-06-10T12:00:00Z"),
        ("trace", trace, "trace"),
        ("replay", replay, "replay"),
        ("bridge", bridge, "bridge --port 8765"),
    ):
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name, epilog=f"Example: tallystick {example}")(function)
        found[name] = typer.main.get_command(app)
    return found


def trade(
    models: Annotated[str | None, typer.Option(help="Training run whose models trade [default: the newest].")] = None,
    venue: Annotated[str, typer.Option(help="paper: the simulated venue. Others are not built yet.")] = "paper",
    start: Annotated[str | None, typer.Option(help="First open time [default: the day after the pool's date].", callback=asked_time)] = None,
    end: Annotated[str | None, typer.Option(help="End of the session [default: the end of the stored bars].", callback=asked_time)] = None,
    symbols: Annotated[str | None, typer.Option(help="Comma-separated, a static universe [default: the live pool in data/output].")] = None,
    pool_from: Annotated[str | None, typer.Option("--pool-from", help="Follow the published pool in this object store, in place of data/output.")] = None,
    pool_document: Annotated[
        str | None, typer.Option("--pool-document", help="Its summary document: a folder or firestore://PROJECT [default: the workspace's documents/].")
    ] = None,
    market_venue: Annotated[str | None, typer.Option(help="Whose stored bars [default: the only one in the lake].")] = None,
    interval: Annotated[str, typer.Option(help="Bar interval.")] = "1h",
    session_id: Annotated[str | None, typer.Option("--session-id", help="The same id again recovers the session and goes on.")] = None,
    ungated: Annotated[
        bool, typer.Option("--ungated", help="Paper only: trade models that the promotion gate did not pass; every decision is marked degraded.")
    ] = False,
    learn: Annotated[
        str | None, typer.Option("--learn", help="Learn from closed trades which horizon to prefer: exp3ix, thompson_sampling or ucb [default: do not].")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """Walk stored bars through the whole engine on paper."""
    from tallystick.apps.paper_trading import TradeRequest, trade_on_paper
    from tallystick.apps.session_report import session_report
    from tallystick.artifacts.paths import Workspace

    place = Workspace(workspace_root(workspace))
    request = TradeRequest(
        venue=venue,
        models=models,
        start=start,
        end=end,
        symbols=symbols,
        market_venue=market_venue,
        interval=interval,
        session_id=session_id,
        ungated=ungated,
        pool_from=pool_from,
        pool_document=pool_document,
        learn=learn,
    )
    outcome = trade_on_paper(place, request, now_ns=now_ns(now), progress=_Progress("session"))
    report = session_report(place, outcome.session_id)

    def show() -> None:
        say(f"session {outcome.session_id}: {outcome.status}")
        for line in report.lines():
            say(f"  {line}")
        say(f"{outcome.folder}  sha256 {outcome.seal_sha256}")

    emit({**report.as_document(), "path": str(outcome.folder), "sha256": outcome.seal_sha256}, as_json, show)
    return 0


class _Progress:
    """A line on stderr for a person, every tenth part."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._shown = -1

    def __call__(self, done: int, total: int) -> None:
        tenth = done * 10 // total
        if tenth != self._shown and sys.stderr.isatty():
            self._shown = tenth
            log(f"{self._name} {done}/{total}")


def status(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> int:
    """The sessions of this workspace: where they stand, what they did, what they hold."""
    from tallystick.apps.session_report import session_report
    from tallystick.apps.sessions import session_ids
    from tallystick.artifacts.paths import Workspace

    place = Workspace(workspace_root(workspace))
    reports = [session_report(place, name) for name in session_ids(place)]

    def show() -> None:
        rows = [
            (item.session_id, item.status, item.cycles, len(item.order_ids), item.fills, f"{item.equity:,.2f}", f"{item.return_pct:+.2f}") for item in reports
        ]
        table("sessions", ("session", "status", "cycles", "orders", "fills", "equity", "return %"), rows)
        if reports:
            say(f"last order of {reports[-1].session_id}: {reports[-1].order_ids[-1] if reports[-1].order_ids else 'none'}")

    emit({"sessions": [item.as_document() for item in reports]}, as_json, show)
    return 0


def why(
    symbol: Annotated[str, typer.Argument(help="For instance BTCUSDT.")],
    at: Annotated[str | None, typer.Option("--at", help="The last cycle at or before this time [default: the last one].", callback=asked_time)] = None,
    session: SessionOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """Why a symbol did or did not trade: the stage and the number that decided."""
    from tallystick.apps.session_report import why as look
    from tallystick.apps.sessions import find_session
    from tallystick.artifacts.paths import Workspace

    place = Workspace(workspace_root(workspace))
    found = look(place, find_session(place, session), symbol, at)

    def show() -> None:
        verdict = f"{found['action']}, order {found['order_id']}" if found["decision"] == "TRADE" else f"{found['decision']}, stopped by {found['stopped_by']}"
        say(f"{symbol} at {short_moment(found['now'])} (cycle {found['cycle']}): {verdict}")
        say(f"  {found['reason']}")
        say(f"  universe: {found['universe_source']} {found['pool_version'] or ''}{'; the session is degraded' if found['degraded'] else ''}")
        if found["value"] is not None:
            say(f"  value {found['value']:.6g}" + (f", limit {found['limit']:.6g}" if found["limit"] is not None else ""))
        for policy, numbers in found["stages"].items():
            say(f"  {policy}")
            for name, value in numbers.items():
                say(f"    {name:<15}{_numbers(value)}")

    emit(found, as_json, show)
    return 0


def _numbers(value: object) -> str:
    """Numbers of a stage as a person reads them: six figures, one level of names."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {f'({_numbers(item)})' if isinstance(item, dict) else _numbers(item)}" for name, item in value.items())
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def trace(
    order_id: Annotated[str | None, typer.Argument(help="As `tallystick status --json` lists it [default: the newest session's last].")] = None,
    session: SessionOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """From one order back to the bars, each hash checked. Exit 3 when a link does not verify."""
    from tallystick.apps.sessions import trace as walk
    from tallystick.artifacts.paths import Workspace

    place = Workspace(workspace_root(workspace))
    name, links = walk(place, order_id or _last_order(place, session), session)

    def show() -> None:
        say(f"order {links[0].id} of {name}")
        for link in links:
            say(f"  {'ok' if link.verified else 'CHANGED':<8}{link.kind:<14} {link.sha256[:12]}  {link.path}")
        broken = [link for link in links if not link.verified]
        say(f"{len(links)} links, {len(broken)} changed" + (f": {', '.join(link.kind for link in broken)}" if broken else ""))

    emit({"session_id": name, "chain": [link.as_document() for link in links]}, as_json, show)
    return 0 if all(link.verified for link in links) else 3


def _last_order(place: Any, session: str | None) -> str:
    from tallystick.apps.session_report import session_report
    from tallystick.apps.sessions import find_session
    from tallystick.contracts.errors import DataError

    name = find_session(place, session)
    orders = session_report(place, name).order_ids
    if not orders:
        raise DataError("expected an order to trace, found none in the session", where=name, hint="See: tallystick why SYMBOL")
    return orders[-1]


def replay(
    session: Annotated[str | None, typer.Argument(help="Session id [default: the newest].")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """Run a recorded session again from its inputs as they lie now, and compare every decision. Exit 3 when one differs."""
    from tallystick.apps.sessions import find_session, replay_session
    from tallystick.artifacts.paths import Workspace

    place = Workspace(workspace_root(workspace))
    name = find_session(place, session)
    report = replay_session(place, name, _Progress("replay"))

    def show() -> None:
        say(f"{name}: {report.cycles} cycles, {report.decisions} decisions, {len(report.differences)} differences")
        if report.differences:
            rows = [(item.cycle, item.symbol or "", item.stage, item.recorded, item.recomputed) for item in report.differences[:20]]
            table("first differences", ("cycle", "symbol", "stage", "recorded", "recomputed"), rows)

    document: dict[str, Any] = {
        "session_id": name,
        "cycles": report.cycles,
        "decisions": report.decisions,
        "differences": len(report.differences),
        "first": [item.as_document() for item in report.differences[:20]],
    }
    emit(document, as_json, show)
    return 3 if report.differences else 0


@journal_app.command(epilog="Example: tallystick journal verify")
def verify(
    session: Annotated[str | None, typer.Argument(help="Session id [default: the newest].")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """Check the hash chain; locates any edited, dropped or swapped row. Exit 3 when it is broken."""
    from tallystick.apps.assembly import journal_reader
    from tallystick.apps.sessions import find_session
    from tallystick.artifacts.paths import Workspace
    from tallystick.engine.journal import check_chain

    place = Workspace(workspace_root(workspace))
    name = find_session(place, session)
    count, fault = check_chain(journal_reader(place, name).rows())
    document = {"session_id": name, "rows": count, "broken_at": fault.sequence if fault else None}
    emit(
        document,
        as_json,
        lambda: say(f"{name}: {count} rows hold" + (f", broken at row {fault.sequence}: expected {fault.expected}, found {fault.found}" if fault else "")),
    )
    return 3 if fault else 0


@journal_app.command(epilog="Example: tallystick journal export")
def export(
    session: Annotated[str | None, typer.Argument(help="Session id [default: the newest].")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File to write [default: stdout].")] = None,
    workspace: WorkspaceOption = None,
) -> int:
    """Decisions, orders, fills and money as canonical JSON lines, without wall-clock fields: two sessions that did the same print the same bytes."""
    from tallystick.apps.assembly import journal_reader
    from tallystick.apps.sessions import find_session
    from tallystick.artifacts.atomic import write_atomic_bytes
    from tallystick.artifacts.paths import Workspace

    place = Workspace(workspace_root(workspace))
    data = b"".join(row.body + b"\n" for row in journal_reader(place, find_session(place, session)).rows("commit"))
    if out is not None:
        say(f"{out}  sha256 {write_atomic_bytes(out, data)}")
    else:
        sys.stdout.buffer.write(data)
    return 0


def bridge(
    session: SessionOption = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes any free one.")] = 8765,
    workspace: WorkspaceOption = None,
) -> int:
    """Serve state, positions, trades and risk of a session on loopback, bodies as documents 1 and 2 write them.

    Prints one JSON line with its address when it is ready, and ends with Ctrl-C.
    """
    from tallystick.apps.bridge.serving import serve_bridge
    from tallystick.apps.sessions import find_session, session_ids
    from tallystick.artifacts.paths import Workspace

    root = workspace_root(workspace)
    place = Workspace(root)
    served = find_session(place, session) if session or session_ids(place) else None

    def announce(address: str) -> None:
        say(json.dumps({"ready": address, "session_id": served}))
        sys.stdout.flush()

    serve_bridge(root, served, port=port, announce=announce)
    return 0
