from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.fakes.trading import account, held, instrument, request

from tallystick.contracts.orders import OrderRequest, OrderSide, OrderType
from tallystick.contracts.positions import Direction, Position, PositionState
from tallystick.contracts.risk import BreakerState, CircuitState, Kill, KillState, RiskConfig
from tallystick.contracts.traded_instruments import MarginTier
from tallystick.risk.review import Review, review_orders

# Wide limits: each test narrows the one that it is about.
WIDE = RiskConfig(max_gross_exposure=100.0, max_position_frac=100.0, risk_fraction=1.0)
OPEN_BREAKER = BreakerState(CircuitState.OPEN, "5 losses in a row", 0)
KILLED = KillState(kills=(Kill("manual", "desk", 0, "2025-01-01"),))
SYMBOLS = ("A", "B", "C")


def review(*requests: OrderRequest, config: RiskConfig = WIDE, equity: str = "1000", margin: str | None = None, **more: Any) -> Review:
    arguments = {
        "positions": {},
        "marks": {symbol: Decimal(100) for symbol in SYMBOLS},
        "instruments": {symbol: instrument(symbol, tiers=(MarginTier(0, 500_000, 0, 100),), min_notional=Decimal(5)) for symbol in SYMBOLS},
        "breaker": BreakerState(),
        "kill": KillState(),
        **more,
    }
    return review_orders(requests, account(equity, margin), config=config, now_ns=7, **arguments)


def refusal(found: Review) -> tuple[str, float | None, float | None]:
    assert not found.approved
    assert len(found.refused) == 1
    assert found.refused[0].stage == "risk"
    return found.refused[0].violated_invariant, found.refused[0].value, found.refused[0].limit


def test_approves_an_order_within_every_limit_and_says_what_it_checked() -> None:
    found = review(request("A"))
    assert not found.refused
    assert found.approved[0].notional == 100
    assert found.approved[0].action == "ENTRY"
    assert found.approved[0].approved_at_ns == 7
    assert {"I-L1", "I-L2", "I-M1", "I-LA1", "R1", "R14"} <= set(found.approved[0].checks)


@pytest.mark.clause("D4.62")
def test_refuses_order_that_breaches_leverage() -> None:
    found = review(request("A", quantity="20.001"), config=RiskConfig(L_max=2.0, L_target=2.0, L_symbol_max=2.0))
    assert refusal(found) == ("I-L1", 2.0001, 2.0)
    assert found.refused[0].reason == "leverage 2.0001 with A would exceed L_max 2"


def test_an_entry_does_not_lean_on_a_hedge_that_leaves_in_the_same_batch() -> None:
    config = RiskConfig(max_gross_exposure=100.0, max_position_frac=100.0, risk_fraction=1.0, L_max_net=0.3)
    hedged = {"A": held("A", "2"), "B": held("B", "2", direction=Direction.SHORT)}
    entry = request("C", quantity="2")
    assert review(entry, config=config, positions=hedged).approved
    leaving = request("B", quantity="1", reduce_only=True)
    assert review(entry, leaving, config=config, positions=hedged).approved
    closing = request("B", quantity="2", reduce_only=True)
    found = review(entry, closing, config=config, positions=hedged)
    assert [order.request.symbol for order in found.approved] == ["B"]
    assert (found.refused[0].violated_invariant, found.refused[0].value, found.refused[0].limit) == ("NET_LEVERAGE", 0.4, 0.3)


def test_growth_into_a_tier_of_less_leverage_is_charged_for_the_whole_position() -> None:
    tiers = (MarginTier(0, 500_000, 0, 100), MarginTier(300_000_000, 1_000_000, 1_500_000, 2))
    more = {"instruments": {"A": instrument("A", tiers=tiers)}, "positions": {"A": held("A", "2")}}
    # 300 at leverage 2 need 150; the 200 held have paid 25 of it at L_target 8; a tenth of the equity stays free (R14).
    assert refusal(review(request("A", quantity="1"), margin="124.99", **more)) == ("I-M1", 125.0, 124.99)
    assert review(request("A", quantity="1"), margin="225", **more).approved
    assert review(request("A", quantity="0.999"), margin="112.5", **more).approved


