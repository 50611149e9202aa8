"""Stage three's plan: which models are fitted for a target, on which rows and columns, and how their outcomes are read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.analysis.splits import Fold, HoldOut, purged_walk_forward
from tallystick.training.config import TrainingConfig
from tallystick.training.dataset import Dataset, Rows
from tallystick.training.fitting import Fit, Outcome, capped_labels
from tallystick.training.identity import stable_seed
from tallystick.training.ranking import MIN_TRAINING_TIMES
from tallystick.training.scoring import overlap_lag
from tallystick.training.selection import Selection, pooled_evidence, select, symbol_evidence


@dataclass(frozen=True, slots=True)
class TargetRows:
    """Rows of one target: sampled development bars first, then test bars one horizon apart, so that test labels never overlap.

    labels float64[S, B] and trailing float64[S, B] (return over the horizon before the bar) are grids over the same bars.
    """

    target: str
    windows: HoldOut
    rows: Rows
    development: int
    folds: tuple[Fold, ...]
    lag: int
    labels: NDArray[float64]
    trailing: NDArray[float64]


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """One model of each family: pooled (`symbol` None) or of one symbol. `selections` has one entry per fold, `final` chose on all development rows."""

    shared: TargetRows
    view: str
    symbol: str | None
    blocked_override: bool
    selections: tuple[Selection, ...]
    final: Selection

    @property
    def key(self) -> str:
        """Name of the plan within its run."""
        return f"{self.shared.target}/{self.view}/{self.symbol or ''}"


def target_rows(dataset: Dataset, target: str, config: TrainingConfig) -> TargetRows:
    """Sampled rows of a target with its purged folds."""
    windows = dataset.windows(target, config.test_share_pct)
    horizon = dataset.horizon_bars(target)
    stride = max(1, -(-len(dataset.symbols) * windows.development.shape[0] // config.training_rows))
    development = dataset.every(windows.development, stride)
    bars = np.concatenate([development, dataset.every(windows.test, horizon)])
    trailing = np.full(dataset.close.shape, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        trailing[:, horizon:] = dataset.close[:, horizon:] / dataset.close[:, :-horizon] - 1.0
    return TargetRows(
        target=target,
        windows=windows,
        rows=dataset.rows(bars),
        development=development.shape[0],
        folds=purged_walk_forward(dataset.clock_ns[development], folds=config.folds, gap=dataset.gap(target), min_train=MIN_TRAINING_TIMES),
        lag=overlap_lag(horizon, stride),
        labels=np.where(dataset.usable[:, bars], dataset.labels[target][:, bars], np.nan),
        trailing=trailing[:, bars],
    )


def plan_model(dataset: Dataset, shared: TargetRows, view: str, symbol: str | None, config: TrainingConfig, *, blocked_override: bool) -> ModelPlan:
    """Choose the columns of one model, fold by fold and finally on all development rows."""
    bars = shared.rows.bars[: shared.development]
    labels = shared.labels[:, : shared.development]
    cube = np.where(dataset.usable[:, None, bars], dataset.cube[:, :, bars], np.nan)

    def evidence(train: NDArray[int64]) -> NDArray[float64]:
        if symbol is None:
            return pooled
        row = dataset.symbols.index(symbol)
        return symbol_evidence(np.ascontiguousarray(cube[row][:, train]), np.ascontiguousarray(labels[row, train]))

    pooled = pooled_evidence(cube, labels, config.min_names) if symbol is None else np.empty((0, 0))
    selections = []
    for train in (*(fold.train for fold in shared.folds), np.arange(shared.development, dtype=np.int64)):
        chosen = train if symbol is None else np.arange(train.shape[0], dtype=np.int64)
        selections.append(select(evidence(train), dataset.features, chosen, lag=shared.lag, m=config.top_m_features))
    return ModelPlan(shared=shared, view=view, symbol=symbol, blocked_override=blocked_override, selections=tuple(selections[:-1]), final=selections[-1])


def fits_of(plan: ModelPlan, dataset: Dataset, config: TrainingConfig) -> tuple[Fit, ...]:
    """The fits of one model: each fold, then the final one on every development row, which also predicts development and test."""
    shared, rows = plan.shared, plan.shared.rows
    labels = shared.labels[rows.symbol, rows.place]
    mine = np.ones(rows.place.shape[0], dtype=np.bool_) if plan.symbol is None else rows.symbol == dataset.symbols.index(plan.symbol)
    fits = []
    for fold, selection in zip(shared.folds, plan.selections, strict=True):
        train = np.flatnonzero(mine & (rows.place < fold.train.shape[0]) & np.isfinite(labels))
        judged = np.flatnonzero(mine & (rows.place >= fold.validate[0]) & (rows.place <= fold.validate[-1]))
        fits.append(_fit(plan, dataset, config, f"fold{fold.number}", selection, train, labels, judged, package=False))
    train = np.flatnonzero(mine & (rows.place < shared.development) & np.isfinite(labels))
    fits.append(_fit(plan, dataset, config, "final", plan.final, train, labels, np.flatnonzero(mine), package=True))
    return tuple(fits)


def _fit(
    plan: ModelPlan,
    dataset: Dataset,
    config: TrainingConfig,
    part: str,
    selection: Selection,
    train: NDArray[int64],
    labels: NDArray[float64],
    predict: NDArray[int64],
    *,
    package: bool,
) -> Fit:
    return Fit(
        key=f"{plan.key}/{part}",
        target=plan.shared.target,
        feature_names=selection.names,
        columns=np.array([dataset.features.index(name) for name in selection.names], dtype=np.int64),
        train=train,
        labels=capped_labels(labels[train], config.label_cap_mad),
        predict=predict,
        seed=model_seed(plan, config, part),
        package=package,
    )


def model_seed(plan: ModelPlan, config: TrainingConfig, part: str = "final") -> int:
    """Seed of one fit."""
    return stable_seed(config.seed, "training", plan.key, part)


@dataclass(frozen=True, slots=True)
class FamilyResult:
    """What one family made of a plan: out-of-fold predictions [S, development bars], final predictions [S, all bars], and the final fit's outcome."""

    plan: ModelPlan
    family: str
    extension: str
    objective: str
    normalization: str
    out_of_fold: NDArray[float64]
    final: NDArray[float64]
    outcome: Outcome


def read_back(plan: ModelPlan, fits: tuple[Fit, ...], outcomes: Mapping[str, Outcome]) -> tuple[NDArray[float64], NDArray[float64]]:
    """Out-of-fold and final predictions as grids."""
    shared = plan.shared
    out_of_fold = np.full((shared.rows.symbols, shared.development), np.nan)
    for fit in fits[:-1]:
        out_of_fold[shared.rows.symbol[fit.predict], shared.rows.place[fit.predict]] = outcomes[fit.key].predictions
    return out_of_fold, shared.rows.scatter(fits[-1].predict, outcomes[fits[-1].key].predictions)
