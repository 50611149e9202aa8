"""`outputs/paper_sessions/<id>/` tells the truth about the session behind it, however that ended (decision 57)."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.fakes.paper_workspace import CYCLES, NOW_NS, lake_at, paper_config, use_fake_engine

from tallystick.apps.assembly import session_journal
from tallystick.apps.paper_records import run_paper_session
from tallystick.apps.session_report import session_report
from tallystick.artifacts.paths import Workspace, get_paper_session_dir
from tallystick.artifacts.seal import break_seal, check_seal, is_sealed
from tallystick.artifacts.store import write_artifact
from tallystick.contracts.errors import DataError, SafetyRefusal
from tallystick.contracts.registry import contract


def quiet(_done: int, _total: int) -> None:
    """No progress."""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    use_fake_engine(monkeypatch)
    return lake_at(tmp_path)


def run(workspace: Workspace, config=None):
    return run_paper_session(workspace, config or paper_config(workspace), now_ns=NOW_NS, progress=quiet)


def status(workspace: Workspace) -> dict:
    return json.loads((get_paper_session_dir(workspace, "paper-1") / "session_status.json").read_text())


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException, at: int = 8) -> None:
    def stop(cycle: int) -> None:
        if cycle == at:
            raise error

    use_fake_engine(monkeypatch, stop)


def test_decision_57_a_session_leaves_a_sealed_folder_that_agrees_with_its_journal(workspace):
    run(workspace)
    folder, report = get_paper_session_dir(workspace, "paper-1"), session_report(workspace, "paper-1")
    assert check_seal(folder) == []
    assert (status(workspace)["status"], status(workspace)["terminal"]) == ("success", True)
    trades = list(csv.DictReader((folder / "trades.csv").read_text().splitlines()))
    assert len(trades) == report.fills
    equity = list(csv.DictReader(next(folder.rglob("equity.csv")).read_text().splitlines()))
    assert len(equity) == CYCLES
    assert equity[-1]["equity"] == format(report.equity, "f")


def test_a_finished_session_again_changes_no_byte(workspace):
    run(workspace)
    folder = get_paper_session_dir(workspace, "paper-1")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert run(workspace).status == "already completed"
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("error", "ending", "name"), [(KeyboardInterrupt(), "aborted", "KeyboardInterrupt"), (DataError("expected a bar, found none"), "failed", DataError.code)]
)
def test_a_session_that_was_stopped_says_so_and_is_taken_up_again(workspace, monkeypatch, error, ending, name):
    failing(monkeypatch, error)
    with pytest.raises(type(error)):
        run(workspace)
    assert (status(workspace)["status"], status(workspace)["error_type"]) == (ending, name)
    assert is_sealed(get_paper_session_dir(workspace, "paper-1"))
    use_fake_engine(monkeypatch)
    assert run(workspace).status == "completed"
    assert status(workspace)["status"] == "success"


def test_a_failure_before_the_first_cycle_is_recorded_too(workspace):
    config = paper_config(workspace)
    path = workspace.at(next(item.path for item in config.inputs if item.contract == "market.coverage"))
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(SafetyRefusal, match="expected the input"):
        run(workspace, config)
    assert status(workspace)["status"] == "failed"


def test_a_process_that_is_refused_leaves_the_folder_of_the_other_alone(workspace):
    config = paper_config(workspace)
    write_artifact(contract("engine.session_config"), workspace.path("engine.session_config", session_id="paper-1"), config)
    with session_journal(workspace, "paper-1"), pytest.raises(SafetyRefusal, match="another process"):
        run(workspace)
    assert not get_paper_session_dir(workspace, "paper-1").exists()


def test_another_configuration_under_the_id_is_refused_and_recorded_nowhere(workspace):
    run(workspace)
    folder = get_paper_session_dir(workspace, "paper-1")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(SafetyRefusal, match="found other starting_cash"):
        run(workspace, paper_config(workspace).model_copy(update={"starting_cash": 7.0}))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_crash_between_the_end_of_the_session_and_its_folder_is_made_good(workspace):
    run(workspace)
    folder = get_paper_session_dir(workspace, "paper-1")
    sealed = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    break_seal(folder)
    (folder / "report.json").unlink()
    assert run(workspace).status == "already completed"
    assert check_seal(folder) == []
    assert set(sealed) == {path for path in folder.rglob("*") if path.is_file()}