def test_refuses_order_that_breaches_symbol_leverage() -> None:
    assert refusal(review(request("A", quantity="50.001"))) == ("I-L2", 5.0001, 5.0)


def test_refuses_order_that_needs_more_margin_than_is_free() -> None:
    assert refusal(review(request("A", quantity="8.001"), margin="100"))[0] == "I-M1"


def test_refuses_order_that_brings_liquidation_too_near() -> None:
    config = RiskConfig(D_min_safe=0.3, max_gross_exposure=100.0, max_position_frac=100.0, risk_fraction=1.0)
    invariant, value, limit = refusal(review(request("A", quantity="33"), config=config))
    assert (invariant, limit) == ("I-LA1", 0.3)
    assert value == pytest.approx(1 / 3.3 - 0.005)


def test_liquidation_distance_counts_the_maintenance_of_the_tier() -> None:
    """With 8 % maintenance an account at leverage 7 is liquidated 6 % away, whatever the configured rate of half a percent says."""
    tiers = (MarginTier(0, 8_000_000, 0, 20),)
    instruments = {"A": instrument("A", tiers=tiers), "B": instrument("B", tiers=(MarginTier(0, 500_000, 0, 100),))}
    config = RiskConfig(L_symbol_max=10.0, max_gross_exposure=100.0, max_position_frac=100.0, risk_fraction=1.0)
    invariant, value, limit = refusal(review(request("A", quantity="70"), config=config, instruments=instruments))
    assert (invariant, limit) == ("I-LA1", 0.08)
    assert value == pytest.approx(1 / 7 - 0.08)
    assert review(request("A", quantity="62.5"), config=config, instruments=instruments).approved
    holding = {"A": held("A", "10")}
    assert refusal(review(request("B", quantity="55"), config=config, instruments=instruments, positions=holding))[0] == "I-LA1"


def test_a_quantity_beyond_the_money_unit_is_refused_and_stops_nothing_else() -> None:
    found = review(request("A", quantity="1e30"), request("B"))
    assert [order.violated_invariant for order in found.refused] == ["OVERFLOW"]
    assert [order.request.symbol for order in found.approved] == ["B"]


def test_r1_refuses_a_loss_at_the_stop_beyond_the_risk_fraction() -> None:
    config = RiskConfig(risk_fraction=0.01, max_gross_exposure=100.0, max_position_frac=100.0)
    assert refusal(review(request("A", quantity="5.001"), config=config))[0] == "R1"


def test_r13_and_decision_46_increase_is_admitted_until_it_raises_the_largest_loss_beyond_the_limit() -> None:
    config = RiskConfig(risk_fraction=0.01, max_gross_exposure=100.0, max_position_frac=100.0)
    positions = {"A": held("A", "3")}
    assert review(request("A", quantity="2"), config=config, positions=positions).approved[0].action == "ENTRY"
    assert refusal(review(request("A", quantity="2.001"), config=config, positions=positions))[0] == "R13"


def test_r14_refuses_an_order_that_uses_up_the_free_margin() -> None:
    assert refusal(review(request("A", quantity="8.1"), margin="200"))[0] == "R14"


def test_refuses_order_above_the_position_limit() -> None:
    assert refusal(review(request("A", quantity="2.001"), config=RiskConfig())) == ("POSITION_LIMIT", 0.2001, 0.2)


def test_refuses_order_above_the_gross_exposure() -> None:
    config = RiskConfig(max_position_frac=10.0, risk_fraction=1.0)
    assert refusal(review(request("A", quantity="10.001"), config=config)) == ("GROSS_EXPOSURE", 1.0001, 1.0)


def test_refuses_order_above_the_net_leverage() -> None:
    config = RiskConfig(L_max_net=1.0, max_gross_exposure=100.0, max_position_frac=100.0, risk_fraction=1.0)
    against = {"B": held("B", "5", direction=Direction.SHORT)}
    assert review(request("A", quantity="15"), config=config, positions=against).approved
    assert refusal(review(request("A", quantity="15.001"), config=config, positions=against))[0] == "NET_LEVERAGE"


