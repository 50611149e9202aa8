"""Money is neither made nor lost: an oracle in fractions and plain sums against the ledger and the venue."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.trading import HOUR_NS, START_NS, approved, bars, instrument

from tallystick.contracts.orders import OrderSide, OrderType
from tallystick.contracts.venue_updates import VenueFill, VenueFunding, VenueLiquidation
from tallystick.execution.ledger import Ledger
from tallystick.execution.position_book import PositionBook
from tallystick.execution.simulated_venue import SimulatedVenue, VenueCosts

GRIDS = st.sampled_from([("0.1", "0.001"), ("0.01", "1"), ("0.00000001", "1"), ("0.00000001", "0.01"), ("2.5", "0.0003")])
TRADES = st.lists(st.tuples(st.integers(-50_000, 50_000).filter(bool), st.integers(1, 5_000_000), st.integers(-500, 5_000)), min_size=1, max_size=40)


def half_even(value: Fraction) -> int:
    return round(value)


@pytest.mark.clause("D4.95")
@settings(max_examples=150, deadline=None)
@given(GRIDS, TRADES)
def test_realised_plus_cost_is_sales_less_purchases_to_the_micro(grid: tuple[str, str], trades: list[tuple[int, int, int]]) -> None:
    traded = instrument("A", *grid)
    unit = Fraction(traded.unit_num, traded.unit_den)
    ledger = Ledger({"A": traded}, Decimal(1000))
    paid = fees = lots = 0
    for number, (change, ticks, fee) in enumerate(trades):
        ledger.fill("A", change, ticks, fee)
        paid += (1 if change > 0 else -1) * half_even(abs(change) * ticks * unit)
        fees += fee
        lots += change
        if number % 3 == 0:
            ledger.fund("A", fee)
            fees += fee
    holding = ledger.holdings.get("A")
    cost = 0 if holding is None else holding.cost_micro
    assert ledger.lots("A") == lots
    assert ledger.cash_micro == 1_000_000_000 - paid - fees + cost
    ledger.check()
    if lots:
        mark = trades[-1][1]
        value = (1 if lots > 0 else -1) * half_even(abs(lots) * mark * unit)
        assert ledger.equity_micro({"A": mark}) == 1_000_000_000 - paid - fees + value


@settings(max_examples=100, deadline=None)
@given(TRADES)
def test_average_price_lies_between_the_prices_that_built_the_position(trades: list[tuple[int, int, int]]) -> None:
    ledger = Ledger({"A": instrument("A")}, Decimal(0))
    for change, ticks, _ in trades:
        ledger.fill("A", abs(change), ticks, 0)
    price = ledger.entry_price("A")
    assert price is not None
    ticks_seen = [ticks for _, ticks, _ in trades]
    assert min(ticks_seen) * Decimal("0.1") <= price <= max(ticks_seen) * Decimal("0.1")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["none", "enter", "leave", "limit", "stop"]),
        st.sampled_from(list(OrderSide)),
        st.integers(1, 40),
        st.tuples(*[st.integers(60, 140)] * 4),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=80, deadline=None)
@given(STEPS, st.sampled_from(["200", "100000"]))
def test_venue_and_local_book_agree_and_every_unit_is_accounted_for(steps: list[tuple[str, OrderSide, int, tuple[int, ...], bool]], cash: str) -> None:
    traded = {"A": instrument("A", funding_interval_ns=4 * HOUR_NS)}
    venue, book = SimulatedVenue(traded, VenueCosts(), Decimal(cash)), PositionBook(traded, Decimal(cash))
    flows = Decimal(0)
    for number, (what, side, lots, prices, missing) in enumerate(steps):
        now_ns = START_NS + number * HOUR_NS
        position, client = book.position("A"), f"{number:032x}"
        state, quantity = position.state.value, Decimal(lots) / 10
        order = None
        if what in ("enter", "limit") and (state == "FLAT" or (state == "OPEN" and position.direction is not None and side.sign == position.direction.sign)):
            kind = {"enter": {}, "limit": {"kind": OrderType.LIMIT, "limit": "99.5"}}[what]
            order = approved(symbol="A", side=side, quantity=str(quantity), client_id=client, **kind)  # type: ignore[arg-type]
        elif what in ("leave", "stop") and state == "OPEN" and position.direction is not None:
            out = OrderSide.SELL if position.direction.sign > 0 else OrderSide.BUY
            more = {"kind": OrderType.STOP_MARKET, "stop": "90"} if what == "stop" else {}
            order = approved("EXIT", symbol="A", side=out, quantity=str(position.quantity), client_id=client, **more)  # type: ignore[arg-type]
        if order is not None:
            book.intend(order)
            venue.submit(order, now_ns)
        row = (float(prices[0]), float(max(prices)), float(min(prices)), float(prices[1]))
        venue.advance(now_ns, bars({"A": None if missing else row}, volume=500.0))
        for update in venue.drain():
            assert book.apply(update)
            if isinstance(update, VenueFill | VenueLiquidation):
                flows -= update.side.sign * update.quantity * update.price + update.fee
            elif isinstance(update, VenueFunding):
                flows -= update.payment
        assert book.ledger.state() == venue.ledger.state()
        assert set(book.working) == set(venue.working())
        held = venue.positions().get("A")
        mine = book.position("A")
        assert (mine.quantity, mine.entry_price) == ((Decimal(0), None) if held is None else (held.quantity, held.entry_price))
        if held is None:
            assert venue.ledger.cash() == Decimal(cash) + flows
        else:
            mark = venue.marks()["A"]
            assert venue.account().equity == Decimal(cash) + flows + held.signed_quantity * mark
        venue.ledger.check()


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_no_fill_is_better_than_the_market_allows(steps: list[tuple[str, OrderSide, int, tuple[int, ...], bool]]) -> None:
    venue = SimulatedVenue({"A": instrument("A")}, VenueCosts(), Decimal(10**9))
    for number, (what, side, lots, prices, _) in enumerate(steps):
        kind = {"limit": {"kind": OrderType.LIMIT, "limit": "99.5"}, "stop": {"kind": OrderType.STOP_MARKET, "stop": "101"}}.get(what, {})
        venue.submit(approved(symbol="A", side=side, quantity=str(Decimal(lots) / 10), **kind), START_NS)  # type: ignore[arg-type]
        low, high = min(prices), max(prices)
        venue.advance(START_NS + number * HOUR_NS, bars({"A": (float(prices[0]), float(high), float(low), float(prices[1]))}))
        for update in venue.drain():
            assert isinstance(update, VenueFill)
            better = update.price < low if update.side is OrderSide.BUY else update.price > high
            assert not better or update.liquidity == "maker"
            if update.liquidity == "taker":
                reference = update.reference_price
                assert reference is not None
                assert update.price >= reference if update.side is OrderSide.BUY else update.price <= reference
