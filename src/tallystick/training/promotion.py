"""The promotion gate: a model goes to paper only when it earns more, net of costs, than a rule and a classical model do on bars it never saw."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.contracts.market import MINUTES_PER_DAY
from tallystick.contracts.model_runs import BaselineComparison, PromotionAssessment
from tallystick.contracts.training import CrossSectionalRanking
from tallystick.kernels.evidence import book_returns
from tallystick.kernels.statistics import mean, ranks, sample_std
from tallystick.training.config import PromotionThresholds
from tallystick.training.scoring import Skill


@dataclass(frozen=True, slots=True)
class BookResult:
    """A long/short book over the test window, rebalanced once per horizon. Percentages (0–100) of equity, summed, not compounded; Sharpe is annualised."""

    rebalances: int
    gross_return_pct: float
    cost_pct: float
    net_return_pct: float
    sharpe: float | None
    max_drawdown_pct: float
    mean_turnover: float
    hit_rate: float

    def document(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def book_weights(scores: NDArray[float64], returns: NDArray[float64]) -> NDArray[float64]:
    """Weights float64[T, S] of scores[S, T]: centred ranks at gross 1 per timestamp; the sign of the score where only one symbol has one.

    A symbol without a score, or without a return to earn, has weight 0.
    """
    out = np.zeros((scores.shape[1], scores.shape[0]))
    for t in range(scores.shape[1]):
        row = np.where(np.isnan(returns[:, t]), np.nan, scores[:, t])
        present = np.flatnonzero(~np.isnan(row))
        if present.size == 1:
            out[t, present[0]] = np.sign(row[present[0]])
        elif present.size > 1:
            centred = ranks(row)[present] - (present.size + 1) / 2
            gross = math.fsum(np.abs(centred).tolist())
            out[t, present] = centred / gross if gross > 0.0 else 0.0
    return out


def sign_weights(scores: NDArray[float64], returns: NDArray[float64]) -> NDArray[float64]:
    """Weights float64[T, S]: the sign of each score, at gross 1 per timestamp."""
    signs = np.sign(np.where(np.isnan(returns) | np.isnan(scores), 0.0, scores)).T
    counts = np.abs(signs).sum(axis=1, keepdims=True)
    return np.ascontiguousarray(np.divide(signs, counts, out=np.zeros_like(signs), where=counts > 0))


def run_book(
    weights: NDArray[float64], returns: NDArray[float64], *, horizon_minutes: int, costs: PromotionThresholds, day_minutes: int = MINUTES_PER_DAY
) -> BookResult:
    """Hold weights[T, S] over returns[S, T], one horizon each, paying fee and half the spread on every change of weight.

    day_minutes: what the bars of one trading day cover; with `costs.days_per_year` it gives the horizons in a year.
    """
    rows = np.empty((3, weights.shape[0]))
    cost_frac = (costs.taker_fee_bps + costs.half_spread_bps) / 1e4
    book_returns(np.ascontiguousarray(weights), np.ascontiguousarray(returns.T), cost_frac, rows)
    gross, cost, turnover = rows
    net = gross - cost
    active = int((np.abs(weights).sum(axis=1) > 0).sum())
    level = peak = drawdown = 0.0
    for value in net.tolist():
        level += value
        peak = max(peak, level)
        drawdown = max(drawdown, peak - level)
    periods = costs.days_per_year * day_minutes / horizon_minutes
    deviation = sample_std(net)
    return BookResult(
        rebalances=active,
        gross_return_pct=100.0 * math.fsum(gross.tolist()),
        cost_pct=100.0 * math.fsum(cost.tolist()),
        net_return_pct=100.0 * math.fsum(net.tolist()),
        sharpe=mean(net) / deviation * math.sqrt(periods) if deviation > 0.0 else None,
        max_drawdown_pct=100.0 * drawdown,
        mean_turnover=mean(turnover) if turnover.size else 0.0,
        hit_rate=int((net > 0).sum()) / active if active else 0.0,
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found, in the shapes of the training summary."""

    assessment: PromotionAssessment
    baselines: BaselineComparison
    market: BookResult


def judge(
    *,
    model: BookResult,
    rule: BookResult,
    classical: BookResult,
    test_skill: Skill,
    thresholds: PromotionThresholds,
    blocked_override: bool,
    ranking: CrossSectionalRanking | None = None,
) -> Verdict:
    """Eligible only when nothing blocks; every reason says its number and the number it needed."""
    reasons = []
    if blocked_override:
        reasons.append("routing blocked the target; it was trained by override (decision 49)")
    if ranking is not None and not ranking.training_metrics.best_ic > 0.0:
        reasons.append(f"best_ic {ranking.training_metrics.best_ic:.4f} of a ranking model, above 0 needed")
    if model.rebalances < thresholds.min_rebalances:
        reasons.append(f"{model.rebalances} rebalances on the test window, at least {thresholds.min_rebalances} needed")
    if not (test_skill.known and test_skill.t_stat >= thresholds.min_t_stat):
        found = f"{test_skill.t_stat:.2f}" if test_skill.known else "unknown"
        reasons.append(f"t-statistic {found} of the rank IC on the test window, at least {thresholds.min_t_stat} needed")
    if not model.net_return_pct > 0.0:
        gross = f"{model.gross_return_pct:.2f} % gross, {model.cost_pct:.2f} % costs"
        reasons.append(f"net return {model.net_return_pct:.2f} % on the test window ({gross}), above 0 needed")
    if model.max_drawdown_pct > thresholds.max_drawdown_pct:
        reasons.append(f"drawdown {model.max_drawdown_pct:.2f} %, at most {thresholds.max_drawdown_pct} % allowed")
    beaten = [model.net_return_pct > baseline.net_return_pct for baseline in (rule, classical)]
    for won, name, baseline in zip(beaten, ("rule-based", "classical"), (rule, classical), strict=True):
        if not won:
            reasons.append(f"net return {model.net_return_pct:.2f} %, the {name} baseline has {baseline.net_return_pct:.2f} %")
    return Verdict(
        assessment=PromotionAssessment(eligible_for_paper=not reasons, blocking_reasons=tuple(reasons)),
        baselines=BaselineComparison(
            required=True,
            rule_based_baseline={"name": "sign of the trailing return over the horizon", **rule.document()},
            classical_ml_baseline={"name": "one-feature linear model, chosen on development rows", **classical.document()},
            result=("beats_none", "beats_one", "beats_both")[sum(beaten)],
        ),
        market=model,
    )
