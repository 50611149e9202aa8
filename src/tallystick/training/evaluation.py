"""Skill and market metrics of a fitted model: out of fold, in sample, and on the test window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.analysis.labels import held_return
from tallystick.training.config import TrainingConfig
from tallystick.training.dataset import Dataset
from tallystick.training.plans import FamilyResult
from tallystick.training.promotion import Verdict, book_weights, judge, run_book, sign_weights
from tallystick.training.scoring import Skill, score_cross_section, score_through_time


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Skills by window, one rank IC per fold, row counts, and the gate's verdict."""

    train: Skill
    validation: Skill
    test: Skill
    fold_scores: tuple[float, ...]
    validation_rows: int
    test_rows: int
    verdict: Verdict


def finite(value: float) -> float:
    """The value, or 0 where too little data gave none: contract fields are plain floats."""
    return value if math.isfinite(value) else 0.0


def skill_document(skill: Skill) -> dict[str, Any]:
    """A skill as JSON values; unknown numbers are null."""
    names = ("mean_ic", "mean_rank_ic", "ic_ir", "hit_rate", "error", "t_stat")
    out: dict[str, Any] = {name: getattr(skill, name) if math.isfinite(getattr(skill, name)) else None for name in names}
    return {**out, "n_timestamps": skill.count}


def evaluate(dataset: Dataset, result: FamilyResult, config: TrainingConfig) -> Evaluation:
    """Judge one fitted model. The test labels are one horizon apart, so their error needs no lags."""
    plan, shared = result.plan, result.plan.shared
    development = shared.development
    own = slice(None) if plan.symbol is None else slice(dataset.symbols.index(plan.symbol), dataset.symbols.index(plan.symbol) + 1)
    segments = np.full(development, -1, dtype=np.int64)
    for fold in shared.folds:
        segments[fold.validate] = fold.number
    judged = np.flatnonzero(segments >= 0)
    labels = shared.labels[own]

    def score(predictions: NDArray[float64], truth: NDArray[float64], lag: int, parts: NDArray[np.int64]) -> Skill:
        if plan.symbol is None:
            return score_cross_section(predictions, truth, lag=lag, min_names=config.min_names)
        return score_through_time(predictions[0], truth[0], parts, lag=lag)

    out_of_fold = result.out_of_fold[own]
    one = np.zeros(max(development, labels.shape[1] - development), dtype=np.int64)
    fold_scores = []
    for fold in shared.folds:
        found = score(out_of_fold[:, fold.validate], labels[:, fold.validate], shared.lag, segments[fold.validate])
        if math.isfinite(found.mean_rank_ic):
            fold_scores.append(found.mean_rank_ic)
    test_labels = np.ascontiguousarray(labels[:, development:])
    test_predictions = np.ascontiguousarray(result.final[own][:, development:])
    test = score(test_predictions, test_labels, 0, one[: test_labels.shape[1]])
    return Evaluation(
        train=score(result.final[own][:, :development], labels[:, :development], shared.lag, one[:development]),
        validation=score(out_of_fold[:, judged], labels[:, judged], shared.lag, segments[judged]),
        test=test,
        fold_scores=tuple(fold_scores),
        validation_rows=int(np.isfinite(out_of_fold + labels[:, :development]).sum()),
        test_rows=int(np.isfinite(test_predictions + test_labels).sum()),
        verdict=_verdict(dataset, result, config, own, test_predictions, test),
    )


def _verdict(
    dataset: Dataset,
    result: FamilyResult,
    config: TrainingConfig,
    own: slice,
    predictions: NDArray[float64],
    test: Skill,
) -> Verdict:
    plan, shared = result.plan, result.plan.shared
    horizon = dataset.horizon_bars(shared.target)
    minutes = horizon * dataset.interval_ns // 60_000_000_000
    strongest = plan.final.strongest
    sign = 1.0 if plan.final.means[strongest] >= 0.0 else -1.0
    bars = shared.rows.bars[shared.development :]
    feature = sign * dataset.cube[own, dataset.features.index(strongest)][:, bars]
    trailing = shared.trailing[own][:, shared.development :]
    unknown = np.isnan(predictions)
    # A label needs both its bars; a book holds what it bought whether a last bar comes or not.
    earned = held_return(dataset.close, horizon)[own][:, bars]
    books = {
        "model": book_weights(predictions, earned),
        "rule": sign_weights(np.where(unknown, np.nan, trailing), earned),
        "classical": book_weights(np.where(unknown, np.nan, feature), earned),
    }
    found = {
        name: run_book(weights, earned, horizon_minutes=minutes, costs=config.promotion, day_minutes=dataset.day_minutes) for name, weights in books.items()
    }
    return judge(
        model=found["model"],
        rule=found["rule"],
        classical=found["classical"],
        test_skill=test,
        thresholds=config.promotion,
        blocked_override=plan.blocked_override,
    )
