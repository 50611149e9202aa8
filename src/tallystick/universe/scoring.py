"""Scores and the official order of a universe."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tallystick.contracts.errors import DataError
from tallystick.contracts.pool import RegimeLabel
from tallystick.kernels.statistics import ranks, sample_std
from tallystick.universe.config import UniverseConfig
from tallystick.universe.features import DayFeatures, Values

COMPONENTS = ("rule", "linear", "ml")
RELATIVE = frozenset({"rs_risk_adj", "rs_combo"})


@dataclass(frozen=True, slots=True)
class RankedName:
    """One name with its scores in [0, 1] (None = component not computed); liquidity and turnover break ties."""

    symbol: str
    rule_score: float | None
    linear_score: float | None
    ml_score: float | None
    final_score: float
    confidence: float
    liquidity_stability: float
    avg_quote_vol_180: float


def rank_fraction(values: Values) -> list[float]:
    """Rank / n over the values present, average ties, in (0, 1]; a missing value counts 0."""
    present = int(np.count_nonzero(~np.isnan(values)))
    return [0.0 if math.isnan(rank) else rank / present for rank in ranks(values).tolist()]


def renormalised(weights: Mapping[str, float], available: Sequence[str]) -> dict[str, float]:
    """The weights of what is available, scaled to sum to 1. Raises DataError when nothing with weight is available."""
    total = math.fsum(weights[name] for name in sorted(available))
    if total <= 0:
        raise DataError(f"expected a score component with weight, found only {', '.join(sorted(available)) or 'none'}")
    return {name: weights[name] / total for name in sorted(available)}


def rule_scores(features: DayFeatures, weights: Mapping[str, float]) -> list[float]:
    """Weighted sum of rank fractions per name. Without a benchmark the relative-strength features fall out and the others are scaled up."""
    # Scaling up keeps the proportions of what is left; filling in a middle rank would invent a measurement.
    usable = [name for name in weights if features.benchmark is not None or name not in RELATIVE]
    scaled = renormalised(weights, usable)
    columns = {name: rank_fraction(features.by_name[name]) for name in scaled}
    # Sums that are equal on paper may differ in their last bit; rounding keeps them ties, so the tie-break decides and not the noise.
    return [min(1.0, round(math.fsum(scaled[name] * columns[name][place] for name in scaled), 12)) for place in range(len(features.symbols))]


def confidence_of(components: Sequence[float], final: float) -> float:
    """0.6 · agreement + 0.4 · distance from the middle; agreement = 1 − 2 · clip(sample std of the components, 0, 0.5), 0 for a single component."""
    spread = float(sample_std(np.array(components, dtype=np.float64))) if len(components) > 1 else 0.5
    return min(1.0, max(0.0, round(0.6 * (1 - 2 * min(0.5, max(0.0, spread))) + 0.4 * 2 * abs(final - 0.5), 12)))


def rank_universe(
    features: DayFeatures, config: UniverseConfig, regime: RegimeLabel, extra: Mapping[str, Mapping[str, float]] | None = None
) -> tuple[tuple[RankedName, ...], dict[str, float]]:
    """The names in official order, best first, and the component weights used.

    `extra` holds further components by name (`linear`, `ml`), each a raw score per symbol; absent ones give their weight to the others.
    Order: final_score, confidence, liquidity_stability, avg_quote_vol_180 descending, then symbol. Raises DataError for a component that misses a name.
    """
    raw: dict[str, list[float]] = {"rule": rule_scores(features, config.rule_weights)}
    for name, scores in sorted((extra or {}).items()):
        missing = [symbol for symbol in features.symbols if symbol not in scores]
        if name not in COMPONENTS[1:] or missing:
            raise DataError(f"expected the component linear or ml with a score for every name, found {name} without {', '.join(missing) or 'a known name'}")
        raw[name] = [float(scores[symbol]) for symbol in features.symbols]
    weights = renormalised(config.component_weights[regime], list(raw))
    places = {name: rank_fraction(np.array(values, dtype=np.float64)) for name, values in raw.items()}
    rows = []
    for place, symbol in enumerate(features.symbols):
        parts = {name: places[name][place] for name in raw}
        final = min(1.0, round(math.fsum(weights[name] * parts[name] for name in weights), 12))
        rows.append(
            RankedName(
                symbol=symbol,
                rule_score=raw["rule"][place],
                linear_score=parts.get("linear"),
                ml_score=parts.get("ml"),
                final_score=final,
                confidence=confidence_of([parts[name] for name in sorted(parts)], final),
                liquidity_stability=float(features.by_name["liquidity_stability"][place]),
                avg_quote_vol_180=float(features.by_name["avg_quote_vol_180"][place]),
            )
        )
    return official_order(rows), weights


def official_order(rows: Sequence[RankedName]) -> tuple[RankedName, ...]:
    """A total order that does not depend on the order given."""
    return tuple(sorted(rows, key=lambda row: (-row.final_score, -row.confidence, -row.liquidity_stability, -row.avg_quote_vol_180, row.symbol)))
