"""Live collection: the log of what a venue sent, what happened on the way, and the store that keeps both by day."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.instruments import Sha256Text, UtcText
from tallystick.contracts.market_events import MessageReason, VenueEvent
from tallystick.contracts.order_kinds import TimestampNs
from tallystick.contracts.time import NS_PER_DAY, ns_from_iso

# frame: a message of a stream; answer: the body of a REST answer; mark: what happened to the collection itself.
LogRole = Literal["frame", "answer", "mark"]
Outcome = Literal["decoded", "control", "quarantined", "mark"]
MarkKind = Literal[
    "SESSION_STARTED", "DAY_STARTED", "CONNECTED", "DISCONNECTED", "GAP", "STALE", "RESUMED", "CLOCK_STEP", "BACKLOG", "UNANSWERED", "SESSION_ENDED"
]
# backfilled: everything of the gap came by REST; resynchronised: the present state came, what lay between did not; lost: nothing came.
GapOutcome = Literal["", "backfilled", "resynchronised", "lost"]


@dataclass(frozen=True, slots=True)
class CollectionMark:
    """What happened to the collection at an instant of the receiver's clock.

    stream, symbol: what it is about, empty for all; several streams of one connection with commas between. from_ns, to_ns: the span of a GAP or of a silence,
    0 where it has none.
    outcome: of a GAP. count: events that a backfill brought, messages that wait in a BACKLOG. detail: in words; of an UNANSWERED poll, the account that it was
    about, and why.
    symbols, warmed_from, last_event: of the marks that start a decoder: what is configured, the number of the first earlier message that it remembers
    (0: none), and the last event id before it.
    """

    kind: MarkKind
    at_ns: TimestampNs
    stream: str = ""
    symbol: str = ""
    from_ns: TimestampNs = 0
    to_ns: TimestampNs = 0
    outcome: GapOutcome = ""
    count: int = 0
    detail: str = ""
    symbols: tuple[str, ...] = ()
    warmed_from: int = 0
    last_event: int = 0


@dataclass(frozen=True, slots=True)
class KeptAside:
    """Why a message, or some of its entries, was kept aside."""

    reason: MessageReason
    finding: str
    channel: str
    entries: int


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One record of the log: the bytes as they came, and what became of them.

    number: sequential from 1 over the whole store. received_ns: the receiver's clock. asked: for an answer, what was asked. message: the bytes; of a mark, its
    JSON. kept: the reasons, for a quarantined message or for entries of a decoded one.
    """

    number: int
    role: LogRole
    received_ns: TimestampNs
    asked: str
    message: bytes
    outcome: Outcome
    kept: tuple[KeptAside, ...] = ()


class EventSegment(Shape):
    """One sealed piece of a day: the SHA-256 of its two files, what they hold, and the counts. last_event below first_event: no event."""

    segment: str
    messages_sha256: Sha256Text
    events_sha256: Sha256Text
    first_message: int
    last_message: int
    first_event: int
    last_event: int
    first_received_at: UtcText
    last_received_at: UtcText
    messages_in: int
    messages_decoded: int
    messages_control: int
    messages_quarantined: int
    entries_set_aside: int
    marks: int


class EventDay(Shape):
    """The index of a day: what is in it is stored, what is not in it is not."""

    venue: str
    day: str
    segments: tuple[EventSegment, ...]


def _is_numbered(record: StoredMessage) -> str | None:
    good = record.number >= 1 and (record.role == "mark") == (record.outcome == "mark") and (bool(record.asked) == (record.role == "answer"))
    return None if good else f"number {record.number}, role {record.role}, outcome {record.outcome}, asked {record.asked!r}"


def _reasons_fit(record: StoredMessage) -> str | None:
    good = len(record.kept) == 1 if record.outcome == "quarantined" else record.outcome == "decoded" or not record.kept
    return None if good else f"{len(record.kept)} reasons of a {record.outcome} message"


def _span_is_whole(mark: CollectionMark) -> str | None:
    good = mark.from_ns <= mark.to_ns if mark.to_ns else mark.from_ns == 0
    return None if good else f"from {mark.from_ns} to {mark.to_ns}"


def _only_gaps_end(mark: CollectionMark) -> str | None:
    return None if (mark.kind == "GAP") == bool(mark.outcome) else f"outcome {mark.outcome!r} of a {mark.kind}"


def _added_up(day: EventDay) -> str | None:
    for item in day.segments:
        handled = item.messages_decoded + item.messages_control + item.messages_quarantined
        if item.messages_in != handled or item.messages_in + item.marks != item.last_message - item.first_message + 1:
            return f"segment {item.segment} with {item.messages_in} messages, {handled} accounted for, {item.marks} marks"
    return None


