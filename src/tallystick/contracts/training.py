"""What training hands over: model metadata, the run manifest, routing decisions, model files, their fingerprints, progress events (documents 1 and 2)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import RootModel

from tallystick.contracts.contract import Consumer, Contract, Shape
from tallystick.contracts.training_rules import (
    EVENT_RULES,
    FINGERPRINT_RULES,
    MANIFEST_RULES,
    META_RULES,
    REPRODUCIBILITY_RULES,
    ROUTING_RULES,
)

View = Literal["CROSS_SECTIONAL", "SYMBOL_SPECIFIC"]
Route = Literal["CROSS_SECTIONAL", "SYMBOL_SPECIFIC", "BOTH", "BLOCKED"]
MODEL_EXTENSIONS = ("txt", "json", "cbm", "joblib", "pt", "keras", "h5", "pkl")
"""Extensions of model files, native ones first; a SavedModel folder is refused (decision 54)."""


class Metrics(Shape):
    """Out-of-fold skill: per-timestamp Pearson and Spearman correlation of prediction and target, averaged, in [-1, 1]; IC_IR = mean / standard deviation."""

    mean_IC: float
    mean_RankIC: float
    IC_IR: float


class RankingMetrics(Shape):
    """What a ranking objective reached. `best_ic` is a Spearman correlation; spreads are in units of the target; hit rate and turnover in [0, 1]."""

    best_ic: float
    best_spread: float
    epochs_trained: int
    ic_ir: float | None = None
    ic_hit_rate: float | None = None
    turnover: float | None = None
    net_spread: float | None = None


class CrossSectionalRanking(Shape):
    """Present only for models trained with a ranking objective; their scores compare within one timestamp only. `sequence_length` in bars."""

    enabled: bool
    target_type: Literal["cs_percentile", "cs_zscore", "vol_scaled"]
    loss_type: str
    sequence_length: int | None = None
    normalization: str | None = None
    training_metrics: RankingMetrics


class ModelMeta(Shape):
    """Metadata of one trained model. `feature_list` is the column order of fitting and inference; checksums are SHA-256 in lower-case hex.

    `interval_minutes` is the interval of the training bars; `sequence_length` counts bars; `file_checksums` names every file beside the meta.
    """

    family: str
    target: str
    feature_list: tuple[str, ...]
    n_features: int
    metrics: Metrics
    model_checksum: str | None
    interval_minutes: float
    symbol: str | None = None
    route: View | None = None
    view: View | None = None
    params_used: dict[str, Any] | None = None
    feature_importance: dict[str, float] | None = None
    cv_scores: tuple[float, ...] | None = None
    cv_mean: float | None = None
    cv_std: float | None = None
    package_versions: dict[str, str] | None = None
    n_rows_train: int | None = None
    n_rows_val: int | None = None
    input_mode: Literal["features", "raw_sequence"] | None = None
    sequence_length: int | None = None
    sequence_channels: tuple[str, ...] | None = None
    sequence_normalization: Literal["returns", "log_returns", "minmax"] | None = None
    cross_sectional_ranking: CrossSectionalRanking | None = None
    features: tuple[str, ...] | None = None
    interval_source: str | None = None
    file_checksums: dict[str, str] | None = None


class TargetEntry(Shape):
    """One target of a run. `views` lists both views of a BOTH route (decision 50); `model_meta_checksums` maps each meta's path below the run to its SHA-256.

    `blocked_override` marks a target that was trained although routing blocked it (decision 49): it is never promoted.
    """

    status: Literal["complete", "partial", "failed"]
    families_trained: tuple[str, ...]
    view: View
    auc: float | None
    views: tuple[View, ...] | None = None
    symbols: tuple[str, ...] | None = None
    model_meta_checksums: dict[str, str] | None = None
    blocked_override: bool | None = None
    horizon_minutes: float | None = None


class Manifest(Shape):
    """A training run and the models it holds. `run_instance_id` names the instance folder; `timestamp` is ISO-8601 UTC."""

    run_id: str
    run_instance_id: str
    timestamp: str
    git_sha: str
    target_index: dict[str, TargetEntry]
    config_digest: str | None = None
    is_comparable: bool | None = None
    experiment_config: dict[str, Any] | None = None
    run_metadata: dict[str, Any] | None = None


class RoutingEvidence(Shape):
    """Why routing believed, or did not. `mean_rank_ic` in [-1, 1]; `t_stat` has an overlap-aware error; `p_value` from circular time shifts.

    `scoring_signature` is the SHA-256 of the scoring parameters: scores with different signatures do not compare.
    """

    mean_rank_ic: float | None
    t_stat: float | None
    p_value: float | None
    n_timestamps: int
    min_t_stat: float
    max_p_value: float
    composite_score: float | None = None
    stability01: float | None = None
    best_symbol_t_stat: float | None = None
    scoring_signature: str | None = None


class RoutingDecision(Shape):
    """Where a target is trained, and why. Skills lie in [0, 1], 0.5 is none; `frac_symbols_good` is a share in [0, 1]."""

    route: Route
    reason: str
    skill01_cs: float | None = None
    skill01_sym_mean: float | None = None
    auc: float | None = None
    frac_symbols_good: float | None = None
    winner_symbols: tuple[str, ...] | None = None
    n_symbols_evaluated: int | None = None
    evidence: RoutingEvidence | None = None


class RoutingDecisions(RootModel[dict[str, RoutingDecision]]):
    """The decisions of a run, keyed by target; the file below one target holds that target alone (decision 52)."""


class CodeVersion(Shape):
    """Package version, SHA-256 over its sources, commit ("unknown" without git)."""

    version: str
    source_sha256: str
    git_sha: str


class Fingerprints(Shape):
    """SHA-256 of everything that determines a model's bytes, one by one, so that two models that differ show where."""

    config_fingerprint: str
    deterministic_config_fingerprint: str
    data_fingerprint: str
    coverage_sha256: str | None
    feature_fingerprint: str
    target_fingerprint: str
    hyperparameters_signature: str
    split_signature: str
    routing_signature: str
    library_versions: dict[str, str]
    code: CodeVersion


