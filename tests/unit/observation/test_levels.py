"""M2 with the exact numbers of the facts (E3): weights, decay, dormancy, revival, archive, limits; and buckets of one relative width."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes import primitive_oracles as oracle

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.observation import RawMarketEvent
from tallystick.kernels.level_memory import bucket_edge, bucket_of
from tallystick.observation.config import ObservationConfig
from tallystick.observation.governance import Observation
from tallystick.observation.levels import LevelCounts

S = 1_000_000_000
NOW = 1_700_000_000 * S
HOUR, DAY = 3600, 86_400


def event(kind: str, at: int, price: float, quantity: float, side: str = "buy", source: str = "") -> RawMarketEvent:
    return RawMarketEvent(kind, "X", at, {"price": price, "quantity": quantity, "side": side}, source or f"{kind}:{at}:{price}:{quantity}:{side}")  # type: ignore[arg-type]


def room(**config: int) -> Observation:
    return Observation(("X",), ObservationConfig(**config))  # type: ignore[arg-type]


def take(observation: Observation, seconds: float, kind: str, price: float, quantity: float, side: str = "buy") -> None:
    at = NOW + round(seconds * S)
    observation.ingest(at, [event(kind, at, price, quantity, side)])


def weights(observation: Observation) -> list[float]:
    return [round(node.node_weight, 9) for node in observation.nodes("X")]


def test_a_liquidation_starts_at_half_and_a_trade_of_a_thousand_dollars_at_three_tenths() -> None:
    observation = room()
    take(observation, 0, "LIQUIDATION", 100.0, 0.01)
    take(observation, 1, "TRADE", 105.0, 1000 / 105.0 + 1e-9)
    take(observation, 2, "TRADE", 110.0, 999.99 / 110.0)
    assert weights(observation) == [0.5, 0.3]
    assert [(node.creation_reason, node.side) for node in observation.nodes("X")] == [("liquidation", "buy"), ("trade", "buy")]
    assert observation.level_counts() == LevelCounts(2, 0, 0, 2, 0, 0)


def test_each_interaction_adds_a_tenth_whatever_its_size_or_side() -> None:
    observation = room()
    take(observation, 0, "TRADE", 100.0, 10.0)
    for touch in range(9):
        take(observation, 0.1 + touch / 10, "TRADE", 100.01, 0.001, "sell")
    assert weights(observation) == [1.2]
    (node,) = observation.nodes("X")
    assert (node.interaction_count, node.trade_execution_count, node.liquidation_count) == (10, 10, 0)
    assert node.volume_total == pytest.approx(10.009)


def test_a_node_of_each_side_is_touched_by_both() -> None:
    observation = room()
    take(observation, 0, "TRADE", 100.0, 10.0, "buy")
    take(observation, 1, "TRADE", 100.0, 10.0, "sell")
    take(observation, 2, "TRADE", 100.0, 0.1, "sell")
    assert [(node.side, node.interaction_count) for node in observation.nodes("X")] == [("buy", 3), ("sell", 2)]


def test_active_nodes_lose_a_ten_thousandth_and_dormant_ones_a_hundred_thousandth_a_second_every_ten_seconds() -> None:
    observation = room()
    take(observation, 0, "LIQUIDATION", 100.0, 1.0)
    observation.advance_time(NOW + 9 * S)
    assert weights(observation) == [0.5]
    observation.advance_time(NOW + 19 * S)
    assert weights(observation) == [0.499]
    observation.advance_time(NOW + HOUR * S)
    # 0.15 is reached after 3,500 s, and the rest of the hour is decay of a dormant node.
    assert (weights(observation), observation.nodes("X")[0].state) == ([0.149], "DORMANT")
    before = observation.nodes("X")[0].node_weight
    observation.advance_time(NOW + (HOUR + 1000) * S)
    assert before - observation.nodes("X")[0].node_weight == pytest.approx(0.01)


def test_an_hour_without_a_touch_makes_a_heavy_node_dormant_and_a_touch_revives_it_by_a_tenth() -> None:
    observation = room()
    for touch in range(9):
        take(observation, touch / 10, "LIQUIDATION", 100.0, 1.0)
    observation.advance_time(NOW + (HOUR - 10) * S)
    assert observation.nodes("X")[0].state == "ACTIVE"
    observation.advance_time(NOW + (HOUR + 10) * S)
    (node,) = observation.nodes("X")
    assert (node.state, node.decay_rate) == ("DORMANT", 0.00001)
    take(observation, HOUR + 11, "TRADE", 100.0, 0.001)
    (revived,) = observation.nodes("X")
    assert (revived.state, observation.level_counts().revived) == ("ACTIVE", 1)
    assert revived.node_weight == pytest.approx(node.node_weight + 0.1)


def test_nodes_are_archived_below_a_hundredth_or_after_a_day_without_a_touch() -> None:
    observation = room()
    take(observation, 0, "TRADE", 100.0, 10.0)
    # 0.3 falls to 0.15 in 1,500 s, and from just below it by 0.00001 a second: 0.01 is reached after about 14,000 s more.
    observation.advance_time(NOW + 15_300 * S)
    assert [node.state for node in observation.nodes("X")] == ["DORMANT"]
    observation.advance_time(NOW + 15_700 * S)
    assert (observation.nodes("X"), [node.state for node in observation.nodes("X", archived=True)]) == ((), ["ARCHIVED"])
    for touch in range(20):
        take(observation, 16_000 + touch / 100, "LIQUIDATION", 100.0, 1.0)
    observation.advance_time(NOW + (16_000 + DAY - 10) * S)
    assert len(observation.nodes("X")) == 1
    observation.advance_time(NOW + (16_000 + DAY + 10) * S)
    assert (observation.nodes("X"), observation.level_counts().archived) == ((), 2)


def test_at_most_a_thousand_archived_nodes_are_kept_and_what_is_lost_is_counted() -> None:
    assert ObservationConfig().nodes_archived == 1000
    observation = room(nodes_archived=3)
    for place in range(5):
        take(observation, place, "TRADE", 100.0 * 1.01**place, 10.0)
    observation.advance_time(NOW + 2 * DAY * S)
    kept = observation.nodes("X", archived=True)
    assert (len(kept), observation.level_counts().archived, observation.counters().overwritten) == (3, 5, 2)
    assert {node.state for node in kept} == {"ARCHIVED"}


def test_a_full_memory_archives_its_lightest_node_and_counts_it() -> None:
    observation = room(nodes_kept=2)
    take(observation, 0, "LIQUIDATION", 100.0, 1.0)
    take(observation, 1, "TRADE", 105.0, 100.0)
    take(observation, 2, "TRADE", 95.0, 100.0)
    assert [round(node.price_center) for node in observation.nodes("X")] == [95, 100]
    assert observation.counters().overwritten == 1


@pytest.mark.parametrize("price", [90_000.0, 150.0, 20.0, 1.0, 0.00001])
def test_decision_29_bands_have_one_relative_width_at_every_price(price: float) -> None:
    observation = room()
    take(observation, 0, "LIQUIDATION", price, 1.0)
    (node,) = observation.nodes("X")
    assert node.price_band / node.price_center == pytest.approx(0.001, rel=1e-3)
    assert abs(price - node.price_center) <= node.price_band / 2 * (1 + 1e-9)
    take(observation, 1, "TRADE", node.price_center, 1e-9)
    assert observation.nodes("X")[0].interaction_count == 2


@given(st.floats(1e-9, 1e9, allow_nan=False))
@settings(max_examples=150, deadline=None)
def test_a_price_lies_between_the_edges_of_its_bucket(price: float) -> None:
    bucket = bucket_of(price, 10.0)
    assert bucket_edge(bucket, 10.0) <= price < bucket_edge(bucket + 1, 10.0)
    exact = oracle.bucket(price)
    # The edges are rounded to doubles; only a price within rounding of one may fall on its other side.
    assert bucket == exact or math.isclose(price, bucket_edge(max(bucket, exact), 10.0), rel_tol=1e-10)


def test_how_often_time_is_advanced_changes_nothing() -> None:
    often, seldom = room(), room()
    for observation in (often, seldom):
        take(observation, 3, "LIQUIDATION", 100.0, 1.0)
    for second in range(4, 2000, 7):
        often.advance_time(NOW + second * S)
    for observation in (often, seldom):
        observation.advance_time(NOW + 2000 * S)
    assert often.nodes("X") == seldom.nodes("X")


def test_nodes_are_a_whitelisted_query() -> None:
    observation = room()
    with pytest.raises(InvariantViolation, match="advance_time"):
        observation.nodes("X")
    observation.advance_time(NOW)
    assert observation.nodes("X") == ()
    with pytest.raises(InvariantViolation, match="configured"):
        observation.nodes("Y")
    assert observation.level_counts() == LevelCounts(0, 0, 0, 0, 0, 0)
