from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tallystick.monitoring.trade_journal import TradeJournal

FILLS = st.lists(st.tuples(st.booleans(), st.integers(1, 50), st.integers(50, 150), st.integers(0, 3)), max_size=30)


@given(FILLS)
def test_records_add_up_to_the_cash_that_moved(rows: list[tuple[bool, int, int, int]]) -> None:
    journal, cash, held, last = TradeJournal(), Decimal(0), 0, 100
    for number, (buys, quantity, price, fee) in enumerate(rows):
        sign = 1 if buys else -1
        update = {"update_id": f"u{number}", "symbol": "S", "quantity": quantity, "price": price, "fee": fee, "timestamp_ns": number}
        journal.apply({**update, "kind": "fill", "side": "buy" if buys else "sell"})
        cash -= sign * quantity * price + fee
        held, last = held + sign * quantity, price
    assert all(record.exit_time_ns is not None for record in journal.closed)
    assert len(journal.open) == (held != 0)
    if held:
        update = {"update_id": "close", "symbol": "S", "quantity": abs(held), "price": last, "fee": 0, "timestamp_ns": len(rows)}
        journal.apply({**update, "kind": "fill", "side": "sell" if held > 0 else "buy"})
    assert journal.open == ()
    assert abs(sum(record.net_pnl for record in journal.closed) - float(cash + held * last)) < 1e-6
