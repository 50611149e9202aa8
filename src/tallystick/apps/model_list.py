"""What models a workspace has, as its manifests say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tallystick.apps.trainings import read_manifest, training_runs, verdicts
from tallystick.artifacts.checksum import sha256_file
from tallystick.artifacts.paths import Workspace, get_recorded_path
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.registry import contract


def listed_models(workspace: Workspace) -> list[dict[str, Any]]:
    """One row a model: run, target, view, family, symbol, status, gate, rank IC, checksum and path."""
    rows = []
    for run_root in training_runs(workspace):
        gate = verdicts(workspace, run_root)
        for target, entry in sorted(read_manifest(run_root).target_index.items()):
            for relative, recorded in sorted((entry.model_meta_checksums or {}).items()):
                rows.append({**_row(workspace, run_root, relative, recorded, gate), "target": target, "status": entry.status})
    return rows


def _row(workspace: Workspace, run_root: Path, relative: str, recorded: str, gate: Any) -> dict[str, Any]:
    path = get_recorded_path(run_root, relative)
    if sha256_file(path) != recorded:
        raise ArtifactError(f"expected SHA-256 {recorded} of {relative}, found another", where=str(path), hint="See: tallystick verify")
    meta = read_artifact(contract("training.model_meta"), path)
    verdict = gate.get(recorded)
    return {
        "run": f"{run_root.parent.name}/{run_root.name}",
        "view": meta.view,
        "family": meta.family,
        "symbol": meta.symbol,
        "gate": "no verdict" if verdict is None else "passed" if verdict.eligible_for_paper else "; ".join(verdict.blocking_reasons),
        "rank_ic": round(meta.metrics.mean_RankIC, 4),
        "checksum": meta.model_checksum or "",
        "path": workspace.relative(path),
    }
