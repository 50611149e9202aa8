"""The event store: what was acknowledged survives a kill at any byte of the tail and at any step of sealing, once and in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.fakes.venue_messages import NOON_NS

from tallystick.adapters.event_store import segments, store
from tallystick.adapters.event_store.reading import StoreReader, is_store
from tallystick.adapters.event_store.records import Record, read_tail
from tallystick.adapters.event_store.store import EventStore, SegmentLimits
from tallystick.apps.verifiers import VERIFIERS
from tallystick.artifacts.paths import Workspace, get_event_day_path, get_event_segment_paths, get_event_store_dir, get_event_tail_path
from tallystick.artifacts.verification import VerificationReport, verify
from tallystick.contracts.collection import KeptAside, StoredMessage
from tallystick.contracts.errors import ArtifactError, ConfigurationError
from tallystick.contracts.market_events import VenueEvent
from tallystick.contracts.time import NS_PER_DAY, NS_PER_HOUR, date_from_ns

DAY = date_from_ns(NOON_NS)


class Killed(BaseException):
    """The process ended here."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return get_event_store_dir(Workspace(tmp_path), "binance")


def put(target: EventStore, count: int = 1, at_ns: int = NOON_NS) -> None:
    """Records whose content follows from their number: every third is quarantined, the others give one event, and two at every fifth."""
    for _ in range(count):
        number = target.next_number
        events = [event(target.last_event + 1 + place, number, at_ns) for place in range(0 if number % 3 == 0 else 2 if number % 5 == 0 else 1)]
        kept = () if events else (KeptAside("truncated", "cut – at “7”", "trade", 1),)
        outcome = "decoded" if events else "quarantined"
        target.append(StoredMessage(number, "frame", at_ns, "", b"message \x00\xff %d" % number, outcome, kept), events)


def event(event_id: int, number: int, at_ns: int) -> VenueEvent:
    values = {"price": "1.50", "quantity": "2", "side": "buy", "trade_id": number}
    return VenueEvent(event_id, "TRADE", "binance", "BTCUSDT", at_ns, at_ns, f"binance:{number}", "venue", values)


def stored(folder: Path) -> list[Record]:
    return list(StoreReader(folder).records())


def expected(folder: Path, count: int) -> None:
    """The first records, each as it was put, events numbered without a hole."""
    found = stored(folder)
    assert [record.number for record in found] == list(range(1, count + 1))
    assert [record.message for record in found] == [b"message \x00\xff %d" % number for number in range(1, count + 1)]
    ids = [row[0] for record in found for row in record.events]
    assert ids == list(range(1, len(ids) + 1))
    assert all(bool(record.kept) == (record.number % 3 == 0) for record in found)


def checked(folder: Path) -> VerificationReport:
    report = verify(folder, verifiers=VERIFIERS)
    assert not report.unknown
    return report


def test_gives_back_what_was_stored_from_segments_and_tail(folder: Path) -> None:
    with EventStore(folder, "binance", SegmentLimits(records=4)) as target:
        put(target, 10)
        assert target.sync() == 10
        assert target.last_event == stored(folder)[-1].events[-1][0]
        expected(folder, 10)
        assert [item.last_message for item in StoreReader(folder).index(get_event_day_path(folder, DAY)).segments] == [4, 8]
        assert not checked(folder).failures
    expected(folder, 10)
    assert checked(folder).is_good
    assert not checked(folder).unprotected
    assert stored(folder)[2].stored_message().kept[0].finding == "cut – at “7”"


def test_a_segment_ends_at_its_bytes_too(folder: Path) -> None:
    with EventStore(folder, "binance", SegmentLimits(message_bytes=30)) as target:
        put(target, 5)
        assert [item.last_message for item in StoreReader(folder).index(get_event_day_path(folder, DAY)).segments] == [3]


def test_a_restart_goes_on_with_the_numbers(folder: Path) -> None:
    for _ in range(3):
        with EventStore(folder, "binance") as target:
            put(target, 5)
    expected(folder, 15)
    assert checked(folder).is_good


def test_days_have_folders_of_their_own_and_a_clock_set_back_opens_none(folder: Path) -> None:
    with EventStore(folder, "binance") as target:
        put(target, 2)
        assert target.begins_day(NOON_NS + NS_PER_DAY)
        put(target, 2, NOON_NS + NS_PER_DAY)
        assert not target.begins_day(NOON_NS)
        put(target, 2, NOON_NS - NS_PER_HOUR)
    with EventStore(folder, "binance") as target:
        put(target, 1, NOON_NS - NS_PER_HOUR)
    assert [path.parent.name for path in StoreReader(folder).days] == [DAY, date_from_ns(NOON_NS + NS_PER_DAY)]
    expected(folder, 7)
    assert checked(folder).is_good


