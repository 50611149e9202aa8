"""The folder of one model: its files, their hashes, its metadata and its identity, each written atomically, the metadata last."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import write_artifact
from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.registry import contract
from tallystick.contracts.training import MODEL_EXTENSIONS, CodeVersion, Fingerprints, Metrics, ModelMeta, Reproducibility
from tallystick.training.config import TrainingConfig
from tallystick.training.dataset import Dataset
from tallystick.training.evaluation import Evaluation, finite, skill_document
from tallystick.training.identity import digest, identity_keys
from tallystick.training.plans import FamilyResult, model_seed

INTERVAL_SOURCE = "bar panel"
_SIDE_FILES = ("scaler.joblib", "imputer.joblib")


@dataclass(frozen=True, slots=True)
class RunContext:
    """What every artifact of a run shares."""

    workspace: Workspace
    config: TrainingConfig
    run_id: str
    run_instance_id: str
    created_ns: int
    code: CodeVersion
    data_fingerprint: str
    coverage_sha256: str | None
    snapshot_seq: int
    routing_signature: str


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A model as it lies on disk; `meta_path` is relative to the workspace."""

    target: str
    view: str
    symbol: str | None
    family: str
    meta_path: str
    meta_sha256: str
    meta: ModelMeta
    fingerprints: Fingerprints


def interval_minutes_of(dataset: Dataset) -> float:
    """The real interval of the training bars, for every writing path (daily bars: 1440.0)."""
    return dataset.interval_ns / 60_000_000_000


def package(context: RunContext, dataset: Dataset, result: FamilyResult, evaluation: Evaluation) -> PackagedModel:
    """Write `model.<ext>`, side files, `fingerprints.json`, `reproducibility.json`, then `model_meta.json`.

    Raises InvariantViolation when a family gave no model file or one under a name the contract does not know.
    """
    plan, outcome = result.plan, result.outcome
    parts = {"run_id": context.run_id, "run_instance_id": context.run_instance_id, "target": plan.shared.target, "family": result.family}
    parts |= {"symbol": plan.symbol} if plan.symbol is not None else {"view": plan.view}
    checksums = {
        name: write_artifact(contract(_contract_of(name, result)), _path(context.workspace, name, result, parts), data)
        for name, data in sorted(outcome.files.items())
    }
    fingerprints = _fingerprints(context, dataset, result)
    checksums["fingerprints.json"] = _write(context, "training.fingerprints", parts, plan.symbol, fingerprints)
    metrics = _metrics(evaluation)
    reproducibility = _reproducibility(context, dataset, result, fingerprints, checksums, metrics)
    checksums["reproducibility.json"] = _write(context, "training.reproducibility", parts, plan.symbol, reproducibility)
    meta = _meta(dataset, result, evaluation, checksums, metrics, context.config)
    path = _artifact_path(context.workspace, "training.model_meta", parts, plan.symbol)
    meta_sha256 = write_artifact(contract("training.model_meta"), path, meta)
    return PackagedModel(
        target=plan.shared.target,
        view=plan.view,
        symbol=plan.symbol,
        family=result.family,
        meta_path=context.workspace.relative(path),
        meta_sha256=meta_sha256,
        meta=meta,
        fingerprints=fingerprints,
    )


def _contract_of(name: str, result: FamilyResult) -> str:
    if name == f"model.{result.extension}" and result.extension in MODEL_EXTENSIONS:
        return "training.model_file"
    if name in _SIDE_FILES:
        return "training.model_side_file"
    raise InvariantViolation(f"expected model.{result.extension} or one of {', '.join(_SIDE_FILES)} from {result.family}, found {name!r}")


def _path(workspace: Workspace, name: str, result: FamilyResult, parts: Mapping[str, str]) -> Path:
    names = _SIDE_FILES if name in _SIDE_FILES else tuple(f"model.{extension}" for extension in MODEL_EXTENSIONS)
    which = names.index(name) + (len(names) if "symbol" in parts else 0)
    return workspace.path(contract(_contract_of(name, result)), which, **parts)


def _artifact_path(workspace: Workspace, name: str, parts: Mapping[str, str], symbol: str | None) -> Path:
    return workspace.path(contract(name), 0 if symbol is None else 1, **parts)


def _write(context: RunContext, name: str, parts: Mapping[str, str], symbol: str | None, document: Any) -> str:
    return write_artifact(contract(name), _artifact_path(context.workspace, name, parts, symbol), document)


def _metrics(evaluation: Evaluation) -> Metrics:
    validation = evaluation.validation
    return Metrics.model_validate(
        {
            "mean_IC": finite(validation.mean_ic),
            "mean_RankIC": finite(validation.mean_rank_ic),
            "IC_IR": finite(validation.ic_ir),
            "hit_rate": finite(validation.hit_rate),
            "t_stat": finite(validation.t_stat),
            "n_timestamps": validation.count,
            "test": skill_document(evaluation.test),
        }
    )