class Reproducibility(Shape):
    """Identity of a fit. `strict_key` covers data, split, target, features, hyper-parameters, routing, seed, code and libraries.

    `replicate_key` leaves out the seed; `debug_key` is for people.
    """

    run_id: str
    run_instance_id: str
    strict_key: str
    replicate_key: str
    debug_key: str
    seed: int
    model_artifact_sha256: str
    artifacts_manifest_sha256: str
    metrics_sha256: str
    predictions_sha256: str
    comparison_group: str
    snapshot_seq: int
    inputs: dict[str, Any]
    process: dict[str, Any]
    outputs: dict[str, Any]


class TrainingEvent(Shape):
    """One progress message. Which group of fields is present follows `event_type`; `progress_pct` is 0–100, `timestamp` ISO-8601 UTC."""

    event_type: Literal["progress", "stage_change", "target_complete", "run_complete", "error"]
    timestamp: str
    run_id: str
    stage: Literal["ranking", "feature_selection", "training"] | None = None
    progress_pct: float | None = None
    current_target: str | None = None
    targets_complete: int | None = None
    targets_total: int | None = None
    previous_stage: str | None = None
    new_stage: str | None = None
    target: str | None = None
    status: Literal["success", "failed", "skipped"] | None = None
    models_trained: int | None = None
    best_auc: float | None = None
    error_message: str | None = None
    error_type: str | None = None
    recoverable: bool | None = None


_RUN = "RESULTS/runs/{run_id}/{run_instance_id}"
_MODELS = _RUN + "/targets/{target}/models"
POOLED_FOLDER = _MODELS + "/view={view}/family={family}"
SYMBOL_FOLDER = _MODELS + "/view=SYMBOL_SPECIFIC/symbol={symbol}/family={family}"


def _model_paths(*names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for folder in (POOLED_FOLDER, SYMBOL_FOLDER) for name in names)


_LOADER = "decision.model_loading"
_INFERENCE = "decision.model_alpha"

