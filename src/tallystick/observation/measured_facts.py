"""M4: from one row of `measure` to the primitives that trades, books, liquidations, levels and positions state."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any, Literal

from tallystick.contracts.primitives import (
    AbsorptionEvent,
    BookSide,
    CascadeState,
    LeverageConcentrationRatio,
    LiquidationCascadeProximity,
    LiquidationDensity,
    OpenInterestDirectionalBias,
    OrderBlock,
    OrderConsumption,
    PriceAcceptanceRatio,
    RefillEvent,
    RestingSize,
    SupplyDemandZone,
    TradeBurst,
    ZonePenetrationDepth,
)
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.kernels import book_primitives as book
from tallystick.kernels import level_memory_zones as zones
from tallystick.kernels import primitives_liquidations as liquidations
from tallystick.kernels import primitives_positions as positions
from tallystick.kernels import primitives_room as room
from tallystick.kernels import trade_primitives as trades
from tallystick.observation.levels import node_id

Row = Sequence[float]
Facts = dict[str, Any]
PHASES: tuple[Literal["NONE", "PROXIMITY", "LIQUIDATING", "CASCADING", "EXHAUSTED"], ...] = ("NONE", "PROXIMITY", "LIQUIDATING", "CASCADING", "EXHAUSTED")
SIGNS: dict[float, Literal[-1, 0, 1]] = {-1.0: -1, 0.0: 0, 1.0: 1}


def measured_facts(symbol: str, row: Row, now_ns: int, rules: room.RoomRules) -> Facts:
    """Every primitive that the row states; an absent fact is left out."""
    timestamp = now_ns / NS_PER_SECOND
    facts = trade_facts(row[room.TRADES_AT : room.BOOK_AT], rules.trades)
    facts |= book_facts(row[room.BOOK_AT : room.LIQUIDATIONS_AT])
    facts |= liquidation_facts(row, timestamp, rules.liquidations)
    facts |= position_facts(row, timestamp, rules.threshold_pct)
    facts |= level_facts(symbol, row, timestamp)
    return facts


def _stated(value: float) -> float | None:
    return None if isnan(value) else value


def trade_facts(values: Row, rules: trades.TradeRules) -> Facts:
    """Burst and accepted range."""
    facts: Facts = {}
    if not isnan(values[trades.BURST_COUNT]):
        count = int(values[trades.BURST_COUNT])
        facts["trade_burst"] = TradeBurst(count, rules.burst_ns / NS_PER_SECOND, rules.baseline_trades, count - rules.baseline_trades)
    if not isnan(values[trades.ACCEPTANCE]):
        facts["price_acceptance_ratio"] = PriceAcceptanceRatio(values[trades.ACCEPTED], values[trades.REJECTED], values[trades.ACCEPTANCE])
    return facts


def _book_side(code: float) -> BookSide:
    return "ask" if code else "bid"


def book_facts(values: Row) -> Facts:
    """Top of the book and its last change. Both sides are needed for a top."""
    facts: Facts = {}
    at = values[book.BOOK_TIME]
    top = (values[book.BID_SIZE], values[book.ASK_SIZE], values[book.BEST_BID], values[book.BEST_ASK])
    if not any(isnan(value) for value in top):
        facts["resting_size"] = RestingSize(*top, at)
    if not isnan(values[book.CONSUMED]):
        consumed, side = values[book.CONSUMED], _book_side(values[book.CONSUMED_SIDE])
        facts["order_consumption"] = OrderConsumption(consumed, side, values[book.CONSUMED_PRICE], at)
        if not isnan(values[book.MOVEMENT_PCT]):
            facts["absorption_event"] = AbsorptionEvent(consumed, values[book.MOVEMENT_PCT], side, at)
    if not isnan(values[book.ADDED]):
        # A side that had no level before has its price from the update itself.
        facts["refill_event"] = RefillEvent(values[book.ADDED], _book_side(values[book.ADDED_SIDE]), values[book.ADDED_PRICE], at)
    return facts


def liquidation_facts(row: Row, timestamp: float, rules: liquidations.LiquidationRules) -> Facts:
    """Density near the price, and the phase of trailing counts."""
    values, facts = row[room.LIQUIDATIONS_AT : room.PROXIMITY_AT], Facts()
    if not isnan(values[liquidations.DENSITY]):
        window = rules.window_ns / NS_PER_SECOND
        count = int(values[liquidations.DENSITY_COUNT])
        facts["liquidation_density"] = LiquidationDensity(count, values[liquidations.DENSITY_VALUE], window, values[liquidations.DENSITY])
    if isnan(values[liquidations.PHASE]):
        return facts
    at_risk = row[room.PROXIMITY_AT + positions.AT_RISK]
    facts["cascade_state"] = CascadeState(
        phase=PHASES[int(values[liquidations.PHASE])],
        has_confirmed_liquidation=values[liquidations.WITHIN_60S] > 0,
        liquidations_5s=int(values[liquidations.WITHIN_5S]),
        liquidations_30s=int(values[liquidations.WITHIN_30S]),
        liquidations_60s=int(values[liquidations.WITHIN_60S]),
        confirmed_liquidation_value=values[liquidations.VALUE_60S],
        positions_remaining_at_risk=0 if isnan(at_risk) else int(at_risk),
        cascade_value_liquidated=values[liquidations.RUN_VALUE],
        cascade_duration_sec=values[liquidations.RUN_SECONDS],
        cascade_start_ts=_stated(values[liquidations.RUN_START]),
        timestamp=timestamp,
    )
    return facts


def position_facts(row: Row, timestamp: float, threshold_pct: float) -> Facts:
    """Liquidation prices near the price, leverage, and the two sides."""
    facts: Facts = {}
    near = row[room.PROXIMITY_AT : room.LEVERAGE_AT]
    if not isnan(near[positions.AT_RISK]):
        facts["liquidation_cascade_proximity"] = LiquidationCascadeProximity(
            price_level=row[room.PRICE],
            threshold_pct=threshold_pct,
            positions_at_risk_count=int(near[positions.AT_RISK]),
            aggregate_position_value=near[positions.AT_RISK_VALUE],
            long_positions_count=int(near[positions.LONG_COUNT]),
            long_positions_value=near[positions.LONG_VALUE],
            long_closest_price=_stated(near[positions.LONG_CLOSEST]),
            long_avg_distance_pct=_stated(near[positions.LONG_DISTANCE]),
            short_positions_count=int(near[positions.SHORT_COUNT]),
            short_positions_value=near[positions.SHORT_VALUE],
            short_closest_price=_stated(near[positions.SHORT_CLOSEST]),
            short_avg_distance_pct=_stated(near[positions.SHORT_DISTANCE]),
            timestamp=timestamp,
        )
    spread = row[room.LEVERAGE_AT : room.BIAS_AT]
    if not isnan(spread[positions.MEDIAN]):
        facts["leverage_concentration_ratio"] = _spread(spread)
    sides = row[room.BIAS_AT : room.BLOCK_AT]
    if not isnan(sides[positions.NET_LONG]):
        facts["open_interest_directional_bias"] = _bias(sides)
    return facts


def _spread(spread: Row) -> LeverageConcentrationRatio:
    return LeverageConcentrationRatio(
        median_leverage=spread[positions.MEDIAN],
        mean_leverage=spread[positions.MEAN],
        p25_leverage=spread[positions.P25],
        p75_leverage=spread[positions.P75],
        p90_leverage=spread[positions.P90],
        max_leverage=spread[positions.LARGEST],
        low_count=int(spread[positions.LOW]),
        medium_count=int(spread[positions.MEDIUM]),
        high_count=int(spread[positions.HIGH]),
        extreme_count=int(spread[positions.EXTREME]),
        weighted_average_leverage=spread[positions.WEIGHTED],
        total_positions=int(spread[positions.LEVERED]),
        total_position_value=spread[positions.LEVERED_VALUE],
    )


def _bias(sides: Row) -> OpenInterestDirectionalBias:
    long, short = sides[positions.NET_LONG], sides[positions.NET_SHORT]
    longs, shorts = int(sides[positions.LONGS]), int(sides[positions.SHORTS])
    return OpenInterestDirectionalBias(
        net_long_value=long,
        net_short_value=short,
        net_imbalance=long - short,
        long_short_ratio=long / short if short > 0 else None,
        long_participant_count=longs,
        short_participant_count=shorts,
        total_position_value=long + short,
        avg_long_position_value=long / longs if longs else None,
        avg_short_position_value=short / shorts if shorts else None,
    )


def level_facts(symbol: str, row: Row, timestamp: float) -> Facts:
    """Order block, zone, and how deep trades went into the zone or the busiest node."""
    facts: Facts = {}
    block = row[room.BLOCK_AT : room.ZONE_AT]
    if not isnan(block[zones.BLOCK_KEY]):
        facts["order_block"] = _order_block(symbol, block, timestamp)
    zone = row[room.ZONE_AT : room.PRICE]
    zone_name = None
    if not isnan(zone[zones.ZONE_FIRST]):
        zone_name = f"{symbol}_zone_{int(zone[zones.ZONE_FIRST])}_{int(zone[zones.ZONE_LAST])}"
        facts["supply_demand_zone"] = _zone(zone_name, zone, timestamp)
    if not isnan(row[room.PENETRATION]):
        key = row[room.PENETRATED_KEY]
        facts["zone_penetration"] = ZonePenetrationDepth(zone_name if isnan(key) and zone_name else node_id(symbol, int(key)), row[room.PENETRATION])
    return facts


def _order_block(symbol: str, block: Row, timestamp: float) -> OrderBlock:
    key, low, high = int(block[zones.BLOCK_KEY]), block[zones.BLOCK_LOW], block[zones.BLOCK_HIGH]
    bought, sold = block[zones.BLOCK_BOUGHT], block[zones.BLOCK_SOLD]
    return OrderBlock(
        node_id=node_id(symbol, key),
        symbol=symbol,
        price_center=(low + high) / 2,
        price_band=high - low,
        side="sell" if key % 2 else "buy",
        interaction_count=int(block[zones.BLOCK_INTERACTIONS]),
        interactions_per_hour=block[zones.BLOCK_RATE],
        burstiness_coefficient=block[zones.BLOCK_BURSTINESS],
        last_interaction_ts=block[zones.BLOCK_LAST],
        time_since_interaction_sec=block[zones.BLOCK_SINCE],
        longest_idle_period_sec=block[zones.BLOCK_IDLE],
        total_volume=bought + sold,
        buyer_initiated_volume=bought,
        seller_initiated_volume=sold,
        node_weight=block[zones.BLOCK_WEIGHT],
        liquidations_within_band=int(block[zones.BLOCK_LIQUIDATIONS]),
        timestamp=timestamp,
    )


def _zone(name: str, zone: Row, timestamp: float) -> SupplyDemandZone:
    return SupplyDemandZone(
        zone_id=name,
        zone_type="supply" if zone[zones.ZONE_ABOVE] else "demand",
        zone_low=zone[zones.ZONE_LOW],
        zone_high=zone[zones.ZONE_HIGH],
        zone_center=zone[zones.ZONE_CENTER],
        zone_width=zone[zones.ZONE_WIDTH],
        node_count=int(zone[zones.ZONE_NODES]),
        total_interactions=int(zone[zones.ZONE_INTERACTIONS]),
        total_volume=zone[zones.ZONE_VOLUME],
        avg_node_weight=zone[zones.ZONE_WEIGHT],
        displacement_detected=zone[zones.ZONE_DISPLACED] > 0,
        displacement_direction=SIGNS[zone[zones.ZONE_DIRECTION]],
        displacement_magnitude=zone[zones.ZONE_MAGNITUDE],
        retest_detected=zone[zones.ZONE_RETESTS] > 0,
        retest_count=int(zone[zones.ZONE_RETESTS]),
        timestamp=timestamp,
    )
