"""The review never approves what breaches a limit: a brute-force check in fractions, over every subset of fills that may happen."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.trading import account, held, instrument, request

from tallystick.contracts.orders import OrderSide, OrderType
from tallystick.contracts.positions import Direction
from tallystick.contracts.risk import BreakerState, CircuitState, KillState, RiskConfig
from tallystick.contracts.traded_instruments import MarginTier
from tallystick.risk.review import Review, review_orders

SYMBOLS = ("A", "B", "C", "D")
CONFIGS = st.sampled_from(
    [
        RiskConfig(),
        RiskConfig(L_max=3.0, L_target=2.5, L_symbol_max=1.0, max_gross_exposure=50.0, max_position_frac=50.0),
        RiskConfig(max_gross_exposure=50.0, max_position_frac=50.0, risk_fraction=1.0),
        RiskConfig(L_max_net=0.3, max_position_frac=1.0),
        RiskConfig(risk_fraction=0.003, D_min_safe=0.4, D_critical=0.1, max_gross_exposure=9.0, max_position_frac=9.0),
    ]
)
ASKED = st.lists(
    st.tuples(st.sampled_from(SYMBOLS), st.sampled_from(list(OrderSide)), st.integers(1, 80_000), st.booleans(), st.sampled_from([None, "90", "110"])),
    max_size=7,
)
HELD = st.dictionaries(st.sampled_from(SYMBOLS), st.tuples(st.sampled_from(list(Direction)), st.integers(1, 60_000)), max_size=3)
MARKS = st.fixed_dictionaries({symbol: st.integers(50, 3_000) for symbol in SYMBOLS})


def exact(value: float) -> Fraction:
    return Fraction(Decimal(repr(value)))


def assert_within_limits(config: RiskConfig, equity: Fraction, sizes: dict[str, Fraction], before: dict[str, Fraction], reduced: dict[str, Fraction]) -> None:
    """sizes: signed notional by symbol; reduced: the same without the entries. A limit that is broken without an entry binds only what adds to it."""
    gross, gross_before = sum(map(abs, sizes.values())), sum(map(abs, before.values()))
    net, net_before = abs(sum(sizes.values())), abs(sum(reduced.values()))
    if gross > gross_before:
        assert gross <= exact(config.L_max) * equity
        assert gross <= exact(config.max_gross_exposure) * equity
        assert equity / gross - exact(config.maintenance_margin_rate) >= exact(config.D_min_safe)
    if net > net_before:
        assert net <= exact(config.L_max_net) * equity
    for symbol, size in sizes.items():
        if abs(size) > abs(before.get(symbol, Fraction(0))):
            assert abs(size) <= exact(config.L_symbol_max) * equity
            assert abs(size) <= exact(config.max_position_frac) * equity
            assert abs(size) * exact(config.stop_loss_pct) <= exact(config.risk_fraction) * equity


def reviewed(config: RiskConfig, asked: list, holdings: dict, marks: dict, margin: int, **more: object) -> tuple[Review, dict]:  # type: ignore[type-arg]
    positions = {symbol: held(symbol, str(Decimal(lots) / 1000), "100", direction) for symbol, (direction, lots) in holdings.items()}
    orders = [
        request(symbol, side, str(Decimal(lots) / 1000), OrderType.LIMIT if limit else OrderType.MARKET, limit, reduce_only=reduce_only)
        for symbol, side, lots, reduce_only, limit in asked
    ]
    prices = {symbol: Decimal(mark) / 10 for symbol, mark in marks.items()}
    instruments = {symbol: instrument(symbol, min_notional=Decimal(5), tiers=(MarginTier(0, 500_000, 0, 50),)) for symbol in SYMBOLS}
    arguments = {"breaker": BreakerState(), "kill": KillState(), **more}
    answer = review_orders(orders, account("10000", str(margin)), positions, prices, instruments, config, now_ns=0, **arguments)  # type: ignore[arg-type]
    assert len(answer.approved) + len(answer.refused) == len(orders)
    return answer, positions


@pytest.mark.clause("D4.62", "D4.66")
@settings(max_examples=200, deadline=None)
@given(CONFIGS, ASKED, HELD, MARKS, st.integers(0, 10_000))
def test_no_subset_of_approved_orders_breaches_a_limit(config: RiskConfig, asked: list, holdings: dict, marks: dict, margin: int) -> None:  # type: ignore[type-arg]
    answer, positions = reviewed(config, asked, holdings, marks, margin)
    before = {symbol: Fraction(item.signed_quantity) * marks[symbol] / 10 for symbol, item in positions.items()}
    for fills in product((False, True), repeat=len(answer.approved)):
        after, reduced = dict(before), dict(before)
        for order, filled in zip(answer.approved, fills, strict=True):
            if filled:
                symbol = order.request.symbol
                moved = order.request.side.sign * Fraction(order.request.quantity) * marks[symbol] / 10
                after[symbol] = after.get(symbol, Fraction(0)) + moved
                if order.action != "ENTRY":
                    reduced[symbol] += moved
        assert_within_limits(config, Fraction(10_000), after, before, reduced)
    entries = [order for order in answer.approved if order.action == "ENTRY"]
    needed = sum(Fraction(order.notional) / exact(config.L_target) for order in entries)
    if entries:
        assert needed <= margin
        assert margin - needed >= exact(config.min_free_margin) * 10_000 - Fraction(len(entries), 10**6)


@settings(max_examples=100, deadline=None)
@given(CONFIGS, ASKED, HELD, MARKS)
def test_refusals_carry_their_number_and_answers_do_not_depend_on_the_order_across_symbols(
    config: RiskConfig,
    asked: list,  # type: ignore[type-arg]
    holdings: dict,  # type: ignore[type-arg]
    marks: dict,  # type: ignore[type-arg]
) -> None:
    answer, _ = reviewed(config, asked, holdings, marks, 10_000)
    for refused in answer.refused:
        assert refused.stage == "risk"
        assert refused.reason
        if refused.value is not None and refused.limit is not None and refused.violated_invariant not in ("LOT", "TICK", "FLIP"):
            below = refused.violated_invariant in ("I-LA1", "R14", "MIN_NOTIONAL", "EQUITY")
            assert refused.value <= refused.limit if below else refused.value >= refused.limit
    by_symbol, _ = reviewed(config, sorted(asked, key=lambda row: row[0]), holdings, marks, 10_000)
    assert [order.notional for order in by_symbol.approved] == [order.notional for order in answer.approved]


@settings(max_examples=80, deadline=None)
@given(ASKED, HELD, MARKS)
def test_nothing_that_adds_passes_an_open_breaker_and_everything_that_shrinks_does(asked: list, holdings: dict, marks: dict) -> None:  # type: ignore[type-arg]
    opened = BreakerState(CircuitState.OPEN, "losses", 0)
    answer, _ = reviewed(RiskConfig(), asked, holdings, marks, 10_000, breaker=opened)
    closed, _ = reviewed(RiskConfig(), asked, holdings, marks, 10_000)
    assert all(order.action != "ENTRY" for order in answer.approved)
    shrinking = [(order.request.symbol, order.request.quantity) for order in closed.approved if order.action != "ENTRY"]
    assert [(order.request.symbol, order.request.quantity) for order in answer.approved] == shrinking
