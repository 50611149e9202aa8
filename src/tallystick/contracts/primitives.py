"""The 23 primitives of a snapshot: what can be counted or measured in raw events, and nothing that interprets them (decision 8).

Prices in quote per unit, sizes in base units, values in quote currency, durations in seconds, timestamps in seconds since 1970 (UTC).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["buy", "sell"]
BookSide = Literal["bid", "ask"]


@dataclass(frozen=True, slots=True)
class ZonePenetrationDepth:
    """max over the prices inside a zone of min(p − low, high − p); the zone is independent of the last price (decision 28)."""

    zone_id: str
    penetration_depth: float


@dataclass(frozen=True, slots=True)
class DisplacementOriginAnchor:
    """Lowest and highest price, and time span, of the first half of the marks of a traversal."""

    traversal_id: str
    anchor_low: float
    anchor_high: float
    anchor_dwell_time: float


@dataclass(frozen=True, slots=True)
class PriceTraversalVelocity:
    """Last price − first price over the time between them; velocity in price per second."""

    price_delta: float
    time_delta: float
    velocity: float


@dataclass(frozen=True, slots=True)
class TraversalCompactness:
    """|net displacement| / Σ|step|; 1 where the path has no length."""

    net_displacement: float
    total_path_length: float
    compactness_ratio: float


@dataclass(frozen=True, slots=True)
class CentralTendencyDeviation:
    """Last price − mean price."""

    deviation_value: float


@dataclass(frozen=True, slots=True)
class StructuralAbsenceDuration:
    """Window minus the merged presence intervals inside it; ratio 0–1."""

    absence_duration: float
    observation_window: float
    absence_ratio: float


@dataclass(frozen=True, slots=True)
class TraversalVoidSpan:
    """Largest gap between neighbouring marks, and every gap in order."""

    max_void_duration: float
    void_intervals: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EventNonOccurrenceCounter:
    """Expected event ids, those among them that were seen, and the difference."""

    expected_count: int
    observed_count: int
    non_occurrence_count: int


@dataclass(frozen=True, slots=True)
class StructuralPersistenceDuration:
    """Merged presence intervals inside the window; ratio 0–1."""

    total_persistence_duration: float
    observation_window: float
    persistence_ratio: float


@dataclass(frozen=True, slots=True)
class RestingSize:
    """Top of the book."""

    bid_size: float
    ask_size: float
    best_bid_price: float
    best_ask_price: float
    timestamp: float


@dataclass(frozen=True, slots=True)
class OrderConsumption:
    """Decrease of the summed size of the top five levels between two book updates."""

    consumed_size: float
    side: BookSide
    price_level: float
    timestamp: float


@dataclass(frozen=True, slots=True)
class AbsorptionEvent:
    """A consumption during which the price moved by no more than one percent; percent 0–100."""

    consumed_size: float
    price_movement_pct: float
    side: BookSide
    timestamp: float


@dataclass(frozen=True, slots=True)
class RefillEvent:
    """Increase of the summed size of the top five levels between two book updates."""

    added_size: float
    side: BookSide
    price_level: float
    timestamp: float


@dataclass(frozen=True, slots=True)
class PriceAcceptanceRatio:
    """|close − open| and the rest of high − low; ratio 0–1."""

    accepted_range: float
    rejected_range: float
    acceptance_ratio: float


@dataclass(frozen=True, slots=True)
class LiquidationDensity:
    """Liquidations within half a percent of the price: count, value, and value per second of the window."""

    count: int
    volume: float
    window_duration: float
    density: float


@dataclass(frozen=True, slots=True)
class DirectionalContinuity:
    """Length of the current run of price changes of one sign; direction +1, −1, or 0 after an unchanged price."""

    count: int
    direction: Literal[-1, 0, 1]


@dataclass(frozen=True, slots=True)
class TradeBurst:
    """Trades in a window above a baseline count; excess = count − baseline."""

    count: int
    window_duration: float
    baseline: int
    excess_count: int


@dataclass(frozen=True, slots=True)
class OrderBlock:
    """A price level with repeated interactions; burstiness = (σ − μ) / (σ + μ) of the gaps between them."""

    node_id: str
    symbol: str
    price_center: float
    price_band: float
    side: Side
    interaction_count: int
    interactions_per_hour: float
    burstiness_coefficient: float
    last_interaction_ts: float
    time_since_interaction_sec: float
    longest_idle_period_sec: float
    total_volume: float
    buyer_initiated_volume: float
    seller_initiated_volume: float
    node_weight: float
    liquidations_within_band: int
    timestamp: float


@dataclass(frozen=True, slots=True)
class SupplyDemandZone:
    """Neighbouring levels chained by small gaps; supply lies above the price, demand below. Magnitude is a fraction of the zone's centre."""

    zone_id: str
    zone_type: Literal["supply", "demand"]
    zone_low: float
    zone_high: float
    zone_center: float
    zone_width: float
    node_count: int
    total_interactions: int
    total_volume: float
    avg_node_weight: float
    displacement_detected: bool
    displacement_direction: Literal[-1, 0, 1]
    displacement_magnitude: float
    retest_detected: bool
    retest_count: int
    timestamp: float


@dataclass(frozen=True, slots=True)
class LiquidationCascadeProximity:
    """Positions whose liquidation price lies within threshold_pct (0–100) of the price."""

    price_level: float
    threshold_pct: float
    positions_at_risk_count: int
    aggregate_position_value: float
    long_positions_count: int
    long_positions_value: float
    long_closest_price: float | None
    long_avg_distance_pct: float | None
    short_positions_count: int
    short_positions_value: float
    short_closest_price: float | None
    short_avg_distance_pct: float | None
    timestamp: float


@dataclass(frozen=True, slots=True)
class CascadeState:
    """Counts of liquidations in trailing windows, and the phase that those counts define."""

    phase: Literal["NONE", "PROXIMITY", "LIQUIDATING", "CASCADING", "EXHAUSTED"]
    has_confirmed_liquidation: bool
    liquidations_5s: int
    liquidations_30s: int
    liquidations_60s: int
    confirmed_liquidation_value: float
    positions_remaining_at_risk: int
    cascade_value_liquidated: float
    cascade_duration_sec: float
    cascade_start_ts: float | None
    timestamp: float


@dataclass(frozen=True, slots=True)
class LeverageConcentrationRatio:
    """Distribution of leverage over tracked positions; bins below 5, 10, 20, and from 20."""

    median_leverage: float
    mean_leverage: float
    p25_leverage: float
    p75_leverage: float
    p90_leverage: float
    max_leverage: float
    low_count: int
    medium_count: int
    high_count: int
    extreme_count: int
    weighted_average_leverage: float
    total_positions: int
    total_position_value: float


@dataclass(frozen=True, slots=True)
class OpenInterestDirectionalBias:
    """Sums over tracked positions by side; ratio None with nothing short."""

    net_long_value: float
    net_short_value: float
    net_imbalance: float
    long_short_ratio: float | None
    long_participant_count: int
    short_participant_count: int
    total_position_value: float
    avg_long_position_value: float | None
    avg_short_position_value: float | None
