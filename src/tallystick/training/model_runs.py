"""The four files of document 3 for every model, sealed: what was learned, from what, and the gate's verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tallystick.analysis.features import find_feature
from tallystick.artifacts.paths import get_model_run_dir
from tallystick.artifacts.seal import break_seal, seal_folder
from tallystick.artifacts.store import write_artifact
from tallystick.contracts.model_runs import (
    Feature,
    InputShape,
    Library,
    Lookback,
    Normalization,
    Output,
    Period,
    Source,
    SummaryMetrics,
    SummaryReproducibility,
    TargetDefinition,
    TemporalSplit,
    TimeRange,
    TrainingSummary,
)
from tallystick.contracts.registry import contract
from tallystick.contracts.time import iso_from_ns
from tallystick.training.dataset import Dataset
from tallystick.training.evaluation import Evaluation, skill_document
from tallystick.training.packaging import PackagedModel, RunContext
from tallystick.training.plans import FamilyResult, model_seed

GENERATION_COMMAND = "tallystick train"
LEAKAGE_GUARDS = (
    "purge of the horizon and embargo of the feature lookback between training and judged rows",
    "features chosen on training rows of each fold",
    "imputation and scaling fitted on training rows",
    "features that rank like their label dropped",
    "sorted, distinct times required",
)


@dataclass(frozen=True, slots=True)
class ModelRun:
    """A learned-model run as it lies on disk; `path` is its folder relative to the workspace, `seal_sha256` stands for all that lies there."""

    model_run_id: str
    path: str
    eligible_for_paper: bool
    blocking_reasons: tuple[str, ...]
    seal_sha256: str


def model_run_id(context: RunContext, result: FamilyResult) -> str:
    """One id per target, view, symbol and family (decision 58)."""
    plan = result.plan
    place = "cross_sectional" if plan.symbol is None else f"symbol_{plan.symbol}"
    return f"{context.run_instance_id}-{plan.shared.target}-{place}-{result.family}"


def write_model_run(
    context: RunContext, dataset: Dataset, result: FamilyResult, evaluation: Evaluation, packaged: PackagedModel, finished_ns: int, *, clock_was_read: bool
) -> ModelRun:
    """Write and seal `outputs/model_runs/<model_run_id>/`."""
    identifier = model_run_id(context, result)
    folder = get_model_run_dir(context.workspace, identifier)
    break_seal(folder)
    paths = {}
    for name, document in (
        ("dataset_manifest", _dataset_manifest(context, dataset, result)),
        ("feature_manifest", _feature_manifest(context, dataset, result, packaged)),
        ("model_config", _model_config(context, result, packaged)),
    ):
        item = contract(f"model_runs.{name}")
        path = context.workspace.path(item, model_run_id=identifier)
        write_artifact(item, path, {**_header(name, identifier), **document})
        paths[f"{name}_path"] = context.workspace.relative(path)
    item = contract("model_runs.training_summary")
    assessment = evaluation.verdict.assessment
    plan = result.plan
    summary = {
        **_header("training_summary", identifier),
        **paths,
        "status": "success",
        "started_at": iso_from_ns(context.created_ns),
        "finished_at": iso_from_ns(finished_ns),
        "duration_seconds": (finished_ns - context.created_ns) / 1e9 if clock_was_read else None,
        "metrics": SummaryMetrics(
            train={**skill_document(evaluation.train), "rows": result.outcome.rows},
            validation={**skill_document(evaluation.validation), "rows": evaluation.validation_rows, "fold_scores": list(evaluation.fold_scores)},
            test={**skill_document(evaluation.test), "rows": evaluation.test_rows},
            downstream_market={
                **evaluation.verdict.market.document(),
                "taker_fee_bps": context.config.promotion.taker_fee_bps,
                "half_spread_bps": context.config.promotion.half_spread_bps,
                "days_per_year": context.config.promotion.days_per_year,
            },
        ),
        "baseline_comparison": evaluation.verdict.baselines,
        "reproducibility": SummaryReproducibility(
            random_seed=model_seed(plan, context.config),
            code_version=context.code.source_sha256,
            data_hash=context.data_fingerprint,
            feature_hash=packaged.fingerprints.feature_fingerprint,
        ),
        "promotion_assessment": assessment,
        "model_meta_path": packaged.meta_path,
        "model_meta_sha256": packaged.meta_sha256,
    }
    write_artifact(item, context.workspace.path(item, model_run_id=identifier), TrainingSummary.model_validate(summary))
    return ModelRun(identifier, context.workspace.relative(folder), assessment.eligible_for_paper, assessment.blocking_reasons, seal_folder(folder))


def _header(name: str, identifier: str) -> dict[str, str]:
    return {"schema_version": "1.0", "artifact_type": f"quantlab.learned_model.{name}", "model_run_id": identifier}


def _dataset_manifest(context: RunContext, dataset: Dataset, result: FamilyResult) -> dict[str, Any]:
    shared = result.plan.shared
    bars = shared.rows.bars
    first_judged, last_judged = int(shared.folds[0].validate[0]), int(shared.folds[-1].validate[-1])
    gap = dataset.gap(shared.target)

    def at(position: int) -> str:
        return iso_from_ns(int(dataset.times_ns[position]))

    minutes = dataset.horizon_bars(shared.target) * dataset.interval_ns // 60_000_000_000
    return {
        "created_at": iso_from_ns(context.created_ns),
        "dataset_id": f"bars-{context.data_fingerprint[:16]}",
        "source": Source(kind="bar_panel", path="data/market"),
        "universe": dataset.symbols if result.plan.symbol is None else (result.plan.symbol,),
        "time_range": TimeRange(start=at(0), end=at(-1), timezone="UTC"),
        "rows": result.outcome.rows,
        "target": TargetDefinition(name=shared.target, horizon=f"{minutes}m", definition="close[t+n]/close[t]-1 over the bars after t"),
        "split": TemporalSplit(
            method="temporal",
            train=Period(start=at(int(bars[0])), end=at(int(bars[shared.development - 1]))),
            validation=Period(start=at(int(bars[first_judged])), end=at(int(bars[last_judged]))),
            test=Period(start=at(int(shared.windows.test[0])), end=at(int(shared.windows.test[-1]))),
            gap_minutes=gap.total_ns / 60_000_000_000,
        ),
        "data_hash": context.data_fingerprint,
        "generation_command": GENERATION_COMMAND,
    }


def _feature_manifest(context: RunContext, dataset: Dataset, result: FamilyResult, packaged: PackagedModel) -> dict[str, Any]:
    names = result.plan.final.names
    return {
        "dataset_id": f"bars-{context.data_fingerprint[:16]}",
        "feature_set_id": f"features-{packaged.fingerprints.feature_fingerprint[:16]}",
        "features": tuple(_feature(name) for name in names),
        "lookback": Lookback(max_bars=dataset.lookback_bars, uses_future_data=False),
        "normalization": Normalization(method=result.normalization, fit_scope="train"),
        "leakage_guards": LEAKAGE_GUARDS,
        "feature_hash": packaged.fingerprints.feature_fingerprint,
        "generation_command": GENERATION_COMMAND,
    }


def _feature(name: str) -> Feature:
    row = find_feature(name)
    return Feature(name=name, source=",".join(row.inputs), parameters={"kind": row.kind, "numbers": list(row.parameters), "memory_bars": row.memory_bars})


def _model_config(context: RunContext, result: FamilyResult, packaged: PackagedModel) -> dict[str, Any]:
    library, version = next(iter(result.outcome.versions.items()))
    return {
        "model_family": result.family,
        "model_name": f"{result.family} {packaged.target}",
        "library": Library(name=library, version=version),
        "hyperparameters": dict(result.outcome.parameters),
        "random_seed": model_seed(result.plan, context.config),
        "training_objective": result.objective,
        "input_shape": InputShape(features=len(result.plan.final.names), window=1),
        "output": Output(kind="regression", target=packaged.target),
    }
