"""What one artifact says about its neighbours: the pool's release files, and the three forms of the run index."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from tallystick.artifacts.atomic import write_atomic_bytes, write_atomic_json
from tallystick.artifacts.checksum import sha256_file
from tallystick.artifacts.cross_checks import cross_check
from tallystick.contracts.training import Manifest, TargetEntry

POOL: dict[str, Any] = {
    "version": "2025-05-31-core_major",
    "symbols": ["ETHUSDT", "BTCUSDT"],
    "symbol_map": {"ETHUSDT": {"base_asset": "ETH"}, "BTCUSDT": {"base_asset": "BTC"}},
}
LEGACY: dict[str, Any] = {"version": POOL["version"], "symbols": POOL["symbol_map"], "symbol_map": POOL["symbol_map"]}
KEPT = ("symbols", "symbol_map")


@pytest.fixture
def release(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    write_atomic_json(tmp_path / "live_pool.json", POOL, KEPT)
    write_atomic_json(tmp_path / "live_pool_legacy.json", LEGACY, KEPT)
    names = ("live_pool", "live_pool_legacy")
    rows = {name: {"path": f"data/output/{name}.json", "sha256": sha256_file(tmp_path / f"{name}.json")} for name in names}
    return tmp_path / "artifact_manifest.json", {"symbols": POOL["symbols"], "artifacts": rows}


def broken(name: str, path: Path, document: Any) -> list[str]:
    return [item.rule for item in cross_check(name, path, document, {}).failures]


@pytest.mark.clause("D5.10", "D5.11")
def test_manifest_vouches_for_the_release_files(release: tuple[Path, dict[str, Any]]) -> None:
    path, manifest = release
    result = cross_check("universe.artifact_manifest", path, manifest, {})
    assert result.failures == []
    assert {file.name for file in result.vouched} == {"live_pool.json", "live_pool_legacy.json"}
    write_atomic_json(path.with_name("live_pool.json"), {**POOL, "version": "x"}, KEPT)
    assert broken("universe.artifact_manifest", path, manifest) == ["artifacts.live_pool"]
    path.with_name("live_pool.json").unlink()
    assert broken("universe.artifact_manifest", path, manifest) == ["artifacts.live_pool"]


@pytest.mark.clause("D5.11")
def test_manifest_in_another_order_than_the_pool_is_a_failure(release: tuple[Path, dict[str, Any]]) -> None:
    path, manifest = release
    assert broken("universe.artifact_manifest", path, {**manifest, "symbols": ["BTCUSDT", "ETHUSDT"]}) == ["symbols_equal_live_pool"]


@pytest.mark.clause("D5.14")
@pytest.mark.parametrize("change", [{"version": "y"}, {"symbols": dict(reversed(LEGACY["symbols"].items()))}, {"symbols": ["ETHUSDT"]}])
def test_legacy_pool_must_say_what_the_pool_says(release: tuple[Path, dict[str, Any]], change: dict[str, Any]) -> None:
    pool = release[0].with_name("live_pool.json")
    assert broken("universe.live_pool", pool, POOL) == []
    write_atomic_json(pool.with_name("live_pool_legacy.json"), {**LEGACY, **change}, KEPT)
    assert set(broken("universe.live_pool", pool, POOL)) == {"legacy_equals_live_pool"}


def index_row(name: str) -> dict[str, Any]:
    times = {"created_at": "2025-06-01T00:00:00Z", "start": "2025-01-01T00:00:00Z", "end": "2025-05-01T00:00:00Z"}
    return {"run_id": name, "mode": "run", **times, "git_commit": "unknown", "ticker": "BTCUSDT", "trades": 3, "path": f"outputs/runs/{name}"}


def write_index(folder: Path, names: list[str]) -> tuple[Path, dict[str, Any]]:
    rows = [index_row(name) for name in names]
    columns = list(rows[0])
    lines = [",".join(columns), *(",".join(str(row[column]) for column in columns) for row in rows)]
    write_atomic_bytes(folder / "runs_index.csv", "".join(f"{line}\n" for line in lines).encode())
    write_atomic_bytes(folder / "runs_index.md", "".join(f"| {name} |\n" for name in names).encode())
    for name in names:
        write_atomic_json(folder / name / "report.json", {})
    return folder / "runs_index.json", {"runs": rows}


@pytest.mark.clause("D3.31")
def test_index_rows_folders_and_forms_must_agree(tmp_path: Path) -> None:
    path, index = write_index(tmp_path, ["r1", "r2"])
    assert broken("runs.index_json", path, index) == []
    shorter = copy.deepcopy(index)
    shorter["runs"].pop()
    assert set(broken("runs.index_json", path, shorter)) == {"index_lists_every_run", "index_forms_agree"}
    (tmp_path / "r2" / "report.json").unlink()
    assert broken("runs.index_json", path, index) == ["index_rows_have_folders"]


@pytest.mark.clause("D3.31")
def test_index_without_one_of_its_forms_is_a_failure(tmp_path: Path) -> None:
    path, index = write_index(tmp_path, ["r1"])
    write_atomic_bytes(path.with_suffix(".md"), b"nothing\n")
    write_atomic_bytes(path.with_suffix(".csv"), b"run_id\nx,y\n")
    assert broken("runs.index_json", path, index) == ["index_forms_agree", "index_forms_agree"]
    path.with_suffix(".csv").unlink()
    assert broken("runs.index_json", path, index) == ["index_has_three_forms"]


def test_target_whose_name_leads_out_of_the_run_is_a_failure_not_a_crash(tmp_path: Path) -> None:
    entry = TargetEntry(status="complete", families_trained=(), view="CROSS_SECTIONAL", auc=None)
    document = Manifest(run_id="r", run_instance_id="i", timestamp="2025-01-01T00:00:00Z", git_sha="unknown", target_index={"../../x": entry})
    assert broken("training.manifest", tmp_path / "manifest.json", document) == ["neighbours"]


def test_training_manifest_vouches_for_the_verdicts_of_its_models(tmp_path: Path) -> None:
    seal = tmp_path / "outputs" / "model_runs" / "one" / "SHA256SUMS"
    digest = write_atomic_bytes(seal, b"the folder with the verdict\n")
    path = tmp_path / "RESULTS" / "runs" / "r" / "i" / "manifest.json"
    metadata = {"model_run_seals": {"one": digest, "copied without its folder": digest}}
    document = Manifest(run_id="r", run_instance_id="i", timestamp="2025-01-01T00:00:00Z", git_sha="unknown", target_index={}, run_metadata=metadata)
    assert broken("training.manifest", path, document) == []
    write_atomic_bytes(seal, b"a folder that was altered and sealed again\n")
    assert broken("training.manifest", path, document) == ["model_run_seals"]
    seal.unlink()
    assert broken("training.manifest", path, document) == ["model_run_seals"]


def test_contract_without_a_cross_check_has_nothing_to_fail(tmp_path: Path) -> None:
    assert cross_check("training.fingerprints", tmp_path, {}, {}).failures == []
    assert cross_check("training.manifest", tmp_path, None, {}).failures == []
