"""Settings of the universe: what is tradable, how it is scored, how many are published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.pool import Mode, RegimeLabel

MODES: tuple[Mode, ...] = ("core_major", "broad_liquid")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a name must show on a refresh day. Turnover in quote units (USD) a day; stability and ratio are fractions.

    liquidity_stability = smallest / largest of the three average turnovers; tradable_ratio_180 = share of the last 180 days with a trade.
    `days_above_90` of the last 90 days, and `days_above_180` of the last 180, must have at least `daily_quote_volume`.
    """

    history_days: int
    avg_quote_vol_30: float
    avg_quote_vol_90: float
    avg_quote_vol_180: float
    liquidity_stability: float
    tradable_ratio_180: float
    daily_quote_volume: float
    days_above_90: int
    days_above_180: int
    entry_confirmations: int
    exit_confirmations: int


BROAD_LIQUID = Thresholds(365, 3e6, 5e6, 8e6, 0.35, 0.85, 0.0, 0, 0, 1, 1)
CORE_MAJOR = Thresholds(720, 8e6, 12e6, 18e6, 0.55, 0.92, 10e6, 70, 145, 2, 2)

BALANCED_LEADER: Mapping[str, float] = MappingProxyType(
    {
        "rs_risk_adj": 0.25,
        "trend_persist_90": 0.20,
        "price_vs_sma200": 0.15,
        "risk_adjusted_momentum": 0.15,
        "ma200_slope": 0.10,
        "liquidity_stability": 0.10,
        "avg_quote_vol_180": 0.05,
    }
)
COMPONENT_WEIGHTS: Mapping[RegimeLabel, Mapping[str, float]] = MappingProxyType(
    {
        "risk_off": {"rule": 0.50, "linear": 0.25, "ml": 0.25},
        "btc_dominant": {"rule": 0.40, "linear": 0.20, "ml": 0.40},
        "broad_alt_strength": {"rule": 0.25, "linear": 0.15, "ml": 0.60},
        "late_momentum": {"rule": 0.35, "linear": 0.15, "ml": 0.50},
        "unknown": {"rule": 0.35, "linear": 0.20, "ml": 0.45},
    }
)


@dataclass(frozen=True, slots=True)
class UniverseConfig:
    """Every constant of the room. Raises ConfigurationError for weights that do not sum to 1 or a pool without places.

    `allow_smaller_pool` publishes fewer names than asked for where fewer are eligible; otherwise the build refuses.
    `named_symbols` is an explicit production pool in place of the best of the ranking; each name must be in the universe.
    """

    quote: str = "USDT"
    benchmark: str = "BTCUSDT"
    thresholds: Mapping[Mode, Thresholds] = field(default_factory=lambda: {"core_major": CORE_MAJOR, "broad_liquid": BROAD_LIQUID})
    rule_weights: Mapping[str, float] = field(default_factory=lambda: dict(BALANCED_LEADER))
    component_weights: Mapping[RegimeLabel, Mapping[str, float]] = field(default_factory=lambda: dict(COMPONENT_WEIGHTS))
    smallest_context: int = 5
    allow_smaller_pool: bool = False
    named_symbols: tuple[str, ...] = ()
    max_age_days: int = 45

    def __post_init__(self) -> None:
        for name, weights in {
            "rule_weights": self.rule_weights,
            **{f"component_weights.{key}": value for key, value in self.component_weights.items()},
        }.items():
            if abs(sum(weights.values()) - 1.0) > 1e-9 or min(weights.values()) < 0:
                raise ConfigurationError(f"expected {name} to be weights that sum to 1, found {dict(weights)}", where="universe settings")
        if set(self.thresholds) != set(MODES):
            raise ConfigurationError(f"expected thresholds for {', '.join(MODES)}, found {', '.join(self.thresholds)}", where="universe settings")
        if len(set(self.named_symbols)) != len(self.named_symbols):
            raise ConfigurationError("expected each named symbol once", where="universe settings")
