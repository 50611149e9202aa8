"""Strategies by name: which features a policy reads, and its targets over a whole history. The policies themselves live in `decision/policies`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import ConfigurationError
from tallystick.decision.policies import rsi_ma_cross
from tallystick.decision.policies.rsi_ma_cross import RsiMaCrossParameters

Floats = NDArray[np.float64]
Parameters = Mapping[str, float]
DEFAULT_STRATEGY = rsi_ma_cross.NAME


@dataclass(frozen=True, slots=True)
class Strategy:
    """A policy as research runs it.

    defaults: every parameter with its value; bounds: lowest and highest. features(parameters): the columns in the order that `targets` reads.
    targets(features[S, F, T], parameters) answers signed positions float64[S, T] in [−1, 1], each from its own column and those before; NaN is no decision.
    Both get `<name>_bars` beside each `<name>_days`.
    """

    name: str
    says: str
    defaults: Mapping[str, float]
    bounds: Mapping[str, tuple[float, float]]
    features: Callable[[Parameters], tuple[str, ...]]
    targets: Callable[[Floats, Parameters], Floats]


def _rsi_ma_cross(parameters: Parameters) -> RsiMaCrossParameters:
    return RsiMaCrossParameters(
        ma_bars=int(parameters["ma_bars"]),
        rsi_bars=int(parameters["rsi_bars"]),
        max_entry_rsi=parameters["rsi_buy_max"],
        exit_rsi=parameters["rsi_sell_min"],
        cooldown_bars=int(parameters["cooldown_bars"]),
        weight=1.0,
    )


STRATEGIES: Mapping[str, Strategy] = {
    rsi_ma_cross.NAME: Strategy(
        name=rsi_ma_cross.NAME,
        says="long when the close crosses above its moving average and the RSI is low; flat when it crosses below, or the RSI is high",
        defaults={"rsi_buy_max": 60.0, "rsi_sell_min": 75.0, "cooldown_days": 0.0, "ma_bars": 20.0, "rsi_bars": 14.0},
        bounds={
            "rsi_buy_max": (0.0, 100.0),
            "rsi_sell_min": (0.0, 100.0),
            "cooldown_days": (0.0, 3650.0),
            "ma_bars": (2.0, 500.0),
            "rsi_bars": (2.0, 500.0),
        },
        features=lambda parameters: _rsi_ma_cross(parameters).feature_names,
        targets=lambda features, parameters: rsi_ma_cross.target_weights(features[:, 0], features[:, 1], _rsi_ma_cross(parameters)),
    ),
}


def find_strategy(name: str) -> Strategy:
    """The strategy of that name. Raises ConfigurationError for an unknown one."""
    if name not in STRATEGIES:
        raise ConfigurationError(f"expected one of the strategies {', '.join(sorted(STRATEGIES))}, found {name!r}", where="strategy")
    return STRATEGIES[name]


def resolve_parameters(strategy: Strategy, given: Parameters) -> dict[str, float]:
    """Every parameter of the strategy. Raises ConfigurationError for an unknown one or a value outside its bounds."""
    unknown = sorted(set(given) - set(strategy.defaults))
    if unknown:
        raise ConfigurationError(f"expected the parameters {', '.join(strategy.defaults)} of {strategy.name}, found {unknown[0]}", where="strategy_params")
    found = {name: float(given.get(name, value)) for name, value in strategy.defaults.items()}
    for name, value in found.items():
        low, high = strategy.bounds[name]
        if not low <= value <= high or (name.endswith("_bars") and value != int(value)):
            raise ConfigurationError(f"expected {name} from {low:g} to {high:g}, found {value:g}", where="strategy_params")
    return found


def in_bars(parameters: Parameters, interval_minutes: int, day_minutes: int) -> dict[str, float]:
    """Parameters with every `<name>_days` also given as whole `<name>_bars`, rounded up; day_minutes: what the bars of one trading day cover."""
    bars = {
        f"{name.removesuffix('_days')}_bars": float(-(-value * day_minutes // interval_minutes)) for name, value in parameters.items() if name.endswith("_days")
    }
    return {**parameters, **bars}
