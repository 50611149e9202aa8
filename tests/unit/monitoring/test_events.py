from __future__ import annotations

import pytest

from tallystick.artifacts.store import encode_artifact
from tallystick.contracts.dashboard import EventType
from tallystick.contracts.errors import ContractViolation
from tallystick.contracts.registry import contract
from tallystick.monitoring.events import event, events_of_row

NOW = "2025-06-20T14:00:00Z"
COMMIT = {
    "cycle": 7,
    "now": NOW,
    "updates": [
        {"kind": "fill", "update_id": "u1", "symbol": "SOLUSDT", "side": "buy", "quantity": "10", "price": "150", "order_id": "o1", "timestamp_ns": 10**18},
        {"kind": "canceled", "update_id": "u2", "symbol": "SOLUSDT", "order_id": "o2", "reason": "expired", "timestamp_ns": 10**18},
        {"kind": "rejected", "update_id": "u3", "symbol": "SOLUSDT", "reason": "margin", "timestamp_ns": 10**18},
        {
            "kind": "liquidation",
            "update_id": "u4",
            "symbol": "SOLUSDT",
            "side": "sell",
            "quantity": "10",
            "price": "99",
            "cause": "ADL",
            "timestamp_ns": 10**18,
        },
        {"kind": "funding", "update_id": "u5", "symbol": "SOLUSDT", "payment": "1", "timestamp_ns": 10**18},
    ],
    "decisions": [
        {"symbol": "SOLUSDT", "decision_id": "d1", "decision": "TRADE", "action": "ENTRY", "stage": "sizing", "reason": "alpha", "value": None, "limit": None},
        {
            "symbol": "ETHUSDT",
            "decision_id": "d2",
            "decision": "BLOCKED",
            "action": "NO_ACTION",
            "stage": "gating",
            "reason": "spread",
            "value": 9.0,
            "limit": 5.0,
        },
        {
            "symbol": "XRPUSDT",
            "decision_id": "d3",
            "decision": "HOLD",
            "action": "NO_ACTION",
            "stage": "arbitration",
            "reason": "",
            "value": None,
            "limit": None,
        },
    ],
    "refused": [{"symbol": "ADAUSDT", "decision_id": "d4", "reason": "leverage", "value": 11.0, "limit": 10.0}],
    "risk": {
        "warnings": [{"type": "daily_loss", "message": "near", "severity": "critical", "threshold_pct": 1.8, "current_pct": 1.9}],
        "kill_switch_active": True,
        "kill_switch_reason": "manual: operator",
    },
    "stats": {"mandates_received": 3},
}


@pytest.mark.clause("D1.86", "D1.87", "D1.88", "D1.89")
def test_a_cycle_tells_everything_in_the_order_of_the_trading_path() -> None:
    found = events_of_row("commit", COMMIT)
    assert [item["event_type"] for item in found] == [
        "TRADE_FILLED",
        "TRADE_CANCELLED",
        "TRADE_REJECTED",
        "TRADE_FILLED",
        "DECISION_MADE",
        "GATE_BLOCKED",
        "TRADE_REJECTED",
        "DAILY_LOSS_WARNING",
        "KILL_SWITCH_TRIGGERED",
        "CYCLE_END",
    ]
    for item in found:
        encode_artifact(contract("dashboard.event"), item)
    assert found[5]["data"] == {"decision_id": "d2", "value": 9.0, "limit": 5.0}
    assert found[3]["severity"] == "critical"


def test_marks_and_intents_become_events() -> None:
    mark = {"recorded_at": NOW, "session_id": "s1", "cycles": 0, "status": "running"}
    assert [events_of_row(kind, mark)[0]["event_type"] for kind in ("session", "recovery", "end")] == ["ENGINE_START", "RECONCILIATION_END", "ENGINE_STOP"]
    order = {"side": "buy", "quantity": "1", "symbol": "SOLUSDT", "order_id": "o1", "decision_id": "d1"}
    assert events_of_row("intent", {"cycle": 1, "now": NOW, "orders": [order]})[0]["message"] == "buy 1 SOLUSDT"


@pytest.mark.clause("D1.90")
def test_an_unlisted_event_cannot_be_emitted() -> None:
    assert len(EventType) == 36
    good = event(EventType.HEARTBEAT, NOW, "debug", "alive")
    with pytest.raises(ContractViolation, match="event_type"):
        encode_artifact(contract("dashboard.event"), {**good, "event_type": "MADE_UP"})
    with pytest.raises(ContractViolation, match="severity"):
        encode_artifact(contract("dashboard.event"), {**good, "severity": "loud"})
    with pytest.raises(ContractViolation, match="timestamp"):
        encode_artifact(contract("dashboard.event"), {**good, "timestamp": "2025-06-20T14:00:00+02:00"})
