"""`tallystick train` and `tallystick models`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.apps.cli.options import JsonOption, NowOption, WorkspaceOption, asked_time, now_ns, workspace_root
from tallystick.apps.cli.output import emit, log, say, say_wrapped, table

models_app = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="List, show and verify trained models.", epilog="Example: tallystick models list"
)


def commands() -> dict[str, Any]:
    """The commands of this module."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command("train", epilog="Example: tallystick train --interval 1h")(train)
    return {"train": typer.main.get_command(app), "models": typer.main.get_command(models_app)}


def train(
    targets: Annotated[str | None, typer.Option(help="Comma-separated, for instance fwd_ret_60m,fwd_ret_240m [default: one bar and four bars].")] = None,
    families: Annotated[str, typer.Option(help="Comma-separated model families.")] = "LightGBM,Ridge",
    features: Annotated[str | None, typer.Option(help="Comma-separated catalogue names [default: twenty in the box].")] = None,
    venue: Annotated[str | None, typer.Option(help="Whose bars [default: the only one in the lake].")] = None,
    interval: Annotated[str, typer.Option(help="Bar interval.")] = "1h",
    start: Annotated[str | None, typer.Option(help="First open time.", callback=asked_time)] = None,
    end: Annotated[str | None, typer.Option(help="Open times before this.", callback=asked_time)] = None,
    seed: Annotated[int, typer.Option(help="Seed of every fit.")] = 42,
    train_blocked: Annotated[bool, typer.Option("--train-blocked", help="Also train targets that routing blocked; they are never promoted.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """Rank targets, route them on evidence, fit models and write their artifacts with the gate's verdict."""
    from tallystick.apps.pools import only_venue
    from tallystick.apps.trainings import FEATURES, default_targets, train_models
    from tallystick.artifacts.paths import Workspace
    from tallystick.contracts.market import minutes_of
    from tallystick.contracts.time import ns_from_iso
    from tallystick.training.config import TrainingConfig

    place, minutes = Workspace(workspace_root(workspace)), minutes_of(interval)
    config = TrainingConfig(
        features=_names(features) or FEATURES,
        targets=_names(targets) or default_targets(minutes),
        families=_names(families),
        ranking_family=_names(families)[-1],
        seed=seed,
        train_blocked=train_blocked,
    )
    run = train_models(
        place,
        venue or only_venue(place, interval),
        minutes,
        config,
        now_ns=now_ns(now),
        progress=lambda event: log(f"{event.event_type} {event.stage or ''} {event.progress_pct or 0:.0f} %"),
        start_ns=ns_from_iso(start) if start else None,
        end_ns=ns_from_iso(end) if end else None,
    )

    def show() -> None:
        table("routing", ("target", "route", "reason"), [(target, decision.route, decision.reason) for target, decision in sorted(run.routing.items())])
        rows = [
            _model_row(model.package.target, model.package.family, model.package.symbol, model.package.meta.metrics.mean_RankIC, model.run)
            for model in run.models
        ]
        table("models", ("target", "family", "symbol", "rank IC", "gate"), rows)
        say(f"{run.folder}  manifest sha256 {run.manifest_sha256}")

    document: dict[str, Any] = {
        "run_id": run.run_id,
        "run_instance_id": run.run_instance_id,
        "target_index": run.manifest.model_dump(mode="json", exclude_unset=True)["target_index"],
        "routing": {target: decision.model_dump(mode="json", exclude_unset=True) for target, decision in run.routing.items()},
        "artifacts": [{"path": str(run.folder), "sha256": run.seal_sha256}],
    }
    emit(document, as_json, show)
    return 0


def _model_row(target: str, family: str, symbol: str | None, rank_ic: float, run: Any) -> tuple[object, ...]:
    return target, family, symbol or "all", f"{rank_ic:.4f}", "passed" if run.eligible_for_paper else "; ".join(run.blocking_reasons)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip()) if text else ()


def _verdict(row: dict[str, Any]) -> str:
    return row["gate"] if row["gate"] in ("passed", "no verdict") else "refused"


@models_app.command("list", epilog="Example: tallystick models list")
def list_(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> int:
    """Every trained model in the workspace, found through the manifests."""
    from tallystick.apps.model_list import listed_models
    from tallystick.artifacts.paths import Workspace

    rows = listed_models(Workspace(workspace_root(workspace)))
    emit(
        {"models": rows},
        as_json,
        lambda: table(
            "models (what the gate said: tallystick models show)",
            ("run", "target", "family", "symbol", "rank IC", "status", "gate"),
            [
                (row["run"].split("/")[-1], row["target"], row["family"], row["symbol"] or "all", f"{row['rank_ic']:+.4f}", row["status"], _verdict(row))
                for row in rows
            ],
        ),
    )
    return 0


@models_app.command(epilog="Example: tallystick models show")
def show(
    run: Annotated[str | None, typer.Argument(help="Run id or instance id [default: the newest].")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """One training run: its targets, routes and models."""
    from tallystick.apps.model_list import listed_models
    from tallystick.apps.trainings import find_run, read_manifest
    from tallystick.artifacts.paths import Workspace

    place = Workspace(workspace_root(workspace))
    folder = find_run(place, run)
    rows = [row for row in listed_models(place) if row["run"] == f"{folder.parent.name}/{folder.name}"]

    def render() -> None:
        cells = [
            (row["target"], row["view"], row["family"], row["symbol"] or "all", f"{row['rank_ic']:+.4f}", _verdict(row), row["checksum"][:12]) for row in rows
        ]
        table(str(folder), ("target", "view", "family", "symbol", "rank IC", "gate", "sha256"), cells)
        for row in rows:
            if _verdict(row) == "refused":
                say(f"{row['family']} on {row['target']}{' of ' + row['symbol'] if row['symbol'] else ''}, why the gate refused:")
                for reason in row["gate"].split("; "):
                    say_wrapped(reason, indent=2)

    emit({"manifest": read_manifest(folder).model_dump(mode="json", exclude_unset=True), "models": rows}, as_json, render)
    return 0


@models_app.command(epilog="Example: tallystick models verify RESULTS")
def verify(path: Annotated[Path, typer.Argument(help="A model folder or a whole training run.")], as_json: JsonOption = False) -> int:
    """Check shape, rules and every hash of models without loading them. Exit 3 when something is wrong."""
    from tallystick.apps.cli.verify import verify as verify_path

    return verify_path(path, as_json=as_json)
