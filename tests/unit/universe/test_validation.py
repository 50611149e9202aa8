from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def rewrite(folder: Path, name: str, change: Callable[[dict[str, Any]], object], *, vouch: bool = True) -> None:
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
    return validate_release(folder, now_ns=NOW, **options)


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
    rewrite(folder, "artifact_manifest.json", lambda document: document["symbols"].reverse())
    assert [error for error in check(folder).errors if "in this order" in error]


def test_a_member_outside_the_universe_or_the_ranking_is_refused(folder: Path) -> None:
    pool = json.loads((folder / "live_pool.json").read_bytes())["symbols"]
    rewrite(folder, "latest_universe.json", lambda document: document["symbols"].remove(pool[0]))
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
    first = json.loads((folder / "live_pool.json").read_bytes())["symbols"][0]

    def rename(document: dict[str, dict[str, dict[str, str]]]) -> None:
        for name in ("symbols", "symbol_map"):
            document[name][first]["base_asset"] = "OTHER"

    rewrite(folder, "live_pool_legacy.json", rename)
    assert check(folder).errors == [f"live_pool_legacy.json: expected base asset {first.removesuffix('USDT')} of {first}, found OTHER"]


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
    assert all(error.startswith("release_manifest.json: ") for error in errors)
    pool = json.loads((folder / "live_pool.json").read_bytes())
    found = ["TRXUSDT", "BCHUSDT", "ETHUSDT", "SUIUSDT", "XRPUSDT"]
    assert f"release_manifest.json: expected a payload with symbols {pool['symbols']}, found {found}" in errors
    assert f"release_manifest.json: expected version {pool['version']}, found 2025-06-19-core_major" in errors


def test_every_field_that_is_missing_or_wrong_is_named_at_once(folder: Path) -> None:
    def damage(document: dict[str, object]) -> None:
        document.update(pool_size="five", mode="other")
        del document["source_project"]

    rewrite(folder, "live_pool.json", damage)
    fields = [error.split(":")[1].strip() for error in check(folder).errors if error.startswith("live_pool.json: field")]
    assert sorted(fields) == ["field mode", "field pool_size", "field source_project"]


def test_a_changed_build_report_is_found_by_the_manifest(folder: Path) -> None:
    rewrite(folder, "build_report.json", lambda document: document.update(candidates=99), vouch=False)
    assert [error for error in check(folder).errors if error.startswith("build_report.json: expected SHA-256 ")]


Spoil = Callable[[dict[str, Any]], object]


def setting(**changes: object) -> Spoil:
    return lambda document: document.update(changes)


def forgetting(field: str) -> Spoil:
    return lambda document: document.pop(field)


def cutting_the_map(document: dict[str, Any]) -> None:
    document["symbol_map"].popitem()


def repeating_a_symbol(document: dict[str, Any]) -> None:
    document["symbols"][4] = document["symbols"][0]


def adding_the_benchmark(document: dict[str, Any]) -> None:
    document["symbols"][0] = "BTCUSDT"


POOL, LEGACY, MANIFEST, UNIVERSE = "live_pool.json", "live_pool_legacy.json", "artifact_manifest.json", "latest_universe.json"
# The facts of release validation, one by one: the file, how it is spoiled, and how the error that names it begins.
RULES: dict[str, tuple[str, Spoil, str]] = {
    "fields present": (MANIFEST, forgetting("snapshot_as_of"), "field snapshot_as_of"),
    "usdt suffix": (UNIVERSE, setting(symbols=["ADAUSDC"]), "expected symbols that end in USDT"),
    "no duplicates": (MANIFEST, repeating_a_symbol, "expected each symbol once"),
    "list equals map keys": (POOL, cutting_the_map, "expected symbols and the keys of symbol_map"),
    "legacy symbols equal symbol_map": (LEGACY, cutting_the_map, "expected symbol_map has"),
    "pool_size counts": (POOL, setting(pool_size=6), "expected pool_size is the number of symbols"),
    "pool_size is the expected": (POOL, setting(pool_size=6), "expected pool_size 5, found 6"),
    "version is date and mode": (POOL, setting(version="x"), "expected version is as_of_date"),
    "one as_of": (UNIVERSE, setting(as_of_date="2025-05-31"), "expected as_of_date 2025-06-18, found 2025-05-31"),
    "one mode": (LEGACY, setting(mode="broad_liquid"), "expected mode core_major, found broad_liquid"),
    "source_project": (LEGACY, setting(source_project="other"), "field source_project"),
    "symbol_count": (MANIFEST, setting(symbol_count=4), "expected symbol_count is the number"),
    "benchmark": (POOL, adding_the_benchmark, "expected the benchmark BTCUSDT outside"),
}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_of_a_release_has_its_error(folder: Path, rule: str) -> None:
    name, spoil, beginning = RULES[rule]
    rewrite(folder, name, spoil)
    errors = check(folder).errors
    assert [error for error in errors if error.startswith(f"{name}: {beginning}")], errors


def test_all_errors_of_all_files_come_at_once(folder: Path) -> None:
    rules = [RULES[rule] for rule in ("one as_of", "one mode", "pool_size counts", "symbol_count")]
    for name, spoil, _ in rules:
        rewrite(folder, name, spoil)
    errors = validate_release(folder, now_ns=NOW + 90 * NS_PER_DAY).errors
    for name, _, beginning in rules:
        assert [error for error in errors if error.startswith(f"{name}: {beginning}")], beginning
    assert any("91 days old" in error for error in errors)
