"""The kernels of decision: blending, temperature, ranks, costs, barrier factor; compiled and plain Python agree."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.kernels import decisions as kernels
from tallystick.kernels.kernel import plain

weights = st.lists(st.floats(0.0, 10.0), min_size=1, max_size=5).map(np.array)
units = st.floats(0.0, 1.0)


@given(weights, st.floats(0.1, 5.0))
@settings(max_examples=60, deadline=None)
def test_sharpened_weights_sum_to_one_and_keep_their_order(raw: np.ndarray, temperature: float) -> None:
    out = kernels.sharpened(raw, temperature)
    assert out.min() >= 0.0
    assert float(out.sum()) == pytest.approx(1.0)
    assert all(out[i] <= out[j] + 1e-12 for i in range(len(raw)) for j in range(len(raw)) if raw[i] <= raw[j])


@given(st.floats(0.55, 0.95), st.floats(0.2, 0.99))
@settings(max_examples=40, deadline=None)
def test_decision_23_temperature_below_one_sharpens(share: float, temperature: float) -> None:
    raw = np.array([share, 1.0 - share])
    assert kernels.sharpened(raw, temperature)[0] > share > kernels.sharpened(raw, 1.0 / temperature)[0]
    assert kernels.sharpened(raw, 1.0)[0] == pytest.approx(share)


@given(st.integers(1, 4), st.integers(0, 60), st.floats(0.5, 2.0), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_blend_weights_are_a_share_of_one_over_the_present(models: int, observations: int, temperature: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    recent = np.full((models, 50), np.nan)
    recent[:, : min(50, observations)] = rng.normal(size=(models, min(50, observations)))
    merit = np.where(rng.random(models) < 0.3, np.nan, rng.random(models) + 0.01)
    out = kernels.blend_weights(recent, merit, 0.15, 5, temperature)
    assert (out >= 0.0).all()
    assert (out[np.isnan(merit)] == 0.0).all()
    assert float(out.sum()) == pytest.approx(0.0 if np.isnan(merit).all() else 1.0)
    if observations < 5 and not np.isnan(merit).all():
        present = ~np.isnan(merit)
        assert np.allclose(out[present], 1.0 / present.sum())
    assert np.array_equal(out, plain(kernels.blend_weights)(recent, merit, 0.15, 5, temperature))


def test_blend_matches_the_ridge_inverse() -> None:
    rng = np.random.default_rng(3)
    recent, merit = rng.normal(size=(3, 50)), np.array([0.1, 0.2, 0.15])
    expected = np.clip(np.linalg.solve(np.corrcoef(recent) + 0.15 * np.eye(3), merit), 0.0, None)
    assert kernels.blend_weights(recent, merit, 0.15, 5, 1.0) == pytest.approx(expected / expected.sum())


@pytest.mark.parametrize("p", [0.001, 0.01, 0.02425, 0.1, 0.5, 0.6, 0.9, 0.99, 0.999])
def test_normal_quantile_inverts_the_normal_distribution(p: float) -> None:
    assert kernels.normal_quantile(p) == pytest.approx(NormalDist().inv_cdf(p), abs=1e-8)
    assert math.isnan(kernels.normal_quantile(0.0))


@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=12, unique=True))
@settings(max_examples=40, deadline=None)
@pytest.mark.clause("D1.37")
def test_decision_26_rank_signals_are_symmetric(scores: list[float]) -> None:
    x = np.array(scores)
    signals = kernels.rank_signals(x, 5)
    assert np.allclose(np.sort(signals), -np.sort(signals)[::-1])
    assert np.abs(signals).max() <= 3.0
    assert np.argsort(signals).tolist() == np.argsort(x).tolist()


@given(st.floats(0.0, 50.0), st.floats(0.0, 0.05), st.sampled_from([5.0, 60.0, 1440.0]), st.floats(0.0, 1e6), st.floats(1e6, 1e10))
@settings(max_examples=40, deadline=None)
def test_costs_never_fall_with_size_spread_or_volatility(spread: float, volatility: float, minutes: float, order: float, adv: float) -> None:
    def total(spread: float, volatility: float, order: float) -> float:
        out = np.empty(4)
        kernels.trade_cost(spread, volatility, minutes, order, adv, 1.0, 0.15, 1.0, out)
        assert out[3] == out[0] + out[1] + out[2]
        return float(out[3])

    base = total(spread, volatility, order)
    assert base >= 0.0
    assert total(spread + 1, volatility, order) > base
    assert total(spread, volatility + 0.01, order) > base
    assert total(spread, volatility, order + 1e5) > base


def test_untraded_market_has_no_cost() -> None:
    out = np.empty(4)
    kernels.trade_cost(1.0, 0.01, 60.0, 1e3, 0.0, 1.0, 0.15, 1.0, out)
    assert math.isnan(out[3])


@given(units, units, units)
@settings(max_examples=60, deadline=None)
def test_barrier_factor_is_monotone_and_bounded(against: float, other: float, along: float) -> None:
    low, high = sorted((against, other))
    first, second = (kernels.barrier_factor(p, along, 1.0, 0.5, 0.2) for p in (low, high))
    assert 0.2 <= second <= first <= 1.0


@given(st.lists(st.floats(-5.0, 5.0), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_standardised_stays_within_three(values: list[float]) -> None:
    recent = np.array(values)
    z = kernels.standardised(recent, values[-1])
    assert abs(z) <= 3.0
    assert z == plain(kernels.standardised)(recent, values[-1])
    if len(values) < 3:
        assert z == max(-3.0, min(3.0, values[-1]))
    elif len(set(values)) == 1:
        assert z == 0.0


def test_few_pairs_give_half_stability_and_the_prior() -> None:
    pairs = np.array([0.01, np.nan]), np.array([0.02, np.nan])
    assert kernels.stability(*pairs, 1) == 0.5
    assert kernels.skill(*pairs, 1, 5, 0.11) == 0.11
