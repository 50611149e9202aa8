"""Stage one: out-of-fold skill of every target, across symbols and symbol by symbol, from one family fitted on purged folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.analysis.splits import Fold, purged_walk_forward
from tallystick.training.config import TrainingConfig
from tallystick.training.dataset import Dataset, Rows
from tallystick.training.fitting import MIN_TRAINING_ROWS, FamilyTask, Fit, Outcome, capped_labels
from tallystick.training.identity import stable_seed
from tallystick.training.ports import ModelFamily
from tallystick.training.scoring import Skill, overlap_lag, score_cross_section, score_through_time

MIN_TRAINING_TIMES = 20
EVERYONE = ""
"""Stands for all symbols in the name of a fit."""


@dataclass(frozen=True, slots=True)
class TargetSkill:
    """Skill of one target: pooled over symbols, and of each symbol that had enough rows; `coverage` is the share of sampled bars with a score."""

    target: str
    cross: Skill
    symbols: Mapping[str, Skill]
    coverage: float


@dataclass(frozen=True, slots=True)
class RankingPlan:
    """The fits that judge one target."""

    target: str
    rows: Rows
    folds: tuple[Fold, ...]
    lag: int
    task: FamilyTask


def plan_ranking(dataset: Dataset, target: str, config: TrainingConfig, model: ModelFamily) -> RankingPlan:
    """Fits of one target on the development window: every fold pooled, and every fold of each symbol alone."""
    development = dataset.windows(target, config.test_share_pct).development
    stride = max(1, -(-len(dataset.symbols) * development.shape[0] // config.ranking_rows))
    bars = dataset.every(development, stride)
    rows = dataset.rows(bars)
    labels = rows.take(dataset.labels[target])
    folds = purged_walk_forward(dataset.clock_ns[bars], folds=config.folds, gap=dataset.gap(target), min_train=MIN_TRAINING_TIMES)
    columns = np.arange(len(dataset.features), dtype=np.int64)
    fits = []
    for fold in folds:
        train = np.flatnonzero((rows.place < fold.train.shape[0]) & np.isfinite(labels))
        judged = np.flatnonzero((rows.place >= fold.validate[0]) & (rows.place <= fold.validate[-1]))
        for number in (-1, *range(len(dataset.symbols))):
            mine_train = train if number < 0 else train[rows.symbol[train] == number]
            mine_judged = judged if number < 0 else judged[rows.symbol[judged] == number]
            if mine_judged.size == 0 or (number >= 0 and mine_train.size < MIN_TRAINING_ROWS):
                continue
            name = EVERYONE if number < 0 else dataset.symbols[number]
            fits.append(
                Fit(
                    key=f"{name}/{fold.number}",
                    target=target,
                    feature_names=dataset.features,
                    columns=columns,
                    train=mine_train,
                    labels=capped_labels(labels[mine_train], config.label_cap_mad),
                    predict=mine_judged,
                    seed=stable_seed(config.seed, "ranking", target, name, fold.number),
                )
            )
    task = FamilyTask(model=model, matrix=rows.matrix, fits=tuple(fits))
    return RankingPlan(target=target, rows=rows, folds=folds, lag=overlap_lag(dataset.horizon_bars(target), stride), task=task)


def score_target(dataset: Dataset, plan: RankingPlan, config: TrainingConfig, outcomes: Mapping[str, Outcome]) -> TargetSkill:
    """Skill from the out-of-fold predictions. The permutation p of a symbol is computed only where its t-statistic already passes."""
    labels = dataset.labels[plan.target][:, plan.rows.bars]
    thresholds = config.thresholds(plan.target)
    segments = np.full(plan.rows.bars.shape[0], -1, dtype=np.int64)
    for fold in plan.folds:
        segments[fold.validate] = fold.number
    judged = np.flatnonzero(segments >= 0)
    seed = stable_seed(config.seed, "permutation", plan.target)
    cross = score_cross_section(
        _grid(plan, outcomes, EVERYONE)[:, judged],
        labels[:, judged],
        lag=plan.lag,
        min_names=config.min_names,
        permutations=config.permutations,
        seed=seed,
    )
    names = [name for name in dataset.symbols if any(f"{name}/{fold.number}" in outcomes for fold in plan.folds)]
    permutations = max(config.permutations, int(2 * len(names) * len(config.targets) / thresholds.symbol_max_p_value))
    skills = {}
    for name in names:
        row = dataset.symbols.index(name)
        predictions = _grid(plan, outcomes, name)[row, judged]
        skill = score_through_time(predictions, labels[row, judged], segments[judged], lag=plan.lag)
        if skill.known and skill.t_stat >= thresholds.min_t_stat:
            shifted = score_through_time(predictions, labels[row, judged], segments[judged], lag=plan.lag, permutations=permutations, seed=seed)
            skill = replace(skill, p_value=shifted.p_value)
        skills[name] = skill
    return TargetSkill(target=plan.target, cross=cross, symbols=skills, coverage=cross.count / max(1, judged.shape[0]))


def _grid(plan: RankingPlan, outcomes: Mapping[str, Outcome], name: str) -> NDArray[float64]:
    out = np.full((plan.rows.symbols, plan.rows.bars.shape[0]), np.nan)
    fits: dict[str, NDArray[int64]] = {fit.key: fit.predict for fit in plan.task.fits}
    for fold in plan.folds:
        key = f"{name}/{fold.number}"
        if key in outcomes:
            rows = fits[key]
            out[plan.rows.symbol[rows], plan.rows.place[rows]] = outcomes[key].predictions
    return out
