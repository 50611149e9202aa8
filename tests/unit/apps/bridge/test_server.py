from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tallystick.adapters.journals.sqlite import SqliteJournal
from tallystick.apps.bridge.journal_reader import JournalDocuments
from tallystick.apps.bridge.server import create_bridge, require_loopback
from tallystick.apps.bridge.serving import engine_is_running, session_documents
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.checking import findings, parse_bytes
from tallystick.contracts.errors import ArtifactError, SafetyRefusal
from tallystick.contracts.positions import Direction, Position, PositionState
from tallystick.contracts.registry import contract
from tallystick.contracts.risk import AccountState, BreakerState, CircuitState, KillState, RiskConfig
from tallystick.contracts.session import JournalRow
from tallystick.contracts.time import NS_PER_HOUR, NS_PER_SECOND, iso_from_ns
from tallystick.engine.journal import Chain
from tallystick.monitoring.bodies import positions_body
from tallystick.risk.status import risk_status

START = 1_750_000_000 * NS_PER_SECOND
BOOK = {"SOLUSDT": Position("SOLUSDT", PositionState.OPEN, Direction.LONG, Decimal(10), Decimal(150))}
MARKS = {"SOLUSDT": Decimal(151)}


class ListJournal:
    """A journal in memory that counts how often it was read from the start."""

    def __init__(self) -> None:
        self.stored: list[JournalRow] = []
        self.scans = 0

    def append(self, rows: Any) -> None:
        self.stored.extend(rows)

    def rows(self, kind: str | None = None) -> Iterator[JournalRow]:
        self.scans += 1
        return iter([row for row in self.stored if kind in (None, row.kind)])

    def last(self, kind: str | None = None) -> JournalRow | None:
        found = [row for row in self.stored if kind in (None, row.kind)]
        return found[-1] if found else None

    def close(self) -> None:
        return None


def mark(status: str, cycles: int = 0, hours: int = 0) -> dict[str, Any]:
    return {"session_id": "s1", "config_sha256": "0" * 64, "cycles": cycles, "recorded_at": iso_from_ns(START + hours * NS_PER_HOUR), "status": status}


def commit(cycle: int) -> dict[str, Any]:
    now_ns = START + cycle * NS_PER_HOUR
    account = AccountState(Decimal(10_000), Decimal(10_000), now_ns / NS_PER_SECOND)
    order = {"order_id": f"c{cycle}", "decision_id": f"d{cycle}", "symbol": "SOLUSDT", "side": "buy", "quantity": "5"}
    fill = {
        "kind": "fill",
        "update_id": f"u{cycle}",
        "symbol": "SOLUSDT" if cycle % 2 else "ETHUSDT",
        "client_id": f"c{cycle - 1}",
        "order_id": f"o{cycle}",
        "side": "buy",
        "quantity": "5",
        "price": "150",
        "fee": "0.1",
        "timestamp_ns": now_ns,
    }
    return {
        "cycle": cycle,
        "now": iso_from_ns(now_ns),
        "updates": [fill] if cycle else [],
        "decisions": [],
        "orders": [order],
        "refused": [],
        "positions": positions_body(BOOK, MARKS, Decimal(10_000)),
        "risk": risk_status(account, BOOK, MARKS, RiskConfig(), BreakerState(CircuitState.CLOSED), KillState(), now_ns),
        "stats": {"mandates_received": 1, "actions_executed": 1, "actions_rejected": 0, "symbols_processed": 5},
    }


def session(cycles: int = 3, journal: Any = None) -> Any:
    found = journal or ListJournal()
    chain = Chain(found)
    chain.append([("session", 0, mark("running"))])
    for cycle in range(cycles):
        chain.append([("commit", cycle, commit(cycle))])
    return found


def client(journal: Any = None, *, running: bool = True, hours: float = 4) -> TestClient:
    documents = JournalDocuments(journal, now_ns=lambda: START + int(hours * NS_PER_HOUR), is_running=lambda: running)
    return TestClient(create_bridge(documents), base_url="http://127.0.0.1")


def body(answer: Any, name: str) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    item = contract(f"dashboard.{name}")
    assert findings(item, parse_bytes(item, answer.content)) == []
    return json.loads(answer.content)


ENDPOINTS = {
    "/api/state": "engine_state",
    "/api/positions": "positions",
    "/api/trades/history": "trades",
    "/api/risk/status": "risk_status",
    "/api/cils/stats": "cils_stats",
}


@pytest.mark.clause("D2.01", "D2.08", "D2.16", "D2.27", "D2.34", "D2.55")
@pytest.mark.parametrize(("path", "name"), ENDPOINTS.items())
def test_every_body_is_what_its_contract_says(path: str, name: str) -> None:
    body(client(session()).get(path), name)


@pytest.mark.parametrize(("path", "name"), ENDPOINTS.items())
def test_decision_59_without_a_session_bodies_are_valid_and_stopped(path: str, name: str) -> None:
    for journal in (None, ListJournal()):
        found = body(client(journal).get(path), name)
        if name == "engine_state":
            assert (found["status"], found["cycle_count"], found["last_cycle"]) == ("stopped", 0, iso_from_ns(START + 4 * NS_PER_HOUR))
        if name == "risk_status":
            assert found["trading_allowed"] is False


