from __future__ import annotations

from decimal import Decimal

import pytest

from tallystick.artifacts.store import encode_artifact
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.positions import Direction, Position, PositionState
from tallystick.contracts.registry import contract
from tallystick.contracts.risk import RiskConfig
from tallystick.contracts.time import NS_PER_DAY, NS_PER_SECOND, iso_from_ns
from tallystick.monitoring.bodies import empty_positions, engine_state_body, entry_times_of, no_session_risk, positions_body, trade_row, trades_body

DAY = 20_000 * NS_PER_DAY


def held(symbol: str, quantity: str, entry: str, direction: Direction = Direction.LONG) -> Position:
    return Position(symbol, PositionState.OPEN, direction, Decimal(quantity), Decimal(entry))


BOOK = {
    "SOLUSDT": held("SOLUSDT", "10", "150"),
    "ETHUSDT": held("ETHUSDT", "2", "2500", Direction.SHORT),
    "ADAUSDT": Position.flat("ADAUSDT"),
    "XRPUSDT": Position("XRPUSDT", PositionState.ENTERING, Direction.LONG, Decimal(0), None),
}
MARKS = {"SOLUSDT": Decimal(165), "ETHUSDT": Decimal(2400)}


def valid(name: str, body: dict[str, object]) -> bytes:
    return encode_artifact(contract(f"dashboard.{name}"), body)


@pytest.mark.clause("D1.84", "D2.09", "D2.11", "D2.12", "D2.13", "D2.14", "D2.15")
def test_decisions_7_and_60_positions_are_signed_and_sorted() -> None:
    body = positions_body(BOOK, MARKS, Decimal(10_000), {"SOLUSDT": "2025-01-01T00:00:00Z"}, {"SOLUSDT": 0.2})
    valid("positions", body)
    short, long = body["positions"]
    assert (short["symbol"], long["symbol"]) == ("ETHUSDT", "SOLUSDT")
    assert short["shares"] == -2.0
    assert short["market_value"] == -4800.0
    assert short["weight"] == -0.48
    assert short["unrealized_pnl"] == 200.0
    assert short["unrealized_pnl_pct"] == 4.0
    assert (long["weight"], long["unrealized_pnl_pct"], long["side"]) == (0.165, 10.0, "long")
    assert (long["entry_time"], long["target_weight"]) == ("2025-01-01T00:00:00Z", 0.2)
    assert "entry_time" not in short
    assert (body["total_positions"], body["long_count"], body["short_count"], body["total_market_value"]) == (2, 1, 1, -3150.0)


@pytest.mark.clause("D2.09")
def test_decision_47_fractional_shares_are_numbers() -> None:
    body = positions_body({"BTCUSDT": held("BTCUSDT", "0.125", "100000")}, {"BTCUSDT": Decimal(100_000)}, Decimal(100_000))
    assert body["positions"][0]["shares"] == 0.125
    assert b'"shares":10,' in valid("positions", positions_body(BOOK, MARKS, Decimal(1000)))


def test_a_held_symbol_without_a_mark_is_refused() -> None:
    with pytest.raises(DataError, match="SOLUSDT"):
        positions_body(BOOK, {"ETHUSDT": Decimal(1)}, Decimal(1000))


def test_an_account_without_equity_keeps_finite_weights_in_proportion() -> None:
    body = positions_body(BOOK, MARKS, Decimal(-5))
    valid("positions", body)
    assert body["positions"][0]["weight"] < 0 < body["positions"][1]["weight"]


def test_nothing_held_is_an_empty_and_valid_body() -> None:
    assert valid("positions", empty_positions()) == b'{"long_count":0,"positions":[],"short_count":0,"total_market_value":0,"total_positions":0}\n'


def fill(number: int, seconds: int, symbol: str = "SOLUSDT", side: str = "buy", quantity: str = "10", price: str = "150.5") -> dict[str, object]:
    return {
        "kind": "fill",
        "update_id": f"u{number}",
        "symbol": symbol,
        "client_id": f"c{number}",
        "order_id": f"o{number}",
        "side": side,
        "quantity": quantity,
        "price": price,
        "fee": "0.15",
        "reference_price": "150",
        "timestamp_ns": DAY + seconds * NS_PER_SECOND,
    }


def rows(count: int = 5) -> list[dict[str, object]]:
    found = [trade_row(fill(n, n, "SOLUSDT" if n % 2 else "ETHUSDT"), {f"c{n}": f"d{n}"}) for n in range(count)]
    return [row for row in found if row is not None]


