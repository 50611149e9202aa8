"""A log of messages as events: the same fold over the same records live and in a replay, so that both give the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator

from tallystick.contracts.collection import CollectionMark
from tallystick.contracts.errors import DataError
from tallystick.contracts.market_events import MessageCounts, VenueEvent
from tallystick.contracts.messages import document_of, message_of
from tallystick.observation.ports import Decoded, Decoder

STARTING = frozenset({"SESSION_STARTED", "DAY_STARTED"})
Earlier = Callable[[int, int], Iterator[tuple[str, int, str, bytes, int]]]


def bytes_of_mark(mark: CollectionMark) -> bytes:
    """A mark as it stands in the log; what a mark does not carry is left out."""
    document = document_of(mark)
    empty = document_of(CollectionMark(mark.kind, mark.at_ns))
    return json.dumps({name: value for name, value in document.items() if name in ("kind", "at_ns") or value != empty[name]}, separators=(",", ":")).encode()


def mark_of(message: bytes) -> CollectionMark:
    """The mark of a log record. Raises ContractViolation when it is none."""
    return message_of(CollectionMark, json.loads(message))


class LogDecoding:
    """Each session, and each day of one, starts a decoder that remembers the messages just before it, so that every day can be replayed by itself.

    decoder_of: a new decoder for the configured symbols. earlier: records of the log from one number up to another. remembered: gets the events of the
    messages that a new decoder remembers.
    """

    def __init__(
        self, venue: str, decoder_of: Callable[[tuple[str, ...]], Decoder], earlier: Earlier, remembered: Callable[[VenueEvent], None] | None = None
    ) -> None:
        self._venue = venue
        self._decoder_of = decoder_of
        self._earlier = earlier
        self._remembered = remembered
        self._decoder: Decoder | None = None
        self._finished = MessageCounts()

    @property
    def awaiting_snapshot(self) -> tuple[str, ...]:
        """Symbols whose depth stream has a hole."""
        return self._decoder.awaiting_snapshot if self._decoder else ()

    def take(self, number: int, role: str, received_ns: int, asked: str, message: bytes) -> tuple[Decoded, ...]:
        """One record: what its message says; nothing for a mark. Raises DataError for a message before the mark that starts a session."""
        if role != "mark":
            if self._decoder is None:
                raise DataError(f"expected a log that begins with a session or a day, found message {number} before one", where=self._venue)
            return self._decoder.decode(message, received_ns, f"{self._venue}:{number}", asked)
        mark = mark_of(message)
        if mark.kind in STARTING:
            self._start(mark, number)
        elif mark.kind == "CONNECTED" and self._decoder is not None:
            self._decoder.connected()
        return ()

    def counts(self) -> MessageCounts:
        """What became of every message so far, over all decoders."""
        return joined(self._finished, self._decoder.counts()) if self._decoder else self._finished

    def _start(self, mark: CollectionMark, number: int) -> None:
        self._finished = self.counts()
        decoder = self._decoder_of(mark.symbols)
        if mark.warmed_from:
            for role, received_ns, asked, message, own in self._earlier(mark.warmed_from, number):
                if role != "mark":
                    found = decoder.decode(message, received_ns, f"{self._venue}:{own}", asked)
                    if self._remembered is not None:
                        for item in found:
                            if isinstance(item, VenueEvent):
                                self._remembered(item)
                elif mark_of(message).kind == "CONNECTED":
                    decoder.connected()
        decoder.resume(mark.last_event)
        self._decoder = decoder


def joined(one: MessageCounts, other: MessageCounts) -> MessageCounts:
    """The sum of two counts."""
    return MessageCounts(
        messages_in=one.messages_in + other.messages_in,
        messages_decoded=one.messages_decoded + other.messages_decoded,
        messages_control=one.messages_control + other.messages_control,
        messages_quarantined=one.messages_quarantined + other.messages_quarantined,
        events_out=one.events_out + other.events_out,
        entries_set_aside=one.entries_set_aside + other.entries_set_aside,
        quarantined=dict(Counter(one.quarantined) + Counter(other.quarantined)),
        set_aside=dict(Counter(one.set_aside) + Counter(other.set_aside)),
    )
