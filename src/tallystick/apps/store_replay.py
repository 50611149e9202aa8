"""An event store replayed: its messages decoded again in their order, and compared with what was stored of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tallystick.adapters.event_store.opening_books import OpeningBooks
from tallystick.adapters.event_store.reading import StoreReader
from tallystick.adapters.event_store.records import EventRow, Record, event_row
from tallystick.adapters.recordings.quarantine_file import QuarantineFile
from tallystick.apps.fact_keeping import FactKeeping
from tallystick.apps.observation_pass import ObservationPass
from tallystick.apps.replay_result import QUARANTINE, Progress, Replay, decoder_of, require_sum, room_quarantine, untold
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import read_bytes
from tallystick.contracts.collection import CollectionMark
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.market_events import LATER_VALUES, Quarantined, VenueEvent
from tallystick.contracts.messages import document_of
from tallystick.observation.log_decoding import LogDecoding, mark_of
from tallystick.observation.ports import Decoded, FactTables
from tallystick.observation.venue_facts import CHANGES_KEPT

_SHOWN = ("stream", "symbol", "outcome", "count", "detail")


def replay_store(
    root: Path,
    path: Path,
    venue: str,
    symbols: tuple[str, ...] | None = None,
    at_ns: int | None = None,
    progress: Progress = untold,
    tables: FactTables | None = None,
) -> Replay:
    """Decode the stored messages of a store, or of one of its days, again, and compare with what was stored.

    A store is replayed with the symbols it was collected with; a day without those before it begins with the books that stood then. tables: keep the facts
    there too.
    Raises ConfigurationError for other symbols or another venue, ArtifactError for damaged files.
    """
    reader = StoreReader(path)
    stored = reader.index(reader.days[0]).venue if reader.days else path.resolve().name
    if stored != venue:
        raise ConfigurationError(f"expected the venue of the store, {stored}, found {venue}", where="--venue")
    if symbols is not None:
        raise ConfigurationError("expected no symbols for an event store, which is replayed with its own", where="--symbols")
    identity = sha256_bytes(b"".join(read_bytes(day) for day in reader.days))[:16]
    target = Workspace(root).path(QUARANTINE, venue=venue, recording=f"replay-{identity}")
    target.unlink(missing_ok=True)
    facts = FactKeeping(tables)
    sealed = [item for day in reader.days for item in reader.index(day).segments]
    total = sealed[-1].last_message - sealed[0].first_message + 1 if sealed else 0
    with QuarantineFile(target) as quarantine, room_quarantine(root, venue, f"replay-{identity}") as aside:
        work = _StoreReplay(reader, Replay(venue), aside)
        for place, record in enumerate(reader.records()):
            if place % 1000 == 0:
                progress("replay", place, total, "records")
            if at_ns is None or record.received_ns <= at_ns:
                answers = work.take(record)
                facts.take(answers)
                for item in answers:
                    if isinstance(item, Quarantined):
                        quarantine.append(item)
        facts.flush()
        kept = Workspace(root).relative(target) if quarantine.written else None
        found = work.result(path.name, kept, at_ns)
    found.room_quarantine = Workspace(root).relative(aside.path) if aside.written else None
    return found


class _StoreReplay:
    """One pass over the records: a decoder where the live pass started one, a room for each session."""

    def __init__(self, reader: StoreReader, found: Replay, aside: QuarantineFile) -> None:
        self._found, self._reader, self._aside = found, reader, aside
        self._decoding = LogDecoding(found.venue, lambda names: decoder_of(found.venue, names), reader.earlier)
        self._room: ObservationPass | None = None
        self._records = 0
        self._marks: Counter[str] = Counter()
        self._gaps: list[dict[str, Any]] = []
        self._differing: list[int] = []
        self._opening: dict[str, list[str]] = {}

    def take(self, record: Record) -> tuple[Decoded, ...]:
        """One record, and what its message says now."""
        answers = self._decoding.take(record.number, record.role, record.received_ns, record.asked, record.message)
        self._records += 1
        if record.role == "mark":
            self._mark(mark_of(record.message), record.number)
            return ()
        events = [item for item in answers if isinstance(item, VenueEvent)]
        self._found.kinds.update(event.kind for event in events)
        if not _is_same(record, events, answers):
            self._differing.append(record.number)
        if self._room is not None:
            self._room.take(events, record.role == "answer")
        return answers

    def result(self, name: str, quarantine: str | None, at_ns: int | None) -> Replay:
        """What was found. Raises InvariantViolation when a message is not accounted for."""
        found, counts = self._found, self._decoding.counts()
        require_sum(counts)
        found.counts = counts
        found.recordings.append({"recording": name, **{key: value for key, value in asdict(counts).items() if value}, "quarantine": quarantine})
        found.store = {
            "records": self._records,
            "marks": dict(sorted(self._marks.items())),
            "gaps": self._gaps,
            "differences": len(self._differing),
            "first_difference": next(iter(self._differing), None),
        } | ({"opening_books": self._opening} if self._opening else {})
        found.snapshot = None if self._room is None else self._room.snapshot(at_ns)
        return found

    def _mark(self, mark: CollectionMark, number: int) -> None:
        self._marks[mark.kind] += 1
        if mark.kind == "GAP":
            self._gaps.append({name: value for name, value in document_of(mark).items() if name in _SHOWN})
        if mark.kind == "SESSION_STARTED":
            self._room = ObservationPass(sorted(mark.symbols), self._aside.append)
        elif self._room is None and mark.kind == "DAY_STARTED":
            self._room = ObservationPass(sorted(mark.symbols), self._aside.append)
            self._open_books(self._room, sorted(mark.symbols), number)

    def _open_books(self, room: ObservationPass, symbols: Sequence[str], number: int) -> None:
        """The session began on a day that is not replayed, and its books with it."""
        books = OpeningBooks(self._reader, self._found.venue, number, symbols, CHANGES_KEPT)
        known = room.begin_with(books.messages())
        self._opening = {
            "taken": sorted(known),
            "none_yet": [symbol for symbol in symbols if symbol not in known | books.unresolved],
            "not_stored": sorted(books.unresolved - known),
        }


def _is_same(record: Record, events: Sequence[VenueEvent], answers: Sequence[Decoded]) -> bool:
    """Whether a message says now what it said when it was stored; of an event of an older version, what that version knew."""
    kept = [(item.reason, item.finding, item.channel, item.entries) for item in answers if isinstance(item, Quarantined)]
    if kept != record.kept or len(events) != len(record.events):
        return False
    return all(event_row(event) == row or _as_then(event, row) == row for event, row in zip(events, record.events, strict=True))


def _as_then(event: VenueEvent, row: EventRow) -> EventRow:
    """An event as the version that stored this row would have stored it: without the values that only came later, where the row has none of them."""
    stored = json.loads(row[-1])
    later = {name for name in LATER_VALUES.get(event.kind, ()) if name not in stored}
    return event_row(replace(event, values={name: value for name, value in event.values.items() if name not in later}))
