"""The manifest of a run: written last, since only what it names counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tallystick.artifacts.paths import Workspace, get_run_dir
from tallystick.artifacts.store import write_artifact
from tallystick.contracts.registry import contract
from tallystick.contracts.time import iso_from_ns
from tallystick.contracts.training import Manifest, RoutingDecision, TargetEntry
from tallystick.training.identity import digest
from tallystick.training.packaging import PackagedModel, RunContext
from tallystick.training.routing import of_target, views_of


def write_routing(context: RunContext, decisions: Mapping[str, RoutingDecision], views: Mapping[str, Sequence[str]]) -> str:
    """Write the decisions to their three places: global, per target, and in each view tree that has models. Answers the hash of the global file."""
    item = contract("training.routing_decisions")
    parts = {"run_id": context.run_id, "run_instance_id": context.run_instance_id}
    for target in sorted(decisions):
        alone = of_target(decisions, target)
        write_artifact(item, context.workspace.path(item, 1, target=target, **parts), alone)
        for view in views.get(target, ()):
            write_artifact(item, context.workspace.path(item, 2, target=target, view=view, **parts), alone)
    return write_artifact(item, context.workspace.path(item, 0, **parts), dict(decisions))


def build_manifest(context: RunContext, decisions: Mapping[str, RoutingDecision], models: Sequence[PackagedModel], metadata: Mapping[str, Any]) -> Manifest:
    """Every target with a model, the families whose models were written, and each meta's hash."""
    by_target: dict[str, list[PackagedModel]] = defaultdict(list)
    for model in models:
        by_target[model.target].append(model)
    run_dir = context.workspace.relative(get_run_dir(context.workspace, context.run_id, context.run_instance_id))
    index = {}
    for target in sorted(by_target):
        mine = by_target[target]
        families = tuple(sorted({model.family for model in mine}))
        views = tuple(sorted({model.view for model in mine}))
        fields: dict[str, Any] = {
            "status": "complete" if set(families) == set(context.config.families) else "partial",
            "families_trained": families,
            "view": views[0],
            "views": views,
            "auc": None,
            "model_meta_checksums": {model.meta_path.removeprefix(f"{run_dir}/"): model.meta_sha256 for model in mine},
            "horizon_minutes": metadata["horizon_minutes"][target],
        }
        symbols = tuple(sorted({model.symbol for model in mine if model.symbol is not None}))
        if symbols:
            fields["symbols"] = symbols
        if not views_of(decisions[target]):
            fields["blocked_override"] = True
        index[target] = TargetEntry.model_validate(fields)
    return Manifest(
        run_id=context.run_id,
        run_instance_id=context.run_instance_id,
        timestamp=iso_from_ns(context.created_ns),
        git_sha=context.code.git_sha,
        target_index=index,
        config_digest=digest(context.config.document()),
        is_comparable=context.code.git_sha != "unknown",
        experiment_config=context.config.document(),
        run_metadata=dict(metadata),
    )


def write_manifest(context: RunContext, manifest: Manifest) -> str:
    """Write the manifest; answers its hash."""
    item = contract("training.manifest")
    path = context.workspace.path(item, run_id=context.run_id, run_instance_id=context.run_instance_id)
    return write_artifact(item, path, manifest)


def snapshot_number(workspace: Workspace, run_id: str, run_instance_id: str) -> int:
    """How many earlier instances of the run lie in the workspace."""
    folder = get_run_dir(workspace, run_id, run_instance_id).parent
    return sum(1 for entry in folder.iterdir() if entry.name < run_instance_id) if folder.is_dir() else 0
