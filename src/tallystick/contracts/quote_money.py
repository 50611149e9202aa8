"""Quote currency as whole micro-units and as Decimal: the same number twice (decision 4)."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache

from tallystick.contracts.errors import DataError

MICRO = 1_000_000


def amount_of(micro: int) -> Decimal:
    """Micro-quote as an amount with six decimals."""
    return Decimal(micro).scaleb(-6)


def micro_of(amount: Decimal) -> int:
    """An amount in whole micro-quote. Raises DataError when it is finer than that, or not finite."""
    if not amount.is_finite() or amount * MICRO != (whole := int(amount * MICRO)):
        raise DataError(f"expected an amount in whole micro-units of the quote currency, found {amount}")
    return whole


def micro_floor(amount: Decimal) -> int:
    """The largest whole micro-quote not above the amount: a limit from it is never too generous."""
    return int((amount * MICRO).to_integral_value(ROUND_FLOOR))


def exact(number: float) -> Decimal:
    """The decimal that the shortest text of a float says: 0.1 is one tenth."""
    # The settings of risk are asked for in every cycle. Both zeros are one key, so they are not kept.
    return _kept_exact(number) if number else Decimal(repr(float(number)))


@lru_cache(maxsize=1024)
def _kept_exact(number: float) -> Decimal:
    return Decimal(repr(float(number)))
