"""Kinds of orders: side, type, status, and the nanosecond that canonical JSON can carry."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator


def _int_from_digits(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.removeprefix("-").isdigit() else value


# Canonical JSON refuses integers above 2^53, so nanoseconds are digit strings there (decision 3).
TimestampNs = Annotated[int, BeforeValidator(_int_from_digits)]

OrderAction = Literal["ENTRY", "REDUCE", "EXIT"]


class OrderSide(Enum):
    """Buy or sell."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, −1 for a sell."""
        return 1 if self is OrderSide.BUY else -1


class OrderType(Enum):
    """How an order asks for its price."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    STOP_LIMIT = "STOP_LIMIT"
    POST_ONLY = "POST_ONLY"
    IOC = "IOC"


class OrderStatus(Enum):
    """Where an order stands. SUBMITTED: it left and the venue has not answered."""

    PENDING = "PENDING"
    SUBMITTED = "SUBMITTED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"

    @property
    def is_final(self) -> bool:
        """True when nothing more can happen to the order."""
        return self in (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED)


LIMIT_TYPES = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.POST_ONLY})
STOP_TYPES = frozenset({OrderType.STOP_MARKET, OrderType.STOP_LIMIT})
