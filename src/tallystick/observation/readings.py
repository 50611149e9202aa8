"""What a reading of a book or a position says, or what is wrong with it. Types are converted; nothing is added and nothing is judged."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite, nan

from tallystick.contracts.observation_events import RawStateEvent
from tallystick.kernels.book_primitives import LEVELS

NUMBERS = frozenset({int, float, str})
Levels = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Book:
    """Up to five levels of (price, size) on each side, best first."""

    bids: Levels
    asks: Levels


@dataclass(frozen=True, slots=True)
class TrackedPosition:
    """One account's position; None where the venue did not say."""

    account: str
    quantity: float
    value: float
    leverage: float | None
    liquidation_price: float | None


def number_of(value: object) -> float:
    """The number that was sent, or its decimal string; NaN for anything else."""
    # Asked of five levels of every book, so the usual types come first.
    if type(value) not in NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float | str)):
        return nan
    try:
        return float(value)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return nan


def read_state(event: RawStateEvent) -> Book | TrackedPosition | str:
    """The reading, or a finding that names the field at fault."""
    if not event.source:
        return "no source"
    if event.kind == "BOOK":
        return _read_book(event)
    return _read_position(event) if event.kind == "POSITION" else f"kind {event.kind!r}"


def _read_levels(value: object, name: str) -> Levels | str:
    if not isinstance(value, tuple):
        return f"{name} {value!r}"
    levels = []
    for level in value:
        if not isinstance(level, tuple) or len(level) != 2:
            return f"{name} level {level!r}"
        price, size = number_of(level[0]), number_of(level[1])
        if not (0 < price < inf and 0 < size < inf):
            return f"{name} level {level!r}"
        levels.append((price, size))
    return tuple(levels)


def _read_book(event: RawStateEvent) -> Book | str:
    bids, asks = _read_levels(event.values.get("bids"), "bids"), _read_levels(event.values.get("asks"), "asks")
    if isinstance(bids, str):
        return bids
    if isinstance(asks, str):
        return asks
    if not bids and not asks:
        return "no level on either side"
    if any(before[0] <= after[0] for before, after in pairwise(bids)):
        return "bids that do not fall from the best"
    if any(before[0] >= after[0] for before, after in pairwise(asks)):
        return "asks that do not rise from the best"
    if bids and asks and bids[0][0] >= asks[0][0]:
        return f"best bid {bids[0][0]:g} not below best ask {asks[0][0]:g}"
    return Book(bids[:LEVELS], asks[:LEVELS])


def _read_position(event: RawStateEvent) -> TrackedPosition | str:
    values = event.values
    account = values.get("account")
    if not isinstance(account, str) or not account:
        return f"account {account!r}"
    quantity, value = number_of(values.get("quantity")), number_of(values.get("value"))
    if not isfinite(quantity):
        return f"quantity {values.get('quantity')!r}"
    if not (isfinite(value) and value >= 0):
        return f"value {values.get('value')!r}"
    optional: list[float | None] = []
    for name in ("leverage", "liquidation_price"):
        given = None if values.get(name) is None else number_of(values[name])
        if given is not None and not (isfinite(given) and given > 0):
            return f"{name} {values[name]!r}"
        optional.append(given)
    return TrackedPosition(account, quantity, value, optional[0], optional[1])
