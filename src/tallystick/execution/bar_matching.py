"""How an order meets a bar: pure rules on ticks. Conservative: what hurts happens before what helps, and a limit must be traded through.

Within one bar: orders at the open (in the order of their arrival), then stops, then the liquidation check at the adverse extremes, then limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tallystick.contracts.orders import OrderType
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.kernels import prices
from tallystick.kernels.money import NO_VALUE
from tallystick.kernels.prices import fill_price

Liquidity = Literal["maker", "taker"]


@dataclass(frozen=True, slots=True)
class Quote:
    """What a taker pays: the full spread and the slippage beyond the touch, in 1e-8 of the reference."""

    spread_e8: int
    slippage_e8: int


@dataclass(slots=True)
class RestingOrder:
    """An order inside the venue. Ticks and lots; limit and stop are None where its type has none.

    seen: it met a bar; triggered: its stop was reached; rests: it waits at its limit in this bar, as a maker.
    """

    number: int
    order_id: str
    client_id: str
    symbol: str
    place: int
    side: int
    kind: OrderType
    remaining: int
    limit: int | None
    stop: int | None
    reduce_only: bool
    triggered: bool = False
    seen: bool = False
    rests: bool = False
    fills: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """A fill that the bar allows: price and the reference it came from, in ticks."""

    price: int
    reference: int
    liquidity: Liquidity


def taker_price(side: int, reference: int, quote: Quote, instrument: TradedInstrument) -> int:
    """The price of a taker on the instrument's price rule, rounded against it; `NO_VALUE` when it would not be positive.

    Whole numbers are always allowed under a rule of significant figures.
    """
    return int(prices.taker_price(side, reference, quote.spread_e8, quote.slippage_e8, instrument.price_figures or 0, int(1 / instrument.tick)))


def within(side: int, price: int, limit: int | None) -> bool:
    """True when the price is no worse than the limit."""
    return limit is None or (price <= limit if side > 0 else price >= limit)


def is_marketable(order: RestingOrder, open_: int, quote: Quote) -> bool:
    """True when a limit would take at the open: the touch is at its limit or better."""
    touch = fill_price(order.side, open_, quote.spread_e8, 0)
    return touch != NO_VALUE and within(order.side, touch, order.limit)


def at_open(order: RestingOrder, open_: int, quote: Quote, instrument: TradedInstrument) -> Match | None:
    """The fill at the open: market and IOC, marketable limits, stops that the open has passed. A price beyond the limit gives none."""
    if order.kind in (OrderType.STOP_MARKET, OrderType.STOP_LIMIT) and not order.triggered:
        if not _reached(order, open_):
            return None
        order.triggered = True
    if order.kind is OrderType.POST_ONLY:
        return None
    price = taker_price(order.side, open_, quote, instrument)
    return Match(price, open_, "taker") if price != NO_VALUE and within(order.side, price, order.limit) else None


def at_stop(order: RestingOrder, high: int, low: int, quote: Quote, instrument: TradedInstrument) -> Match | None:
    """The fill of a stop that the range reaches: a taker from the stop price. A STOP_LIMIT beyond its limit rests from the next bar."""
    if order.triggered or order.stop is None or not _reached(order, high if order.side > 0 else low):
        return None
    order.triggered = True
    price = taker_price(order.side, order.stop, quote, instrument)
    return Match(price, order.stop, "taker") if price != NO_VALUE and within(order.side, price, order.limit) else None


def at_limit(order: RestingOrder, high: int, low: int) -> Match | None:
    """The fill of a resting limit that the range trades through by a tick; touching it is not enough."""
    if order.limit is None or not order.rests:
        return None
    through = low < order.limit if order.side > 0 else high > order.limit
    return Match(order.limit, order.limit, "maker") if through else None


def _reached(order: RestingOrder, price: int) -> bool:
    return order.stop is not None and (price >= order.stop if order.side > 0 else price <= order.stop)
