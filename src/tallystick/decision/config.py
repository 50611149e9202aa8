"""Every constant of the decision room, with its bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from typing import Any

from tallystick.contracts.errors import ConfigurationError
from tallystick.decision.cils import CilsConfig

# Lowest and highest value of each number, both allowed.
BOUNDS: Mapping[str, tuple[float, float]] = {
    "standardise_window": (3, 500),
    "ic_window": (5, 500),
    "ic_floor": (0.0, 1.0),
    "capacity_share": (0.0, 1.0),
    "blend_window": (5, 500),
    "blend_ridge": (0.0, 10.0),
    "blend_cost_weight": (0.0, 10.0),
    "spread_cost_k": (0.0, 100.0),
    "timing_cost_k": (0.0, 100.0),
    "impact_cost_k": (0.0, 100.0),
    "score_base_bps": (0.0, 10_000.0),
    "score_spread_share": (0.0, 100.0),
    "exit_score_bps": (0.0, 10_000.0),
    "min_ranked_symbols": (2, 10_000),
    "barrier_gamma": (0.0, 10.0),
    "barrier_delta": (0.0, 10.0),
    "barrier_floor": (0.0, 1.0),
    "barrier_default_p": (0.0, 1.0),
    "barrier_max_p_peak": (0.0, 1.0),
    "barrier_max_p_valley": (0.0, 1.0),
    "barrier_exit_margin": (0.0, 1.0),
    "max_spread_bps": (0.0, 10_000.0),
    "max_quote_age_ms": (0.0, 86_400_000.0),
    "conviction_cap": (0.01, 3.0),
    "max_weight": (0.0, 1.0),
    "position_cap": (0.0, 1.0),
    "no_trade_band": (0.0, 1.0),
    "gross_target": (0.0, 10.0),
    "reduce_share": (0.01, 1.0),
    "authority": (0.0, 1000.0),
}


@dataclass(frozen=True, slots=True)
class DecisionConfig:
    """Constants from prediction to size. Weights are fractions of equity, probabilities 0–1, costs in basis points.

    standardise_window, ic_window, blend_window: observations (bars). temperature by horizon in minutes: below 1 sharpens (decision 23), 1 elsewhere.
    conviction_cap: alpha / σ at which a position is full. Since decision 22 that ratio is z · confidence, and a confidence is rarely above 0.2.
    score: a horizon trades when its score reaches score_base_bps + score_spread_share · spread; an opposite one exits from exit_score_bps.
    cils: the learner of horizons; None for none.
    Raises ConfigurationError naming the first number outside its bounds.
    """

    standardise_window: int = 10
    ic_window: int = 20
    ic_floor: float = 0.01
    capacity_share: float = 0.1
    blend_window: int = 50
    blend_ridge: float = 0.15
    blend_cost_weight: float = 0.5
    temperature: Mapping[int, float] = field(default_factory=lambda: {5: 0.75, 10: 0.85, 15: 0.90})
    spread_cost_k: float = 1.0
    timing_cost_k: float = 0.15
    impact_cost_k: float = 1.0
    score_base_bps: float = 2.0
    score_spread_share: float = 0.5
    exit_score_bps: float = 0.0
    min_ranked_symbols: int = 5
    barrier_gamma: float = 1.0
    barrier_delta: float = 0.5
    barrier_floor: float = 0.2
    barrier_default_p: float = 0.3
    barrier_max_p_peak: float = 0.6
    barrier_max_p_valley: float = 0.55
    barrier_exit_margin: float = 0.05
    max_spread_bps: float = 12.0
    max_quote_age_ms: float = 200.0
    conviction_cap: float = 0.5
    max_weight: float = 0.05
    position_cap: float = 0.20
    no_trade_band: float = 0.008
    gross_target: float = 0.5
    reduce_share: float = 0.5
    authority: float = 5.0
    cils: CilsConfig | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            if item.name not in BOUNDS:
                continue
            value, (low, high) = getattr(self, item.name), BOUNDS[item.name]
            if not isfinite(value) or not low <= value <= high:
                raise ConfigurationError(f"expected a value from {low:g} to {high:g}, found {value}", where=f"decision.{item.name}")
        for minutes, value in self.temperature.items():
            if minutes <= 0 or not 0.05 <= value <= 20.0:
                raise ConfigurationError(f"expected a horizon above 0 minutes with a temperature from 0.05 to 20, found {minutes}: {value}")

    def document(self) -> dict[str, object]:
        """The settings as JSON values; without `cils` where there is no learner."""
        found: dict[str, object] = {name: getattr(self, name) for name in BOUNDS}
        found |= {"temperature": {str(minutes): value for minutes, value in sorted(self.temperature.items())}}
        return found if self.cils is None else found | {"cils": asdict(self.cils)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> DecisionConfig:
        """The settings that `document` wrote. Raises as the constructor does."""
        temperature = {int(minutes): float(value) for minutes, value in document["temperature"].items()}
        learner = {"cils": CilsConfig(**document["cils"])} if "cils" in document else {}
        return cls(**{**document, "temperature": temperature, **learner})
