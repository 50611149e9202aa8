"""The object-store port: one numbered compliance suite for every adapter, and what only one of them can show."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from obstore.store import MemoryStore
from tests.fakes.memory_stores import MemoryObjects
from tests.fakes.store_relays import Wire, google_relay
from tests.fakes.store_servers import BUCKET, point_to

from tallystick.adapters.stores.local_objects import LocalObjects
from tallystick.adapters.stores.obstore_objects import ObstoreObjects
from tallystick.apps.assembly import object_store
from tallystick.artifacts.atomic import write_atomic_bytes
from tallystick.contracts.errors import ConfigurationError
from tallystick.universe.ports import ObjectStore, StoreConflict

Open = Callable[[], ObjectStore]


@pytest.fixture(params=["fake", "memory", "local", "s3", "s3 with a prefix", "gcs", "gcs with a prefix"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens the same empty store as often as it is called, as two processes would."""
    kind, _, prefixed = str(request.param).partition(" ")
    prefix = f"{uuid.uuid4().hex}/deep" if prefixed else uuid.uuid4().hex
    if kind == "fake":
        fake = MemoryObjects()
        yield lambda: fake
    elif kind == "memory":
        memory = MemoryStore()
        yield lambda: ObstoreObjects(memory, "memory://x")
    elif kind == "local":
        yield lambda: object_store(f"{tmp_path / 'objects'}")
    elif kind == "s3":
        point_to(monkeypatch, s3=request.getfixturevalue("s3_port"))
        yield lambda: object_store(f"s3://{BUCKET}/{prefix}")
    else:
        with google_relay(request.getfixturevalue("google_port")) as wire:
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", wire.address)
            yield lambda: object_store(f"gs://{BUCKET}/{prefix}")


def test_1_what_is_not_there_is_none_and_not_an_error(opened: Open) -> None:
    assert opened().get("a/b.json") is None
    assert opened().names("a/") == ()


def test_2_what_is_created_is_read_back_with_its_revision(opened: Open) -> None:
    data = bytes(range(256)) * 33
    revision = opened().put("a/b.bin", data, None)
    found = opened().get("a/b.bin")
    assert found is not None
    assert (found.data, found.revision) == (data, revision)


def test_3_creating_what_exists_is_a_conflict_and_changes_nothing(opened: Open) -> None:
    opened().put("a/b", b"one", None)
    with pytest.raises(StoreConflict):
        opened().put("a/b", b"two", None)
    found = opened().get("a/b")
    assert found is not None
    assert found.data == b"one"


def test_4_replacing_needs_the_revision_that_is_there(opened: Open) -> None:
    first = opened().put("a/b", b"one", None)
    second = opened().put("a/b", b"two", first)
    assert second != first
    with pytest.raises(StoreConflict):
        opened().put("a/b", b"three", first)
    found = opened().get("a/b")
    assert found is not None
    assert (found.data, found.revision) == (b"two", second)


def test_5_replacing_what_is_not_there_is_a_conflict(opened: Open) -> None:
    revision = opened().put("a/other", b"one", None)
    with pytest.raises(StoreConflict):
        opened().put("a/none", b"two", revision)
    assert opened().get("a/none") is None


def test_6_names_are_whole_sorted_and_only_below_the_prefix(opened: Open) -> None:
    for name in ("r/2/b", "r/1/a.json", "rest/x", "r/2/a", "q"):
        opened().put(name, name.encode(), None)
    assert opened().names("r/") == ("r/1/a.json", "r/2/a", "r/2/b")
    assert opened().names("r/2/") == ("r/2/a", "r/2/b")


def test_7_an_empty_object_is_an_object(opened: Open) -> None:
    opened().put("a/empty", b"", None)
    found = opened().get("a/empty")
    assert found is not None
    assert found.data == b""


def test_8_of_many_writers_with_one_revision_exactly_one_wins(opened: Open) -> None:
    revision = opened().put("a/b", b"start", None)
    won: list[bytes] = []
    stores = [opened() for _ in range(4)]

    def write(number: int) -> None:
        try:
            stores[number].put("a/b", b"%d" % number, revision)
        except StoreConflict:
            return
        won.append(b"%d" % number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = opened().get("a/b")
    assert found is not None
    assert [found.data] == won


def test_9_the_address_begins_every_uri(opened: Open) -> None:
    url = opened().url
    assert "://" in url
    assert not url.endswith("/")


@pytest.fixture
def google(google_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with google_relay(google_port) as wire:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", wire.address)
        yield wire


@pytest.mark.clause("D5.36")
def test_google_uploads_carry_the_generation_on_the_wire(google: Wire) -> None:
    """The server for tests ignores it, so it is asserted where it cannot be missed."""
    folder = uuid.uuid4().hex
    store = object_store(f"gs://{BUCKET}/{folder}")
    first = store.put("a.json", b"one", None)
    store.put("a.json", b"two", first)
    with pytest.raises(StoreConflict):
        store.put("a.json", b"three", first)
    assert google.uploads == [(f"{folder}/a.json", "0"), (f"{folder}/a.json", first), (f"{folder}/a.json", first)]
    assert first.isdigit()


def test_what_a_killed_local_writer_left_is_no_object(tmp_path: Path) -> None:
    store = LocalObjects(tmp_path)
    store.put("a/b", b"one", None)
    write_atomic_bytes(tmp_path / "a" / ".b.1-1-1.tmp", b"half")
    assert store.names("a/") == ("a/b",)


def test_reading_a_local_store_makes_no_folder_and_leaves_it_never(tmp_path: Path) -> None:
    store = object_store(f"file://{tmp_path}/none")
    assert (store.get("a"), store.names("a/")) == (None, ())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigurationError, match="below the workspace"):
        store.get("../secret")
