"""Publish, rollback and rivals on the real servers, where a precondition is a request and a kill falls between two of them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.fakes.memory_stores import Killed, SteppedDocument, SteppedObjects, Steps
from tests.fakes.pool_releases import DAYS, after, publisher, releases
from tests.fakes.store_relays import firestore_relay, google_relay
from tests.fakes.store_servers import BUCKET, point_to

from tallystick.apps.assembly import document_store, object_store
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import SafetyRefusal
from tallystick.universe.ports import DocumentStore, ObjectStore
from tallystick.universe.publication import publish, rollback
from tallystick.universe.release_files import CURRENT, FILES_IN_ORDER, ReleaseFiles, object_name
from tallystick.universe.resolution import ReaderSettings, Resolution, resolve_pool

OLD, NEW = releases()
Stores = tuple[ObjectStore, DocumentStore]


@pytest.fixture(params=["s3 and local", "gcs and firestore"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Stores]]:
    """Opens the stores of a name, empty at first, as often as it is called."""
    kind, run = str(request.param), uuid.uuid4().hex[:8]
    if kind.startswith("gcs"):
        with google_relay(request.getfixturevalue("google_port")) as storage, firestore_relay(request.getfixturevalue("firestore_port")) as documents:
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage.address)
            monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", documents.address)
            yield lambda name: (object_store(f"gs://{BUCKET}/{run}/{name}"), document_store(f"firestore://demo-{run}-{name}"))
        return
    point_to(monkeypatch, s3=request.getfixturevalue("s3_port"))
    yield lambda name: (object_store(f"s3://{BUCKET}/{run}/{name}"), document_store(str(tmp_path / name / "documents")))


def read(where: Stores, folder: Path) -> Resolution:
    return resolve_pool(Workspace(folder / "reader"), where[1], lambda _: where[0], ReaderSettings(), now_ns=after(DAYS[1]))


def whole(where: Stores, release: ReleaseFiles) -> bool:
    current = {name: where[0].get(object_name(CURRENT, name)) for name in FILES_IN_ORDER}
    document = where[1].get()
    same = all(found is not None and found.data == release.files[name] for name, found in current.items())
    return same and document is not None and document.fields["version"] == release.version


def to_new(where: Stores, steps: Steps) -> None:
    publish(SteppedObjects(where[0], steps), SteppedDocument(where[1], steps), NEW, publisher("cut"))


def to_old(where: Stores, steps: Steps) -> None:
    rollback(SteppedObjects(where[0], steps), SteppedDocument(where[1], steps), OLD.version, publisher("cut"))


@pytest.mark.parametrize("run", [to_new, to_old])
@pytest.mark.clause("D5.57", "D5.58")
def test_decision_42_a_kill_between_two_requests_leaves_one_whole_release(
    opened: Callable[[str], Stores], run: Callable[[Stores, Steps], None], tmp_path: Path
) -> None:
    """At the steps that matter: after some versioned objects, inside current/, before and after the document. Every step is killed in memory elsewhere."""
    where = opened("a")
    for release in (OLD, NEW):
        publish(*where, release, publisher())
    goal, start = (NEW, OLD) if run is to_new else (OLD, NEW)
    before = (lambda: rollback(*where, OLD.version, publisher())) if run is to_new else (lambda: publish(*where, NEW, publisher()))
    before()
    counted = Steps()
    run(where, counted)
    assert counted.taken > 25
    for last in (counted.taken - 14, counted.taken - 1):
        before()
        assert whole(where, start)
        with pytest.raises(Killed):
            run(where, Steps(last))
        pool = read(opened("a"), tmp_path).pool
        assert (pool.source, pool.version in (OLD.version, NEW.version)) == ("fresh_upstream", True), (last, pool.errors)
        run(opened("a"), Steps())
        assert whole(where, goal)


def test_two_publishers_at_once_are_harmless(opened: Callable[[str], Stores], tmp_path: Path) -> None:
    """A publish and a rollback race from one instant: readers see one whole release throughout, and one more run leaves the stores whole."""
    where = opened("b")
    publish(*where, OLD, publisher())
    seen: list[tuple[str, str | None]] = []
    for round_number in range(2):
        publish(*where, NEW, publisher(f"reset-{round_number}"))
        barrier, refused = threading.Barrier(3), []

        def work(act: Callable[[], object], barrier: threading.Barrier = barrier, refused: list[str] = refused) -> None:
            barrier.wait()
            try:
                act()
            except SafetyRefusal as error:
                refused.append(error.message)

        first, second = opened("b"), opened("b")
        acts = (
            lambda first=first, n=round_number: rollback(*first, OLD.version, publisher(f"back-{n}")),
            lambda second=second, n=round_number: publish(*second, NEW, publisher(f"forth-{n}")),
        )
        threads = [threading.Thread(target=work, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        barrier.wait()
        while any(thread.is_alive() for thread in threads):
            pool = read(opened("b"), tmp_path / "reader").pool
            seen.append((pool.source, pool.version))
        for thread in threads:
            thread.join()
        pool = read(opened("b"), tmp_path / "reader").pool
        seen.append((pool.source, pool.version))
    assert {source for source, _ in seen} == {"fresh_upstream"}, seen
    rollback(*where, OLD.version, publisher("last"))
    assert whole(where, OLD)
