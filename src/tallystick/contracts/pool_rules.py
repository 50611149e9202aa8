"""Rules of the live pool's artifacts: what a single shape cannot say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, Protocol

from tallystick.contracts.contract import Rule

QUOTE = "USDT"
NAMESPACE = "crypto-live-pool-pipelines"
FILES = {
    "latest_universe": "latest_universe.json",
    "latest_ranking": "latest_ranking.csv",
    "live_pool": "live_pool.json",
    "live_pool_legacy": "live_pool_legacy.json",
    "artifact_manifest": "artifact_manifest.json",
}
BASELINE_TRACK = "official_baseline"
BASELINE_STATUS = "official_reference"
SHADOW_STATUS = "shadow_candidate"


class _Versioned(Protocol):
    as_of_date: str
    version: str
    mode: str


def _twice(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return f"{name} twice"
        seen.add(name)
    return None


def _not_usdt(names: Iterable[str]) -> str | None:
    bad = [name for name in names if not name.endswith(QUOTE) or name == QUOTE]
    return f"{bad[0]}" if bad else None


def _version(document: _Versioned) -> str | None:
    return None if document.version == f"{document.as_of_date}-{document.mode}" else f"version {document.version} for {document.as_of_date} and {document.mode}"


def _same_set(document: Any) -> str | None:
    listed, mapped = set(document.symbols), set(document.symbol_map)
    missing, extra = sorted(listed - mapped), sorted(mapped - listed)
    return None if listed == mapped else f"only in symbols: {missing}, only in symbol_map: {extra}"


def _alias(document: Any) -> str | None:
    if list(document.symbols.items()) == list(document.symbol_map.items()):
        return None
    different = sorted(name for name in {*document.symbols, *document.symbol_map} if document.symbols.get(name) != document.symbol_map.get(name))
    return f"other content for {different[0]}" if different else "another order"


def _pool_size(document: Any) -> str | None:
    return None if document.pool_size == len(document.symbols) else f"pool_size {document.pool_size} with {len(document.symbols)} symbols"


def _meta(document: Any) -> str | None:
    extra = sorted(set(document.selection_meta or {}) - set(document.symbols))
    return f"selection_meta of {extra[0]}, which is not in the pool" if extra else None


VERSION = Rule("version_is_date_and_mode", "version is as_of_date, a hyphen, mode", _version, ("D5.15",))
UNIQUE = Rule("symbols_are_unique", "each symbol once", lambda document: _twice(document.symbols))
USDT = Rule("symbols_are_usdt_pairs", "symbols that end in USDT", lambda document: _not_usdt(document.symbols), ("D5.14",))
SAME_SET = Rule("symbols_are_the_keys_of_symbol_map", "symbols and the keys of symbol_map are the same set", _same_set, ("D5.21",))
ALIAS = Rule("symbol_map_is_an_alias", "symbol_map has the content and order of symbols", _alias, ("D5.14",))
POOL_SIZE = Rule("pool_size_counts_the_symbols", "pool_size is the number of symbols", _pool_size, ("D5.16",))
META = Rule("selection_meta_describes_members", "selection_meta only for symbols of the pool", _meta, ("D5.26",))


def _sorted_names(document: Any) -> str | None:
    return None if list(document.symbols) == sorted(set(document.symbols)) else f"{list(document.symbols)[:5]}…"


def _symbol_count(document: Any) -> str | None:
    return None if document.symbol_count == len(document.symbols) else f"symbol_count {document.symbol_count} with {len(document.symbols)} symbols"


def _snapshot(document: Any) -> str | None:
    return None if document.snapshot_as_of == document.as_of_date else f"snapshot_as_of {document.snapshot_as_of} beside {document.as_of_date}"


def _relative_files(document: Any) -> str | None:
    for name, file in FILES.items():
        entry = getattr(document.artifacts, name, None)
        if entry is not None and entry.path != file:
            return f"path {entry.path!r} for {name}"
    return None


UNIVERSE_RULES = (Rule("symbols_are_sorted", "symbols sorted, each once", _sorted_names), USDT)
POOL_RULES = (VERSION, UNIQUE, USDT, SAME_SET, POOL_SIZE, META)
LEGACY_RULES = (VERSION, USDT, ALIAS, POOL_SIZE)
MANIFEST_RULES = (
    VERSION,
    UNIQUE,
    USDT,
    Rule("symbol_count_counts_the_symbols", "symbol_count is the number of symbols", _symbol_count, ("D5.11",)),
    Rule("snapshot_is_the_as_of_date", "snapshot_as_of equals as_of_date", _snapshot, ("D5.09",)),
    Rule("paths_are_relative_to_the_manifest", "the four files by their names, beside the manifest", _relative_files, ("D5.10",)),
)


def _prefixes(document: Any) -> str | None:
    root, end = document.current_prefix.rpartition("/current")[0], f"/{NAMESPACE}/releases/{document.version}"
    if not document.current_prefix.endswith(f"/{NAMESPACE}/current"):
        return f"current_prefix {document.current_prefix}"
    return (
        None if document.storage_prefix == f"{root}/releases/{document.version}" else f"storage_prefix {document.storage_prefix}, which does not end in {end}"
    )


def _uris(document: Any, fields: Sequence[str], folder: str, lead: str) -> str | None:
    for field in fields:
        expected = f"{folder}/{FILES[field.removesuffix('_uri').removeprefix(lead)]}"
        if getattr(document, field) != expected:
            return f"{field} {getattr(document, field)}"
    return None


CURRENT_URIS = ("live_pool_uri", "live_pool_legacy_uri", "artifact_manifest_uri", "latest_universe_uri", "latest_ranking_uri")
VERSIONED_URIS = ("versioned_live_pool_legacy_uri", "versioned_artifact_manifest_uri")
SUMMARY_RULES = (
    VERSION,
    UNIQUE,
    USDT,
    SAME_SET,
    POOL_SIZE,
    Rule("prefixes_are_the_layout", "prefixes …/current and …/releases/<version> below one namespace", _prefixes, ("D5.31", "D5.34", "D5.35")),
    Rule(
        "uris_point_under_current", "each *_uri is its file under current_prefix", lambda item: _uris(item, CURRENT_URIS, item.current_prefix, ""), ("D5.31",)
    ),
    Rule(
        "versioned_uris_point_under_the_release",
        "each versioned_*_uri is its file under storage_prefix",
        lambda item: _uris(item, VERSIONED_URIS, item.storage_prefix, "versioned_"),
        ("D5.31",),
    ),
)


def _header(table: Any, required: Sequence[str]) -> str | None:
    missing = [name for name in required if name not in table.columns]
    return f"no column {missing[0]}" if missing else _twice(table.columns)


def _one(values: Iterable[object], name: str) -> str | None:
    found = sorted({str(value) for value in values})
    return None if len(found) <= 1 else f"{name} {found[0]} and {found[1]}"


def _ranks(table: Any) -> str | None:
    for place, row in enumerate(table.rows, start=1):
        if row.current_rank != place:
            return f"{row.symbol} with rank {row.current_rank} in row {place}"
    return None


def _descending(table: Any) -> str | None:
    for before, after in pairwise(table.rows):
        if (after.final_score, after.confidence) > (before.final_score, before.confidence):
            return f"{after.symbol} with score {after.final_score} after {before.symbol} with {before.final_score}"
    return None


def _fractions(table: Any) -> str | None:
    for row in table.rows:
        for name in ("rule_score", "linear_score", "ml_score", "final_score", "confidence"):
            value = getattr(row, name)
            if value is not None and not 0 <= value <= 1:
                return f"{row.symbol} with {name} {value}"
    return None


def ranking_rules(columns: Sequence[str]) -> tuple[Rule, ...]:
    """Rules of the ranking table, whose header must be these columns."""
    return (
        Rule(
            "columns_are_the_ranking",
            f"columns {', '.join(columns)}",
            lambda table: None if list(table.columns) == list(columns) else f"{', '.join(table.columns)}",
        ),
        Rule("symbols_are_ranked_once", "each symbol once", lambda table: _twice(row.symbol for row in table.rows)),
        Rule("ranking_symbols_are_usdt_pairs", "symbols that end in USDT", lambda table: _not_usdt(row.symbol for row in table.rows)),
        Rule("one_as_of_date", "one as_of_date in all rows", lambda table: _one((row.as_of_date for row in table.rows), "as_of_date")),
        Rule("one_regime", "one regime in all rows", lambda table: _one((row.regime for row in table.rows), "regime")),
        Rule("ranks_count_the_rows", "current_rank 1, 2, 3… in row order", _ranks),
        Rule("scores_descend", "rows by final_score, then confidence, descending", _descending),
        Rule("scores_are_fractions", "scores and confidence in [0, 1]", _fractions),
        Rule("a_pool_was_selected", "at least one selected row", lambda table: None if any(row.selected_flag for row in table.rows) else "none"),
    )


def _activation(table: Any) -> str | None:
    for row in table.rows:
        if date.fromisoformat(row.activation_date) <= date.fromisoformat(row.as_of_date):
            return f"{row.version} active on {row.activation_date}"
    return None


def _index_sizes(table: Any) -> str | None:
    for row in table.rows:
        if row.pool_size != len(row.symbols.split("|")):
            return f"{row.version} with pool_size {row.pool_size} and symbols {row.symbols}"
    return None


def _index_symbols(table: Any) -> str | None:
    for row in table.rows:
        names = row.symbols.split("|")
        bad = _twice(names) or _not_usdt(names)
        if bad:
            return f"{row.version} with {bad}"
    return None


def _index_order(table: Any) -> str | None:
    for before, after in pairwise(table.rows):
        if after.as_of_date <= before.as_of_date:
            return f"{after.version} after {before.version}"
    return None


def _index_paths(table: Any) -> str | None:
    for row in table.rows:
        for field, file in (
            ("live_pool_path", "live_pool.json"),
            ("live_pool_legacy_path", "live_pool_legacy.json"),
            ("release_manifest_path", "release_manifest.json"),
        ):
            if getattr(row, field) != f"{row.version}/{file}":
                return f"{field} {getattr(row, field)!r} for {row.version}"
    return None


def _first(found: Iterable[str | None]) -> str | None:
    return next((item for item in found if item), None)


def index_rules(required: Sequence[str]) -> tuple[Rule, ...]:
    """Rules of a release index that must have these columns."""
    return (
        Rule("index_columns_are_there", f"columns {', '.join(required)}", lambda table: _header(table, required), ("D5.38",)),
        Rule("index_versions_are_date_and_mode", "version is as_of_date, a hyphen, mode", lambda table: _first(_version(row) for row in table.rows)),
        Rule("index_activates_after_the_snapshot", "activation_date after as_of_date", _activation),
        Rule("index_counts_the_symbols", "pool_size is the number of symbols", _index_sizes),
        Rule("index_symbols_are_usdt_pairs", "symbols that end in USDT, each once, joined by |", _index_symbols),
        Rule("index_is_in_time_order", "as_of_date ascending, each once", _index_order),
        Rule("index_paths_are_relative", "<version>/<file>, relative to the index", _index_paths, ("D5.38",)),
    )


def _status(table: Any) -> str | None:
    for row in table.rows:
        expected = BASELINE_STATUS if row.source_track == BASELINE_TRACK else SHADOW_STATUS
        if row.candidate_status != expected:
            return f"{row.source_track} as {row.candidate_status}"
    return None


def track_rules(required: Sequence[str]) -> tuple[Rule, ...]:
    """Rules of the summary of shadow tracks that must have these columns."""
    return (
        Rule("track_columns_are_there", f"columns {', '.join(required)}", lambda table: _header(table, required), ("D5.42",)),
        Rule(
            "track_versions_begin_with_the_date",
            "version begins with as_of_date",
            lambda table: _first(None if row.version.startswith(f"{row.as_of_date}-") else f"{row.version} for {row.as_of_date}" for row in table.rows),
        ),
        Rule("track_activates_after_the_snapshot", "activation_date after as_of_date", _activation),
        Rule("only_the_baseline_is_official", "official_baseline is the reference, every other track a shadow candidate", _status, ("D5.43",)),
        Rule(
            "track_rows_are_in_order",
            "rows by source_track, then as_of_date, each once",
            lambda table: _first(
                f"{b.source_track} {b.version} after {a.source_track} {a.version}"
                for a, b in pairwise(table.rows)
                if (b.source_track, b.as_of_date) <= (a.source_track, a.as_of_date)
            ),
        ),
    )


def _payload(document: Any) -> str | None:
    payload = document.firestore.payload
    for name in ("version", "mode", "as_of_date"):
        if getattr(payload, name) != getattr(document, name):
            return f"payload with {name} {getattr(payload, name)}"
    if (payload.storage_prefix, payload.current_prefix) != (document.release_prefix, document.current_prefix):
        return f"payload with prefixes {payload.storage_prefix} and {payload.current_prefix}"
    return None


def _objects(document: Any) -> str | None:
    for name, file in FILES.items():
        entry = getattr(document.artifacts, name, None)
        expected = (f"{NAMESPACE}/releases/{document.version}/{file}", f"{NAMESPACE}/current/{file}")
        if entry is not None and (entry.release_object, entry.current_object) != expected:
            return f"{name} at {entry.release_object} and {entry.current_object}"
    return None


def _object_uris(document: Any) -> str | None:
    for name, file in FILES.items():
        entry = getattr(document.artifacts, name, None)
        if entry is not None and (entry.release_uri, entry.current_uri) != (f"{document.release_prefix}/{file}", f"{document.current_prefix}/{file}"):
            return f"{name} at {entry.release_uri} and {entry.current_uri}"
    return None


RELEASE_MANIFEST_RULES = (
    VERSION,
    Rule(
        "dry_run_unless_publishing",
        "dry_run exactly when publishing is not enabled",
        lambda item: None if item.dry_run is not item.publish_enabled else f"dry_run {item.dry_run} with publish_enabled {item.publish_enabled}",
    ),
    Rule("payload_is_this_release", "the document's payload names this version, mode, date and these prefixes", _payload),
    Rule("objects_follow_the_layout", "each file under releases/<version>/ and current/", _objects, ("D5.34", "D5.35")),
    Rule("object_uris_follow_the_prefixes", "each URI is its file under its prefix", _object_uris, ("D5.31",)),
)


def _report_counts(document: Any) -> str | None:
    if document.unseen_count != len(document.unseen):
        return f"unseen_count {document.unseen_count} with {len(document.unseen)} names"
    if document.candidates != document.universe_size + len({row.symbol for row in document.refused}):
        return f"{document.candidates} candidates, {document.universe_size} in the universe, {len(document.refused)} refusals"
    return None


def _components(document: Any) -> str | None:
    for name, row in sorted((document.components or {}).items()):
        if (row.absent is None) != (name in document.weights):
            return f"{name} with weight {document.weights.get(name)} and absence {row.absent!r}"
        if row.train_to is not None and row.train_to >= row.fitted_on:
            return f"{name} fitted on {row.fitted_on} with rows up to {row.train_to}"
    return None


REPORT_RULES = (
    VERSION,
    Rule("components_are_weighted_or_absent", "each fitted score has a weight or a reason, and learned from days before its fit", _components),
    Rule("every_candidate_is_accounted_for", "candidates are in the universe or refused, and unseen names are counted", _report_counts),
    Rule(
        "refusals_are_sorted",
        "refusals by symbol, each symbol once",
        lambda item: None if [row.symbol for row in item.refused] == sorted({row.symbol for row in item.refused}) else "another order",
    ),
)
