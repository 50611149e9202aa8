"""Labels and results into the tables of a database of facts, and labels back out of them: each run under its venue, its producer and its rule."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from tallystick.adapters.fact_tables.label_tables import LabelOrigin, LabelTables, labels_digest
from tallystick.adapters.fact_tables.reader import FactTablesReader
from tallystick.analysis.validators.evidence import Series
from tallystick.apps.labels import LABELS, REPORT, WrittenDocument
from tallystick.artifacts.canonical import canonical_json
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.seal import seal_folder
from tallystick.artifacts.store import parse_artifact, read_artifact, read_bytes, write_artifact
from tallystick.contracts.cascades import LabeledCascades, ValidationReport
from tallystick.contracts.errors import ConfigurationError, ContractViolation, DataError
from tallystick.contracts.registry import contract

CASCADES, WAVES = "hl_labeled_cascades", "hl_cascade_waves"
RULE_DIGITS = 16
DECIMALS = ("drop_pct", "neutral_move_pct")
CASCADE_FIELDS = ("coin", "oi_drop_pct", "liquidation_count", "wave_count", "price_start", "price_end", "price_5min_after", "outcome")
WAVE_FIELDS = ("wave_num", "liquidation_count", "oi_drop_pct")


def rule_text(rule: Mapping[str, Any]) -> str:
    """A rule as it stands in a row: canonical JSON in which 10.0 per cent is 10, so that one rule has one text."""
    plain = {name: format(Decimal(value).normalize(), "f") if name in DECIMALS else value for name, value in rule.items()}
    return canonical_json(plain).decode().strip()


def rule_id(text: str) -> str:
    """The short name of a rule."""
    return sha256_bytes(text.encode())[:RULE_DIGITS]


def record_cascades(tables: LabelTables, venue: str, written: WrittenDocument) -> dict[str, Any]:
    """Keep the labels of a file; answer what was new and known, and the short name of their rule."""
    labels: LabeledCascades = parse_artifact(contract(LABELS), read_bytes(written.path, written.sha256), str(written.path))
    origin = _origin(venue, labels)
    return {"rule_id": rule_id(origin.rule), **asdict(tables.write_cascades(origin, labels))}


def record_results(tables: LabelTables, venue: str, labels_path: Path, written: WrittenDocument, series: Mapping[str, Mapping[str, Series]]) -> dict[str, Any]:
    """Keep the results of a report; answer what was new and known. labels_path: the labels that were counted; series: what they were counted on."""
    report: ValidationReport = parse_artifact(contract(REPORT), read_bytes(written.path, written.sha256), str(written.path))
    labels: LabeledCascades = read_artifact(contract(LABELS), labels_path, report.labeled_cascades_sha256)
    return asdict(tables.write_results(_origin(venue, labels), labels, contract(REPORT).producer, report, evidence_sha256(series)))


def _origin(venue: str, labels: LabeledCascades) -> LabelOrigin:
    return LabelOrigin(venue, contract(LABELS).producer, rule_text(labels.rule.model_dump()))


def evidence_sha256(series: Mapping[str, Mapping[str, Series]]) -> str:
    """SHA-256 over the names, coins, times and values of the series that hypotheses were counted on."""
    digest = hashlib.sha256()
    for name, by_coin in sorted(series.items()):
        for coin, item in sorted(by_coin.items()):
            digest.update(canonical_json([name, coin, int(item.times.size)]))
            digest.update(item.times.astype("<i8").tobytes() + item.values.astype("<f8").tobytes())
    return digest.hexdigest()


def stored_labels(root: Path, url: str, venue: str, rule: str | None) -> Path:
    """Write the labels that a database holds of one venue and rule as a file of labels; answer its path.

    rule: the short name of the rule, needed where there are several. Raises DataError where there are none or where they contradict each other,
    ConfigurationError for a rule that must be chosen or is not there, ArtifactError for a row that was altered.
    """
    reader = FactTablesReader(url)
    try:
        found = reader.verified_rows(CASCADES, {"venue": venue})
        chosen = _chosen_rule({str(row["rule"]) for row in found}, venue, rule, reader.name)
        cascades = sorted((row for row in found if row["rule"] == chosen), key=lambda row: (row["start_ts"], row["coin"]))
        waves: dict[str, list[dict[str, Any]]] = {}
        for row in reader.verified_rows(WAVES, {"venue": venue}):
            waves.setdefault(str(row["cascade_key"]), []).append(row)
    finally:
        reader.close()
    document = _document(chosen, cascades, waves)
    path = Workspace(root).path(LABELS, label_id=document["label_id"])
    try:
        write_artifact(contract(LABELS), path, document)
    except ContractViolation as error:
        hint = "Facts that came between two labellings change a cascade: delete the rows of the earlier one, or validate from a file with --labels"
        raise DataError(f"expected labels of {venue} that fit together, found others: {error.message}", where=reader.name, hint=hint) from error
    seal_folder(path.parent)
    return path


def _chosen_rule(present: set[str], venue: str, rule: str | None, where: str) -> str:
    known = {rule_id(text): text for text in sorted(present)}
    if not known:
        hint = f"Record some: tallystick label cascades --database URL --venue {venue} --record"
        raise DataError(f"expected labels of {venue} in {CASCADES}, found no row", where=where, hint=hint)
    if rule is None and len(known) == 1:
        return next(iter(known.values()))
    if rule is None or rule not in known:
        said = "; ".join(f"{name}: {_described(json.loads(text))}" for name, text in known.items())
        asked = f"found no {rule} but" if rule is not None else f"found {len(known)}:"
        raise ConfigurationError(f"expected one of the rules that {venue} was labelled by, {asked} {said}", where="--rule", hint="Choose with --rule NAME")
    return known[rule]


def _described(rule: Mapping[str, Any]) -> str:
    seconds = int(rule["window_ns"]) / 1e9
    return f"{rule['drop_pct']} % in {seconds:g} s ({rule['boundary']}), {rule['min_liquidations']} liquidations"


def _document(rule: str, cascades: list[dict[str, Any]], waves: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    keys = [str(row["row_key"]) for row in cascades]
    digest = labels_digest(keys, (str(wave["row_key"]) for key in keys for wave in waves.get(key, ())))
    source = {"kind": "labels", "name": CASCADES, "sha256": digest, "rows": len(keys), "repeated_rows": 0}
    rules = json.loads(rule)
    return {
        "label_id": sha256_bytes(canonical_json({"rule": rules, "sources": [{"kind": source["kind"], "sha256": source["sha256"]}]}))[:16],
        "rule": rules,
        "sources": [source],
        "coins": sorted({str(row["coin"]) for row in cascades}),
        "cascades": [{"cascade_id": number, **_times(row), **_picked(row, CASCADE_FIELDS)} for number, row in enumerate(cascades, 1)],
        "waves": [
            {"cascade_id": number, **_times(wave), **_picked(wave, WAVE_FIELDS)}
            for number, key in enumerate(keys, 1)
            for wave in sorted(waves.get(key, ()), key=lambda item: int(item["wave_num"]))
        ],
        "withheld": {},
    }


def _times(row: Mapping[str, Any]) -> dict[str, str]:
    return {"start_ts": str(row["start_ts"]), "end_ts": str(row["end_ts"])}


def _picked(row: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in names}
