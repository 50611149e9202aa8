from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.fakes.trading import START_NS, account, held

from tallystick.contracts.checking import findings, parse
from tallystick.contracts.positions import Direction, Position
from tallystick.contracts.registry import contracts
from tallystick.contracts.risk import BreakerState, CircuitState, KillState, RiskConfig
from tallystick.risk import kill_switch
from tallystick.risk.status import risk_status

CONFIG = RiskConfig()


def status(equity: str = "10000", start: str = "10000", peak: str = "10000", positions: dict[str, Position] | None = None, **more: Any) -> dict[str, Any]:
    kill = KillState(day="2025-01-01", day_start_equity=Decimal(start), peak_equity=Decimal(peak), last_equity=Decimal(equity))
    arguments = {"config": CONFIG, "breaker": BreakerState(), "kill": kill, **more}
    marks = {symbol: Decimal(100) for symbol in positions or {}}
    return risk_status(account(equity), positions or {}, marks, now_ns=START_NS, **arguments)


@pytest.mark.clause("D2.34", "D2.35", "D2.36", "D2.37", "D2.38", "D2.39")
def test_body_has_exactly_the_fields_of_document_two() -> None:
    body = status()
    assert set(body) == {
        "trading_allowed",
        "kill_switch_active",
        "kill_switch_reason",
        "daily_pnl_pct",
        "daily_loss_limit_pct",
        "daily_loss_remaining_pct",
        "drawdown_pct",
        "max_drawdown_limit_pct",
        "drawdown_remaining_pct",
        "gross_exposure",
        "net_exposure",
        "max_gross_exposure",
        "warnings",
        "last_check",
    }
    assert body["trading_allowed"] is True
    assert body["last_check"] == "2025-01-01T00:00:00Z"


@pytest.mark.clause("D2.36", "D2.37", "D2.43")
def test_percentages_are_of_a_hundred_and_remaining_is_the_limit_less_what_is_used() -> None:
    body = status("9900", start="10000", peak="11000")
    assert body["daily_pnl_pct"] == pytest.approx(-1.0)
    assert body["daily_loss_remaining_pct"] == pytest.approx(1.0)
    assert body["drawdown_pct"] == pytest.approx(10.0)
    assert body["drawdown_remaining_pct"] == pytest.approx(0.0)


def test_a_winning_day_leaves_the_whole_limit() -> None:
    assert status("10500", start="10000", peak="10500")["daily_loss_remaining_pct"] == 2.0


@pytest.mark.clause("D2.38")
def test_decision_24_exposures_are_computed_and_signed() -> None:
    positions = {"A": held("A", "30"), "B": held("B", "50", direction=Direction.SHORT)}
    body = status(positions=positions)
    assert body["gross_exposure"] == pytest.approx(0.8)
    assert body["net_exposure"] == pytest.approx(-0.2)
    assert body["max_gross_exposure"] == 1.0


@pytest.mark.clause("D2.40", "D2.42")
@pytest.mark.parametrize(("equity", "expected"), [("9861", []), ("9860", ["warning"]), ("9821", ["warning"]), ("9820", ["critical"]), ("9700", ["critical"])])
def test_loss_warns_at_seventy_and_is_critical_at_ninety_percent_of_its_limit(equity: str, expected: list[str]) -> None:
    found = status(equity, peak=equity)["warnings"]
    assert [row["severity"] for row in found] == expected
    assert {row["type"] for row in found} <= {"daily_loss"}


@pytest.mark.clause("D2.40", "D2.42")
def test_every_active_warning_is_listed() -> None:
    positions = {"A": held("A", "95")}
    found = status("9200", start="9350", peak="10000", positions=positions)["warnings"]
    assert [(row["type"], row["severity"]) for row in found] == [("daily_loss", "warning"), ("drawdown", "warning"), ("exposure", "critical")]
    assert all(set(row) == {"type", "message", "severity", "threshold_pct", "current_pct"} for row in found)


def test_decision_61_exposure_warning_is_in_percent_of_its_limit() -> None:
    row = status(positions={"A": held("A", "75")})["warnings"][0]
    assert (row["threshold_pct"], row["current_pct"], row["severity"]) == (70.0, pytest.approx(75.0), "warning")


@pytest.mark.clause("D2.41")
@pytest.mark.parametrize(
    "breach",
    [
        {"equity": "9800"},
        {"equity": "9000", "start": "9000"},
        {"positions": {"A": held("A", "101")}},
        {"breaker": BreakerState(CircuitState.OPEN, "losses", 0)},
        {"kill": kill_switch.latch_manual(KillState(), "desk", 0)},
        {"equity": "-1", "start": "-1", "peak": "-1"},
    ],
    ids=["daily loss", "drawdown", "exposure", "breaker", "kill", "no equity"],
)
def test_trading_is_not_allowed_on_any_breach(breach: dict[str, Any]) -> None:
    assert status(**breach)["trading_allowed"] is False


@pytest.mark.clause("D2.35")
def test_decision_14_kill_is_active_for_any_latched_kill_and_says_which() -> None:
    body = status(kill=kill_switch.latch_manual(KillState(), "desk", 0))
    assert (body["kill_switch_active"], body["kill_switch_reason"]) == (True, "manual: desk")


@pytest.mark.clause("D2.43")
def test_percentages_are_clamped_to_a_hundred() -> None:
    body = status("25000", start="10000", peak="25000", positions={"A": held("A", "900")})
    assert body["daily_pnl_pct"] == 100.0
    assert all(-100 <= row["current_pct"] <= 100 for row in body["warnings"])


def test_ruined_account_has_a_finite_body() -> None:
    body = status("-10", positions={"A": held("A", "1", direction=Direction.SHORT)})
    assert (body["gross_exposure"], body["net_exposure"]) == (1e9, -1e9)


@pytest.mark.clause("D2.34")
def test_body_keeps_the_registered_contract() -> None:
    registered = {item.name: item for item in contracts()}
    contract = registered["dashboard.risk_status"]
    for body in (status(), status("9700"), status("9990", positions={"A": held("A", "80")}), status(kill=kill_switch.latch_manual(KillState(), "desk", 0))):
        assert findings(contract, parse(contract, body)) == []
