"""The port that the universe fits its scores through, against every family that the assembly joins."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.apps.assembly import score_families
from tallystick.contracts.errors import DataError

FAMILIES = score_families()
RNG = np.random.default_rng(5)
X = RNG.standard_normal((600, 6))
Y = 0.6 * X[:, 0] - 0.3 * X[:, 1] + 0.1 * RNG.standard_normal(600)
NAMES = ("roc20", "roc60", "vol20", "age_days", "atr_ratio", "quote_volume")


def fit(component: str, x: np.ndarray = X, y: np.ndarray = Y) -> np.ndarray:
    return FAMILIES[component].fit(x, y, NAMES, seed=42, threads=1).predict(X)


def test_the_components_are_linear_and_boosted() -> None:
    assert {name: family.family for name, family in FAMILIES.items()} == {"linear": "Ridge", "ml": "LightGBM"}


@pytest.mark.parametrize("component", FAMILIES)
def test_the_same_rows_give_the_same_bits(component: str) -> None:
    np.testing.assert_array_equal(fit(component), fit(component))


@pytest.mark.parametrize("component", FAMILIES)
def test_a_row_predicts_the_same_alone_and_in_a_batch(component: str) -> None:
    predictor = FAMILIES[component].fit(X, Y, NAMES, seed=42, threads=1)
    batch = predictor.predict(X[:50])
    assert batch.tolist() == [float(predictor.predict(X[row : row + 1])[0]) for row in range(50)]


@pytest.mark.parametrize("component", FAMILIES)
def test_missing_features_have_a_prediction_and_what_can_be_learned_is_learned(component: str) -> None:
    holes = X.copy()
    holes[RNG.random(X.shape) < 0.1] = np.nan
    predictor = FAMILIES[component].fit(holes, Y, NAMES, seed=42, threads=1)
    found = predictor.predict(holes)
    assert np.isfinite(found).all()
    assert np.corrcoef(found, Y)[0, 1] > 0.7
    assert np.isfinite(predictor.predict(np.full((1, 6), np.nan))).all()


@pytest.mark.parametrize("component", FAMILIES)
def test_a_family_names_its_libraries(component: str) -> None:
    versions = FAMILIES[component].versions()
    assert versions
    assert all(version and name for name, version in versions.items())


def test_data_that_cannot_be_fitted_is_refused() -> None:
    empty = X.copy()
    empty[:, 1] = np.nan
    with pytest.raises(DataError, match="roc60"):
        fit("linear", empty)
