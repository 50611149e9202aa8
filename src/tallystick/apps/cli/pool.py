"""`tallystick pool`: build and validate the live pool; its history is in `pool_history.py`, publishing and following it in `pool_stores.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.apps.cli import pool_history, pool_stores
from tallystick.apps.cli.options import JsonOption, NowOption, WorkspaceOption, asked_day, now_ns, workspace_root
from tallystick.apps.cli.output import emit, say, table

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Build, validate, publish, roll back and resolve the live pool; its history and shadow tracks.",
    epilog="Example: tallystick pool validate --allow-stale",
)


def commands() -> dict[str, Any]:
    """The group of this module."""
    return {"pool": typer.main.get_command(app)}


@app.command(epilog="Example: tallystick pool build --as-of 2025-06-01")
def build(
    as_of: Annotated[str, typer.Option("--as-of", help="The day whose bars, and those before it, decide: 2025-06-15.", callback=asked_day)],
    mode: Annotated[str | None, typer.Option(help="core_major or broad_liquid [default: core_major where it yields enough names].")] = None,
    venue: Annotated[str | None, typer.Option(help="Whose daily bars [default: the only one in the lake].")] = None,
    size: Annotated[int, typer.Option(help="How many symbols.")] = 5,
    selection_meta: Annotated[bool, typer.Option("--selection-meta", help="Write score, confidence and rank of each member too.")] = False,
    allow_smaller: Annotated[bool, typer.Option("--allow-smaller", help="Where fewer names are eligible, publish those instead of refusing.")] = False,
    key: pool_history.KeyOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """Eligibility, ranking and membership of a day; writes the release files to data/output/."""
    from tallystick.apps.pools import build_pool, only_venue
    from tallystick.artifacts.paths import Workspace

    place = Workspace(workspace_root(workspace))
    built = build_pool(
        place,
        venue or only_venue(place),
        as_of,
        now_ns=now_ns(now),
        mode=mode,
        pool_size=size,
        selection_meta=selection_meta,
        allow_smaller=allow_smaller,
        key=key,
    )
    release = built.release

    def show() -> None:
        table(
            f"pool {release.version}",
            ("rank", "symbol", "base"),
            [(rank, symbol, release.symbol_map[symbol]) for rank, symbol in enumerate(release.symbols, 1)],
        )
        say(f"mode {release.mode}: {built.mode_reason}")
        say(f"scores: {', '.join(f'{name} {weight:.2f}' for name, weight in built.weights.items())}")
        say(f"{release.manifest_path}  sha256 {release.manifest_sha256}")

    document = {
        "version": release.version,
        "symbols": list(release.symbols),
        "mode": release.mode,
        "mode_reason": built.mode_reason,
        "manifest_path": str(release.manifest_path),
        "manifest_sha256": release.manifest_sha256,
        "report": dict(release.report),
    }
    emit(document, as_json, show)
    return 0


@app.command(epilog="Example: tallystick pool validate --allow-stale")
def validate(
    folder: Annotated[Path | None, typer.Argument(help="A release folder [default: data/output of the workspace].")] = None,
    size: Annotated[int, typer.Option(help="How many symbols the pool must have.")] = 5,
    max_age_days: Annotated[int, typer.Option(help="Older than this is stale.")] = 45,
    allow_stale: Annotated[bool, typer.Option("--allow-stale", help="Staleness is a warning, not an error.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """Check every rule of a release; all errors at once. Exit 3 when there is one."""
    from tallystick.apps.pools import validate_pool
    from tallystick.artifacts.paths import Workspace

    root, moment = Workspace(workspace_root(workspace)), now_ns(now)
    place, report = validate_pool(root, folder, now_ns=moment, max_age_days=max_age_days, require_fresh=not allow_stale, pool_size=size)

    def show() -> None:
        for text in report.errors:
            say(f"error    {text}")
        for text in report.warnings:
            say(f"warning  {text}")
        say(f"{place}: {len(report.errors)} errors, {len(report.warnings)} warnings")

    emit({"path": str(place), "errors": report.errors, "warnings": report.warnings, "age_days": report.age_days}, as_json, show)
    return 0 if report.valid else 3


pool_history.register(app)
pool_stores.register(app)
