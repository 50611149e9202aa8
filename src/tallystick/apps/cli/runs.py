"""`tallystick run` and `tallystick runs`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tallystick.apps.cli.envelopes import shown
from tallystick.apps.cli.leaks import leaks
from tallystick.apps.cli.options import JsonOption, NowOption, WorkspaceOption, now_ns, workspace_root
from tallystick.apps.cli.output import emit, log, say, table
from tallystick.apps.cli.run_options import ConfigOption, ParamOption, RequestOption, asked, with_run_options

runs_app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List, show, rank and compare research runs; look for leaks.",
    epilog="Example: tallystick runs list",
)
runs_app.command("leaks", epilog="Example: tallystick runs leaks RUN_ID")(leaks)
# What fits a hundred columns; `runs show` and --json say the rest.
_COLUMNS = ("run_id", "ticker", "start", "end", "total_return", "sharpe_simple")
_HEADS = ("run_id", "ticker", "start", "end", "return", "Sharpe")


def commands() -> dict[str, Any]:
    """The commands of this module."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command("run", epilog="Example: tallystick run --ticker BTCUSDT --interval 1h")(run)
    return {"run": typer.main.get_command(app), "runs": typer.main.get_command(runs_app)}


@with_run_options
def run(
    rsi_buy_max: Annotated[float | None, typer.Option(help="Buy below this RSI only [default: 60].")] = None,
    rsi_sell_min: Annotated[float | None, typer.Option(help="Sell above this RSI [default: 75].")] = None,
    cooldown_days: Annotated[float | None, typer.Option(help="Days without a signal after one [default: 0].")] = None,
    ma_bars: Annotated[float | None, typer.Option(help="Bars of the moving average [default: 20].")] = None,
    rsi_bars: Annotated[float | None, typer.Option(help="Bars of the RSI [default: 14].")] = None,
    param: ParamOption = None,
    config: ConfigOption = None,
    request_id: RequestOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
    **settings: Any,
) -> int:
    """Test a strategy on stored bars; write outputs/runs/<run_id>/ with report.json and refresh the index."""
    from tallystick.apps.cli.envelopes import emit_run
    from tallystick.apps.research_runs import research_run
    from tallystick.artifacts.paths import Workspace

    own = {"rsi_buy_max": rsi_buy_max, "rsi_sell_min": rsi_sell_min, "cooldown_days": cooldown_days, "ma_bars": ma_bars, "rsi_bars": rsi_bars}
    place = Workspace(workspace_root(workspace))
    result = research_run(place, asked(settings | own, param), now_ns=now_ns(now), request_id=request_id, config_path=config)
    emit_run(result, request_id, as_json)
    return 0


def _row(row: Any) -> tuple[object, ...]:
    first, *others = row.ticker.split(",")
    short = {"ticker": f"{first} +{len(others)}" if others else first, "start": row.start[:10], "end": row.end[:10]}
    values = (short.get(name, getattr(row, name)) for name in _COLUMNS)
    return tuple(shown(value) if isinstance(value, float) or value is None else value for value in values)


def _list(rows: Any) -> None:
    if rows:
        table("runs", _HEADS, [_row(row) for row in rows])
    else:
        say("No finished run yet. Begin with: tallystick run")


@runs_app.command("list", epilog="Example: tallystick runs list")
def list_runs(workspace: WorkspaceOption = None, as_json: JsonOption = False, now: NowOption = None) -> int:
    """Every finished run, oldest first. The index is brought in line with the run folders first."""
    from tallystick.apps.research_runs import listed_runs
    from tallystick.artifacts.canonical import plain
    from tallystick.artifacts.paths import Workspace

    reading = listed_runs(Workspace(workspace_root(workspace)), now_ns=now_ns(now))
    for name, reason in reading.left_out.items():
        log(f"left out {name}: {reason}")
    emit(plain(reading.index), as_json, lambda: _list(reading.index.runs))
    return 0


@runs_app.command("show", epilog="Example: tallystick runs show 20250101_000000_run_0123abc")
def show_run(run_id: Annotated[str, typer.Argument(help="As listed.")], workspace: WorkspaceOption = None, as_json: JsonOption = False) -> int:
    """One run: its report."""
    from tallystick.apps.research_runs import run_documents
    from tallystick.artifacts.paths import Workspace

    found = run_documents(Workspace(workspace_root(workspace)), run_id)

    def show() -> None:
        summary = found["report"].get("summary", {})
        table(f"run {run_id}", ("result", "value"), [(name, shown(value)) for name, value in summary.items()])
        reproduce = found["report"].get("reproduce") or {}
        if reproduce.get("command"):
            say(f"make it again: {reproduce['command']}")

    emit(found, as_json, show)
    return 0


@runs_app.command("best", epilog="Example: tallystick runs best --metric sharpe_simple")
def best(
    metric: Annotated[str, typer.Option(help="sharpe_simple, total_return, max_drawdown or trades.")] = "sharpe_simple",
    mode: Annotated[str | None, typer.Option(help="Only runs of this mode.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """The run with the highest value of a metric."""
    from tallystick.apps.research_runs import best_run, listed_runs
    from tallystick.artifacts.canonical import plain
    from tallystick.artifacts.paths import Workspace

    place = Workspace(workspace_root(workspace))
    listed_runs(place, now_ns=now_ns(now))
    row = best_run(place, metric, mode)
    emit(plain(row), as_json, lambda: table(f"best by {metric}", (*_HEADS[:4], metric), [(*_row(row)[:4], shown(getattr(row, metric)))]))
    return 0


@runs_app.command("compare", epilog="Example: tallystick runs compare RUN_ID OTHER_RUN_ID")
def compare(
    run_ids: Annotated[list[str], typer.Argument(help="Two runs or more, as listed.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """Runs side by side: every setting that differs, and every result."""
    from tallystick.apps.research_runs import compared_runs
    from tallystick.artifacts.paths import Workspace

    found = compared_runs(Workspace(workspace_root(workspace)), tuple(run_ids))

    def show() -> None:
        for part in ("settings", "results"):
            rows = [(name, *(shown(value) for value in values)) for name, values in found[part].items()]
            table("settings that differ" if part == "settings" else part, ("", *run_ids), rows)

    emit(found, as_json, show)
    return 0
