"""The whole room over random events against the brute-force oracles, one test for each group of primitives of table E4."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes import primitive_oracles as oracle
from tests.fakes.primitive_oracles import History, S

from tallystick.contracts.observation import RawMarketEvent
from tallystick.contracts.observation_events import RawStateEvent
from tallystick.observation.governance import Observation

START = 1_000_000_000 * S + 3 * S
PRICES = (99.5, 99.62, 99.7, 99.85, 100.0, 100.04, 100.1, 100.25, 101.7, 103.0)
gaps = st.sampled_from((0, 1, 7, 40, 250, 900, 2_500, 12_000, 61_000, 400_000))
sides = st.sampled_from(("buy", "sell"))
sizes = st.sampled_from((0.5, 1.0, 3.0, 12.0, 40.0))


def fed(events: list[tuple[Any, ...]]) -> tuple[Observation, History, int, float]:
    """events: (gap in milliseconds, kind, …). The room, everything that happened, the last instant, and the price in force."""
    room, history, now, price = Observation(("X",)), History(), START, float("nan")
    for place, (gap, kind, *what) in enumerate(events):
        now += gap * 1_000_000
        source = f"e:{place}"
        if kind in ("TRADE", "LIQUIDATION"):
            at, size, side = what
            room.ingest(now, [RawMarketEvent(kind, "X", now, {"price": at, "quantity": str(size), "side": side}, source)])
            (history.trades if kind == "TRADE" else history.liquidations).append((now, at, size, side))
            history.touches.append((now, now, at, size, side, kind == "LIQUIDATION"))
            price = at if kind == "TRADE" else price
        elif kind == "BOOK":
            bids, asks = what
            room.ingest(now, [RawStateEvent("BOOK", "X", now, {"bids": bids, "asks": asks}, source)])
            history.books.append((now, bids[:5], asks[:5]))
        else:
            account, size, leverage, stop = what
            values = {"account": account, "quantity": size, "value": abs(size) * 100, "leverage": leverage, "liquidation_price": stop}
            room.ingest(now, [RawStateEvent("POSITION", "X", now, values, source)])
            history.positions.pop(account, None)
            if size:
                history.positions[account] = (size, abs(size) * 100, leverage, stop)
    return room, history, now, price


trades = st.tuples(gaps, st.just("TRADE"), st.sampled_from(PRICES), sizes, sides)
liquidations = st.tuples(gaps, st.just("LIQUIDATION"), st.sampled_from(PRICES), sizes, sides)


@given(st.lists(trades | liquidations, min_size=1, max_size=60), st.sampled_from((0, 1, 70, 5_000, 90_000)))
@settings(max_examples=120, deadline=None)
@pytest.mark.clause("D4.07")
def test_level_memory_order_block_18_and_zone_19_are_their_definitions(events: list[tuple[Any, ...]], tail: int) -> None:
    room, history, now, price = fed(events)
    now += tail * S
    bundle = room.snapshot(now).primitives["X"]
    live, archived = oracle.level_nodes(history, now)
    ours = room.nodes("X")
    assert [(node.node_id, node.state, node.interaction_count) for node in ours] == [
        (f"X_{node.side}_{node.bucket}", node.state, len(node.times)) for node in live
    ]
    for mine, node in zip(ours, live, strict=True):
        assert mine.node_weight == pytest.approx(node.weight, abs=1e-9)
        assert (mine.volume_total, mine.liquidation_count) == (pytest.approx(node.bought + node.sold), node.liquidations)
        assert mine.price_center == pytest.approx((node.low + node.high) / 2)
    assert [node.node_id for node in room.nodes("X", archived=True)] == [f"X_{node.side}_{node.bucket}" for node in archived]
    block, wanted = bundle.order_block, oracle.order_block(live, now)
    assert (block is None) == (wanted is None)
    if block is not None and wanted is not None:
        assert block.interactions_per_hour == pytest.approx(len(wanted.times) / ((now - wanted.times[0]) / S / 3600))
        assert block.buyer_initiated_volume + block.seller_initiated_volume == pytest.approx(block.total_volume)
        assert block.time_since_interaction_sec == pytest.approx((now - wanted.times[-1]) / S)
    zone, chain = bundle.supply_demand_zone, oracle.zone(live)
    assert (zone is None) == (chain is None or math.isnan(price))
    if zone is not None and chain is not None:
        center = (chain[0].low + chain[-1].high) / 2
        assert (zone.node_count, zone.total_interactions) == (len(chain), sum(len(node.times) for node in chain))
        assert (zone.zone_low, zone.zone_high) == (pytest.approx(chain[0].low), pytest.approx(chain[-1].high))
        assert zone.zone_type == ("supply" if center > price else "demand")
        assert zone.retest_count == sum(1 for node in chain if now - node.times[-1] <= 60 * S)
        assert zone.displacement_detected == (abs(price - center) / center >= 0.003)
        depth = oracle.penetration(history, now, zone.zone_low, zone.zone_high)
        found = bundle.zone_penetration
        assert (None if found is None else found.penetration_depth) == depth


@given(st.lists(trades, min_size=1, max_size=90), st.sampled_from((0, 1, 59, 61)))
@settings(max_examples=80, deadline=None)
@pytest.mark.clause("D4.06", "D4.07")
def test_promotion_acceptance_14_and_burst_17_are_their_definitions(events: list[tuple[Any, ...]], tail: int) -> None:
    room, history, now, _ = fed(events)
    now += tail * S
    snapshot = room.snapshot(now)
    bundle = snapshot.primitives["X"]
    wanted = [item for item in oracle.promoted(history) if item[0] > now - 60 * S]
    assert [item["quantity"] for item in snapshot.promoted_events] == [item[1] for item in wanted]
    for mine, (at, quantity, mean, deviation) in zip(snapshot.promoted_events, wanted, strict=True):
        assert mine["timestamp"] == at / S
        assert (mine["baseline_mean"], mine["baseline_stddev"]) == (pytest.approx(mean), pytest.approx(deviation, abs=1e-12))
        if deviation > 1e-9:
            assert mine["sigma_distance"] == pytest.approx((quantity - mean) / deviation)
    burst = bundle.trade_burst
    assert (None if burst is None else (burst.count, burst.excess_count)) == oracle.trade_burst(history, now)
    ratio = bundle.price_acceptance_ratio
    assert (None if ratio is None else (ratio.accepted_range, ratio.rejected_range, ratio.acceptance_ratio)) == oracle.price_acceptance(history, now)


levels = st.lists(st.sampled_from((0.05, 0.4, 1.0, 2.5)), min_size=1, max_size=7)
books = st.builds(
    lambda gap, mid, bids, asks: (
        gap,
        "BOOK",
        [(mid - 0.01 * (place + 1), size) for place, size in enumerate(bids)],
        [(mid + 0.01 * (place + 1), size) for place, size in enumerate(asks)],
    ),
    st.sampled_from((0, 300, 1_500, 2_500)),
    st.sampled_from((99.0, 100.0, 100.5, 101.9)),
    levels,
    levels,
)


@given(st.lists(books, min_size=1, max_size=12))
@settings(max_examples=80, deadline=None)
@pytest.mark.clause("D4.07")
def test_resting_10_consumption_11_absorption_12_and_refill_13_are_their_definitions(events: list[tuple[Any, ...]]) -> None:
    room, history, now, _ = fed(events)
    bundle, wanted = room.snapshot(now).primitives["X"], oracle.book_changes(history)
    _, bids, asks = history.books[-1]
    top = bundle.resting_size
    assert top is not None
    assert (top.best_bid_price, top.bid_size, top.best_ask_price, top.ask_size, top.timestamp) == (*bids[0], *asks[0], now / S)
    taken, absorbed, added = bundle.order_consumption, bundle.absorption_event, bundle.refill_event
    assert (None if taken is None else (taken.consumed_size, taken.side, taken.price_level)) == wanted["consumption"]
    assert (None if absorbed is None else (absorbed.consumed_size, absorbed.side, absorbed.price_movement_pct)) == wanted["absorption"]
    assert (None if added is None else (added.added_size, added.side, added.price_level)) == wanted["refill"]


positions = st.tuples(
    st.just(10),
    st.just("POSITION"),
    st.sampled_from(("a", "b", "c", "d", "e")),
    st.sampled_from((-2.0, -0.5, 0.0, 1.0, 4.0)),
    st.sampled_from((None, 1.0, 4.5, 5.0, 9.0, 19.0, 20.0, 50.0)),
    st.sampled_from((None, 95.0, 98.5, 99.1, 101.2, 103.5)),
)


@given(st.lists(positions | liquidations, min_size=1, max_size=25), st.sampled_from(PRICES), st.sampled_from((0, 4, 6, 31, 59, 61)))
@settings(max_examples=100, deadline=None)
@pytest.mark.clause("D4.07")
def test_density_15_proximity_20_cascade_21_leverage_22_and_bias_23_are_their_definitions(events: list[tuple[Any, ...]], price: float, tail: int) -> None:
    room, history, now, _ = fed([*events, (0, "TRADE", price, 0.5, "buy")])
    now += tail * S
    bundle = room.snapshot(now).primitives["X"]
    density = bundle.liquidation_density
    wanted = oracle.liquidation_density(history, now, price)
    assert (None if density is None else (density.count, density.volume)) == (None if wanted is None else (wanted[0], pytest.approx(wanted[1])))
    held = history.positions
    near, sides_near = bundle.liquidation_cascade_proximity, oracle.near_liquidation(history, price)
    at_risk = sides_near["long"][0] + sides_near["short"][0]
    assert (near is None) == (not held)
    if near is not None:
        assert (near.long_positions_count, near.long_positions_value) == sides_near["long"]
        assert (near.short_positions_count, near.short_positions_value) == sides_near["short"]
        assert near.positions_at_risk_count == at_risk
    state = bundle.cascade_state
    assert (state is None) == (not history.liquidations and not held)
    if state is not None:
        phase, five, thirty, sixty, run = oracle.cascade(history, now, at_risk)
        assert (state.phase, state.liquidations_5s, state.liquidations_30s, state.liquidations_60s) == (phase, five, thirty, sixty)
        assert (state.cascade_value_liquidated, state.cascade_start_ts is None) == (pytest.approx(run or 0.0), run is None)
    stated = sorted(leverage for _, _, leverage, _ in held.values() if leverage is not None)
    spread = bundle.leverage_concentration_ratio
    assert (spread is None) == (not stated)
    if spread is not None:
        assert (spread.total_positions, spread.max_leverage, spread.mean_leverage) == (len(stated), stated[-1], pytest.approx(sum(stated) / len(stated)))
        bins = [sum(1 for one in stated if low <= one < high) for low, high in ((0, 5), (5, 10), (10, 20), (20, 1e9))]
        assert [spread.low_count, spread.medium_count, spread.high_count, spread.extreme_count] == bins
        assert stated[0] <= spread.p25_leverage <= spread.median_leverage <= spread.p75_leverage <= spread.p90_leverage <= stated[-1]
    bias = bundle.open_interest_directional_bias
    assert (bias is None) == (not held)
    if bias is not None:
        long, short = (sum(value for size, value, *_ in held.values() if size * sign > 0) for sign in (1, -1))
        assert (bias.net_long_value, bias.net_short_value, bias.net_imbalance) == (long, short, long - short)
        assert bias.long_short_ratio == (long / short if short else None)
        assert bias.long_participant_count + bias.short_participant_count == len(held)