def test_an_unacknowledged_end_is_lost_at_any_byte_and_nothing_else(folder: Path) -> None:
    target = EventStore(folder, "binance")
    put(target, 3)
    target.sync()
    acknowledged = get_event_tail_path(folder).stat().st_size
    put(target, 2)
    target.sync()
    content = get_event_tail_path(folder).read_bytes()
    last = next(end for end in range(acknowledged + 1, len(content) + 1) if len(_whole(folder, content[:end])) == 4)
    target.release()
    for size in range(acknowledged, len(content) + 1):
        get_event_tail_path(folder).write_bytes(content[:size])
        assert not checked(folder).failures
        found = stored(folder)
        assert len(found) == 3 + (size >= last) + (size == len(content))
    get_event_tail_path(folder).write_bytes(content[: last + 3])
    with EventStore(folder, "binance") as again:
        assert again.stored == 4
        put(again, 1)
    expected(folder, 5)
    assert checked(folder).is_good


def _whole(folder: Path, content: bytes) -> list[Record]:
    path = folder.with_name("tail.log")
    path.write_bytes(content)
    found = read_tail(path)
    path.unlink()
    return found


def test_a_damaged_tail_is_refused_since_acknowledged_records_may_follow(folder: Path) -> None:
    target = EventStore(folder, "binance")
    put(target, 3)
    target.sync()
    target.release()
    path = get_event_tail_path(folder)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match="damaged one at byte 0"):
        EventStore(folder, "binance")
    assert [item.rule for item in checked(folder).failures] == ["tail_records"]


STEPS = ("messages", "events", "index", "tail", "seal")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_of_sealing_loses_and_doubles_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch, step: str, after: bool) -> None:
    target = EventStore(folder, "binance")
    put(target, 5)
    target.seal()
    put(target, 4)
    assert target.sync() == 9
    with monkeypatch.context() as patched:
        for place, name in ((segments, "write_atomic_bytes"), (store, "write_artifact"), (store, "seal_folder")):
            patched.setattr(place, name, killing(getattr(place, name), {"write_artifact": "index", "seal_folder": "seal"}.get(name, ""), step, after))
        patched.setattr(EventStore, "_empty_tail", killing(EventStore._empty_tail, "tail", step, after))
        with pytest.raises(Killed):
            target._end_day()
    target.release()
    assert not checked(folder).failures
    expected(folder, 9)
    with EventStore(folder, "binance") as again:
        assert again.stored == 9
        put(again, 2)
    expected(folder, 11)
    assert checked(folder).is_good
    assert not checked(folder).unprotected


def killing(function: Any, name: str, step: str, after: bool) -> Any:
    """The process ends before or after this step."""

    def wrapped(*arguments: Any, **named: Any) -> Any:
        mine = name or str(getattr(arguments[0], "name", "")).partition("-")[0]
        if mine == step and not after:
            raise Killed
        found = function(*arguments, **named)
        if mine == step:
            raise Killed
        return found

    return wrapped


def test_a_store_has_one_writer(folder: Path) -> None:
    with EventStore(folder, "binance"), pytest.raises(ArtifactError, match="only writer"):
        EventStore(folder, "binance")
    with EventStore(folder, "binance"):
        pass


@pytest.mark.parametrize("which", [0, 1], ids=["messages", "events"])
def test_a_flipped_byte_is_refused_before_it_is_parsed_and_seen_by_verify(folder: Path, which: int) -> None:
    with EventStore(folder, "binance") as target:
        put(target, 5)
    path = get_event_segment_paths(get_event_day_path(folder, DAY), "000001")[which]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match="SHA-256"):
        stored(folder)
    assert {item.rule for item in checked(folder).failures} == {"seal", f"{('messages', 'events')[which]}_sha256"}


def test_earlier_records_come_from_any_day_and_missing_ones_are_named(folder: Path) -> None:
    with EventStore(folder, "binance", SegmentLimits(records=3)) as target:
        put(target, 5)
        put(target, 5, NOON_NS + NS_PER_DAY)
        assert [row[4] for row in target.earlier(2, 10)] == list(range(2, 10))
    assert [row[3] for row in StoreReader(folder / DAY).earlier(4, 7)] == [b"message \x00\xff %d" % number for number in (4, 5, 6)]
    with pytest.raises(ArtifactError, match="found them until 10"):
        list(StoreReader(folder).earlier(4, 13))


def test_one_day_is_a_store_and_an_empty_folder_is_none(folder: Path) -> None:
    with EventStore(folder, "binance") as target:
        put(target, 2)
        put(target, 2, NOON_NS + NS_PER_DAY)
    assert is_store(folder)
    assert is_store(folder / DAY)
    assert not is_store(folder.parent)
    assert [record.number for record in StoreReader(folder / date_from_ns(NOON_NS + NS_PER_DAY)).records()] == [3, 4]


def test_refuses_limits_below_one() -> None:
    with pytest.raises(ConfigurationError):
        SegmentLimits(records=0)
