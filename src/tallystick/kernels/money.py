"""Whole-number money: products of 128 bits, one division, and its roundings.

All amounts are int64. `NO_VALUE` (−2⁶³) means "no value": an overflow or a zero divisor gives it, and every function hands it on.
"""

from __future__ import annotations

import numpy as np

from tallystick.kernels.kernel import constant_kernel, kernel

NO_VALUE = -(2**63)
"""The one int64 that is no amount."""

LARGEST = 2**63 - 1
SURELY_FITS = 9.0e18
"""A product that is below this as a float is below 2⁶³."""
E8 = 100_000_000
"""Rates and weights are hundred-millionths."""

HALF_EVEN = 0
FLOOR = 1
CEILING = 2
TRUNCATE = 3

# Python ints would make numba mix int64 with uint64, which it turns into float64.
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_TOP = np.uint64(63)


@kernel
def add(a: int, b: int) -> int:
    """a + b, or `NO_VALUE` on overflow."""
    if NO_VALUE in (a, b):
        return NO_VALUE
    if (b > 0 and a > LARGEST - b) or (b < 0 and a < -LARGEST - b):
        return NO_VALUE
    return a + b


@kernel
def subtract(a: int, b: int) -> int:
    """a − b, or `NO_VALUE` on overflow."""
    if b == NO_VALUE:
        return NO_VALUE
    return add(a, -b)


@kernel
def multiply(a: int, b: int) -> int:
    """a · b, or `NO_VALUE` on overflow."""
    if NO_VALUE in (a, b):
        return NO_VALUE
    # The float product is right to 2⁻⁵², so well below 2⁶³ it spares the division.
    if abs(float(a) * float(b)) < SURELY_FITS:
        return a * b
    if abs(a) > LARGEST // abs(b):
        return NO_VALUE
    return a * b


@kernel
def _settle(quotient: int, remainder_is_zero: bool, above_half: int, negative: bool, rounding: int) -> int:
    """Round a magnitude: `above_half` is −1, 0 or 1 for a remainder below, at or above half of the divisor."""
    up = False
    if not remainder_is_zero:
        if rounding == HALF_EVEN:
            up = above_half > 0 or (above_half == 0 and quotient % 2 == 1)
        elif rounding == FLOOR:
            up = negative
        elif rounding == CEILING:
            up = not negative
    if up:
        if quotient == LARGEST:
            return NO_VALUE
        quotient += 1
    return -quotient if negative else quotient


@kernel
def _wide_divide(a: int, b: int, c: int, negative: bool, rounding: int) -> int:
    """a · b / c for magnitudes whose product needs 128 bits: schoolbook halves of 32 bits, then binary long division."""
    wide_a = np.uint64(a)
    wide_b = np.uint64(b)
    divisor = np.uint64(c)
    low_a, high_a = wide_a & _LOW, wide_a >> _HALF
    low_b, high_b = wide_b & _LOW, wide_b >> _HALF
    low = low_a * low_b
    middle = high_a * low_b + (low >> _HALF)
    carry = low_a * high_b + (middle & _LOW)
    remainder = high_a * high_b + (middle >> _HALF) + (carry >> _HALF)
    below = (carry << _HALF) | (low & _LOW)
    if remainder >= divisor:
        return NO_VALUE
    quotient = _ZERO
    for place in range(64):
        bit = (below >> (_TOP - np.uint64(place))) & _ONE
        remainder = (remainder << _ONE) | bit
        quotient <<= _ONE
        if remainder >= divisor:
            remainder -= divisor
            quotient |= _ONE
    if quotient > np.uint64(LARGEST):
        return NO_VALUE
    rest = divisor - remainder
    above_half = 0
    if remainder > rest:
        above_half = 1
    elif remainder < rest:
        above_half = -1
    # `int` would keep the unsigned type, and unsigned with signed becomes float64.
    return _settle(np.int64(quotient), remainder == _ZERO, above_half, negative, rounding)  # type: ignore[arg-type]


@kernel
def divide(n: int, d: int, rounding: int) -> int:
    """n / d as a whole number, rounded as asked (`HALF_EVEN`, `FLOOR`, `CEILING`, `TRUNCATE`)."""
    return mul_div_rounded(n, 1, d, rounding)


@constant_kernel
def mul_div_rounded(a: int, b: int, c: int, rounding: int) -> int:
    """a · b / c with a 128-bit product and one rounding; `NO_VALUE` when c is 0 or the result does not fit."""
    if NO_VALUE in (a, b) or c in (NO_VALUE, 0):
        return NO_VALUE
    negative = ((a < 0) != (b < 0)) != (c < 0)
    a, b, c = abs(a), abs(b), abs(c)
    if a == 0 or b == 0:
        return 0
    whole = 0
    if float(a) * float(b) >= SURELY_FITS and a > LARGEST // b:
        # (whole · c + rest) · b / c = whole · b + rest · b / c: exact, and mostly within 64 bits.
        whole = a // c
        if not (float(whole) * float(b) < SURELY_FITS and float(a - whole * c) * float(b) < SURELY_FITS):
            return _wide_divide(a, b, c, negative, rounding)
        a -= whole * c
        whole *= b
    product = a * b
    if c == 1:
        return -product if negative else product
    quotient = product // c
    remainder = product - quotient * c
    if quotient > LARGEST - whole:
        return NO_VALUE
    quotient += whole
    rest = c - remainder
    above_half = 0
    if remainder > rest:
        above_half = 1
    elif remainder < rest:
        above_half = -1
    return _settle(quotient, remainder == 0, above_half, negative, rounding)


@kernel
def round_div(n: int, d: int) -> int:
    """n / d, half to even: the one rounding of money."""
    return mul_div_rounded(n, 1, d, HALF_EVEN)


@constant_kernel
def mul_div(a: int, b: int, c: int) -> int:
    """a · b / c, half to even, exact to 128 bits; `NO_VALUE` when c is 0 or the result does not fit."""
    return mul_div_rounded(a, b, c, HALF_EVEN)


@kernel
def notional(price_ticks: int, lots: int, unit_num: int, unit_den: int) -> int:
    """Value in micro-quote, signed like `lots`, half to even.

    unit_num / unit_den is the value of one tick times one lot in micro-quote; price_ticks · lots must itself fit in int64.
    """
    return mul_div_rounded(multiply(price_ticks, lots), unit_num, unit_den, HALF_EVEN)
