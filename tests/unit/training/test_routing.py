from __future__ import annotations

import pytest

from tallystick.training.config import EvidenceThresholds
from tallystick.training.ranking import TargetSkill
from tallystick.training.routing import decide, of_target, views_of
from tallystick.training.scoring import Skill

STRONG = Skill(0.05, 0.05, 0.2, 0.55, 0.01, 5.0, 1000, 0.002)
NOISE = Skill(0.001, 0.001, 0.0, 0.5, 0.01, 0.1, 1000, 0.45)
UNKNOWN = Skill(float("nan"), float("nan"), float("nan"), float("nan"), float("nan"), float("nan"), 3, None)
SYMBOL_STRONG = Skill(0.08, 0.08, 0.1, 0.55, 0.01, 6.0, 1000, 0.0001)
SYMBOL_WEAK = Skill(0.02, 0.02, 0.1, 0.5, 0.02, 1.0, 1000, None)


def routed(cross: Skill, winners: int, of: int = 10, *, limit: int = 100, **thresholds: float):
    symbols = {f"S{number:02d}": SYMBOL_STRONG if number < winners else SYMBOL_WEAK for number in range(of)}
    found = TargetSkill("fwd_ret_60m", cross, symbols, 1.0)
    return decide(found, EvidenceThresholds(**thresholds), max_symbols_for_ss=limit, universe=of, targets=1)


@pytest.mark.clause("D1.52", "D1.53", "D1.54", "D1.55")
@pytest.mark.parametrize(
    ("cross", "winners", "route"),
    [
        (STRONG, 0, "CROSS_SECTIONAL"),
        (STRONG, 1, "CROSS_SECTIONAL"),
        (STRONG, 3, "BOTH"),
        (STRONG, 5, "CROSS_SECTIONAL"),
        (STRONG, 10, "CROSS_SECTIONAL"),
        (NOISE, 0, "BLOCKED"),
        (NOISE, 2, "SYMBOL_SPECIFIC"),
        (UNKNOWN, 0, "BLOCKED"),
        (UNKNOWN, 1, "SYMBOL_SPECIFIC"),
    ],
)
def test_route_follows_the_evidence(cross: Skill, winners: int, route: str) -> None:
    found = routed(cross, winners)
    assert found.route == route
    assert found.reason.strip()
    assert found.winner_symbols == tuple(f"S{number:02d}" for number in range(winners))
    assert found.n_symbols_evaluated == 10


def test_decision_33_a_skill_that_cannot_be_told_from_noise_is_blocked() -> None:
    found = routed(NOISE, 0)
    assert found.route == "BLOCKED"
    assert found.skill01_cs == pytest.approx(0.5005)
    assert "cannot be told from noise" in found.reason
    assert "t 0.10" in found.reason
    assert "p 0.4500" in found.reason


def test_a_good_t_with_a_poor_p_is_blocked() -> None:
    assert routed(Skill(0.05, 0.05, 0.2, 0.55, 0.01, 5.0, 1000, 0.2), 0).route == "BLOCKED"


def test_too_few_timestamps_are_no_evidence() -> None:
    assert routed(Skill(0.05, 0.05, 0.2, 0.55, 0.01, 5.0, 150, 0.002), 0).route == "BLOCKED"


def test_a_skill_too_good_to_be_honest_is_blocked_as_a_leak() -> None:
    found = routed(Skill(0.9, 0.9, 9.0, 1.0, 0.01, 90.0, 1000, 0.002), 0)
    assert found.route == "BLOCKED"
    assert "leak" in found.reason
    assert "S00" in routed(STRONG, 2, suspicious_ic=0.07).reason


def test_symbols_are_judged_as_a_family() -> None:
    marginal = Skill(0.08, 0.08, 0.1, 0.55, 0.02, 4.0, 1000, 0.002)
    alone = TargetSkill("fwd_ret_60m", NOISE, {"S00": marginal}, 1.0)
    among = TargetSkill("fwd_ret_60m", NOISE, {"S00": marginal, **{f"S{number:02d}": SYMBOL_WEAK for number in range(1, 10)}}, 1.0)
    thresholds = EvidenceThresholds()
    assert decide(alone, thresholds, max_symbols_for_ss=100, universe=1, targets=1).route == "SYMBOL_SPECIFIC"
    assert decide(among, thresholds, max_symbols_for_ss=100, universe=10, targets=1).route == "BLOCKED"


@pytest.mark.parametrize(("cross", "route"), [(STRONG, "CROSS_SECTIONAL"), (NOISE, "BLOCKED")])
def test_large_universe_has_no_symbol_models(cross: Skill, route: str) -> None:
    found = routed(cross, 3, limit=5)
    assert found.route == route
    assert found.reason.startswith("SS_GATED")


def test_decision_50_views_of_a_route() -> None:
    views = [views_of(routed(cross, winners)) for cross, winners in ((STRONG, 0), (STRONG, 3), (NOISE, 2), (NOISE, 0))]
    assert views == [("CROSS_SECTIONAL",), ("CROSS_SECTIONAL", "SYMBOL_SPECIFIC"), ("SYMBOL_SPECIFIC",), ()]


@pytest.mark.clause("D1.51")
def test_decision_52_copy_below_a_target_is_keyed_by_that_target() -> None:
    decisions = {"fwd_ret_60m": routed(STRONG, 0), "fwd_ret_240m": routed(NOISE, 0)}
    assert list(of_target(decisions, "fwd_ret_60m").root) == ["fwd_ret_60m"]
