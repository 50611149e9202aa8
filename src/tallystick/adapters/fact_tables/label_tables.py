"""The tables of labels: cascades with their waves, and validation results, each under a digest that the producer and the rule are part of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Table

from tallystick.adapters.fact_tables import schema
from tallystick.adapters.fact_tables.database import TablesWriter, transaction
from tallystick.adapters.fact_tables.schema import ROW_KEY, row_key
from tallystick.adapters.fact_tables.writer import ROWS_AT_ONCE, insert_new
from tallystick.contracts.cascades import CascadeRow, LabeledCascades, ValidationReport, WaveRow


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Rows by table that were new, and that were there already: the same labels told again."""

    rows_written: dict[str, int]
    rows_known: dict[str, int]


@dataclass(frozen=True, slots=True)
class LabelOrigin:
    """Whose market, who labelled or counted, and the rule of the labels as canonical JSON: what keeps labels of other thresholds apart."""

    venue: str
    producer: str
    rule: str


class LabelTables(TablesWriter):
    """Writes labels to SQLite or PostgreSQL. Opening it makes or upgrades the tables. What is written together is there whole, or not at all.

    Every method raises ArtifactError when the database refuses, DataError for text that not every database can hold.
    """

    def write_cascades(self, origin: LabelOrigin, labels: LabeledCascades) -> LabelCounts:
        """Keep the cascades and waves of one labelling."""
        cascades, waves = _rows(origin, labels)
        return self._write({schema.HL_LABELED_CASCADES: cascades, schema.HL_CASCADE_WAVES: waves})

    def write_results(self, origin: LabelOrigin, labels: LabeledCascades, producer: str, report: ValidationReport, evidence_sha256: str) -> LabelCounts:
        """Keep the results of one validation: who counted (producer), over these labels of this origin, on series of this digest."""
        cascades, waves = _rows(origin, labels)
        labels_sha256 = labels_digest((row[ROW_KEY] for row in cascades), (row[ROW_KEY] for row in waves))
        beside = {"producer": producer, "rule": origin.rule, "labels_sha256": labels_sha256, "evidence_sha256": evidence_sha256}
        rows = [
            {
                "venue": origin.venue,
                "hypothesis_name": row.hypothesis_name,
                "total_events": row.total_events,
                "supporting_events": row.supporting_events,
                "success_rate": _digits(row.success_rate),
                "calibrated_threshold": None if row.calibrated_threshold is None else _digits(row.calibrated_threshold),
                "status": row.status,
                "min_events": row.min_events,
                "min_share": _digits(row.min_share),
                **beside,
            }
            for row in report.results
        ]
        return self._write({schema.HL_VALIDATION_RESULTS: [_keyed(schema.HL_VALIDATION_RESULTS, row) for row in rows]})

    def _write(self, told: dict[Table, list[dict[str, Any]]]) -> LabelCounts:
        written, known = dict[str, int](), dict[str, int]()
        with transaction(self._engine, writes=True) as connection:
            for table, rows in told.items():
                parts = [rows[place : place + ROWS_AT_ONCE] for place in range(0, len(rows), ROWS_AT_ONCE)]
                written[table.name] = sum(insert_new(connection, table, part) for part in parts)
                known[table.name] = len(rows) - written[table.name]
        return LabelCounts(*({name: count for name, count in part.items() if count} for part in (written, known)))


def labels_digest(cascades: Iterable[str], waves: Iterable[str]) -> str:
    """SHA-256 over the keys of cascades, in order of start and coin, and of their waves: what names labels, wherever they lie."""
    return hashlib.sha256("\n".join([*cascades, *sorted(waves)]).encode()).hexdigest()


def _rows(origin: LabelOrigin, labels: LabeledCascades) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    cascades = [_keyed(schema.HL_LABELED_CASCADES, _cascade(origin, cascade)) for cascade in labels.cascades]
    keys = {cascade.cascade_id: row[ROW_KEY] for cascade, row in zip(labels.cascades, cascades, strict=True)}
    return cascades, [_keyed(schema.HL_CASCADE_WAVES, _wave(origin, keys[wave.cascade_id], wave)) for wave in labels.waves]


def _keyed(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    return {ROW_KEY: row_key(table, row), **row}


def _digits(number: float) -> str:
    """The shortest decimal that is this number, without an exponent."""
    return format(Decimal(repr(number)), "f")


def _cascade(origin: LabelOrigin, row: CascadeRow) -> dict[str, Any]:
    return {
        "venue": origin.venue,
        "coin": row.coin,
        "start_ts": int(row.start_ts),
        "end_ts": int(row.end_ts),
        "oi_drop_pct": row.oi_drop_pct,
        "liquidation_count": row.liquidation_count,
        "wave_count": row.wave_count,
        "price_start": row.price_start,
        "price_end": row.price_end,
        "price_5min_after": row.price_5min_after,
        "outcome": row.outcome,
        "producer": origin.producer,
        "rule": origin.rule,
    }


def _wave(origin: LabelOrigin, cascade_key: str, row: WaveRow) -> dict[str, Any]:
    return {
        "venue": origin.venue,
        "cascade_key": cascade_key,
        "wave_num": row.wave_num,
        "start_ts": int(row.start_ts),
        "end_ts": int(row.end_ts),
        "liquidation_count": row.liquidation_count,
        "oi_drop_pct": row.oi_drop_pct,
    }
