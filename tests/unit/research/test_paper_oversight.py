"""Watching paper sessions: every folder in one count, every trouble in one alert, and only whole successes go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.research_market import CODE, NOW_NS

from tallystick.apps.cli.main import main
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.checking import findings
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.registry import contract
from tallystick.contracts.run_documents import RunSummary
from tallystick.contracts.time import NS_PER_MINUTE, iso_from_ns
from tallystick.research.paper_oversight import alerts, find_sessions, health, promotion, read_session
from tallystick.research.paper_sessions import PaperSessionRecorder, SessionFacts

CONFIG = {
    "ticker": "BTCUSDT",
    "start": "2025-02-01T00:00:00Z",
    "end": None,
    "interval": "1h",
    "venue": "paper",
    "strategy": "model_alpha",
    "fee": 0.0005,
    "slippage_bps": 2.0,
    "initial_cash": 10000.0,
    "settings": {},
}


def session(root: Path, name: str, ending: Any = "success", *, sharpe: float | None = 1.0, at_ns: int = NOW_NS, **more: Any) -> None:
    record = PaperSessionRecorder(Workspace(root), name)
    record.start(SessionFacts(venue="paper", strategy="model_alpha", universe_source="live_pool", code=CODE, config=CONFIG, **more), at_ns)
    if ending is None:
        return
    told = {} if ending == "success" else {"error_type": "DATA_ERROR", "message": "expected bars, found none"}
    summary = RunSummary(total_return=0.01, sharpe_simple=sharpe, max_drawdown=-0.002, trades=1, win_rate=1.0)
    record.finish(at_ns + NS_PER_MINUTE, ending, summary, **told)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    session(tmp_path, "good", sharpe=0.5)
    session(tmp_path, "better", sharpe=2.0)
    session(tmp_path, "middling", sharpe=1.0)
    session(tmp_path, "degraded", sharpe=9.0, degraded=True)
    session(tmp_path, "broken", "failed")
    session(tmp_path, "stopped", "aborted")
    session(tmp_path, "alive", None)
    session(tmp_path, "damaged", at_ns=NOW_NS + 1)
    status = tmp_path / "outputs" / "paper_sessions" / "damaged" / "session_status.json"
    status.write_bytes(status.read_bytes()[:-9])
    return Workspace(tmp_path)


@pytest.mark.clause("D3.25", "D3.26")
def test_health_counts_every_session_once(place: Workspace) -> None:
    found = health(find_sessions(place), now_ns=NOW_NS + NS_PER_MINUTE)
    assert found.by_status == {"running": 1, "success": 4, "failed": 1, "aborted": 1}
    assert (found.sessions, found.damaged, found.stale, found.status) == (8, 1, 0, "attention")
    assert findings(contract("paper_sessions.health"), found) == []


def test_health_of_nothing_is_empty_and_of_good_ones_is_ok(tmp_path: Path) -> None:
    assert health(find_sessions(Workspace(tmp_path)), now_ns=NOW_NS).status == "empty"
    session(tmp_path, "good")
    assert health(find_sessions(Workspace(tmp_path)), now_ns=NOW_NS).status == "ok"


def test_alerts_name_failed_aborted_stale_and_damaged_sessions(place: Workspace) -> None:
    late = NOW_NS + 61 * NS_PER_MINUTE
    found = alerts(find_sessions(place), now_ns=late)
    assert [(item.severity, item.code, item.session_id) for item in found.alerts] == [
        ("critical", "PAPER_SESSION_FAILED", "broken"),
        ("critical", "PAPER_SESSION_DAMAGED", "damaged"),
        ("warning", "PAPER_SESSION_ABORTED", "stopped"),
        ("warning", "PAPER_SESSION_STALE", "alive"),
    ]
    assert found.alerts[0].message == "DATA_ERROR: expected bars, found none"
    assert findings(contract("paper_sessions.alerts"), found) == []


def test_running_session_is_stale_only_after_its_minutes(place: Workspace) -> None:
    alive = next(item for item in find_sessions(place) if item.session_id == "alive")
    assert not alive.is_stale(NOW_NS + 60 * NS_PER_MINUTE, 60)
    assert alive.is_stale(NOW_NS + 60 * NS_PER_MINUTE + 1, 60)
    assert alive.is_stale(NOW_NS + 31 * NS_PER_MINUTE, 30)


@pytest.mark.clause("D3.37")
def test_only_whole_successes_with_gated_models_go_on_and_at_most_two(place: Workspace) -> None:
    found = promotion(find_sessions(place))
    assert [item.session_id for item in found.candidates] == ["better", "middling"]
    assert found.eligible == 3
    because = {item.session_id: item.reasons for item in found.held_back}
    assert set(because) == {"degraded", "broken", "stopped", "alive", "damaged"}
    assert because["degraded"] == ("degraded: it traded models that the promotion gate did not pass",)
    assert "status running, success needed" in because["alive"]
    assert "not terminal" in because["alive"]
    assert "error_type DATA_ERROR" in because["broken"]
    assert findings(contract("paper_sessions.promotion"), found) == []


def test_session_that_was_changed_after_its_seal_is_damaged(tmp_path: Path) -> None:
    session(tmp_path, "good")
    path = tmp_path / "outputs" / "paper_sessions" / "good" / "metrics.json"
    path.write_bytes(path.read_bytes().replace(b"0.01", b"0.09"))
    found = read_session(Workspace(tmp_path), "good")
    assert found.damage is not None
    assert promotion([found]).candidates == ()
    assert [item.code for item in alerts([found], now_ns=NOW_NS).alerts] == ["PAPER_SESSION_DAMAGED"]


def test_unknown_session_is_an_artifact_error(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="paper session named nobody"):
        read_session(Workspace(tmp_path), "nobody")


@pytest.mark.clause("D3.22", "D3.25")
def test_commands_list_show_health_alerts_and_promotion(place: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def command(*arguments: str) -> Any:
        where = ("--workspace", str(place.root))
        for more in ((), ("--json",)):
            monkeypatch.setattr("sys.argv", ["tallystick", "paper", *arguments, *where, *more])
            with pytest.raises(SystemExit) as ended:
                main()
            assert ended.value.code == 0
            out = capsys.readouterr().out
            assert out
        return json.loads(out)

    assert len(command("list")["sessions"]) == 8
    shown = command("show", "better")
    assert (shown["status"]["status"], shown["report"]["machine_contract"]["run_id"], shown["damage"]) == ("success", "better", None)
    assert command("show", "damaged")["damage"]
    now = ("--now", iso_from_ns(NOW_NS + 10**15))
    assert command("health", *now)["stale"] == 1
    assert len(command("alerts", "--stale-minutes", "1", *now)["alerts"]) == 4
    assert len(command("promotion")["candidates"]) == 2