def _follow(day: EventDay) -> str | None:
    for number, item in enumerate(day.segments, 1):
        if item.segment != f"{number:06d}":
            return f"segment {item.segment} in place {number}"
    for before, after in pairwise(day.segments):
        if after.first_message != before.last_message + 1 or after.first_event != before.last_event + 1:
            return f"segment {after.segment} from message {after.first_message} and event {after.first_event} after {before.last_message}, {before.last_event}"
    return None


def _of_its_day(day: EventDay) -> str | None:
    # A clock that is set back does not open an earlier day, so a record may be older than its day, never younger.
    end_ns = ns_from_iso(day.day) + NS_PER_DAY
    found = next((item.first_received_at for item in day.segments if ns_from_iso(item.first_received_at) >= end_ns), None)
    return None if found is None else f"a record received at {found} in {day.day}"


_STORE = "adapters.event_store"
_REPLAY = "apps.observe_replay"
_FOLDER = "data/events/{venue}/{day}"

CONTRACTS: tuple[Contract, ...] = (
    Contract(
        name="observation.collection_mark",
        version="1.1",
        purpose="What happened to a live collection: connections, gaps and how they ended, silences, steps of the clock",
        producer="observation.collection",
        consumers=(Consumer(_STORE, ("*",), "append"), Consumer(_REPLAY, ("*",), "start decoders where the live pass did, list gaps")),
        shape=CollectionMark,
        encoding="memory",
        rules=(
            Rule("mark_spans_forward", "a span that ends after it begins", _span_is_whole, ("D4.26",)),
            Rule("gaps_have_an_outcome", "an outcome for a gap, and only for one", _only_gaps_end, ("D4.26",)),
        ),
        clauses=("D4.18", "D4.26"),
        wall_clock=("at_ns", "from_ns", "to_ns"),
        history=("1.1 UNANSWERED: a poll to which the venue gave no answer",),
    ),
    Contract(
        name="observation.stored_message",
        version="1.0",
        purpose="The raw messages of a segment as they came, one row each, with what became of them",
        producer=_STORE,
        consumers=(Consumer(_REPLAY, ("*",), "decode again"), Consumer(_STORE, ("*",), "the memory of a decoder that starts")),
        shape=StoredMessage,
        encoding="parquet",
        paths=(f"{_FOLDER}/messages-{{segment}}.parquet",),
        rules=(
            Rule("record_is_numbered", "a number from 1, and a role that fits its outcome and its question", _is_numbered, ("D4.23",)),
            Rule("reasons_fit_the_outcome", "one reason for a quarantined message, none where nothing was kept aside", _reasons_fit, ("D4.26",)),
        ),
        clauses=("D4.18", "D4.23", "D4.26"),
        wall_clock=("received_ns",),
    ),
    Contract(
        name="observation.stored_event",
        version="1.2",
        purpose="The decoded events of a segment, one row each; values as JSON text with the venue's own decimals",
        producer=_STORE,
        consumers=(Consumer(_REPLAY, ("*",), "compare with what is decoded again"),),
        shape=VenueEvent,
        encoding="parquet",
        paths=(f"{_FOLDER}/events-{{segment}}.parquet",),
        clauses=("D4.22", "D4.23"),
        wall_clock=("received_ns",),
        history=(
            "1.1 whose a POSITION or an ACCOUNT is; events that were stored without it stay readable and are compared without it",
            "1.2 which of the two positions of hedge mode a POSITION is; the same holds",
        ),
    ),
    Contract(
        name="observation.event_day",
        version="1.0",
        purpose="The index of a day of the event store: its sealed segments in order, with checksums and counts",
        producer=_STORE,
        consumers=(Consumer(_STORE, ("*",), "go on after a restart"), Consumer(_REPLAY, ("*",), "read the segments in order, verified")),
        shape=EventDay,
        paths=(f"{_FOLDER}/day.json",),
        rules=(
            Rule("segments_follow_each_other", "segments numbered from 000001, without a hole in messages or events", _follow, ("D4.23",)),
            Rule("segment_counts_add_up", "messages_in = decoded + control + quarantined, with the marks every number of the segment", _added_up, ("D4.26",)),
            Rule("segments_are_of_their_day", "records that were received before the day ended", _of_its_day),
        ),
        clauses=("D4.26",),
        wall_clock=("segments",),
    ),
    Contract(
        name="observation.event_tail",
        version="1.0",
        purpose="The open end of the event store: records that are durable and in no segment yet, each with its length and CRC",
        producer=_STORE,
        consumers=(Consumer(_STORE, ("*",), "recover after a crash"),),
        shape=None,
        encoding="bytes",
        paths=("data/events/{venue}/tail.log",),
        clauses=("D4.26",),
    ),
)
