"""Reading a store, or one day of it: the records in order, each file verified before it is parsed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tallystick.adapters.event_store.records import Record, read_tail
from tallystick.adapters.event_store.segments import read_segment
from tallystick.artifacts.paths import get_event_days, get_event_tail_path
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.collection import EventDay, EventSegment
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.registry import contract

DAY = contract("observation.event_day")


def is_store(path: Path) -> bool:
    """Whether a folder is a store, or a day of one."""
    return path.is_dir() and (bool(get_event_days(path)) or get_event_tail_path(path).is_file())


class StoreReader:
    """Reads what is stored. Days before the given one are read only when a decoder's memory begins in them."""

    def __init__(self, path: Path) -> None:
        self.days, self._path = get_event_days(path), path
        one_day = self.days and self.days[0].parent == path
        self._root = path.parent if one_day else path
        self._tail = get_event_tail_path(path)

    def index(self, day: Path) -> EventDay:
        """The index of a day. Raises ArtifactError when it is not what its contract says."""
        return read_artifact(DAY, day)  # type: ignore[no-any-return]

    def records(self) -> Iterator[Record]:
        """Every record in order, and then those of the tail. Raises ArtifactError for a segment that is damaged or missing.

        Beside a writer at work a tail becomes a segment between two looks; so the index is looked at until it has told nothing new, or the tail follows it.
        """
        last, read = 0, set[tuple[Path, str]]()
        while True:
            before = last
            for day in get_event_days(self._path):
                for item in self.index(day).segments:
                    if (day, item.segment) in read:
                        continue
                    if last and item.first_message != last + 1:
                        raise ArtifactError(f"expected message {last + 1} after the day before, found {item.first_message}", where=str(day))
                    last = item.last_message
                    read.add((day, item.segment))
                    yield from read_segment(day, item)
            left = self._left(last)
            if left and left[0].number == last + 1:
                yield from left
                return
            if last == before and left:
                raise ArtifactError(f"expected message {last + 1} after the segments, found {left[0].number}", where=str(self._tail))
            if last == before:
                return

    def _left(self, last: int) -> list[Record]:
        """The records of the tail after a number; none where there is no tail, or no longer."""
        try:
            return [record for record in read_tail(self._tail) if record.number > last]
        except ArtifactError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return []
            raise

    def segments_before(self, number: int) -> Iterator[tuple[Path, EventSegment]]:
        """The sealed segments with records below a number, the newest first, from whichever days are beside those given."""
        for day in reversed(get_event_days(self._root)):
            yield from ((day, item) for item in reversed(self.index(day).segments) if item.first_message < number)

    def earlier(self, first: int, before: int) -> Iterator[tuple[str, int, str, bytes, int]]:
        """Role, receive time, question, bytes and number of the records from one number up to another, from whichever days hold them.

        Raises ArtifactError when some are missing.
        """
        for record in self._earlier(first, before):
            yield record.role, record.received_ns, record.asked, record.message, record.number

    def _earlier(self, first: int, before: int) -> Iterator[Record]:
        expected = first
        for day, item in self._segments_from(first):
            for record in read_segment(day, item):
                if first <= record.number < before:
                    expected = record.number + 1
                    yield record
        if expected < before and self._tail.is_file():
            for record in read_tail(self._tail):
                if expected == record.number < before:
                    expected += 1
                    yield record
        if expected < before:
            hint = "Replay with the days before it beside it"
            raise ArtifactError(f"expected messages {first} to {before - 1}, found them until {expected - 1}", where=str(self._root), hint=hint)

    def _segments_from(self, first: int) -> list[tuple[Path, EventSegment]]:
        found: list[tuple[Path, EventSegment]] = []
        for day in reversed(get_event_days(self._root)):
            segments = self.index(day).segments
            found[:0] = [(day, item) for item in segments if item.last_message >= first]
            if segments and segments[0].first_message <= first:
                break
        return found
