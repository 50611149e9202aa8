from __future__ import annotations

import io
import pickle

import joblib
import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tallystick.adapters.models.ridge import RidgeFamily, RidgeLoader
from tallystick.contracts.errors import ArtifactError, DataError

NAMES = ("a", "b", "c", "d")


def data(rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 4)) * np.array([1.0, 100.0, 0.01, 5.0]) + np.array([0.0, 50.0, 1.0, -3.0])
    y = 0.3 * x[:, 0] - 0.002 * x[:, 1] + rng.normal(size=rows)
    x[rng.random(x.shape) < 0.05] = np.nan
    return x, y


@pytest.fixture(scope="module")
def fitted():
    x, y = data()
    return RidgeFamily(alpha_share=0.02).fit(x, y, NAMES, seed=0, threads=1)


def test_predicts_like_scikit_learn_fitted_on_the_same_rows(fitted) -> None:
    x, y = data()
    oracle = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), Ridge(alpha=0.02 * len(y), solver="cholesky")).fit(x, y)
    np.testing.assert_allclose(fitted.predict(x), oracle.predict(x), rtol=1e-9, atol=1e-12)


@pytest.mark.clause("D1.61", "D1.65")
def test_files_are_scikit_learn_objects_that_work_without_us(fitted) -> None:
    x, _ = data()
    loaded = {name: joblib.load(io.BytesIO(content)) for name, content in fitted.files().items()}
    assert set(loaded) == {"model.joblib", "scaler.joblib", "imputer.joblib"}
    columns = loaded["scaler.joblib"].transform(loaded["imputer.joblib"].transform(x))
    np.testing.assert_allclose(loaded["model.joblib"].predict(columns), fitted.predict(x), rtol=1e-9, atol=1e-12)


def test_loaded_model_predicts_the_same_bits_alone_and_in_a_batch(fitted) -> None:
    x, _ = data(60)
    loaded = RidgeLoader().load(fitted.files(), 4)
    batch = loaded.predict(x)
    np.testing.assert_array_equal(batch, fitted.predict(x))
    assert [loaded.predict(x[row : row + 1])[0] for row in range(60)] == batch.tolist()


def test_same_rows_give_the_same_bytes(fitted) -> None:
    x, y = data()
    assert RidgeFamily(alpha_share=0.02).fit(x, y, NAMES, seed=9, threads=2).files() == fitted.files()


def test_importance_and_parameters_are_told(fitted) -> None:
    assert sum(fitted.importance().values()) == pytest.approx(1.0)
    assert fitted.parameters()["alpha"] == 8.0
    assert next(iter(RidgeFamily().versions())) == "scikit-learn"


def test_constant_column_weighs_nothing() -> None:
    x, y = data()
    x[:, 3] = 2.5
    model = RidgeFamily().fit(x, y, NAMES, seed=0, threads=1)
    assert model.coefficients[3] == 0.0


def test_refuses_a_column_without_values_and_a_singular_system() -> None:
    x, y = data()
    x[:, 2] = np.nan
    with pytest.raises(DataError, match=r"found none.*c"):
        RidgeFamily().fit(x, y, NAMES, seed=0, threads=1)
    same = np.repeat(np.random.default_rng(0).normal(size=(200, 1)), 2, axis=1)
    with pytest.raises(DataError, match="singular"):
        RidgeFamily(alpha_share=0.0).fit(same, same[:, 0], ("a", "b"), seed=0, threads=1)


class Exploit:
    def __reduce__(self):
        return (print, ("this must never run",))


def test_file_that_names_another_class_is_refused_before_it_runs(fitted, capsys: pytest.CaptureFixture) -> None:
    files = {**fitted.files(), "model.joblib": pickle.dumps(Exploit())}
    with pytest.raises(ArtifactError, match=r"builtins\.print"):
        RidgeLoader().load(files, 4)
    assert capsys.readouterr().out == ""


def test_file_cut_at_any_place_is_refused(fitted) -> None:
    whole = fitted.files()
    for name, content in whole.items():
        for end in range(0, len(content) - 1, max(1, len(content) // 25)):
            with pytest.raises(ArtifactError):
                RidgeLoader().load({**whole, name: content[:end]}, 4)


def test_refuses_missing_files_other_objects_and_another_number_of_features(fitted) -> None:
    whole = fitted.files()
    with pytest.raises(ArtifactError, match=r"missing scaler\.joblib"):
        RidgeLoader().load({name: content for name, content in whole.items() if name != "scaler.joblib"}, 4)
    with pytest.raises(ArtifactError, match="5 features"):
        RidgeLoader().load(whole, 5)
    with pytest.raises(ArtifactError, match="not: "):
        RidgeLoader().load({**whole, "model.joblib": whole["scaler.joblib"]}, 4)
