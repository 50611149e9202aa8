"""One family's fits as a task for a child process: rows go in once, predictions and file bytes come back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.contracts.errors import DataError
from tallystick.kernels.statistics import quantile
from tallystick.training.ports import ModelFamily

MIN_TRAINING_ROWS = 100
"""Fewer rows than this are refused."""

THREADS = 1
"""Threads of one child. Families run beside each other, so two of them fill two cores, and one thread has one order of summation."""


@dataclass(frozen=True, slots=True)
class Fit:
    """One fit: `train` and `predict` are row numbers, `columns` column numbers of the task's matrix; `package` asks for the files."""

    key: str
    target: str
    feature_names: tuple[str, ...]
    columns: NDArray[int64]
    train: NDArray[int64]
    labels: NDArray[float64]
    predict: NDArray[int64]
    seed: int
    package: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a fit: predictions float64[number of predict rows]; files, importance and parameters when packaging was asked for."""

    family: str
    key: str
    target: str
    rows: int
    predictions: NDArray[float64]
    files: Mapping[str, bytes]
    importance: Mapping[str, float]
    parameters: Mapping[str, Any]
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FamilyTask:
    """Fits of one family over one matrix float64[N, F]."""

    model: ModelFamily
    matrix: NDArray[float64]
    fits: tuple[Fit, ...]

    @property
    def family(self) -> str:
        """Whose child runs it."""
        return self.model.family

    def prepare(self) -> None:
        """Import the family's library."""
        self.model.prepare()

    def run(self) -> Iterator[Outcome]:
        """Fit after fit. Raises DataError when a fit has too few rows or gives no finite prediction."""
        for fit in self.fits:
            if fit.train.shape[0] < MIN_TRAINING_ROWS:
                raise DataError(f"expected at least {MIN_TRAINING_ROWS} training rows, found {fit.train.shape[0]}", where=f"{self.family} {fit.key}")
            x = np.ascontiguousarray(self.matrix[fit.train][:, fit.columns])
            fitted = self.model.fit(x, fit.labels, fit.feature_names, seed=fit.seed, threads=THREADS)
            predictions = fitted.predict(np.ascontiguousarray(self.matrix[fit.predict][:, fit.columns]))
            if not np.isfinite(predictions).all():
                raise DataError("expected finite predictions, found NaN or infinity", where=f"{self.family} {fit.key}")
            yield Outcome(
                family=self.family,
                key=fit.key,
                target=fit.target,
                rows=int(fit.train.shape[0]),
                predictions=predictions,
                files=dict(fitted.files()) if fit.package else {},
                importance=dict(fitted.importance()) if fit.package else {},
                parameters=dict(fitted.parameters()) if fit.package else {},
                versions=dict(self.model.versions()) if fit.package else {},
            )


def capped_labels(labels: NDArray[float64], cap_mad: float) -> NDArray[float64]:
    """Labels capped at median ± cap_mad · 1.4826 · MAD of themselves; unchanged when more than half are equal."""
    centre = quantile(labels, 0.5)
    spread = 1.4826 * quantile(np.abs(labels - centre), 0.5)
    return labels if not spread > 0.0 else np.clip(labels, centre - cap_mad * spread, centre + cap_mad * spread)
