"""`tallystick runs leaks`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.apps.cli.options import JsonOption, WorkspaceOption, workspace_root
from tallystick.apps.cli.output import emit, say, table

if TYPE_CHECKING:
    from tallystick.contracts.leaks import LeakReport

LEAKING = 5


def leaks(
    run_id: Annotated[str | None, typer.Argument(help="As listed; or name a file with --config.")] = None,
    config: Annotated[str | None, typer.Option("--config", help="YAML file as `tallystick run` takes it.")] = None,
    seed: Annotated[int, typer.Option(help="Where the canaries look; another number looks elsewhere.")] = 0,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """Run the leak canaries on a run's configuration: change the future, run again, compare every decision.

    Looks for features, labels, decisions, fills and lists of symbols that know what they could not have known, and for recursions begun too late. Exit code
    5 when a leak is found; each names the line of the report that it distorts.
    """
    from tallystick.apps.cli.progress import ChainProgress
    from tallystick.apps.leaks import leaks_of_config, leaks_of_run
    from tallystick.artifacts.canonical import plain
    from tallystick.artifacts.paths import Workspace
    from tallystick.contracts.errors import ConfigurationError

    if (run_id is None) == (config is None):
        raise ConfigurationError("expected a run's id or --config FILE", hint="See: tallystick runs list")
    place = Workspace(workspace_root(workspace))
    with ChainProgress(enabled=sys.stderr.isatty() and not as_json) as progress:
        if run_id is not None:
            report = leaks_of_run(place, run_id, seed=seed, on_step=progress.step)
        else:
            report = leaks_of_config(place, {}, config, seed=seed, on_step=progress.step)
    emit(plain(report), as_json, lambda: _show(report))
    return LEAKING if report.leaks else 0


def _show(report: LeakReport) -> None:
    if report.leaks:
        rows = []
        for leak in report.leaks:
            numbers = f"{_shown(leak.reported)}, without {_shown(leak.without)}"
            rows.append((" or ".join((leak.kind, *leak.also)), leak.where, leak.line, numbers, leak.first_at or "–"))
        table("leaks", ("leak", "in", "distorts", "reported", "first at"), rows)
        for leak in report.leaks:
            say(f"{leak.kind}: {leak.says}")
    else:
        say(f"No leak found. Tested: {', '.join(report.tested)}.")
    for item in report.not_tested:
        say(f"Not tested: {item.kind}, {item.reason}.")
    if report.is_remade is False:
        say("Bars and code of today give another total return than the run has: it was made from others.")


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
