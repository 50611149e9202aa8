"""Recorded venue messages through M1 to M5: every message accounted for, what was kept aside written down, and the snapshot at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import cast

from tallystick.adapters.event_store.reading import is_store
from tallystick.adapters.recordings.lines import read_lines
from tallystick.adapters.recordings.quarantine_file import QuarantineFile
from tallystick.adapters.recordings.recording_files import other_files, read_recording, reader_of, recording_files, recording_name
from tallystick.adapters.venues.hyperliquid.decoder import VENUE as HYPERLIQUID
from tallystick.adapters.venues.hyperliquid.trade_blocks import BlockDecoder, TradeBlock
from tallystick.adapters.venues.message_decoder import MessageDecoder
from tallystick.apps.fact_keeping import FactKeeping
from tallystick.apps.observation_pass import ObservationPass
from tallystick.apps.observe_room import Part, RecordedSpan, came_at, observe_recordings
from tallystick.apps.replay_result import QUARANTINE, Progress, Replay, decoder_of, require_sum, room_quarantine, untold
from tallystick.apps.store_replay import replay_store
from tallystick.artifacts.checksum import sha256_bytes, sha256_file
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.market_events import Quarantined, VenueEvent
from tallystick.observation.log_decoding import joined
from tallystick.observation.ports import Decoded, Decoder, FactTables
from tallystick.observation.warming import warm_observation

# A smaller recording is decoded line by line before the kernels of blocks are compiled.
WORTH_BLOCKS = 8 * 2**20


def replay(
    root: Path,
    path: Path,
    venue: str,
    symbols: tuple[str, ...] | None = None,
    at_ns: int | None = None,
    progress: Progress = untold,
    tables: FactTables | None = None,
) -> Replay:
    """Replay an event store or a day of one, a recording, or every recording below a folder; each recording is a connection of its own.

    Files below a folder that are no recordings by their names are left out, and named in `unread`.

    symbols: the configured ones; others are then foreign. None takes every symbol. at_ns: leave out what was received later or at no
    recorded time, and take the snapshot then.
    tables: keep the facts there too.
    Raises DataError for a path without recordings, ConfigurationError for an unknown venue.
    """
    if is_store(path):
        return replay_store(root, path, venue, symbols, at_ns, progress, tables)
    found = Replay(venue)
    recordings = recording_files(path)
    spans, digests = [], []
    found.unread = [str(item.relative_to(path)) for item in other_files(path)]
    for place, recording in enumerate(recordings):
        progress("decode", place, len(recordings), "recordings")
        name = recording_name(path, recording)
        digests.append(sha256_file(recording))
        first_ns = _account(found, root, recording, name, digests[-1], symbols, at_ns, tables)
        if first_ns is not None:
            spans.append(RecordedSpan(recording, name, first_ns))
    progress("decode", len(recordings), len(recordings), "recordings")
    names = tuple(sorted(symbols if symbols is not None else found.symbols))
    if names:
        warm_observation(lambda _: progress("compile", 0, 1, "kernels"))
        # A second pass keeps memory flat: the room must know its symbols before the first event.
        parts_of = lambda span: decoded_parts(decoder_of(venue, symbols), span.path, span.name, at_ns)  # noqa: E731 - one line says it
        with room_quarantine(root, venue, f"replay-{sha256_bytes(''.join(digests).encode())[:16]}") as aside:
            room = ObservationPass(names, aside.append)
            observe_recordings(room, spans, parts_of, lambda opened: progress("observe", opened, len(spans), "recordings"))
            found.snapshot = room.snapshot(at_ns)
        found.room_quarantine = Workspace(root).relative(aside.path) if aside.written else None
    return found


def _account(
    found: Replay, root: Path, recording: Path, name: str, digest: str, symbols: tuple[str, ...] | None, at_ns: int | None, tables: FactTables | None
) -> int | None:
    """Decode one recording and count; when its first event came, or None without one."""
    decoder = decoder_of(found.venue, symbols)
    target = Workspace(root).path(QUARANTINE, venue=found.venue, recording=f"replay-{digest[:16]}")
    # The same recording gives the same lines, so an earlier replay's file is replaced, not doubled.
    target.unlink(missing_ok=True)
    first_ns: int | None = None
    facts = FactKeeping(tables)
    with QuarantineFile(target) as quarantine:
        for part in decoded_parts(decoder, recording, name, at_ns):
            if first_ns is None and (isinstance(part, TradeBlock) or any(isinstance(item, VenueEvent) for item in part)):
                first_ns = came_at(part)[0]
            if isinstance(part, TradeBlock):
                found.kinds["TRADE"] += len(part)
                found.symbols |= part.symbols
                if tables is not None:
                    facts.take(tuple(part.events()))
                continue
            _count(found, part, quarantine)
            facts.take(part)
    facts.flush()
    counts = decoder.counts()
    require_sum(counts)
    found.counts = joined(found.counts, counts)
    kept = Workspace(root).relative(target) if quarantine.written else None
    found.recordings.append({"recording": name, **{name: value for name, value in asdict(counts).items() if value}, "quarantine": kept})
    return first_ns


def _count(found: Replay, answers: tuple[Decoded, ...], quarantine: QuarantineFile) -> None:
    for item in answers:
        if isinstance(item, VenueEvent):
            found.kinds[item.kind] += 1
            if item.symbol:
                found.symbols.add(item.symbol)
        elif isinstance(item, Quarantined):
            quarantine.append(item)


def decoded_parts(decoder: Decoder, recording: Path, name: str, at_ns: int | None = None, worth_bytes: int | None = None) -> Iterator[Part]:
    """What a decoder makes of one recording of this name, message by message in its order; runs of trades as blocks where venue, format and size allow it.

    Raises DataError where the recording cannot be read.
    """
    decoder.connected()
    known = isinstance(decoder, MessageDecoder) and decoder.venue == HYPERLIQUID and reader_of(recording) is read_lines
    if known and at_ns is None and recording.stat().st_size >= (WORTH_BLOCKS if worth_bytes is None else worth_bytes):
        yield from BlockDecoder(cast("MessageDecoder", decoder)).decode(recording, name)
        return
    for line in read_recording(recording, name):
        # 0 is a time that was not recorded: such a message may have come later.
        if at_ns is None or 0 < line.received_ns <= at_ns:
            yield decoder.decode(line.message, line.received_ns, line.source, line.asked)
