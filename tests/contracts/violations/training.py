"""One violation for each rule of training's contracts and of the learned-model runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Document = dict[str, Any]


def changed(**fields: Any) -> Callable[[Document], Document]:
    return lambda document: {**document, **fields}


def without(*names: str) -> Callable[[Document], Document]:
    return lambda document: {name: value for name, value in document.items() if name not in names}


def raw_sequence(**fields: Any) -> Callable[[Document], Document]:
    whole = {
        "input_mode": "raw_sequence",
        "sequence_length": 64,
        "sequence_channels": ["open", "high", "low", "close", "volume"],
        "sequence_normalization": "returns",
    }
    return lambda document: {**document, **whole, **fields}


def inside(path: str, **fields: Any) -> Callable[[Document], Document]:
    def mutate(document: Document) -> Document:
        place = document
        for part in path.split("."):
            place = place[part]
        place.update(fields)
        return document

    return mutate


def reversed_features(document: Document) -> Document:
    document["feature_list"] = document["feature_list"][::-1]
    return document


def ranking_off(document: Document) -> Document:
    metrics = {"best_ic": 0.02, "best_spread": 0.001, "epochs_trained": 3}
    document["cross_sectional_ranking"] = {"enabled": False, "target_type": "cs_zscore", "loss_type": "listwise_softmax", "training_metrics": metrics}
    return document


def other_model_hash(document: Document) -> Document:
    document["file_checksums"]["model.joblib"] = "0" * 64
    return document


def damaged_side_hash(document: Document) -> Document:
    document["file_checksums"]["scaler.joblib"] = "not a hash"
    return document


def malformed_checksum(document: Document) -> Document:
    del document["file_checksums"]
    document["model_checksum"] = "ABC"
    return document


def renamed(container: str | None) -> Callable[[Document], Document]:
    def mutate(document: Document) -> Document:
        entries = document[container] if container else document
        entries["Fwd-Ret-60m"] = entries.pop("fwd_ret_60m")
        return document

    return mutate


def judged_inside_training(document: Document) -> Document:
    document["split"]["test"]["start"] = document["split"]["train"]["start"]
    return document


def made_eligible(document: Document) -> Document:
    document["promotion_assessment"] = {"eligible_for_paper": True, "blocking_reasons": []}
    document["baseline_comparison"]["classical_ml_baseline"] = None
    return document


META, MANIFEST, ROUTING, EVENT = "training.model_meta", "training.manifest", "training.routing_decisions", "training.progress_event"
ENTRY = "target_index.fwd_ret_60m"

VIOLATIONS: dict[tuple[str, str], Callable[[Document], Document]] = {
    (META, "n_features_counts_the_list"): changed(n_features=3),
    (META, "feature_list_sorted_unique"): reversed_features,
    (META, "features_mode_needs_features"): changed(feature_list=[], n_features=0),
    (META, "sequence_length_positive"): raw_sequence(sequence_length=0),
    (META, "sequence_channels_listed"): raw_sequence(sequence_channels=[]),
    (META, "sequence_normalization_named"): raw_sequence(sequence_normalization=None),
    (META, "route_equals_view"): changed(route="SYMBOL_SPECIFIC"),
    (META, "symbol_only_for_symbol_view"): changed(symbol="BTCUSDT"),
    (META, "ranking_block_is_enabled"): ranking_off,
    (META, "model_checksum_is_sha256"): malformed_checksum,
    (META, "file_checksums_are_sha256"): damaged_side_hash,
    (META, "model_checksum_is_its_files"): other_model_hash,
    (META, "interval_minutes_positive"): changed(interval_minutes=0),
    (META, "target_name_uses_underscores"): changed(target="fwd-ret-240m"),
    (META, "cv_mean_within_scores"): changed(cv_mean=0.9),
    (MANIFEST, "timestamp_is_utc"): changed(timestamp="2025-01-01 00:00"),
    (MANIFEST, "target_names_use_underscores"): renamed("target_index"),
    (MANIFEST, "families_sorted_unique"): inside(ENTRY, families_trained=["Ridge", "LightGBM"]),
    (MANIFEST, "status_agrees_with_families"): inside(ENTRY, families_trained=[]),
    (MANIFEST, "view_is_one_of_views"): inside(ENTRY, views=["SYMBOL_SPECIFIC"]),
    (MANIFEST, "meta_checksums_are_sha256"): inside(ENTRY, model_meta_checksums={"model_meta.json": "?"}),
    (MANIFEST, "unknown_code_is_not_comparable"): changed(git_sha="unknown", is_comparable=True),
    (ROUTING, "reason_is_given"): inside("fwd_ret_60m", reason=" "),
    (ROUTING, "skills_within_unit"): inside("fwd_ret_60m", skill01_cs=1.2),
    (ROUTING, "winners_sorted_unique"): inside("fwd_ret_60m", winner_symbols=["SOLUSDT", "BTCUSDT"]),
    (ROUTING, "winners_were_evaluated"): inside("fwd_ret_60m", winner_symbols=["BTCUSDT", "ETHUSDT"], n_symbols_evaluated=1),
    (ROUTING, "p_value_is_a_probability"): inside("fwd_ret_60m.evidence", p_value=1.5),
    (ROUTING, "routed_names_use_underscores"): renamed(None),
    ("training.fingerprints", "fingerprints_are_sha256"): changed(split_signature="abc"),
    ("training.reproducibility", "keys_are_sha256"): changed(predictions_sha256="abc"),
    ("training.reproducibility", "keys_differ_by_the_seed"): lambda document: {**document, "strict_key": document["replicate_key"]},
    (EVENT, "event_time_is_utc"): changed(timestamp="2025-01-01T00:00:07+01:00"),
    (EVENT, "progress_group_complete"): without("current_target"),
    (EVENT, "stage_change_group_complete"): changed(event_type="stage_change", previous_stage=None),
    (EVENT, "target_complete_group_complete"): changed(event_type="target_complete", target="fwd_ret_60m", status="success", models_trained=2),
    (EVENT, "error_group_complete"): changed(event_type="error", error_message="x", error_type="DATA_ERROR"),
    (EVENT, "progress_within_hundred"): changed(progress_pct=101.0),
    (EVENT, "targets_complete_within_total"): changed(targets_complete=3),
    ("model_runs.dataset_manifest", "split_is_ordered_in_time"): judged_inside_training,
    ("model_runs.feature_manifest", "no_future_data"): inside("lookback", uses_future_data=True),
    ("model_runs.model_config", "input_shape_is_not_empty"): inside("input_shape", features=0),
    ("model_runs.training_summary", "verdict_agrees_with_reasons"): inside("promotion_assessment", eligible_for_paper=True),
    ("model_runs.training_summary", "eligible_needs_baselines"): made_eligible,
}
