"""Readings of a state: the book and tracked positions, as they came and in M1 form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from tallystick.contracts.contract import Consumer, Contract, Rule
from tallystick.contracts.observation import _immutable
from tallystick.contracts.order_kinds import TimestampNs

StateKind = Literal["BOOK", "POSITION"]


@dataclass(frozen=True, slots=True)
class RawStateEvent:
    """One reading as it came: kind, symbol, the venue's time (UTC nanoseconds), its fields, and the reference of the message it came in.

    values of a BOOK: bids and asks, best first, each [price, size]. values of a POSITION: account, quantity (signed base units, 0: closed),
    value (quote currency) and, where the venue says so, leverage and liquidation_price. Numbers, or their decimal strings.
    """

    kind: StateKind
    symbol: str
    event_time_ns: TimestampNs
    values: Mapping[str, Any]
    source: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _immutable(self.values))


@dataclass(frozen=True, slots=True)
class BookEvent:
    """One book update in M1 form. bids, asks: up to five levels of (price, size), best first; event_id: sequential over all events."""

    event_id: int
    symbol: str
    event_time_ns: TimestampNs
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    source: str

    @property
    def kind(self) -> Literal["BOOK"]:
        """Kind of the event."""
        return "BOOK"


@dataclass(frozen=True, slots=True)
class PositionEvent:
    """One tracked position in M1 form. quantity: signed base units, 0 when closed; value: quote currency; None where the venue did not say."""

    event_id: int
    symbol: str
    event_time_ns: TimestampNs
    account: str
    quantity: float
    value: float
    leverage: float | None
    liquidation_price: float | None
    source: str

    @property
    def kind(self) -> Literal["POSITION"]:
        """Kind of the event."""
        return "POSITION"


def _has_a_source(event: RawStateEvent | BookEvent | PositionEvent) -> str | None:
    return None if event.source else "an empty source"


def _levels_ordered(event: BookEvent) -> str | None:
    falling = all(before[0] > after[0] for before, after in pairwise(event.bids))
    rising = all(before[0] < after[0] for before, after in pairwise(event.asks))
    return None if falling and rising else f"bids {event.bids}, asks {event.asks}"


def _not_crossed(event: BookEvent) -> str | None:
    crossed = event.bids and event.asks and event.bids[0][0] >= event.asks[0][0]
    return f"bid {event.bids[0][0]}, ask {event.asks[0][0]}" if crossed else None


def _five_levels(event: BookEvent) -> str | None:
    deepest = max(len(event.bids), len(event.asks))
    return None if 1 <= deepest <= 5 else f"{deepest} levels"


def _values_not_negative(event: PositionEvent) -> str | None:
    given = [number for number in (event.leverage, event.liquidation_price) if number is not None]
    return None if event.value >= 0 and all(number > 0 for number in given) else f"value {event.value}, leverage and liquidation price {given}"


_GOVERNANCE = (Consumer("observation.governance", ("*",), "memories of the primitives"),)


def _message(name: str, purpose: str, producer: str, consumers: tuple[Consumer, ...], shape: type[Any], rules: tuple[Rule, ...]) -> Contract:
    source = Rule("reading_has_a_source", "the reference of its message", _has_a_source, ("D4.23",))
    return Contract(
        name=name,
        version="1.0",
        purpose=purpose,
        producer=producer,
        consumers=consumers,
        shape=shape,
        encoding="memory",
        rules=(source, *rules),
        clauses=("D4.22", "D4.23"),
    )


CONTRACTS: tuple[Contract, ...] = (
    _message(
        "observation.raw_state_event",
        "One reading of a book or a position as it came",
        "adapters.venues",
        (Consumer("observation.ingestion", ("*",), "normalise, or keep aside"),),
        RawStateEvent,
        (),
    ),
    _message(
        "observation.book_event",
        "One book update in M1 form, with its sequential id",
        "observation.ingestion",
        _GOVERNANCE,
        BookEvent,
        (
            Rule("levels_are_ordered", "bids falling and asks rising from the best", _levels_ordered, ("D4.22",)),
            Rule("book_is_not_crossed", "the best bid below the best ask", _not_crossed, ("D4.22",)),
            Rule("one_to_five_levels", "one to five levels", _five_levels, ("D4.22",)),
        ),
    ),
    _message(
        "observation.position_event",
        "One tracked position in M1 form, with its sequential id",
        "observation.ingestion",
        _GOVERNANCE,
        PositionEvent,
        (Rule("values_are_not_negative", "a value from 0, leverage and liquidation price above 0", _values_not_negative, ("D4.22",)),),
    ),
)
