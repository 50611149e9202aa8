"""What a reader gets, tier by tier, and what it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.memory_stores import MemoryDocument, MemoryObjects, network_gone
from tests.fakes.pool_releases import DAYS, VERSIONS, after, build, publisher, releases

from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ConfigurationError
from tallystick.universe.last_known_good import keep_release, last_known_good
from tallystick.universe.ports import ObjectStore, StoredDocument
from tallystick.universe.publication import RECORD, publish, rollback
from tallystick.universe.release_files import CURRENT, FILES_IN_ORDER, object_name, release_folder
from tallystick.universe.resolution import STATIC_UNIVERSE, ReaderSettings, Resolution, resolve_pool

OLD, NEW = releases()
NOW = after(DAYS[1])
AGE_LIMIT = 45


class Upstream:
    """Two published releases, and a reader with a workspace."""

    def __init__(self, folder: Path) -> None:
        self.objects, self.document, self.workspace = MemoryObjects(), MemoryDocument(), Workspace(folder / "reader")
        for release in (OLD, NEW):
            publish(self.objects, self.document, release, publisher())

    def read(self, now_ns: int = NOW, objects_url: str | None = None, **settings: Any) -> Resolution:
        opened: Callable[[str], ObjectStore] = lambda url: self.objects if url == self.objects.url else MemoryObjects(url)  # noqa: E731
        return resolve_pool(self.workspace, self.document, opened, ReaderSettings(**settings), now_ns=now_ns, objects_url=objects_url)

    def remember(self) -> None:
        keep_release(self.workspace, OLD, "gs://memory/crypto-live-pool-pipelines/releases/" + OLD.version, after(DAYS[0]))

    def say(self, **fields: object) -> None:
        stored = self.document.stored
        assert stored is not None
        self.document.stored = StoredDocument({**stored.fields, **fields}, stored.revision)

    def spoil(self, name: str, data: bytes | None = None) -> None:
        found = self.objects.objects[name]
        self.objects.objects[name] = replace(found, data=found.data[:-3] + bytes([found.data[-3] ^ 1]) + found.data[-2:] if data is None else data)


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream(tmp_path)


@pytest.mark.clause("D5.23", "D5.48", "D5.52")
def test_decision_64_a_valid_fresh_document_with_every_checksum_is_fresh_upstream(upstream: Upstream) -> None:
    found = upstream.read()
    pool = found.pool
    assert (pool.source, pool.degraded, pool.is_fresh) == ("fresh_upstream", False, True)
    assert (pool.version, pool.as_of_date, pool.age_days, pool.loaded_at) == (VERSIONS[1], DAYS[1], 1, "2025-06-01T00:00:00Z")
    assert (pool.errors, pool.messages) == ((), ())
    # The store sorts the keys of maps; the order is that of `symbols`.
    stored = upstream.document.stored
    assert stored is not None
    assert list(stored.fields["symbol_map"]) == sorted(stored.fields["symbol_map"])
    assert list(pool.symbol_map) == list(NEW.pool.symbols) != sorted(NEW.pool.symbols)
    assert pool.manifest_sha256 == NEW.manifest_sha256


@pytest.mark.clause("D5.32", "D5.33")
def test_a_reader_relies_on_the_summary_fields_only(upstream: Upstream) -> None:
    plain_answer = upstream.read().pool
    upstream.say(ranking=[{"symbol": "XUSDT", "current_rank": 1}], selection_meta={"XUSDT": {"final_score": 1.0}}, note="from somebody else")
    assert upstream.read().pool == plain_answer


def damaged(what: str) -> Callable[[Upstream], None]:
    cases: dict[str, Callable[[Upstream], None]] = {
        "no document": lambda up: setattr(up.document, "stored", None),
        "a field is missing": lambda up: setattr(up.document, "stored", StoredDocument({"version": NEW.version}, "1")),
        "another pool": lambda up: up.say(symbols=list(reversed(NEW.pool.symbols))),
        "a version that is not there": lambda up: point_at(up, "2025-05-30"),
        "points into another bucket": lambda up: point_at(up, DAYS[1], "gs://elsewhere"),
        "manifest off by one byte": lambda up: up.spoil(object_name(release_folder(NEW.version), "artifact_manifest")),
        "checksum in the manifest off by one": flip_checksum,
        "ranking off by one byte": lambda up: up.spoil(object_name(release_folder(NEW.version), "latest_ranking")),
        "versioned object missing": lambda up: up.objects.objects.pop(object_name(release_folder(NEW.version), "live_pool")) and None,
        "current object missing": lambda up: up.objects.objects.pop(object_name(CURRENT, "live_pool_legacy")) and None,
        "current manifest off by one byte": lambda up: up.spoil(object_name(CURRENT, "artifact_manifest")),
        "current pool off by one byte": lambda up: up.spoil(object_name(CURRENT, "live_pool")),
        "current from a release that nobody publishes": lambda up: up.spoil(object_name(CURRENT, "live_pool"), OLD.files["live_pool"]),
    }
    return cases[what]


def point_at(up: Upstream, day: str, root: str = "gs://memory") -> None:
    assert up.document.stored is not None
    text = json.dumps(dict(up.document.stored.fields)).replace(f"/{VERSIONS[1]}", f"/{day}-core_major").replace("gs://memory", root)
    fields = json.loads(text)
    up.document.stored = StoredDocument({**fields, "version": f"{day}-core_major", "as_of_date": day}, "1")


def flip_checksum(up: Upstream) -> None:
    name = object_name(release_folder(NEW.version), "artifact_manifest")
    document = json.loads(up.objects.objects[name].data)
    digest = document["artifacts"]["live_pool"]["sha256"]
    document["artifacts"]["live_pool"]["sha256"] = ("0" if digest[0] != "0" else "1") + digest[1:]
    up.spoil(name, json.dumps(document).encode())


WHAT = {
    "no document": "expected the summary document, found none",
    "a field is missing": "field as_of_date",
    "another pool": "found another symbols",
    "a version that is not there": "found none",
    "points into another bucket": "expected the file artifact_manifest.json of a release, found none",
    "manifest off by one byte": "artifact_manifest.json",
    "checksum in the manifest off by one": "expected SHA-256",
    "ranking off by one byte": "expected SHA-256",
    "versioned object missing": "expected the file live_pool.json of a release, found none",
    "current object missing": "expected live_pool_legacy.json of 2025-05-31-core_major, found none",
    "current manifest off by one byte": "expected artifact_manifest.json of 2025-05-31-core_major, found other bytes",
    "current pool off by one byte": "expected live_pool.json of 2025-05-31-core_major, found other bytes",
    "current from a release that nobody publishes": "expected live_pool.json of 2025-05-31-core_major, found other bytes",
}


@pytest.mark.clause("D5.49", "D5.51", "D5.52", "D5.55")
@pytest.mark.parametrize("what", WHAT)
def test_damage_upstream_is_named_and_the_last_known_good_stands_in(upstream: Upstream, what: str) -> None:
    damaged(what)(upstream)
    static = upstream.read().pool
    assert (static.source, static.degraded, tuple(static.symbol_map)) == ("static", True, STATIC_UNIVERSE)
    assert static.errors[0].startswith("fresh_upstream: ")
    assert WHAT[what] in static.errors[0]
    assert any(text.startswith("degraded: the static list") for text in static.messages)
    upstream.remember()
    pool = upstream.read().pool
    assert (pool.source, pool.degraded, pool.version) == ("last_known_good", True, OLD.version)
    assert list(pool.symbol_map) == list(OLD.pool.symbols)


@pytest.mark.clause("D5.53", "D5.54")
def test_a_stale_document_is_degraded_and_told_apart(upstream: Upstream) -> None:
    assert upstream.read(after(DAYS[1], AGE_LIMIT)).pool.source == "fresh_upstream"
    upstream.remember()
    stale = upstream.read(after(DAYS[1], AGE_LIMIT + 1)).pool
    assert (stale.source, stale.degraded) == ("last_known_good", True)
    assert f"stale: expected a snapshot at most 45 days old, found {DAYS[1]}, 46 days old" in stale.errors[0]
    assert upstream.read(after(DAYS[1], AGE_LIMIT + 1), max_age_days=60).pool.source == "fresh_upstream"


@pytest.mark.clause("D5.49")
def test_decision_43_an_old_last_known_good_is_reported_and_still_used_before_static(upstream: Upstream) -> None:
    upstream.remember()
    pool = upstream.read(after(DAYS[0], 400)).pool
    assert (pool.source, pool.age_days) == ("last_known_good", 400)
    assert any(f"stale: the snapshot of {DAYS[0]} is 400 days old, limit 45" in text for text in pool.messages)


@pytest.mark.clause("D5.53")
def test_a_document_from_the_future_is_refused(upstream: Upstream) -> None:
    pool = upstream.read(after(DAYS[1], -3)).pool
    assert pool.source == "static"
    assert f"not in the future, found {DAYS[1]}, 3 days ahead" in pool.errors[0]


def test_a_mode_or_a_size_that_the_reader_does_not_accept_is_refused(upstream: Upstream) -> None:
    assert "expected the mode broad_liquid, found core_major" in upstream.read(modes=("broad_liquid",)).pool.errors[0]
    assert "expected a pool of 7, found 5" in upstream.read(pool_size=7).pool.errors[0]
    assert upstream.read(pool_size=None).pool.is_fresh


def test_a_document_that_points_out_of_the_named_store_is_refused(upstream: Upstream) -> None:
    assert upstream.read(objects_url="gs://memory").pool.is_fresh
    assert "points into gs://other" in upstream.read(objects_url="gs://other").pool.errors[0]


@pytest.mark.parametrize("error", [network_gone(), ConfigurationError("expected credentials, found none")])
def test_a_store_that_fails_is_a_lower_tier_and_no_crash(upstream: Upstream, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    upstream.document.get = fail  # type: ignore[assignment]
    pool = upstream.read().pool
    assert (pool.source, str(error) in pool.errors[0]) == ("static", True)


@pytest.mark.clause("D5.50")
@pytest.mark.parametrize("name", ["live_pool.json", "live_pool_legacy.json"])
def test_a_local_file_counts_only_where_it_is_named_and_valid(upstream: Upstream, tmp_path: Path, name: str) -> None:
    upstream.document.stored = None
    folder = build(Workspace(tmp_path / "upstream"), DAYS[0])
    alone = tmp_path / name
    alone.write_bytes((folder / name).read_bytes())
    assert upstream.read().pool.source == "static"
    for path, digest in ((folder / name, OLD.manifest_sha256), (alone, None)):
        pool = upstream.read(local_file=path).pool
        assert (pool.source, pool.degraded, pool.version, pool.manifest_sha256) == ("local_file", True, OLD.version, digest)
        assert list(pool.symbol_map) == list(OLD.pool.symbols)
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    assert "expected SHA-256" in upstream.read(local_file=folder / name).pool.errors[-1]
    alone.write_bytes(alone.read_bytes().replace(b"USDT", b"USDC", 1))
    broken = upstream.read(local_file=alone).pool
    assert (broken.source, broken.errors[-1].startswith("local_file: ")) == ("static", True)
    assert "found: No such file" in upstream.read(local_file=tmp_path / "none.json").pool.errors[-1]


@pytest.mark.clause("D5.51", "D5.55")
def test_static_is_the_last_resort_and_says_so(upstream: Upstream) -> None:
    upstream.document.stored = None
    pool = upstream.read(static=("ETHUSDT", "BCHUSDT")).pool
    assert (pool.source, pool.degraded, dict(pool.symbol_map)) == ("static", True, {"ETHUSDT": "ETH", "BCHUSDT": "BCH"})
    assert (pool.version, pool.age_days, pool.manifest_sha256) == (None, None, None)
    assert [text.split(":")[0] for text in pool.errors] == ["fresh_upstream", "last_known_good", "local_file"]


def test_a_publish_under_way_is_told_from_damage(upstream: Upstream) -> None:
    """current/ holds files of both releases that its record names: the document's release is read under its version."""
    record = json.dumps({"target": OLD.version, "in_current": [NEW.version, OLD.version], "holder": "x", "opened_at": "2025-06-01T00:00:00Z"})
    upstream.spoil(RECORD, record.encode())
    for name in FILES_IN_ORDER[:2]:
        upstream.spoil(object_name(CURRENT, name), OLD.files[name])
    pool = upstream.read().pool
    assert (pool.source, pool.version) == ("fresh_upstream", NEW.version)
    assert "on its way" in pool.messages[0]
    upstream.spoil(object_name(CURRENT, "live_pool"), b"{}")
    assert upstream.read().pool.source == "static"


def test_a_reader_follows_a_rollback(upstream: Upstream) -> None:
    rollback(upstream.objects, upstream.document, OLD.version, publisher())
    assert upstream.read().pool.version == OLD.version


def test_what_is_kept_verifies_and_damage_to_it_is_found(upstream: Upstream) -> None:
    upstream.remember()
    keep_release(upstream.workspace, NEW, "gs://memory/x", NOW)
    assert last_known_good(upstream.workspace)[0].manifest_sha256 == NEW.manifest_sha256
    report = verify(upstream.workspace.root)
    assert (report.failures, report.unknown) == ((), ())
    upstream.document.stored = None
    for path in sorted((upstream.workspace.root / "state" / "pool" / "releases" / NEW.version).rglob("*.json")):
        whole = path.read_bytes()
        path.write_bytes(whole[:-4] + bytes([whole[-4] ^ 1]) + whole[-3:])
        assert upstream.read().pool.source == "static", path.name
        # A reader that sees a fresh release repairs what it keeps.
        keep_release(upstream.workspace, NEW, "gs://memory/x", NOW)
        assert upstream.read().pool.source == "last_known_good", path.name
