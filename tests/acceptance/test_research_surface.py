"""Document 3 from the outside: requests in, one envelope out, and a second program that reads what lies on disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.contract_examples import example_paths
from tests.fakes.research_lake import GRID, research_lake, tree
from tests.fakes.research_market import CODE, NOW_NS

from tallystick.apps.machine_commands import machine_commands
from tallystick.apps.machine_surface import serve
from tallystick.apps.research_runs import best_run, compared_runs
from tallystick.artifacts.atomic import write_atomic_bytes
from tallystick.artifacts.run_index import refresh_index
from tallystick.artifacts.seal import seal_folder
from tallystick.artifacts.verification import verify
from tallystick.contracts.registry import contract
from tallystick.contracts.run_documents import RunSummary
from tallystick.research.paper_sessions import PaperSessionRecorder, SessionFacts

MAIN = Path(__file__).resolve().parents[2] / "main.py"
READER = Path(__file__).with_name("document_three_reader.py")
NOW = "2025-07-01T00:00:00Z"
END = "2024-01-20"


def request(command: str, **params: Any) -> str:
    return json.dumps({"schema_version": "1.0", "request_id": f"req-{command}", "command": command, "params": params})


def ask(capsys: pytest.CaptureFixture[str], root: Path, payload: str, *more: str, code: int = 0) -> dict[str, Any]:
    found = serve(["--json-request", payload, "--workspace", str(root), "--now", NOW, *more], MAIN, machine_commands)
    lines = capsys.readouterr().out.splitlines()
    assert (len(lines), found) == (1, code), lines
    envelope: dict[str, Any] = json.loads(lines[0])
    return envelope


def sweep_file(root: Path, **more: Any) -> str:
    path = root / "sweep.yaml"
    path.write_text(json.dumps({"mode": "grid", "fee": 0.0005, "end": END, "param_grid": GRID, **more}))
    return str(path)


def read_outside(root: Path) -> dict[str, Any]:
    answer = subprocess.run([sys.executable, "-I", "-S", str(READER), str(root)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@pytest.mark.clause("D3.01", "D3.02", "D3.03", "D3.04", "D3.09", "D3.11", "D3.12", "D3.13", "D3.15", "D3.17", "D3.31", "D3.32", "D3.34", "D3.44")
def test_every_machine_command_answers_and_a_second_program_reads_all_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = research_lake(tmp_path)
    config_path = sweep_file(tmp_path)
    run = ask(capsys, tmp_path, request("run", ticker="BTCUSDT", fee=0.0005, colour="red"))
    sweep = ask(capsys, tmp_path, request("sweep", config_path=config_path))
    forward = ask(capsys, tmp_path, request("forward", run_dir=sweep["artifacts_path"], forward_metric="total_return"))
    other = ask(capsys, tmp_path, request("forward", run_dir=sweep["artifacts_path"], rank=2))
    again = ask(capsys, tmp_path, request("forward", resume_forward=forward["run_id"]))
    portfolio = ask(capsys, tmp_path, request("portfolio", portfolio_mode="equal_weight"))
    walk = ask(
        capsys, tmp_path, request("sweep", config_path=sweep_file(tmp_path, mode="walkforward", start="2024-01-13", train_days=3, test_days=2, end=None))
    )
    ids = [envelope["run_id"] for envelope in (run, sweep, forward, other, portfolio, walk)]
    assert again["run_id"] == forward["run_id"]
    record = PaperSessionRecorder(place, "paper-1")
    settings = {"ticker": "BTCUSDT", "start": NOW, "end": None, "interval": "1h", "venue": "paper", "strategy": "model_alpha"}
    record.start(
        SessionFacts("paper", "model_alpha", "static", CODE, {**settings, "fee": 0.0, "slippage_bps": 0.0, "initial_cash": 1.0, "settings": {}}), NOW_NS
    )
    record.finish(NOW_NS, "success", RunSummary(total_return=None, sharpe_simple=None, max_drawdown=None, trades=0, win_rate=None))
    for name in ("dataset_manifest", "feature_manifest", "model_config", "training_summary"):
        example = example_paths(contract(f"model_runs.{name}"))[0].read_bytes()
        target = place.path(f"model_runs.{name}", model_run_id=json.loads(example)["model_run_id"])
        write_atomic_bytes(target, example)
    seal_folder(target.parent)
    found = read_outside(tmp_path)
    assert list(found["models"]) == [target.parent.name]
    kinds = ("run", "sweep", "forward", "forward", "portfolio", "walkforward")
    assert found["runs"] == {name: f"quantlab.{kind}.result" for name, kind in sorted(zip(ids, kinds, strict=True), key=lambda item: item[0])}
    assert found["sessions"] == {"paper-1": {"status": "success", "contract_type": "quantlab.paper.result", "run_id": "paper-1", "command": "run"}}
    assert found["ranked"][0] == best_run(place, "sharpe_simple").run_id
    assert found["compared"] == compared_runs(place, tuple(found["runs"]))["results"]
    (tmp_path / "sweep.yaml").unlink()
    report = verify(tmp_path)
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())


@pytest.mark.clause("D3.38", "D3.39")
def test_second_program_reads_a_run_of_an_older_version_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    research_lake(tmp_path)
    folder = tmp_path / ask(capsys, tmp_path, request("run", ticker="BTCUSDT"))["artifacts_path"]
    (folder / "metadata.json").rename(folder / "meta.json")
    report = json.loads((folder / "report.json").read_text())
    (folder / "run_report.json").write_text(json.dumps({**report, "artifacts": []}))
    (folder / "report.json").unlink()
    assert len(read_outside(tmp_path)["runs"]) == 1


@pytest.mark.clause("D3.02", "D3.33")
@pytest.mark.parametrize("damage", [b"", b"{", b'{"runs": []}\n'])
def test_damaged_index_is_rebuilt_from_the_run_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: bytes) -> None:
    place = research_lake(tmp_path)
    ask(capsys, tmp_path, request("run", ticker="BTCUSDT"))
    ask(capsys, tmp_path, request("run", ticker="ADAUSDT"))
    before = tree(tmp_path / "outputs" / "runs")
    for name in ("runs_index.json", "runs_index.csv", "runs_index.md"):
        (tmp_path / "outputs" / "runs" / name).write_bytes(damage)
    assert refresh_index(place, now_ns=1_751_328_000_000_000_000).index.n_runs == 2
    assert tree(tmp_path / "outputs" / "runs") == before


@pytest.mark.clause("D3.44", "D3.45")
def test_terminated_sweep_says_so_and_the_same_request_goes_on_to_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = {"ma_bars": list(range(5, 30)), "rsi_buy_max": list(range(50, 70))}
    for name in ("cut", "whole"):
        research_lake(tmp_path / name)
    payload = request("sweep", config_path=sweep_file(tmp_path, param_grid=grid, end=None))
    signals = tmp_path / "signals.jsonl"
    command = [sys.executable, str(MAIN), "--json-request", payload, "--workspace", str(tmp_path / "cut"), "--now", NOW, "--signal-file", str(signals)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})
    logs = tmp_path / "cut" / "state" / "searches"
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until and not (logs.is_dir() and any(path.stat().st_size for path in logs.iterdir())):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(out)["error"]["code"] == "INTERRUPTED"
    events = [json.loads(line) for line in signals.read_text().splitlines()]
    assert [(event["event"], event["status"], event["mode"]) for event in events] == [
        ("SESSION_STARTED", "running", "sweep"),
        ("SESSION_FAILED", "error", "sweep"),
    ]
    assert (events[1]["exit_code"], events[1]["error_type"]) == (1, "Interrupted")
    log = next(logs.iterdir())
    done = len(log.read_bytes().splitlines())
    assert 0 < done < 500
    # A hard kill in the middle of a write leaves half a line.
    log.write_bytes(log.read_bytes()[:-20])
    resumed = ask(capsys, tmp_path / "cut", payload)
    whole = ask(capsys, tmp_path / "whole", payload)
    assert resumed["run_id"] == whole["run_id"]
    assert tree(tmp_path / "cut" / "outputs") == tree(tmp_path / "whole" / "outputs")
    assert not log.exists()


@pytest.mark.parametrize("command", ["run", "sweep", "forward", "portfolio"])
@pytest.mark.parametrize("change", [{"schema_version": "2.0"}, {"schema_version": 1}, {"params": []}, {"request_id": 3}])
def test_request_that_is_none_is_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, change: dict[str, Any]
) -> None:
    document = {**json.loads(request(command, config_path="sweep.yaml")), **change}
    envelope = ask(capsys, tmp_path, json.dumps(document), code=2)
    assert envelope["error"]["code"] == "CONFIGURATION_ERROR"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("payload", "code", "says"),
    [
        (request("forward"), 2, "found neither"),
        (request("forward", run_dir="a", resume_forward="b"), 2, "found both"),
        (request("forward", run_dir="outputs/runs/nothing"), 3, "finished run named nothing"),
        (request("forward", run_dir=7), 2, "expected from as text"),
        (request("portfolio"), 3, "passes the filters"),
        (request("portfolio", portfolio_mode="lucky"), 2, "portfolio mode among"),
        (request("portfolio", portfolio_weights="a:1"), 2, "RUN_ID=0.6"),
        (request("sweep", config_path="absent.yaml"), 2, "absent.yaml"),
        (request("run", start="2030-01-01"), 3, "expected at least 100 bars"),
        (request("run", start="2024-01-10", end="2024-01-05"), 2, "start before end"),
        (request("run", interval="1x"), 2, "expected an interval"),
        (request("run", config_path=7), 2, "config_path as text"),
    ],
)
def test_request_that_cannot_be_done_says_why_and_leaves_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], payload: str, code: int, says: str) -> None:
    research_lake(tmp_path)
    assert says in ask(capsys, tmp_path, payload, code=code)["error"]["message"]
    assert not list((tmp_path / "outputs").glob("runs/2*"))
