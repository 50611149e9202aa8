"""The fill tracker: what the venue has confirmed of each order, and which orders have waited too long. It assumes and cancels nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.orders import ApprovedOrder, OrderFill, OrderResponse, OrderStatus, OrderType
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.contracts.venue_updates import VenueCanceled, VenueFill, VenueRejected, VenueUpdate

MARKET_TIMEOUT_NS = 5 * NS_PER_SECOND
LIMIT_TIMEOUT_NS = 300 * NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class TrackedOrder:
    """One order as confirmed so far; filled in base units."""

    client_id: str
    symbol: str
    order_type: OrderType
    quantity: Decimal
    status: OrderStatus
    filled: Decimal
    submitted_ns: int
    reported_late: bool = False


@dataclass(frozen=True, slots=True)
class TimeoutNotice:
    """An order that did not end in its time. A notice only: what to do is decided elsewhere."""

    client_id: str
    symbol: str
    status: OrderStatus
    waited_ns: int
    limit_ns: int


class FillTracker:
    """Follows orders by client id through the venue's updates."""

    def __init__(self, market_timeout_ns: int = MARKET_TIMEOUT_NS, limit_timeout_ns: int = LIMIT_TIMEOUT_NS) -> None:
        self._market_timeout_ns = market_timeout_ns
        self._limit_timeout_ns = limit_timeout_ns
        self._orders: dict[str, TrackedOrder] = {}
        self._seen: set[str] = set()
        self.unexplained: list[VenueFill] = []

    def track(self, order: ApprovedOrder, response: OrderResponse, now_ns: int) -> None:
        """Follow an order from its answer on. Nothing counts as filled by this."""
        request = order.request
        status = response.status if not response.status.is_final or response.status is OrderStatus.REJECTED else OrderStatus.ACKNOWLEDGED
        self._orders.setdefault(
            order.client_id,
            TrackedOrder(order.client_id, request.symbol, request.order_type, request.quantity, status, Decimal(0), now_ns),
        )

    def apply(self, update: VenueUpdate) -> OrderFill | None:
        """Take one update; the confirmed fill that it holds, if any.

        A fill of an order that is not followed is kept in `unexplained`. Raises InvariantViolation when an order is filled beyond its quantity.
        """
        if not isinstance(update, VenueFill | VenueCanceled | VenueRejected) or update.update_id in self._seen:
            return None
        self._seen.add(update.update_id)
        order = self._orders.get(update.client_id)
        if isinstance(update, VenueFill):
            if order is None:
                self.unexplained.append(update)
            else:
                self._fill(order, update)
            return OrderFill(update.order_id, float(update.price), float(update.quantity), update.timestamp_ns)
        if order is not None and not order.status.is_final:
            ended = OrderStatus.CANCELED if isinstance(update, VenueCanceled) else OrderStatus.REJECTED
            self._orders[update.client_id] = replace(order, status=ended)
        return None

    def _fill(self, order: TrackedOrder, fill: VenueFill) -> None:
        filled = order.filled + fill.quantity
        if filled > order.quantity:
            raise InvariantViolation(f"expected at most {order.quantity} {order.symbol} filled of {order.client_id}, found {filled}", where="fill tracker")
        status = OrderStatus.FILLED if filled == order.quantity else OrderStatus.PARTIAL
        self._orders[order.client_id] = replace(order, filled=filled, status=order.status if order.status.is_final else status)

    def order(self, client_id: str) -> TrackedOrder | None:
        """What is confirmed of an order; None when it is not followed."""
        return self._orders.get(client_id)

    def working(self) -> tuple[TrackedOrder, ...]:
        """Orders that have not ended, by client id."""
        return tuple(order for _, order in sorted(self._orders.items()) if not order.status.is_final)

    def timeouts(self, now_ns: int) -> tuple[TimeoutNotice, ...]:
        """Orders that passed their time, each reported once, by client id."""
        found = []
        for order in self.working():
            limit_ns = self._market_timeout_ns if order.order_type in (OrderType.MARKET, OrderType.IOC) else self._limit_timeout_ns
            waited_ns = now_ns - order.submitted_ns
            if waited_ns > limit_ns and not order.reported_late:
                self._orders[order.client_id] = replace(order, reported_late=True)
                found.append(TimeoutNotice(order.client_id, order.symbol, order.status, waited_ns, limit_ns))
        return tuple(found)