@pytest.mark.clause("D2.02", "D2.06", "D2.07")
def test_the_state_is_the_engines_own() -> None:
    journal = session()
    running = body(client(journal).get("/api/state"), "engine_state")
    assert (running["status"], running["uptime_seconds"], running["cycle_count"], running["symbols_active"]) == ("running", 4 * 3600, 3, 5)
    assert running["last_cycle"] == iso_from_ns(START + 2 * NS_PER_HOUR)
    killed = body(client(journal, running=False).get("/api/state"), "engine_state")
    assert killed["status"] == "stopped"
    assert "no end" in killed["last_error"]
    Chain(journal).append([("end", 3, mark("completed", 3, hours=3))])
    ended = body(client(journal).get("/api/state"), "engine_state")
    assert (ended["status"], ended["uptime_seconds"], ended["last_error"]) == ("stopped", 3 * 3600, None)


def test_decision_59_before_the_first_cycle_last_cycle_is_the_sessions_start() -> None:
    found = body(client(session(0)).get("/api/state"), "engine_state")
    assert (found["last_cycle"], found["cycle_count"]) == (iso_from_ns(START), 0)


def test_positions_carry_when_they_were_opened() -> None:
    row = body(client(session()).get("/api/positions"), "positions")["positions"][0]
    assert (row["symbol"], row["shares"], row["entry_time"]) == ("SOLUSDT", 10, iso_from_ns(START + NS_PER_HOUR))


@pytest.mark.clause("D2.18", "D2.20", "D2.21", "D2.22", "D2.23", "D2.24", "D2.25")
def test_trades_page_filter_and_name_their_decision() -> None:
    here = client(session(6))
    everything = body(here.get("/api/trades/history"), "trades")
    assert [row["id"] for row in everything["trades"]] == ["u5", "u4", "u3", "u2", "u1"]
    assert everything["trades"][0]["decision_id"] == "d4"
    page = body(here.get("/api/trades/history", params={"limit": 1, "offset": 1, "symbol": "SOLUSDT"}), "trades")
    assert [row["id"] for row in page["trades"]] == ["u3"]
    assert (page["total_trades"], page["total_value"]) == (3, 2250)
    late = body(here.get("/api/trades/history", params={"since": iso_from_ns(START + 5 * NS_PER_HOUR)}), "trades")
    assert [row["id"] for row in late["trades"]] == ["u5"]


@pytest.mark.clause("D2.33")
def test_decision_59_cils_off_is_exactly_enabled_false() -> None:
    assert client(session()).get("/api/cils/stats").content == b'{"enabled":false}\n'


def test_questions_that_cannot_be_answered_are_refused_with_their_reason() -> None:
    here = client(session())
    bad = here.get("/api/trades/history", params={"since": "yesterday"})
    assert bad.status_code == 400
    assert "yesterday" in bad.json()["error"]["message"]
    assert here.get("/api/trades/history", params={"limit": -1}).status_code == 422
    assert here.post("/api/positions").status_code == 405


def test_a_journal_that_cannot_be_read_is_said() -> None:
    journal = session()

    def broken(kind: str | None = None) -> JournalRow | None:
        raise ArtifactError("expected a journal, found a file that SQLite cannot read")

    journal.last = broken
    answer = client(journal).get("/api/positions")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ARTIFACT_ERROR")


def test_events_are_newest_first() -> None:
    found = client(session()).get("/api/events/recent", params={"count": 2}).json()
    assert [item["event_type"] for item in found["events"]] == ["CYCLE_END", "TRADE_FILLED"]
    assert found["total"] == 6


def test_health_names_the_session() -> None:
    assert client(session()).get("/health").json() == {"status": "ok", "session_id": "s1", "journal_rows": 4}


def test_a_body_is_made_once_until_a_new_row_comes() -> None:
    journal = session(2)
    here = client(journal)
    first = here.get("/api/positions").content
    assert here.get("/api/positions").content == first
    assert here.get("/api/risk/status").status_code == 200
    assert journal.scans == 1
    Chain(journal).append([("commit", 2, commit(2))])
    assert body(here.get("/api/trades/history"), "trades")["total_trades"] == 2
    assert journal.scans == 2


def test_decision_17_the_bridge_binds_loopback_and_answers_no_foreign_name() -> None:
    assert require_loopback("127.0.0.1") == "127.0.0.1"
    for host in ("0.0.0.0", "192.168.1.4", "example.org", "::"):
        with pytest.raises(SafetyRefusal, match="loopback"):
            require_loopback(host)
    assert client(session()).get("/api/positions", headers={"host": "evil.example"}).status_code == 400


def test_a_stored_session_is_served_and_its_lock_tells_whether_it_runs(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    config = workspace.path("engine.session_config", session_id="s1")
    config.parent.mkdir(parents=True)
    config.write_bytes(b"{}\n")
    writer = SqliteJournal(workspace.path("engine.journal", session_id="s1"), config)
    session(2, writer)
    assert engine_is_running(config)
    here = TestClient(create_bridge(session_documents(workspace, "s1")), base_url="http://127.0.0.1")
    assert body(here.get("/api/state"), "engine_state")["status"] == "running"
    writer.close()
    assert not engine_is_running(config)
    assert not engine_is_running(tmp_path / "nothing")
    assert body(here.get("/api/state"), "engine_state")["status"] == "stopped"
    assert (
        body(TestClient(create_bridge(session_documents(workspace, None)), base_url="http://127.0.0.1").get("/api/state"), "engine_state")["cycle_count"] == 0
    )
    with pytest.raises(ArtifactError):
        session_documents(workspace, "s2")
