"""Every file below a path is known and good, known and bad, or unknown and listed; no flipped byte passes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tallystick.artifacts.atomic import write_atomic_json
from tallystick.artifacts.checksum import sha256_bytes, sha256_file
from tallystick.artifacts.document_check import Failure
from tallystick.artifacts.seal import seal_folder
from tallystick.artifacts.signature import create_key, load_private_key, load_public_key, sign_seal
from tallystick.artifacts.verification import locate, verify
from tallystick.contracts.errors import ArtifactError

RUN = "RESULTS/runs/r1/20250101T000000Z"
MODEL = f"{RUN}/targets/fwd_ret_60m/models/view=CROSS_SECTIONAL/family=LightGBM"
ROUTING = {"fwd_ret_60m": {"route": "CROSS_SECTIONAL", "reason": "skill is told from noise"}}


def meta(**changes: Any) -> dict[str, Any]:
    model = sha256_bytes(b"tree\n")
    return {
        "family": "LightGBM",
        "target": "fwd_ret_60m",
        "feature_list": ["mom_20", "ret_5"],
        "n_features": 2,
        "metrics": {"mean_IC": 0.03, "mean_RankIC": 0.02, "IC_IR": 0.4},
        "model_checksum": model,
        "interval_minutes": 60,
        "view": "CROSS_SECTIONAL",
        "route": "CROSS_SECTIONAL",
        "file_checksums": {"model.txt": model},
        **changes,
    }


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A workspace with one training run of one model, sealed."""
    workspace = tmp_path / "ws"
    (workspace / MODEL).mkdir(parents=True)
    (workspace / MODEL / "model.txt").write_bytes(b"tree\n")
    digest = write_atomic_json(workspace / MODEL / "model_meta.json", meta())
    write_atomic_json(workspace / RUN / "globals" / "routing_decisions.json", ROUTING)
    write_atomic_json(workspace / RUN / "targets" / "fwd_ret_60m" / "decision" / "routing_decision.json", ROUTING)
    entry = {
        "status": "complete",
        "families_trained": ["LightGBM"],
        "view": "CROSS_SECTIONAL",
        "auc": None,
        "model_meta_checksums": {f"{MODEL.removeprefix(f'{RUN}/')}/model_meta.json": digest},
    }
    manifest = {
        "run_id": "r1",
        "run_instance_id": "20250101T000000Z",
        "timestamp": "2025-01-01T00:00:00Z",
        "git_sha": "unknown",
        "target_index": {"fwd_ret_60m": entry},
    }
    write_atomic_json(workspace / RUN / "manifest.json", manifest)
    seal_folder(workspace / RUN)
    return workspace


def rules(report: Any) -> set[str]:
    return {item.rule for item in report.failures}


def reseal(workspace: Path) -> None:
    seal_folder(workspace / RUN)


def test_sound_tree_has_no_failure_no_unknown_and_nothing_unprotected(run: Path) -> None:
    report = verify(run)
    assert (report.failures, report.unknown, report.unprotected, report.checked) == ((), (), (), 6)
    assert report.is_good
    assert set(report.as_document()) == {"root", "checked", "unknown", "failures", "unprotected", "open"}


def test_unknown_file_is_listed_and_added_file_breaks_the_seal(run: Path) -> None:
    (run / "notes.txt").write_text("hello")
    assert verify(run).unknown == ("notes.txt",)
    assert verify(run).is_good
    (run / RUN / "extra.json").write_text("{}")
    report = verify(run)
    assert f"{RUN}/extra.json" in report.unknown
    assert rules(report) == {"seal"}


