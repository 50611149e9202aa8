"""Observation: raw market events, what was kept aside and why, and the snapshot of facts. Nothing here interprets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from math import isfinite
from types import MappingProxyType
from typing import Any, Literal

from tallystick.contracts.contract import Consumer, Contract, Rule
from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.order_kinds import TimestampNs
from tallystick.contracts.primitives import (
    AbsorptionEvent,
    CascadeState,
    CentralTendencyDeviation,
    DirectionalContinuity,
    DisplacementOriginAnchor,
    EventNonOccurrenceCounter,
    LeverageConcentrationRatio,
    LiquidationCascadeProximity,
    LiquidationDensity,
    OpenInterestDirectionalBias,
    OrderBlock,
    OrderConsumption,
    PriceAcceptanceRatio,
    PriceTraversalVelocity,
    RefillEvent,
    RestingSize,
    StructuralAbsenceDuration,
    StructuralPersistenceDuration,
    SupplyDemandZone,
    TradeBurst,
    TraversalCompactness,
    TraversalVoidSpan,
    ZonePenetrationDepth,
)

EventKind = Literal["TRADE", "MARK", "BAR_CLOSE", "LIQUIDATION"]
QuarantineReason = Literal["malformed", "late", "future", "foreign_symbol", "duplicate", "out_of_order"]


class ObservationStatus(Enum):
    """UNINITIALIZED means "not failed"; there is no value that claims health (decision 13)."""

    UNINITIALIZED = "UNINITIALIZED"
    FAILED = "FAILED"


_PLAIN = frozenset({str, int, float, bool, type(None), bytes})


def _immutable(value: Any) -> Any:
    # Most values are leaves or tuples of them, and asking an abstract class about each would cost more than everything else in a busy stream.
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return tuple(map(_immutable, value))
    if isinstance(value, Mapping):
        return MappingProxyType({key: _immutable(item) for key, item in value.items()})
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return tuple(_immutable(item) for item in value)
    return value


@dataclass(frozen=True, slots=True)
class SystemCounters:
    """Counts since the start. Every event that came in was decoded, or kept aside under one reason: none is dropped silently."""

    intervals_processed: int
    dropped_events: int
    events_received: int = 0
    events_decoded: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    overwritten: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "quarantined", _immutable(self.quarantined))


@dataclass(frozen=True, slots=True)
class M4PrimitiveBundle:
    """The primitives of one symbol. None is the absence of a fact, never a failure."""

    symbol: str
    zone_penetration: ZonePenetrationDepth | None = None
    displacement_origin_anchor: DisplacementOriginAnchor | None = None
    price_traversal_velocity: PriceTraversalVelocity | None = None
    traversal_compactness: TraversalCompactness | None = None
    central_tendency_deviation: CentralTendencyDeviation | None = None
    structural_absence_duration: StructuralAbsenceDuration | None = None
    traversal_void_span: TraversalVoidSpan | None = None
    event_non_occurrence_counter: EventNonOccurrenceCounter | None = None
    structural_persistence_duration: StructuralPersistenceDuration | None = None
    resting_size: RestingSize | None = None
    order_consumption: OrderConsumption | None = None
    absorption_event: AbsorptionEvent | None = None
    refill_event: RefillEvent | None = None
    price_acceptance_ratio: PriceAcceptanceRatio | None = None
    liquidation_density: LiquidationDensity | None = None
    directional_continuity: DirectionalContinuity | None = None
    trade_burst: TradeBurst | None = None
    order_block: OrderBlock | None = None
    supply_demand_zone: SupplyDemandZone | None = None
    liquidation_cascade_proximity: LiquidationCascadeProximity | None = None
    cascade_state: CascadeState | None = None
    leverage_concentration_ratio: LeverageConcentrationRatio | None = None
    open_interest_directional_bias: OpenInterestDirectionalBias | None = None

    @classmethod
    def empty(cls, symbol: str) -> M4PrimitiveBundle:
        """A bundle without any fact."""
        return cls(symbol)

    @property
    def present(self) -> tuple[str, ...]:
        """Names of the primitives that have a value."""
        return tuple(item.name for item in fields(self) if item.name != "symbol" and getattr(self, item.name) is not None)


@dataclass(frozen=True, slots=True)
class ObservationSnapshot:
    """The facts at one instant. timestamp: seconds since 1970, UTC, the last argument of advance_time and never a wall clock.

    symbols_active: the configured set; promoted_events: raw events; primitives: by symbol. Nothing inside can be changed.
    """

    status: ObservationStatus
    timestamp: float
    symbols_active: tuple[str, ...]
    counters: SystemCounters
    promoted_events: tuple[Mapping[str, Any], ...]
    primitives: Mapping[str, M4PrimitiveBundle]

    def __post_init__(self) -> None:
        if not isfinite(self.timestamp) or self.timestamp < 0:
            raise InvariantViolation(f"expected the time of a snapshot finite and not negative, found {self.timestamp}")
        object.__setattr__(self, "symbols_active", tuple(self.symbols_active))
        object.__setattr__(self, "promoted_events", _immutable(self.promoted_events))
        object.__setattr__(self, "primitives", _immutable(self.primitives))


@dataclass(frozen=True, slots=True)
class RawMarketEvent:
    """One message as it came: kind, symbol, the venue's time (UTC nanoseconds), its fields, and the reference of the message it came in."""

    kind: EventKind
    symbol: str
    event_time_ns: TimestampNs
    values: Mapping[str, Any]
    source: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _immutable(self.values))


