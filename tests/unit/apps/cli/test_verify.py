"""`tallystick verify PATH`: what people and machines see, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tallystick.adapters.event_store.store import EventStore
from tallystick.apps.cli.main import main
from tallystick.artifacts.seal import seal_folder
from tallystick.artifacts.signature import create_key
from tallystick.contracts.collection import StoredMessage


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stopped:
        main(["verify", *arguments])
    code = stopped.value.code
    return (code if isinstance(code, int) else 0), capsys.readouterr().out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    (made / "outputs" / "runs" / "r1" / "artifacts").mkdir(parents=True)
    (made / "outputs" / "runs" / "r1" / "artifacts" / "x.bin").write_bytes(b"x")
    (made / "notes.txt").write_text("mine")
    seal_folder(made / "outputs" / "runs" / "r1")
    return made


def test_good_tree_exits_zero_and_lists_what_is_unknown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, str(folder), "--json")
    document = json.loads(out)
    assert (code, document["checked"], document["unknown"], document["failures"]) == (0, 2, ["notes.txt"], [])
    assert "2 files checked, 0 failures, 1 unknown" in run(capsys, str(folder))[1]


def test_damaged_file_exits_three_and_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "outputs" / "runs" / "r1" / "artifacts" / "x.bin").write_bytes(b"y")
    code, out = run(capsys, str(folder), "--json")
    seal, failure = json.loads(out)["failures"]
    assert seal["path"] == "outputs/runs/r1/SHA256SUMS"
    assert (code, failure["path"], failure["rule"]) == (3, "outputs/runs/r1/artifacts/x.bin", "seal")
    assert set(failure) == {"path", "rule", "expected", "found"}
    code, out = run(capsys, str(folder))
    assert (code, "2 failures" in out) == (3, True)


def test_unsigned_seal_is_refused_when_a_key_is_given(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    public = folder.with_name("a.pub")
    create_key(folder.with_name("a.key"), public, bytes(32))
    code, out = run(capsys, str(folder), "--public-key", str(public), "--json")
    assert (code, [item["rule"] for item in json.loads(out)["failures"]]) == (3, ["signature"])


def test_missing_path_is_a_data_error_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, str(tmp_path / "none"), "--json")
    assert (code, json.loads(out)["error"]["code"]) == (3, "ARTIFACT_ERROR")


def test_a_day_that_was_left_open_is_named_with_its_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with EventStore(tmp_path / "data" / "events" / "binance", "binance") as store:
        store.append(StoredMessage(1, "mark", 1_700_000_000_000_000_000, "", b"{}", "mark"), ())
        store.seal()
        assert "being written now" in run(capsys, str(tmp_path))[1]
        store.release()
        code, out = run(capsys, str(tmp_path))
        assert (code, "left open: its writer was stopped" in out, "1 open" in out) == (0, True, True)
        assert json.loads(run(capsys, str(tmp_path), "--json")[1])["open"] == [{"path": "data/events/binance/2023-11-14/day.json", "state": "left_open"}]
