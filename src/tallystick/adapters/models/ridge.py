"""Ridge regression on imputed, standardised columns: scikit-learn objects on disk, one kernel for fitting and one for predicting.

The coefficients come from our own normal equations, so their bits do not depend on a linear-algebra library, and prediction folds imputer, scaler and
coefficients into one row-by-row kernel, so a row predicts the same alone and in a batch (kernels.md, trap 4).
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.contracts.errors import ArtifactError, DataError
from tallystick.kernels.ridge import ridge_fit
from tallystick.kernels.statistics import column_moments, linear_predict

_ALLOWED = {
    "sklearn.linear_model._ridge": {"Ridge"},
    "sklearn.preprocessing._data": {"StandardScaler"},
    "sklearn.impute._base": {"SimpleImputer"},
    "joblib.numpy_pickle": {"NumpyArrayWrapper"},
    "numpy": {"ndarray", "dtype", "float64", "int64"},
    "numpy.dtypes": {"Float64DType", "Int64DType"},
    "numpy._core.multiarray": {"scalar", "_reconstruct"},
}
"""Module → classes that a file of this family may name; anything else is refused before it runs."""


@dataclass(frozen=True, slots=True)
class RidgeModel:
    """A fitted ridge: medians to impute with, means and standard deviations of the columns, coefficients on standardised columns."""

    feature_names: tuple[str, ...]
    medians: NDArray[float64]
    means: NDArray[float64]
    stds: NDArray[float64]
    coefficients: NDArray[float64]
    intercept: float
    alpha: float
    rows: int

    def predict(self, x: NDArray[float64]) -> NDArray[float64]:
        """Predictions float64[N] for x[N, F], NaN replaced by the training median."""
        folded = self.coefficients / self.stds
        intercept = self.intercept
        for mean, coefficient in zip(self.means.tolist(), folded.tolist(), strict=True):
            intercept -= mean * coefficient
        return linear_predict(np.ascontiguousarray(np.where(np.isnan(x), self.medians, x)), folded, intercept)

    def files(self) -> Mapping[str, bytes]:
        """`model.joblib`, `scaler.joblib` and `imputer.joblib`, each a scikit-learn object that works without us."""
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import Ridge
        from sklearn.preprocessing import StandardScaler

        # One row of medians has itself as its medians: the object is fitted by the library, the numbers are ours.
        imputer = SimpleImputer(strategy="median").fit(self.medians.reshape(1, -1))
        scaler = StandardScaler().fit(self.means.reshape(1, -1))
        scaler.mean_, scaler.scale_, scaler.var_, scaler.n_samples_seen_ = self.means.copy(), self.stds.copy(), self.stds * self.stds, self.rows
        model = Ridge(alpha=self.alpha, solver="cholesky")
        model.coef_, model.intercept_, model.n_features_in_, model.n_iter_, model.solver_ = (
            self.coefficients.copy(),
            self.intercept,
            len(self.feature_names),
            None,
            "cholesky",
        )
        return {"imputer.joblib": _dump(imputer), "model.joblib": _dump(model), "scaler.joblib": _dump(scaler)}

    def importance(self) -> Mapping[str, float]:
        """Share of each feature in the sum of absolute coefficients on standardised columns."""
        sizes = np.abs(self.coefficients).tolist()
        total = sum(sizes)
        return {name: size / total if total > 0.0 else 0.0 for name, size in zip(self.feature_names, sizes, strict=True)}

    def parameters(self) -> Mapping[str, Any]:
        """The penalty as used, and how it came about."""
        return {"alpha": self.alpha, "fit_intercept": True, "solver": "cholesky", "imputation": "median of training rows", "scaling": "training rows"}


@dataclass(frozen=True, slots=True)
class RidgeFamily:
    """Fits ridge regressions. The penalty is `alpha_share` times the number of rows, so it weighs the same for many rows and few."""

    alpha_share: float = 0.01
    family: str = "Ridge"
    extension: str = "joblib"
    objective: str = "mean squared error with a squared penalty"
    normalization: str = "median imputation, then standardised columns"

    def prepare(self) -> None:
        """Import the library, and compile the kernels on a first tiny fit."""
        x = np.arange(8.0).reshape(4, 2) ** 2
        self.fit(x, x[:, 0], ("a", "b"), seed=0, threads=1).predict(x)
        import joblib  # noqa: F401
        import sklearn.impute
        import sklearn.linear_model
        import sklearn.preprocessing  # noqa: F401

    def versions(self) -> Mapping[str, str]:
        """Versions of the libraries that decide the model's bytes."""
        return {"scikit-learn": version("scikit-learn"), "joblib": version("joblib"), "numba": version("numba"), "numpy": version("numpy")}

    def fit(self, x: NDArray[float64], y: NDArray[float64], feature_names: Sequence[str], *, seed: int, threads: int) -> RidgeModel:
        """Fit on x[N, F], y[N]; neither seed nor threads matter here. Raises DataError for a column without values or a system that has no solution."""
        del seed, threads
        medians = np.empty(x.shape[1])
        for number, name in enumerate(feature_names):
            present = x[:, number][~np.isnan(x[:, number])]
            if present.size == 0:
                raise DataError("expected values of the feature on training rows, found none", where=name)
            middle = present.size // 2
            # Selection, not summation: the middle value, or the midpoint of the two middle ones, is exact.
            parted = np.partition(present, (middle - 1, middle) if present.size % 2 == 0 else middle)
            medians[number] = parted[middle] if present.size % 2 else 0.5 * (parted[middle - 1] + parted[middle])
        filled = np.ascontiguousarray(np.where(np.isnan(x), medians, x))
        means, stds, coefficients = np.empty(x.shape[1]), np.empty(x.shape[1]), np.empty(x.shape[1])
        column_moments(filled, means, stds)
        alpha = self.alpha_share * x.shape[0]
        intercept = ridge_fit(filled, np.ascontiguousarray(y), means, stds, alpha, coefficients)
        if not np.isfinite(coefficients).all():
            raise DataError(f"expected a solvable ridge of {x.shape[1]} features on {x.shape[0]} rows, found a singular one", hint="Raise alpha_share")
        return RidgeModel(
            feature_names=tuple(feature_names),
            medians=medians,
            means=means,
            stds=stds,
            coefficients=coefficients,
            intercept=float(intercept),
            alpha=alpha,
            rows=int(x.shape[0]),
        )


