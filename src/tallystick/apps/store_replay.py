"""An event store replayed: its messages decoded again in their order, and compared with what was stored of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tallystick.adapters.event_store.reading import StoreReader
from tallystick.adapters.event_store.records import Record, event_row
from tallystick.adapters.recordings.quarantine_file import QuarantineFile
from tallystick.apps.fact_keeping import FactKeeping
from tallystick.apps.observation_pass import ObservationPass
from tallystick.apps.replay_result import QUARANTINE, Progress, Replay, decoder_of, require_sum, untold
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import read_bytes
from tallystick.contracts.collection import CollectionMark
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.market_events import Quarantined, VenueEvent
from tallystick.contracts.messages import document_of
from tallystick.observation.log_decoding import LogDecoding, mark_of
from tallystick.observation.ports import Decoded, FactTables

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

    A store is replayed with the symbols it was collected with. tables: keep the facts there too.
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
    work = _StoreReplay(reader, Replay(venue))
    facts = FactKeeping(tables)
    sealed = [item for day in reader.days for item in reader.index(day).segments]
    total = sealed[-1].last_message - sealed[0].first_message + 1 if sealed else 0
    with QuarantineFile(target) as quarantine:
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
    return work.result(path.name, kept, at_ns)


class _StoreReplay:
    """One pass over the records: a decoder where the live pass started one, a room for each session."""

    def __init__(self, reader: StoreReader, found: Replay) -> None:
        self._found = found
        self._decoding = LogDecoding(found.venue, lambda names: decoder_of(found.venue, names), reader.earlier)
        self._room: ObservationPass | None = None
        self._records = 0
        self._marks: Counter[str] = Counter()
        self._gaps: list[dict[str, Any]] = []
        self._differing: list[int] = []

    def take(self, record: Record) -> tuple[Decoded, ...]:
        """One record, and what its message says now."""
        answers = self._decoding.take(record.number, record.role, record.received_ns, record.asked, record.message)
        self._records += 1
        if record.role == "mark":
            self._mark(mark_of(record.message))
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
        }
        found.snapshot = None if self._room is None else self._room.snapshot(at_ns)
        return found

    def _mark(self, mark: CollectionMark) -> None:
        self._marks[mark.kind] += 1
        if mark.kind == "GAP":
            self._gaps.append({name: value for name, value in document_of(mark).items() if name in _SHOWN})
        if mark.kind == "SESSION_STARTED" or (self._room is None and mark.kind == "DAY_STARTED"):
            self._room = ObservationPass(sorted(mark.symbols))


def _is_same(record: Record, events: Sequence[VenueEvent], answers: Sequence[Decoded]) -> bool:
    """Whether a message says now what it said when it was stored."""
    kept = [(item.reason, item.finding, item.channel, item.entries) for item in answers if isinstance(item, Quarantined)]
    return [event_row(event) for event in events] == record.events and kept == record.kept
