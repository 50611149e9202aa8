"""How good out-of-fold predictions are, and how sure that is.

Per timestamp: Pearson (IC) and Spearman (rank IC) correlation of prediction and label over symbols. Their mean gets an error that knows labels overlap
(Hansen and Hodrick 1980; Newey and West 1987; lag = horizon bars − 1 on the sampled grid) and a permutation p by circular shifts of the labels in time,
which keep the autocorrelation of both sides and each symbol's own level (Politis and Romano 1992). The two catch different lies: the t-statistic asks
whether the mean is above zero, the shifts ask whether the timing matters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.artifacts.canonical import canonical_json
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.kernels.evidence import draw_shifts, logistic, overlap_aware_mean, shifted_products, standard_ranks, timestamp_correlations
from tallystick.kernels.statistics import mean, sample_std

SE_REFERENCE = 0.02
SCORING = {"version": "1", "se_floor": 1e-6, "t_clamp": 12.0, "t_scale": 3.0, "se_reference": SE_REFERENCE, "min_n": 20, "full_n": 30}
"""Parameters of the composite score; their hash goes with every score."""

SCORING_SIGNATURE = sha256_bytes(canonical_json(SCORING))


@dataclass(frozen=True, slots=True)
class Skill:
    """Skill of predictions. Correlations in [-1, 1]; `count` timestamps; NaN where there is too little data. `p_value` None when it was not needed."""

    mean_ic: float
    mean_rank_ic: float
    ic_ir: float
    hit_rate: float
    error: float
    t_stat: float
    count: int
    p_value: float | None

    @property
    def known(self) -> bool:
        """Whether there was enough data for a mean and its error."""
        return math.isfinite(self.mean_rank_ic) and math.isfinite(self.t_stat)


def skill01(primary_mean: float) -> float:
    """clip((primary + 1) / 2, 0, 1): the recorded skill, 0.5 for none (decision 33)."""
    return min(1.0, max(0.0, (primary_mean + 1.0) / 2.0))


def stability01(error: float) -> float:
    """1 / (1 + error / 0.02): near 1 for a precise mean."""
    return 1.0 / (1.0 + error / SE_REFERENCE)


def composite_score(skill: Skill, *, coverage: float, registry_coverage: float = 1.0) -> float:
    """clip(σ(t/3) · coverage · registry coverage · sample penalty, 0, 1), t clamped to ±12; 0 below 20 timestamps.

    The documented formula with the overlap-aware error in place of std/√n.
    """
    if skill.count < 20 or not skill.known:
        return 0.0
    penalty = 1.0 if skill.count >= 30 else 0.7 + 0.3 * (skill.count - 20) / 10
    t = min(12.0, max(-12.0, skill.mean_rank_ic / max(skill.error, 1e-6)))
    return float(min(1.0, max(0.0, logistic(t / 3.0) * coverage * registry_coverage * penalty)))


def overlap_lag(horizon_bars: int, stride: int) -> int:
    """Autocorrelation lags that overlapping labels cause between bars `stride` apart: ⌈horizon / stride⌉ − 1."""
    return -(-horizon_bars // stride) - 1


def _t_stat(centre: float, error: float) -> float:
    # A mean with no variation at all has no error to divide by; the floor of the composite score bounds it.
    return centre / max(error, 1e-6) if math.isfinite(centre) and math.isfinite(error) else math.nan


def _paired(predictions: NDArray[float64], labels: NDArray[float64]) -> tuple[NDArray[float64], NDArray[float64]]:
    absent = np.isnan(predictions) | np.isnan(labels)
    left, right = np.where(absent, np.nan, predictions), np.where(absent, np.nan, labels)
    # One order in memory, whatever the labels had: another one would compile the kernels again.
    return np.ascontiguousarray(left), np.ascontiguousarray(right)


def shift_p_value(x: NDArray[float64], y: NDArray[float64], *, lag: int, permutations: int, seed: int) -> float:
    """Share of circular shifts of y[T, S] against x[T, S] with at least the unshifted sum of products, the unshifted one counted: (1 + b) / (1 + B).

    Shifts keep away from 0 by a twentieth of the window and by the lags of the labels. 1 when the window is too short to shift.
    """
    times = x.shape[0]
    away = max(lag + 1, times // 20, 1)
    if times <= 2 * away:
        return 1.0
    shifts = np.zeros(permutations + 1, dtype=np.int64)
    draw_shifts(seed, away, times - away + 1, shifts[1:])
    sums = np.empty(permutations + 1)
    shifted_products(np.ascontiguousarray(x), np.ascontiguousarray(y), shifts, sums)
    return float(int((sums >= sums[0]).sum()) / (permutations + 1))


def score_cross_section(predictions: NDArray[float64], labels: NDArray[float64], *, lag: int, min_names: int, permutations: int = 0, seed: int = 0) -> Skill:
    """Skill over symbols of predictions[S, T] for labels[S, T], timestamp by timestamp; p only when `permutations` are asked for."""
    left, right = _paired(predictions, labels)
    correlations = np.empty((2, left.shape[1]))
    timestamp_correlations(left, right, min_names, correlations)
    centre, error, count = overlap_aware_mean(correlations[1], lag)
    deviation = sample_std(correlations[0])
    p_value = None
    if permutations:
        x, y = np.empty(left.T.shape), np.empty(left.T.shape)
        standard_ranks(np.ascontiguousarray(left.T), x)
        standard_ranks(np.ascontiguousarray(right.T), y)
        p_value = shift_p_value(x, y, lag=lag, permutations=permutations, seed=seed)
    known = correlations[0][~np.isnan(correlations[0])]
    mean_ic = mean(correlations[0])
    return Skill(
        mean_ic=mean_ic,
        mean_rank_ic=centre,
        ic_ir=mean_ic / deviation if deviation > 0.0 else math.nan,
        hit_rate=int((known > 0).sum()) / known.shape[0] if known.shape[0] else math.nan,
        error=error,
        t_stat=_t_stat(centre, error),
        count=int(count),
        p_value=p_value,
    )


def score_through_time(
    predictions: NDArray[float64], labels: NDArray[float64], segments: NDArray[np.int64], *, lag: int, permutations: int = 0, seed: int = 0
) -> Skill:
    """Skill over time of one symbol's predictions[T] for labels[T]: Spearman correlation within each segment (fold), weighted by its length.

    `segments` int64[T] numbers the fold of each time. The series whose mean is that correlation, n · rank product, carries the overlap-aware error.
    """
    present = ~(np.isnan(predictions) | np.isnan(labels))
    x_parts, y_parts = [], []
    for number in np.unique(segments[present]):
        chosen = present & (segments == number)
        x, y = np.empty((1, int(chosen.sum()))), np.empty((1, int(chosen.sum())))
        standard_ranks(predictions[chosen].reshape(1, -1), x)
        standard_ranks(labels[chosen].reshape(1, -1), y)
        scale = math.sqrt(x.shape[1])
        x_parts.append(x[0] * scale)
        y_parts.append(y[0] * scale)
    left = np.concatenate(x_parts) if x_parts else np.empty(0)
    right = np.concatenate(y_parts) if y_parts else np.empty(0)
    products = left * right
    centre, error, count = overlap_aware_mean(products, lag)
    deviation = sample_std(products)
    p_value = shift_p_value(left.reshape(-1, 1), right.reshape(-1, 1), lag=lag, permutations=permutations, seed=seed) if permutations else None
    return Skill(
        mean_ic=centre,
        mean_rank_ic=centre,
        ic_ir=centre / deviation if deviation > 0.0 else math.nan,
        hit_rate=int((products > 0).sum()) / products.shape[0] if products.shape[0] else math.nan,
        error=error,
        t_stat=_t_stat(centre, error),
        count=int(count),
        p_value=p_value,
    )