def test_each_approval_counts_before_the_next_in_symbol_order() -> None:
    config = RiskConfig(max_position_frac=10.0, risk_fraction=1.0)
    found = review(request("C", quantity="1"), request("B", quantity="6"), request("A", quantity="4"), config=config)
    assert [order.request.symbol for order in found.approved] == ["A", "B"]
    assert (found.refused[0].request.symbol, found.refused[0].violated_invariant) == ("C", "GROSS_EXPOSURE")


def test_margin_that_an_approval_uses_is_gone_for_the_next() -> None:
    # 6 · 100 / 8 = 75 of margin each, 100 of 180 stay free
    found = review(request("A", quantity="6"), request("B", quantity="6"), margin="180")
    assert [order.request.symbol for order in found.approved] == ["A"]
    assert found.refused[0].violated_invariant == "R14"
    assert review(request("B", quantity="6"), margin="180").approved


def test_net_leverage_does_not_lean_on_an_order_that_may_not_fill() -> None:
    config = RiskConfig(L_max_net=1.0, max_gross_exposure=100.0, max_position_frac=100.0, risk_fraction=1.0)
    found = review(request("A", quantity="10"), request("B", OrderSide.SELL, "15"), config=config)
    assert [order.request.symbol for order in found.approved] == ["A"]
    assert (found.refused[0].violated_invariant, found.refused[0].value) == ("NET_LEVERAGE", 1.5)


def test_a_refused_order_does_not_count() -> None:
    config = RiskConfig(max_position_frac=10.0, risk_fraction=1.0)
    found = review(request("A", quantity="11"), request("B", quantity="10"), config=config)
    assert [order.request.symbol for order in found.approved] == ["B"]


def test_a_reduction_frees_nothing_before_it_filled() -> None:
    config = RiskConfig(max_position_frac=10.0, risk_fraction=1.0)
    positions = {"A": held("A", "10")}
    leaving = request("A", OrderSide.SELL, "10", reduce_only=True)
    found = review(leaving, request("B", quantity="1"), config=config, positions=positions)
    assert [order.action for order in found.approved] == ["EXIT"]
    assert found.refused[0].violated_invariant == "GROSS_EXPOSURE"


def test_working_entries_count_as_if_filled() -> None:
    config = RiskConfig(max_position_frac=10.0, risk_fraction=1.0)
    found = review(request("B", quantity="1"), config=config, pending={"A": Decimal(-10)})
    assert refusal(found)[0] == "GROSS_EXPOSURE"


def test_working_entries_reserve_their_margin_as_if_filled() -> None:
    # 7,500 at L_target 8 will need 937.50 of the 1,000 that are free: 62.50 are left, and another 900 need 112.50.
    config = RiskConfig(L_max_net=100.0, D_min_safe=0.04, max_gross_exposure=100.0, max_position_frac=100.0, risk_fraction=1.0, min_free_margin=0.0)
    found = review(request("A", quantity="9"), config=config, pending={"B": Decimal(75)})
    invariant, value, limit = refusal(found)
    assert (invariant, value, limit) == ("I-M1", 937.5 + 112.5, 1000.0)
    assert review(request("A", quantity="5"), config=config, pending={"B": Decimal(75)}).approved


@pytest.mark.parametrize("latch", [{"breaker": OPEN_BREAKER}, {"kill": KILLED}])
def test_decision_15_entries_stop_and_exits_pass_behind_a_latch(latch: dict[str, Any]) -> None:
    positions = {"A": held("A", "2"), "B": held("B", "2", direction=Direction.SHORT)}
    found = review(
        request("A", OrderSide.SELL, "2", reduce_only=True),
        request("B", OrderSide.BUY, "1", reduce_only=True),
        request("C"),
        positions=positions,
        **latch,
    )
    assert [(order.request.symbol, order.action) for order in found.approved] == [("A", "EXIT"), ("B", "REDUCE")]
    assert [order.violated_invariant for order in found.refused] == ["CIRCUIT_BREAKER" if "breaker" in latch else "KILL_SWITCH"]


def test_decision_16_unexplained_difference_blocks_entries_of_that_symbol_only() -> None:
    found = review(request("A"), request("B"), blocked={"A": "position differs from the venue's"})
    assert [order.request.symbol for order in found.approved] == ["B"]
    assert "differs from the venue" in found.refused[0].reason


