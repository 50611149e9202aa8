"""How an order meets a bar: the one set of rules that the simulated venue, paper trading and research all call. Ticks and lots, no state.

Conservative: what hurts happens before what helps, and a limit must be traded through. Within one bar: orders at the open in the order of their
arrival, then stops, then the liquidation check at the adverse extremes, then limits, then the check again on what they opened. A rule answers a price
in ticks, or `NO_VALUE` for no fill.
"""

from __future__ import annotations

import math

import numpy as np

from tallystick.kernels.kernel import kernel
from tallystick.kernels.money import NO_VALUE
from tallystick.kernels.prices import fill_price, taker_price

MARKET, LIMIT, POST_ONLY, IOC, STOP_MARKET, STOP_LIMIT = range(6)
"""Order kinds. A limit or stop price that a kind does not have is `NO_VALUE`."""

TAKER, MAKER, LIQUIDATION = range(3)
MOST_LOTS = 2.0**53


@kernel
def price_ticks(price: float, scale: float, tick: float) -> int:
    """The nearest whole tick, half to even; `NO_VALUE` for NaN. scale: ticks of one quote unit where that is whole, else 0 and `tick` divides."""
    if math.isnan(price):
        return NO_VALUE
    return int(np.rint(price * scale if scale > 0.0 else price / tick))


@kernel
def takeable_lots(volume: float, share: float, lot: float) -> int:
    """Whole lots of a bar's volume (base units) that our orders may take; none of a missing or empty volume."""
    if not (0.0 < volume < math.inf):
        return 0
    return math.floor(min(volume * share / lot, MOST_LOTS))


@kernel
def within(side: int, price: int, limit: int) -> bool:
    """True when the price is no worse than the limit, or there is none."""
    return limit == NO_VALUE or (price <= limit if side > 0 else price >= limit)


@kernel
def reached(side: int, price: int, stop: int) -> bool:
    """True when the price has come to the stop: from below for a buyer, from above for a seller."""
    return stop != NO_VALUE and (price >= stop if side > 0 else price <= stop)


@kernel
def is_marketable(side: int, limit: int, open_ticks: int, spread_e8: int) -> bool:
    """True when a limit would take at the open: the touch is at its limit or better."""
    touch = fill_price(side, open_ticks, spread_e8, 0)
    return touch != NO_VALUE and within(side, touch, limit)


@kernel
def take(side: int, reference: int, limit: int, spread_e8: int, slippage_e8: int, figures: int, whole: int) -> int:
    """The price of a taker from a reference, on the instrument's price rule; `NO_VALUE` beyond the limit."""
    price = taker_price(side, reference, spread_e8, slippage_e8, figures, whole)
    if price == NO_VALUE or not within(side, price, limit):
        return NO_VALUE
    return price


@kernel
def meet_open(
    kind: int, side: int, limit: int, stop: int, triggered: bool, open_ticks: int, spread_e8: int, slippage_e8: int, figures: int, whole: int
) -> tuple[int, bool]:
    """The taker's price at the open, and whether the stop has been reached: market and IOC, marketable limits, stops that the open has passed."""
    if kind in (STOP_MARKET, STOP_LIMIT) and not triggered:
        if not reached(side, open_ticks, stop):
            return NO_VALUE, False
        triggered = True
    if kind == POST_ONLY:
        return NO_VALUE, triggered
    return take(side, open_ticks, limit, spread_e8, slippage_e8, figures, whole), triggered


@kernel
def meet_stop(
    side: int, limit: int, stop: int, triggered: bool, high: int, low: int, spread_e8: int, slippage_e8: int, figures: int, whole: int
) -> tuple[int, bool]:
    """The price of a stop that the range reaches, a taker from the stop price, and whether it was reached. Beyond its limit it rests from the next bar."""
    if triggered or not reached(side, high if side > 0 else low, stop):
        return NO_VALUE, triggered
    return take(side, stop, limit, spread_e8, slippage_e8, figures, whole), True


@kernel
def meet_limit(side: int, limit: int, rests: bool, high: int, low: int) -> int:
    """The price of a resting limit that the range trades through by a tick; touching it is not enough."""
    if limit == NO_VALUE or not rests:
        return NO_VALUE
    return limit if (low < limit if side > 0 else high > limit) else NO_VALUE


@kernel
def fillable(remaining: int, left: int, side: int, held: int, reduce_only: bool) -> int:
    """Lots that fill: what remains, what the bar's volume leaves, and for a reduction no more than is held. −1: a reduction with nothing to reduce."""
    lots = min(remaining, left)
    if reduce_only:
        free = abs(held) if held * side < 0 else 0
        if free == 0:
            return -1
        lots = min(lots, free)
    return max(lots, 0)
