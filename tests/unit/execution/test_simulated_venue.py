from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.fakes.trading import HOUR_NS, START_NS, account, approved, bars, instrument, request

from tallystick.contracts.errors import ConfigurationError, InvariantViolation, SafetyRefusal
from tallystick.contracts.orders import ApprovedOrder, OrderSide, OrderStatus, OrderType
from tallystick.contracts.positions import Direction
from tallystick.contracts.risk import BreakerState, KillState, RiskConfig
from tallystick.contracts.traded_instruments import MarginTier
from tallystick.contracts.venue_updates import VenueCanceled, VenueFill, VenueFunding, VenueLiquidation, VenueRejected
from tallystick.execution.simulated_venue import SimulatedVenue, VenueCosts
from tallystick.risk.review import review_orders

FREE = VenueCosts(taker_fee_e8=0, maker_fee_e8=0, spread_e8=0, slippage_e8=0, funding_rate_e8=0, liquidation_fee_e8=0)
SELL = OrderSide.SELL
CALM = (100.0, 101.0, 99.0, 100.0)


def venue(costs: VenueCosts = FREE, cash: str = "10000", **more: Any) -> SimulatedVenue:
    return SimulatedVenue({symbol: instrument(symbol, min_notional=Decimal(5), **more) for symbol in ("A", "B")}, costs, Decimal(cash))


class Hours:
    """Advances a venue hour by hour."""

    def __init__(self, found: SimulatedVenue, symbols: tuple[str, ...] = ("A", "B")) -> None:
        self.venue = found
        self.now_ns = START_NS
        self.symbols = symbols

    def pass_(self, row: tuple[float, float, float, float] | None = CALM, volume: float = 1e9) -> list[Any]:
        self.venue.advance(self.now_ns, bars({symbol: row if symbol == "A" else CALM for symbol in self.symbols}, volume))
        self.now_ns += HOUR_NS
        return list(self.venue.drain())

    def send(self, order: ApprovedOrder, row: tuple[float, float, float, float] | None = CALM, volume: float = 1e9) -> list[Any]:
        self.venue.submit(order, self.now_ns)
        return self.pass_(row, volume)


def test_market_order_fills_at_the_open_of_the_bar_that_opens_now() -> None:
    costs = VenueCosts(taker_fee_e8=50_000, spread_e8=200_000, slippage_e8=100_000, funding_rate_e8=0)
    order = approved(symbol="A", quantity="2")
    (found,) = Hours(venue(costs)).send(order, (100.0, 120.0, 90.0, 110.0))
    assert isinstance(found, VenueFill)
    assert (found.price, found.reference_price, found.quantity, found.remaining) == (Decimal("100.2"), 100, 2, 0)
    assert found.fee == Decimal("0.1002")
    assert (found.client_id, found.liquidity, found.timestamp_ns) == (order.client_id, "taker", START_NS)


