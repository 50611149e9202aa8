"""Trading fees."""

from __future__ import annotations

from tallystick.kernels.kernel import kernel
from tallystick.kernels.money import E8, NO_VALUE, mul_div


@kernel
def fee(notional_micro: int, rate_e8: int) -> int:
    """Fee in micro-quote on the absolute notional, half to even; a negative rate is a rebate and gives a negative fee."""
    if notional_micro == NO_VALUE:
        return NO_VALUE
    return mul_div(abs(notional_micro), rate_e8, E8)
