"""Funding of perpetual positions."""

from __future__ import annotations

from tallystick.kernels.kernel import kernel
from tallystick.kernels.money import E8, mul_div


@kernel
def funding_payment(notional_micro: int, rate_e8: int) -> int:
    """Micro-quote the holder pays (received when negative), half to even.

    notional_micro is signed like the position: a long pays a positive rate, a short receives it.
    """
    return mul_div(notional_micro, rate_e8, E8)
