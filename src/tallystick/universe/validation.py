"""Validation of a release folder: every rule of the family, all errors at once, each with its numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tallystick.artifacts.canonical import parse_json, plain
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.seal import check_seal, is_sealed
from tallystick.artifacts.store import read_bytes
from tallystick.contracts.checking import findings, parse_bytes, shape_problems
from tallystick.contracts.contract import Contract
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.pool import LatestRanking
from tallystick.contracts.pool_rules import FILES
from tallystick.contracts.registry import contract
from tallystick.contracts.tables import table_document
from tallystick.contracts.time import NS_PER_DAY, ns_from_iso

RELEASE_MANIFEST = "release_manifest.json"
BUILD_REPORT = "build_report.json"


@dataclass(slots=True)
class ValidationReport:
    """What is wrong with a release (`errors`), what is merely noteworthy (`warnings`), and how many whole days old it is (None = unknown)."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    age_days: int | None = None

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong."""
        return not self.errors


def validate_release(
    folder: Path, *, now_ns: int, expected_pool_size: int | None = 5, max_age_days: int = 45, require_fresh: bool = True, benchmark: str = "BTCUSDT"
) -> ValidationReport:
    """Check the five files of a release against their contracts, each other, their checksums, and the clock that is given.

    A snapshot older than `max_age_days` is an error, or a warning unless `require_fresh`; one from the future is always an error.
    """
    report = ValidationReport()
    # Read what is there once, then judge: a file that is missing is one error and stops no other check.
    files = {path.name: path for path in folder.iterdir() if path.is_file()} if folder.is_dir() else {}
    raw: dict[str, bytes] = {}
    parsed: dict[str, Any] = {}
    for name, file in FILES.items():
        if file not in files:
            report.errors.append(f"{file}: expected the file, found none in {folder.name}")
            continue
        raw[name] = read_bytes(files[file])
        _read(contract(f"universe.{name}"), file, raw[name], parsed, report)
    if RELEASE_MANIFEST in files:
        _read(contract("universe.release_manifest"), RELEASE_MANIFEST, read_bytes(files[RELEASE_MANIFEST]), parsed, report)
        report.errors.extend(_payload(parsed))
    if BUILD_REPORT in files:
        raw[BUILD_REPORT] = read_bytes(files[BUILD_REPORT])
    for check in (_same_identity, _same_pool, _members, _checksums):
        report.errors.extend(check(parsed, raw))
    # Published copies under releases/ and current/ carry no seal of their own, so its absence is no error.
    if is_sealed(folder):
        report.errors.extend(f"{failure.path.name}: expected {failure.expected}, found {failure.found}" for failure in check_seal(folder))
    pool = parsed.get("live_pool")
    if pool is not None:
        if expected_pool_size is not None and pool.pool_size != expected_pool_size:
            report.errors.append(f"live_pool.json: expected pool_size {expected_pool_size}, found {pool.pool_size}")
        if benchmark in pool.symbols:
            report.errors.append(f"live_pool.json: expected the benchmark {benchmark} outside the pool, found it as a member")
        _freshness(pool.as_of_date, now_ns, max_age_days, require_fresh=require_fresh, report=report)
    return report


def _read(item: Contract, file: str, data: bytes, parsed: dict[str, Any], report: ValidationReport) -> None:
    try:
        document = table_document(LatestRanking, data, file) if item.shape is LatestRanking else parse_json(data, file)
    except ArtifactError as error:
        report.errors.append(f"{file}: {error.message}")
        return
    # The bytes as they are, so that nothing is mended on the way; a table is judged as the document that it stands for.
    judged = json.dumps(document).encode() if item.shape is LatestRanking else data
    problems = shape_problems(item, judged)
    if problems:
        report.errors.extend(f"{file}: {problem}" for problem in problems)
        return
    instance = parse_bytes(item, judged, file)
    report.errors.extend(f"{file}: {finding}" for finding in findings(item, instance))
    parsed[item.name.removeprefix("universe.")] = instance


def _same_identity(parsed: dict[str, Any], raw: dict[str, bytes]) -> Iterator[str]:
    pool = parsed.get("live_pool")
    if pool is None:
        return
    for name in ("live_pool_legacy", "artifact_manifest", "latest_universe", "release_manifest"):
        for attribute in ("as_of_date", "version", "mode", "source_project"):
            other = parsed.get(name)
            if other is not None and hasattr(other, attribute) and getattr(other, attribute) != getattr(pool, attribute):
                yield f"{FILES.get(name, RELEASE_MANIFEST)}: expected {attribute} {getattr(pool, attribute)}, found {getattr(other, attribute)}"
    ranking = parsed.get("latest_ranking")
    if ranking is not None and ranking.rows[0].as_of_date != pool.as_of_date:
        yield f"latest_ranking.csv: expected as_of_date {pool.as_of_date}, found {ranking.rows[0].as_of_date}"


def _same_pool(parsed: dict[str, Any], raw: dict[str, bytes]) -> Iterator[str]:
    pool = parsed.get("live_pool")
    if pool is None:
        return
    legacy, manifest = parsed.get("live_pool_legacy"), parsed.get("artifact_manifest")
    if legacy is not None and list(legacy.symbols) != list(pool.symbols):
        yield f"live_pool_legacy.json: expected symbols {', '.join(pool.symbols)}, found {', '.join(legacy.symbols)}"
    for name, asset in pool.symbol_map.items():
        other = None if legacy is None else legacy.symbols.get(name)
        if other is not None and other != asset:
            yield f"live_pool_legacy.json: expected base asset {asset.base_asset} of {name}, found {other.base_asset}"
    if manifest is not None and list(manifest.symbols) != list(pool.symbols):
        yield f"artifact_manifest.json: expected symbols {', '.join(pool.symbols)} in this order, found {', '.join(manifest.symbols)}"


def _members(parsed: dict[str, Any], raw: dict[str, bytes]) -> Iterator[str]:
    pool, universe, ranking = parsed.get("live_pool"), parsed.get("latest_universe"), parsed.get("latest_ranking")
    if pool is None:
        return
    if universe is not None:
        for name in sorted(set(pool.symbols) - set(universe.symbols)):
            yield f"live_pool.json: expected members of the universe of {len(universe.symbols)} names, found {name}"
    if ranking is not None:
        selected = {row.symbol for row in ranking.rows if row.selected_flag}
        for name in pool.symbols:
            if name not in {row.symbol for row in ranking.rows}:
                yield f"latest_ranking.csv: expected every member ranked, found no row for {name}"
            elif name not in selected:
                yield f"latest_ranking.csv: expected every member selected, found {name} not selected"
        for name in sorted(selected - set(pool.symbols)):
            yield f"live_pool.json: expected every selected name in the pool, found {name} missing"


def _checksums(parsed: dict[str, Any], raw: dict[str, bytes]) -> Iterator[str]:
    manifest = parsed.get("artifact_manifest")
    if manifest is None:
        return
    for name in ("latest_universe", "latest_ranking", "live_pool", "live_pool_legacy"):
        expected = getattr(manifest.artifacts, name).sha256
        if name in raw and sha256_bytes(raw[name]) != expected:
            yield f"{FILES[name]}: expected SHA-256 {expected}, found {sha256_bytes(raw[name])}"
    if BUILD_REPORT in raw and manifest.build_report_sha256 is not None and sha256_bytes(raw[BUILD_REPORT]) != manifest.build_report_sha256:
        yield f"{BUILD_REPORT}: expected SHA-256 {manifest.build_report_sha256}, found {sha256_bytes(raw[BUILD_REPORT])}"


def _payload(parsed: dict[str, Any]) -> Iterator[str]:
    pool, manifest = parsed.get("live_pool"), parsed.get("release_manifest")
    if pool is None or manifest is None:
        return
    payload = manifest.firestore.payload
    for attribute in ("as_of_date", "version", "mode", "pool_size", "symbols", "symbol_map", "source_project"):
        if getattr(payload, attribute) != getattr(pool, attribute):
            yield f"{RELEASE_MANIFEST}: expected a payload with {attribute} {plain(getattr(pool, attribute))}, found {plain(getattr(payload, attribute))}"


def _freshness(as_of_date: str, now_ns: int, max_age_days: int, *, require_fresh: bool, report: ValidationReport) -> None:
    age = (now_ns - ns_from_iso(as_of_date)) // NS_PER_DAY
    report.age_days = age
    if age < 0:
        report.errors.append(f"live_pool.json: expected a snapshot that is not in the future, found {as_of_date}, {-age} days ahead")
    elif age > max_age_days:
        place = report.errors if require_fresh else report.warnings
        place.append(f"live_pool.json: expected a snapshot at most {max_age_days} days old, found {as_of_date}, {age} days old")