@pytest.mark.parametrize(
    "wrong", [{"spread_e8": -1}, {"slippage_e8": -1}, {"liquidation_fee_e8": -1}, {"volume_share": 0.0}, {"volume_share": float("nan")}, {"leverage_e4": 0}]
)
def test_refuses_costs_under_which_nothing_would_ever_fill(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        VenueCosts(**wrong)
    assert caught.value.where == f"costs.{next(iter(wrong))}"


def test_books_are_marked_at_the_close() -> None:
    hours = Hours(venue())
    hours.send(approved(symbol="A", quantity="2"), (100.0, 111.0, 99.0, 110.0))
    assert hours.venue.account().equity == 10_020
    assert hours.venue.marks()["A"] == 110
    position = hours.venue.positions()["A"]
    assert (position.direction, position.quantity, position.entry_price) == (Direction.LONG, 2, 100)


def test_same_client_id_twice_is_one_order_with_one_answer() -> None:
    hours, order = Hours(venue()), approved(symbol="A")
    first = hours.venue.submit(order, hours.now_ns)
    assert hours.venue.submit(order, hours.now_ns) is first
    assert len(hours.pass_()) == 1
    assert hours.venue.submit(order, hours.now_ns) is first
    assert hours.pass_() == []
    with pytest.raises(InvariantViolation, match="one order behind client id"):
        hours.venue.submit(approved(symbol="A", quantity="3", client_id=order.client_id), hours.now_ns)


def test_refuses_what_risk_did_not_approve() -> None:
    with pytest.raises(SafetyRefusal, match="risk approved"):
        venue().submit(request("A"), START_NS)  # type: ignore[arg-type]


def test_missing_bar_fills_nothing_and_the_order_stays() -> None:
    hours, order = Hours(venue()), approved(symbol="A")
    assert hours.send(order, None) == []
    assert hours.venue.working() == (order.client_id,)
    assert isinstance(hours.pass_()[0], VenueFill)


def test_partial_fill_against_a_share_of_the_volume_carries_the_rest_to_the_next_open() -> None:
    hours, order = Hours(venue()), approved(symbol="A", quantity="5")
    (first,) = hours.send(order, CALM, volume=20.0)
    assert (first.quantity, first.remaining) == (2, 3)
    assert hours.venue.lookup(order.client_id).status is OrderStatus.PARTIAL  # type: ignore[union-attr]
    (second,) = hours.pass_((105.0, 106.0, 104.0, 105.0))
    assert (second.quantity, second.remaining, second.price) == (3, 0, 105)


def test_two_orders_share_the_volume_in_the_order_of_their_arrival() -> None:
    hours = Hours(venue())
    hours.venue.submit(approved(symbol="A", quantity="1.5"), hours.now_ns)
    found = hours.send(approved(symbol="A", quantity="1.5"), CALM, volume=20.0)
    assert [item.quantity for item in found] == [Decimal("1.5"), Decimal("0.5")]


def test_immediate_or_cancel_takes_what_is_there_and_cancels_the_rest() -> None:
    found = Hours(venue()).send(approved(symbol="A", quantity="5", kind=OrderType.IOC, limit="100"), CALM, volume=20.0)
    assert [(type(item), item.remaining) for item in found] == [(VenueFill, 3), (VenueCanceled, 3)]
    (only,) = Hours(venue()).send(approved(symbol="A", kind=OrderType.IOC, limit="99.9"))
    assert (type(only), only.reason) == (VenueCanceled, "immediate-or-cancel remainder")


def test_limit_rests_until_it_is_traded_through_and_pays_the_maker_fee() -> None:
    hours = Hours(venue(VenueCosts(maker_fee_e8=20_000, funding_rate_e8=0)))
    order = approved(symbol="A", kind=OrderType.LIMIT, limit="99")
    assert hours.send(order) == []
    (found,) = hours.pass_((100.0, 101.0, 98.9, 100.0))
    assert (found.price, found.liquidity, found.fee) == (99, "maker", Decimal("0.0198"))


def test_gap_through_a_resting_limit_fills_at_the_limit_and_not_at_the_better_open() -> None:
    hours = Hours(venue())
    hours.send(approved(symbol="A", kind=OrderType.LIMIT, limit="95"))
    (found,) = hours.pass_((90.0, 91.0, 89.0, 90.0))
    assert (found.price, found.liquidity) == (95, "maker")


def test_post_only_that_would_take_is_cancelled_and_one_that_rests_is_filled() -> None:
    (found,) = Hours(venue()).send(approved(symbol="A", kind=OrderType.POST_ONLY, limit="100"))
    assert found.reason == "post-only order would take"
    (found,) = Hours(venue()).send(approved(symbol="A", kind=OrderType.POST_ONLY, limit="99.5"))
    assert (found.price, found.liquidity) == (Decimal("99.5"), "maker")


def test_adverse_first_the_stop_fills_before_the_limit_that_the_same_bar_reaches() -> None:
    hours = Hours(venue())
    hours.send(approved(symbol="A"))
    profit = approved("EXIT", symbol="A", side=SELL, kind=OrderType.LIMIT, limit="105")
    stop = approved("EXIT", symbol="A", side=SELL, kind=OrderType.STOP_MARKET, stop="95")
    hours.venue.submit(profit, hours.now_ns)
    fill, cancel = hours.send(stop, (100.0, 110.0, 90.0, 100.0))
    assert (fill.client_id, fill.price) == (stop.client_id, 95)
    assert (cancel.client_id, cancel.reason) == (profit.client_id, "position closed")


def test_stop_limit_rests_from_the_bar_after_its_trigger() -> None:
    hours = Hours(venue(VenueCosts(slippage_e8=1_000_000, spread_e8=0, funding_rate_e8=0)))
    hours.send(approved(symbol="A"))
    order = approved("EXIT", symbol="A", side=SELL, kind=OrderType.STOP_LIMIT, limit="95", stop="95")
    assert hours.send(order, (100.0, 110.0, 90.0, 92.0)) == []
    (found,) = hours.pass_((92.0, 96.0, 91.0, 95.0))
    assert (found.price, found.liquidity) == (95, "maker")


def test_reduce_only_shrinks_to_what_is_held_and_ends_with_the_position() -> None:
    hours = Hours(venue())
    (none,) = hours.send(approved("EXIT", symbol="A", side=SELL))
    assert none.reason == "nothing to reduce"
    hours.send(approved(symbol="A", quantity="1"))
    fill, rest = hours.send(approved("EXIT", symbol="A", side=SELL, quantity="3"))
    assert (fill.quantity, rest.remaining, rest.reason) == (1, 2, "position closed")
    assert hours.venue.positions() == {}


def test_cancel_ends_a_working_order_once() -> None:
    hours, order = Hours(venue()), approved(symbol="A", kind=OrderType.LIMIT, limit="50")
    hours.send(order)
    assert hours.venue.cancel(order.client_id, hours.now_ns).status is OrderStatus.CANCELED
    assert isinstance(hours.venue.drain()[0], VenueCanceled)
    again = hours.venue.cancel(order.client_id, hours.now_ns)
    assert (again.success, again.status) == (False, OrderStatus.CANCELED)
    assert not hours.venue.cancel("nobody", hours.now_ns).success


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (approved(symbol="Z"), "unknown symbol"),
        (approved(symbol="A", quantity="0.0005"), "multiple of the lot"),
        (approved(symbol="A", kind=OrderType.LIMIT, limit="1.05"), "multiple of its tick"),
        (approved(symbol="A", kind=OrderType.STOP_MARKET), "stop price None"),
        (approved(symbol="A", quantity="0.04"), "below the minimum"),
    ],
    ids=["symbol", "lot", "tick", "stop", "notional"],
)
def test_malformed_order_is_rejected_with_its_reason(order: ApprovedOrder, reason: str) -> None:
    hours = Hours(venue())
    hours.pass_()
    answer = hours.venue.submit(order, hours.now_ns)
    assert (answer.success, answer.status, answer.order_id) == (False, OrderStatus.REJECTED, None)
    assert reason in str(answer.error_message)
    (update,) = hours.venue.drain()
    assert isinstance(update, VenueRejected)
    assert hours.venue.lookup(order.client_id) == answer


