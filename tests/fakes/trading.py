"""Builders of instruments, orders, positions and bars, and a gateway that can be told to fail."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from tallystick.contracts.orders import ApprovedOrder, OrderAction, OrderRequest, OrderResponse, OrderSide, OrderStatus, OrderType
from tallystick.contracts.positions import Direction, Position, PositionState
from tallystick.contracts.risk import AccountState
from tallystick.contracts.traded_instruments import MarginTier, TradedInstrument
from tallystick.contracts.venue_updates import VenueFill, VenueUpdate
from tallystick.execution.client_ids import client_id
from tallystick.execution.ports import VenueTimeout
from tallystick.execution.venue_bars import VenueBars

HOUR_NS = 3_600_000_000_000
START_NS = 1_735_689_600_000_000_000
_COUNTER = itertools.count()


def instrument(symbol: str = "BTCUSDT", tick: str = "0.1", lot: str = "0.001", **more: Any) -> TradedInstrument:
    return TradedInstrument.of(symbol, Decimal(tick), Decimal(lot), **{"tiers": (MarginTier(0, 500_000, 0, 20),), **more})


def account(equity: str = "100000", margin: str | None = None) -> AccountState:
    return AccountState(Decimal(equity), Decimal(equity if margin is None else margin), 0.0)


def held(symbol: str = "BTCUSDT", quantity: str = "1", entry: str = "100", direction: Direction = Direction.LONG) -> Position:
    return Position(symbol, PositionState.OPEN, direction, Decimal(quantity), Decimal(entry))


def request(
    symbol: str = "BTCUSDT",
    side: OrderSide = OrderSide.BUY,
    quantity: str = "1",
    kind: OrderType = OrderType.MARKET,
    limit: str | None = None,
    stop: str | None = None,
    **more: Any,
) -> OrderRequest:
    more.setdefault("client_id", client_id(f"test-{next(_COUNTER)}"))
    return OrderRequest.exact(
        symbol, side, kind, Decimal(quantity), None if limit is None else Decimal(limit), stop_price=None if stop is None else Decimal(stop), **more
    )


def approved(action: OrderAction = "ENTRY", **more: Any) -> ApprovedOrder:
    """An approval without a review: only tests of what comes after it build one this way."""
    asked = request(**{"reduce_only": action != "ENTRY", **more})
    return ApprovedOrder(asked, action, str(asked.client_id), Decimal(0), START_NS, ("TEST",))


def fill(order: ApprovedOrder, quantity: str | None = None, price: str = "100", remaining: str = "0", number: int = 1, fee: str = "0") -> VenueFill:
    asked = order.request
    return VenueFill(
        f"{order.client_id}:{number}",
        asked.symbol,
        order.client_id,
        "order-1",
        asked.side,
        asked.quantity if quantity is None else Decimal(quantity),
        Decimal(price),
        Decimal(fee),
        "taker",
        Decimal(remaining),
        START_NS,
    )


def bars(rows: Mapping[str, tuple[float, float, float, float] | None], volume: float = 1e9) -> VenueBars:
    """Open, high, low, close by symbol; None for a symbol without a bar."""
    symbols = tuple(rows)
    table = np.array([[np.nan] * 4 if row is None else row for row in rows.values()], dtype=np.float64)
    volumes = np.array([np.nan if row is None else volume for row in rows.values()])
    return VenueBars(symbols, table[:, 0].copy(), table[:, 1].copy(), table[:, 2].copy(), table[:, 3].copy(), volumes)


class FakeGateway:
    """Answers every order with ACKNOWLEDGED; can be told not to answer, with or without taking the order."""

    def __init__(self) -> None:
        self.received: list[ApprovedOrder] = []
        self.lookups: list[str] = []
        self.silent = False
        self.loses = False

    def submit(self, order: ApprovedOrder, now_ns: int) -> OrderResponse:
        if not self.loses:
            self.received.append(order)
        if self.silent or self.loses:
            raise VenueTimeout("expected an answer within 5 s, found none")
        return self._answer(order.client_id)

    def cancel(self, client_id: str, now_ns: int) -> OrderResponse:
        if self.silent:
            raise VenueTimeout("expected an answer within 5 s, found none")
        return OrderResponse(True, f"v-{client_id}", OrderStatus.CANCELED, None)

    def lookup(self, client_id: str) -> OrderResponse | None:
        self.lookups.append(client_id)
        known = any(order.client_id == client_id for order in self.received)
        return self._answer(client_id) if known else None

    def working(self) -> tuple[str, ...]:
        return tuple(order.client_id for order in self.received)

    def drain(self) -> tuple[VenueUpdate, ...]:
        return ()

    @staticmethod
    def _answer(client_id: str) -> OrderResponse:
        return OrderResponse(True, f"v-{client_id}", OrderStatus.ACKNOWLEDGED, None)