@dataclass(frozen=True, slots=True)
class MarketEvent:
    """One event in M1 form. event_id: sequential from 1; source: the message it came from; price, quantity: as sent; side: of the taker."""

    event_id: int
    kind: EventKind
    symbol: str
    event_time_ns: TimestampNs
    price: float
    quantity: float | None
    side: Literal["buy", "sell"] | None
    source: str


@dataclass(frozen=True, slots=True)
class QuarantinedEvent:
    """One event that the room kept aside: why, and its content as text. Times in nanoseconds, digits where JSON holds them."""

    reason: QuarantineReason
    finding: str
    kind: str
    symbol: str
    event_time_ns: TimestampNs
    received_at_ns: TimestampNs
    source: str
    content: str


def _dropped_are_quarantined(counters: SystemCounters) -> str | None:
    kept = sum(counters.quarantined.values())
    return None if counters.dropped_events == kept else f"dropped_events {counters.dropped_events}, quarantined {kept}"


def _received_add_up(counters: SystemCounters) -> str | None:
    accounted = counters.events_decoded + counters.dropped_events
    return None if counters.events_received == accounted else f"received {counters.events_received}, decoded and dropped {accounted}"


def _on_counters(holds: Any) -> Any:
    return lambda snapshot: holds(snapshot.counters)


def _configured_only(snapshot: ObservationSnapshot) -> str | None:
    strangers = sorted(set(snapshot.primitives) - set(snapshot.symbols_active))
    return f"primitives of {strangers[0]}" if strangers else None


def _bundles_named(snapshot: ObservationSnapshot) -> str | None:
    wrong = sorted(symbol for symbol, bundle in snapshot.primitives.items() if bundle.symbol != symbol)
    return f"{snapshot.primitives[wrong[0]].symbol} under {wrong[0]}" if wrong else None


def _event_is_positive(event: MarketEvent) -> str | None:
    good = event.event_id >= 1 and event.price > 0 and (event.quantity is None or event.quantity > 0)
    return None if good else f"id {event.event_id}, price {event.price}, quantity {event.quantity}"


def _event_has_a_source(event: MarketEvent | RawMarketEvent) -> str | None:
    return None if event.source else "an empty source"


def _late_is_late(event: QuarantinedEvent) -> str | None:
    late = event.reason != "late" or event.event_time_ns < event.received_at_ns
    return None if late else f"late with event time {event.event_time_ns}, received at {event.received_at_ns}"


def _message(name: str, purpose: str, producer: str, consumers: tuple[Consumer, ...], shape: type[Any], **more: Any) -> Contract:
    return Contract(name=name, version="1.0", purpose=purpose, producer=producer, consumers=consumers, shape=shape, encoding="memory", **more)


CONTRACTS: tuple[Contract, ...] = (
    _message(
        "observation.snapshot",
        "The facts at one instant, by symbol",
        "observation.governance",
        (Consumer("decision.policies", ("primitives", "timestamp"), "facts to act on"), Consumer("engine.cycle", ("status", "counters"), "journal")),
        ObservationSnapshot,
        rules=(
            Rule("received_is_decoded_and_dropped", "events_received = events_decoded + dropped_events", _on_counters(_received_add_up), ("D4.26",)),
            Rule("dropped_is_quarantined", "dropped_events = the sum of quarantined", _on_counters(_dropped_are_quarantined), ("D4.26",)),
            Rule("configured_symbols_only", "primitives of configured symbols only", _configured_only, ("D4.06",)),
            Rule("bundles_carry_their_symbol", "each bundle under its own symbol", _bundles_named, ("D4.07",)),
        ),
        seed_name="ObservationSnapshot",
        clauses=("D4.04", "D4.07", "D4.08", "D4.09", "D4.10"),
    ),
    _message(
        "observation.raw_event",
        "One message of a venue as it came",
        "adapters.venues",
        (Consumer("observation.ingestion", ("*",), "normalise, or keep aside"),),
        RawMarketEvent,
        rules=(Rule("raw_event_has_a_source", "the reference of its message", _event_has_a_source, ("D4.23",)),),
        clauses=("D4.22",),
    ),
    _message(
        "observation.event",
        "One event in M1 form, with its sequential id",
        "observation.ingestion",
        (Consumer("observation.governance", ("*",), "windows of the primitives"),),
        MarketEvent,
        rules=(
            Rule("event_has_a_source", "the reference of its message", _event_has_a_source, ("D4.23",)),
            Rule("event_is_positive", "an id from 1, price and quantity above 0", _event_is_positive, ("D4.22",)),
        ),
        clauses=("D4.22", "D4.23"),
    ),
    Contract(
        name="observation.quarantined_event",
        version="1.1",
        purpose="One event that the room kept aside, with its reason and content; its message is in the recording or the log that `source` names",
        producer="observation.ingestion",
        consumers=(Consumer("apps.cli.observe", ("reason", "content"), "what the room did not take, and why"),),
        shape=QuarantinedEvent,
        encoding="jsonl",
        paths=("data/quarantine/{venue}/room/{recording}.jsonl",),
        rules=(Rule("late_is_before_arrival", "an event time before the arrival of a late event", _late_is_late),),
        clauses=("D4.24", "D4.26"),
        history=("1.1 written to a file of its own (decision 30)",),
    ),
)
