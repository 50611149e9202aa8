"""Books kept current from snapshots and changes: the sizes of each side by price, and the prices in order, so that the best ones are at an end."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from tallystick.kernels.book_primitives import LEVELS


class _Side:
    """Levels of one side: the venue's text of each size by price, and the prices, rising."""

    __slots__ = ("prices", "sizes")

    def __init__(self) -> None:
        self.sizes: dict[Decimal, str] = {}
        self.prices: list[Decimal] = []

    def change(self, price: Decimal, size: str) -> None:
        """Set a level, or take it away where the size is 0."""
        if Decimal(size) == 0:
            if self.sizes.pop(price, None) is not None:
                del self.prices[bisect_left(self.prices, price)]
        else:
            if price not in self.sizes:
                insort(self.prices, price)
            self.sizes[price] = size

    def levels(self, prices: Iterable[Decimal]) -> list[tuple[str, str]]:
        """(price, size) as text."""
        return [(str(price), self.sizes[price]) for price in prices]


class Book:
    """Both sides of one instrument."""

    __slots__ = ("_sides",)

    def __init__(self) -> None:
        self._sides = {"bids": _Side(), "asks": _Side()}

    def change(self, values: Mapping[str, Any]) -> bool:
        """Take bids and asks, each of (price, size) as text; whether every level was a number. What comes before one that is none has been taken."""
        for name, side in self._sides.items():
            for price, size in values[name]:
                try:
                    side.change(Decimal(price), size)
                except InvalidOperation:
                    return False
        return True

    def best(self) -> dict[str, list[tuple[str, str]]]:
        """The best levels that the room reads of each side, best first."""
        bids, asks = self._sides["bids"], self._sides["asks"]
        return {"bids": bids.levels(reversed(bids.prices[-LEVELS:])), "asks": asks.levels(asks.prices[:LEVELS])}
