"""Every money kernel against exact fractions, over the whole range of int64."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.kernels import fees, funding, liquidation, margin, money, prices, sizes
from tallystick.kernels.money import CEILING, E8, FLOOR, HALF_EVEN, LARGEST, NO_VALUE, TRUNCATE

int64 = st.integers(-LARGEST, LARGEST) | st.integers(-1000, 1000) | st.sampled_from([LARGEST, -LARGEST, 2**62, 2**32, 2**32 - 1, 10**18])
positive = st.integers(1, LARGEST) | st.integers(1, 1000)
sides = st.sampled_from([1, -1])
exact = settings(max_examples=400, deadline=None)

ROUND = {HALF_EVEN: round, FLOOR: math.floor, CEILING: math.ceil, TRUNCATE: math.trunc}


def fitted(value: int) -> int:
    return value if -LARGEST <= value <= LARGEST else NO_VALUE


@exact
@given(int64, int64, int64, st.sampled_from(sorted(ROUND)))
def test_products_of_128_bits_divide_exactly_in_every_rounding(a: int, b: int, c: int, rounding: int) -> None:
    expected = NO_VALUE if c == 0 else fitted(ROUND[rounding](Fraction(a * b, c)))
    assert money.mul_div_rounded(a, b, c, rounding) == expected


@exact
@given(int64, int64.filter(bool))
def test_halves_go_to_the_even_neighbour(n: int, d: int) -> None:
    assert money.round_div(n, d) == round(Fraction(n, d))


@given(st.integers(-(2**61), 2**61))
@settings(max_examples=50, deadline=None)
def test_an_exact_half_is_seen_even_in_the_wide_path(n: int) -> None:
    odd = 2 * n + 1
    assert money.mul_div(odd, 2**61, 2**62) == round(Fraction(odd, 2))


@exact
@given(int64, int64)
def test_sums_and_products_overflow_to_no_value(a: int, b: int) -> None:
    assert money.add(a, b) == fitted(a + b)
    assert money.subtract(a, b) == fitted(a - b)
    assert money.multiply(a, b) == fitted(a * b)


@given(int64)
@settings(max_examples=20, deadline=None)
def test_no_value_is_handed_on_by_every_operation(a: int) -> None:
    assert money.add(a, NO_VALUE) == NO_VALUE
    assert money.subtract(a, NO_VALUE) == NO_VALUE
    assert money.subtract(NO_VALUE, a) == NO_VALUE
    assert money.multiply(NO_VALUE, a) == NO_VALUE
    assert money.mul_div(a, NO_VALUE, 7) == NO_VALUE
    assert money.mul_div(a, 7, NO_VALUE) == NO_VALUE
    assert money.notional(NO_VALUE, a, 1, 1) == NO_VALUE
    assert fees.fee(NO_VALUE, 1) == NO_VALUE
    assert funding.funding_payment(NO_VALUE, 1) == NO_VALUE
    assert margin.initial_margin(NO_VALUE, 10_000) == NO_VALUE
    assert sizes.lots_from_weight(1, NO_VALUE, 1, 1, 1) == NO_VALUE
    assert liquidation.is_liquidated(NO_VALUE, 1)


@exact
@given(positive, int64, positive, positive)
def test_notional_is_rounded_once(price: int, lots: int, num: int, den: int) -> None:
    expected = NO_VALUE if abs(price * lots) > LARGEST else fitted(round(Fraction(price * lots * num, den)))
    assert money.notional(price, lots, num, den) == expected


@exact
@given(int64, st.integers(-E8, E8))
def test_fee_is_charged_on_the_absolute_notional(amount: int, rate: int) -> None:
    assert fees.fee(amount, rate) == round(Fraction(abs(amount) * rate, E8))
    assert fees.fee(amount, rate) == fees.fee(-amount, rate)


@exact
@given(int64, st.integers(-E8, E8))
def test_a_long_pays_what_a_short_receives(amount: int, rate: int) -> None:
    paid = funding.funding_payment(amount, rate)
    assert paid == round(Fraction(amount * rate, E8))
    assert paid == -funding.funding_payment(-amount, rate)


@exact
@given(sides, st.integers(1, 10**15), st.integers(0, E8 // 10), st.integers(0, E8 // 10))
def test_fill_price_is_rounded_against_the_taker(side: int, reference: int, spread: int, slippage: int) -> None:
    price = Fraction(reference) * (1 + side * (Fraction(spread, 2 * E8) + Fraction(slippage, E8)))
    rounded = math.ceil(price) if side > 0 else math.floor(price)
    assert prices.fill_price(side, reference, spread, slippage) == (rounded if rounded > 0 else NO_VALUE)


@exact
@given(st.integers(1, LARGEST // 10), st.integers(1, 19), sides)
def test_figures_are_kept_against_the_taker(ticks: int, figures: int, side: int) -> None:
    step = 10 ** max(0, len(str(ticks)) - figures)
    whole = math.ceil(Fraction(ticks, step)) if side > 0 else ticks // step
    assert prices.round_to_figures(ticks, figures, side) == fitted(whole * step)


@exact
@given(st.integers(1, 10**15), st.integers(1, 10**9), sides)
def test_price_steps_are_kept_against_the_taker(ticks: int, step: int, side: int) -> None:
    rounded = prices.round_to_step(ticks, step, side)
    assert rounded % step == 0
    assert 0 <= side * (rounded - ticks) < step


@exact
@given(sides, st.integers(1, 10**12), st.integers(10_000, 1_250_000), st.integers(0, E8 // 10))
def test_liquidation_price_is_the_formula_rounded_against_the_holder(side: int, entry: int, leverage: int, maintenance: int) -> None:
    price = Fraction(entry) * (1 - side * Fraction(10_000, leverage) + side * Fraction(maintenance, E8))
    rounded = math.ceil(price) if side > 0 else math.floor(price)
    assert liquidation.liquidation_ticks(side, entry, leverage, maintenance) == max(rounded, 0)


@exact
@given(int64, st.integers(1, 10**7))
def test_initial_margin_is_the_notional_over_leverage(amount: int, leverage: int) -> None:
    assert margin.initial_margin(amount, leverage) == fitted(round(Fraction(abs(amount) * 10_000, leverage)))


@exact
@given(int64)
def test_maintenance_margin_uses_the_tier_of_the_notional(amount: int) -> None:
    lower, rate, deduction = [0, 10**11, 10**12], [400_000, 1_000_000, 2_500_000], [0, 600_000_000, 15_600_000_000]
    tier = max(i for i in range(3) if abs(amount) >= lower[i])
    expected = max(0, round(Fraction(abs(amount) * rate[tier], E8)) - deduction[tier])
    assert margin.maintenance_margin(amount, np.array(lower), np.array(rate), np.array(deduction)) == expected


@exact
@given(st.integers(-E8, E8), st.integers(0, 10**16), st.integers(1, 10**9), st.integers(1, 10**6), st.integers(1, 10**8))
def test_lots_never_cost_more_than_their_weight(weight: int, equity: int, price: int, num: int, den: int) -> None:
    lots = sizes.lots_from_weight(weight, equity, price, num, den)
    target = math.trunc(Fraction(weight * equity, E8))
    assert lots == fitted(math.trunc(Fraction(target * den, price * num)))
    if lots not in (0, NO_VALUE):
        assert (lots > 0) == (weight > 0)
        assert Fraction(abs(lots) * price * num, den) <= abs(target)