CONTRACTS: tuple[Contract, ...] = (
    Contract(
        name="training.model_meta",
        version="1.4",
        purpose="Metadata of a trained model: feature list, metrics and security checksum",
        producer="training.packaging",
        consumers=(
            Consumer(
                _LOADER,
                (
                    *("model_checksum", "file_checksums", "family", "symbol", "view", "metrics"),
                    *("input_mode", "sequence_length", "sequence_channels", "sequence_normalization"),
                ),
                "verify the model's files before any is parsed; choose the input, buffer and normalise bars as training did",
            ),
            Consumer(
                _INFERENCE,
                ("feature_list", "n_features", "interval_minutes", "cross_sectional_ranking"),
                "compute the columns in order; compare the interval; match the ranking objective",
            ),
        ),
        shape=ModelMeta,
        paths=_model_paths("model_meta.json"),
        rules=META_RULES,
        seed_name="model_meta.json",
        clauses=("D1.08", "D1.09", "D1.10", "D1.11", "D1.12", "D1.13", "D1.14", "D1.15", "D1.16", "D1.39"),
        open_maps=("metrics", "params_used", "cross_sectional_ranking.training_metrics"),
        deprecated_fields={"features": "read feature_list"},
        history=(
            "1.1 sorted feature_list, interval_minutes, model_checksum",
            "1.3 raw sequences",
            "1.4 cross-sectional ranking; file_checksums, interval_source",
        ),
    ),
    Contract(
        name="training.manifest",
        version="1.1",
        purpose="A training run: which targets it holds, in which state, with the hash of each model's metadata",
        producer="training.manifest",
        consumers=(Consumer(_LOADER, ("target_index", "run_id", "run_instance_id"), "list targets and their status, and find their models"),),
        shape=Manifest,
        paths=(f"{_RUN}/manifest.json",),
        rules=MANIFEST_RULES,
        seed_name="manifest.json",
        clauses=("D1.40", "D1.41", "D1.42", "D1.43"),
        open_maps=("target_index.*", "experiment_config", "run_metadata"),
        wall_clock=("timestamp", "run_instance_id"),
        history=("1.0 first", "1.1 views, symbols, model_meta_checksums, blocked_override"),
    ),
    Contract(
        name="training.routing_decisions",
        version="1.1",
        purpose="Why each target is trained across symbols, per symbol, both, or not at all",
        producer="training.routing",
        consumers=(Consumer(_LOADER, ("*.route", "*.reason"), "say why a target has the models it has; absence is handled"),),
        shape=RoutingDecisions,
        paths=(
            f"{_RUN}/globals/routing_decisions.json",
            f"{_RUN}/targets/{{target}}/decision/routing_decision.json",
            f"{_MODELS}/view={{view}}/routing_decision.json",
        ),
        rules=ROUTING_RULES,
        seed_name="routing_decisions.json / routing_decision.json",
        clauses=("D1.49", "D1.50", "D1.51", "D1.52", "D1.53"),
        deprecated_fields={"*.auc": "read skill01_cs or skill01_sym_mean"},
        history=("1.0 first", "1.1 evidence"),
    ),
    Contract(
        name="training.model_file",
        version="1.0",
        purpose="A serialised model, in its library's native format where there is one",
        producer="training.packaging",
        consumers=(Consumer(_LOADER, ("*",), "load the model after its hash was compared"),),
        shape=None,
        encoding="bytes",
        paths=_model_paths(*(f"model.{extension}" for extension in MODEL_EXTENSIONS)),
        seed_name="model.<ext>",
        clauses=("D1.57", "D1.58", "D1.59", "D1.60", "D1.61"),
    ),
    Contract(
        name="training.model_side_file",
        version="1.0",
        purpose="Imputer or scaler that stands between features and model, fitted on training rows only",
        producer="training.packaging",
        consumers=(Consumer(_LOADER, ("*",), "prepare features as training did"),),
        shape=None,
        encoding="bytes",
        paths=_model_paths("scaler.joblib", "imputer.joblib"),
        seed_name="scaler.joblib, imputer.joblib",
        clauses=("D1.65",),
    ),
    Contract(
        name="training.fingerprints",
        version="1.0",
        purpose="Hashes of everything that determines a model's bytes",
        producer="training.packaging",
        consumers=(Consumer("engine.trace", ("data_fingerprint", "coverage_sha256", "code"), "lead from a model back to its data and code"),),
        shape=Fingerprints,
        paths=_model_paths("fingerprints.json"),
        rules=FINGERPRINT_RULES,
        seed_name="fingerprints.json",
        clauses=("D1.66",),
        open_maps=("library_versions",),
    ),
    Contract(
        name="training.reproducibility",
        version="1.0",
        purpose="Identity of a fit and hashes of what it produced, so that a second fit can be compared",
        producer="training.packaging",
        consumers=(Consumer("engine.trace", ("strict_key", "model_artifact_sha256"), "tell whether two models come from the same fit"),),
        shape=Reproducibility,
        paths=_model_paths("reproducibility.json"),
        rules=REPRODUCIBILITY_RULES,
        seed_name="reproducibility.json",
        clauses=("D1.66",),
        open_maps=("inputs", "process", "outputs"),
        wall_clock=("run_instance_id",),
    ),
    Contract(
        name="training.progress_event",
        version="1.2",
        purpose="Progress of a training run",
        producer="training.progress",
        consumers=(Consumer("apps.bridge", ("*",), "stream to /ws/training"),),
        shape=TrainingEvent,
        encoding="memory",
        rules=EVENT_RULES,
        seed_name="Training progress event",
        clauses=("D1.91", "D2.44", "D2.45", "D2.46", "D2.47", "D2.48", "D2.49"),
        wall_clock=("timestamp",),
    ),
)
