"""Statistics kernels against their textbook formulas."""

from __future__ import annotations

import math
import statistics as textbook

import numpy as np
import pytest

from tallystick.kernels import statistics as kernels

RNG = np.random.default_rng(7)
X = RNG.normal(size=60)
Y = 0.4 * X + RNG.normal(size=60)
HOLES_X, HOLES_Y = X.copy(), Y.copy()
HOLES_X[[3, 9]] = math.nan
HOLES_Y[[9, 20]] = math.nan
PAIRED = ~(np.isnan(HOLES_X) | np.isnan(HOLES_Y))


def brute_ranks(values: np.ndarray) -> np.ndarray:
    return np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values])


def test_moments_agree_with_the_textbook() -> None:
    present = HOLES_X[~np.isnan(HOLES_X)].tolist()
    assert kernels.count(HOLES_X) == 58
    assert kernels.mean(HOLES_X) == pytest.approx(textbook.fmean(present), rel=1e-12)
    assert kernels.sample_std(HOLES_X) == pytest.approx(textbook.stdev(present), rel=1e-12)


def test_correlations_skip_incomplete_pairs() -> None:
    x, y = HOLES_X[PAIRED], HOLES_Y[PAIRED]
    assert kernels.pearson(HOLES_X, HOLES_Y) == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-12)
    assert kernels.covariance(HOLES_X, HOLES_Y) == pytest.approx(np.cov(x, y)[0, 1], rel=1e-12)
    assert kernels.spearman(HOLES_X, HOLES_Y) == pytest.approx(np.corrcoef(brute_ranks(x), brute_ranks(y))[0, 1], rel=1e-12)


def test_ties_share_their_average_rank() -> None:
    values = np.array([3.0, 1.0, 3.0, math.nan, 1.0, 2.0])
    np.testing.assert_array_equal(kernels.ranks(values), [4.5, 1.5, 4.5, math.nan, 1.5, 3.0])
    np.testing.assert_array_equal(kernels.rank_fractions(values), [0.8, 0.2, 0.8, math.nan, 0.2, 0.5])


def test_cross_sectional_rank_is_symmetric_around_one_half() -> None:
    """Decision 26: (rank − 0.5) / n."""
    fractions = kernels.rank_fractions(X)
    np.testing.assert_allclose(fractions + kernels.rank_fractions(-X), 1.0, rtol=1e-15)
    assert fractions.min() == pytest.approx(0.5 / 60)


def test_too_few_values_give_nan() -> None:
    one = np.array([1.0, math.nan])
    assert math.isnan(kernels.mean(np.array([math.nan])))
    assert math.isnan(kernels.sample_std(one))
    assert math.isnan(kernels.pearson(one, one))
    assert math.isnan(kernels.covariance(one, one))
    assert math.isnan(kernels.pearson(np.ones(5), X[:5]))
    assert np.isnan(kernels.rank_fractions(one)).all()
    assert math.isnan(kernels.quantile(np.array([math.nan]), 0.5))
    assert math.isnan(kernels.quantile(X, 1.5))


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 0.77, 1.0])
def test_quantile_is_linear_between_neighbours(fraction: float) -> None:
    assert kernels.quantile(HOLES_X, fraction) == pytest.approx(np.nanquantile(HOLES_X, fraction), rel=1e-12)


def test_column_moments_leave_constant_columns_alone() -> None:
    table = np.column_stack([X, np.full(60, 0.1), HOLES_Y, np.full(60, math.nan)])
    means, stds = np.empty(4), np.empty(4)
    kernels.column_moments(table, means, stds)
    np.testing.assert_allclose(means[:3], np.nanmean(table[:, :3], axis=0), rtol=1e-12)
    np.testing.assert_allclose(stds[[0, 2]], np.nanstd(table[:, [0, 2]], axis=0), rtol=1e-12)
    assert stds[1] == 1.0
    assert math.isnan(means[3])
    assert math.isnan(stds[3])


def test_linear_prediction_does_not_depend_on_the_batch() -> None:
    """Trap 4: one row alone has the bits it has in its batch."""
    rows, coefficients = RNG.normal(size=(300, 17)), RNG.normal(size=17)
    batch = kernels.linear_predict(rows, coefficients, 0.3)
    single = np.concatenate([kernels.linear_predict(rows[i : i + 1], coefficients, 0.3) for i in range(300)])
    assert batch.tobytes() == single.tobytes()
    np.testing.assert_allclose(batch, rows @ coefficients + 0.3, rtol=1e-12)


def test_a_missing_feature_gives_no_prediction_for_its_row_alone() -> None:
    rows = RNG.normal(size=(3, 4))
    rows[1, 2] = math.nan
    assert np.isnan(kernels.linear_predict(rows, np.ones(4), 0.0)).tolist() == [False, True, False]
