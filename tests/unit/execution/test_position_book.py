from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.fakes.trading import START_NS, approved, fill, instrument

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.orders import ApprovedOrder, OrderSide, OrderType
from tallystick.contracts.positions import Direction, PositionState
from tallystick.contracts.venue_updates import VenueCanceled, VenueLiquidation, VenueRejected
from tallystick.execution.position_book import PositionBook

FLAT, ENTERING, OPEN, REDUCING, CLOSING = PositionState
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def book() -> PositionBook:
    return PositionBook({"A": instrument("A")}, Decimal(10000))


def entry(quantity: str = "2", side: OrderSide = BUY, **more: Any) -> ApprovedOrder:
    return approved(symbol="A", side=side, quantity=quantity, **more)


def leaving(action: Any = "EXIT", quantity: str = "2", side: OrderSide = SELL, **more: Any) -> ApprovedOrder:
    return approved(action, symbol="A", side=side, quantity=quantity, **more)


def canceled(order: ApprovedOrder, remaining: str = "0", update_id: str = "c") -> VenueCanceled:
    return VenueCanceled(f"{update_id}-{order.client_id}", "A", order.client_id, "o", Decimal(remaining), "asked", START_NS)


def opened(quantity: str = "2", side: OrderSide = BUY) -> PositionBook:
    found, order = book(), entry(quantity, side)
    found.intend(order)
    found.apply(fill(order))
    return found


def state(found: PositionBook) -> PositionState:
    return found.position("A").state


@pytest.mark.clause("D4.76", "D4.77", "D4.78")
@pytest.mark.parametrize(("side", "direction"), [(BUY, Direction.LONG), (SELL, Direction.SHORT)])
def test_entry_enters_and_opens_with_its_fills(side: OrderSide, direction: Direction) -> None:
    found, order = book(), entry(side=side)
    found.intend(order)
    assert (state(found), found.position("A").direction, found.position("A").quantity) == (ENTERING, direction, 0)
    assert found.pending() == {"A": Decimal(2) * side.sign}
    found.apply(fill(order, "0.5", remaining="1.5"))
    assert (state(found), found.position("A").quantity) == (ENTERING, Decimal("0.5"))
    found.apply(fill(order, "1.5", price="104", number=2))
    assert (state(found), found.position("A").quantity, found.position("A").entry_price) == (OPEN, 2, 103)
    assert found.pending() == {}


def test_decision_20_partly_filled_entry_that_is_cancelled_is_open() -> None:
    found, order = book(), entry()
    found.intend(order)
    found.apply(fill(order, "0.5", remaining="1.5"))
    found.apply(canceled(order, "1.5"))
    assert (state(found), found.position("A").quantity) == (OPEN, Decimal("0.5"))


def test_rejected_entry_is_flat() -> None:
    found, order = book(), entry()
    found.intend(order)
    found.apply(VenueRejected("r", "A", order.client_id, "no margin", START_NS))
    assert state(found) is FLAT
    assert found.positions() == {}


def test_increase_keeps_direction_and_averages_the_price() -> None:
    found, order = opened(), entry("1")
    found.intend(order)
    assert (state(found), found.position("A").quantity) == (ENTERING, 2)
    found.apply(fill(order, price="106"))
    assert (state(found), found.position("A").quantity, found.position("A").entry_price) == (OPEN, 3, 102)


@pytest.mark.clause("D4.80", "D4.82")
def test_reduction_works_in_reducing_and_ends_open() -> None:
    found, order = opened(), leaving("REDUCE", "1")
    found.intend(order)
    found.apply(fill(order, "0.4", remaining="0.6"))
    assert (state(found), found.position("A").quantity) == (REDUCING, Decimal("1.6"))
    found.apply(fill(order, "0.6", number=2))
    assert (state(found), found.position("A").quantity) == (OPEN, 1)


@pytest.mark.clause("D4.81", "D4.84")
def test_exit_closes_with_its_last_fill() -> None:
    found, order = opened(), leaving()
    found.intend(order)
    found.apply(fill(order, "0.5", remaining="1.5"))
    assert state(found) is CLOSING
    found.apply(fill(order, "1.5", number=2))
    assert state(found) is FLAT


def test_decision_20_cancelled_exit_stays_closing_until_an_explicit_resend() -> None:
    found, order = opened(), leaving()
    found.intend(order)
    found.apply(canceled(order, "2"))
    assert state(found) is CLOSING
    again = leaving()
    with pytest.raises(InvariantViolation, match="something to exit"):
        found.intend(again)
    found.intend(again, resend=True)
    found.apply(fill(again))
    assert state(found) is FLAT


