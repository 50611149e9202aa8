"""The machine surface: one JSON envelope on stdout whatever happens, signals beside it, exit codes 0 to 5."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import tallystick
from tallystick.apps.machine_commands import machine_commands
from tallystick.apps.machine_surface import Answer, Dispatch, is_machine_call, preflight, serve
from tallystick.artifacts.document_check import check_document
from tallystick.artifacts.store import parse_artifact
from tallystick.contracts.errors import ConfigurationError, DataError, SafetyRefusal, StrategyError, TallystickError
from tallystick.contracts.registry import contract

ROOT = Path(__file__).resolve().parents[3]
MAIN = ROOT / "main.py"
NOW = "2025-07-01T00:00:00Z"
SUMMARY = {"total_return": 0.1, "sharpe_simple": None, "max_drawdown": -0.05, "trades": 3, "win_rate": 2 / 3}


@dataclass(frozen=True)
class Fixed:
    """An answer that a fake command gives."""

    run_id: str = "20250701_000000_run_0123abc"
    artifacts_path: str = "outputs/runs/20250701_000000_run_0123abc"
    report_path: str = "outputs/runs/20250701_000000_run_0123abc/report.json"
    runs_index: str | None = "outputs/runs/runs_index.json"
    summary: Mapping[str, Any] = field(default_factory=lambda: SUMMARY)


PAPER = Fixed("paper-1", "outputs/paper_sessions/paper-1", "outputs/paper_sessions/paper-1/report.json", None)


def commands(action: Callable[[dict[str, Any]], Answer]) -> Callable[[], Dispatch]:
    return lambda: {"run": action}


def chatty(call: dict[str, Any]) -> Fixed:
    sys.stdout.write("a library that talks\n")
    sys.stdout.write("and another\n")
    return Fixed()


def ask(capsys: pytest.CaptureFixture[str], payload: object, action: Callable[[dict[str, Any]], Answer] = chatty, *more: str) -> tuple[int, dict[str, Any]]:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    code = serve(["--json-request", text, "--now", NOW, *more], MAIN, commands(action))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1, "exactly one envelope on stdout"
    assert not check_document(contract("runs.machine_envelope"), f"{lines[0]}\n".encode(), "stdout").failures
    return code, json.loads(lines[0])


def request(**more: Any) -> dict[str, Any]:
    return {"schema_version": "1.0", "request_id": "req-1", "command": "run", "params": {}, **more}


def raising(error: BaseException) -> Callable[[dict[str, Any]], Answer]:
    def action(call: dict[str, Any]) -> Answer:
        raise error

    return action


@pytest.mark.clause("D3.44")
def test_decision_45_success_is_exactly_one_envelope_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    code, envelope = ask(capsys, request())
    assert code == 0
    assert envelope == {
        "schema_version": "1.0",
        "request_id": "req-1",
        "status": "success",
        "run_id": Fixed().run_id,
        "artifacts_path": Fixed().artifacts_path,
        "summary": SUMMARY,
    }


@pytest.mark.clause("D3.44")
def test_command_gets_params_request_id_workspace_and_time(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []

    def remember(call: dict[str, Any]) -> Answer:
        seen.append(call)
        return Fixed()

    ask(capsys, request(params={"ticker": "BTCUSDT", "unknown": 1}), remember, "--workspace", str(tmp_path))
    params = {"ticker": "BTCUSDT", "unknown": 1}
    assert seen == [{"params": params, "request_id": "req-1", "workspace": tmp_path, "now_ns": 1_751_328_000_000_000_000}]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TallystickError("general"), 1),
        (ConfigurationError("settings"), 2),
        (DataError("no bars", where="lake", hint="Import them"), 3),
        (StrategyError("wiped out"), 4),
        (SafetyRefusal("gate"), 5),
        (KeyboardInterrupt(), 1),
    ],
)
def test_decision_45_failure_is_one_envelope_with_its_exit_code(capsys: pytest.CaptureFixture[str], error: BaseException, code: int) -> None:
    found, envelope = ask(capsys, request(), raising(error))
    assert (found, envelope["status"], envelope["request_id"]) == (code, "error", "req-1")
    assert envelope["error"]["message"]
    if isinstance(error, DataError):
        assert envelope["error"] == {"code": "DATA_ERROR", "message": "no bars", "where": "lake", "hint": "Import them"}


def test_defect_still_gives_one_envelope_and_is_not_swallowed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        serve(["--json-request", json.dumps(request())], MAIN, commands(raising(ZeroDivisionError("division"))))
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["error"]["message"] == "unexpected ZeroDivisionError: division"


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "{",
        "[]",
        "7",
        '{"command": "run"}',
        request(schema_version="2.0"),
        request(command="dance"),
        request(params=[]),
        request(request_id=7),
        request(command="sweep"),
        request(command="sweep", params={"config_path": ""}),
        '{"schema_version": "1.0", "command": "run", "command": "run"}',
    ],
)
def test_payload_that_is_no_request_is_a_configuration_error(capsys: pytest.CaptureFixture[str], payload: object) -> None:
    code, envelope = ask(capsys, payload)
    assert (code, envelope["error"]["code"]) == (2, "CONFIGURATION_ERROR")


@pytest.mark.parametrize("command", ["sweep", "forward", "portfolio"])
def test_command_that_this_version_does_not_answer_says_so(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, envelope = ask(capsys, request(command=command, params={"config_path": "grid.yaml"}))
    assert (code, envelope["error"]["code"]) == (2, "CONFIGURATION_ERROR")
    assert envelope["error"]["message"].startswith(f"expected the command run, found {command}")


def test_usage_error_is_an_envelope_too(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--json-request"], ["--signal-file", "x"], ["--json-request", "{}", "--dance"]):
        assert serve(arguments, MAIN, commands(chatty)) == 2
        assert json.loads(capsys.readouterr().out)["error"]["code"] == "CONFIGURATION_ERROR"


def signals(path: Path) -> list[dict[str, Any]]:
    assert not check_document(contract("runs.lifecycle_signal"), path.read_bytes(), str(path)).failures
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.clause("D3.45")
def test_signals_are_appended_as_lines(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "deep" / "signals.jsonl"
    ask(capsys, request(), chatty, "--signal-file", str(path))
    ask(capsys, request(), raising(DataError("no bars")), "--signal-file", str(path))
    found = signals(path)
    assert [row["event"] for row in found] == ["SESSION_STARTED", "SESSION_COMPLETED", "SESSION_STARTED", "SESSION_FAILED"]
    assert [row["status"] for row in found] == ["running", "success", "running", "error"]
    assert {(row["schema_version"], row["mode"], row["request_id"], row["timestamp"]) for row in found} == {("1.0", "run", "req-1", NOW)}
    assert (found[1]["run_id"], found[1]["report_path"], found[1]["runs_index"]) == (Fixed().run_id, Fixed().report_path, Fixed().runs_index)
    assert (found[3]["exit_code"], found[3]["error_type"], found[3]["message"]) == (3, "DataError", "no bars")


@pytest.mark.clause("D3.45")
def test_signal_file_that_cannot_be_written_stops_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, envelope = ask(capsys, request(), chatty, "--signal-file", str(tmp_path))
    assert (code, envelope["status"]) == (0, "success")


@pytest.mark.clause("D3.19", "D3.20", "D3.21", "D3.46", "D3.47")
def test_paper_session_keeps_the_mode_run_and_answers_with_its_session_id(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "signals.jsonl"
    answer = machine_commands(paper=lambda call: PAPER)["run"]
    code, envelope = ask(capsys, request(params={"paper": True}), answer, "--signal-file", str(path))
    assert (code, envelope["run_id"], envelope["artifacts_path"]) == (0, "paper-1", "outputs/paper_sessions/paper-1")
    found = signals(path)
    assert [row["mode"] for row in found] == ["run", "run"]
    assert "runs_index" not in found[1]
    assert (found[1]["run_id"], found[1]["artifacts_path"]) == ("paper-1", "outputs/paper_sessions/paper-1")


def test_paper_without_an_engine_behind_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    code, envelope = ask(capsys, request(params={"paper": True}), machine_commands()["run"])
    assert (code, "tallystick trade" in envelope["error"]["message"]) == (2, True)


@pytest.mark.clause("D3.43")
def test_check_names_what_it_must_and_keeps_its_contract() -> None:
    health = preflight(MAIN)
    assert parse_artifact(contract("runs.preflight"), json.dumps(health).encode()).status == "ok"
    assert (health["project_root"], health["main_path"], health["src_root"]) == (str(ROOT), str(MAIN), str(ROOT / "src"))
    assert (health["interpreter"], health["version"], health["quantlab_import"]) == (sys.executable, tallystick.__version__, True)


def python_main(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(MAIN), *arguments], capture_output=True, text=True, cwd=cwd, check=False, env={**os.environ}, timeout=120)


@pytest.mark.clause("D3.41")
def test_version_is_one_stable_line(tmp_path: Path) -> None:
    answer = python_main("--version", cwd=tmp_path)
    assert (answer.stdout, answer.returncode) == (f"{tallystick.__version__}\n", 0)


@pytest.mark.clause("D3.42")
def test_check_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    first, second = python_main("--check", cwd=tmp_path), python_main("--check", cwd=tmp_path)
    assert first.stdout == second.stdout
    assert json.loads(first.stdout)["status"] == "ok"
    assert first.returncode == 0


@pytest.mark.clause("D3.44")
def test_request_through_main_py_without_bars_is_a_data_error_and_leaves_nothing(tmp_path: Path) -> None:
    answer = python_main("--json-request", json.dumps(request()), "--workspace", str(tmp_path), cwd=tmp_path)
    assert answer.returncode == 3
    assert json.loads(answer.stdout)["error"]["code"] == "DATA_ERROR"
    assert list(tmp_path.iterdir()) == []


def test_other_command_lines_are_for_the_commands_of_tallystick() -> None:
    assert is_machine_call(["--check"])
    assert is_machine_call(["--json-request={}", "--signal-file", "x"])
    assert not is_machine_call(["runs", "list"])