def _meta(dataset: Dataset, result: FamilyResult, evaluation: Evaluation, checksums: Mapping[str, str], metrics: Metrics, config: TrainingConfig) -> ModelMeta:
    plan, outcome = result.plan, result.outcome
    scores = evaluation.fold_scores
    average = math.fsum(scores) / len(scores) if scores else 0.0
    spread = math.sqrt(math.fsum((score - average) ** 2 for score in scores) / (len(scores) - 1)) if len(scores) > 1 else 0.0
    fields: dict[str, Any] = {
        "family": result.family,
        "target": plan.shared.target,
        "feature_list": plan.final.names,
        "n_features": len(plan.final.names),
        "features": tuple(name for name in config.features if name in plan.final.names),
        "metrics": metrics,
        "model_checksum": checksums[f"model.{result.extension}"],
        "interval_minutes": interval_minutes_of(dataset),
        "interval_source": INTERVAL_SOURCE,
        "route": plan.view,
        "view": plan.view,
        "params_used": dict(outcome.parameters),
        "feature_importance": dict(outcome.importance),
        "cv_scores": scores,
        "cv_mean": average,
        "cv_std": spread,
        "package_versions": dict(outcome.versions),
        "n_rows_train": outcome.rows,
        "n_rows_val": evaluation.validation_rows,
        "input_mode": "features",
        "file_checksums": dict(checksums),
    }
    if plan.symbol is not None:
        fields["symbol"] = plan.symbol
    return ModelMeta.model_validate(fields)


def _fingerprints(context: RunContext, dataset: Dataset, result: FamilyResult) -> Fingerprints:
    plan, shared, config = result.plan, result.plan.shared, context.config
    document = config.document()
    gap = dataset.gap(shared.target)
    split = {
        "folds": [
            [int(dataset.times_ns[shared.rows.bars[place]]) // 1_000_000 for place in (fold.train[-1], *fold.validate[[0, -1]])] for fold in shared.folds
        ],
        "development_end_ms": int(dataset.times_ns[shared.windows.development[-1]]) // 1_000_000,
        "test_start_ms": int(dataset.times_ns[shared.windows.test[0]]) // 1_000_000,
        "test_end_ms": int(dataset.times_ns[shared.windows.test[-1]]) // 1_000_000,
        "purge_minutes": gap.purge_ns // 60_000_000_000,
        "embargo_minutes": gap.embargo_ns // 60_000_000_000,
        "rows": result.outcome.rows,
    }
    return Fingerprints(
        config_fingerprint=digest(document),
        deterministic_config_fingerprint=digest({name: value for name, value in document.items() if name != "name"}),
        data_fingerprint=context.data_fingerprint,
        coverage_sha256=context.coverage_sha256,
        feature_fingerprint=digest({"features": list(plan.final.names), "lookback_bars": dataset.lookback_bars}),
        target_fingerprint=digest({"target": shared.target, "cap_mad": config.label_cap_mad, "view": plan.view, "symbol": plan.symbol}),
        hyperparameters_signature=digest(dict(result.outcome.parameters)),
        split_signature=digest(split),
        routing_signature=context.routing_signature,
        library_versions=dict(result.outcome.versions),
        code=context.code,
    )


def _reproducibility(
    context: RunContext, dataset: Dataset, result: FamilyResult, fingerprints: Fingerprints, checksums: Mapping[str, str], metrics: Metrics
) -> Reproducibility:
    plan = result.plan
    seed = model_seed(plan, context.config)
    parts = {
        "dataset": fingerprints.data_fingerprint,
        "split": fingerprints.split_signature,
        "target": fingerprints.target_fingerprint,
        "features": fingerprints.feature_fingerprint,
        "hparams": fingerprints.hyperparameters_signature,
        "routing": fingerprints.routing_signature,
        "code": fingerprints.code.source_sha256,
        "libraries": dict(fingerprints.library_versions),
    }
    strict, replicate, readable = identity_keys(parts, seed)
    predictions = sha256_bytes(result.out_of_fold.astype("<f8").tobytes() + result.final.astype("<f8").tobytes())
    return Reproducibility(
        run_id=context.run_id,
        run_instance_id=context.run_instance_id,
        strict_key=strict,
        replicate_key=replicate,
        debug_key=readable,
        seed=seed,
        model_artifact_sha256=checksums[f"model.{result.extension}"],
        artifacts_manifest_sha256=digest(dict(sorted(checksums.items()))),
        metrics_sha256=digest(metrics),
        predictions_sha256=predictions,
        comparison_group=digest([parts["dataset"], parts["split"], parts["target"]])[:16],
        snapshot_seq=context.snapshot_seq,
        inputs={"symbols": list(dataset.symbols), "features_offered": list(dataset.features), "coverage_sha256": context.coverage_sha256},
        process={
            "folds": len(plan.shared.folds),
            "threads": 1,
            "leaks_dropped": list(plan.final.leaks),
            "selection_t_stats": {name: finite(plan.final.t_stats[name]) for name in plan.final.names},
        },
        outputs={"files": dict(checksums)},
    )
