from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.artifacts.document_check import check_document
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.registry import contract
from tallystick.contracts.time import NS_PER_DAY, NS_PER_HOUR
from tallystick.monitoring.trade_journal import TradeJournal

DAY = 20_000 * NS_PER_DAY


def fill(number: int, side: str, quantity: str, price: str, fee: str = "1", hours: int | None = None, symbol: str = "SOLUSDT") -> dict[str, object]:
    at = DAY + (number if hours is None else hours) * NS_PER_HOUR
    return {"kind": "fill", "update_id": f"u{number}", "symbol": symbol, "side": side, "quantity": quantity, "price": price, "fee": fee, "timestamp_ns": at}


def journal(*updates: dict[str, object]) -> TradeJournal:
    found = TradeJournal()
    for update in updates:
        found.apply(update, "alpha")
    return found


@pytest.mark.clause("D4.107", "D4.110")
def test_a_trade_runs_from_flat_to_flat_with_average_prices() -> None:
    found = journal(fill(1, "buy", "10", "100"), fill(2, "buy", "10", "110"), fill(3, "sell", "5", "120"), fill(4, "sell", "15", "100"))
    (record,) = found.closed
    assert (record.direction, record.entry_price, record.exit_price, record.quantity) == ("LONG", 105.0, 105.0, 20.0)
    assert (record.realized_pnl, record.fees, record.net_pnl) == (0.0, 4.0, -4.0)
    assert (record.entry_time_ns, record.exit_time_ns) == (DAY + NS_PER_HOUR, DAY + 4 * NS_PER_HOUR)
    assert found.open == ()


def test_a_short_gains_when_the_price_falls_and_funding_is_its_own_cost() -> None:
    found = journal(fill(1, "sell", "10", "100"))
    found.apply({"kind": "funding", "update_id": "f", "symbol": "SOLUSDT", "payment": "-2.5", "timestamp_ns": DAY})
    found.apply(fill(2, "buy", "10", "90"))
    (record,) = found.closed
    assert (record.direction, record.realized_pnl, record.funding, record.net_pnl) == ("SHORT", 100.0, -2.5, 100.5)


def test_a_fill_through_zero_closes_one_trade_and_opens_another_with_its_share_of_the_fee() -> None:
    found = journal(fill(1, "buy", "10", "100"), fill(2, "sell", "25", "110", fee="5"))
    assert [record.net_pnl for record in found.closed] == [100.0 - 1.0 - 2.0]
    (record,) = found.open
    assert (record.direction, record.quantity, record.fees, record.entry_price) == ("SHORT", 15.0, 3.0, 110.0)
    assert record.exit_time_ns is None


def test_the_same_update_twice_changes_nothing_and_another_meaning_is_refused() -> None:
    found = journal(fill(1, "buy", "10", "100"), fill(1, "buy", "10", "100"))
    assert found.open[0].quantity == 10.0
    with pytest.raises(InvariantViolation, match="u1"):
        found.apply(fill(1, "buy", "11", "100"))


@pytest.mark.clause("D4.111", "D4.112")
def test_updates_that_move_no_money_leave_no_trace() -> None:
    found = TradeJournal()
    found.apply({"kind": "canceled", "update_id": "x", "symbol": "SOLUSDT", "timestamp_ns": DAY})
    assert found.records() == ()


def test_days_count_the_trades_that_closed_on_them() -> None:
    found = journal(
        fill(1, "buy", "1", "100", hours=1),
        fill(2, "sell", "1", "110", hours=2),
        fill(3, "buy", "1", "100", hours=3),
        fill(4, "sell", "1", "90", hours=23),
        fill(5, "buy", "1", "100", hours=23),
        fill(6, "sell", "1", "105", hours=25),
    )
    first, second = found.daily()
    assert (first.date, first.trades, first.wins, first.losses, first.net_pnl) == ("2024-10-04", 2, 1, 1, -4.0)
    assert (second.date, second.net_pnl, second.fees) == ("2024-10-05", 3.0, 2.0)


@pytest.mark.clause("D4.110")
def test_the_journal_is_written_one_record_a_line(tmp_path: Path) -> None:
    found = journal(fill(1, "buy", "10", "100"), fill(2, "sell", "10", "110"), fill(3, "buy", "1", "2000", symbol="ETHUSDT"))
    sha256 = found.persist(Workspace(tmp_path), "s1")
    path = Workspace(tmp_path).path("monitoring.trade_journal", session_id="s1")
    checked = check_document(contract("monitoring.trade_journal"), path.read_bytes(), "trade_journal.jsonl")
    assert checked.failures == ()
    assert checked.instances == found.records()
    assert found.persist(Workspace(tmp_path), "s1") == sha256
