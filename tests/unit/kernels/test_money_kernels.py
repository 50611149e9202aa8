"""Money kernels at their edges: worked examples and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.kernels import fees, funding, liquidation, margin, money, prices, sizes
from tallystick.kernels.kernel import plain
from tallystick.kernels.money import NO_VALUE


def test_half_a_unit_goes_to_the_even_neighbour() -> None:
    assert [money.round_div(n, 2) for n in (-5, -3, -1, 1, 3, 5)] == [-2, -2, 0, 0, 2, 2]


def test_a_zero_divisor_gives_no_value() -> None:
    assert money.round_div(1, 0) == NO_VALUE
    assert money.mul_div(1, 1, 0) == NO_VALUE


def test_the_largest_quotient_is_not_rounded_past_the_range() -> None:
    assert money.mul_div_rounded(2**63 - 1, 3, 3, money.CEILING) == 2**63 - 1
    assert money.mul_div_rounded(2**63 - 1, 2, 1, money.FLOOR) == NO_VALUE
    assert money.mul_div_rounded(2**63 - 1, 2**62 + 1, 2**62, money.CEILING) == NO_VALUE


def test_plain_python_gives_the_compiled_result() -> None:
    same_source = plain(money.mul_div)
    for a, b, c in ((2**62, 12345678901, 98765432109), (-(2**62) - 7, 2**61 + 5, 2**62 - 3), (7, 5, 2), (10**15, -45_000, 10**8)):
        assert same_source(a, b, c) == money.mul_div(a, b, c)


@pytest.mark.parametrize(("side", "expected"), [(1, 100_011), (-1, 99_989)])
def test_taker_pays_half_the_spread_and_the_slippage(side: int, expected: int) -> None:
    assert prices.fill_price(side, 100_000, 10_001, 5_000) == expected


@pytest.mark.parametrize("arguments", [(1, 0, 0, 0), (0, 10, 0, 0), (1, 10, -1, 0), (1, 10, 0, -1), (-1, 10, 2 * 10**8, 0)])
def test_impossible_fill_gives_no_value(arguments: tuple[int, int, int, int]) -> None:
    assert prices.fill_price(*arguments) == NO_VALUE


def test_five_figures_of_a_price() -> None:
    assert prices.round_to_figures(1_234_567, 5, 1) == 1_234_600
    assert prices.round_to_figures(1_234_567, 5, -1) == 1_234_500
    assert prices.round_to_figures(1_234_550, 5, 0) == 1_234_600
    assert prices.round_to_figures(99_999_6, 5, 1) == 1_000_000
    assert prices.round_to_figures(1234, 5, 1) == 1234


def test_long_at_ten_times_is_liquidated_below_entry_and_short_above() -> None:
    assert liquidation.liquidation_ticks(1, 1_000_000, 100_000, 500_000) == 905_000
    assert liquidation.liquidation_ticks(-1, 1_000_000, 100_000, 500_000) == 1_095_000
    assert liquidation.liquidation_ticks(1, 1_000_000, 5_000, 500_000) == 0


def test_equity_at_maintenance_is_liquidated_and_a_flat_account_is_not() -> None:
    assert liquidation.is_liquidated(100, 100)
    assert not liquidation.is_liquidated(101, 100)
    assert not liquidation.is_liquidated(0, 0)
    assert liquidation.is_liquidated(-1, 0)


def test_refusals_of_margin_and_size() -> None:
    empty = np.zeros(0, np.int64)
    assert margin.maintenance_margin(10, empty, empty, empty) == NO_VALUE
    assert margin.initial_margin(10, 0) == NO_VALUE
    assert sizes.lots_from_weight(10**8, 10**12, 0, 1, 1) == NO_VALUE


def test_rebate_is_a_negative_fee_and_short_receives_funding() -> None:
    assert fees.fee(10_000_000_000, -10_000) == -1_000_000
    assert funding.funding_payment(-10_000_000_000, 10_000) == -1_000_000
