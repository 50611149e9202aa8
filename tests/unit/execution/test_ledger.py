from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.fakes.trading import START_NS, approved, fill, instrument

from tallystick.contracts.errors import DataError, InvariantViolation
from tallystick.contracts.orders import OrderSide
from tallystick.contracts.positions import Direction
from tallystick.contracts.traded_instruments import MarginTier
from tallystick.contracts.venue_updates import VenueFunding, VenueLiquidation
from tallystick.execution.ledger import Ledger

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def ledger(**more: Any) -> Ledger:
    return Ledger({"BTCUSDT": instrument(**more)}, Decimal(10000))


def test_long_round_trip_realises_the_difference_less_its_fees() -> None:
    book = ledger()
    book.apply(fill(approved(quantity="2"), price="100", fee="0.1"))
    assert (book.quantity("BTCUSDT"), book.direction("BTCUSDT"), book.entry_price("BTCUSDT")) == (2, Direction.LONG, Decimal("100.0"))
    book.apply(fill(approved(side=SELL, quantity="2"), price="110", fee="0.11"))
    assert (book.realised(), book.fees(), book.cash()) == (20, Decimal("0.21"), Decimal("10019.79"))
    assert book.direction("BTCUSDT") is None
    assert book.entry_price("BTCUSDT") is None
    book.check()


def test_short_round_trip_gains_when_the_price_falls() -> None:
    book = ledger()
    book.apply(fill(approved(side=SELL, quantity="2"), price="100"))
    assert book.direction("BTCUSDT") is Direction.SHORT
    book.apply(fill(approved(quantity="1"), price="90"))
    assert (book.realised(), book.quantity("BTCUSDT"), book.entry_price("BTCUSDT")) == (10, 1, Decimal("100.0"))


def test_entry_price_is_the_average_over_the_fills() -> None:
    book = ledger()
    book.apply(fill(approved(quantity="1"), price="100"))
    book.apply(fill(approved(quantity="2"), price="101"))
    assert book.entry_price("BTCUSDT") == Decimal("100.666666666666667")


def test_fill_that_crosses_zero_closes_and_opens_the_rest() -> None:
    book = ledger()
    book.apply(fill(approved(quantity="1"), price="100"))
    book.apply(fill(approved(side=SELL, quantity="3"), price="110"))
    assert (book.realised(), book.quantity("BTCUSDT"), book.direction("BTCUSDT")) == (10, 2, Direction.SHORT)
    assert book.entry_price("BTCUSDT") == 110


def test_tiny_prices_keep_their_entry_price_exactly() -> None:
    book = ledger(tick="0.00000001", lot="1")
    book.apply(fill(approved(quantity="7"), price="0.00001234"))
    assert book.entry_price("BTCUSDT") == Decimal("0.00001234")


def test_funding_moves_cash_and_not_the_position() -> None:
    book = ledger()
    book.apply(fill(approved(quantity="1"), price="100"))
    book.apply(VenueFunding("f1", "BTCUSDT", Decimal("0.0001"), Decimal("0.01"), START_NS))
    assert (book.funding(), book.cash(), book.entry_price("BTCUSDT")) == (Decimal("0.01"), Decimal("9999.99"), 100)
    book.check()


def test_liquidation_is_a_fill_of_the_venue() -> None:
    book = ledger()
    book.apply(fill(approved(quantity="1"), price="100"))
    book.apply(VenueLiquidation("l1", "BTCUSDT", SELL, Decimal(1), Decimal(80), Decimal("0.4"), "LIQUIDATION", START_NS))
    assert (book.realised(), book.fees(), book.direction("BTCUSDT")) == (-20, Decimal("0.4"), None)


def test_equity_counts_the_unrealised_result_on_both_sides() -> None:
    for side, expected in ((BUY, "10010"), (SELL, "9990")):
        book = ledger()
        book.apply(fill(approved(side=side, quantity="1"), price="100"))
        state = book.account({"BTCUSDT": 1100}, 100_000, 2_000_000_000)
        assert state.equity == Decimal(expected)
        assert state.margin_available == Decimal(expected) - 11
        assert state.timestamp == 2.0


def test_same_update_twice_changes_nothing_and_another_with_its_id_raises() -> None:
    book, update = ledger(), fill(approved(quantity="1"))
    assert book.apply(update)
    before = book.state()
    assert not book.apply(update)
    assert book.state() == before
    with pytest.raises(InvariantViolation, match="one meaning of venue update"):
        book.apply(replace(update, price=Decimal(101)))


@pytest.mark.clause("D4.136")
def test_price_or_quantity_off_the_grid_raises() -> None:
    with pytest.raises(DataError, match="price of BTCUSDT"):
        ledger().apply(fill(approved(), price="100.05"))
    with pytest.raises(DataError, match="quantity of BTCUSDT"):
        ledger().apply(fill(approved(), quantity="0.0005"))


def test_unknown_symbol_and_missing_mark_raise() -> None:
    with pytest.raises(InvariantViolation, match="known instrument, found ETHUSDT"):
        ledger().apply(fill(approved(symbol="ETHUSDT")))
    book = ledger()
    book.apply(fill(approved(quantity="1")))
    with pytest.raises(InvariantViolation, match="mark for the held symbol BTCUSDT"):
        book.equity_micro({})


def test_overflow_raises_instead_of_wrapping() -> None:
    with pytest.raises(InvariantViolation, match="overflow"):
        ledger().fill("BTCUSDT", 2**40, 2**40, 0)


def test_margin_bound_agrees_with_the_exact_sums() -> None:
    book = ledger()
    book.apply(fill(approved(quantity="10"), price="100"))
    free = book.equity_micro({"BTCUSDT": 1000}) - book.margin_used_micro({"BTCUSDT": 1000}, 80_000)
    for needed, covered in ((free - 10, True), (free, True), (free + 1, False)):
        assert book.free_margin_covers(needed, {"BTCUSDT": 1000}, 80_000) is covered


def test_margin_in_use_follows_the_tier_of_the_position_on_either_side() -> None:
    for side in (BUY, SELL):
        book = ledger(tiers=(MarginTier(0, 500_000, 0, 10), MarginTier(1_000_000_000, 1_000_000, 5_000_000, 2)))
        book.apply(fill(approved(side=side, quantity="10"), price="100"))
        assert book.margin_used_micro({"BTCUSDT": 999}, 80_000) == 999_000_000 // 8
        assert book.margin_used_micro({"BTCUSDT": 1000}, 80_000) == 500_000_000
        free = book.equity_micro({"BTCUSDT": 1000}) - 500_000_000
        assert book.free_margin_covers(free, {"BTCUSDT": 1000}, 80_000)
        assert not book.free_margin_covers(free + 1, {"BTCUSDT": 1000}, 80_000)