@pytest.mark.clause("D2.17", "D2.18", "D2.26")
def test_a_fill_becomes_a_trade_that_names_its_decision() -> None:
    row = rows(1)[0]
    assert row == {
        "id": "u0",
        "timestamp": iso_from_ns(DAY),
        "symbol": "ETHUSDT",
        "side": "buy",
        "shares": 10.0,
        "price": 150.5,
        "value": 1505.0,
        "order_id": "o0",
        "commission": 0.15,
        "decision_id": "d0",
        "slippage": 5.0,
    }
    assert trade_row({**fill(1, 1), "kind": "canceled"}, {}) is None
    liquidation = trade_row(
        {**{key: value for key, value in fill(1, 1).items() if key not in ("client_id", "order_id", "reference_price")}, "kind": "liquidation"}, {}
    )
    assert liquidation is not None
    assert liquidation["order_id"] is None
    assert liquidation["decision_id"] is None
    valid("trades", trades_body([liquidation]))


@pytest.mark.clause("D2.19", "D2.20", "D2.21", "D2.24")
def test_decision_60_totals_count_every_filtered_trade_before_paging() -> None:
    body = trades_body(rows(), limit=2, offset=1)
    valid("trades", body)
    assert [row["id"] for row in body["trades"]] == ["u3", "u2"]
    assert (body["total_trades"], body["total_value"]) == (5, 7525.0)
    assert len(trades_body(rows(150))["trades"]) == 100
    assert trades_body(rows(), offset=9)["trades"] == []


@pytest.mark.clause("D2.22", "D2.23")
def test_decision_60_since_is_inclusive_and_symbol_filters() -> None:
    body = trades_body(rows(), since=iso_from_ns(DAY + 3 * NS_PER_SECOND))
    assert [row["id"] for row in body["trades"]] == ["u4", "u3"]
    assert trades_body(rows(), symbol="ETHUSDT")["total_trades"] == 3
    with pytest.raises(DataError, match="yesterday"):
        trades_body(rows(), since="yesterday")
    with pytest.raises(ConfigurationError, match="-1"):
        trades_body(rows(), limit=-1)


def test_trades_of_one_instant_keep_their_order_newest_first() -> None:
    same = [trade_row(fill(n, 0), {}) for n in range(3)]
    assert [row["id"] for row in trades_body([row for row in same if row])["trades"]] == ["u2", "u1", "u0"]


def test_entry_times_follow_fills_through_a_flip() -> None:
    steps = [("buy", "10"), ("sell", "4"), ("sell", "6"), ("buy", "1"), ("sell", "3")]
    found = [trade_row(fill(n, n, side=side, quantity=quantity), {}) for n, (side, quantity) in enumerate(steps)]
    trades = [row for row in found if row]
    assert entry_times_of(trades[:2]) == {"SOLUSDT": iso_from_ns(DAY)}
    assert entry_times_of(trades[:3]) == {}
    assert entry_times_of(trades) == {"SOLUSDT": iso_from_ns(DAY + 4 * NS_PER_SECOND)}


@pytest.mark.clause("D1.83", "D2.02", "D2.03", "D2.04", "D2.07")
def test_engine_state_carries_every_field() -> None:
    body = engine_state_body(
        status="running", current_stage="risk", last_cycle=iso_from_ns(DAY), started_ns=DAY, now_ns=DAY + 1_500_000_000, cycle_count=3, symbols_active=5
    )
    valid("engine_state", body)
    assert body["uptime_seconds"] == 1.5
    assert body["current_stage"] == "risk"
    stopped = engine_state_body(
        status="stopped", current_stage="risk", last_cycle=iso_from_ns(DAY), started_ns=DAY, now_ns=DAY, cycle_count=0, symbols_active=0
    )
    assert stopped["current_stage"] == "idle"
    with pytest.raises(ConfigurationError, match="'thinking'"):
        engine_state_body(status="running", current_stage="thinking", last_cycle="", started_ns=0, now_ns=0, cycle_count=0, symbols_active=0)


def test_no_session_allows_no_trading() -> None:
    body = no_session_risk(RiskConfig(), iso_from_ns(DAY))
    valid("risk_status", body)
    assert body["trading_allowed"] is False
    assert body["daily_loss_remaining_pct"] == body["daily_loss_limit_pct"]
