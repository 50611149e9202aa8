"""Reading a store beside its writer: every record once and in order, whatever becomes of the tail meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.adapters.event_store.test_store import put
from tests.fakes.venue_messages import NOON_NS

from tallystick.adapters.event_store import reading
from tallystick.adapters.event_store.reading import StoreReader
from tallystick.adapters.event_store.records import Record, framed
from tallystick.adapters.event_store.store import EventStore, SegmentLimits
from tallystick.artifacts.paths import Workspace, get_event_store_dir, get_event_tail_path
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.time import NS_PER_DAY


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    found = EventStore(get_event_store_dir(Workspace(tmp_path), "binance"), "binance", SegmentLimits(records=4))
    put(found, 6)
    found.sync()
    return found


def sealed(store: EventStore) -> None:
    store.seal()


def sealed_and_gone_on(store: EventStore) -> None:
    store.seal()
    put(store, 1)
    store.sync()


def next_day(store: EventStore) -> None:
    put(store, 5, NOON_NS + NS_PER_DAY)
    store.sync()


@pytest.mark.parametrize(("does", "count"), [(sealed, 6), (sealed_and_gone_on, 7), (next_day, 11)])
def test_a_tail_that_becomes_a_segment_before_it_is_read_is_neither_lost_nor_refused(
    store: EventStore, monkeypatch: pytest.MonkeyPatch, does: Callable[[EventStore], None], count: int
) -> None:
    real, moved = reading.read_tail, list[Path]()

    def late(path: Path) -> list[Record]:
        if not moved:
            moved.append(path)
            does(store)
        return real(path)

    monkeypatch.setattr(reading, "read_tail", late)
    with store:
        assert [record.number for record in StoreReader(store.folder).records()] == list(range(1, count + 1))
        assert moved


def test_a_tail_that_follows_nothing_is_refused(store: EventStore) -> None:
    store.seal()
    store.release()
    reader = StoreReader(store.folder)
    record = next(reader.records())
    record.number = 20
    get_event_tail_path(store.folder).write_bytes(framed(record))
    with pytest.raises(ArtifactError, match="expected message 7 after the segments, found 20"):
        list(reader.records())
