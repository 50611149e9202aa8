"""The four files of a learned-model run (document 3, N.0): what was learned from what, how, and whether it may go on to paper."""

from __future__ import annotations

from typing import Any, Literal

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import ns_from_iso


class Source(Shape):
    """Where the data came from."""

    kind: str
    path: str


class TimeRange(Shape):
    """First and last instant, ISO-8601."""

    start: str
    end: str
    timezone: str


class TargetDefinition(Shape):
    """The target; `horizon` in words such as `60m`."""

    name: str
    horizon: str
    definition: str


class Period(Shape):
    """From `start` to `end`, ISO-8601 UTC, both included."""

    start: str
    end: str


class TemporalSplit(Shape):
    """Three periods in order of time; validation lies inside the train period of a walk-forward only through its folds' gaps, which `gap_minutes` states."""

    method: Literal["temporal"]
    train: Period
    validation: Period
    test: Period
    gap_minutes: float | None = None


class DatasetManifest(Shape):
    """The data of a learned-model run. `rows` counts training rows; `data_hash` is SHA-256."""

    schema_version: str
    artifact_type: Literal["quantlab.learned_model.dataset_manifest"]
    model_run_id: str
    created_at: str
    dataset_id: str
    source: Source
    universe: tuple[str, ...]
    time_range: TimeRange
    rows: int
    target: TargetDefinition
    split: TemporalSplit
    data_hash: str
    generation_command: str


class Feature(Shape):
    """One feature: its name, the columns it reads, its parameters."""

    name: str
    source: str
    parameters: dict[str, Any]


class Lookback(Shape):
    """How far back the features reach, in bars."""

    max_bars: int
    uses_future_data: bool


class Normalization(Shape):
    """How columns are scaled, and on which rows the scale was fitted."""

    method: str
    fit_scope: Literal["train"]


class FeatureManifest(Shape):
    """The features of a learned-model run; `feature_hash` is SHA-256 over the sorted list."""

    schema_version: str
    artifact_type: Literal["quantlab.learned_model.feature_manifest"]
    model_run_id: str
    dataset_id: str
    feature_set_id: str
    features: tuple[Feature, ...]
    lookback: Lookback
    normalization: Normalization
    leakage_guards: tuple[str, ...]
    feature_hash: str
    generation_command: str


class Library(Shape):
    """A library and its version."""

    name: str
    version: str


class InputShape(Shape):
    """Columns, and bars per row (1 for tabular models)."""

    features: int
    window: int


class Output(Shape):
    """What the model gives."""

    kind: str
    target: str


class ModelConfig(Shape):
    """The model of a learned-model run."""

    schema_version: str
    artifact_type: Literal["quantlab.learned_model.model_config"]
    model_run_id: str
    model_family: str
    model_name: str
    library: Library
    hyperparameters: dict[str, Any]
    random_seed: int
    training_objective: str
    input_shape: InputShape
    output: Output


class SummaryMetrics(Shape):
    """Metrics by period; `downstream_market` holds market metrics net of cost on the test period."""

    train: dict[str, Any]
    validation: dict[str, Any]
    test: dict[str, Any]
    downstream_market: dict[str, Any]


class BaselineComparison(Shape):
    """The model beside a rule and beside a classical model, by the same market metrics."""

    required: bool
    rule_based_baseline: dict[str, Any] | None
    classical_ml_baseline: dict[str, Any] | None
    result: Literal["beats_both", "beats_one", "beats_none", "not_run"]


class SummaryReproducibility(Shape):
    """What a second fit needs."""

    random_seed: int
    code_version: str
    data_hash: str
    feature_hash: str


class PromotionAssessment(Shape):
    """The gate's verdict; every reason carries its numbers."""

    eligible_for_paper: bool
    blocking_reasons: tuple[str, ...]


class TrainingSummary(Shape):
    """Primary summary of a learned model. It does not replace `report.json`. Durations in seconds, null where the clock was given, not read (`--now`)."""

    schema_version: str
    artifact_type: Literal["quantlab.learned_model.training_summary"]
    model_run_id: str
    status: Literal["success", "failed"]
    started_at: str
    finished_at: str
    duration_seconds: float | None
    dataset_manifest_path: str
    feature_manifest_path: str
    model_config_path: str
    metrics: SummaryMetrics
    baseline_comparison: BaselineComparison
    reproducibility: SummaryReproducibility
    promotion_assessment: PromotionAssessment
    model_meta_path: str | None = None
    model_meta_sha256: str | None = None


