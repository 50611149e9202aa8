"""Initial and maintenance margin of one position."""

from __future__ import annotations

from numpy import int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel
from tallystick.kernels.money import E8, NO_VALUE, mul_div, subtract

E4 = 10_000
"""Leverage is given in ten-thousandths."""


@kernel
def initial_margin(notional_micro: int, leverage_e4: int) -> int:
    """|notional| / leverage in micro-quote, half to even; `NO_VALUE` for a leverage that is not positive."""
    if notional_micro == NO_VALUE or leverage_e4 <= 0:
        return NO_VALUE
    return mul_div(abs(notional_micro), E4, leverage_e4)


@kernel
def maintenance_margin(notional_micro: int, tier_lower_micro: NDArray[int64], tier_rate_e8: NDArray[int64], tier_deduction_micro: NDArray[int64]) -> int:
    """|notional| · rate − deduction of its tier, in micro-quote, never below 0.

    tier arrays: [tiers], ascending by lower bound; a tier begins at its lower bound; the first one also covers what lies below it.
    """
    if notional_micro == NO_VALUE or tier_lower_micro.shape[0] == 0:
        return NO_VALUE
    size = abs(notional_micro)
    tier = 0
    for i in range(1, tier_lower_micro.shape[0]):
        if size >= tier_lower_micro[i]:
            tier = i
    required = subtract(mul_div(size, tier_rate_e8[tier], E8), tier_deduction_micro[tier])
    if required == NO_VALUE:
        return NO_VALUE
    return max(required, 0)
