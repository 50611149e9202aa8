"""One record of the store as plain rows, and its framing in the tail: length, CRC-32, content."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tallystick.artifacts.store import read_bytes
from tallystick.contracts.collection import KeptAside, StoredMessage
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.market_events import VenueEvent

_HEAD = struct.Struct("<II")
# event id, kind, symbol, event time, receive time, source, clock, values as JSON text
EventRow = tuple[int, str, str, int, int, str, str, str]


class Record(msgspec.Struct, array_like=True, gc=False):
    """A stored message beside the events that it gave."""

    number: int
    role: str
    received_ns: int
    asked: str
    message: bytes
    outcome: str
    kept: list[tuple[str, str, str, int]]
    events: list[EventRow]

    def stored_message(self) -> StoredMessage:
        """The message in its contract's shape."""
        kept = tuple(KeptAside(*row) for row in self.kept)  # type: ignore[arg-type]
        return StoredMessage(self.number, self.role, self.received_ns, self.asked, self.message, self.outcome, kept)  # type: ignore[arg-type]


def event_row(event: VenueEvent) -> EventRow:
    """An event as it is stored; the venue needs no column, since a store has one."""
    values = msgspec.json.encode(event.values).decode()
    return event.event_id, event.kind, event.symbol, event.event_time_ns, event.received_ns, event.source, event.clock, values


def stored_event(venue: str, row: EventRow) -> VenueEvent:
    """An event as it was stored; what was a tuple in its values is a list."""
    event_id, kind, symbol, event_time_ns, received_ns, source, clock, values = row
    return VenueEvent(event_id, kind, venue, symbol, event_time_ns, received_ns, source, clock, msgspec.json.decode(values))  # type: ignore[arg-type]


def record_of(item: StoredMessage, events: Sequence[VenueEvent]) -> Record:
    """A message and its events as one record."""
    kept: list[tuple[str, str, str, int]] = [(one.reason, one.finding, one.channel, one.entries) for one in item.kept]
    return Record(item.number, item.role, item.received_ns, item.asked, item.message, item.outcome, kept, [event_row(event) for event in events])


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


def framed(record: Record) -> bytes:
    """The bytes of a record in the tail."""
    body = _encode(record)
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def whole_records(data: bytes) -> Iterator[tuple[Record, int]]:
    """The records of a tail with the place where each ends; stops at the first that is cut or damaged, which was never acknowledged."""
    place = 0
    while place + _HEAD.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, place)
        body = data[place + _HEAD.size : place + _HEAD.size + length]
        if len(body) < length or zlib.crc32(body) != checksum:
            return
        try:
            record = _decode(body)
        except msgspec.DecodeError:
            return
        place += _HEAD.size + length
        yield record, place


def is_cut(data: bytes, end: int) -> bool:
    """Whether what follows the last whole record is one that was being written: its head or body is shorter than it says."""
    rest = len(data) - end
    return 0 < rest < _HEAD.size or (rest >= _HEAD.size and rest < _HEAD.size + _HEAD.unpack_from(data, end)[0])


def read_tail(path: Path) -> list[Record]:
    """The whole records of a tail; a last one that a killed writer left unfinished was never acknowledged and is left out.

    Raises ArtifactError where a record is damaged, since acknowledged ones may follow it.
    """
    data, found, end = read_bytes(path), [], 0
    for record, end in whole_records(data):  # noqa: B007 - the last end is used below
        found.append(record)
    if data[end:].strip(b"\0") and not is_cut(data, end):
        hint = "Move the file away to go on without it, or restore it"
        raise ArtifactError(f"expected whole records, found a damaged one at byte {end} of {len(data)}", where=str(path), hint=hint)
    return found
