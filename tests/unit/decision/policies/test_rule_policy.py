"""Rule strategies bar by bar, and a strategy that reads a trained model."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fakes.decisions import SYMBOLS, model, position, view

from tallystick.contracts.decision import MandateType
from tallystick.contracts.errors import ConfigurationError, StrategyError
from tallystick.decision.policies.ma_cross import MaCrossParameters
from tallystick.decision.policies.mean_reversion import MeanReversionParameters
from tallystick.decision.policies.model_forecast import ModelForecastParameters, forecasts, model_forecast_policy
from tallystick.decision.policies.rule_policy import RulePolicy, target_weights
from tallystick.decision.policies.time_series_momentum import TimeSeriesMomentumParameters
from tallystick.research.strategies import in_bars, model_strategy

ONE = ("AAAUSDT",)


def targets(parameters: object, *features: list[float]) -> list[float]:
    rule = parameters.rule  # type: ignore[attr-defined]
    return (target_weights(rule, np.array([features])) / rule.weight)[0].tolist()


def test_momentum_enters_above_its_threshold_and_leaves_below_the_other() -> None:
    rule = TimeSeriesMomentumParameters(10, 0.02, 0.0)
    assert targets(rule, [0.01, 0.03, 0.01, -0.01, 0.01, -0.5]) == [0, 1, 1, 0, 0, 0]


def test_a_change_of_side_passes_through_flat() -> None:
    both = TimeSeriesMomentumParameters(10, 0.02, 0.0, shorts=True)
    assert targets(both, [0.03, -0.03, -0.03, float("nan"), 0.03, 0.03]) == [1, 0, -1, -1, 0, 1]


def test_reversion_buys_far_below_and_leaves_near_the_average() -> None:
    assert targets(MeanReversionParameters(20, 2.0, 0.5), [-1.0, -2.5, -1.0, -0.4, -2.1]) == [0, 1, 1, 0, 1]


def test_cross_needs_the_bar_before() -> None:
    fast, slow = [0.1, 0.1, -0.1, 0.1], [0.2, 0.05, 0.1, 0.2]
    assert targets(MaCrossParameters(3, 9), fast[:1], slow[:1]) == [0]
    assert targets(MaCrossParameters(3, 9), [0.2, 0.1, 0.3], [0.1, 0.2, 0.2]) == [0, 1, 0]


def test_a_policy_says_why_and_refuses_an_earlier_bar() -> None:
    policy = RulePolicy(ONE, TimeSeriesMomentumParameters(10, 0.02).rule)
    (mandate,) = policy.propose(view(5, ONE, features={"ret_10": np.array([0.05])}), {})
    assert (mandate.type, mandate.target_weight, mandate.reason) == (MandateType.ENTRY, 0.05, "ret_10 +0.05000")
    (mandate,) = policy.propose(view(6, ONE, features={"ret_10": np.array([-0.05])}), {"AAAUSDT": position("OPEN")})
    assert mandate.type is MandateType.EXIT
    with pytest.raises(StrategyError, match="later bar"):
        policy.warm(view(6, ONE, features={"ret_10": np.array([0.0])}))


@pytest.mark.parametrize("wrong", [{"enter_return": -1.0}, {"leave_return": 0.5}, {"weight": 1.5}, {"lookback_bars": 0}])
def test_parameters_are_bounded(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="time_series_momentum"):
        TimeSeriesMomentumParameters(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"ma_cross\.fast_bars"):
        MaCrossParameters(10, 10)


def test_a_model_speaks_the_same_over_history_and_bar_by_bar() -> None:
    trained = model("Ridge", "fwd_ret_60m", lambda x: 0.01 * x[:, 0], ("signal",))
    parameters = ModelForecastParameters(0.005, 0.0, weight=0.1)
    features = np.random.default_rng(5).normal(0, 1, (len(SYMBOLS), 1, 60))
    history = target_weights(parameters.rule, forecasts(trained, features))
    policy, held = model_forecast_policy(SYMBOLS, trained, parameters), dict.fromkeys(SYMBOLS, False)
    assert policy.feature_names == ("signal",)
    for bar in range(60):
        positions = {symbol: position("OPEN", symbol=symbol) for symbol in SYMBOLS if held[symbol]}
        for mandate in policy.propose(view(bar, features={"signal": features[:, 0, bar]}), positions):
            held[mandate.symbol] = mandate.type is MandateType.ENTRY or (held[mandate.symbol] and mandate.type is not MandateType.EXIT)
        assert [0.1 if held[symbol] else 0.0 for symbol in SYMBOLS] == history[:, bar].tolist()
    strategy = model_strategy(trained)
    given = in_bars({"enter_return": 0.005, "leave_return": 0.0, "shorts": 0.0}, 60, 1440)
    assert strategy.features(given) == ("signal",)
    assert np.array_equal(strategy.targets(features, given), np.sign(history))


def test_a_model_says_nothing_of_a_bar_with_a_missing_feature() -> None:
    """Trees and imputers answer rows with holes; a symbol without a bar, or before its features are warm, must not be bought on that."""
    trained = model("Ridge", "fwd_ret_60m", lambda x: np.where(np.isnan(x), 1.0, x).sum(axis=1), ("signal", "other"))
    features = np.full((len(SYMBOLS), 2, 4), np.nan)
    features[:, 0] = 0.001
    features[1, 1, 2:] = 0.001
    parameters = ModelForecastParameters(0.0005, 0.0, weight=0.1)
    history = target_weights(parameters.rule, forecasts(trained, features))
    assert history[1].tolist() == [0.0, 0.0, 0.1, 0.1]
    assert not np.delete(history, 1, axis=0).any()
    policy = model_forecast_policy(SYMBOLS, trained, parameters)
    for bar in range(3):
        said = policy.propose(view(bar, features={"signal": features[:, 0, bar], "other": features[:, 1, bar]}), {})
        assert {mandate.symbol for mandate in said if mandate.type is MandateType.ENTRY} == ({SYMBOLS[1]} if bar == 2 else set())


def test_a_model_of_something_else_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="forward returns"):
        model_forecast_policy(SYMBOLS, model(target="will_peak_60m_k0.5"), ModelForecastParameters())
