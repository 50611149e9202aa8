"""`model_forecast`: long while a trained model forecasts a return above a threshold, out when it no longer forecasts a rise; short the other way, if allowed.

The simplest use of a trained artifact: one return model, its raw forecast, no blending and no costs. `decision/model_alpha.py` is the policy that
sessions trade with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tallystick.contracts.errors import ConfigurationError
from tallystick.decision.model_loading import LoadedModel
from tallystick.decision.policies.rule_policy import Floats, Rule, RulePolicy, check_bounds, check_order
from tallystick.kernels.strategy_rules import MOMENTUM

NAME = "model_forecast"


@dataclass(frozen=True, slots=True)
class ModelForecastParameters:
    """enter_return: forecast fraction above which it enters; leave_return: below which it leaves. shorts: whether forecast falls are sold.

    weight: fraction of equity. Raises ConfigurationError naming the first number outside its bounds.
    """

    enter_return: float = 0.001
    leave_return: float = 0.0
    shorts: bool = False
    weight: float = 0.05
    authority: float = 5.0

    BOUNDS: ClassVar[Mapping[str, tuple[float, float]]] = {"enter_return": (0.0, 1.0), "leave_return": (-1.0, 1.0), "shorts": (0.0, 1.0)}

    def __post_init__(self) -> None:
        check_bounds(NAME, self, self.BOUNDS)
        check_order(NAME, "leave_return", self.leave_return, "enter_return", self.enter_return)

    @property
    def rule(self) -> Rule:
        """As the kernel runs it; its one input is the forecast."""
        return Rule(NAME, MOMENTUM, ("forecast",), self.enter_return, self.leave_return, self.shorts, self.weight, self.authority)


def check_model(model: LoadedModel) -> None:
    """Raises ConfigurationError for a model that forecasts no return, or of one symbol only."""
    if model.kind != "fwd_ret" or model.symbol is not None:
        raise ConfigurationError(f"expected a model of forward returns for every symbol, found {model.target} {model.label}", where=NAME)


def _forecast(model: LoadedModel, columns: Floats) -> Floats:
    """Forecasts float64[S] from features[S, F]; NaN where a feature has no value: a library would fill the hole and speak of a bar that nobody saw."""
    return np.where(np.isfinite(columns).all(axis=1), model.predictor.predict(columns), np.nan)


def forecasts(model: LoadedModel, features: Floats) -> Floats:
    """Forecasts float64[S, 1, T] from features[S, F, T] in the order of the model's list: one batch of all symbols for each bar, as live."""
    check_model(model)
    out = np.empty((features.shape[0], 1, features.shape[2]))
    for t in range(features.shape[2]):
        out[:, 0, t] = _forecast(model, np.ascontiguousarray(features[:, :, t]))
    return out


def model_forecast_policy(symbols: tuple[str, ...], model: LoadedModel, parameters: ModelForecastParameters) -> RulePolicy:
    """The policy of one model. Raises ConfigurationError for a model of something else."""
    check_model(model)
    return RulePolicy(symbols, parameters.rule, model.feature_list, lambda columns: _forecast(model, columns).reshape(-1, 1))
