"""When a position is taken away."""

from __future__ import annotations

from tallystick.kernels.kernel import kernel
from tallystick.kernels.margin import E4
from tallystick.kernels.money import CEILING, E8, FLOOR, NO_VALUE, add, mul_div_rounded, multiply, subtract


@kernel
def liquidation_ticks(side: int, entry_ticks: int, leverage_e4: int, maintenance_e8: int) -> int:
    """Price in ticks at which isolated margin equals maintenance: long entry·(1 − 1/L + MMR), short entry·(1 + 1/L − MMR).

    Rounded against the holder: up for a long (+1), down for a short (−1). 0 means that no positive price liquidates.
    """
    if entry_ticks <= 0 or leverage_e4 <= 0 or maintenance_e8 < 0 or side == 0:
        return NO_VALUE
    direction = 1 if side > 0 else -1
    scale = multiply(leverage_e4, E8)
    distance = subtract(E4 * E8, multiply(maintenance_e8, leverage_e4))
    if NO_VALUE in (scale, distance):
        return NO_VALUE
    rounding = CEILING if side > 0 else FLOOR
    ticks = mul_div_rounded(entry_ticks, add(scale, -direction * distance), scale, rounding)
    if ticks == NO_VALUE:
        return NO_VALUE
    return max(ticks, 0)


@kernel
def is_liquidated(equity_micro: int, maintenance_micro: int) -> bool:
    """True once equity has fallen to the maintenance margin, or below zero. Unknown amounts (`NO_VALUE`) count as liquidated."""
    if NO_VALUE in (equity_micro, maintenance_micro):
        return True
    return equity_micro < 0 or (maintenance_micro > 0 and equity_micro <= maintenance_micro)