def _ordered(manifest: Any) -> str | None:
    split = manifest.split
    try:
        starts = [(name, ns_from_iso(period.start), ns_from_iso(period.end)) for name, period in _periods(split)]
    except DataError as error:
        return str(error)
    for name, start, end in starts:
        if start > end:
            return f"{name} that ends before it starts"
    if starts[0][2] >= starts[2][1]:
        return f"train until {split.train.end}, test from {split.test.start}"
    return None if starts[1][2] < starts[2][1] else f"validation until {split.validation.end}, test from {split.test.start}"


def _periods(split: Any) -> list[tuple[str, Any]]:
    return [("train", split.train), ("validation", split.validation), ("test", split.test)]


def _reasons(summary: Any) -> str | None:
    verdict = summary.promotion_assessment
    if verdict.eligible_for_paper == bool(verdict.blocking_reasons):
        return f"eligible_for_paper {verdict.eligible_for_paper} with {len(verdict.blocking_reasons)} blocking reasons"
    return None


def _baselines(summary: Any) -> str | None:
    baselines = summary.baseline_comparison
    absent = baselines.rule_based_baseline is None or baselines.classical_ml_baseline is None or not summary.metrics.downstream_market
    return "eligible without both baselines and market metrics" if summary.promotion_assessment.eligible_for_paper and absent else None


def _inputs(config: Any) -> str | None:
    shape = config.input_shape
    return None if shape.features >= 1 and shape.window >= 1 else f"{shape.features} features, window {shape.window}"


_CONSUMER = "research.model_runs"

CONTRACTS: tuple[Contract, ...] = (
    Contract(
        name="model_runs.dataset_manifest",
        version="1.0",
        purpose="The data a learned model was fitted on, and its temporal split",
        producer="training.model_runs",
        consumers=(Consumer(_CONSUMER, ("dataset_id", "data_hash", "split"), "compare learned-model runs"),),
        shape=DatasetManifest,
        paths=("outputs/model_runs/{model_run_id}/dataset_manifest.json",),
        rules=(Rule("split_is_ordered_in_time", "train and validation before test", _ordered, ("D3.34",)),),
        seed_name="dataset_manifest.json",
        clauses=("D3.34",),
        wall_clock=("created_at",),
    ),
    Contract(
        name="model_runs.feature_manifest",
        version="1.0",
        purpose="The features of a learned model and its guards against leaks",
        producer="training.model_runs",
        consumers=(Consumer(_CONSUMER, ("feature_set_id", "feature_hash"), "compare learned-model runs"),),
        shape=FeatureManifest,
        paths=("outputs/model_runs/{model_run_id}/feature_manifest.json",),
        rules=(
            Rule(
                "no_future_data",
                "features of the past only",
                lambda manifest: "uses_future_data true" if manifest.lookback.uses_future_data else None,
                ("D3.34",),
            ),
        ),
        seed_name="feature_manifest.json",
        clauses=("D3.34",),
        open_maps=("features.*.parameters",),
    ),
    Contract(
        name="model_runs.model_config",
        version="1.0",
        purpose="The family, library, hyper-parameters and seed of a learned model",
        producer="training.model_runs",
        consumers=(Consumer(_CONSUMER, ("model_family", "hyperparameters", "random_seed"), "compare learned-model runs"),),
        shape=ModelConfig,
        paths=("outputs/model_runs/{model_run_id}/model_config.json",),
        rules=(Rule("input_shape_is_not_empty", "at least one feature and one bar", _inputs, ("D3.34",)),),
        seed_name="model_config.json",
        clauses=("D3.34",),
        open_maps=("hyperparameters",),
    ),
    Contract(
        name="model_runs.training_summary",
        version="1.0",
        purpose="The primary summary of a learned model: metrics, baselines, and the promotion gate's verdict",
        producer="training.model_runs",
        consumers=(
            Consumer(_CONSUMER, ("status", "metrics"), "compare learned-model runs"),
            Consumer("apps.trade", ("promotion_assessment",), "refuse a model without a passed gate (decision 48)"),
        ),
        shape=TrainingSummary,
        paths=("outputs/model_runs/{model_run_id}/training_summary.json",),
        rules=(
            Rule("verdict_agrees_with_reasons", "blocking reasons exactly when not eligible", _reasons, ("D3.37",)),
            Rule("eligible_needs_baselines", "both baselines and market metrics before promotion", _baselines, ("D3.37",)),
        ),
        seed_name="training_summary.json",
        clauses=("D3.34", "D3.35", "D3.36"),
        open_maps=(
            "metrics.train",
            "metrics.validation",
            "metrics.test",
            "metrics.downstream_market",
            "baseline_comparison.rule_based_baseline",
            "baseline_comparison.classical_ml_baseline",
        ),
        wall_clock=("started_at", "finished_at", "duration_seconds"),
    ),
)
