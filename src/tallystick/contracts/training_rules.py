"""The cross-field rules of training's contracts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tallystick.contracts.contract import Rule
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import ns_from_iso

_SHA256 = re.compile(r"^[0-9a-f]{64}$")
TARGET_NAME = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+(\.[0-9]+)?)+$")
"""`<kind>_<N>m`: lower case, parts joined by underscores (decision 68)."""


def _hex(values: Mapping[str, str | None]) -> str | None:
    wrong = sorted(name for name, value in values.items() if value is not None and not _SHA256.match(value))
    return f"{wrong[0]} = {values[wrong[0]]!r}" if wrong else None


def _iso(text: str) -> str | None:
    try:
        ns_from_iso(text)
    except DataError:
        return repr(text)
    return None if text.endswith("Z") else repr(text)


def _sorted_names(names: Iterable[str]) -> str | None:
    listed = list(names)
    return None if listed == sorted(set(listed)) else f"{listed[:6]}"


def _timestamp(document: Any) -> str | None:
    return _iso(document.timestamp)


def _counts(meta: Any) -> str | None:
    return None if meta.n_features == len(meta.feature_list) else f"n_features {meta.n_features} for {len(meta.feature_list)} names"


def _is_sequence(meta: Any) -> bool:
    return bool(meta.input_mode == "raw_sequence")


def _features_needed(meta: Any) -> str | None:
    return "an empty feature_list" if not _is_sequence(meta) and not meta.feature_list else None


def _sequence_length(meta: Any) -> str | None:
    return f"{meta.sequence_length}" if _is_sequence(meta) and (meta.sequence_length is None or meta.sequence_length <= 0) else None


def _sequence_channels(meta: Any) -> str | None:
    known = {"open", "high", "low", "close", "volume"}
    wrong = _is_sequence(meta) and (not meta.sequence_channels or not set(meta.sequence_channels) <= known)
    return f"{meta.sequence_channels}" if wrong else None


def _sequence_normalization(meta: Any) -> str | None:
    return "none" if _is_sequence(meta) and meta.sequence_normalization is None else None


def _route_is_view(meta: Any) -> str | None:
    differ = meta.route is not None and meta.view is not None and meta.route != meta.view
    return f"route {meta.route}, view {meta.view}" if differ else None


def _symbol_view(meta: Any) -> str | None:
    wrong = meta.symbol is not None and (meta.view or meta.route) != "SYMBOL_SPECIFIC"
    return f"symbol {meta.symbol} with view {meta.view or meta.route}" if wrong else None


def _ranking_enabled(meta: Any) -> str | None:
    return "a block with enabled false" if meta.cross_sectional_ranking is not None and not meta.cross_sectional_ranking.enabled else None


def _model_hash_listed(meta: Any) -> str | None:
    models = {name: value for name, value in (meta.file_checksums or {}).items() if name.startswith("model.")}
    differ = [name for name, value in models.items() if value != meta.model_checksum]
    return f"{differ[0]} = {models[differ[0]]}, model_checksum {meta.model_checksum}" if differ else None


def _cv_mean(meta: Any) -> str | None:
    if meta.cv_mean is None or not meta.cv_scores:
        return None
    low, high = min(meta.cv_scores), max(meta.cv_scores)
    slack = 1e-9 * (1.0 + abs(low) + abs(high))
    return None if low - slack <= meta.cv_mean <= high + slack else f"cv_mean {meta.cv_mean} outside [{low}, {high}]"


META_RULES: tuple[Rule, ...] = (
    Rule("n_features_counts_the_list", "n_features equal to the length of feature_list", _counts, ("D1.19",)),
    Rule("feature_list_sorted_unique", "feature_list sorted, each name once", lambda meta: _sorted_names(meta.feature_list), ("D1.17",)),
    Rule("features_mode_needs_features", "at least one feature unless input_mode is raw_sequence", _features_needed, ("D1.28", "D1.29")),
    Rule("sequence_length_positive", "sequence_length above 0 for raw_sequence", _sequence_length, ("D1.30",)),
    Rule("sequence_channels_listed", "the bar columns used, for raw_sequence", _sequence_channels, ("D1.31",)),
    Rule("sequence_normalization_named", "a normalisation for raw_sequence", _sequence_normalization, ("D1.32",)),
    Rule("route_equals_view", "route equal to view", _route_is_view, ("D1.27",)),
    Rule("symbol_only_for_symbol_view", "a symbol only in the view SYMBOL_SPECIFIC", _symbol_view, ("D1.27",)),
    Rule("ranking_block_is_enabled", "no ranking block, or one that is enabled", _ranking_enabled, ("D1.34",)),
    Rule("model_checksum_is_sha256", "64 lower-case hexadecimal digits", lambda meta: _hex({"model_checksum": meta.model_checksum}), ("D1.20",)),
    Rule("file_checksums_are_sha256", "64 lower-case hexadecimal digits", lambda meta: _hex(meta.file_checksums or {}), ("D1.63",)),
    Rule("model_checksum_is_its_files", "the model file's entry in file_checksums equal to model_checksum", _model_hash_listed, ("D1.20",)),
    Rule(
        "interval_minutes_positive",
        "an interval above 0 minutes",
        lambda meta: None if meta.interval_minutes > 0 else f"{meta.interval_minutes}",
        ("D1.23",),
    ),
    Rule(
        "target_name_uses_underscores",
        "a name such as fwd_ret_60m",
        lambda meta: None if TARGET_NAME.match(meta.target) else repr(meta.target),
        ("D1.69",),
    ),
    Rule("cv_mean_within_scores", "cv_mean between the lowest and the highest of cv_scores", _cv_mean),
)


def _per_target(holds: Callable[[Any], str | None], entries: Callable[[Any], Mapping[str, Any]]) -> Callable[[Any], str | None]:
    def over_all(document: Any) -> str | None:
        for target, entry in sorted(entries(document).items()):
            found = holds(entry)
            if found is not None:
                return f"{target}: {found}"
        return None

    return over_all


def _names(entries: Callable[[Any], Mapping[str, Any]]) -> Callable[[Any], str | None]:
    def over_all(document: Any) -> str | None:
        wrong = sorted(name for name in entries(document) if not TARGET_NAME.match(name))
        return repr(wrong[0]) if wrong else None

    return over_all


def _index(manifest: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = manifest.target_index
    return found


def _status_families(entry: Any) -> str | None:
    return f"status {entry.status} with {len(entry.families_trained)} families" if (entry.status == "failed") == bool(entry.families_trained) else None


def _views(entry: Any) -> str | None:
    return f"view {entry.view} outside {list(entry.views)}" if entry.views is not None and entry.view not in entry.views else None


def _comparable(manifest: Any) -> str | None:
    return "git_sha unknown and is_comparable true" if manifest.git_sha == "unknown" and manifest.is_comparable else None


MANIFEST_RULES: tuple[Rule, ...] = (
    Rule("timestamp_is_utc", "an ISO-8601 UTC time ending in Z", _timestamp, ("D1.41",)),
    Rule("target_names_use_underscores", "names such as fwd_ret_60m", _names(_index), ("D1.69",)),
    Rule("families_sorted_unique", "families_trained sorted, each once", _per_target(lambda entry: _sorted_names(entry.families_trained), _index), ("D1.46",)),
    Rule("status_agrees_with_families", "families unless failed, none when failed", _per_target(_status_families, _index), ("D1.44", "D1.45", "D1.46")),
    Rule("view_is_one_of_views", "view among views", _per_target(_views, _index), ("D1.47",)),
    Rule(
        "meta_checksums_are_sha256",
        "64 lower-case hexadecimal digits",
        _per_target(lambda entry: _hex(entry.model_meta_checksums or {}), _index),
        ("D1.63",),
    ),
    Rule("unknown_code_is_not_comparable", "is_comparable false without a known commit (decision 51)", _comparable),
)


def _routes(decisions: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = decisions.root
    return found


def _within_unit(decision: Any) -> str | None:
    values = {name: getattr(decision, name) for name in ("skill01_cs", "skill01_sym_mean", "frac_symbols_good")}
    wrong = sorted(name for name, value in values.items() if value is not None and not 0.0 <= value <= 1.0)
    return f"{wrong[0]} = {values[wrong[0]]}" if wrong else None


def _winners_counted(decision: Any) -> str | None:
    if decision.winner_symbols is None or decision.n_symbols_evaluated is None:
        return None
    few = len(decision.winner_symbols) <= decision.n_symbols_evaluated
    return None if few else f"{len(decision.winner_symbols)} winners of {decision.n_symbols_evaluated} symbols"


def _probability(decision: Any) -> str | None:
    value = decision.evidence.p_value if decision.evidence is not None else None
    return f"p_value {value}" if value is not None and not 0.0 <= value <= 1.0 else None


ROUTING_RULES: tuple[Rule, ...] = (
    Rule(
        "reason_is_given",
        "a reason a person understands",
        _per_target(lambda decision: None if decision.reason.strip() else "an empty reason", _routes),
        ("D1.55",),
    ),
    Rule("skills_within_unit", "skills and shares in [0, 1]", _per_target(_within_unit, _routes), ("D1.53", "D1.54")),
    Rule("winners_sorted_unique", "winner_symbols sorted, each once", _per_target(lambda decision: _sorted_names(decision.winner_symbols or ()), _routes)),
    Rule("winners_were_evaluated", "no more winners than symbols evaluated", _per_target(_winners_counted, _routes)),
    Rule("p_value_is_a_probability", "p_value in [0, 1]", _per_target(_probability, _routes)),
    Rule("routed_names_use_underscores", "names such as fwd_ret_60m", _names(_routes), ("D1.69",)),
)


_FINGERPRINTS = (
    "config_fingerprint",
    "deterministic_config_fingerprint",
    "data_fingerprint",
    "coverage_sha256",
    "feature_fingerprint",
    "target_fingerprint",
    "hyperparameters_signature",
    "split_signature",
    "routing_signature",
)


def _fingerprints_hex(document: Any) -> str | None:
    return _hex({name: getattr(document, name) for name in _FINGERPRINTS})


def _keys_hex(document: Any) -> str | None:
    names = ("strict_key", "replicate_key", "model_artifact_sha256", "artifacts_manifest_sha256", "metrics_sha256", "predictions_sha256")
    return _hex({name: getattr(document, name) for name in names})


FINGERPRINT_RULES: tuple[Rule, ...] = (Rule("fingerprints_are_sha256", "64 lower-case hexadecimal digits", _fingerprints_hex, ("D1.66",)),)
REPRODUCIBILITY_RULES: tuple[Rule, ...] = (
    Rule("keys_are_sha256", "64 lower-case hexadecimal digits", _keys_hex, ("D1.66",)),
    Rule(
        "keys_differ_by_the_seed",
        "a strict key other than the replicate key",
        lambda document: "the same key twice" if document.strict_key == document.replicate_key else None,
    ),
)

_GROUPS = {
    "progress": ("stage", "progress_pct", "current_target", "targets_complete", "targets_total"),
    "stage_change": ("previous_stage", "new_stage"),
    "target_complete": ("target", "status", "models_trained", "best_auc"),
    "error": ("error_message", "error_type", "recoverable"),
}
_NULLABLE = frozenset({"current_target", "previous_stage", "best_auc"})


def _group(event_type: str) -> Callable[[Any], str | None]:
    def complete(event: Any) -> str | None:
        if event.event_type != event_type:
            return None
        absent = [name for name in _GROUPS[event_type] if name not in event.model_fields_set or (getattr(event, name) is None and name not in _NULLABLE)]
        return f"no {absent[0]}" if absent else None

    return complete


def _percentage(event: Any) -> str | None:
    return f"{event.progress_pct}" if event.progress_pct is not None and not 0.0 <= event.progress_pct <= 100.0 else None


def _targets_counted(event: Any) -> str | None:
    if event.targets_complete is None or event.targets_total is None:
        return None
    return None if 0 <= event.targets_complete <= event.targets_total else f"{event.targets_complete} of {event.targets_total}"


EVENT_RULES: tuple[Rule, ...] = (
    Rule("event_time_is_utc", "an ISO-8601 UTC time ending in Z", _timestamp, ("D2.45",)),
    Rule("progress_group_complete", "stage, progress_pct, current_target, targets_complete, targets_total", _group("progress"), ("D2.46",)),
    Rule("stage_change_group_complete", "previous_stage, new_stage", _group("stage_change"), ("D2.47",)),
    Rule("target_complete_group_complete", "target, status, models_trained, best_auc", _group("target_complete"), ("D2.48",)),
    Rule("error_group_complete", "error_message, error_type, recoverable", _group("error"), ("D2.49",)),
    Rule("progress_within_hundred", "progress_pct in 0 to 100", _percentage, ("D2.46",)),
    Rule("targets_complete_within_total", "targets_complete no more than targets_total", _targets_counted, ("D2.46",)),
)
