"""The documents of a release, made and checked before a byte is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.store import encode_artifact
from tallystick.contracts.checking import check, parse, parse_bytes
from tallystick.contracts.pool import CONTRACT_VERSION, RANKING_COLUMNS, SOURCE_PROJECT
from tallystick.contracts.pool_rules import FILES
from tallystick.contracts.registry import contract
from tallystick.contracts.tables import table_bytes
from tallystick.contracts.time import date_from_ns, iso_from_ns
from tallystick.market.bars import BarPanel
from tallystick.universe.config import UniverseConfig
from tallystick.universe.release_files import ReleaseFiles
from tallystick.universe.selection import Selection
from tallystick.universe.walk_forward import ComponentFit

Document = dict[str, object]


def encode(name: str, document: object) -> bytes:
    """The checked bytes of one document of the universe."""
    return encode_artifact(contract(f"universe.{name}"), document)


def pool_documents(selection: Selection, *, selection_meta: bool) -> dict[str, Document]:
    """The universe, the pool and its legacy form."""
    judged = selection.eligibility
    mapping = {symbol: {"base_asset": judged.bases[symbol]} for symbol in selection.pool}
    head: Document = {
        "as_of_date": judged.as_of_date,
        "version": selection.version,
        "mode": judged.mode,
        "pool_size": len(selection.pool),
        "source_project": SOURCE_PROJECT,
    }
    pool: Document = {**head, "symbols": list(selection.pool), "symbol_map": mapping}
    if selection_meta:
        pool["selection_meta"] = {
            row.symbol: {"final_score": row.final_score, "confidence": row.confidence, "current_rank": rank}
            for rank, row in enumerate(selection.ranking, start=1)
            if row.symbol in mapping
        }
    return {
        "latest_universe": {"as_of_date": judged.as_of_date, "symbols": sorted(judged.members)},
        "live_pool": pool,
        "live_pool_legacy": {**head, "symbols": mapping, "symbol_map": mapping},
    }


def release_files(
    selection: Selection, now_ns: int, *, selection_meta: bool, coverage_sha256: str | None = None, build_report_sha256: str | None = None
) -> ReleaseFiles:
    """The five files of a release, checked against their contracts; nothing is written."""
    documents = pool_documents(selection, selection_meta=selection_meta)
    files = {name: encode(name, document) for name, document in documents.items()} | {"latest_ranking": ranking_bytes(selection)}
    checksums = {name: sha256_bytes(files[name]) for name in sorted(files)}
    files["artifact_manifest"] = encode("artifact_manifest", manifest_document(selection, checksums, now_ns, coverage_sha256, build_report_sha256))
    parsed = {name: parse_bytes(contract(f"universe.{name}"), files[name]) for name in ("live_pool", "artifact_manifest")}
    return ReleaseFiles(files, parsed["live_pool"], parsed["artifact_manifest"])


def ranking_bytes(selection: Selection) -> bytes:
    """The ranking as CSV, checked against its contract."""
    rows: list[Document] = [
        {
            "as_of_date": selection.eligibility.as_of_date,
            "symbol": row.symbol,
            "rule_score": row.rule_score,
            "linear_score": row.linear_score,
            "ml_score": row.ml_score,
            "final_score": row.final_score,
            "regime": selection.regime.label,
            "confidence": row.confidence,
            "selected_flag": row.symbol in selection.pool,
            "current_rank": rank,
        }
        for rank, row in enumerate(selection.ranking, start=1)
    ]
    item = contract("universe.latest_ranking")
    check(item, parse(item, {"columns": list(RANKING_COLUMNS), "rows": rows}))
    return table_bytes(RANKING_COLUMNS, rows)


def manifest_document(
    selection: Selection, checksums: Mapping[str, str], now_ns: int, coverage_sha256: str | None, build_report_sha256: str | None
) -> Document:
    """The canonical wrapper over the four files; `generated_at` keeps the seed's `+00:00` (decision 3)."""
    judged = selection.eligibility
    document: Document = {
        "manifest_type": "strategy_artifact",
        "contract_version": CONTRACT_VERSION,
        "strategy_profile": "crypto_live_pool_rotation",
        "artifact_type": "live_pool",
        "artifact_name": "crypto_live_pool_rotation_live_pool",
        "as_of_date": judged.as_of_date,
        "snapshot_as_of": judged.as_of_date,
        "version": selection.version,
        "mode": judged.mode,
        "symbol_count": len(selection.pool),
        "symbols": list(selection.pool),
        "source_project": SOURCE_PROJECT,
        "generated_at": f"{iso_from_ns(now_ns).removesuffix('Z')}+00:00",
        "primary_artifact": "live_pool",
        "artifacts": {name: {"path": FILES[name], "sha256": checksums[name]} for name in sorted(checksums)},
    }
    optional = {"coverage_sha256": coverage_sha256, "build_report_sha256": build_report_sha256}
    return {**document, **{name: value for name, value in optional.items() if value is not None}}


def report_document(
    selection: Selection, config: UniverseConfig, view: BarPanel, coverage_sha256: str | None, quote_volume_estimated: Sequence[str]
) -> Document:
    """How the release was made, with every refusal and every name of the day that could not be seen."""
    judged = selection.eligibility
    document: Document = {
        "as_of_date": judged.as_of_date,
        "version": selection.version,
        "mode": judged.mode,
        "venue": view.venue,
        "bars_from": date_from_ns(view.start_ns),
        "candidates": judged.candidates,
        "universe_size": len(judged.members),
        "pool_size": len(selection.pool),
        "refreshes": judged.refreshes,
        "benchmark": config.benchmark,
        "benchmark_present": judged.benchmark is not None,
        "benchmark_note": selection.regime.note,
        "regime": selection.regime.label,
        "regime_confidence": selection.regime.confidence,
        "weights": dict(selection.weights),
        "refused": [{"symbol": row.symbol, "reason": row.reason, "found": row.found, "limit": row.limit} for row in judged.refused],
        "unseen_count": len(judged.unseen),
        "unseen": list(judged.unseen),
        "survivorship": judged.survivorship,
        "quote_volume_estimated": sorted(set(quote_volume_estimated) & set(view.symbols)),
    }
    if selection.components:
        document["components"] = {name: _component(row) for name, row in sorted(selection.components.items())}
    return document if coverage_sha256 is None else {**document, "coverage_sha256": coverage_sha256}


def _component(row: ComponentFit) -> Document:
    optional = {"train_from": row.train_from, "train_to": row.train_to, "absent": row.absent or None}
    return {
        "family": row.family,
        "label": row.label,
        "fitted_on": row.fitted_on,
        "rows": row.rows,
        "features": row.features,
        "versions": dict(row.versions),
        **{name: value for name, value in optional.items() if value is not None},
    }
