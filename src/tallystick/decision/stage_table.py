"""What a policy computed for each symbol, as plain dictionaries a journal, a trace and a person can read. A missing number is None, never NaN."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from tallystick.contracts.decision import ArbitrationResult, CostBreakdown, GateResult, HorizonPredictions, ModelPrediction, PipelineTrace, SizingResult
from tallystick.decision.forecasts import ForecastMemory, Forecasts
from tallystick.decision.market_view import MarketView

_COSTS = ("spread_cost", "timing_cost", "impact_cost", "total_cost")


def number(value: float) -> float | None:
    """A float that JSON can carry, or None."""
    plain = float(value)
    return plain if isfinite(plain) else None


def symbol_stages(memory: ForecastMemory, found: Forecasts, row: int) -> dict[str, Any]:
    """One symbol: predictions by horizon and model, weights, alphas, costs, scores, the chosen horizon and its threshold."""
    by_model: dict[str, dict[str, dict[str, float | None]]] = {horizon: {} for horizon in memory.horizons}
    for k, column in enumerate(memory.columns):
        numbers = {"raw": found.raw, "z": found.z, "ic": found.ic, "confidence": found.confidence, "calibrated": found.calibrated, "weight": found.weights}
        by_model[f"{column.minutes}m"][column.name] = {name: number(array[k, row]) for name, array in numbers.items()}
    chosen = int(found.chosen[row])
    return {
        "predictions": by_model,
        "alphas": {horizon: number(found.alpha[h, row]) for h, horizon in enumerate(memory.horizons)},
        "sigmas": {horizon: number(found.sigma[h, row]) for h, horizon in enumerate(memory.horizons)},
        "costs_bps": {horizon: dict(zip(_COSTS, map(number, found.costs[h, row]), strict=True)) for h, horizon in enumerate(memory.horizons)},
        "scores_bps": {horizon: number(found.scores[h, row]) for h, horizon in enumerate(memory.horizons)},
        "threshold_bps": number(found.thresholds[row]),
        "horizon": memory.horizons[chosen] if chosen >= 0 else None,
        "p_peak": number(found.p_peak[row]),
        "p_valley": number(found.p_valley[row]),
    }


def horizon_predictions(memory: ForecastMemory, found: Forecasts, row: int) -> tuple[HorizonPredictions, ...]:
    """The same as messages, for the horizons that have a forecast; models without a prediction are left out."""
    out = []
    for h, horizon in enumerate(memory.horizons):
        members = [k for k, column in enumerate(memory.columns) if f"{column.minutes}m" == horizon and isfinite(found.calibrated[k, row])]
        if not members:
            continue
        predictions = tuple(
            ModelPrediction(
                family=memory.columns[k].name,
                target=memory.columns[k].target,
                horizon=horizon,
                raw_value=float(found.raw[k, row]),
                standardized_value=float(found.z[k, row]),
                confidence=float(found.confidence[k, row]),
                ic=float(found.ic[k, row]),
                freshness=float(found.fresh[h]),
            )
            for k in members
        )
        weights = {memory.columns[k].name: float(found.weights[k, row]) for k in members}
        out.append(HorizonPredictions(horizon, predictions, float(found.alpha[h, row]), weights))
    return tuple(out)


def arbitration_result(memory: ForecastMemory, found: Forecasts, row: int, reason: str) -> ArbitrationResult:
    """The choice of a horizon as a message."""
    chosen = int(found.chosen[row])
    scores = {horizon: float(found.scores[h, row]) for h, horizon in enumerate(memory.horizons) if isfinite(found.scores[h, row])}
    cost = CostBreakdown(*(float(part) for part in found.costs[chosen, row])) if chosen >= 0 else None
    return ArbitrationResult(memory.horizons[chosen] if chosen >= 0 else None, scores, cost, reason, number(found.thresholds[row]))


def pipeline_trace(view: MarketView, symbol: str, stages: Mapping[str, Any], gates: tuple[GateResult, ...], sizing: SizingResult | None) -> PipelineTrace:
    """Every number on the way to one decision, from the tables of its stages."""
    row = view.row[symbol]
    snapshot = {name: number(getattr(view, name)[row]) for name in ("close", "adv_usd", "volatility", "spread_bps", "quote_age_ms")}
    predictions: Mapping[str, Mapping[str, Mapping[str, float | None]]] = stages.get("predictions", {})

    def by_horizon(name: str) -> dict[str, dict[str, float]]:
        return {h: {model: value for model, row in rows.items() if (value := row[name]) is not None} for h, rows in predictions.items()}

    costs = {h: CostBreakdown(**parts) for h, parts in stages.get("costs_bps", {}).items() if None not in parts.values()}
    named = {result.gate_name: result for result in gates}
    return PipelineTrace(
        market_snapshot=snapshot,
        raw_predictions=by_horizon("raw"),
        standardized_predictions=by_horizon("z"),
        confidences=by_horizon("confidence"),
        blend_weights=by_horizon("weight"),
        blended_alphas={h: value for h, value in stages.get("alphas", {}).items() if value is not None},
        horizon_scores={h: value for h, value in stages.get("scores_bps", {}).items() if value is not None},
        cost_breakdown=costs,
        selected_horizon=stages.get("horizon"),
        barrier_gate_result=named.get("barrier"),
        spread_gate_result=named.get("spread"),
        raw_weight=None if sizing is None else sizing.raw_weight,
        gate_adjusted_weight=None if sizing is None else sizing.gate_adjusted_weight,
        final_weight=None if sizing is None else sizing.final_weight,
    )
