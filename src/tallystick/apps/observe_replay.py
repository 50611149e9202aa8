"""Recorded venue messages through M1 to M5: every message accounted for, what was kept aside written down, and the snapshot at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from tallystick.adapters.event_store.reading import is_store
from tallystick.adapters.recordings.lines import read_lines
from tallystick.adapters.recordings.quarantine_file import QuarantineFile
from tallystick.adapters.recordings.recording_files import read_recording, reader_of, recording_files
from tallystick.adapters.venues.hyperliquid.decoder import VENUE as HYPERLIQUID
from tallystick.adapters.venues.hyperliquid.trade_blocks import BlockDecoder, TradeBlock
from tallystick.adapters.venues.message_decoder import MessageDecoder
from tallystick.apps.fact_keeping import FactKeeping
from tallystick.apps.observation_pass import ObservationPass
from tallystick.apps.replay_result import QUARANTINE, Progress, Replay, decoder_of, require_sum, untold
from tallystick.apps.store_replay import replay_store
from tallystick.artifacts.checksum import sha256_file
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

    symbols: the configured ones; others are then foreign. None takes every symbol. at_ns: leave out what was received later or at no
    recorded time, and take the snapshot then.
    tables: keep the facts there too.
    Raises DataError for a path without recordings, ConfigurationError for an unknown venue.
    """
    if is_store(path):
        return replay_store(root, path, venue, symbols, at_ns, progress, tables)
    found = Replay(venue)
    recordings = recording_files(path)
    for place, recording in enumerate(recordings):
        progress("decode", place, len(recordings), "recordings")
        _account(found, root, recording, symbols, at_ns, tables)
    progress("decode", len(recordings), len(recordings), "recordings")
    names = tuple(sorted(symbols if symbols is not None else found.symbols))
    if names:
        warm_observation(lambda _: progress("compile", 0, 1, "kernels"))
        found.snapshot = _observe(found, names, symbols, at_ns, progress)
    return found


def _account(found: Replay, root: Path, recording: Path, symbols: tuple[str, ...] | None, at_ns: int | None, tables: FactTables | None) -> None:
    decoder = decoder_of(found.venue, symbols)
    target = Workspace(root).path(QUARANTINE, venue=found.venue, recording=f"replay-{sha256_file(recording)[:16]}")
    # The same recording gives the same lines, so an earlier replay's file is replaced, not doubled.
    target.unlink(missing_ok=True)
    first_ns: int | None = None
    facts = FactKeeping(tables)
    with QuarantineFile(target) as quarantine:
        for item in decoded_blocks(decoder, recording, at_ns):
            if isinstance(item, TradeBlock):
                found.kinds["TRADE"] += len(item)
                first_ns = int(item.times_ns[0]) if first_ns is None else first_ns
                found.symbols |= item.symbols
                if tables is not None:
                    facts.take(tuple(item.events()))
            elif isinstance(item, VenueEvent):
                found.kinds[item.kind] += 1
                first_ns = item.event_time_ns if first_ns is None else first_ns
                if item.symbol:
                    found.symbols.add(item.symbol)
                facts.take((item,))
            elif isinstance(item, Quarantined):
                quarantine.append(item)
    facts.flush()
    if first_ns is not None:
        found.firsts.append((first_ns, recording))
    counts = decoder.counts()
    require_sum(counts)
    found.counts = joined(found.counts, counts)
    kept = Workspace(root).relative(target) if quarantine.written else None
    found.recordings.append({"recording": recording.name, **{name: value for name, value in asdict(counts).items() if value}, "quarantine": kept})


def decoded(decoder: Decoder, recording: Path, at_ns: int | None = None) -> Iterator[Decoded]:
    """What a decoder makes of one recording, in order. Raises DataError where the recording cannot be read."""
    for found in _answers(decoder, recording, at_ns):
        yield from found


def decoded_blocks(decoder: Decoder, recording: Path, at_ns: int | None = None, worth_bytes: int = WORTH_BLOCKS) -> Iterator[TradeBlock | Decoded]:
    """As `decoded`, with runs of trades as blocks where the venue, the recording's format and its size allow it."""
    known = isinstance(decoder, MessageDecoder) and decoder.venue == HYPERLIQUID and reader_of(recording) is read_lines
    if known and at_ns is None and recording.stat().st_size >= worth_bytes:
        decoder.connected()
        yield from BlockDecoder(cast("MessageDecoder", decoder)).decode(recording)
    else:
        yield from decoded(decoder, recording, at_ns)


def _answers(decoder: Decoder, recording: Path, at_ns: int | None) -> Iterator[tuple[Decoded, ...]]:
    decoder.connected()
    for line in read_recording(recording):
        # 0 is a time that was not recorded: such a message may have come later.
        if at_ns is None or 0 < line.received_ns <= at_ns:
            yield decoder.decode(line.message, line.received_ns, line.source, line.asked)


def _observe(found: Replay, names: tuple[str, ...], symbols: tuple[str, ...] | None, at_ns: int | None, progress: Progress) -> dict[str, Any]:
    # A second pass keeps memory flat: the room must know its symbols before the first event.
    room = ObservationPass(names)
    for place, (_, recording) in enumerate(sorted(found.firsts)):
        progress("observe", place, len(found.firsts), "recordings")
        for answers in _answers(decoder_of(found.venue, symbols), recording, at_ns):
            room.take(answers)
    return room.snapshot(at_ns)
