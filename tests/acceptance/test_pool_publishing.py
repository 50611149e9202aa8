"""One release published to each of the three stores by the command, read back by other clients than ours, followed, and rolled back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from google.cloud import firestore
from tests.fakes.pool_releases import DAYS, VERSIONS, build
from tests.fakes.quickstart_workspace import call, files_of
from tests.fakes.source_tree import ROOT
from tests.fakes.store_servers import BUCKET, firestore_port, google_port, point_to, s3_port

from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace, get_output_dir

__all__ = ["firestore_port", "google_port", "s3_port"]

NOWS = ("2025-05-01", "2025-06-01")
FIVE = ("latest_universe.json", "latest_ranking.csv", "live_pool.json", "live_pool_legacy.json", "artifact_manifest.json")
NAMESPACE = "crypto-live-pool-pipelines"
# Document 5, letter for letter.
CORE = {"as_of_date", "version", "mode", "pool_size", "symbols", "symbol_map", "source_project"}
POINTERS = {"storage_prefix", "current_prefix", "live_pool_uri", "live_pool_legacy_uri", "artifact_manifest_uri", "latest_universe_uri", "latest_ranking_uri"}
POINTERS |= {"versioned_live_pool_legacy_uri", "versioned_artifact_manifest_uri"}
MANIFEST = {"manifest_type", "contract_version", "strategy_profile", "artifact_type", "artifact_name", "as_of_date", "snapshot_as_of", "version", "mode"}
MANIFEST |= {"symbol_count", "symbols", "source_project", "generated_at", "primary_artifact", "artifacts"}


@dataclass(frozen=True)
class Target:
    """Where to publish, and how another client reads: an object by its name below the address, and the document."""

    to: str
    document: str
    read: Callable[[str], bytes]
    read_document: Callable[[], dict[str, Any]]


@pytest.fixture(params=["file", "s3", "gs"])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    kind, prefix = str(request.param), uuid.uuid4().hex[:8]
    documents = tmp_path / "documents"

    def local() -> dict[str, Any]:
        found: dict[str, Any] = json.loads((documents / "strategy" / "CRYPTO_LIVE_POOL_ROTATION_LIVE_POOL.json").read_bytes())
        return found

    if kind == "file":
        folder = tmp_path / "objects" / "pool"
        yield Target(f"file://{folder}", f"file://{documents}", lambda name: (folder / name).read_bytes(), local)
    elif kind == "s3":
        port = request.getfixturevalue("s3_port")
        point_to(monkeypatch, s3=port)
        client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1")
        yield Target(
            f"s3://{BUCKET}/{prefix}", str(documents), lambda name: bytes(client.get_object(Bucket=BUCKET, Key=f"{prefix}/{name}")["Body"].read()), local
        )
    else:
        port = request.getfixturevalue("google_port")
        point_to(monkeypatch, gcs=port, firestore=request.getfixturevalue("firestore_port"))
        place = f"http://127.0.0.1:{port}/storage/v1/b/{BUCKET}/o/"

        def download(name: str) -> bytes:
            with urllib.request.urlopen(f"{place}{quote(f'{prefix}/{name}', safe='')}?alt=media", timeout=10) as answer:
                return bytes(answer.read())

        def remote() -> dict[str, Any]:
            found = firestore.Client(project=prefix).collection("strategy").document("CRYPTO_LIVE_POOL_ROTATION_LIVE_POOL").get(timeout=10).to_dict()
            assert found is not None
            return dict(found)

        yield Target(f"gs://{BUCKET}/{prefix}", f"firestore://{prefix}", download, remote)


def run(*arguments: str | Path) -> dict[str, Any]:
    answer = call("pool", *arguments, "--json")
    assert (answer.code, answer.err) == (0, ""), answer.out
    return answer.document


def published(target: Target, version: str, release: dict[str, bytes]) -> None:
    """What another client finds is the release, byte for byte and field for field."""
    for folder in (f"releases/{version}", "current"):
        for name in FIVE:
            assert target.read(f"{NAMESPACE}/{folder}/{name}") == release[name], (folder, name)
    document, pool = target.read_document(), json.loads(release["live_pool.json"])
    root = f"{target.to}/{NAMESPACE}"
    assert set(document) == CORE | POINTERS | {"generated_at", "artifact_contract_version"}
    assert {name: document[name] for name in CORE} == {name: pool[name] for name in CORE}
    assert document["storage_prefix"] == f"{root}/releases/{version}"
    assert document["current_prefix"] == f"{root}/current"
    for name in FIVE:
        stem = name.split(".", maxsplit=1)[0]
        assert document[f"{stem}_uri"] == f"{root}/current/{name}"
        if f"versioned_{stem}_uri" in document:
            assert document[f"versioned_{stem}_uri"] == f"{root}/releases/{version}/{name}"
    manifest = json.loads(release["artifact_manifest.json"])
    assert set(manifest) >= MANIFEST
    assert set(manifest) - MANIFEST <= {"coverage_sha256", "build_report_sha256"}
    assert {name: row["sha256"] for name, row in manifest["artifacts"].items()} == {
        name.split(".", maxsplit=1)[0]: sha256_bytes(release[name]) for name in FIVE if name != "artifact_manifest.json"
    }
    assert (document["artifact_contract_version"], document["generated_at"]) == (manifest["contract_version"], manifest["generated_at"])
    legacy = json.loads(release["live_pool_legacy.json"])
    assert set(legacy) == CORE
    assert legacy["symbols"] == legacy["symbol_map"] == pool["symbol_map"]
    assert list(legacy["symbols"]) == pool["symbols"] == manifest["symbols"]
    assert set(pool) == CORE


@pytest.mark.clause("D5.01", "D5.09", "D5.13", "D5.19", "D5.27", "D5.28", "D5.29", "D5.30", "D5.31", "D5.34", "D5.35")
@pytest.mark.clause("D5.48", "D5.49", "D5.56", "D5.57", "D5.58", "D5.59")
def test_a_release_is_published_followed_and_rolled_back(target: Target, tmp_path: Path) -> None:
    upstream, reader = Workspace(tmp_path / "upstream"), tmp_path / "reader"
    stores = ("--to", target.to, "--document", target.document, "--workspace", upstream.root)
    built: list[dict[str, bytes]] = []
    for day, now, version in zip(DAYS, NOWS, VERSIONS, strict=True):
        folder = build(upstream, day)
        built.append({name: (folder / name).read_bytes() for name in FIVE})
        dry = run("publish", *stores, "--now", now)
        assert (dry["version"], dry["dry_run"], dry["uploaded"], dry["current"]) == (version, True, [], [])
        done = run("publish", *stores, "--now", now, "--enable")
        assert (done["dry_run"], len(done["uploaded"]), len(done["current"]), done["document_written"]) == (False, 5, 5, True)
        assert done["plan"]["firestore"]["payload"] == target.read_document()
        published(target, version, built[-1])
    again = run("publish", *stores, "--now", NOWS[1], "--enable")
    assert (again["uploaded"], again["current"], again["document_written"], again["previous"]) == ([], [], False, VERSIONS[1])

    follow = ("resolve", "--from", target.to, "--document", target.document, "--workspace", reader)
    found = run(*follow, "--at", NOWS[1])
    assert (found["source_kind"], found["degraded"], found["is_fresh"], found["version"]) == ("fresh_upstream", False, True, VERSIONS[1])
    assert found["symbols"] == json.loads(built[1]["live_pool.json"])["symbols"]
    assert found["symbol_map"] == json.loads(built[1]["live_pool.json"])["symbol_map"]
    assert found["manifest_sha256"] == sha256_bytes(built[1]["artifact_manifest.json"])

    back = run("rollback", VERSIONS[0], *stores)
    assert (back["version"], back["previous"], len(back["current"])) == (*VERSIONS, 5)
    published(target, VERSIONS[0], built[0])
    assert run("rollback", VERSIONS[0], *stores)["current"] == []
    found = run(*follow, "--at", NOWS[1])
    assert (found["source_kind"], found["version"]) == ("fresh_upstream", VERSIONS[0])
    stale = run(*follow, "--at", "2025-09-01")
    assert (stale["source_kind"], stale["degraded"], stale["is_fresh"], stale["version"]) == ("last_known_good", True, False, VERSIONS[0])
    assert any("stale" in text for text in stale["messages"])
    checked = call("verify", tmp_path, "--json")
    assert (checked.code, checked.document["failures"], checked.document["unknown"]) == (0, [], [])


SUICIDE = """
import os, signal, sys
from pathlib import Path
from tests.fakes.memory_stores import SteppedDocument, SteppedObjects, Steps
from tallystick.apps.assembly import document_store, object_store
from tallystick.universe.publication import Publisher, publish
from tallystick.universe.release_files import read_release
folder, to, document, last = sys.argv[1:]
steps = Steps(int(last), error=lambda: os.kill(os.getpid(), signal.SIGKILL))
stores = SteppedObjects(object_store(to), steps), SteppedDocument(document_store(document), steps)
publish(*stores, read_release(Path(folder)), Publisher("killed", "2025-06-01T00:00:00Z"))
"""


@pytest.mark.parametrize("last", [26, 38])
def test_decision_42_a_process_that_is_killed_leaves_its_readers_on_one_release(last: int, tmp_path: Path) -> None:
    """SIGKILL inside current/, and before the document; the same command afterwards finishes what was begun."""
    upstream, documents, objects = Workspace(tmp_path / "upstream"), tmp_path / "documents", tmp_path / "objects" / "pool"
    stores = ("--to", objects, "--document", documents, "--workspace", upstream.root)
    follow = ("resolve", "--document", documents, "--workspace", tmp_path / "reader", "--at", NOWS[1])
    build(upstream, DAYS[0])
    run("publish", *stores, "--now", NOWS[0], "--enable")
    folder = build(upstream, DAYS[1])
    command = [sys.executable, "-c", SUICIDE, str(folder), str(objects), str(documents), str(last)]
    killed = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    manifest = objects / NAMESPACE / "current" / "artifact_manifest.json"
    assert (json.loads(manifest.read_bytes())["version"] == VERSIONS[1]) is (last == 38)
    found = run(*follow)
    assert (found["source_kind"], found["version"]) == ("fresh_upstream", VERSIONS[0])
    done = run("publish", *stores, "--now", NOWS[1], "--enable")
    assert (done["uploaded"], done["document_written"]) == ([], True)
    assert run(*follow)["version"] == VERSIONS[1]
    checked = call("verify", tmp_path, "--json")
    assert (checked.code, checked.document["failures"], checked.document["unknown"]) == (0, [], [])


WRONG: list[tuple[tuple[str, ...], int, str]] = [
    (("publish",), 2, "expected --to"),
    (("publish", "--to", "ftp://host/x"), 2, "expected an address file://, gs:// or s3://"),
    (("publish", "--to", "objects", "--document", "gs://x"), 2, "firestore://PROJECT"),
    (("publish", "--to", "objects", "--enable"), 3, "days old"),
    (("publish", "--to", "objects", "--enable", "--now", "2025-06-01", "--size", "7"), 3, "expected pool_size 7, found 5"),
    (("publish", "none", "--to", "objects", "--enable", "--now", "2025-06-01"), 3, "expected the file"),
    (("rollback", "2024-01-31-core_major", "--to", "objects"), 3, "Published here: nothing"),
    (("rollback", "2024-01-31-core_major"), 2, "expected --to"),
    (("resolve", "--mode", "best"), 2, "a mode among"),
    (("resolve", "--at", "soon"), 2, "ISO-8601"),
    (("resolve", "--now", "9999-12-31"), 2, "2262"),
]


@pytest.mark.parametrize(("arguments", "code", "says"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, tuple) else None)
def test_what_cannot_be_is_one_sentence_and_writes_nothing(
    arguments: tuple[str, ...], code: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(Workspace(tmp_path), DAYS[1])
    before = files_of(tmp_path)
    monkeypatch.chdir(tmp_path)
    answer = call("pool", *arguments, "--json")
    assert (answer.code, says in answer.error["message"] + answer.error["hint"]) == (code, True), answer.out
    assert files_of(tmp_path) == before


@pytest.mark.clause("D5.51", "D5.54", "D5.55")
def test_people_are_told_what_is_degraded_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = call("pool", "resolve", "--at", "2025-06-01", "--static", "ETHUSDT,BCHUSDT")
    assert answer.code == 0
    assert "degraded: the static list" in answer.out
    assert "from static, degraded" in answer.out
    assert not list(tmp_path.iterdir())
    folder = get_output_dir(Workspace(tmp_path))
    build(Workspace(tmp_path), DAYS[1])
    answer = call("pool", "resolve", "--at", "2025-06-01", "--local-file", folder / "live_pool_legacy.json")
    assert f"pool {VERSIONS[1]} from local_file, degraded" in answer.out
    assert call("pool", "publish", "--to", "objects/pool", "--enable", "--now", "2025-06-01", "--size", "0").code == 0
    answer = call("pool", "resolve", "--at", "2025-06-01")
    assert f"pool {VERSIONS[1]} from fresh_upstream\n" in answer.out
    assert "degraded" not in answer.out


@pytest.mark.slow
@pytest.mark.clause("D5.03", "D5.04", "D5.24", "D5.52")
def test_a_session_and_a_run_follow_the_published_pool(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The models and bars of the quickstart; the symbols, in official order, from the store, shown on decisions, reports and traces."""
    monkeypatch.chdir(workspace)
    version = json.loads((workspace / "data" / "output" / "live_pool.json").read_bytes())["version"]
    symbols = json.loads((workspace / "data" / "output" / "live_pool.json").read_bytes())["symbols"]
    assert call("pool", "publish", "--to", "objects/pool", "--enable", "--allow-stale").code == 0
    stored = files_of(workspace / "objects"), files_of(workspace / "documents")
    start = f"{json.loads((workspace / 'data' / 'output' / 'live_pool.json').read_bytes())['as_of_date']}"
    day = int(start[-2:])
    begin, end = f"{start[:-2]}{day + 1:02d}", f"{start[:-2]}{day + 2:02d}"
    asked = ("trade", "--ungated", "--pool-from", "objects/pool", "--session-id", "followed", "--end", end, "--json")
    early = call(*asked, "--start", start)
    assert (early.code, early.error["code"]) == (5, "SAFETY_REFUSAL")
    answer = call(*asked, "--start", begin)
    assert answer.code == 0, answer.out
    kind = "fresh_upstream"
    assert (answer.document["universe_source"], answer.document["pool_version"]) == (kind, version)
    config = json.loads((workspace / "state" / "sessions" / "followed" / "config.json").read_bytes())
    assert (config["symbols"], config["settings"]["universe"]["source"]) == (symbols, kind)
    assert set(answer.document["sides"]) <= set(symbols)
    why = call("why", symbols[0], "--session", "followed", "--json").document
    assert (why["universe_source"], why["pool_version"]) == (kind, version)
    chain = {link["kind"]: link for link in call("trace", "--session", "followed", "--json").document["chain"]}
    assert chain["pool release"]["path"].startswith(f"state/pool/releases/{version}/")
    assert chain["pool release"]["verified"]
    assert call("replay", "followed", "--json").document["differences"] == 0
    report = json.loads((workspace / "outputs" / "paper_sessions" / "followed" / "report.json").read_bytes())
    assert report["universe_source"] == kind

    made = call("run", "--pool-from", "objects/pool", "--start", f"{start[:4]}-05-01", "--json")
    assert made.code == 0, made.out
    run_report = json.loads((workspace / made.document["artifacts_path"] / "report.json").read_bytes())
    assert run_report["universe_source"] == "live_pool"
    assert run_report["universe_version"].startswith(f"{version} (1 releases, sha256 ")
    assert f"nothing is traded before {begin}" in run_report["universe_note"]
    # Whatever downstream made of the pool, nothing was written back.
    assert (files_of(workspace / "objects"), files_of(workspace / "documents")) == stored
    checked = call("verify", ".", "--json")
    assert (checked.code, checked.document["failures"], checked.document["unknown"]) == (0, [], [])
