"""Fill prices and price steps, always rounded against the taker: up for a buyer (+1), down for a seller (−1)."""

from __future__ import annotations

from tallystick.kernels.kernel import kernel
from tallystick.kernels.money import CEILING, E8, FLOOR, HALF_EVEN, NO_VALUE, add, divide, mul_div_rounded, multiply


@kernel
def _against_taker(side: int) -> int:
    if side > 0:
        return CEILING
    if side < 0:
        return FLOOR
    return HALF_EVEN


@kernel
def fill_price(side: int, reference_ticks: int, spread_e8: int, slippage_e8: int) -> int:
    """Price in ticks of a taker's fill: reference · (1 ± (spread/2 + slippage)).

    side: +1 buys, −1 sells. spread_e8 is the full spread, slippage_e8 the distance beyond the touch, both as fractions of the reference in 1e-8.
    `NO_VALUE` when the price would not be positive or an input is negative.
    """
    if reference_ticks <= 0 or spread_e8 < 0 or slippage_e8 < 0 or side == 0:
        return NO_VALUE
    doubled = add(spread_e8, multiply(2, slippage_e8))
    if doubled == NO_VALUE:
        return NO_VALUE
    if doubled == 0:
        return reference_ticks
    direction = 1 if side > 0 else -1
    ticks = mul_div_rounded(reference_ticks, add(2 * E8, direction * doubled), 2 * E8, _against_taker(side))
    return ticks if ticks > 0 else NO_VALUE


@kernel
def round_to_figures(ticks: int, figures: int, side: int) -> int:
    """Keep `figures` significant figures of a price in ticks: up for side +1, down for −1, half to even for 0."""
    if ticks <= 0 or figures <= 0:
        return NO_VALUE
    digits = 1
    scale = ticks
    while scale >= 10:
        scale //= 10
        digits += 1
    step = 1
    for _ in range(digits - figures):
        step *= 10
    return multiply(divide(ticks, step, _against_taker(side)), step)


@kernel
def round_to_step(ticks: int, step: int, side: int) -> int:
    """The next multiple of `step` ticks: up for side +1, down for −1, half to even for 0."""
    if ticks == NO_VALUE or step <= 0:
        return NO_VALUE
    return multiply(divide(ticks, step, _against_taker(side)), step)


@kernel
def taker_price(side: int, reference: int, spread_e8: int, slippage_e8: int, figures: int, whole: int) -> int:
    """A taker's price on the instrument's price rule. figures: cap on significant figures, 0 for none; whole: ticks of one quote unit, 0 when a tick is larger.

    Under a cap, whole quote units are always allowed, as on Hyperliquid.
    """
    price = fill_price(side, reference, spread_e8, slippage_e8)
    if figures == 0 or price == NO_VALUE:
        return price
    if whole >= 1 and price // whole >= 10**figures:
        return round_to_step(price, whole, side)
    return round_to_figures(price, figures, side)
