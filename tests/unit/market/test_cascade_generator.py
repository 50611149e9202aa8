"""Generated cascades: the same bytes for the same seed, one value a second, and cascades where the plan says."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tallystick.contracts.errors import DataError
from tallystick.kernels.cascade_simulation import NORMALS, PLAN, UNIFORMS, simulate_cascades
from tallystick.kernels.kernel import plain
from tallystick.market.cascade_generator import GeneratedCascades, generate_cascades

SECOND = 10**9


def digest(market: GeneratedCascades) -> str:
    columns = (market.times, market.interest_units, market.mark_units, market.liquidation_times, market.liquidation_sides, market.liquidation_units)
    return hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest()


def test_same_seed_gives_the_same_bytes_and_another_coin_or_seed_others() -> None:
    assert digest(generate_cascades(7, seconds=4000)) == digest(generate_cascades(7, seconds=4000))
    assert len({digest(generate_cascades(seed, coin, 4000)) for seed in (7, 8) for coin in ("BTC", "ETH")}) == 4


def test_a_day_holds_fifty_cascades_of_every_aftermath_on_both_sides() -> None:
    market = generate_cascades(7)
    assert len(market.plans) >= 50
    assert set(Counter(plan.follows for plan in market.plans)) == {"REVERSAL", "NEUTRAL", "CONTINUATION"}
    assert {plan.side for plan in market.plans} == {"long", "short"}
    assert np.array_equal(np.diff(market.times), np.full(86_399, SECOND))


def test_each_planned_cascade_closes_open_interest_and_moves_price_against_the_closed_side() -> None:
    market = generate_cascades(7)
    # The end of the day may cut the last one.
    whole = [plan for plan in market.plans if plan.end_ns <= market.times[-1]]
    assert len(whole) >= 50
    for plan in whole:
        first, last = plan.start_ns // SECOND - 1, plan.end_ns // SECOND - 1
        fall = 1.0 - market.interest_units[last] / market.interest_units[first]
        move = market.mark_units[last] / market.mark_units[first] - 1.0
        assert 0.1 < fall < 0.23
        assert (move < 0) == (plan.side == "long")
        inside = (market.liquidation_times >= plan.start_ns) & (market.liquidation_times < plan.end_ns)
        assert inside.sum() >= 2
        assert set(market.liquidation_sides[inside].tolist()) == {1 if plan.side == "long" else -1}


def test_liquidations_stand_at_whole_seconds_in_order_with_size_and_price() -> None:
    market = generate_cascades(5, seconds=20_000, start_ns=SECOND)
    assert np.all(np.diff(market.liquidation_times) >= 0)
    assert np.all(market.liquidation_times % SECOND == 0)
    assert market.liquidation_units.min() > 0
    places = (market.liquidation_times - market.times[0]) // SECOND
    assert np.array_equal(market.liquidation_marks, market.mark_units[places])


def test_plain_python_run_of_the_kernel_gives_the_same_numbers() -> None:
    rng = np.random.default_rng(1)
    normals, uniforms = rng.standard_normal((2000, NORMALS)), rng.random((2000, UNIFORMS))
    answers = []
    for run in (simulate_cascades, plain(simulate_cascades)):
        out = [np.empty(2000), np.empty(2000), np.empty(2000, dtype=np.int64), np.empty(2000, dtype=np.int64), np.zeros((5, PLAN), dtype=np.int64)]
        answers.append((run(normals, uniforms, 0.01, 4e-5, 20_000.0, 50_000.0, *out), out))
    assert answers[0][0] == answers[1][0] > 0
    assert all(np.array_equal(left, right) for left, right in zip(answers[0][1], answers[1][1], strict=True))


@pytest.mark.parametrize("change", [{"seed": -1}, {"seconds": 0}, {"start_ns": 5}, {"coin": ""}, {"seconds_per_cascade": 0.5}])
def test_refuses_arguments_that_make_no_market(change: dict[str, object]) -> None:
    with pytest.raises(DataError):
        generate_cascades(**{"seed": 1, **change})  # type: ignore[arg-type]


def test_a_generated_market_cannot_be_changed() -> None:
    market = generate_cascades(1, seconds=100)
    with pytest.raises(AttributeError):
        market.coin = "ETH"  # type: ignore[misc]
    assert replace(market, coin="ETH").coin == "ETH"


def test_a_market_of_a_month_keeps_its_price() -> None:
    market = generate_cascades(7, seconds=30 * 86_400)
    first, daily = int(market.mark_units[0]), market.mark_units[::86_400]
    assert first // 4 < int(daily.min()) < int(daily.max()) < 4 * first
