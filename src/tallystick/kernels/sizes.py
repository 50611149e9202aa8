"""From portfolio weights to lots."""

from __future__ import annotations

from tallystick.kernels.kernel import kernel
from tallystick.kernels.money import E8, NO_VALUE, TRUNCATE, mul_div_rounded, multiply


@kernel
def lots_from_value(value_micro: int, price_ticks: int, unit_num: int, unit_den: int) -> int:
    """Lots whose value does not exceed |value_micro|, signed like it; truncated toward zero."""
    if price_ticks <= 0 or unit_num <= 0 or unit_den <= 0:
        return NO_VALUE
    return mul_div_rounded(value_micro, unit_den, multiply(price_ticks, unit_num), TRUNCATE)


@kernel
def lots_from_weight(weight_e8: int, equity_micro: int, price_ticks: int, unit_num: int, unit_den: int) -> int:
    """Lots of a signed weight of equity; the target value and the lots are both truncated toward zero, so a size never rounds up."""
    return lots_from_value(mul_div_rounded(weight_e8, equity_micro, E8, TRUNCATE), price_ticks, unit_num, unit_den)
