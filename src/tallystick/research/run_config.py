"""What a run is asked to do, checked; and its resolved form, which is written, hashed and named in the run's id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import copysign, isfinite
from typing import Literal

from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.market import interval_text
from tallystick.contracts.quote_money import MICRO, exact
from tallystick.contracts.runs import ResolvedConfig
from tallystick.contracts.time import iso_from_ns
from tallystick.decision.policies import model_forecast
from tallystick.research.simulation import FillTerms, rate_e8
from tallystick.research.strategies import DEFAULT_STRATEGY, Strategy, find_strategy, model_strategy, resolve_parameters
from tallystick.research.trained_forecast import TrainedForecast

MOST_CASH = 1_000_000_000.0
RATES = ("fee", "slippage_bps", "k_atr", "spread_bps", "leverage", "funding_rate", "volume_share", "liquidation_fee")
"""Numbers that say what trading costs and what the account may do, as run and resolved configuration both name them."""
COSTS = (*RATES, "slippage_mode")
_BOUNDS = {
    "fee": (0.0, 0.5),
    "slippage_bps": (0.0, 5000.0),
    "k_atr": (0.0, 100.0),
    "spread_bps": (0.0, 5000.0),
    "leverage": (0.01, 100.0),
    "funding_rate": (-0.1, 0.1),
    "volume_share": (0.0, 1.0),
    "liquidation_fee": (0.0, 0.5),
    "initial_cash": (1.0, MOST_CASH),
}


@dataclass(frozen=True, slots=True)
class RunConfig:
    """A run's request. symbols: empty means every symbol of the bars. start_ns inclusive, end_ns exclusive, None for as far as the bars go.

    fee: fraction of each fill's notional. slippage_bps, spread_bps: basis points of the price; spread is the full spread. slippage_mode atr: k_atr · ATR /
    close in its place. initial_cash: quote units, split equally over the symbols. leverage: highest gross position value over equity; 1 never borrows.
    funding_rate: fraction of a position's value, paid by the long at each funding time of the instrument (by the short where it is negative).
    volume_share: fraction of a bar's volume that orders may take, the rest is carried on; 0 for no limit. liquidation_fee: fraction of notional on top of
    the fee when a position is taken away. model: what `model_forecast` forecasts with. Raises ConfigurationError naming the first value that cannot be.
    """

    symbols: tuple[str, ...] = ()
    start_ns: int | None = None
    end_ns: int | None = None
    strategy: str = DEFAULT_STRATEGY
    parameters: Mapping[str, float] = field(default_factory=dict)
    fee: float = 0.002
    slippage_bps: float = 8.0
    slippage_mode: Literal["fixed", "atr"] = "fixed"
    k_atr: float = 0.05
    spread_bps: float = 0.0
    leverage: float = 1.0
    funding_rate: float = 0.0
    volume_share: float = 0.0
    liquidation_fee: float = 0.0
    initial_cash: float = 10_000.0
    model: TrainedForecast | None = None

    def __post_init__(self) -> None:
        resolve_parameters(find_strategy(self.strategy), self.parameters)
        if self.model is not None and self.strategy != model_forecast.NAME:
            raise ConfigurationError(f"expected a trained model with {model_forecast.NAME} only, found one with {self.strategy}", where="strategy")
        if len(set(self.symbols)) != len(self.symbols):
            raise ConfigurationError(f"expected each symbol once, found {', '.join(self.symbols)}", where="ticker")
        if self.start_ns is not None and self.end_ns is not None and self.start_ns >= self.end_ns:
            raise ConfigurationError(f"expected start before end, found {iso_from_ns(self.start_ns)} and {iso_from_ns(self.end_ns)}", where="start")
        if self.slippage_mode not in ("fixed", "atr"):
            raise ConfigurationError(f"expected slippage_mode fixed or atr, found {self.slippage_mode!r}", where="slippage_mode")
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if not isfinite(value) or not low <= value <= high:
                raise ConfigurationError(f"expected {name} from {low:g} to {high:g}, found {value}", where=name)

    @property
    def decides(self) -> Strategy:
        """The strategy as research runs it, over its model where it has one."""
        return find_strategy(self.strategy) if self.model is None else _over(self.model)

    @property
    def terms(self) -> FillTerms:
        """Costs and limits in the kernel's units."""
        return FillTerms(
            fee_e8=rate_e8(self.fee, "fee"),
            spread_e8=rate_e8(self.spread_bps / 10_000, "spread"),
            leverage_e4=int((exact(self.leverage) * 10_000).to_integral_value()),
            cash_micro=int((exact(self.initial_cash) * MICRO).to_integral_value()),
            funding_e8=int(copysign(rate_e8(abs(self.funding_rate), "funding_rate"), self.funding_rate)),
            liquidation_fee_e8=rate_e8(self.liquidation_fee, "liquidation_fee"),
            volume_share=self.volume_share,
        )


@lru_cache(maxsize=2)
def _over(model: TrainedForecast) -> Strategy:
    """One strategy a model, so that a search over thresholds forecasts once."""
    return model_strategy(model.model)


def resolved(
    config: RunConfig, *, symbols: tuple[str, ...], start_ns: int, end_ns: int, interval_minutes: int, venue: str, source: str, version: str | None
) -> ResolvedConfig:
    """The configuration with nothing left open. Raises SafetyRefusal for a model that has seen bars of the period, unless that is allowed."""
    return ResolvedConfig(
        ticker=",".join(symbols),
        start=iso_from_ns(start_ns),
        end=iso_from_ns(end_ns),
        interval=interval_text(interval_minutes),
        venue=venue,
        strategy=config.strategy,
        strategy_params=resolve_parameters(find_strategy(config.strategy), config.parameters),
        initial_cash=config.initial_cash,
        universe_source=source,
        universe_version=version,
        model=None if config.model is None else config.model.settings(start_ns),
        **{name: getattr(config, name) for name in COSTS},
    )