@pytest.mark.parametrize(("price", "taken"), [("12345", True), ("123456", True), ("1234.5", True), ("12345.6", False), ("0.1", True)])
def test_prices_obey_a_cap_of_significant_figures_as_on_the_venue_itself(price: str, taken: bool) -> None:
    """Five figures, or whole quote units: what the real venue refuses must not fill here, and risk must not approve it."""
    traded = instrument("A", tick="0.1", price_figures=5)
    found = SimulatedVenue({"A": traded}, FREE, Decimal(10**9)).submit(approved(symbol="A", kind=OrderType.LIMIT, limit=price), START_NS)
    assert found.success is taken
    assert taken or found.error_message == "price has more than 5 significant figures"
    asked = request("A", kind=OrderType.LIMIT, limit=price)
    wide = RiskConfig(max_gross_exposure=9.0, max_position_frac=9.0, risk_fraction=1.0)
    review = review_orders([asked], account("1e7"), {}, {"A": Decimal(price)}, {"A": traded}, wide, BreakerState(), KillState(), START_NS)
    assert [order.violated_invariant for order in review.refused] == ([] if taken else ["TICK"])


def test_order_beyond_the_free_margin_is_ended_without_a_fill() -> None:
    (found,) = Hours(venue(cash="100")).send(approved(symbol="A", quantity="8.001"))
    assert found.reason == "insufficient margin"


