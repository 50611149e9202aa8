"""Table E4, row by row, with numbers worked out by hand; the seven primitives of marks stand in test_primitive_oracles too."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.observation import M4PrimitiveBundle, RawMarketEvent
from tallystick.contracts.observation_events import RawStateEvent
from tallystick.contracts.primitives import (
    AbsorptionEvent,
    DirectionalContinuity,
    DisplacementOriginAnchor,
    EventNonOccurrenceCounter,
    LeverageConcentrationRatio,
    LiquidationDensity,
    OpenInterestDirectionalBias,
    OrderConsumption,
    PriceAcceptanceRatio,
    RefillEvent,
    RestingSize,
    TradeBurst,
)
from tallystick.observation.expected_events import count_non_occurrence
from tallystick.observation.governance import Observation

S = 1_000_000_000
START = 1_700_000_000
pytestmark = pytest.mark.clause("D4.07", "D4.10")


class Desk:
    """One room of one symbol, fed by seconds since the start."""

    def __init__(self) -> None:
        self.room = Observation(("X",))
        self.number = 0

    def send(self, second: float, kind: str, **values: object) -> None:
        self.number += 1
        at = START * S + round(second * S)
        shape = RawStateEvent if kind in ("BOOK", "POSITION") else RawMarketEvent
        self.room.ingest(at, [shape(kind, "X", at, values, f"m:{self.number}")])  # type: ignore[arg-type]

    def trade(self, second: float, price: float, quantity: float = 1.0, side: str = "buy") -> None:
        self.send(second, "TRADE", price=price, quantity=quantity, side=side)

    def liquidate(self, second: float, price: float, quantity: float = 1.0) -> None:
        self.send(second, "LIQUIDATION", price=price, quantity=quantity, side="sell")

    def book(self, second: float, bids: Sequence[tuple[float, float]], asks: Sequence[tuple[float, float]]) -> None:
        self.send(second, "BOOK", bids=bids, asks=asks)

    def hold(self, account: str, quantity: float, value: float, leverage: float | None = None, stop: float | None = None) -> None:
        self.send(0, "POSITION", account=account, quantity=quantity, value=value, leverage=leverage, liquidation_price=stop)

    def facts(self, second: float) -> M4PrimitiveBundle:
        return self.room.snapshot(START * S + round(second * S)).primitives["X"]


def marked(*prices: float) -> M4PrimitiveBundle:
    desk = Desk()
    for second, price in enumerate(prices):
        desk.send(10 * second, "MARK", price=price)
    return desk.facts(10 * len(prices) - 10)


def test_1_zone_penetration_is_the_greatest_depth_inside_an_independent_level() -> None:
    desk = Desk()
    desk.liquidate(0, 100.0)
    (node,) = desk.room.nodes("X")
    low, high = node.price_center - node.price_band / 2, node.price_center + node.price_band / 2
    desk.trade(1, low + 0.02)
    desk.trade(2, low + 0.04)
    desk.trade(3, high + 1.0)
    found = desk.facts(3).zone_penetration
    assert found is not None
    assert (found.zone_id, found.penetration_depth) == (node.node_id, pytest.approx(0.04))
    assert desk.facts(61.5).zone_penetration is not None
    assert desk.facts(62.5).zone_penetration is None


def test_decision_28_penetration_is_no_constant_share_of_the_price() -> None:
    rng, shares = np.random.default_rng(4), set()
    for _ in range(30):
        desk, price = Desk(), 100.0
        desk.liquidate(0, 100.0)
        for second in range(1, 20):
            price *= 1.0 + float(rng.normal(0.0, 1e-4))
            desk.trade(second, price)
        found = desk.facts(20).zone_penetration
        shares.add(None if found is None else round(found.penetration_depth / price, 9))
    assert len(shares) > 20
    assert 0.005 not in shares


def test_2_displacement_origin_anchor_is_the_first_half_of_the_traversal() -> None:
    found = marked(100.0, 103.0, 101.0, 110.0, 90.0).displacement_origin_anchor
    assert found == DisplacementOriginAnchor(f"X-{START * S}", 100.0, 103.0, 10.0)


def test_3_price_traversal_velocity_is_change_over_time() -> None:
    found = marked(100.0, 103.0, 101.0).price_traversal_velocity
    assert found is not None
    assert (found.price_delta, found.time_delta, found.velocity) == (1.0, 20.0, 0.05)


def test_4_traversal_compactness_is_net_over_path_and_one_without_a_path() -> None:
    found = marked(100.0, 103.0, 101.0).traversal_compactness
    assert found is not None
    assert (found.total_path_length, found.compactness_ratio) == (5.0, 0.2)
    still = marked(100.0, 100.0).traversal_compactness
    assert still is not None
    assert still.compactness_ratio == 1.0


def test_5_central_tendency_deviation_is_price_minus_mean() -> None:
    found = marked(100.0, 104.0, 105.0).central_tendency_deviation
    assert found is not None
    assert found.deviation_value == 2.0


def test_6_and_9_absence_and_persistence_share_the_window() -> None:
    desk = Desk()
    for second in (0, 30, 200):
        desk.send(second, "MARK", price=100.0)
    facts = desk.facts(220)
    absence, presence = facts.structural_absence_duration, facts.structural_persistence_duration
    assert absence is not None
    assert presence is not None
    assert (presence.total_persistence_duration, absence.absence_duration, absence.observation_window) == (110.0, 110.0, 220.0)
    assert (presence.persistence_ratio, absence.absence_ratio) == (0.5, 0.5)


def test_7_traversal_void_span_is_the_largest_gap() -> None:
    desk = Desk()
    for second in (0, 30, 200):
        desk.send(second, "MARK", price=100.0)
    found = desk.facts(220).traversal_void_span
    assert found is not None
    assert (found.max_void_duration, found.void_intervals) == (170.0, (30.0, 170.0))


def test_8_event_non_occurrence_counts_announced_ids_that_did_not_come() -> None:
    desk = Desk()
    desk.trade(0, 100.0)
    assert desk.facts(0).event_non_occurrence_counter is None
    desk.room.expect("X", ["m:2", "m:3", "m:9"])
    desk.trade(1, 100.0)
    desk.trade(2, 100.0)
    assert desk.facts(2).event_non_occurrence_counter == EventNonOccurrenceCounter(3, 2, 1)
    assert count_non_occurrence(["a", "b", "b"], ["b", "c"]) == EventNonOccurrenceCounter(2, 1, 1)
    with pytest.raises(InvariantViolation, match="empty"):
        count_non_occurrence(["a", ""], [])
    with pytest.raises(InvariantViolation, match="empty"):
        desk.room.expect("X", [""])
    with pytest.raises(InvariantViolation, match="configured"):
        desk.room.expect("Y", ["a"])


def test_10_resting_size_is_the_top_of_the_book() -> None:
    desk = Desk()
    desk.book(1, [(99.0, 2.0), (98.0, 5.0)], [(101.0, 3.0)])
    assert desk.facts(2).resting_size == RestingSize(2.0, 3.0, 99.0, 101.0, START + 1.0)
    desk.book(2, [(99.0, 2.0)], [])
    assert desk.facts(2).resting_size is None


def test_11_order_consumption_is_a_fall_of_the_top_five_above_a_tenth_bids_first() -> None:
    desk = Desk()
    deep = [(100.0 - level, 1.0) for level in range(7)]
    desk.book(0, deep, [(101.0, 3.0)])
    assert desk.facts(0).order_consumption is None
    desk.book(1, [(100.0, 0.875), *deep[1:]], [(101.0, 1.0)])
    assert desk.facts(1).order_consumption == OrderConsumption(0.125, "bid", 100.0, START + 1.0)
    desk.book(2, [(100.0, 0.8125), *deep[1:]], [(101.0, 0.5)])
    assert desk.facts(2).order_consumption == OrderConsumption(0.5, "ask", 101.0, START + 2.0)
    desk.book(3, [(100.0, 0.75), *deep[1:]], [(101.0, 0.5)])
    assert desk.facts(3).order_consumption is None


def test_12_absorption_is_a_consumption_with_at_most_one_percent_of_movement_in_two_seconds() -> None:
    desk = Desk()
    desk.book(0, [(99.0, 2.0)], [(101.0, 3.0)])
    desk.book(1, [(99.5, 1.0)], [(101.5, 3.0)])
    assert desk.facts(1).absorption_event == AbsorptionEvent(1.0, 0.5, "bid", START + 1.0)
    desk.book(2.5, [(100.5, 0.5)], [(102.5, 3.0)])
    assert desk.facts(2.5).order_consumption is not None
    assert desk.facts(2.5).absorption_event is None
    desk.book(20, [(100.5, 0.25)], [(102.5, 3.0)])
    assert desk.facts(20).absorption_event == AbsorptionEvent(0.25, 0.0, "bid", START + 20.0)


def test_13_refill_is_a_rise_of_the_top_five_above_a_tenth() -> None:
    desk = Desk()
    desk.book(0, [(99.0, 2.0)], [(101.0, 3.0)])
    desk.book(1, [(98.5, 2.0)], [(100.5, 4.0)])
    assert desk.facts(1).refill_event == RefillEvent(1.0, "ask", 100.5, START + 1.0)


def test_14_price_acceptance_is_the_body_over_the_reach_of_a_minute_of_trades() -> None:
    desk = Desk()
    for second, price in ((0, 50.0), (10, 100.0), (20, 104.0), (30, 96.0), (40, 102.0)):
        desk.trade(second, price)
    assert desk.facts(65).price_acceptance_ratio == PriceAcceptanceRatio(2.0, 6.0, 0.25)
    assert desk.facts(200).price_acceptance_ratio is None


def test_15_liquidation_density_counts_a_minute_within_half_a_percent() -> None:
    desk = Desk()
    for second, price in ((0, 100.0), (30, 100.5), (40, 100.6), (50, 99.5)):
        desk.liquidate(second, price, 2.0)
    desk.trade(50, 100.0)
    assert desk.facts(60).liquidation_density == LiquidationDensity(2, 400.0, 60.0, 400.0 / 60.0)
    assert desk.facts(120).liquidation_density is None


def test_16_directional_continuity_is_the_run_of_changes_of_one_sign() -> None:
    assert marked(100.0, 99.0, 100.0, 101.0).directional_continuity == DirectionalContinuity(2, 1)
    assert marked(100.0, 99.0, 99.0).directional_continuity == DirectionalContinuity(0, 0)


def test_17_trade_burst_needs_more_than_ten_trades_in_a_second() -> None:
    desk = Desk()
    for place in range(10):
        desk.trade(place / 100, 100.0)
    assert desk.facts(0.5).trade_burst is None
    desk.trade(0.5, 100.0)
    assert desk.facts(0.5).trade_burst == TradeBurst(11, 1.0, 10, 1)
    assert desk.facts(1.0).trade_burst is None


def test_18_order_block_is_a_node_with_ten_uneven_touches() -> None:
    desk = Desk()
    desk.liquidate(0, 100.0, 1.0)
    for place in range(8):
        desk.trade(0.1 + place / 100, 100.0, 2.0, "buy")
    assert desk.facts(1).order_block is None
    desk.trade(100, 100.0, 3.0, "sell")
    block = desk.facts(136).order_block
    assert block is not None
    assert (block.interaction_count, block.side, block.liquidations_within_band) == (10, "sell", 1)
    assert (block.buyer_initiated_volume, block.seller_initiated_volume, block.total_volume) == (16.0, 3.0, 19.0)
    assert block.interactions_per_hour == pytest.approx(10 / (136 / 3600))
    gaps = [0.1, *[0.01] * 7, 99.83]
    assert block.burstiness_coefficient == pytest.approx((np.std(gaps) - np.mean(gaps)) / (np.std(gaps) + np.mean(gaps)))
    assert (block.time_since_interaction_sec, block.longest_idle_period_sec) == (36.0, pytest.approx(99.83))
    assert desk.facts(400).order_block is not None
    assert desk.facts(401).order_block is None


def test_19_supply_demand_zone_is_a_chain_of_three_nodes() -> None:
    desk = Desk()
    for second, price in enumerate((100.0, 100.11, 100.31)):
        desk.liquidate(second, price)
    desk.trade(3, 99.0, 0.1)
    zone = desk.facts(61).supply_demand_zone
    assert zone is not None
    assert (zone.zone_type, zone.node_count, zone.total_interactions) == ("supply", 3, 3)
    assert zone.zone_width <= 0.005 * zone.zone_center
    assert (zone.displacement_detected, zone.displacement_direction) == (True, -1)
    assert zone.displacement_magnitude == pytest.approx((zone.zone_center - 99.0) / zone.zone_center)
    assert (zone.retest_detected, zone.retest_count) == (True, 2)
    desk.trade(70, 101.0, 0.1)
    below = desk.facts(200).supply_demand_zone
    assert below is not None
    assert (below.zone_type, below.displacement_direction, below.retest_detected) == ("demand", 1, False)


def test_19_nodes_too_far_apart_or_too_wide_are_no_zone() -> None:
    for prices in ((100.0, 100.35, 100.7), (100.0, 100.1)):
        desk = Desk()
        for second, price in enumerate(prices):
            desk.liquidate(second, price)
        desk.trade(5, 100.0, 0.1)
        assert desk.facts(6).supply_demand_zone is None


def test_20_liquidation_cascade_proximity_counts_positions_within_two_percent() -> None:
    desk = Desk()
    desk.hold("a", 1.0, 100.0, 10.0, 98.0)
    desk.hold("b", 2.0, 200.0, 10.0, 99.0)
    desk.hold("c", -3.0, 300.0, 10.0, 101.5)
    desk.hold("d", 1.0, 100.0, 2.0, 97.9)
    desk.hold("e", 1.0, 100.0)
    desk.trade(1, 100.0)
    near = desk.facts(1).liquidation_cascade_proximity
    assert near is not None
    assert (near.price_level, near.threshold_pct, near.positions_at_risk_count, near.aggregate_position_value) == (100.0, 2.0, 3, 600.0)
    assert (near.long_positions_count, near.long_positions_value, near.long_closest_price, near.long_avg_distance_pct) == (2, 300.0, 99.0, 1.5)
    assert (near.short_positions_count, near.short_positions_value, near.short_closest_price, near.short_avg_distance_pct) == (1, 300.0, 101.5, 1.5)


def test_21_cascade_state_walks_through_its_phases() -> None:
    desk = Desk()
    desk.hold("a", 1.0, 100.0, 10.0, 99.0)
    desk.trade(0, 200.0)
    phases = [desk.facts(0).cascade_state]
    desk.trade(1, 100.0)
    phases.append(desk.facts(1).cascade_state)
    desk.liquidate(2, 99.5)
    phases.append(desk.facts(2).cascade_state)
    desk.liquidate(8, 99.0)
    desk.liquidate(14, 99.0, 2.0)
    phases.append(desk.facts(20).cascade_state)
    desk.send(40, "POSITION", account="a", quantity=0, value=0)
    phases.append(desk.facts(60).cascade_state)
    phases.append(desk.facts(100).cascade_state)
    assert [state.phase for state in phases if state] == ["NONE", "PROXIMITY", "LIQUIDATING", "CASCADING", "EXHAUSTED", "NONE"]
    cascading, last = phases[3], phases[5]
    assert cascading is not None
    assert last is not None
    assert (cascading.liquidations_5s, cascading.liquidations_30s, cascading.liquidations_60s) == (0, 3, 3)
    assert (cascading.cascade_value_liquidated, cascading.confirmed_liquidation_value) == (396.5, 396.5)
    assert (cascading.cascade_duration_sec, cascading.cascade_start_ts, cascading.positions_remaining_at_risk) == (12.0, START + 2.0, 1)
    assert (last.cascade_start_ts, last.has_confirmed_liquidation) == (None, False)


def test_22_leverage_concentration_bins_lie_below_5_10_and_20() -> None:
    desk = Desk()
    for account, leverage in zip("abcde", (1.0, 5.0, 10.0, 20.0, 40.0), strict=True):
        desk.hold(account, 1.0, 100.0 if leverage < 40 else 600.0, leverage)
    desk.hold("f", 1.0, 100.0)
    found = desk.facts(1).leverage_concentration_ratio
    assert found == LeverageConcentrationRatio(10.0, 15.2, 5.0, 20.0, 32.0, 40.0, 1, 1, 1, 2, 27.6, 5, 1000.0)


def test_23_open_interest_directional_bias_sums_both_sides() -> None:
    desk = Desk()
    desk.hold("a", 1.0, 300.0)
    desk.hold("b", 2.0, 100.0)
    assert desk.facts(1).open_interest_directional_bias == OpenInterestDirectionalBias(400.0, 0.0, 400.0, None, 2, 0, 400.0, 200.0, None)
    desk.send(2, "POSITION", account="b", quantity="-1", value="100")
    assert desk.facts(2).open_interest_directional_bias == OpenInterestDirectionalBias(300.0, 100.0, 200.0, 3.0, 1, 1, 400.0, 300.0, 100.0)


def test_all_23_primitives_can_stand_in_one_bundle() -> None:
    desk = Desk()
    desk.room.expect("X", ["z"])
    desk.hold("a", 1.0, 100.0, 10.0, 99.0)
    for second, price in enumerate((100.0, 100.11, 100.31)):
        desk.liquidate(second, price)
    for second in range(3, 6):
        desk.send(second, "MARK", price=100.0 + second / 10)
    desk.book(6, [(100.0, 5.0)], [(100.1, 1.0)])
    desk.book(7, [(100.0, 1.0)], [(100.1, 5.0)])
    for place in range(30):
        desk.trade(8 + place / 1000 + (2.0 if place > 15 else 0.0), 100.3 + 0.0001 * place, 5.0)
    facts = desk.facts(10.1)
    assert [item.name for item in dataclasses.fields(facts) if getattr(facts, item.name) is None] == []
    assert len(facts.present) == 23


@pytest.mark.clause("D4.05")
def test_a_fact_of_now_carries_the_time_of_the_snapshot_to_the_last_bit() -> None:
    # Dividing these nanoseconds as a float would round twice, and the fact would seem to lie after the snapshot.
    at, room = 1_723_161_601_054_000_000, Observation(("X",))
    room.ingest(at, [RawStateEvent("BOOK", "X", at, {"bids": [(99.0, 1.0)], "asks": [(101.0, 1.0)]}, "m:1")])
    room.ingest(at, [RawMarketEvent("LIQUIDATION", "X", at, {"price": 100.0, "quantity": 1.0, "side": "sell"}, "m:2")])
    snapshot = room.snapshot()
    bundle = snapshot.primitives["X"]
    assert bundle.resting_size is not None
    assert bundle.cascade_state is not None
    assert bundle.resting_size.timestamp == bundle.cascade_state.cascade_start_ts == snapshot.timestamp
