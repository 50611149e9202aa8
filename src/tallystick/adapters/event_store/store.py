"""Writing a store: append to the tail, make it durable, seal it into a segment. One writer a store."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from tallystick.adapters.event_store.reading import DAY, StoreReader
from tallystick.adapters.event_store.records import Record, framed, read_tail, record_of
from tallystick.adapters.event_store.segments import write_segment
from tallystick.artifacts.atomic import sync_folder, write_error
from tallystick.artifacts.folder_lock import locked
from tallystick.artifacts.paths import get_event_day_path, get_event_days, get_event_segment_paths, get_event_tail_path
from tallystick.artifacts.seal import break_seal, seal_folder
from tallystick.artifacts.store import read_artifact, write_artifact
from tallystick.contracts.collection import EventDay, EventSegment, StoredMessage
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.market_events import VenueEvent
from tallystick.contracts.time import date_from_ns


@dataclass(frozen=True, slots=True)
class SegmentLimits:
    """A segment is sealed when it holds so many records, or so many bytes of messages. Raises ConfigurationError for a limit below 1."""

    records: int = 50_000
    message_bytes: int = 32_000_000

    def __post_init__(self) -> None:
        if self.records < 1 or self.message_bytes < 1:
            raise ConfigurationError(f"expected limits above 0, found {self.records} records and {self.message_bytes} bytes")


class EventStore:
    """Implements observation's `EventLog`.

    A record is stored once `sync` has answered its number: it is then in the tail, whatever happens to the process. A segment exists once the index of its
    day names it; until then its records are still in the tail, so that a crash between the two loses and doubles nothing.
    """

    def __init__(self, folder: Path, venue: str, limits: SegmentLimits | None = None) -> None:
        """Open or make a store, and recover what a killed writer left in the tail. Raises ArtifactError for a store that is damaged or has another writer."""
        self.folder = folder
        self.venue = venue
        self.stored = 0
        self.last_event = 0
        self._limits = limits or SegmentLimits()
        self._day = ""
        self._segments: tuple[EventSegment, ...] = ()
        self._open: list[Record] = []
        self._bytes = 0
        self._unwritten: list[bytes] = []
        self._file: BinaryIO | None = None
        self._held = ExitStack()
        self._held.enter_context(locked(folder, wait=False))
        try:
            self._recover()
        except BaseException:
            self._held.close()
            raise

    @property
    def next_number(self) -> int:
        """The number of the next record."""
        return (self._open[-1].number if self._open else self._last_sealed()) + 1

    @property
    def day(self) -> str:
        """The day that records are stored in now; empty in a new store."""
        return self._day

    def begins_day(self, received_ns: int) -> bool:
        """Whether a record of this instant is the first of a new day. A clock that is set back does not open an earlier one."""
        return bool(self._day) and date_from_ns(received_ns) > self._day

    def append(self, item: StoredMessage, events: Sequence[VenueEvent]) -> None:
        """Take one record and its events; the first of a new day seals the day before. Raises ArtifactError when the disk is full or read-only."""
        if self.begins_day(item.received_ns):
            self._end_day()
        if not self._day:
            self._begin_day(date_from_ns(item.received_ns))
        record = record_of(item, events)
        self._open.append(record)
        self._unwritten.append(framed(record))
        self._bytes += len(item.message)
        self.last_event += len(events)
        if len(self._open) >= self._limits.records or self._bytes >= self._limits.message_bytes:
            self.seal()

    def sync(self) -> int:
        """Make everything appended durable; answer the number of the last record. Raises ArtifactError when the disk is full or read-only."""
        if self._unwritten:
            path = get_event_tail_path(self.folder)
            try:
                if self._file is None:
                    self._file = path.open("ab")
                    sync_folder(self.folder)
                self._file.write(b"".join(self._unwritten))
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                raise write_error(path, error) from error
            self._unwritten.clear()
        self.stored = self.next_number - 1
        return self.stored

    def earlier(self, first: int, before: int) -> Iterator[tuple[str, int, str, bytes, int]]:
        """Role, receive time, question, bytes and number of the stored records from one number up to another."""
        self.sync()
        return StoreReader(self.folder).earlier(first, before)

    def seal(self) -> None:
        """Turn the tail into a segment of its day. Raises ArtifactError when that cannot be written; the tail is then still there."""
        self.sync()
        if not self._open:
            return
        index = get_event_day_path(self.folder, self._day)
        name = f"{len(self._segments) + 1:06d}"
        before = self.last_event - sum(len(item.events) for item in self._open)
        self._segments = (*self._segments, write_segment(index, name, self._open, before))
        write_artifact(DAY, index, EventDay(venue=self.venue, day=self._day, segments=self._segments))
        self._empty_tail()
        self._open, self._bytes = [], 0

    def close(self) -> None:
        """Seal what is open, and the day; let another writer in."""
        try:
            self._end_day()
        finally:
            self.release()

    def release(self) -> None:
        """Let another writer in and leave the tail as it is: the next one recovers it."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._held.close()

    def __enter__(self) -> EventStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # After an error (a full disk) sealing would only fail again; what is durable is in the tail.
        if kind is None:
            self.close()
        else:
            self.release()

    def _last_sealed(self) -> int:
        return self._segments[-1].last_message if self._segments else self._before

    def _recover(self) -> None:
        self._before = 0
        days = get_event_days(self.folder)
        for path in days[-1:]:
            self._day = path.parent.name
            self._segments = read_artifact(DAY, path).segments
        if self._segments:
            self._before, self.last_event = self._segments[-1].last_message, self._segments[-1].last_event
        tail = get_event_tail_path(self.folder)
        records = read_tail(tail) if tail.is_file() else []
        left = [record for record in records if record.number > self._before]
        if left:
            day = max(self._day, date_from_ns(left[0].received_ns))
            if day != self._day:
                self._begin_day(day)
            else:
                break_seal(get_event_day_path(self.folder, day).parent)
            self._open = left
            self.last_event += sum(len(record.events) for record in left)
            self.seal()
        elif tail.is_file():
            self._empty_tail()
        if self._day:
            break_seal(get_event_day_path(self.folder, self._day).parent)
        self.stored = self.next_number - 1

    def _begin_day(self, day: str) -> None:
        self._before = self._last_sealed()
        self._day, self._segments = day, ()

    def _end_day(self) -> None:
        self.seal()
        if self._day:
            index, written = get_event_day_path(self.folder, self._day), dict[str, str]()
            for item in self._segments:
                # A day may hold gigabytes, and live messages wait meanwhile.
                messages, events = get_event_segment_paths(index, item.segment)
                written |= {messages.name: item.messages_sha256, events.name: item.events_sha256}
            seal_folder(index.parent, written)
            self._before = self._last_sealed()
            self._day, self._segments = "", ()

    def _empty_tail(self) -> None:
        path = get_event_tail_path(self.folder)
        try:
            if self._file is not None:
                self._file.close()
                self._file = None
            path.unlink(missing_ok=True)
            sync_folder(self.folder)
        except OSError as error:
            raise write_error(path, error) from error
