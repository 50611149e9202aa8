"""The order executor: checks, sends once, and returns the venue's answer. It changes nothing and repeats nothing by itself."""

from __future__ import annotations

from tallystick.contracts.errors import InvariantViolation, SafetyRefusal
from tallystick.contracts.orders import LIMIT_TYPES, STOP_TYPES, ApprovedOrder, OrderResponse, OrderStatus, OrderType
from tallystick.execution.ports import OrderGateway, VenueTimeout


class OrderExecutor:
    """Sends approved orders through a gateway, each client id once."""

    def __init__(self, gateway: OrderGateway) -> None:
        self._gateway = gateway
        self._sent: dict[str, ApprovedOrder] = {}

    def submit(self, order: ApprovedOrder, now_ns: int) -> OrderResponse:
        """Send one order as it is.

        A timeout is an answer of its own: not a success, status SUBMITTED, since the venue may have it. Raises SafetyRefusal for anything that risk
        did not approve, InvariantViolation for parameters that do not fit the type and for a client id that was sent before.
        """
        self._validate(order)
        if order.client_id in self._sent:
            raise InvariantViolation(f"expected the order {order.client_id} to be sent once, found it again", hint="An explicit resend asks the venue first.")
        return self._send(order, now_ns)

    def resend(self, order: ApprovedOrder, now_ns: int) -> OrderResponse:
        """The explicit recovery step after a timeout: ask the venue for the client id, and send the same order only if it never saw it (decision 66).

        Raises InvariantViolation when the order differs from the one that was sent under its client id.
        """
        self._validate(order)
        if self._sent.get(order.client_id, order) != order:
            raise InvariantViolation(f"expected the order that was sent as {order.client_id}, found another")
        known = self._gateway.lookup(order.client_id)
        return known if known is not None else self._send(order, now_ns)

    def cancel(self, client_id: str, now_ns: int) -> OrderResponse:
        """Ask the venue to end one order."""
        try:
            return self._gateway.cancel(client_id, now_ns)
        except VenueTimeout as timeout:
            return OrderResponse(False, None, OrderStatus.SUBMITTED, f"timeout: {timeout}")

    def _send(self, order: ApprovedOrder, now_ns: int) -> OrderResponse:
        self._sent[order.client_id] = order
        try:
            return self._gateway.submit(order, now_ns)
        except VenueTimeout as timeout:
            return OrderResponse(False, None, OrderStatus.SUBMITTED, f"timeout: {timeout}")

    @staticmethod
    def _validate(order: ApprovedOrder) -> None:
        if not isinstance(order, ApprovedOrder):
            raise SafetyRefusal(f"expected an order that risk approved, found {type(order).__name__}", where="order executor")
        request = order.request
        kind, limit, stop = request.order_type, request.limit_price, request.stop_price
        takes_limit = kind in LIMIT_TYPES or kind is OrderType.IOC
        if (kind in LIMIT_TYPES and limit is None) or (limit is not None and not takes_limit) or (kind in STOP_TYPES) != (stop is not None):
            raise InvariantViolation(
                f"expected the prices that {kind.value} needs, found limit {limit} and stop {stop}", where=f"order {order.client_id} in {request.symbol}"
            )