def test_margin_at_the_open_knows_that_what_is_held_beside_has_gapped() -> None:
    hours = Hours(venue(cash="1000"))
    hours.send(approved(symbol="B", quantity="40"))
    hours.venue.submit(approved(symbol="A", quantity="20"), hours.now_ns)
    hours.venue.advance(hours.now_ns, bars({"A": CALM, "B": (85.0, 86.0, 84.0, 85.0)}))
    (found,) = hours.venue.drain()
    # 600 lost in B leave 400, of which B's own margin takes 425: nothing is free for the 250 of A.
    assert isinstance(found, VenueCanceled)
    assert found.reason == "insufficient margin"


def test_growth_into_a_tier_of_less_leverage_needs_the_margin_of_the_whole_position() -> None:
    # At 100 each: 9 need 900 / 8 = 112.5; 10 lie in the tier of leverage 2, so the tenth alone asks for 500 - 112.5 more.
    tiers = (MarginTier(0, 500_000, 0, 10), MarginTier(1_000_000_000, 1_000_000, 5_000_000, 2))
    for cash, filled in (("499.999999", False), ("500", True)):
        hours = Hours(venue(cash=cash, tiers=tiers))
        assert isinstance(hours.send(approved(symbol="A", quantity="9"))[0], VenueFill)
        assert isinstance(hours.send(approved(symbol="A", quantity="1"))[0], VenueFill) is filled


def test_funding_is_paid_at_its_times_on_what_was_held() -> None:
    found = Hours(venue(VenueCosts(taker_fee_e8=0, spread_e8=0, slippage_e8=0, funding_rate_e8=10_000), funding_interval_ns=8 * HOUR_NS))
    found.send(approved(symbol="A", quantity="2"))
    found.send(approved(symbol="B", side=SELL, quantity="1"))
    updates = [update for _ in range(15) for update in found.pass_()]
    assert all(isinstance(update, VenueFunding) for update in updates)
    assert [(u.symbol, u.payment, u.timestamp_ns) for u in updates] == [
        ("A", Decimal("0.02"), START_NS + 8 * HOUR_NS),
        ("B", Decimal("-0.01"), START_NS + 8 * HOUR_NS),
        ("A", Decimal("0.02"), START_NS + 16 * HOUR_NS),
        ("B", Decimal("-0.01"), START_NS + 16 * HOUR_NS),
    ]


def test_known_funding_rates_replace_the_assumed_one() -> None:
    found = venue(FREE, funding_interval_ns=HOUR_NS)
    Hours(found).send(approved(symbol="A", quantity="2"))
    found.advance(START_NS + HOUR_NS, bars({"A": CALM, "B": CALM}), {"A": -20_000})
    (update,) = found.drain()
    assert (update.rate, update.payment) == (Decimal("-0.0002"), Decimal("-0.04"))


