"""Gates: reasons not to open now. They look at entries only; an exit or a reduction is never gated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite, nan

from tallystick.contracts.decision import Action, ActionType, GateResult
from tallystick.contracts.positions import Direction
from tallystick.decision.config import DecisionConfig
from tallystick.decision.market_view import MarketView
from tallystick.kernels.decisions import barrier_factor, logistic

STAGE = "gating"


@dataclass(frozen=True, slots=True)
class GatedAction:
    """An action and the verdicts of its gates. factor: what the barrier gate leaves of the size, 0–1; 1 for actions that are not gated."""

    action: Action
    results: tuple[GateResult, ...]
    factor: float

    @property
    def allowed(self) -> bool:
        """True when every gate lets it pass."""
        return all(result.allowed for result in self.results)

    @property
    def refusal(self) -> GateResult | None:
        """The first gate that refused."""
        return next((result for result in self.results if not result.allowed), None)


def gate(
    actions: Iterable[Action],
    view: MarketView,
    config: DecisionConfig,
    barriers: Mapping[str, tuple[float | None, float | None]] | None = None,
    sigmas: Mapping[str, float | None] | None = None,
) -> tuple[GatedAction, ...]:
    """Every action with its verdicts. barriers: symbol → (p_peak, p_valley) of barrier models; sigmas: symbol → σ of the chosen horizon's return."""
    found = []
    for action in actions:
        if action.type is not ActionType.ENTRY:
            found.append(GatedAction(action, (), 1.0))
            continue
        p_peak, p_valley = (barriers or {}).get(action.symbol, (None, None))
        barrier = barrier_gate(action, config, p_peak, p_valley, (sigmas or {}).get(action.symbol))
        found.append(GatedAction(action, (*spread_gate(action.symbol, view, config), barrier), barrier.gate_value))
    return tuple(found)


def spread_gate(symbol: str, view: MarketView, config: DecisionConfig) -> tuple[GateResult, GateResult]:
    """A quote that is too wide, and one that is too old, or none at all. Basis points, milliseconds."""
    row = view.row.get(symbol)
    spread, age = (nan, nan) if row is None else (float(view.spread_bps[row]), float(view.quote_age_ms[row]))
    return (
        _limit("spread", "spread_bps", spread, config.max_spread_bps, "max_spread_bps"),
        _limit("quote_age", "quote_age_ms", age, config.max_quote_age_ms, "max_quote_age_ms"),
    )


def _limit(name: str, measure: str, value: float, limit: float, limit_name: str) -> GateResult:
    if not isfinite(value):
        return GateResult(name, False, 0.0, f"no {measure}", {limit_name: limit}, limit)
    allowed = value <= limit
    return GateResult(name, allowed, value, f"{measure} {value:.2f} {'within' if allowed else 'above'} {limit:g}", {measure: value, limit_name: limit}, limit)


def barrier_gate(action: Action, config: DecisionConfig, p_peak: float | None, p_valley: float | None, sigma: float | None) -> GateResult:
    """Is a turn against the entry near? gate_value: the factor that stays of the size.

    Without a barrier model the probabilities come from alpha in units of σ, p_valley = logistic(5 · alpha / σ) and p_peak its complement: a strong
    forecast keeps more of its size, and cannot block itself. Without a forecast both are the configured default.
    """
    if p_peak is None or p_valley is None:
        strength = None if action.alpha is None or not sigma else 5.0 * action.alpha / sigma
        p_peak = p_peak if p_peak is not None else config.barrier_default_p if strength is None else logistic(-strength)
        p_valley = p_valley if p_valley is not None else config.barrier_default_p if strength is None else logistic(strength)
    is_long = action.direction is Direction.LONG
    against, name, limit = (p_peak, "p_peak", config.barrier_max_p_peak) if is_long else (p_valley, "p_valley", config.barrier_max_p_valley)
    factor = barrier_factor(against, p_valley if is_long else p_peak, float(config.barrier_gamma), float(config.barrier_delta), float(config.barrier_floor))
    allowed = against <= limit
    reason = f"{name} {against:.3f} {'within' if allowed else 'above'} {limit:g}"
    metadata = {"p_peak": p_peak, "p_valley": p_valley, "against": against}
    return GateResult("barrier", allowed, factor if allowed else 0.0, reason, metadata, limit)
