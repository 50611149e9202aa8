"""Training for the front doors: train, list and verify models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tallystick.apps.assembly import compute, model_families
from tallystick.apps.code_identity import code_identity
from tallystick.artifacts.paths import Workspace, get_manifest_path, get_model_run_dir, get_runs_dir
from tallystick.artifacts.seal import check_seal, seal_sha256
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.errors import DataError, SafetyRefusal
from tallystick.contracts.model_runs import PromotionAssessment, TrainingSummary
from tallystick.contracts.registry import contract
from tallystick.contracts.time import ns_from_iso
from tallystick.contracts.training import Manifest
from tallystick.market.calendars import days_per_year
from tallystick.market.lake import Lake
from tallystick.training.config import TrainingConfig
from tallystick.training.pipeline import TrainedRun, train
from tallystick.training.ports import Clock, ProgressSink

FEATURES = (
    "ret_1",
    "ret_4",
    "ret_24",
    "ret_60",
    "vol_20",
    "vol_60",
    "zscore_20",
    "rsi_14",
    "ma_ratio_20",
    "ma_ratio_120",
    "bb_position_20",
    "bb_width_20",
    "atr_14",
    "macd_12_26_9",
    "mom_20",
    "high_low_range_20",
    "volume_ratio_20",
    "volume_change_1",
    "close_to_high_60",
    "close_to_low_60",
)


def default_targets(interval_minutes: int) -> tuple[str, str]:
    """Two forward returns: over one bar and over four."""
    return (f"fwd_ret_{interval_minutes}m", f"fwd_ret_{4 * interval_minutes}m")


def train_models(
    workspace: Workspace,
    venue: str,
    interval_minutes: int,
    config: TrainingConfig,
    *,
    now_ns: int,
    progress: ProgressSink,
    start_ns: int | None = None,
    end_ns: int | None = None,
    clock: Clock | None = None,
) -> TrainedRun:
    """Train on the bars in the lake with open times in [start, end). A year has as many days as their calendar says (decision 35)."""
    lake = Lake(workspace)
    coverage, coverage_sha256 = lake.coverage(venue, interval_minutes)
    config = replace(config, promotion=replace(config.promotion, days_per_year=float(days_per_year(coverage.calendar))))
    panel = lake.read(venue, interval_minutes, start_ns=start_ns, end_ns=end_ns)
    return train(
        workspace,
        panel,
        config,
        now_ns=now_ns,
        families=model_families(),
        compute=compute(),
        code_version=code_identity(),
        coverage_sha256=coverage_sha256,
        progress=progress,
        clock=clock,
    )


def training_runs(workspace: Workspace) -> list[Path]:
    """Folders of finished training runs, oldest first by instance."""
    found = [path.parent for path in get_runs_dir(workspace).glob("*/*/manifest.json")]
    return sorted(found, key=lambda folder: (folder.name, folder.parent.name))


def find_run(workspace: Workspace, name: str | None) -> Path:
    """The run named by run id or instance id, else the newest. Raises DataError when there is none."""
    runs = training_runs(workspace)
    fitting = [folder for folder in runs if name is None or name in (folder.name, folder.parent.name, f"{folder.parent.name}/{folder.name}")]
    if not fitting:
        raise DataError(
            f"expected a training run{f' named {name}' if name else ''}, found none of {len(runs)}",
            where=str(workspace.root),
            hint="See: tallystick train --help",
        )
    return fitting[-1]


def read_manifest(run_root: Path) -> Manifest:
    """The manifest of a run, checked."""
    manifest: Manifest = read_artifact(contract("training.manifest"), get_manifest_path(run_root))
    return manifest


def verdicts(workspace: Workspace, run_root: Path) -> Mapping[str, PromotionAssessment]:
    """The promotion gate's assessment of every model of a run, by the SHA-256 of its meta.

    Raises SafetyRefusal when a verdict's folder is not the one that the run's manifest recorded: a verdict that anyone could write is none.
    """
    item = contract("model_runs.training_summary")
    metadata = read_manifest(run_root).run_metadata or {}
    seals = metadata.get("model_run_seals", {})
    found = {}
    for model_run_id in metadata.get("model_runs", ()):
        _check_verdict(get_model_run_dir(workspace, str(model_run_id)), seals.get(model_run_id))
        summary: TrainingSummary = read_artifact(item, workspace.path(item, model_run_id=str(model_run_id)))
        if summary.model_meta_sha256 is not None:
            found[summary.model_meta_sha256] = summary.promotion_assessment
    return found


def _check_verdict(folder: Path, recorded: str | None) -> None:
    changed = check_seal(folder)
    if changed or seal_sha256(folder) != recorded:
        what = changed[0].path.name if changed else "another seal than the manifest recorded"
        raise SafetyRefusal(f"expected the verdict as the training run sealed it, found a change in {what}", where=str(folder), hint="Train the models again")


def training_end_ns(workspace: Workspace, run_root: Path) -> int:
    """The open time of the last bar that any model of the run was fitted or judged on; 0 for a run without models."""
    item = contract("model_runs.dataset_manifest")
    metadata = read_manifest(run_root).run_metadata or {}
    ends = [ns_from_iso(read_artifact(item, workspace.path(item, model_run_id=str(name))).time_range.end) for name in metadata.get("model_runs", ())]
    return max(ends, default=0)