def test_liquidation_takes_the_position_away_at_the_adverse_extreme() -> None:
    hours = Hours(venue(VenueCosts(taker_fee_e8=0, spread_e8=0, slippage_e8=0, funding_rate_e8=0, liquidation_fee_e8=1_000_000), cash="1000"))
    hours.send(approved(symbol="A", quantity="70"))
    assert hours.pass_((100.0, 100.0, 86.3, 99.0)) == []
    (found,) = hours.pass_((100.0, 100.0, 86.0, 100.0))
    assert isinstance(found, VenueLiquidation)
    assert (found.side, found.quantity, found.price, found.fee, found.cause) == (SELL, 70, 86, Decimal("60.2"), "LIQUIDATION")
    assert hours.venue.account().equity == 1000 - 70 * 14 - Decimal("60.2")


def test_liquidation_ends_the_working_entry_that_would_open_the_position_again() -> None:
    found = SimulatedVenue(
        {"A": instrument("A", tiers=(MarginTier(0, 4_000_000, 0, 20),))}, replace(FREE, volume_share=1.0, leverage_e4=200_000), Decimal(1000)
    )
    hours, entry = Hours(found, ("A",)), approved(symbol="A", quantity="120")
    hours.send(entry, (100.0, 100.0, 100.0, 100.0), 100)
    updates = hours.pass_((100.0, 100.0, 93.0, 95.0), 5)
    assert [item.kind for item in updates] == ["fill", "liquidation", "canceled"]
    assert (updates[2].client_id, updates[2].reason) == (entry.client_id, "position liquidated")
    assert found.account().equity == 265, "enough is left to buy again"
    assert hours.pass_((95.0, 95.0, 95.0, 95.0), 50) == []
    assert found.positions() == {}


@pytest.mark.parametrize(("side", "limit", "row"), [("buy", "95", (100.0, 101.0, 80.0, 100.0)), ("sell", "105", (100.0, 120.0, 99.0, 100.0))])
def test_an_entry_by_limit_is_liquidated_in_the_bar_whose_range_goes_on_through_it(side: str, limit: str, row: tuple[float, float, float, float]) -> None:
    """The price came to the limit before it came to the end of the range, so no bar spares a levered entry its own low."""
    hours = Hours(venue(cash="1000"))
    order = approved(symbol="A", side=OrderSide(side), quantity="70", kind=OrderType.LIMIT, limit=limit)
    filled, taken = hours.send(order, row)
    assert isinstance(filled, VenueFill)
    assert isinstance(taken, VenueLiquidation)
    assert (taken.price, hours.venue.positions()) == (Decimal(int(row[2] if side == "buy" else row[1])), {})


def test_liquidation_takes_the_largest_maintenance_first_and_stops_when_the_rest_is_covered() -> None:
    hours = Hours(venue(cash="1000"))
    hours.venue.submit(approved(symbol="B", quantity="5"), hours.now_ns)
    hours.send(approved(symbol="A", quantity="60"))
    found = hours.pass_((100.0, 100.0, 83.7, 100.0))
    assert [(item.symbol, type(item)) for item in found] == [("A", VenueLiquidation)]
    assert list(hours.venue.positions()) == ["B"]


def test_time_must_move_on() -> None:
    found = venue()
    found.advance(START_NS, bars({"A": CALM}))
    with pytest.raises(InvariantViolation, match="time to move on"):
        found.advance(START_NS, bars({"A": CALM}))


def test_same_calls_give_the_same_books_and_updates() -> None:
    def walk() -> tuple[object, list[Any]]:
        hours = Hours(venue(VenueCosts(), funding_interval_ns=8 * HOUR_NS))
        seen: list[Any] = []
        for number in range(20):
            side = SELL if number % 3 == 0 else OrderSide.BUY
            seen += hours.send(approved(symbol="A", side=side, client_id=f"{number:032x}"), (100.0 + number, 105.0 + number, 95.0, 101.0 + number), 15.0)
        return hours.venue.state(), seen

    assert walk() == walk()