def test_every_flipped_byte_is_caught_and_its_file_named(run: Path) -> None:
    for file in sorted(path for path in run.rglob("*") if path.is_file()):
        good = file.read_bytes()
        for index in range(0, len(good), max(1, len(good) // 12)):
            file.write_bytes(good[:index] + bytes([good[index] ^ 0x20]) + good[index + 1 :])
            report = verify(run)
            assert not report.is_good, (file, index)
            named = {item.path for item in report.failures}
            assert file.relative_to(run).as_posix() in named or file.name == "SHA256SUMS", (file, index)
        file.write_bytes(good)


def test_file_cut_anywhere_is_caught(run: Path) -> None:
    for file in sorted(path for path in run.rglob("*") if path.is_file()):
        good = file.read_bytes()
        for end in {0, 1, len(good) // 2, len(good) - 1}:
            file.write_bytes(good[:end])
            assert not verify(run).is_good, (file, end)
        file.write_bytes(good)


@pytest.mark.clause("D1.22", "D1.63")
def test_model_that_is_not_the_recorded_one_is_found_without_a_seal(run: Path) -> None:
    (run / RUN / "SHA256SUMS").unlink()
    (run / MODEL / "model.txt").write_bytes(b"tref\n")
    assert {"model_checksum", "file_checksums"} <= rules(verify(run))
    assert f"{MODEL}/model.txt" in {item.path for item in verify(run).failures}


@pytest.mark.clause("D1.62")
def test_meta_without_its_model_is_a_failure(run: Path) -> None:
    (run / MODEL / "model.txt").unlink()
    reseal(run)
    assert "model_file_beside_meta" in rules(verify(run))


@pytest.mark.clause("D1.70")
def test_meta_in_a_folder_of_another_name_is_a_failure(run: Path) -> None:
    write_atomic_json(run / MODEL / "model_meta.json", meta(family="Ridge"))
    reseal(run)
    assert {"folder_names_the_model", "model_meta_checksums"} <= rules(verify(run))


def test_unrecorded_file_beside_a_model_is_a_failure(run: Path) -> None:
    (run / MODEL / "scaler.joblib").write_bytes(b"x")
    reseal(run)
    assert rules(verify(run)) == {"file_checksums"}


def test_checksum_of_a_name_outside_the_folder_is_refused(run: Path) -> None:
    write_atomic_json(run / MODEL / "model_meta.json", meta(file_checksums={"model.txt": sha256_bytes(b"tree\n"), "../../../../x": "0" * 64}))
    reseal(run)
    assert any("below" in item.expected or "below" in item.found for item in verify(run).failures)


@pytest.mark.clause("D1.44", "D1.46")
def test_target_index_and_folders_must_agree(run: Path) -> None:
    path = run / RUN / "manifest.json"
    document = json.loads(path.read_bytes())
    document["target_index"]["fwd_ret_60m"]["families_trained"] = ["LightGBM", "Ridge"]
    write_atomic_json(path, document)
    reseal(run)
    assert rules(verify(run)) == {"families_trained_match_folders"}
    shutil.copytree(run / RUN / "targets" / "fwd_ret_60m", run / RUN / "targets" / "fwd_ret_5m")
    reseal(run)
    assert "target_index_lists_every_target" in rules(verify(run))


def test_manifest_in_a_folder_of_another_instance_is_a_failure(run: Path) -> None:
    (run / RUN).rename(run / "RESULTS" / "runs" / "r1" / "elsewhere")
    assert rules(verify(run)) == {"folder_names_the_instance"}


@pytest.mark.clause("D1.56")
def test_routing_copies_must_agree(run: Path) -> None:
    copy = {"fwd_ret_60m": {"route": "BLOCKED", "reason": "noise"}}
    write_atomic_json(run / RUN / "targets" / "fwd_ret_60m" / "decision" / "routing_decision.json", copy)
    reseal(run)
    assert rules(verify(run)) == {"routing_copies_agree"}


def test_part_of_a_sealed_folder_is_judged_by_the_enclosing_seal(run: Path) -> None:
    model = run / MODEL / "model.txt"
    assert verify(model).is_good
    assert verify(run / MODEL).unprotected == ()
    model.write_bytes(b"tref\n")
    assert rules(verify(model)) == {"seal"}
    assert "seal" in rules(verify(run / MODEL))


def test_signature_is_demanded_when_a_key_is_configured(run: Path, tmp_path: Path) -> None:
    create_key(tmp_path / "k", tmp_path / "k.pub", bytes(range(32)))
    key = load_public_key(tmp_path / "k.pub")
    assert rules(verify(run, public_key=key)) == {"signature"}
    sign_seal(run / RUN, load_private_key(tmp_path / "k"))
    assert verify(run, public_key=key).is_good
    signature = run / RUN / "SHA256SUMS.sig"
    signature.write_bytes(signature.read_bytes()[::-1])
    assert rules(verify(run, public_key=key)) == {"signature"}


def test_verifier_from_outside_judges_a_journal(tmp_path: Path) -> None:
    journal = tmp_path / "state" / "sessions" / "s1" / "journal.db"
    journal.parent.mkdir(parents=True)
    journal.write_bytes(b"SQLite")
    journal.with_name("journal.db-wal").write_bytes(b"")
    assert verify(tmp_path).unprotected == ("state/sessions/s1/journal.db",)
    good = verify(tmp_path, verifiers={"engine.journal": lambda _: []})
    assert (good.unprotected, good.unknown, good.is_good) == ((), (), True)
    bad = verify(tmp_path, verifiers={"engine.journal": lambda path: [Failure(str(path), "hash_chain", "row 3 after row 2", "another")]})
    assert [(item.path, item.rule) for item in bad.failures] == [("state/sessions/s1/journal.db", "hash_chain")]
    # One flipped bit turns a blob into text inside SQLite: the verifier may trip over it, the check may not.
    tripped = verify(tmp_path, verifiers={"engine.journal": lambda path: [Failure(str(path), b"x" + path.name, "", "")]})  # type: ignore[operator]
    assert [item.rule for item in tripped.failures] == ["readable"]


def test_coverage_vouches_for_its_bar_files(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "market" / "binance" / "1h"
    folder.mkdir(parents=True)
    (folder / "BTCUSDT.parquet").write_bytes(b"PAR1")
    row = {"first": "2025-01-01T00:00:00Z", "last": "2025-01-01T01:00:00Z", "rows": 2, "gaps": [], "refused": {}, "quote_volume": "reported"}
    symbols = {"BTCUSDT": {**row, "sha256": sha256_file(folder / "BTCUSDT.parquet")}}
    document = {
        "venue": "binance",
        "interval_minutes": 60,
        "calendar": "crypto_24_7",
        "convention": "half-open, labelled by open time",
        "source": "test",
        "symbols": symbols,
    }
    write_atomic_json(folder / "coverage.json", document)
    assert {item.rule for item in verify(tmp_path).failures} <= {"sealed"}
    assert verify(tmp_path).unprotected == ("data/market/binance/1h/coverage.json",)
    (folder / "ETHUSDT.parquet").write_bytes(b"PAR1")
    (folder / "BTCUSDT.parquet").write_bytes(b"PAR2")
    assert rules(verify(tmp_path)) == {"coverage_sha256", "coverage_lists_every_file", "sealed"}


def test_contract_is_found_wherever_the_workspace_lies(tmp_path: Path) -> None:
    found = locate(tmp_path / "deep" / "er" / RUN / "manifest.json")
    assert found is not None
    assert (found[0].name, found[1]["run_id"]) == ("training.manifest", "r1")
    assert locate(tmp_path / "manifest.json") is None


def test_refuses_a_path_with_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="none"):
        verify(tmp_path / "nothing")


def test_empty_folder_is_good_and_empty(tmp_path: Path) -> None:
    assert verify(tmp_path).checked == 0
