"""Recorded venue messages through M1 to M5: every message accounted for, what was kept aside written down, and the snapshot at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tallystick.adapters.recordings.quarantine_file import QuarantineFile
from tallystick.adapters.recordings.recording_files import read_recording, recording_files
from tallystick.adapters.venues.admission import AdmissionLimits
from tallystick.adapters.venues.binance.decoder import binance_decoder
from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.artifacts.checksum import sha256_file
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ConfigurationError, InvariantViolation
from tallystick.contracts.market_events import CONTRACTS, MessageCounts, Quarantined, VenueEvent
from tallystick.contracts.messages import document_of
from tallystick.observation.governance import Observation
from tallystick.observation.ports import Decoder
from tallystick.observation.venue_facts import VenueFacts

QUARANTINE = next(item for item in CONTRACTS if item.name == "observation.quarantine")
DECODERS: dict[str, Callable[[Iterable[str] | None, AdmissionLimits | None], Decoder]] = {"binance": binance_decoder, "hyperliquid": hyperliquid_decoder}

NUMBERS = ("messages_in", "messages_decoded", "messages_control", "messages_quarantined", "events_out", "entries_set_aside")


@dataclass(slots=True)
class Replay:
    """What a replay found. counts: over all recordings; firsts: each recording with the time of its first event; snapshot: None without a symbol."""

    venue: str
    counts: MessageCounts = field(default_factory=MessageCounts)
    recordings: list[dict[str, Any]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    symbols: set[str] = field(default_factory=set)
    firsts: list[tuple[int, Path]] = field(default_factory=list)
    last_ns: int = 0
    snapshot: dict[str, Any] | None = None

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
            "snapshot": self.snapshot,
        }


def decoder_of(venue: str, symbols: Iterable[str] | None = None, limits: AdmissionLimits | None = None) -> Decoder:
    """The decoder of a venue. Raises ConfigurationError for a venue that has none."""
    if venue not in DECODERS:
        raise ConfigurationError(f"expected one of the venues {', '.join(sorted(DECODERS))}, found {venue!r}", where="--venue")
    return DECODERS[venue](symbols, limits)


def replay(root: Path, path: Path, venue: str, symbols: tuple[str, ...] | None = None, at_ns: int | None = None) -> Replay:
    """Replay a recording, or every one below a folder; each recording is a connection of its own.

    symbols: the configured ones; others are then foreign. None takes every symbol. at_ns: leave out what was received later, and take the snapshot then.
    Raises DataError for a path without recordings, ConfigurationError for an unknown venue.
    """
    found = Replay(venue)
    for recording in recording_files(path):
        _account(found, root, recording, symbols, at_ns)
    names = tuple(sorted(symbols if symbols is not None else found.symbols))
    if names:
        found.snapshot = _observe(found, names, symbols, at_ns)
    return found


def _account(found: Replay, root: Path, recording: Path, symbols: tuple[str, ...] | None, at_ns: int | None) -> None:
    decoder = decoder_of(found.venue, symbols)
    target = Workspace(root).path(QUARANTINE, venue=found.venue, recording=f"replay-{sha256_file(recording)[:16]}")
    # The same recording gives the same lines, so an earlier replay's file is replaced, not doubled.
    target.unlink(missing_ok=True)
    first_ns: int | None = None
    with QuarantineFile(target) as quarantine:
        for item in decoded(decoder, recording, at_ns):
            if isinstance(item, VenueEvent):
                found.kinds[item.kind] += 1
                first_ns = item.event_time_ns if first_ns is None else first_ns
                found.last_ns = max(found.last_ns, item.event_time_ns, item.received_ns)
                if item.symbol:
                    found.symbols.add(item.symbol)
            elif isinstance(item, Quarantined):
                quarantine.append(item)
    if first_ns is not None:
        found.firsts.append((first_ns, recording))
    counts = decoder.counts()
    _require_sum(counts)
    found.counts = joined(found.counts, counts)
    kept = Workspace(root).relative(target) if quarantine.written else None
    found.recordings.append({"recording": recording.name, **{name: value for name, value in asdict(counts).items() if value}, "quarantine": kept})


def decoded(decoder: Decoder, recording: Path, at_ns: int | None = None) -> Iterator[Any]:
    """What a decoder makes of one recording, in order. Raises DataError where the recording cannot be read."""
    decoder.connected()
    for line in read_recording(recording):
        if at_ns is not None and line.received_ns > at_ns:
            continue
        yield from decoder.decode(line.message, line.received_ns, line.source, line.asked)


def _observe(found: Replay, names: tuple[str, ...], symbols: tuple[str, ...] | None, at_ns: int | None) -> dict[str, Any]:
    # A second pass keeps memory flat: the room must know its symbols before the first event.
    observation, facts, now_ns = Observation(names), VenueFacts(), 0
    for _, recording in sorted(found.firsts):
        for item in decoded(decoder_of(found.venue, symbols), recording, at_ns):
            raw = facts.raw_event(item) if isinstance(item, VenueEvent) else None
            if raw is not None:
                # A recorder's clock may lag the venue's, and recordings overlap; the room's time only moves forward.
                now_ns = max(now_ns, item.received_ns, item.event_time_ns)
                observation.ingest(now_ns, (raw,))
    instant = max(now_ns, found.last_ns if at_ns is None else at_ns)
    return document_of(observation.snapshot(instant))  # type: ignore[no-any-return]


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


def _require_sum(counts: MessageCounts) -> None:
    total = counts.messages_decoded + counts.messages_control + counts.messages_quarantined
    if counts.messages_in != total:
        raise InvariantViolation(f"expected {counts.messages_in} messages accounted for, found {total}", where="observe replay")
