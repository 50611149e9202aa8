"""Documents that break one rule of the live pool's contracts, each made from the valid example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
Mutation = Callable[[Document], Document]


def _set(path: str, value: Any) -> Mutation:
    def mutate(document: Document) -> Document:
        *parents, last = path.split(".")
        here: Any = document
        for part in parents:
            here = here[int(part)] if isinstance(here, list) else here[part]
        here[int(last) if isinstance(here, list) else last] = value(here[int(last) if isinstance(here, list) else last]) if callable(value) else value
        return document

    return mutate


def _repeat_symbol(document: Document) -> Document:
    document["symbols"].append(document["symbols"][0])
    for count in ("pool_size", "symbol_count"):
        if count in document:
            document[count] += 1
    return document


def _other_quote(document: Document) -> Document:
    old = document["symbols"][-1]
    document["symbols"][-1] = "ZZZUSDC"
    if "symbol_map" in document:
        document["symbol_map"]["ZZZUSDC"] = document["symbol_map"].pop(old)
    if "selection_meta" in document:
        document["selection_meta"].pop(old)
    return document


def _legacy_other_quote(document: Document) -> Document:
    for name in ("symbols", "symbol_map"):
        document[name] = {key.replace("USDT", "USDC"): asset for key, asset in document[name].items()}
    return document


def _forget_mapping(document: Document) -> Document:
    document["symbol_map"].pop(document["symbols"][-1])
    return document


def _other_mode(document: Document) -> Document:
    document["mode"] = document["firestore"]["payload"]["mode"] = "broad_liquid"
    return document


def _meta_of_a_stranger(document: Document) -> Document:
    document["selection_meta"]["LTCUSDT"] = {"final_score": 0.1, "confidence": 0.1, "current_rank": 9}
    return document


def _reverse_symbols(document: Document) -> Document:
    document["symbols"].reverse()
    return document


def _drop_column(name: str) -> Mutation:
    def mutate(document: Document) -> Document:
        document["columns"].remove(name)
        return document

    return mutate


def _append_row(**changes: Any) -> Mutation:
    def mutate(document: Document) -> Document:
        document["rows"].append({**document["rows"][-1], **changes})
        return document

    return mutate


def _unselect(document: Document) -> Document:
    for row in document["rows"]:
        row["selected_flag"] = False
    return document


def _swap_scores(document: Document) -> Document:
    rows = document["rows"]
    for name in ("final_score", "confidence"):
        rows[0][name], rows[-1][name] = rows[-1][name], rows[0][name]
    return document


def _swap_rows(document: Document) -> Document:
    rows = document["rows"]
    rows[0], rows[1] = rows[1], rows[0]
    return document


def _outside_namespace(document: Document) -> Document:
    for name in ("storage_prefix", "versioned_live_pool_legacy_uri", "versioned_artifact_manifest_uri"):
        document[name] = document[name].replace("/releases/", "/archive/")
    return document


def _reverse_refusals(document: Document) -> Document:
    document["refused"].reverse()
    return document


def _pool(*names: str) -> dict[tuple[str, str], Mutation]:
    found: dict[tuple[str, str], Mutation] = {}
    for name in names:
        found[name, "version_is_date_and_mode"] = _set("version", "2025-06-18-core_major")
        found[name, "symbols_are_unique"] = _repeat_symbol
        found[name, "symbols_are_usdt_pairs"] = _other_quote
    return found


VIOLATIONS: dict[tuple[str, str], Mutation] = {
    **_pool("universe.live_pool", "universe.artifact_manifest"),
    ("universe.latest_universe", "symbols_are_sorted"): _reverse_symbols,
    ("universe.latest_universe", "symbols_are_usdt_pairs"): _other_quote,
    ("universe.live_pool", "symbols_are_the_keys_of_symbol_map"): _forget_mapping,
    ("universe.live_pool", "pool_size_counts_the_symbols"): _set("pool_size", 4),
    ("universe.live_pool", "selection_meta_describes_members"): _meta_of_a_stranger,
    ("universe.live_pool_legacy", "version_is_date_and_mode"): _set("version", "2025-06-19-broad_liquid"),
    ("universe.live_pool_legacy", "symbols_are_usdt_pairs"): _legacy_other_quote,
    ("universe.live_pool_legacy", "symbol_map_is_an_alias"): _set("symbol_map.ETHUSDT.base_asset", "WETH"),
    ("universe.live_pool_legacy", "pool_size_counts_the_symbols"): _set("pool_size", 6),
    ("universe.artifact_manifest", "symbol_count_counts_the_symbols"): _set("symbol_count", 6),
    ("universe.artifact_manifest", "snapshot_is_the_as_of_date"): _set("snapshot_as_of", "2025-06-18"),
    ("universe.artifact_manifest", "paths_are_relative_to_the_manifest"): _set("artifacts.live_pool.path", "../live_pool.json"),
    ("universe.latest_ranking", "columns_are_the_ranking"): _drop_column("ml_score"),
    ("universe.latest_ranking", "symbols_are_ranked_once"): _append_row(current_rank=13),
    ("universe.latest_ranking", "ranking_symbols_are_usdt_pairs"): _set("rows.0.symbol", "TRXUSDC"),
    ("universe.latest_ranking", "one_as_of_date"): _set("rows.1.as_of_date", "2025-06-18"),
    ("universe.latest_ranking", "one_regime"): _set("rows.1.regime", "risk_off"),
    ("universe.latest_ranking", "ranks_count_the_rows"): _set("rows.0.current_rank", 2),
    ("universe.latest_ranking", "scores_descend"): _swap_scores,
    ("universe.latest_ranking", "scores_are_fractions"): _set("rows.0.final_score", 1.5),
    ("universe.latest_ranking", "a_pool_was_selected"): _unselect,
    ("universe.summary_document", "symbols_are_unique"): _repeat_symbol,
    ("universe.summary_document", "symbols_are_usdt_pairs"): _other_quote,
    ("universe.summary_document", "symbols_are_the_keys_of_symbol_map"): _forget_mapping,
    ("universe.summary_document", "pool_size_counts_the_symbols"): _set("pool_size", 4),
    ("universe.summary_document", "version_is_date_and_mode"): _set("as_of_date", "2025-06-18"),
    ("universe.summary_document", "prefixes_are_the_layout"): _outside_namespace,
    ("universe.summary_document", "uris_point_under_current"): _set("live_pool_uri", lambda uri: uri.replace("current", "latest")),
    ("universe.summary_document", "versioned_uris_point_under_the_release"): _set("versioned_artifact_manifest_uri", lambda uri: f"{uri}.bak"),
    ("universe.release_index", "index_columns_are_there"): _drop_column("activation_date"),
    ("universe.release_index", "index_versions_are_date_and_mode"): _set("rows.0.mode", "broad_liquid"),
    ("universe.release_index", "index_activates_after_the_snapshot"): _set("rows.0.activation_date", "2025-04-30"),
    ("universe.release_index", "index_counts_the_symbols"): _set("rows.0.pool_size", 4),
    ("universe.release_index", "index_symbols_are_usdt_pairs"): _set("rows.0.symbols", lambda text: text.replace("TRXUSDT", "TRXUSDC")),
    ("universe.release_index", "index_is_in_time_order"): _swap_rows,
    ("universe.release_index", "index_paths_are_relative"): _set("rows.0.live_pool_path", lambda text: f"/{text}"),
    ("universe.release_manifest", "version_is_date_and_mode"): _other_mode,
    ("universe.release_manifest", "dry_run_unless_publishing"): _set("dry_run", False),
    ("universe.release_manifest", "payload_is_this_release"): _set("firestore.payload.version", "2025-05-31-core_major"),
    ("universe.release_manifest", "objects_follow_the_layout"): _set("artifacts.live_pool.current_object", "live_pool.json"),
    ("universe.release_manifest", "object_uris_follow_the_prefixes"): _set("artifacts.live_pool.release_uri", lambda uri: f"{uri}?generation=1"),
    ("universe.track_summary", "track_columns_are_there"): _drop_column("profile"),
    ("universe.track_summary", "track_versions_begin_with_the_date"): _set("rows.0.version", "2025-05-30-core_major"),
    ("universe.track_summary", "track_activates_after_the_snapshot"): _set("rows.0.activation_date", "2025-05-31"),
    ("universe.track_summary", "only_the_baseline_is_official"): _set("rows.0.candidate_status", "official_reference"),
    ("universe.track_summary", "track_rows_are_in_order"): _swap_rows,
    ("universe.build_report", "version_is_date_and_mode"): _set("version", "2025-06-19-broad_liquid"),
    ("universe.build_report", "every_candidate_is_accounted_for"): _set("unseen_count", 3),
    ("universe.build_report", "refusals_are_sorted"): _reverse_refusals,
    ("universe.build_report", "components_are_weighted_or_absent"): _set("components.linear.train_to", "2025-05-14"),
}
