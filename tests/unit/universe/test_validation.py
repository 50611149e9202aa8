from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fakes.daily_bars import book_of, daily_panel

from tallystick.artifacts.canonical import canonical_json
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace, get_output_dir
from tallystick.contracts.time import NS_PER_DAY, date_from_ns
from tallystick.universe.config import UniverseConfig
from tallystick.universe.release import build_release
from tallystick.universe.validation import ValidationReport, validate_release

PANEL = daily_panel()
NOW = PANEL.end_ns


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build_release(Workspace(tmp_path), PANEL, book_of(PANEL), UniverseConfig(), date_from_ns(NOW - 1), "core_major", NOW)
    found = get_output_dir(Workspace(tmp_path))
    (found / "SHA256SUMS").unlink()
    return found


def rewrite(folder: Path, name: str, change: Callable[[dict[str, object]], None], *, vouch: bool = True) -> None:
    """Change a file; with `vouch` the manifest gets its new checksum, so that only the change itself is wrong."""
    path = folder / name
    document = json.loads(path.read_bytes())
    change(document)
    path.write_bytes(canonical_json(document, ("symbols", "symbol_map") if "legacy" in name else ("symbol_map",)))
    if vouch and name != "artifact_manifest.json":
        vouch_for(folder, name)


def vouch_for(folder: Path, name: str) -> None:
    manifest = json.loads((folder / "artifact_manifest.json").read_bytes())
    manifest["artifacts"][name.split(".", maxsplit=1)[0]]["sha256"] = sha256_bytes((folder / name).read_bytes())
    (folder / "artifact_manifest.json").write_bytes(canonical_json(manifest))


def check(folder: Path, **options: object) -> ValidationReport:
    return validate_release(folder, now_ns=NOW, **options)  # type: ignore[arg-type]


def test_a_good_release_has_no_finding(folder: Path) -> None:
    assert check(folder) == ValidationReport([], [], 1)


def test_every_missing_file_is_named_at_once(folder: Path) -> None:
    for name in ("live_pool.json", "latest_ranking.csv"):
        (folder / name).unlink()
    errors = check(folder).errors
    assert len(errors) == 2
    assert check(folder / "nowhere").valid is False
    assert len(check(folder / "nowhere").errors) == 5


def test_a_flipped_byte_is_found_by_the_manifest(folder: Path) -> None:
    path = folder / "latest_ranking.csv"
    path.write_bytes(path.read_bytes().replace(b"true", b"True", 1))
    errors = check(folder).errors
    assert any("latest_ranking.csv" in error and "SHA-256" in error for error in errors)


@pytest.mark.parametrize("name", ["live_pool.json", "live_pool_legacy.json", "artifact_manifest.json", "latest_universe.json", "latest_ranking.csv"])
@pytest.mark.clause("D5.12")
def test_a_file_cut_anywhere_is_refused(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    for end in range(0, len(data) - 1, 97):
        (folder / name).write_bytes(data[:end])
        assert not check(folder).valid, f"{name} cut at {end}"


def test_another_order_in_the_manifest_is_refused(folder: Path) -> None:
    rewrite(folder, "artifact_manifest.json", lambda document: document["symbols"].reverse())  # type: ignore[attr-defined]
    assert [error for error in check(folder).errors if "in this order" in error]


def test_a_member_outside_the_universe_or_the_ranking_is_refused(folder: Path) -> None:
    pool = json.loads((folder / "live_pool.json").read_bytes())["symbols"]
    rewrite(folder, "latest_universe.json", lambda document: document["symbols"].remove(pool[0]))  # type: ignore[attr-defined]
    assert f"live_pool.json: expected members of the universe of 7 names, found {pool[0]}" in check(folder).errors
    path = folder / "latest_ranking.csv"
    path.write_bytes(path.read_bytes().replace(b"true,1\n", b"false,1\n"))
    vouch_for(folder, "latest_ranking.csv")
    assert f"latest_ranking.csv: expected every member selected, found {pool[0]} not selected" in check(folder).errors


def test_files_of_two_days_are_refused(folder: Path) -> None:
    def yesterday(document: dict[str, object]) -> None:
        document.update(as_of_date="2025-05-31", version="2025-05-31-core_major")

    rewrite(folder, "live_pool_legacy.json", yesterday)
    errors = check(folder).errors
    assert "live_pool_legacy.json: expected as_of_date 2025-06-18, found 2025-05-31" in errors
    assert "live_pool_legacy.json: expected version 2025-06-18-core_major, found 2025-05-31-core_major" in errors


def test_other_base_assets_in_the_legacy_payload_are_refused(folder: Path) -> None:
    def rename(document: dict[str, dict[str, dict[str, str]]]) -> None:
        first = next(iter(document["symbols"]))
        for name in ("symbols", "symbol_map"):
            document[name][first]["base_asset"] = "OTHER"

    rewrite(folder, "live_pool_legacy.json", rename)  # type: ignore[arg-type]
    assert check(folder).errors == ["live_pool_legacy.json: expected the base assets of live_pool.json, found others"]


@pytest.mark.clause("D5.53")
def test_an_old_snapshot_is_an_error_or_a_warning(folder: Path) -> None:
    fresh = validate_release(folder, now_ns=NOW + 44 * NS_PER_DAY)
    assert (fresh.errors, fresh.age_days) == ([], 45)
    stale = validate_release(folder, now_ns=NOW + 45 * NS_PER_DAY)
    assert stale.errors == ["live_pool.json: expected a snapshot at most 45 days old, found 2025-06-18, 46 days old"]
    lenient = validate_release(folder, now_ns=NOW + 45 * NS_PER_DAY, require_fresh=False)
    assert (lenient.errors, lenient.warnings) == ([], stale.errors)
    future = validate_release(folder, now_ns=NOW - 3 * NS_PER_DAY)
    assert "in the future" in future.errors[0]


def test_a_file_added_after_sealing_is_found(tmp_path: Path) -> None:
    build_release(Workspace(tmp_path), PANEL, book_of(PANEL), UniverseConfig(), date_from_ns(NOW - 1), "core_major", NOW)
    found = get_output_dir(Workspace(tmp_path))
    (found / "notes.txt").write_text("x")
    assert check(found).errors == ["notes.txt: expected only sealed files, found a file added after sealing"]


def test_the_release_manifest_must_carry_this_pool(folder: Path) -> None:
    example = Path(__file__).parents[2] / "contracts" / "examples" / "universe.release_manifest" / "v1" / "example.json"
    (folder / "release_manifest.json").write_bytes(example.read_bytes())
    errors = check(folder).errors
    assert errors
    assert all(error.startswith("release_manifest.json: expected a payload with ") for error in errors)
