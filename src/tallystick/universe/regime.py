"""The market regime of the snapshot day, from the benchmark's trend and the breadth of the universe."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tallystick.contracts.pool import RegimeLabel
from tallystick.universe.features import DayFeatures, market_context


@dataclass(frozen=True, slots=True)
class Regime:
    """The label, its confidence in [0, 1], and in words what could not be judged."""

    label: RegimeLabel
    confidence: float
    note: str


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))


def classify_regime(features: DayFeatures, benchmark: str, smallest_context: int) -> Regime:
    """risk_off, btc_dominant, broad_alt_strength or late_momentum; `unknown` without a benchmark, a full history, or enough names."""
    if features.benchmark is None:
        return Regime("unknown", 0.0, f"{benchmark} has no bar on the day: regime unknown, default weights, relative strength left out of the rule score")
    if len(features.symbols) < smallest_context:
        return Regime("unknown", 0.0, f"{len(features.symbols)} names in the universe, {smallest_context} are needed for a regime: default weights")
    context = market_context(features)
    trend, z = features.benchmark["price_vs_sma200"], features.benchmark["zscore_120"]
    b60, b200 = context.breadth_above_sma60, context.breadth_above_sma200
    if any(math.isnan(value) for value in (trend, z, b60, b200, context.momentum_dispersion, context.rs_dispersion)):
        return Regime("unknown", 0.0, f"{benchmark} or the universe lacks the days for a 200-day mean: regime unknown, default weights")
    # Order matters: weak breadth is risk_off even where the benchmark stands above its mean.
    above = trend > 0
    if (not above and b200 < 0.35) or b60 < 0.25:
        return Regime("risk_off", _within((0.35 - b200) * 2.5), "")
    if above and b60 < 0.35 and z > 0:
        return Regime("btc_dominant", _within((0.35 - b60) * 2.5 + min(0.5, z / 3)), "")
    if above and b60 > 0.55 and b200 > 0.4 and context.single_leader_burst < context.momentum_dispersion:
        return Regime("broad_alt_strength", _within(2 * (b60 - 0.55) + 2 * (b200 - 0.4)), "")
    return Regime("late_momentum", _within(context.single_leader_burst + context.rs_dispersion), "")