@dataclass(frozen=True, slots=True)
class RidgeLoader:
    """Loads verified bytes of a Ridge model for prediction."""

    family: str = "Ridge"
    extensions: tuple[str, ...] = ("joblib",)

    def load(self, files: Mapping[str, bytes], n_features: int) -> RidgeModel:
        """A predictor from `model.joblib`, `scaler.joblib` and `imputer.joblib`.

        Raises ArtifactError when one is missing, unreadable, names a class outside the list, or is made for another number of features.
        """
        missing = sorted({"model.joblib", "scaler.joblib", "imputer.joblib"} - set(files))
        if missing:
            raise ArtifactError(f"expected model.joblib, scaler.joblib and imputer.joblib of a Ridge model, missing {', '.join(missing)}")
        model, scaler, imputer = (_load(files[name], name) for name in ("model.joblib", "scaler.joblib", "imputer.joblib"))
        try:
            columns = [np.asarray(values, dtype=np.float64).ravel() for values in (imputer.statistics_, scaler.mean_, scaler.scale_, model.coef_)]
            intercept, alpha, rows = float(model.intercept_), float(model.alpha), int(scaler.n_samples_seen_)
        except AttributeError as error:
            raise ArtifactError(f"expected a fitted imputer, scaler and ridge, found one that is not: {error}") from error
        sizes = [int(values.shape[0]) for values in columns]
        if sizes != [n_features] * 4 or not all(np.isfinite(values).all() for values in columns):
            raise ArtifactError(f"expected finite parameters of {n_features} features, found {sizes}", where="model.joblib")
        medians, means, stds, coefficients = columns
        names = tuple(f"column_{number}" for number in range(n_features))
        return RidgeModel(names, medians, means, stds, coefficients, intercept, alpha, rows)


def _dump(document: Any) -> bytes:
    import joblib

    buffer = io.BytesIO()
    joblib.dump(document, buffer, compress=0, protocol=5)
    return buffer.getvalue()


def _load(data: bytes, where: str) -> Any:
    from joblib.numpy_pickle import NumpyUnpickler

    class ListedUnpickler(NumpyUnpickler):  # type: ignore[misc]
        """Refuses every class that a Ridge file has no use for."""

        def find_class(self, module: str, name: str) -> Any:
            if name not in _ALLOWED.get(module, ()):
                raise ArtifactError(f"expected the classes of a Ridge model, found {module}.{name}", where=where)
            return super().find_class(module, name)

    buffer = io.BytesIO(data)
    try:
        return ListedUnpickler("", buffer, ensure_native_byte_order=False).load()
    except (pickle.UnpicklingError, struct.error, EOFError, ValueError, IndexError, KeyError, TypeError, AttributeError, ImportError, MemoryError) as error:
        raise ArtifactError(f"expected a joblib file, found bytes it cannot read: {error}", where=where) from error
