"""Stage two: the features of a model, chosen on training rows only.

A feature's evidence is a series over timestamps whose mean is a rank correlation with the label: across symbols the Spearman correlation of each timestamp,
for a single symbol the products of standardised ranks. Features are ordered by the absolute overlap-aware t-statistic of that mean; the first `m` are kept.
Every fold chooses for itself, so validation rows never help to choose what they judge; the final model chooses on the whole development window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.contracts.errors import DataError
from tallystick.kernels.evidence import feature_correlations, overlap_aware_mean, standard_ranks

LEAK_CORRELATION = 0.95
"""A feature that ranks like its label knows the future: it is dropped, and recorded as a leak."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Chosen features, sorted by name; every candidate's mean rank correlation and t-statistic; the strongest single one, and what was dropped as a leak."""

    names: tuple[str, ...]
    means: dict[str, float]
    t_stats: dict[str, float]
    strongest: str
    leaks: tuple[str, ...]


def pooled_evidence(features: NDArray[float64], labels: NDArray[float64], min_names: int) -> NDArray[float64]:
    """Spearman correlation over symbols, float64[F, T], of features[S, F, T] with labels[S, T]."""
    out = np.empty((features.shape[1], features.shape[2]))
    feature_correlations(np.ascontiguousarray(features.transpose(1, 2, 0)), np.ascontiguousarray(labels.T), min_names, out)
    return out


def symbol_evidence(features: NDArray[float64], labels: NDArray[float64]) -> NDArray[float64]:
    """n · product of standardised ranks, float64[F, T], of one symbol's features[F, T] with its labels[T]; NaN where either is absent."""
    out = np.full(features.shape, np.nan)
    for number in range(features.shape[0]):
        present = ~(np.isnan(features[number]) | np.isnan(labels))
        x, y = np.empty((1, int(present.sum()))), np.empty((1, int(present.sum())))
        standard_ranks(features[number, present].reshape(1, -1), x)
        standard_ranks(labels[present].reshape(1, -1), y)
        out[number, present] = x[0] * y[0] * x.shape[1]
    return out


def select(evidence: NDArray[float64], names: tuple[str, ...], train: NDArray[int64], *, lag: int, m: int) -> Selection:
    """The m features with the strongest evidence[F, T] at the training positions. Raises DataError when no feature has any."""
    means: dict[str, float] = {}
    t_stats: dict[str, float] = {}
    for number, name in enumerate(names):
        centre, error, _ = overlap_aware_mean(np.ascontiguousarray(evidence[number, train]), lag)
        if math.isfinite(centre) and math.isfinite(error):
            means[name] = centre
            t_stats[name] = centre / max(error, 1e-6)
    leaks = tuple(sorted(name for name, value in means.items() if abs(value) >= LEAK_CORRELATION))
    honest = sorted((name for name in means if name not in leaks), key=lambda name: (-abs(t_stats[name]), name))
    if not honest:
        raise DataError(f"expected a feature with values on {train.shape[0]} training timestamps, found none of {len(names)}")
    return Selection(names=tuple(sorted(honest[:m])), means=means, t_stats=t_stats, strongest=honest[0], leaks=leaks)
