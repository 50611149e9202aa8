"""The decoder that every venue shares: read a message, admit its facts, give ids, count. Each venue supplies its reader."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, fields, make_dataclass
from typing import Any

from tallystick.adapters.venues.admission import Admission, AdmissionLimits
from tallystick.adapters.venues.refusals import PARSE_ERRORS, refusal_of
from tallystick.contracts.errors import DataError
from tallystick.contracts.market_events import Clock, Control, MessageCounts, MessageReason, Quarantined, VenueEvent, VenueEventKind

# One entry of a message before it is admitted: kind, symbol, venue time in UTC nanoseconds (None: the message carries no time), what it is known by (None: it
# may repeat), and its values. A plain tuple, because a busy stream makes hundreds of thousands a second.
Fact = tuple[VenueEventKind, str, int | None, Hashable, Mapping[str, Any]]


@dataclass(slots=True)
class Reading:
    """What one message says. facts None: a control message, with `detail`.

    history: an answer about the past. greeting: a stream that begins with its recent past.
    """

    channel: str
    facts: list[Fact] | None
    history: bool = False
    greeting: bool = False
    detail: str = ""


# Raises one of PARSE_ERRORS or MessageRefused for a message that cannot be read.
Reader = Callable[[bytes, str], Reading]


# A frozen dataclass sets its fields one guarded call at a time. The same fields are set plainly on this open twin, whose class is then changed: a quarter of
# the time, on an object that is made for every trade of a stream.
_OpenEvent: Any = make_dataclass("_OpenEvent", [item.name for item in fields(VenueEvent)], slots=True)


def event_of(*values: Any) -> VenueEvent:
    """A VenueEvent of the values of its fields, in their order."""
    event = _OpenEvent(*values)
    event.__class__ = VenueEvent
    return event  # type: ignore[no-any-return]


class MessageDecoder:
    """Implements observation's `Decoder`. symbols None: every symbol is taken."""

    def __init__(self, venue: str, reader: Reader, symbols: Iterable[str] | None = None, limits: AdmissionLimits | None = None) -> None:
        self._venue = venue
        self._reader = reader
        self._admission = Admission(None if symbols is None else frozenset(symbols), limits or AdmissionLimits())
        self._messages = 0
        self._decoded = 0
        self._control = 0
        self._first_event = 0
        self._events = 0
        self._quarantined: dict[str, int] = {}
        self._set_aside: dict[str, int] = {}

    @property
    def venue(self) -> str:
        """The venue's short name."""
        return self._venue

    @property
    def awaiting_snapshot(self) -> tuple[str, ...]:
        """Symbols whose depth stream has a hole."""
        return self._admission.holes

    @property
    def admission(self) -> Admission:
        """What was taken lately, by which the next facts are judged."""
        return self._admission

    def took(self, messages: int, events: int) -> int:
        """Count messages that were decoded as a block, with all their events; answers the id of the first of these."""
        first = self._events + 1
        self._messages += messages
        self._decoded += messages
        self._events += events
        return first

    def connected(self) -> None:
        """A new connection began."""
        self._admission.connected()

    def resume(self, last_event: int) -> None:
        """Go on after an event with what is remembered, and count anew."""
        self._messages = self._decoded = self._control = 0
        self._first_event = self._events = last_event
        self._quarantined.clear()
        self._set_aside.clear()

    def counts(self) -> MessageCounts:
        """What became of every message so far."""
        kept = sum(self._quarantined.values())
        aside = sum(self._set_aside.values())
        by_reason, by_entry = dict(sorted(self._quarantined.items())), dict(sorted(self._set_aside.items()))
        return MessageCounts(self._messages, self._decoded, self._control, kept, self._events - self._first_event, aside, by_reason, by_entry)

    def decode(self, message: bytes, received_ns: int, source: str = "", asked: str = "") -> tuple[VenueEvent | Quarantined | Control, ...]:
        """One message: its events and the entries kept aside; or one Control; or one whole Quarantined. Never raises for what a message holds."""
        self._messages += 1
        source = source or f"{self._venue}:{self._messages}"
        try:
            reading = self._reader(message, asked)
        except (DataError, *PARSE_ERRORS) as error:
            refused = refusal_of(error)
            return (self._keep_whole(refused.reason, refused.message, refused.channel, received_ns, source, 1, message),)
        return self.judge(reading, message, received_ns, source)

    def judge(self, reading: Reading, message: bytes, received_ns: int, source: str) -> tuple[VenueEvent | Quarantined | Control, ...]:
        """What becomes of what a message says; the message itself is counted by the caller."""
        if not reading.facts:
            self._control += 1
            return (Control(self._venue, reading.channel, received_ns, source, reading.detail if reading.facts is None else "no entries"),)
        # Most messages of a busy stream are one trade that is new, in time and in order.
        if len(reading.facts) == 1 and reading.facts[0][0] == "TRADE" and not reading.history:
            taken = self.take_plain(reading.facts[0], received_ns, source, reading.greeting)
            if taken is not None:
                return taken
        return self._admit(reading, reading.facts, message, received_ns, source)

    def take_plain(self, fact: Fact, received_ns: int, source: str, greeting: bool) -> tuple[VenueEvent] | None:
        """The event of a message that is one trade against which nothing could be said; the message itself is counted by the caller."""
        kind, symbol, time_ns, identity, values = fact
        if time_ns is None or not self._admission.plain_trade(symbol, time_ns, received_ns, identity, greeting):
            return None
        self._decoded += 1
        self._events += 1
        return (event_of(self._events, kind, self._venue, symbol, time_ns, received_ns, source, "venue", values),)

    def _admit(self, reading: Reading, facts: list[Fact], message: bytes, received_ns: int, source: str) -> tuple[VenueEvent | Quarantined, ...]:
        refusal, history, greeting, venue = self._admission.refusal, reading.history, reading.greeting, self._venue
        taken: list[VenueEvent | Quarantined] = []
        refused: dict[MessageReason, list[str]] = {}
        number = self._events
        for place, (kind, symbol, time_ns, identity, values) in enumerate(facts):
            clock: Clock = "venue"
            past = history
            if time_ns is None:
                # Our own clock says nothing about the venue's order, and may be set back.
                time_ns, clock, past = received_ns, "receiver", True  # noqa: PLW2901 - the fact is dated here
            found = refusal(kind, symbol, time_ns, received_ns, identity, values, past, greeting)
            if found is not None:
                refused.setdefault(found[0], []).append(found[1])
                continue
            number += 1
            taken.append(event_of(number, kind, venue, symbol, time_ns, received_ns, f"{source}#{place}" if place else source, clock, values))
        if greeting and self._admission.ungreeted:
            self._admission.greet()
        if not taken:
            reason, findings = next(iter(refused.items()))
            return (self._keep_whole(reason, findings[0], reading.channel, received_ns, source, len(facts), message),)
        self._decoded += 1
        self._events = number
        for reason, findings in refused.items():
            self._set_aside[reason] = self._set_aside.get(reason, 0) + len(findings)
            finding = findings[0] if len(findings) == 1 else f"{findings[0]}, and {len(findings) - 1} more"
            taken.append(Quarantined(reason, finding, venue, reading.channel, received_ns, source, len(findings), False, message))
        return tuple(taken)

    def _keep_whole(self, reason: MessageReason, finding: str, channel: str, received_ns: int, source: str, entries: int, message: bytes) -> Quarantined:
        self._quarantined[reason] = self._quarantined.get(reason, 0) + 1
        return Quarantined(reason, finding, self._venue, channel[:60], received_ns, source, entries, True, message)
