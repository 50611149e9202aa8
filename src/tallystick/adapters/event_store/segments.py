"""A sealed segment: its records as two Parquet files, and back."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from tallystick.adapters.event_store.records import EventRow, Record
from tallystick.artifacts.atomic import write_atomic_bytes
from tallystick.artifacts.paths import get_event_segment_paths
from tallystick.artifacts.store import read_bytes
from tallystick.contracts.collection import EventSegment
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.time import iso_from_ns

MESSAGES = {
    "number": pl.Int64,
    "role": pl.String,
    "received_ns": pl.Int64,
    "asked": pl.String,
    "outcome": pl.String,
    "kept": pl.String,
    "message": pl.Binary,
}
EVENTS = {
    "event_id": pl.Int64,
    "kind": pl.String,
    "symbol": pl.String,
    "event_time_ns": pl.Int64,
    "received_ns": pl.Int64,
    "source": pl.String,
    "clock": pl.String,
    "values": pl.String,
}


def write_segment(day_index: Path, segment: str, records: Sequence[Record], last_event: int) -> EventSegment:
    """Write both files of a segment durably; answer its row of the index. last_event: the last event id before it."""
    messages, events = get_event_segment_paths(day_index, segment)
    rows = [(item.number, item.role, item.received_ns, item.asked, item.outcome, _kept_text(item), item.message) for item in records]
    found = [row for item in records for row in item.events]
    outcomes = [item.outcome for item in records]
    received = [item.received_ns for item in records]
    return EventSegment(
        segment=segment,
        messages_sha256=write_atomic_bytes(messages, _parquet(rows, MESSAGES)),
        events_sha256=write_atomic_bytes(events, _parquet(found, EVENTS)),
        first_message=records[0].number,
        last_message=records[-1].number,
        first_event=last_event + 1,
        last_event=last_event + len(found),
        first_received_at=iso_from_ns(received[0]),
        last_received_at=iso_from_ns(received[-1]),
        messages_in=sum(outcome != "mark" for outcome in outcomes),
        messages_decoded=outcomes.count("decoded"),
        messages_control=outcomes.count("control"),
        messages_quarantined=outcomes.count("quarantined"),
        entries_set_aside=sum(row[3] for item in records if item.outcome == "decoded" for row in item.kept),
        marks=outcomes.count("mark"),
    )


def read_segment(day_index: Path, item: EventSegment) -> Iterator[Record]:
    """The records of a segment in order, after both hashes were compared. Raises ArtifactError for files that are not what the index says."""
    messages, events = get_event_segment_paths(day_index, item.segment)
    found = _table(messages, item.messages_sha256, MESSAGES)
    given = _table(events, item.events_sha256, EVENTS).iter_rows()
    waiting = next(given, None)
    for number, role, received_ns, asked, outcome, kept, message in found.iter_rows():
        mine: list[EventRow] = []
        while waiting is not None and number_of(waiting) == number:
            mine.append(waiting)
            waiting = next(given, None)
        yield Record(number, role, received_ns, asked, message, outcome, [tuple(row) for row in json.loads(kept)] if kept else [], mine)


def read_columns(day_index: Path, item: EventSegment, messages: Sequence[str] = (), events: Sequence[str] = ()) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Some columns of both files of a segment, after the hash of each that is asked for was compared. Raises ArtifactError as `read_segment` does."""
    places = get_event_segment_paths(day_index, item.segment)
    asked = ((places[0], item.messages_sha256, MESSAGES, messages), (places[1], item.events_sha256, EVENTS, events))
    found = [_table(path, sha256, {name: schema[name] for name in names}) if names else pl.DataFrame() for path, sha256, schema, names in asked]
    return found[0], found[1]


def number_of(row: EventRow) -> int:
    """The number of the message that an event came from, which its source names: `<venue>:<number>#<place>`."""
    return int(row[5].partition("#")[0].rpartition(":")[2])


def _kept_text(item: Record) -> str:
    return json.dumps(item.kept, separators=(",", ":"), ensure_ascii=False) if item.kept else ""


def _parquet(rows: Sequence[Sequence[object]], schema: dict[str, type[pl.DataType]]) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(out, compression="zstd")
    return out.getvalue()


def _table(path: Path, sha256: str, schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    try:
        table = pl.read_parquet(io.BytesIO(read_bytes(path, sha256)), columns=list(schema))
    except pl.exceptions.PolarsError as error:
        raise ArtifactError(f"expected a Parquet file, found one that cannot be read: {error}", where=str(path)) from error
    if dict(table.schema) != schema:
        raise ArtifactError(f"expected the columns {', '.join(schema)}, found {', '.join(table.columns)}", where=str(path))
    return table
