"""`tallystick paper`: start a session, and watch those that there are."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tallystick.apps.cli.envelopes import CORE, shown
from tallystick.apps.cli.options import JsonOption, NowOption, WorkspaceOption, now_ns, workspace_root
from tallystick.apps.cli.output import emit, say, table
from tallystick.apps.cli.sessions import trade

paper_app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Start paper sessions and watch them: list, show, health, alerts, promotion.",
    epilog="Example: tallystick paper list",
)
paper_app.command("start", epilog="Example: tallystick paper start --ungated")(trade)
StaleOption = Annotated[float, typer.Option(help="A running session that was silent for longer is stale.")]


def commands() -> dict[str, Any]:
    """The commands of this module."""
    return {"paper": typer.main.get_command(paper_app)}


def _sessions(workspace: Any) -> list[Any]:
    from tallystick.artifacts.paths import Workspace
    from tallystick.research.paper_oversight import find_sessions

    return find_sessions(Workspace(workspace_root(workspace)))


def _minutes(given: float) -> float:
    from tallystick.contracts.errors import ConfigurationError

    if not 0 < given < 1e9:
        raise ConfigurationError(f"expected --stale-minutes above 0, found {given:g}", where="--stale-minutes")
    return given


@paper_app.command("list", epilog="Example: tallystick paper list")
def list_sessions(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> int:
    """Every paper session, oldest first: where it stands and what came of it."""
    rows = []
    for item in _sessions(workspace):
        summary = item.report.summary if item.report is not None else None
        rows.append(
            {
                "session_id": item.session_id,
                "status": item.state,
                "started_at": item.status.started_at if item.status is not None else None,
                "updated_at": item.status.updated_at if item.status is not None else None,
                **{name: getattr(summary, name, None) for name in CORE},
                "path": f"outputs/paper_sessions/{item.session_id}",
            }
        )
    columns = {"session_id": "session", "status": "status", "started_at": "started", "total_return": "return", "sharpe_simple": "Sharpe", "trades": "trades"}

    def show() -> None:
        if rows:
            table("paper sessions", tuple(columns.values()), [[shown(row[name]) for name in columns] for row in rows])
        else:
            say("No paper session yet. Begin with: tallystick paper start --ungated")

    emit({"sessions": rows}, as_json, show)
    return 0


@paper_app.command("show", epilog="Example: tallystick paper show SESSION_ID")
def show_session(session_id: Annotated[str, typer.Argument(help="As listed.")], workspace: WorkspaceOption = None, as_json: JsonOption = False) -> int:
    """One session: its status, metadata and report."""
    from tallystick.artifacts.canonical import plain
    from tallystick.artifacts.paths import Workspace
    from tallystick.research.paper_oversight import read_session

    found = read_session(Workspace(workspace_root(workspace)), session_id)
    parts = {"status": found.status, "metadata": found.metadata, "report": found.report}
    document = {"session_id": session_id, **{name: plain(part) for name, part in parts.items()}, "damage": found.damage}

    def show() -> None:
        status = document["status"] or {}
        rows = [(name, shown(status.get(name))) for name in ("status", "status_reason", "started_at", "finished_at", "duration_seconds") if name in status]
        rows += [(name, shown(value)) for name, value in ((document["report"] or {}).get("summary") or {}).items()]
        table(f"paper session {session_id}", ("", "value"), rows)
        if status.get("message"):
            say(f"{status['error_type']}: {status['message']}")
        if found.damage:
            say(f"damaged: {found.damage}")

    emit(document, as_json, show)
    return 0


@paper_app.command("health", epilog="Example: tallystick paper health")
def health(stale_minutes: StaleOption = 60.0, workspace: WorkspaceOption = None, as_json: JsonOption = False, now: NowOption = None) -> int:
    """Sessions counted by status."""
    from tallystick.artifacts.canonical import plain
    from tallystick.research import paper_oversight

    found = plain(paper_oversight.health(_sessions(workspace), now_ns=now_ns(now), stale_minutes=_minutes(stale_minutes)))
    rows = [("status", found["status"]), *found["by_status"].items(), *((name, shown(found[name])) for name in ("damaged", "stale", "latest_session_id"))]
    emit(found, as_json, lambda: table("paper health", ("", "value"), rows))
    return 0


@paper_app.command("alerts", epilog="Example: tallystick paper alerts --stale-minutes 30")
def alerts(stale_minutes: StaleOption = 60.0, workspace: WorkspaceOption = None, as_json: JsonOption = False, now: NowOption = None) -> int:
    """What needs a person: failed, aborted, stale and damaged sessions."""
    from tallystick.artifacts.canonical import plain
    from tallystick.research import paper_oversight

    found = plain(paper_oversight.alerts(_sessions(workspace), now_ns=now_ns(now), stale_minutes=_minutes(stale_minutes)))
    columns = ("severity", "code", "session_id", "updated_at", "message")

    def show() -> None:
        if found["alerts"]:
            table("paper alerts", columns, [[alert[name] for name in columns] for alert in found["alerts"]])
        else:
            say("No alerts.")

    emit(found, as_json, show)
    return 0


@paper_app.command("promotion", epilog="Example: tallystick paper promotion")
def promotion(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> int:
    """Which sessions may go on to a person's review, at most two, and why the others may not."""
    from tallystick.artifacts.canonical import plain
    from tallystick.research import paper_oversight

    found = plain(paper_oversight.promotion(_sessions(workspace)))
    columns = ("session_id", "total_return", "sharpe_simple", "max_drawdown", "trades", "finished_at")

    def show() -> None:
        if found["candidates"]:
            table("candidates", columns, [[shown(item[name]) for name in columns] for item in found["candidates"]])
        else:
            say("No candidate.")
        if found["held_back"]:
            table("held back", ("session_id", "because"), [(item["session_id"], "; ".join(item["reasons"])) for item in found["held_back"]])

    emit(found, as_json, show)
    return 0
