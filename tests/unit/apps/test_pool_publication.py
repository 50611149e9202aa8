"""Publishing and following for the front doors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.fakes.pool_releases import DAYS, VERSIONS, after, build

from tallystick.apps.pool_publication import check_publication, publish_pool, rollback_pool
from tallystick.apps.pool_resolution import follow_pool, published_history, reader_settings
from tallystick.artifacts.paths import Workspace, get_output_dir
from tallystick.artifacts.seal import check_seal, seal_sha256
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ArtifactError, ConfigurationError, DataError
from tallystick.contracts.time import NS_PER_DAY, ns_from_iso
from tallystick.universe.resolution import STATIC_UNIVERSE


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    place = Workspace(tmp_path / "workspace")
    build(place, DAYS[0])
    return place


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def published(workspace: Workspace, *, enable: bool = True, to: str | None = None, day: str = DAYS[0]) -> object:
    return publish_pool(workspace, None, to=to or f"{workspace.root / 'objects' / 'pool'}", document=None, enable=enable, now_ns=after(day))


def test_the_check_writes_nothing_and_names_every_error(workspace: Workspace) -> None:
    folder, before = get_output_dir(workspace), files(workspace.root)
    good = check_publication(folder, now_ns=after(DAYS[0]))
    assert (good.publishable, good.version, good.errors) == (True, VERSIONS[0], ())
    assert good.manifest is not None
    assert (good.manifest["dry_run"], good.manifest["publish_enabled"]) == (True, False)
    assert good.as_document() == {"version": VERSIONS[0], "dry_run": True, "publishable": True, "errors": [], "warnings": []}
    stale = check_publication(folder, now_ns=after(DAYS[0], 60))
    assert (stale.publishable, stale.manifest, "60 days old" in stale.errors[0]) == (False, None, True)
    assert check_publication(folder, now_ns=after(DAYS[0], 60), require_fresh=False).warnings
    assert len(check_publication(folder / "none", now_ns=after(DAYS[0])).errors) == 5
    assert files(workspace.root) == before


def test_a_dry_run_touches_no_store_and_keeps_its_plan_in_the_seal(workspace: Workspace) -> None:
    found = published(workspace, enable=False)
    folder = get_output_dir(workspace)
    plan = json.loads((folder / "release_manifest.json").read_bytes())
    assert plan["dry_run"] is True
    assert found.done is None  # type: ignore[attr-defined]
    assert not (workspace.root / "objects").exists()
    assert not (workspace.root / "documents").exists()
    assert check_seal(folder) == []
    seal = seal_sha256(folder)
    published(workspace, enable=False)
    assert seal_sha256(folder) == seal
    # The plan of the release before does not outlive it.
    build(workspace, DAYS[1])
    assert not (folder / "release_manifest.json").exists()
    assert check_publication(folder, now_ns=after(DAYS[1])).publishable


def test_a_folder_that_is_named_is_read_and_never_written_to(workspace: Workspace, tmp_path: Path) -> None:
    other = Workspace(tmp_path / "other")
    before = files(workspace.root)
    found = publish_pool(other, get_output_dir(workspace), to=str(tmp_path / "objects"), document=None, enable=True, now_ns=after(DAYS[0]))
    assert (found.manifest_path, found.check.version) == (None, VERSIONS[0])
    assert files(workspace.root) == before


@pytest.mark.parametrize("what", ["checksum", "stale", "gone"])
def test_what_must_not_be_published_reaches_no_store(workspace: Workspace, what: str) -> None:
    folder = get_output_dir(workspace)
    if what == "checksum":
        path = folder / "artifact_manifest.json"
        text = path.read_text()
        place = text.index('"sha256":"') + 10
        path.write_text(text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :])
    elif what == "gone":
        (folder / "latest_ranking.csv").unlink()
    with pytest.raises(ArtifactError, match="expected a release that keeps every rule"):
        published(workspace, day=DAYS[1] if what == "stale" else DAYS[0]) if what != "stale" else publish_pool(
            workspace, None, to=str(workspace.root / "objects" / "pool"), document=None, enable=True, now_ns=after(DAYS[0], 60)
        )
    assert not (workspace.root / "objects").exists()


@pytest.mark.clause("D5.01", "D5.59")
def test_a_workspace_publishes_rolls_back_and_follows_by_default(workspace: Workspace) -> None:
    published(workspace)
    build(workspace, DAYS[1])
    published(workspace, day=DAYS[1])
    found = follow_pool(workspace, now_ns=after(DAYS[1]))
    assert (found.pool.source, found.pool.version) == ("fresh_upstream", VERSIONS[1])
    assert found.manifest_path is not None
    assert found.manifest_path.is_file()
    back = rollback_pool(workspace, VERSIONS[0], to=str(workspace.root / "objects" / "pool"), document=None, now_ns=after(DAYS[1]))
    assert (back.version, back.previous) == VERSIONS
    found = follow_pool(workspace, now_ns=after(DAYS[1]), objects=str(workspace.root / "objects" / "pool"))
    assert (found.pool.source, found.pool.version) == ("fresh_upstream", VERSIONS[0])
    report = verify(workspace.root)
    assert (report.failures, report.unknown) == ((), ())


def test_verify_finds_a_current_manifest_that_is_no_release(workspace: Workspace) -> None:
    published(workspace)
    root = workspace.root / "objects" / "pool" / "crypto-live-pool-pipelines"
    manifest = root / "current" / "artifact_manifest.json"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole.replace(b"T00:00:00+00:00", b"T01:00:00+00:00"))
    assert [item.rule for item in verify(workspace.root).failures] == ["current_is_a_release"]
    manifest.write_bytes(whole)
    (root / "releases" / VERSIONS[0]).rename(root / "releases" / VERSIONS[1])
    assert {item.rule for item in verify(workspace.root).failures} == {"current_is_a_release", "folder_names_the_release"}


def test_a_reader_without_anything_gets_the_static_list_and_makes_no_file(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "reader")
    found = follow_pool(place, now_ns=after(DAYS[1]))
    assert (found.pool.source, tuple(found.pool.symbol_map), found.manifest_path) == ("static", STATIC_UNIVERSE, None)
    assert not place.root.exists()


@pytest.mark.parametrize(("flags", "says"), [({"modes": ["best"]}, "a mode among"), ({"static": "BTC"}, "end in USDT"), ({"static": " , "}, "end in USDT")])
def test_reader_flags_that_make_no_sense_are_refused(flags: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        reader_settings(**flags)  # type: ignore[arg-type]
    assert reader_settings(modes=["broad_liquid"], static="ETHUSDT, BCHUSDT").static == ("ETHUSDT", "BCHUSDT")


@pytest.mark.clause("D5.39")
def test_published_releases_are_a_history_by_activation_date(workspace: Workspace) -> None:
    place = str(workspace.root / "objects" / "pool")
    with pytest.raises(DataError, match="expected published releases, found none"):
        published_history(place)
    published(workspace)
    build(workspace, DAYS[1])
    published(workspace, day=DAYS[1])
    found = published_history(place)
    assert [item.version for item in found.releases] == list(VERSIONS)
    assert [item.activation_ns for item in found.releases] == [ns_from_iso(day) + NS_PER_DAY for day in DAYS]
