"""`verify` beside a writer: nothing of a sound store fails or passes for unknown, at whatever step of the writer it is looked at."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.adapters.event_store.test_store import DAY, Killed, put
from tests.fakes.venue_messages import NOON_NS

from tallystick.adapters.event_store import store
from tallystick.adapters.event_store.store import EventStore, SegmentLimits
from tallystick.apps.verifiers import VERIFIERS
from tallystick.artifacts import verification
from tallystick.artifacts.document_check import Failure
from tallystick.artifacts.folder_lock import is_held
from tallystick.artifacts.open_days import is_newest_day
from tallystick.artifacts.paths import Workspace, get_event_day_path, get_event_segment_paths, get_event_store_dir
from tallystick.artifacts.seal import SEAL_NAME, SealFailure, check_seal
from tallystick.artifacts.verification import VerificationReport, verify
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.time import NS_PER_DAY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return get_event_store_dir(Workspace(tmp_path), "binance")


def while_looking(folder: Path, at: str, does: Callable[[], object]) -> VerificationReport:
    """A verification during which the writer does something, when the walk comes to a file of this contract."""
    own = VERIFIERS.get(at, lambda path: [])

    def moved(path: Path) -> list[Failure]:
        does()
        return own(path)

    return verify(folder, verifiers={**VERIFIERS, at: moved})


def states(report: VerificationReport) -> dict[str, str]:
    return {item.path: item.state for item in report.open}


def test_the_day_that_is_written_is_named_as_such_and_is_not_unprotected(folder: Path) -> None:
    with EventStore(folder, "binance", SegmentLimits(records=4)) as target:
        put(target, 10)
        target.sync()
        report = verify(folder, verifiers=VERIFIERS)
        assert (report.failures, report.unknown, report.unprotected) == ((), (), ())
        assert states(report) == {f"{DAY}/day.json": "being_written"}
        assert report.as_document()["open"] == [{"path": f"{DAY}/day.json", "state": "being_written"}]
        target.release()
    assert states(verify(folder, verifiers=VERIFIERS)) == {}


def test_a_day_whose_writer_was_stopped_is_left_open(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = EventStore(folder, "binance", SegmentLimits(records=4))
    put(target, 6)

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(store, "write_artifact", killed)
    with pytest.raises(Killed):
        target.seal()
    target.release()
    report = verify(folder, verifiers=VERIFIERS)
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())
    # The second segment is written and in no index yet; its records are in the tail.
    assert states(report) == dict.fromkeys((f"{DAY}/day.json", f"{DAY}/events-000002.parquet", f"{DAY}/messages-000002.parquet"), "left_open")


def test_a_tail_that_becomes_a_segment_meanwhile_is_no_failure(folder: Path) -> None:
    with EventStore(folder, "binance", SegmentLimits(records=4)) as target:
        put(target, 6)
        target.sync()
        report = while_looking(folder, "observation.event_day", target.seal)
        assert (report.failures, report.unknown, report.unprotected) == ((), (), ())
        put(target, 1)
        target.sync()
        report = while_looking(folder, "observation.event_tail", target.seal)
        assert (report.failures, report.unprotected) == ((), ())


def test_a_day_that_ends_meanwhile_is_judged_by_its_seal(folder: Path) -> None:
    with EventStore(folder, "binance", SegmentLimits(records=4)) as target:
        put(target, 6)
        target.sync()
        report = while_looking(folder, "observation.event_day", lambda: put(target, 4, NOON_NS + NS_PER_DAY))
        assert (report.failures, report.unknown, report.unprotected, states(report)) == ((), (), (), {})
        put(target, 4, NOON_NS + 2 * NS_PER_DAY)
        data = bytearray(get_event_segment_paths(get_event_day_path(folder, DAY), "000001")[0].read_bytes())
        data[9] ^= 1
        get_event_segment_paths(get_event_day_path(folder, DAY), "000001")[0].write_bytes(data)
        assert {item.rule for item in verify(folder, verifiers=VERIFIERS).failures} == {"seal", "messages_sha256"}


def test_a_seal_that_is_taken_off_meanwhile_proves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EventStore(folder, "binance", SegmentLimits(records=4)) as target:
        put(target, 6)
    found: list[EventStore] = []

    def goes_on(sealed: Path) -> list[SealFailure]:
        if found:
            return check_seal(sealed)
        found.append(EventStore(folder, "binance", SegmentLimits(records=4)))
        put(found[0], 5)
        return [SealFailure(sealed, "what the seal said that is gone now", "more files")]

    monkeypatch.setattr(verification, "check_seal", goes_on)
    report = verify(folder, verifiers=VERIFIERS)
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())
    assert states(report) == {f"{DAY}/day.json": "being_written"}
    found[0].release()


def test_a_seal_that_comes_and_goes_while_the_day_is_judged_leaves_it_open(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = [EventStore(folder, "binance", SegmentLimits(records=4))]
    put(stores[0], 6)
    stores[0].sync()

    def ends(index: Path) -> bool:
        stores[0].close()
        return is_newest_day(index)

    def goes_on(sealed: Path) -> list[SealFailure]:
        if len(stores) == 1:
            stores.append(EventStore(folder, "binance", SegmentLimits(records=4)))
            put(stores[1], 5)
        return check_seal(sealed)

    monkeypatch.setattr(verification, "is_newest_day", ends)
    monkeypatch.setattr(verification, "check_seal", goes_on)
    report = verify(folder, verifiers=VERIFIERS)
    assert len(stores) == 2
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())
    assert states(report) == {f"{DAY}/day.json": "being_written"}
    stores[1].release()


def test_the_seal_of_an_ended_day_that_is_lost_fails(folder: Path) -> None:
    with EventStore(folder, "binance") as target:
        put(target, 2)
        put(target, 2, NOON_NS + NS_PER_DAY)
    folder.joinpath(DAY, SEAL_NAME).unlink()
    report = verify(folder, verifiers=VERIFIERS)
    assert [(item.path, item.rule) for item in report.failures] == [(f"{DAY}/day.json", "sealed")]


def test_a_stray_segment_far_beyond_the_index_is_not_excused(folder: Path) -> None:
    with EventStore(folder, "binance") as target:
        put(target, 2)
        target.seal()
        index = get_event_day_path(folder, DAY)
        stray = get_event_segment_paths(index, "000009")[0]
        stray.write_bytes(get_event_segment_paths(index, "000001")[0].read_bytes())
        assert verify(folder, verifiers=VERIFIERS).unprotected == (f"{DAY}/{stray.name}",)
        stray.unlink()


def test_whoever_only_looks_keeps_no_writer_out(folder: Path) -> None:
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            is_held(folder)

    looking = [threading.Thread(target=look) for _ in range(3)]
    for thread in looking:
        thread.start()
    try:
        for _ in range(200):
            with EventStore(folder, "binance"):
                assert is_held(folder)
                with pytest.raises(ArtifactError, match="only writer"):
                    EventStore(folder, "binance")
    finally:
        stop.set()
        for thread in looking:
            thread.join()
    assert not is_held(folder)


def test_nothing_is_false_at_any_moment_of_a_busy_writer(folder: Path) -> None:
    stop, ready = threading.Event(), threading.Event()

    def write() -> None:
        at_ns = NOON_NS
        while not stop.is_set():
            with EventStore(folder, "binance", SegmentLimits(records=7)) as target:
                for place in range(16):
                    put(target, 3, at_ns)
                    target.sync()
                    ready.set()
                    at_ns += NS_PER_DAY // 3 if place % 8 == 7 else 0

    writing = threading.Thread(target=write)
    writing.start()
    try:
        assert ready.wait(30)
        for _ in range(40):
            report = verify(folder, verifiers=VERIFIERS)
            assert (report.failures, report.unknown, report.unprotected) == ((), (), ())
    finally:
        stop.set()
        writing.join()
