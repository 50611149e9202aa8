"""The venue's orders against bars: the rules themselves are `kernels/matching.py`, which research calls too; here they meet orders as objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tallystick.contracts.orders import OrderType
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.kernels import matching, prices
from tallystick.kernels.money import NO_VALUE

Liquidity = Literal["maker", "taker"]
_KINDS = {
    OrderType.MARKET: matching.MARKET,
    OrderType.LIMIT: matching.LIMIT,
    OrderType.POST_ONLY: matching.POST_ONLY,
    OrderType.IOC: matching.IOC,
    OrderType.STOP_MARKET: matching.STOP_MARKET,
    OrderType.STOP_LIMIT: matching.STOP_LIMIT,
}


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
    return int(prices.taker_price(side, reference, *_costs(quote, instrument)))


def is_marketable(order: RestingOrder, open_: int, quote: Quote) -> bool:
    """True when a limit would take at the open: the touch is at its limit or better."""
    return bool(matching.is_marketable(order.side, _ticks(order.limit), open_, quote.spread_e8))


def at_open(order: RestingOrder, open_: int, quote: Quote, instrument: TradedInstrument) -> Match | None:
    """The fill at the open: market and IOC, marketable limits, stops that the open has passed. A price beyond the limit gives none."""
    price, order.triggered = matching.meet_open(
        _KINDS[order.kind], order.side, _ticks(order.limit), _ticks(order.stop), order.triggered, open_, *_costs(quote, instrument)
    )
    return Match(price, open_, "taker") if price != NO_VALUE else None


def at_stop(order: RestingOrder, high: int, low: int, quote: Quote, instrument: TradedInstrument) -> Match | None:
    """The fill of a stop that the range reaches: a taker from the stop price. A STOP_LIMIT beyond its limit rests from the next bar."""
    stop = _ticks(order.stop)
    price, order.triggered = matching.meet_stop(order.side, _ticks(order.limit), stop, order.triggered, high, low, *_costs(quote, instrument))
    return Match(price, stop, "taker") if price != NO_VALUE else None


def at_limit(order: RestingOrder, high: int, low: int) -> Match | None:
    """The fill of a resting limit that the range trades through by a tick; touching it is not enough."""
    price = matching.meet_limit(order.side, _ticks(order.limit), order.rests, high, low)
    return Match(price, price, "maker") if price != NO_VALUE else None


def _ticks(price: int | None) -> int:
    return NO_VALUE if price is None else price


def _costs(quote: Quote, instrument: TradedInstrument) -> tuple[int, int, int, int]:
    return quote.spread_e8, quote.slippage_e8, instrument.price_figures or 0, int(1 / instrument.tick)
