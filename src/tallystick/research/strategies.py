"""Strategies by name: which features a policy reads, and its targets over a whole history. The policies themselves live in `decision/policies`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.features import compute_history
from tallystick.contracts.errors import ConfigurationError, StrategyError
from tallystick.contracts.instruments import Instrument
from tallystick.decision.model_loading import LoadedModel
from tallystick.decision.policies import (
    buy_and_hold,
    cross_sectional_momentum,
    ma_cross,
    mean_reversion,
    model_forecast,
    rsi_ma_cross,
    time_series_momentum,
)
from tallystick.decision.policies.buy_and_hold import BuyAndHoldParameters
from tallystick.decision.policies.cross_sectional_momentum import CrossSectionalMomentumParameters
from tallystick.decision.policies.ma_cross import MaCrossParameters
from tallystick.decision.policies.mean_reversion import MeanReversionParameters
from tallystick.decision.policies.model_forecast import ModelForecastParameters, check_model, forecasts
from tallystick.decision.policies.rsi_ma_cross import RsiMaCrossParameters
from tallystick.decision.policies.rule_policy import target_weights
from tallystick.decision.policies.time_series_momentum import TimeSeriesMomentumParameters
from tallystick.kernels.strategy_rules import list_crosses, tick_sums
from tallystick.market.bars import BarPanel
from tallystick.research.simulation import Decisions, merged

Floats = NDArray[np.float64]
Parameters = Mapping[str, float]
DEFAULT_STRATEGY = rsi_ma_cross.NAME


@dataclass(frozen=True, slots=True)
class Strategy:
    """A policy as research runs it.

    defaults: every parameter with its value; bounds: lowest and highest; kinds: float, int or bool (1 or 0).
    features(parameters): the columns in the order that `targets` reads.
    targets(features[S, F, T], parameters) answers signed positions float64[S, T] in [−1, 1], each from its own column and those before; NaN is no decision.
    Both get `<name>_bars` beside each `<name>_days`.
    """

    name: str
    says: str
    defaults: Mapping[str, float]
    bounds: Mapping[str, tuple[float, float]]
    kinds: Mapping[str, type]
    features: Callable[[Parameters], tuple[str, ...]]
    targets: Callable[[Floats, Parameters], Floats]

    @property
    def allowed(self) -> str:
        """Its parameters with what each may be, in words that follow "expected"."""
        named = ", ".join(f"{name} ({self.says_of(name)})" for name in self.defaults)
        return f"the parameters {named} of {self.name}" if named else f"no parameters of {self.name}"

    def says_of(self, name: str) -> str:
        """What a parameter may be."""
        low, high = self.bounds[name]
        return "true or false" if self.kinds[name] is bool else f"from {low:g} to {high:g}{', whole' if self.kinds[name] is int else ''}"


_KINDS: Mapping[str, type] = {"int": int, "bool": bool}


def _kinds(shape: type[Any]) -> dict[str, type]:
    return {row.name: _KINDS.get(str(row.type), float) for row in fields(shape) if row.name in shape.BOUNDS}


def _made(shape: type[Any], parameters: Parameters) -> Any:
    """The typed parameters of a strategy, in an equal part of the account."""
    return shape(weight=1.0, **{name: kind(parameters[name]) for name, kind in _kinds(shape).items()})


def _of_rule(name: str, says: str, shape: type[Any]) -> Strategy:
    """A strategy whose parameters say which rule of the kernels it is."""
    return Strategy(
        name=name,
        says=says,
        defaults={row.name: float(getattr(shape(), row.name)) for row in fields(shape) if row.name in shape.BOUNDS},
        bounds=shape.BOUNDS,
        kinds=_kinds(shape),
        features=lambda parameters: _made(shape, parameters).rule.features,
        targets=lambda features, parameters: target_weights(_made(shape, parameters).rule, features),
    )


def model_strategy(model: LoadedModel) -> Strategy:
    """`model_forecast` over a loaded model. Raises ConfigurationError for a model that forecasts no return of every symbol."""
    check_model(model)
    latest: list[Floats] = []

    def targets(features: Floats, parameters: Parameters) -> Floats:
        # No parameter changes a forecast, and forecasting is what takes the time: the same features are asked for once.
        if not latest or latest[0] is not features:
            latest[:] = [features, forecasts(model, features)]
        return target_weights(_made(ModelForecastParameters, parameters).rule, latest[1])

    return replace(STRATEGIES[model_forecast.NAME], features=lambda _parameters: model.feature_list, targets=targets)


def _needs_model(_parameters: Parameters) -> tuple[str, ...]:
    raise ConfigurationError(f"expected a trained model for {model_forecast.NAME}, found none", where="strategy", hint="Build it with model_strategy(model)")


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
        kinds={"rsi_buy_max": float, "rsi_sell_min": float, "cooldown_days": float, "ma_bars": int, "rsi_bars": int},
        features=lambda parameters: _rsi_ma_cross(parameters).feature_names,
        targets=lambda features, parameters: rsi_ma_cross.target_weights(features[:, 0], features[:, 1], _rsi_ma_cross(parameters)),
    ),
    ma_cross.NAME: _of_rule(ma_cross.NAME, "long when the fast moving average crosses above the slow one; out when it is no longer above", MaCrossParameters),
    time_series_momentum.NAME: _of_rule(
        time_series_momentum.NAME, "long what has risen by more than a threshold; out once the rise is gone", TimeSeriesMomentumParameters
    ),
    cross_sectional_momentum.NAME: _of_rule(
        cross_sectional_momentum.NAME, "long the strongest of the pool by trailing return, with a buffer before one is left", CrossSectionalMomentumParameters
    ),
    mean_reversion.NAME: _of_rule(mean_reversion.NAME, "buy what lies far below its own average; leave when it has come back", MeanReversionParameters),
    buy_and_hold.NAME: _of_rule(buy_and_hold.NAME, "buy every symbol and hold it", BuyAndHoldParameters),
    model_forecast.NAME: replace(
        _of_rule(model_forecast.NAME, "long while a trained model forecasts a return above a threshold; needs a model", ModelForecastParameters),
        features=_needs_model,
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
        raise ConfigurationError(f"expected {strategy.allowed}, found {unknown[0]}", where="strategy_params")
    found = {name: float(given.get(name, value)) for name, value in strategy.defaults.items()}
    for name, value in found.items():
        low, high = strategy.bounds[name]
        if not low <= value <= high or (strategy.kinds[name] is not float and value != int(value)):
            raise ConfigurationError(f"expected {name} {strategy.says_of(name)}, found {value:g}", where="strategy_params")
    return found


def in_bars(parameters: Parameters, interval_minutes: int, day_minutes: int) -> dict[str, float]:
    """Parameters with every `<name>_days` also given as whole `<name>_bars`, rounded up; day_minutes: what the bars of one trading day cover."""
    bars = {
        f"{name.removesuffix('_days')}_bars": float(-(-value * day_minutes // interval_minutes)) for name, value in parameters.items() if name.endswith("_days")
    }
    return {**parameters, **bars}


class StrategyVariants:
    """Weights of many parameter sets of one strategy over a period: what `simulate_many` takes as its `targets`.

    panel: all bars, so that features are warm where the period begins; the policy begins flat there. Each position is an equal part of the account.
    Every feature is computed once, for all variants that read it; `ma_cross` without shorts reads none where the instruments are given: its crosses follow
    from sums of whole ticks. Raises ConfigurationError for parameters out of bounds.
    """

    def __init__(
        self, panel: BarPanel, period: BarPanel, strategy: Strategy, parameter_sets: Sequence[Parameters], instruments: Sequence[Instrument] | None = None
    ) -> None:
        self.strategy = strategy
        self.parameter_sets = [in_bars(resolve_parameters(strategy, given), panel.interval_minutes, panel.day_minutes) for given in parameter_sets]
        self._offset = int(np.searchsorted(panel.open_times_ns, period.start_ns))
        self._shape = period.close.shape
        self._crosses = None if instruments is None or strategy.name != ma_cross.NAME else TickCrosses(panel, instruments, self._offset)
        slow = [parameters for parameters in self.parameter_sets if not self._is_fast(parameters)]
        names = sorted({name for parameters in slow for name in strategy.features(parameters)})
        history = compute_history(panel, names, parallel=True) if names else np.empty((self._shape[0], 0, panel.bars))
        self._history = np.ascontiguousarray(history[:, :, self._offset : self._offset + period.bars])
        self._column = {name: place for place, name in enumerate(names)}

    def __len__(self) -> int:
        """How many variants there are."""
        return len(self.parameter_sets)

    def __call__(self, k: int) -> Floats | Decisions:
        """Weights float64[S, T] of variant k, or their changes. Raises StrategyError when the strategy answers another shape."""
        parameters = self.parameter_sets[k]
        if self._crosses is not None and self._is_fast(parameters):
            return self._crosses.decisions(int(parameters["fast_bars"]), int(parameters["slow_bars"]), 1.0 / self._shape[0])
        columns = [self._column[name] for name in self.strategy.features(parameters)]
        positions = self.strategy.targets(np.ascontiguousarray(self._history[:, columns]), parameters)
        if positions.shape != self._shape:
            raise StrategyError(f"expected positions of shape {self._shape}, found {positions.shape}", where=self.strategy.name)
        weights: Floats = positions / self._shape[0]
        return weights

    def _is_fast(self, parameters: Parameters) -> bool:
        if self._crosses is None or parameters["shorts"] != 0.0:
            return False
        return self._crosses.fits(_made(MaCrossParameters, parameters))


class TickCrosses:
    """Crosses of two moving averages from closes in whole ticks: the trades of `ma_cross` without its features."""

    def __init__(self, panel: BarPanel, instruments: Sequence[Instrument], offset: int = 0) -> None:
        self._offset, self._most = offset, 0
        self._sums: list[NDArray[np.int64]] = []
        self._missing: list[NDArray[np.int64]] = []
        for row, instrument in enumerate(instruments):
            scale = 1 / instrument.tick
            whole = float(scale) if scale == scale.to_integral_value() else 0.0
            sums, missing = np.empty(panel.bars + 1, np.int64), np.empty(panel.bars, np.int64)
            gaps, most = tick_sums(np.ascontiguousarray(panel.close[row]), whole, float(instrument.tick), sums, missing)
            self._sums.append(sums)
            self._missing.append(missing[:gaps].copy())
            self._most = max(self._most, int(most))

    def fits(self, parameters: MaCrossParameters) -> bool:
        """Whether the sums of these windows fit 64 bits."""
        return self._most * parameters.fast_bars * parameters.slow_bars < 2**62

    def decisions(self, fast: int, slow: int, weight: float) -> Decisions:
        """Changes between `weight` and 0, of each symbol."""
        parts = []
        for row, (sums, missing) in enumerate(zip(self._sums, self._missing, strict=True)):
            # Averages may cross at every bar; the system gives memory only to the part that is written.
            at, values = np.empty(sums.size, np.int64), np.empty(sums.size)
            found = int(list_crosses(sums, missing, self._offset, fast, slow, weight, at, values))
            parts.append(Decisions(at[:found], np.full(found, row, np.int64), values[:found]))
        return parts[0] if len(parts) == 1 else merged(parts)
