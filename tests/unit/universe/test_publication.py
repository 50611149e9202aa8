"""Publish and roll back: the order, what a kill at any step leaves to readers, and two publishers at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fakes.memory_stores import Killed, MemoryDocument, MemoryObjects, SteppedDocument, SteppedObjects, Steps, network_gone
from tests.fakes.pool_releases import DAYS, VERSIONS, after, publisher, releases

from tallystick.adapters.stores.local_documents import LocalDocument
from tallystick.adapters.stores.local_objects import LocalObjects
from tallystick.artifacts.canonical import plain
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.checking import check, parse
from tallystick.contracts.errors import ArtifactError, SafetyRefusal
from tallystick.contracts.pool import SummaryDocument
from tallystick.contracts.pool_rules import FILES, NAMESPACE
from tallystick.contracts.registry import contract
from tallystick.universe.ports import DocumentStore, ObjectStore, StoreConflict, StoreUnavailable
from tallystick.universe.publication import RECORD, Publication, publish, published_versions, rollback
from tallystick.universe.release_files import CURRENT, FILES_IN_ORDER, RELEASES, ReleaseFiles, object_name, release_folder
from tallystick.universe.resolution import ReaderSettings, Resolution, resolve_pool

OLD, NEW = releases()
NOW = after(DAYS[1])
Stores = tuple[ObjectStore, DocumentStore]


def stores(kind: str, folder: Path) -> Stores:
    if kind == "memory":
        return MemoryObjects(), MemoryDocument()
    return LocalObjects(folder / "objects" / "pool"), LocalDocument(folder / "documents" / "strategy" / "document.json")


def read(where: Stores, workspace: Path) -> Resolution:
    """A reader without a memory of its own: tier one or the static list."""
    return resolve_pool(Workspace(workspace / "reader"), where[1], lambda url: where[0], ReaderSettings(), now_ns=NOW)


def whole(where: Stores, release: ReleaseFiles) -> bool:
    """Whether the stores hold one release and nothing of another, outside releases/."""
    current = {name: where[0].get(object_name(CURRENT, name)) for name in FILES_IN_ORDER}
    document = where[1].get()
    same = all(found is not None and found.data == release.files[name] for name, found in current.items())
    return same and document is not None and document.fields["version"] == release.version


@pytest.fixture(params=["memory", "local"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    return stores(request.param, tmp_path)


@pytest.mark.clause("D5.01", "D5.34", "D5.35")
def test_publish_writes_versioned_then_current_then_the_document(tmp_path: Path) -> None:
    order: list[str] = []

    class Noting(MemoryObjects):
        def put(self, name: str, data: bytes, revision: str | None) -> str:
            order.append(name)
            return super().put(name, data, revision)

    class NotingDocument(MemoryDocument):
        def put(self, fields: object, revision: str | None) -> str:
            order.append("document")
            return super().put(fields, revision)  # type: ignore[arg-type]

    found = publish(Noting(), NotingDocument(), NEW, publisher())
    versioned = [f"{NAMESPACE}/releases/{VERSIONS[1]}/{FILES[name]}" for name in FILES_IN_ORDER]
    current = [f"{NAMESPACE}/current/{FILES[name]}" for name in FILES_IN_ORDER]
    assert order == [*versioned, RECORD, *current, RECORD, "document"]
    assert order[4].endswith("artifact_manifest.json")
    assert found == Publication(VERSIONS[1], None, tuple(versioned), tuple(current), True)


@pytest.mark.clause("D5.28", "D5.29", "D5.30", "D5.31", "D5.32")
def test_the_document_is_document_5s_field_for_field(where: Stores) -> None:
    publish(*where, NEW, publisher())
    stored = where[1].get()
    assert stored is not None
    item = contract("universe.summary_document")
    summary: SummaryDocument = parse(item, plain(stored.fields))
    check(item, summary)
    assert sorted(stored.fields) == sorted(SummaryDocument.model_fields)
    root = f"{where[0].url}/{NAMESPACE}"
    assert summary.storage_prefix == f"{root}/releases/{VERSIONS[1]}"
    assert summary.current_prefix == f"{root}/current"
    assert summary.latest_ranking_uri == f"{root}/current/latest_ranking.csv"
    assert summary.versioned_artifact_manifest_uri == f"{root}/releases/{VERSIONS[1]}/artifact_manifest.json"
    assert list(summary.symbols) == list(NEW.pool.symbols)
    assert summary.generated_at == NEW.manifest.generated_at
    assert "ranking" not in {name for name in stored.fields if not name.endswith("_uri")}


def test_the_same_release_again_writes_nothing(where: Stores) -> None:
    publish(*where, NEW, publisher("one"))
    record = where[0].get(RECORD)
    found = publish(*where, NEW, publisher("two"))
    assert found == Publication(VERSIONS[1], VERSIONS[1], (), (), False)
    assert where[0].get(RECORD) == record


@pytest.mark.clause("D5.36")
def test_objects_of_a_published_version_never_change(where: Stores) -> None:
    publish(*where, NEW, publisher())
    folder = release_folder(NEW.version)
    lie = NEW.files["artifact_manifest"].replace(b"T00:00:00+00:00", b"T01:00:00+00:00")
    assert lie != NEW.files["artifact_manifest"]
    other = ReleaseFiles({**NEW.files, "artifact_manifest": lie}, NEW.pool, NEW.manifest)
    with pytest.raises(SafetyRefusal, match=r"as they were published, found this release with another artifact_manifest\.json"):
        publish(*where, other, publisher())
    found = where[0].get(object_name(folder, "artifact_manifest"))
    assert found is not None
    assert found.data == NEW.files["artifact_manifest"]
    assert whole(where, NEW)


def test_a_version_that_was_never_finished_may_be_made_anew(where: Stores) -> None:
    where[0].put(object_name(release_folder(NEW.version), "live_pool"), b"cut", None)
    publish(*where, NEW, publisher())
    assert whole(where, NEW)


def test_an_older_release_is_refused_with_the_way_back(where: Stores) -> None:
    publish(*where, NEW, publisher())
    with pytest.raises(SafetyRefusal, match=f"newer than {NEW.version}.*pool rollback {OLD.version}"):
        publish(*where, OLD, publisher())
    assert whole(where, NEW)


@pytest.mark.clause("D5.56", "D5.57", "D5.58", "D5.59")
def test_decision_41_rollback_brings_back_all_five_files_and_the_document(where: Stores, tmp_path: Path) -> None:
    publish(*where, OLD, publisher())
    first = where[1].get()
    publish(*where, NEW, publisher())
    assert published_versions(where[0]) == VERSIONS
    found = rollback(*where, OLD.version, publisher())
    assert (found.version, found.previous, len(found.current), found.document_written) == (OLD.version, NEW.version, 5, True)
    assert whole(where, OLD)
    back = where[1].get()
    assert first is not None
    assert back is not None
    # Readers need no change: the document is the very one of that release, and the reader is the same.
    assert dict(back.fields) == dict(first.fields)
    assert read(where, tmp_path).pool.version == OLD.version
    assert rollback(*where, OLD.version, publisher()) == Publication(OLD.version, OLD.version, (), (), False)
    assert publish(*where, NEW, publisher()).uploaded == ()
    assert whole(where, NEW)


def test_rollback_to_a_version_that_is_not_whole_names_those_that_are(where: Stores) -> None:
    publish(*where, NEW, publisher())
    with pytest.raises(ArtifactError, match=f"found none.*Published here: {NEW.version}"):
        rollback(*where, OLD.version, publisher())
    data = bytearray(OLD.files["live_pool"])
    data[-3] ^= 1
    for name in FILES_IN_ORDER:
        where[0].put(object_name(release_folder(OLD.version), name), bytes(data) if name == "live_pool" else OLD.files[name], None)
    with pytest.raises(ArtifactError, match="SHA-256"):
        rollback(*where, OLD.version, publisher())
    assert whole(where, NEW)


def to_new(where: Stores, steps: Steps) -> None:
    publish(SteppedObjects(where[0], steps), SteppedDocument(where[1], steps), NEW, publisher("cut"))


def back_to_old(where: Stores, steps: Steps) -> None:
    rollback(SteppedObjects(where[0], steps), SteppedDocument(where[1], steps), OLD.version, publisher("cut"))


RUNS = {"publish": (to_new, (OLD,), {OLD.version, NEW.version}), "rollback": (back_to_old, (OLD, NEW), {OLD.version, NEW.version})}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize(("error", "after_step"), [(Killed, True), (network_gone, False)])
@pytest.mark.clause("D5.48", "D5.58")
def test_decision_42_a_kill_at_any_step_leaves_readers_on_one_whole_release(
    name: str, after_step: bool, error: Callable[[], BaseException], where: Stores, tmp_path: Path
) -> None:
    """After every single operation of every store; the next run, whichever it is, leaves the stores whole."""
    run, before, allowed = RUNS[name]
    counted = Steps()
    run(prepared(where, before), counted)
    assert counted.taken > 20
    # Every operation in memory; on disk, where each is a file and a sync, every third, each time another third.
    start, stride = (1, 1) if isinstance(where[0], MemoryObjects) else (1 + after_step, 3)
    for last in range(start, counted.taken + 1, stride):
        here = stores("memory" if stride == 1 else "local", tmp_path / f"{last}")
        prepared(here, before)
        with pytest.raises((Killed, StoreUnavailable)):
            run(here, Steps(last, after=after_step, error=error))
        pool = read(here, tmp_path).pool
        assert pool.source == "fresh_upstream", (last, pool.errors)
        assert pool.version in allowed
        if last % 2:
            run(here, Steps())
        else:
            rollback(*here, OLD.version, publisher("next"))
        wanted = NEW if name == "publish" and last % 2 else OLD
        assert whole(here, wanted), last
        assert read(here, tmp_path).pool.version == wanted.version
        record = here[0].get(RECORD)
        assert record is not None
        assert json.loads(record.data) == {"target": wanted.version, "in_current": [wanted.version]}


def prepared(where: Stores, published: tuple[ReleaseFiles, ...]) -> Stores:
    for release in published:
        publish(*where, release, publisher())
    return where


class Between:
    """An object store that lets somebody else act once, just before a chosen operation."""

    def __init__(self, store: ObjectStore, at: int, act: Callable[[], object]) -> None:
        self._store, self._at, self._act, self._count = store, at, act, 0

    @property
    def url(self) -> str:
        return self._store.url

    def _step(self) -> None:
        self._count += 1
        if self._count == self._at:
            self._act()

    def get(self, name: str) -> object:
        self._step()
        return self._store.get(name)

    def put(self, name: str, data: bytes, revision: str | None) -> str:
        self._step()
        return self._store.put(name, data, revision)

    def names(self, prefix: str) -> tuple[str, ...]:
        self._step()
        return self._store.names(prefix)


def test_two_publishers_of_different_releases_never_mix(where: Stores, tmp_path: Path) -> None:
    """The second one runs whole, just before every single operation of the first: one wins, the other is told, and readers see one release."""
    early, late = OLD, NEW
    operations = Steps()
    publish(SteppedObjects(MemoryObjects(), operations), MemoryDocument(), early, publisher())
    kind = "memory" if isinstance(where[0], MemoryObjects) else "local"
    refused, whole_at_once, tried = 0, 0, 0
    for at in range(1, operations.taken + 1, 1 if kind == "memory" else 4):
        here = stores(kind, tmp_path / f"{at}")
        slow = Between(here[0], at, lambda here=here: publish(*here, late, publisher("fast")))  # type: ignore[misc]
        try:
            publish(slow, here[1], early, publisher("slow"))  # type: ignore[arg-type]
        except SafetyRefusal:
            refused += 1
        pool = read(here, tmp_path / f"{at}").pool
        assert (pool.source, pool.version) == ("fresh_upstream", late.version), (at, pool.errors)
        tried, whole_at_once = tried + 1, whole_at_once + whole(here, late)
        publish(*here, late, publisher("again"))
        assert whole(here, late), at
    # The first one is told each time, and has not touched what the other one published.
    assert refused == whole_at_once == tried


def test_two_publishers_of_one_release_both_find_it_published(where: Stores, tmp_path: Path) -> None:
    kind = "memory" if isinstance(where[0], MemoryObjects) else "local"
    for at in range(1, 8):
        here = stores(kind, tmp_path / f"{at}")
        slow = Between(here[0], at, lambda here=here: publish(*here, NEW, publisher("fast")))  # type: ignore[misc]
        publish(slow, here[1], NEW, publisher("slow")) if at > 1 else publish(*here, NEW, publisher())  # type: ignore[arg-type]
        assert whole(here, NEW)


def test_a_claim_that_was_taken_over_stops_the_first_publisher(where: Stores) -> None:
    publish(*where, OLD, publisher())
    taken = Between(where[0], 20, lambda: takeover(where[0]))
    with pytest.raises(StoreConflict, match="another one took over"):
        publish(taken, where[1], NEW, publisher("first"))  # type: ignore[arg-type]


def takeover(objects: ObjectStore) -> None:
    found = objects.get(RECORD)
    assert found is not None
    document = json.loads(found.data)
    assert len(document["in_current"]) == 2, "the first publisher holds its claim by now"
    objects.put(RECORD, json.dumps({**document, "holder": "second"}).encode(), found.revision)


def test_a_damaged_record_is_an_error_that_says_what_to_do(where: Stores) -> None:
    where[0].put(RECORD, b"{", None)
    with pytest.raises(ArtifactError, match="Delete this object"):
        publish(*where, NEW, publisher())


def test_current_without_a_record_is_taken_over(where: Stores, tmp_path: Path) -> None:
    """What an upstream without our record has published."""
    publish(*where, OLD, publisher())
    assert isinstance(where[0], MemoryObjects | LocalObjects)
    if isinstance(where[0], MemoryObjects):
        del where[0].objects[RECORD]
    else:
        (tmp_path / "objects" / "pool" / RECORD).unlink()
    steps = Steps(24)
    with pytest.raises(Killed):
        to_new(where, steps)
    record = where[0].get(RECORD)
    assert record is not None
    assert json.loads(record.data)["in_current"] == [OLD.version, NEW.version]
    assert read(where, tmp_path).pool.source == "fresh_upstream"


def test_only_finished_versions_are_listed(where: Stores) -> None:
    where[0].put(f"{RELEASES}/2024-01-31-core_major/live_pool.json", b"{}", None)
    publish(*where, OLD, publisher())
    assert published_versions(where[0]) == (OLD.version,)
