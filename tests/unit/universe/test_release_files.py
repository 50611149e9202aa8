"""The files of a release as bytes, and the documents that a publish derives from them."""

from __future__ import annotations

import json

import pytest
from tests.fakes.pool_releases import VERSIONS, releases

from tallystick.artifacts.store import encode_artifact
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.registry import contract
from tallystick.universe.release_files import FILES_IN_ORDER, open_release, release_manifest, summary_document

OLD, NEW = releases()


@pytest.mark.clause("D5.03", "D5.12")
def test_a_release_is_opened_by_its_manifest_alone() -> None:
    found = open_release(NEW.files.get, "x")
    assert found == NEW
    assert list(found.symbol_map) == list(found.manifest.symbols) == list(found.pool.symbols)


@pytest.mark.parametrize("name", FILES_IN_ORDER)
def test_any_flipped_byte_is_refused(name: str) -> None:
    data = NEW.files[name]
    for place in range(0, len(data), 61):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        # In the manifest itself a byte that changes no meaning of ours (a time, a hash of the build report) is for the seal or the document to find.
        if name == "artifact_manifest" and _same_release(changed):
            continue
        with pytest.raises(ArtifactError):
            open_release({**NEW.files, name: changed}.get, "x")


def _same_release(changed: bytes) -> bool:
    try:
        document, ours = json.loads(changed), json.loads(NEW.files["artifact_manifest"])
    except ValueError:
        return False
    free = ("generated_at", "build_report_sha256", "coverage_sha256")
    known = {key: value for key, value in document.items() if key in ours and key not in free}
    return known == {key: value for key, value in ours.items() if key not in free}


def test_a_missing_file_and_files_of_two_releases_are_refused() -> None:
    for name in FILES_IN_ORDER:
        with pytest.raises(ArtifactError, match="found none"):
            open_release({key: value for key, value in NEW.files.items() if key != name}.get, "x")
        with pytest.raises(ArtifactError, match="SHA-256"):
            open_release({**NEW.files, name: OLD.files[name]}.get, "x")


@pytest.mark.clause("D5.29", "D5.31", "D5.34", "D5.35")
def test_the_plan_of_a_publish_keeps_its_contract_at_any_address() -> None:
    for url in ("gs://bucket", "s3://bucket/deep/er", "file:///srv/pool"):
        plan = release_manifest(NEW, url, enabled=True)
        encode_artifact(contract("universe.release_manifest"), plan)
        assert plan["firestore"] == {"collection": "strategy", "document": "CRYPTO_LIVE_POOL_ROTATION_LIVE_POOL", "payload": summary_document(NEW, url)}
        assert plan["artifacts"]["live_pool"]["release_uri"] == f"{url}/crypto-live-pool-pipelines/releases/{VERSIONS[1]}/live_pool.json"
        encode_artifact(contract("universe.summary_document"), summary_document(NEW, url))
