"""The document port: one numbered compliance suite for every adapter, and what only one of them can show."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore
from tests.fakes.memory_stores import MemoryDocument
from tests.fakes.pool_releases import releases
from tests.fakes.store_relays import Wire, firestore_relay

from tallystick.apps.assembly import document_store
from tallystick.artifacts.canonical import plain
from tallystick.contracts.errors import ArtifactError
from tallystick.universe.ports import DocumentStore, StoreConflict
from tallystick.universe.release_files import summary_document

OLD, NEW = (summary_document(release, "gs://bucket") for release in releases())
Open = Callable[[], DocumentStore]


@pytest.fixture
def relay(firestore_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with firestore_relay(firestore_port) as wire:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", wire.address)
        yield wire


@pytest.fixture(params=["fake", "local", "local file", "firestore"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same document, which does not exist yet, as often as it is called."""
    kind = str(request.param)
    if kind == "fake":
        fake = MemoryDocument()
        return lambda: fake
    if kind.startswith("local"):
        address = f"file://{tmp_path}/{'pool.json' if kind.endswith('file') else 'documents'}"
        return lambda: document_store(address)
    request.getfixturevalue("relay")
    project = f"demo-{uuid.uuid4().hex[:8]}"
    return lambda: document_store(f"firestore://{project}")


def fields(store: DocumentStore) -> Any:
    found = store.get()
    return None if found is None else plain(found.fields)


def test_1_what_is_not_there_is_none_and_not_an_error(opened: Open) -> None:
    assert opened().get() is None


@pytest.mark.clause("D5.28")
def test_2_what_is_created_is_read_back_field_for_field(opened: Open) -> None:
    revision = opened().put(OLD, None)
    found = opened().get()
    assert found is not None
    assert plain(found.fields) == OLD
    assert (found.fields["symbols"], found.revision) == (OLD["symbols"], revision)


def test_3_creating_what_exists_is_a_conflict_and_changes_nothing(opened: Open) -> None:
    opened().put(OLD, None)
    with pytest.raises(StoreConflict):
        opened().put(NEW, None)
    assert fields(opened()) == OLD


def test_4_replacing_needs_the_revision_that_is_there(opened: Open) -> None:
    first = opened().put(OLD, None)
    second = opened().put(NEW, first)
    assert second != first
    with pytest.raises(StoreConflict):
        opened().put(OLD, first)
    assert fields(opened()) == NEW
    assert opened().put(OLD, second) != second


def test_5_replacing_what_is_not_there_is_a_conflict(opened: Open, tmp_path: Path) -> None:
    with pytest.raises(StoreConflict):
        opened().put(NEW, "2025-06-01T00:00:00.000000Z")
    assert opened().get() is None


def test_6_a_replacement_leaves_no_name_of_the_pool_before(opened: Open) -> None:
    """Maps are replaced whole, not merged: a member that left is gone."""
    smaller = {**OLD, "symbols": OLD["symbols"][:4], "pool_size": 4, "symbol_map": {name: OLD["symbol_map"][name] for name in OLD["symbols"][:4]}}
    opened().put(smaller, opened().put(OLD, None))
    assert fields(opened()) == smaller


@pytest.mark.clause("D5.27")
def test_the_default_place_is_document_5s(relay: Wire, tmp_path: Path) -> None:
    project = f"demo-{uuid.uuid4().hex[:8]}"
    document_store(f"firestore://{project}").put(NEW, None)
    stored = firestore.Client(project=project).collection("strategy").document("CRYPTO_LIVE_POOL_ROTATION_LIVE_POOL").get(timeout=10)
    assert stored.to_dict() == NEW
    document_store(str(tmp_path / "documents")).put(NEW, None)
    assert (tmp_path / "documents" / "strategy" / "CRYPTO_LIVE_POOL_ROTATION_LIVE_POOL.json").is_file()
    assert document_store(f"firestore://{project}/other/POOL").get() is None


def test_firestore_commits_carry_their_precondition_on_the_wire(relay: Wire) -> None:
    """The server for tests ignores the time of the last update, so it is asserted where it cannot be missed."""
    store = document_store(f"firestore://demo-{uuid.uuid4().hex[:8]}")
    first = store.put(OLD, None)
    store.put(NEW, first)
    with pytest.raises(StoreConflict):
        store.put(OLD, first)
    assert relay.preconditions == ["exists", "update_time", "update_time"]


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1, "a": 2}'])
def test_a_damaged_local_document_says_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "pool.json").write_text(text)
    with pytest.raises(ArtifactError, match="Delete this file"):
        document_store(str(tmp_path / "pool.json")).get()
