"""`tallystick quickstart`: the main job."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.apps.cli.options import JsonOption, NowOption, WorkspaceOption, now_ns, workspace_root
from tallystick.apps.cli.output import emit, log, say, say_wrapped

if TYPE_CHECKING:
    from tallystick.apps.quickstart.chain import QuickstartResult, StepResult


def commands() -> dict[str, Any]:
    """The command of this module."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command("quickstart", epilog="Example: tallystick quickstart --workspace demo")(quickstart)
    return {"quickstart": typer.main.get_command(app)}


def quickstart(
    data: Annotated[
        Path | None, typer.Option("--data", help="A folder with bars (Parquet or CSV, found by their columns) [default: the generated market].")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the generated market and of every fit.")] = 7,
    serve: Annotated[bool, typer.Option("--serve", help="Serve the finished session over HTTP when done.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """Walk the whole chain: market → pool → run → train → gate → paper session → verify → trace → replay.

    The same command again goes on where it stopped.
    """
    from tallystick.apps.cli.progress import ChainProgress
    from tallystick.apps.quickstart.chain import quickstart as walk

    root = workspace_root(workspace)
    with ChainProgress(enabled=sys.stderr.isatty() and not as_json) as progress:
        result = walk(root, data=data, seed=seed, now_ns=now_ns(now), now_given=now is not None, on_step=progress.step, on_progress=progress.advance)
    emit(result.as_document(), as_json, lambda: _render(root, workspace, result))
    if serve:
        from tallystick.apps.bridge.serving import serve_bridge

        serve_bridge(root, result.session_id, announce=lambda address: log(f"serving {address} (Ctrl-C stops)"))
    return 0 if result.replay_differences == 0 else 5


def _render(root: Path, given: Path | None, result: QuickstartResult) -> None:
    say(f"{'step':<9}{'status':<8}{'seconds':>7}  where in {root}")
    for step in result.steps:
        say(f"{step.name:<9}{'kept' if step.kept else step.status:<8}{step.seconds:>7.1f}  {_where(step)}".rstrip())
        for line in step.lines:
            say_wrapped(line, indent=4)
    total = sum(step.seconds for step in result.steps)
    counts = f"{len(result.order_ids)} orders, {result.verified_artifacts} files verified, {result.replay_differences} differences in the replay"
    say("")
    say_wrapped(f"Done in {total:.1f} s: session {result.session_id}, {counts}.", indent=0)
    say("\nWhat to try next:")
    place = f" -w {shlex.quote(str(given))}" if given is not None else ""
    tips = (
        (f"tallystick why {result.symbols[0]}{place}", "why it did or did not trade"),
        (f"tallystick trace{place}", "the last order, back to the bars"),
        (f"tallystick status{place}", "what the session did and holds"),
        (f"tallystick models show{place}", "the models, and what the gate said of each"),
        (f"tallystick bridge{place}", "then open http://127.0.0.1:8765/api/positions"),
        ("tallystick quickstart --data YOUR_BARS -w another", "the same chain on your own bars"),
    )
    width = max(len(command) for command, _ in tips)
    for command, says in tips:
        say(f"  {command:<{width}}  # {says}")


def _where(step: StepResult) -> str:
    """The first of its paths, so that the row stays a row."""
    paths = [item["path"] for item in step.artifacts]
    return f"{paths[0]}{f' and {len(paths) - 1} more' if len(paths) > 1 else ''}" if paths else ""
