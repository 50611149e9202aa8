"""The record of a paper session, from its first heartbeat to its seal, over crashes and failures."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.research_market import CODE, NOW_NS

from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.run_index import refresh_index
from tallystick.artifacts.seal import check_seal, is_sealed
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ConfigurationError, ContractViolation, InvariantViolation
from tallystick.contracts.order_kinds import OrderSide
from tallystick.contracts.run_documents import RunSummary
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.contracts.venue_updates import VenueFill
from tallystick.research import paper_sessions
from tallystick.research.paper_sessions import PaperSessionRecorder, SessionFacts
from tallystick.research.session_trades import session_trades

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
    "settings": {"risk": {"max_leverage": 2.0}},
}
SUMMARY = RunSummary(total_return=0.01, sharpe_simple=None, max_drawdown=-0.002, trades=1, win_rate=1.0)
SESSION = "paper-20250701"


def facts(**more: Any) -> SessionFacts:
    return SessionFacts(venue="paper", strategy="model_alpha", universe_source="live_pool", code=CODE, **{"config": CONFIG, "request_id": "req-3", **more})


def recorder(root: Path) -> PaperSessionRecorder:
    return PaperSessionRecorder(Workspace(root), SESSION)


def read(root: Path, name: str) -> Any:
    return json.loads((root / "outputs" / "paper_sessions" / SESSION / name).read_bytes())


def rows() -> Any:
    def fill(side: OrderSide, price: str, at: int) -> VenueFill:
        return VenueFill(f"v{at}", "BTCUSDT", "0" * 32, "sim-1", side, Decimal("0.01"), Decimal(price), Decimal("0.5"), "taker", Decimal(0), NOW_NS + at)

    return session_trades([fill(OrderSide.BUY, "100000", 0), fill(OrderSide.SELL, "101000", 1)], Decimal(10_000)).rows


@pytest.mark.clause("D3.03", "D3.16", "D3.19", "D3.20", "D3.21", "D3.22")
def test_finished_session_is_a_whole_folder_whose_run_id_is_the_session_id(tmp_path: Path) -> None:
    record = recorder(tmp_path)
    record.start(facts(), NOW_NS)
    result = record.finish(NOW_NS + 90 * NS_PER_SECOND, "success", SUMMARY, rows(), equity=[(NOW_NS, 10_001_000_000)])
    names = {path.name for path in result.folder.iterdir()}
    wanted = {"session_metadata.json", "session_status.json", "config.json", "metrics.json", "report.json", "trades.csv", "run_report.md", "artifacts"}
    assert names == {*wanted, "SHA256SUMS"}
    assert (result.folder / "artifacts" / "equity.csv").read_text() == "timestamp,equity\n2025-07-01T12:00:00Z,10001.000000\n"
    block = read(tmp_path, "report.json")["machine_contract"]
    assert (block["contract_type"], block["command"], block["mode"]) == ("quantlab.paper.result", "run", "paper")
    assert (block["run_id"], block["request_id"], result.run_id) == (SESSION, "req-3", SESSION)
    assert result.artifacts_path == block["artifacts"]["artifacts_path"] == f"outputs/paper_sessions/{SESSION}"
    assert all((tmp_path / path).exists() for path in block["artifacts"].values())
    report = verify(tmp_path)
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())


@pytest.mark.clause("D3.24")
def test_session_never_enters_the_run_index(tmp_path: Path) -> None:
    record = recorder(tmp_path)
    record.start(facts(), NOW_NS)
    record.finish(NOW_NS, "success", SUMMARY)
    assert refresh_index(Workspace(tmp_path), now_ns=NOW_NS, rebuild=True).index.runs == ()


@pytest.mark.clause("D3.25", "D3.26", "D3.27", "D3.28", "D3.30")
def test_status_tells_the_life_cycle(tmp_path: Path) -> None:
    record = recorder(tmp_path)
    record.start(facts(), NOW_NS)
    alive = {"session_id": SESSION, "status": "running", "started_at": "2025-07-01T12:00:00Z", "terminal": False, "status_reason": "active"}
    assert read(tmp_path, "session_status.json") == {**alive, "updated_at": "2025-07-01T12:00:00Z"}
    record.heartbeat(NOW_NS + 30 * NS_PER_SECOND)
    assert read(tmp_path, "session_status.json") == {**alive, "updated_at": "2025-07-01T12:00:30Z"}
    assert not is_sealed(record.folder)
    record.finish(NOW_NS + 90 * NS_PER_SECOND, "success", SUMMARY)
    end = {"status": "success", "terminal": True, "status_reason": "completed", "finished_at": "2025-07-01T12:01:30Z", "duration_seconds": 90}
    assert read(tmp_path, "session_status.json") == {**alive, **end, "updated_at": "2025-07-01T12:01:30Z"}
    assert record.is_finished()


@pytest.mark.clause("D3.29", "D3.30")
@pytest.mark.parametrize(("ending", "reason"), [("failed", "exception"), ("aborted", "operator_abort")])
def test_session_that_ends_badly_says_why(tmp_path: Path, ending: Any, reason: str) -> None:
    record = recorder(tmp_path)
    record.start(facts(), NOW_NS)
    with pytest.raises(ContractViolation, match="errors_are_told"):
        record.finish(NOW_NS, ending, SUMMARY)
    record.finish(NOW_NS, ending, SUMMARY, error_type="DataError", message="expected a bar, found none")
    status = read(tmp_path, "session_status.json")
    assert (status["status"], status["status_reason"], status["error_type"]) == (ending, reason, "DataError")
    assert "expected a bar, found none" in (record.folder / "run_report.md").read_text()
    assert not record.is_finished()


def test_session_cut_off_goes_on_under_its_id_with_its_first_start(tmp_path: Path) -> None:
    recorder(tmp_path).start(facts(), NOW_NS)
    again = recorder(tmp_path)
    status = again.start(facts(), NOW_NS + 60 * NS_PER_SECOND)
    assert (status.started_at, status.updated_at) == ("2025-07-01T12:00:00Z", "2025-07-01T12:01:00Z")
    again.finish(NOW_NS + 100 * NS_PER_SECOND, "success", SUMMARY)
    assert read(tmp_path, "session_status.json")["duration_seconds"] == 100


@pytest.mark.parametrize("ending", ["failed", "aborted"])
def test_session_that_ended_badly_may_be_taken_up_again(tmp_path: Path, ending: Any) -> None:
    record = recorder(tmp_path)
    record.start(facts(), NOW_NS)
    record.finish(NOW_NS, ending, SUMMARY, error_type="E", message="m")
    again = recorder(tmp_path)
    again.start(facts(), NOW_NS + NS_PER_SECOND)
    assert not is_sealed(again.folder)
    again.finish(NOW_NS + 2 * NS_PER_SECOND, "success", SUMMARY)
    assert check_seal(again.folder) == []


def test_finished_session_is_final(tmp_path: Path) -> None:
    record = recorder(tmp_path)
    record.start(facts(), NOW_NS)
    record.finish(NOW_NS, "success", SUMMARY)
    with pytest.raises(ConfigurationError, match="found paper-20250701 finished"):
        recorder(tmp_path).start(facts(), NOW_NS)


def test_another_configuration_under_the_same_id_is_refused(tmp_path: Path) -> None:
    recorder(tmp_path).start(facts(), NOW_NS)
    with pytest.raises(ConfigurationError, match="began with"):
        recorder(tmp_path).start(facts(config={**CONFIG, "fee": 0.1}), NOW_NS)


def test_nothing_happens_before_the_start(tmp_path: Path) -> None:
    assert recorder(tmp_path).status() is None
    with pytest.raises(InvariantViolation, match="started first"):
        recorder(tmp_path).heartbeat(NOW_NS)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("nth", range(1, 11))
def test_kill_while_finishing_is_finished_by_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int) -> None:
    record = recorder(tmp_path)
    record.start(facts(), NOW_NS)
    calls: list[Any] = []

    def kill(real: Any) -> Any:
        def call(*arguments: Any) -> Any:
            calls.append(arguments)
            if len(calls) == nth:
                raise Killed
            return real(*arguments)

        return call

    for name in ("write_artifact", "seal_folder"):
        monkeypatch.setattr(paper_sessions, name, kill(getattr(paper_sessions, name)))
    with contextlib.suppress(Killed):
        record.finish(NOW_NS + NS_PER_SECOND, "success", SUMMARY, rows())
    monkeypatch.undo()
    if not record.is_finished():
        again = recorder(tmp_path)
        again.start(facts(), NOW_NS + 2 * NS_PER_SECOND)
        again.finish(NOW_NS + 3 * NS_PER_SECOND, "success", SUMMARY, rows())
    assert recorder(tmp_path).is_finished()
    assert verify(tmp_path).failures == ()