def test_emergency_exit_overtakes_a_working_entry_that_then_ends_unfilled() -> None:
    found, order = book(), entry()
    found.intend(order)
    found.emergency_exit("A")
    assert state(found) is CLOSING
    found.apply(canceled(order, "2"))
    assert state(found) is FLAT


def test_exit_overtakes_a_partly_filled_entry_whose_late_fill_is_kept() -> None:
    found, order = book(), entry()
    found.intend(order)
    found.apply(fill(order, "1", remaining="1"))
    out = leaving(quantity="1")
    found.intend(out)
    assert state(found) is CLOSING
    found.apply(fill(order, "1", number=2))
    assert (state(found), found.position("A").quantity) == (CLOSING, 2)
    found.apply(fill(out, "1"))
    assert (state(found), found.position("A").quantity) == (CLOSING, 1)


def test_resting_stop_moves_nothing_until_it_fills() -> None:
    found = opened()
    stop = leaving(kind=OrderType.STOP_MARKET, stop="95")
    found.intend(stop)
    assert state(found) is OPEN
    found.apply(fill(stop, "0.5", price="95", remaining="1.5"))
    assert (state(found), found.position("A").quantity) == (OPEN, Decimal("1.5"))
    found.apply(fill(stop, "1.5", price="94", number=2))
    assert state(found) is FLAT


def test_decision_20_liquidation_moves_to_the_venues_state_and_blocks_entries() -> None:
    found, order = opened(), leaving()
    found.intend(order)
    found.apply(VenueLiquidation("l", "A", SELL, Decimal(2), Decimal(80), Decimal(0), "LIQUIDATION", START_NS))
    assert state(found) is FLAT
    assert "liquidation of 2 A" in found.blocked["A"]
    found.apply(canceled(order, "2"))
    assert (state(found), found.working) == (FLAT, {})
    found.unblock("A")
    assert found.blocked == {}


def test_fill_that_no_order_of_ours_explains_is_taken_as_manual_and_blocks() -> None:
    found = book()
    found.apply(fill(entry()))
    assert (state(found), found.position("A").quantity) == (OPEN, 2)
    assert "no working order of ours explains" in found.blocked["A"]


def test_fill_that_turns_the_position_blocks_entries() -> None:
    found, order = opened("1"), leaving(quantity="3")
    found.intend(order)
    found.apply(fill(order, "3"))
    assert found.position("A").direction is Direction.SHORT
    assert "turned A" in found.blocked["A"]


def test_late_fill_of_an_entry_after_a_liquidation_enters_again() -> None:
    found, order = opened(), entry("1")
    found.intend(order)
    found.apply(VenueLiquidation("l", "A", SELL, Decimal(2), Decimal(80), Decimal(0), "ADL", START_NS))
    assert state(found) is FLAT
    found.apply(fill(order, "0.5", remaining="0.5"))
    assert state(found) is ENTERING
    found.apply(canceled(order, "0.5"))
    assert (state(found), found.position("A").quantity) == (OPEN, Decimal("0.5"))


def test_same_update_twice_changes_nothing() -> None:
    found, order = book(), entry()
    found.intend(order)
    assert found.apply(fill(order))
    before = found.digest()
    assert not found.apply(fill(order))
    assert not found.apply(canceled(order))
    assert found.digest() == before


def test_client_id_is_used_once() -> None:
    found, order = book(), entry()
    found.intend(order)
    for _ in range(2):
        with pytest.raises(InvariantViolation, match="client id of its own"):
            found.intend(order)
        found.apply(fill(order))


def test_illegal_action_raises_and_leaves_the_book_as_it_was() -> None:
    found = book()
    before = found.digest()
    with pytest.raises(InvariantViolation):
        found.intend(leaving())
    assert found.digest() == before


def test_account_is_the_ledgers_at_the_marks() -> None:
    assert opened().account({"A": Decimal(110)}, START_NS).equity == 10_020


@pytest.mark.parametrize("held", ["0", "5"])
def test_an_entry_that_outlived_its_position_never_turns_the_next_one_unseen(held: str) -> None:
    """An exit closed the short while the rest of its entry still worked; then a long was entered, and the old entry fills on."""
    found, old, out, new = book(), entry("2", SELL), leaving("EXIT", "1", BUY), entry("5", BUY)
    found.intend(old)
    found.apply(fill(old, "1", remaining="1"))
    found.intend(out)
    found.apply(fill(out))
    found.intend(new)
    if held != "0":
        found.apply(fill(new, held))
    found.apply(fill(old, "1", number=2))
    assert found.position("A").direction is found.ledger.direction("A")
    assert found.position("A").quantity == found.ledger.quantity("A")
    assert "against the LONG" in found.blocked["A"]
