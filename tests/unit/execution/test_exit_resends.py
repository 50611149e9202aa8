from __future__ import annotations

from decimal import Decimal

import pytest
from tests.fakes.trading import START_NS, approved, fill, instrument

from tallystick.contracts.orders import OrderSide, OrderType
from tallystick.contracts.positions import PositionState
from tallystick.contracts.venue_updates import VenueCanceled, VenueRejected
from tallystick.execution.exit_resends import exit_resends
from tallystick.execution.position_book import PositionBook

BTC = "BTCUSDT"


def closing(side: OrderSide = OrderSide.BUY) -> tuple[PositionBook, str]:
    """A book whose position of 3 is leaving, and the client id of its exit."""
    book = PositionBook({BTC: instrument()}, Decimal(100_000))
    entry = approved(side=side, quantity="3")
    book.intend(entry)
    book.apply(fill(entry))
    leave = approved("EXIT", side=OrderSide.SELL if side is OrderSide.BUY else OrderSide.BUY, quantity="3")
    book.intend(leave)
    return book, leave.client_id


@pytest.mark.parametrize(("side", "out"), [(OrderSide.BUY, OrderSide.SELL), (OrderSide.SELL, OrderSide.BUY)])
def test_decision_20_an_exit_that_ended_is_repeated_once_a_cycle_with_an_id_of_its_own(side, out):
    book, first = closing(side)
    assert exit_resends(book, "s", 4) == [], "the exit works"
    book.apply(VenueCanceled("c-1", BTC, first, "o-1", Decimal(3), "by the venue", START_NS))
    assert book.position(BTC).state is PositionState.CLOSING
    (again,) = exit_resends(book, "s", 4)
    assert (again.side, again.order_type, again.quantity, again.reduce_only) == (out, OrderType.MARKET, Decimal(3), True)
    assert again.decision_id == "s/000004/BTCUSDT"
    assert again.client_id not in (None, first)
    assert exit_resends(book, "s", 5)[0].client_id != again.client_id
    assert exit_resends(book, "s", 4) == [again]


def test_a_rejected_exit_is_repeated_for_what_is_still_held():
    book, first = closing()
    leave = book.working[first]
    book.apply(VenueRejected("r-1", BTC, first, "no", START_NS))
    assert first not in book.working
    (again,) = exit_resends(book, "s", 4)
    assert again.quantity == leave.remaining


def test_a_working_entry_closes_nothing():
    book = PositionBook({BTC: instrument()}, Decimal(100_000))
    entry = approved(quantity="3")
    book.intend(entry)
    book.apply(fill(entry, "1", remaining="2"))
    leave = approved("EXIT", side=OrderSide.SELL, quantity="1")
    book.intend(leave)
    book.apply(VenueCanceled("c-1", BTC, leave.client_id, "o-1", Decimal(1), "by the venue", START_NS))
    assert entry.client_id in book.working
    (again,) = exit_resends(book, "s", 2)
    assert again.quantity == Decimal(1)


def test_nothing_is_repeated_for_positions_that_are_not_leaving():
    book = PositionBook({BTC: instrument()}, Decimal(100_000))
    entry = approved(quantity="3")
    book.intend(entry)
    assert exit_resends(book, "s", 1) == []
    book.apply(fill(entry))
    assert exit_resends(book, "s", 1) == []
