"""What a replay of venue messages answers, and the decoder of each venue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tallystick.adapters.recordings.quarantine_file import QuarantineFile
from tallystick.adapters.venues.admission import AdmissionLimits
from tallystick.adapters.venues.binance.decoder import binance_decoder
from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ConfigurationError, InvariantViolation
from tallystick.contracts.market_events import MessageCounts
from tallystick.contracts.registry import contract
from tallystick.observation.ports import Decoder

QUARANTINE = contract("observation.quarantine")
ROOM_QUARANTINE = contract("observation.quarantined_event")
DECODERS: dict[str, Callable[[Iterable[str] | None, AdmissionLimits | None], Decoder]] = {"binance": binance_decoder, "hyperliquid": hyperliquid_decoder}

# What is being done, how much of it is done, of how much, and in what unit.
Progress = Callable[[str, int, int, str], None]


def untold(name: str, done: int, total: int, unit: str) -> None:
    """Progress that nobody watches."""


NUMBERS = ("messages_in", "messages_decoded", "messages_control", "messages_quarantined", "events_out", "entries_set_aside")


@dataclass(slots=True)
class Replay:
    """What a replay found. counts: over all recordings; snapshot: None without a symbol.

    store: of an event store, its marks and gaps, and the records that were decoded differently when they were stored. unread: files of no known format.
    room_quarantine: the file of what the room kept aside; None where it took everything.
    """

    venue: str
    counts: MessageCounts = field(default_factory=MessageCounts)
    recordings: list[dict[str, Any]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    symbols: set[str] = field(default_factory=set)
    snapshot: dict[str, Any] | None = None
    room_quarantine: str | None = None
    store: dict[str, Any] | None = None

    def as_document(self) -> dict[str, Any]:
        """What `observe replay --json` prints."""
        counts = self.counts
        market = counts.messages_decoded + counts.messages_quarantined
        return {
            "venue": self.venue,
            "counters": {name: getattr(counts, name) for name in NUMBERS},
            "decoded_pct": round(100 * counts.messages_decoded / market, 4) if market else None,
            "events": dict(sorted(self.kinds.items())),
            "quarantined": [{"reason": reason, "count": count} for reason, count in sorted(counts.quarantined.items())],
            "set_aside": [{"reason": reason, "count": count} for reason, count in sorted(counts.set_aside.items())],
            "recordings": self.recordings,
            "unread": self.unread,
            "snapshot": self.snapshot,
            "room_quarantine": self.room_quarantine,
        } | ({"store": self.store} if self.store else {})


def decoder_of(venue: str, symbols: Iterable[str] | None = None, limits: AdmissionLimits | None = None) -> Decoder:
    """The decoder of a venue. Raises ConfigurationError for a venue that has none."""
    if venue not in DECODERS:
        raise ConfigurationError(f"expected one of the venues {', '.join(sorted(DECODERS))}, found {venue!r}", where="--venue")
    return DECODERS[venue](symbols, limits)


def room_quarantine(root: Path, venue: str, recording: str, *, sync: bool = False) -> QuarantineFile:
    """The file of what the room kept aside of a recording. sync: of a live collector, which goes on with its file; a replay begins it anew."""
    target = Workspace(root).path(ROOM_QUARANTINE, venue=venue, recording=recording)
    if not sync:
        target.unlink(missing_ok=True)
    return QuarantineFile(target, sync=sync)


def require_sum(counts: MessageCounts) -> None:
    """Raise InvariantViolation unless every message is accounted for."""
    total = counts.messages_decoded + counts.messages_control + counts.messages_quarantined
    if counts.messages_in != total:
        raise InvariantViolation(f"expected {counts.messages_in} messages accounted for, found {total}", where="observe replay")
