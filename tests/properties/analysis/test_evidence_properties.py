"""Correlations, errors and shifts against brute-force oracles in plain Python."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.kernels.evidence import draw_shifts, feature_correlations, overlap_aware_mean, shifted_products, standard_ranks, timestamp_correlations

SEEDS = st.integers(0, 2**31 - 1)


def average_ranks(values: list[float]) -> list[float]:
    return [sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2 for value in values]


def correlation(left: list[float], right: list[float]) -> float:
    a, b = sum(left) / len(left), sum(right) / len(right)
    xy = sum((x - a) * (y - b) for x, y in zip(left, right, strict=True))
    xx, yy = sum((x - a) ** 2 for x in left), sum((y - b) ** 2 for y in right)
    return xy / math.sqrt(xx * yy) if xx > 0 and yy > 0 else math.nan


def panel(seed: int, rows: int, times: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 9, size=(rows, times)).astype(float), rng.normal(size=(rows, times))
    x[rng.random(x.shape) < 0.15] = np.nan
    y[rng.random(y.shape) < 0.15] = np.nan
    return x, y


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, rows=st.integers(3, 9), times=st.integers(1, 8))
def test_timestamp_correlations_equal_the_oracle(seed: int, rows: int, times: int) -> None:
    x, y = panel(seed, rows, times)
    out = np.empty((2, times))
    timestamp_correlations(x, y, 3, out)
    several = np.empty((1, times))
    feature_correlations(np.ascontiguousarray(x.T)[None], np.ascontiguousarray(y.T), 3, several)
    for t in range(times):
        pairs = [(a, b) for a, b in zip(x[:, t].tolist(), y[:, t].tolist(), strict=True) if not (math.isnan(a) or math.isnan(b))]
        left, right = [a for a, _ in pairs], [b for _, b in pairs]
        expected = [math.nan, math.nan] if len(pairs) < 3 else [correlation(left, right), correlation(average_ranks(left), average_ranks(right))]
        np.testing.assert_allclose(out[:, t], expected, atol=1e-12, equal_nan=True)
        np.testing.assert_allclose(several[0, t], expected[1], atol=1e-12, equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, count=st.integers(1, 60), lag=st.integers(0, 8))
def test_overlap_aware_error_equals_the_oracle(seed: int, count: int, lag: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=count)
    x[rng.random(count) < 0.1] = np.nan
    values = x[~np.isnan(x)].tolist()
    centre, error, n = overlap_aware_mean(x, lag)
    assert n == len(values)
    if n < lag + 3:
        assert math.isnan(centre)
        return
    mean = sum(values) / n
    autocovariance = [sum((values[i] - mean) * (values[i - k] - mean) for i in range(k, n)) for k in range(lag + 1)]
    equal = autocovariance[0] + 2 * sum(autocovariance[1:])
    bartlett = autocovariance[0] + 2 * sum((1 - k / (lag + 1)) * autocovariance[k] for k in range(1, lag + 1))
    assert math.isclose(centre, mean, abs_tol=1e-12)
    assert math.isclose(error, math.sqrt(max(equal, bartlett, 0.0)) / n, abs_tol=1e-9)


def test_overlapping_returns_get_the_error_of_their_true_mean() -> None:
    rng = np.random.default_rng(5)
    naive, aware = [], []
    for _ in range(300):
        steps = rng.normal(size=400 + 5)
        overlapping = np.convolve(steps, np.ones(6), mode="valid")[:400]
        mean, error, _ = overlap_aware_mean(np.ascontiguousarray(overlapping), 5)
        aware.append(abs(mean / error) > 1.96)
        naive.append(abs(mean / (overlapping.std(ddof=1) / math.sqrt(400))) > 1.96)
    assert sum(naive) / 300 > 0.3
    assert sum(aware) / 300 < 0.12


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, times=st.integers(2, 12), rows=st.integers(1, 4), shift=st.integers(0, 11))
def test_shifted_products_equal_a_rolled_product(seed: int, times: int, rows: int, shift: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(times, rows)), rng.normal(size=(times, rows))
    out = np.empty(1)
    shifted_products(x, y, np.array([shift], dtype=np.int64), out)
    assert math.isclose(out[0], float((x * np.roll(y, -shift, axis=0)).sum()), abs_tol=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, count=st.integers(2, 12))
def test_standard_ranks_have_mean_zero_and_length_one(seed: int, count: int) -> None:
    row = np.random.default_rng(seed).normal(size=(1, count))
    row[0, 0] = np.nan
    out = np.empty_like(row)
    standard_ranks(row, out)
    assert out[0, 0] == 0.0
    assert math.isclose(out.sum(), 0.0, abs_tol=1e-12)
    assert math.isclose((out**2).sum(), 1.0 if count > 2 else 0.0, abs_tol=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, low=st.integers(1, 50), width=st.integers(1, 5000))
def test_shifts_stay_in_range_and_repeat_for_a_seed(seed: int, low: int, width: int) -> None:
    first, second = np.empty(50, dtype=np.int64), np.empty(50, dtype=np.int64)
    draw_shifts(seed, low, low + width, first)
    draw_shifts(seed, low, low + width, second)
    assert (first == second).all()
    assert first.min() >= low
    assert first.max() < low + width
    if width > 100:
        assert len(set(first.tolist())) > 10