def test_exits_pass_when_equity_is_gone() -> None:
    found = review(request("A", OrderSide.SELL, "2", reduce_only=True), request("B"), positions={"A": held("A", "2")}, equity="-5")
    assert [order.action for order in found.approved] == ["EXIT"]
    assert found.refused[0].violated_invariant == "EQUITY"


def test_reduce_only_beyond_what_is_held_is_refused_also_across_the_batch() -> None:
    positions = {"A": held("A", "2")}
    sell = {"side": OrderSide.SELL, "reduce_only": True}
    assert refusal(review(request("A", quantity="2.001", **sell), positions=positions))[0] == "REDUCE_ONLY"
    found = review(request("A", quantity="1.5", **sell), request("A", quantity="1", **sell), positions=positions)
    assert (len(found.approved), found.refused[0].limit) == (1, 0.5)


def test_resting_stop_beside_an_exit_is_admitted() -> None:
    positions = {"A": held("A", "2")}
    stop = request("A", OrderSide.SELL, "2", OrderType.STOP_MARKET, stop="95", reduce_only=True)
    found = review(stop, request("A", OrderSide.SELL, "2", reduce_only=True), positions=positions)
    assert len(found.approved) == 2


def test_decision_46_flip_is_refused_as_exit_now_and_entry_later() -> None:
    found = review(request("A", OrderSide.SELL, "3"), positions={"A": held("A", "2")})
    assert refusal(found)[0] == "FLIP"
    assert "EXIT now and ENTRY in a later cycle" in found.refused[0].reason


@pytest.mark.parametrize("state", [PositionState.ENTERING, PositionState.REDUCING, PositionState.CLOSING])
def test_entry_waits_while_an_order_of_its_symbol_works(state: PositionState) -> None:
    position = Position("A", state, Direction.LONG, Decimal(1), Decimal(100))
    assert refusal(review(request("A"), positions={"A": position}))[0] == "STATE"


@pytest.mark.parametrize(
    ("order", "invariant"),
    [
        (request("A", client_id=None), "CLIENT_ID"),
        (request("Z"), "INSTRUMENT"),
        (request("A", quantity="0.0005"), "LOT"),
        (request("A", kind=OrderType.LIMIT, limit="100.05"), "TICK"),
        (request("A", kind=OrderType.LIMIT), "ORDER_TYPE"),
        (request("A", limit="100"), "ORDER_TYPE"),
        (request("A", kind=OrderType.STOP_MARKET), "ORDER_TYPE"),
        (request("A", stop="90"), "ORDER_TYPE"),
        (request("A", quantity="0.049"), "MIN_NOTIONAL"),
        (request("A", quantity="1000000000000000"), "OVERFLOW"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_malformed_order_is_refused_with_its_invariant(order: OrderRequest, invariant: str) -> None:
    assert refusal(review(order))[0] == invariant


def test_small_exit_is_admitted_below_the_minimum_notional() -> None:
    assert review(request("A", OrderSide.SELL, "0.001", reduce_only=True), positions={"A": held("A", "0.001")}).approved


def test_second_order_of_one_client_id_is_refused() -> None:
    found = review(request("A", client_id="f" * 32), request("B", client_id="f" * 32))
    assert (len(found.approved), found.refused[0].violated_invariant) == (1, "CLIENT_ID")


@pytest.mark.clause("D4.137")
def test_entry_without_a_price_is_refused_and_not_priced_by_a_guess() -> None:
    assert refusal(review(request("A"), marks={"B": Decimal(1)}))[0] == "NO_MARK"
    assert refusal(review(request("A"), positions={"B": held("B")}, marks={"A": Decimal(100)}))[0] == "NO_MARK"


def test_limit_above_the_mark_is_checked_at_the_limit() -> None:
    config = RiskConfig(max_position_frac=0.2)
    assert review(request("A", quantity="2"), config=config).approved
    assert refusal(review(request("A", quantity="2", kind=OrderType.LIMIT, limit="101"), config=config))[0] == "POSITION_LIMIT"


def test_r7_long_and_short_are_judged_alike() -> None:
    for quantity in ("1", "2", "2.001", "9"):
        answers = [review(request("A", side, quantity), config=RiskConfig()) for side in OrderSide]
        assert len({(len(answer.approved), tuple(item.violated_invariant for item in answer.refused)) for answer in answers}) == 1
