"""The explicit repeat of an exit: a CLOSING position whose order ended without closing it (decision 20)."""

from __future__ import annotations

from tallystick.contracts.order_kinds import OrderSide, OrderType
from tallystick.contracts.orders import OrderRequest
from tallystick.contracts.positions import Direction, PositionState
from tallystick.execution.client_ids import client_id
from tallystick.execution.position_book import PositionBook


def exit_resends(book: PositionBook, session_id: str, cycle: int) -> list[OrderRequest]:
    """One market exit for every CLOSING position that no working order closes, sorted by symbol, each with a client id of its own.

    An entry that still works closes nothing; a resting stop may never be reached: neither counts.
    """
    working = {order.symbol for order in book.working.values() if not order.resting and order.action != "ENTRY"}
    found = []
    for symbol, position in book.positions().items():
        if position.state is PositionState.CLOSING and symbol not in working and position.quantity:
            side = OrderSide.SELL if position.direction is Direction.LONG else OrderSide.BUY
            decision_id = f"{session_id}/{cycle:06d}/{symbol}"
            found.append(
                OrderRequest.exact(
                    symbol,
                    side,
                    OrderType.MARKET,
                    position.quantity,
                    reduce_only=True,
                    client_id=client_id(decision_id, "resend"),
                    decision_id=decision_id,
                    strategy_id="execution.exit_resends",
                )
            )
    return found
