"""Where a target is trained, decided on evidence: a skill that cannot be told from noise is BLOCKED (decision 33)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tallystick.contracts.training import RoutingDecision, RoutingDecisions, RoutingEvidence
from tallystick.training.config import EvidenceThresholds
from tallystick.training.ranking import TargetSkill
from tallystick.training.scoring import SCORING_SIGNATURE, Skill, composite_score, skill01, stability01


def decide(skill: TargetSkill, thresholds: EvidenceThresholds, *, max_symbols_for_ss: int, universe: int, targets: int) -> RoutingDecision:
    """The route of one target; the first rule that holds decides.

    1 too good to be honest: BLOCKED. 2 evidence across symbols, and hardly any or at least half of the symbols show it alone: CROSS_SECTIONAL. 3 evidence
    across symbols, and a sizeable minority of symbols shows it alone: BOTH. 4 evidence in single symbols only: SYMBOL_SPECIFIC. 5 otherwise BLOCKED. A universe
    above `max_symbols_for_ss` has no symbol models: 3 becomes CROSS_SECTIONAL and 4 BLOCKED, and the reason begins with SS_GATED.
    """
    winners = sorted(name for name, found in skill.symbols.items() if _symbol_passes(found, thresholds, len(skill.symbols) * targets))
    share = len(winners) / len(skill.symbols) if skill.symbols else 0.0
    pooled = _pooled_passes(skill.cross, thresholds)
    suspects = sorted(name for name, found in skill.symbols.items() if found.known and found.mean_rank_ic >= thresholds.suspicious_ic)
    numbers = _numbers(skill.cross, thresholds)
    gated = universe > max_symbols_for_ss
    if (skill.cross.known and skill.cross.mean_rank_ic >= thresholds.suspicious_ic) or suspects:
        where = "across symbols" if not suspects else f"in {', '.join(suspects[:3])}"
        route, reason = "BLOCKED", f"skill {where} is at least {thresholds.suspicious_ic}, too good to be honest: look for a leak ({numbers})"
    elif pooled and not thresholds.min_frac_both <= share < thresholds.min_frac_symbols:
        route, reason = "CROSS_SECTIONAL", f"evidence across symbols: {numbers}; {len(winners)} of {len(skill.symbols)} symbols show it alone"
    elif pooled and gated:
        route, reason = "CROSS_SECTIONAL", f"SS_GATED: {universe} symbols, limit {max_symbols_for_ss}; evidence across symbols: {numbers}"
    elif pooled:
        route, reason = "BOTH", f"evidence across symbols: {numbers}; and in {len(winners)} of {len(skill.symbols)} symbols alone"
    elif winners and gated:
        route, reason = "BLOCKED", f"SS_GATED: {universe} symbols, limit {max_symbols_for_ss}; evidence in single symbols only; across symbols {numbers}"
    elif winners:
        route, reason = "SYMBOL_SPECIFIC", f"evidence in {len(winners)} of {len(skill.symbols)} symbols alone; across symbols {numbers}"
    else:
        route, reason = "BLOCKED", f"skill cannot be told from noise: {numbers}; no symbol passes alone"
    means = [found.mean_rank_ic for found in skill.symbols.values() if found.known]
    best = max((found.t_stat for found in skill.symbols.values() if found.known), default=None)
    fields = {
        "route": route,
        "reason": reason,
        "frac_symbols_good": share,
        "winner_symbols": tuple(winners),
        "n_symbols_evaluated": len(skill.symbols),
        "evidence": _evidence(skill, thresholds, best),
    }
    if skill.cross.known:
        fields["skill01_cs"] = skill01(skill.cross.mean_rank_ic)
    if means:
        fields["skill01_sym_mean"] = math.fsum(skill01(value) for value in means) / len(means)
    return RoutingDecision.model_validate(fields)


def _pooled_passes(skill: Skill, thresholds: EvidenceThresholds) -> bool:
    if not skill.known or skill.p_value is None or skill.count < thresholds.min_timestamps:
        return False
    return skill.mean_rank_ic > 0.0 and skill.t_stat >= thresholds.min_t_stat and skill.p_value <= thresholds.max_p_value


def _symbol_passes(skill: Skill, thresholds: EvidenceThresholds, tested: int) -> bool:
    if not skill.known or skill.p_value is None or skill.count < thresholds.min_timestamps:
        return False
    return skill.mean_rank_ic > 0.0 and skill.t_stat >= thresholds.min_t_stat and skill.p_value <= thresholds.symbol_max_p_value / tested


def _numbers(skill: Skill, thresholds: EvidenceThresholds) -> str:
    if not skill.known or skill.p_value is None:
        return f"too little data for a cross-section, {skill.count} timestamps"
    return (
        f"mean rank IC {skill.mean_rank_ic:.4f} over {skill.count} timestamps (at least {thresholds.min_timestamps}), "
        f"t {skill.t_stat:.2f} (at least {thresholds.min_t_stat}), p {skill.p_value:.4f} (at most {thresholds.max_p_value})"
    )


def _evidence(skill: TargetSkill, thresholds: EvidenceThresholds, best_symbol: float | None) -> RoutingEvidence:
    cross = skill.cross
    return RoutingEvidence(
        mean_rank_ic=cross.mean_rank_ic if cross.known else None,
        t_stat=cross.t_stat if cross.known else None,
        p_value=cross.p_value,
        n_timestamps=cross.count,
        min_t_stat=thresholds.min_t_stat,
        max_p_value=thresholds.max_p_value,
        composite_score=composite_score(cross, coverage=skill.coverage),
        stability01=stability01(cross.error) if cross.known else None,
        best_symbol_t_stat=best_symbol,
        scoring_signature=SCORING_SIGNATURE,
    )


def views_of(decision: RoutingDecision) -> tuple[str, ...]:
    """The view trees a route has models in: two for BOTH (decision 50), none for BLOCKED."""
    both = ("CROSS_SECTIONAL", "SYMBOL_SPECIFIC")
    return {"BOTH": both, "BLOCKED": ()}.get(decision.route, (decision.route,))


def of_target(decisions: Mapping[str, RoutingDecision], target: str) -> RoutingDecisions:
    """The decisions of one target alone, as the copies below its folder hold them."""
    return RoutingDecisions({target: decisions[target]})
