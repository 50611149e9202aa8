"""Building a release: judge, score, order, write five files, the manifest last, and seal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tallystick.artifacts.atomic import write_atomic_bytes
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace, get_output_dir
from tallystick.artifacts.seal import break_seal, seal_folder
from tallystick.artifacts.store import encode_artifact
from tallystick.contracts.checking import check, parse
from tallystick.contracts.errors import DataError
from tallystick.contracts.pool import CONTRACT_VERSION, RANKING_COLUMNS, SOURCE_PROJECT, Mode
from tallystick.contracts.pool_rules import FILES
from tallystick.contracts.registry import contract
from tallystick.contracts.tables import table_bytes
from tallystick.contracts.time import date_from_ns, iso_from_ns
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import InstrumentBook
from tallystick.universe.config import UniverseConfig
from tallystick.universe.eligibility import Eligibility, best_refusals, judge_universe, past
from tallystick.universe.features import day_features
from tallystick.universe.regime import Regime, classify_regime
from tallystick.universe.scoring import RankedName, rank_universe

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Selection:
    """A universe judged, ordered and cut: everything a release says, before a byte is written."""

    eligibility: Eligibility
    regime: Regime
    weights: Mapping[str, float]
    ranking: tuple[RankedName, ...]
    pool: tuple[str, ...]

    @property
    def version(self) -> str:
        """`<as-of date>-<mode>`."""
        return f"{self.eligibility.as_of_date}-{self.eligibility.mode}"


@dataclass(frozen=True, slots=True)
class Release:
    """A release on disk: its identity, the pool in official order, the SHA-256 of each file by name, and the build report."""

    version: str
    as_of_date: str
    mode: Mode
    symbols: tuple[str, ...]
    symbol_map: Mapping[str, str]
    manifest_path: Path
    manifest_sha256: str
    seal_sha256: str
    checksums: Mapping[str, str]
    report: Mapping[str, object]


def select_pool(
    panel_daily: BarPanel,
    instruments: InstrumentBook,
    config: UniverseConfig,
    as_of_date: str,
    mode: Mode,
    pool_size: int = 5,
    extra_scores: Mapping[str, Mapping[str, float]] | None = None,
) -> Selection:
    """The pool of a day, from bars up to and including it. Writes nothing.

    Raises DataError when fewer names are eligible than the pool has places (with the refusals in numbers), or when a named symbol is not eligible.
    """
    if pool_size < 1:
        raise DataError(f"expected a pool of at least one name, found {pool_size}")
    eligibility = judge_universe(panel_daily, instruments, config, as_of_date, mode)
    found = len(eligibility.members)
    if found < pool_size and not (config.allow_smaller_pool and found):
        raise DataError(
            f"expected at least {pool_size} eligible names for {mode} on {as_of_date}, found {found} of {eligibility.candidates}",
            where=panel_daily.venue,
            hint=f"Refused: {best_refusals(eligibility.refused)}. The last release stands",
        )
    features = day_features(past(panel_daily, as_of_date), eligibility.members, eligibility.benchmark, eligibility.measures)
    regime = classify_regime(features, config.benchmark, config.smallest_context)
    ranking, weights = rank_universe(features, config, regime.label, extra_scores)
    strangers = sorted(set(config.named_symbols) - set(eligibility.members))
    if strangers:
        raise DataError(f"expected every named symbol to be eligible for {mode} on {as_of_date}, found {', '.join(strangers)}", where=panel_daily.venue)
    # The ranking stays whole: a named pool changes what is published, not what was measured.
    pool = config.named_symbols or tuple(row.symbol for row in ranking[:pool_size])
    return Selection(eligibility, regime, weights, ranking, pool)


def build_release(
    workspace: Workspace,
    panel_daily: BarPanel,
    instruments: InstrumentBook,
    config: UniverseConfig,
    as_of: str,
    mode: Mode,
    now_ns: int,
    pool_size: int = 5,
    coverage_sha256: str | None = None,
    selection_meta: bool = False,
    quote_volume_estimated: Sequence[str] = (),
    extra_scores: Mapping[str, Mapping[str, float]] | None = None,
) -> Release:
    """Write the release of a day to `data/output`: four files and the build report, then the manifest, then the seal.

    `coverage_sha256` is the hash of the coverage document of the bars. Every document is made and checked before the first byte is written, so a
    refusal leaves the last release as it was. Raises DataError as `select_pool`, ArtifactError when the disk refuses.
    """
    selection = select_pool(panel_daily, instruments, config, as_of, mode, pool_size, extra_scores)
    view = past(panel_daily, as_of)
    files: dict[str, bytes] = {name: _encode(name, document) for name, document in pool_documents(selection, selection_meta=selection_meta).items()}
    files["latest_ranking"] = ranking_bytes(selection)
    report = report_document(selection, config, view, coverage_sha256, quote_volume_estimated)
    report_bytes = _encode("build_report", report)
    checksums = {name: sha256_bytes(files[name]) for name in sorted(files)}
    manifest = manifest_document(selection, checksums, now_ns, coverage_sha256, sha256_bytes(report_bytes))
    manifest_bytes = _encode("artifact_manifest", manifest)
    # Nothing above has touched the disk. From here on a crash leaves a folder without a seal, whose manifest disowns what was replaced.
    folder = get_output_dir(workspace)
    break_seal(folder)
    for name in sorted(files):
        write_atomic_bytes(workspace.path(f"universe.{name}"), files[name])
    write_atomic_bytes(workspace.path("universe.build_report"), report_bytes)
    manifest_path = workspace.path("universe.artifact_manifest")
    manifest_sha256 = write_atomic_bytes(manifest_path, manifest_bytes)
    seal = seal_folder(folder)
    return Release(
        version=selection.version,
        as_of_date=as_of,
        mode=mode,
        symbols=selection.pool,
        symbol_map={symbol: selection.eligibility.bases[symbol] for symbol in selection.pool},
        manifest_path=manifest_path,
        manifest_sha256=manifest_sha256,
        seal_sha256=seal,
        checksums=checksums,
        report=report,
    )


def _encode(name: str, document: object) -> bytes:
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
    return document if coverage_sha256 is None else {**document, "coverage_sha256": coverage_sha256}
