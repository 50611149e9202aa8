"""`rsi_ma_cross_v2`: the rule, and that history and live say the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.decisions import position, view

from tallystick.contracts.decision import MandateType
from tallystick.contracts.errors import ConfigurationError, StrategyError
from tallystick.decision.policies.rsi_ma_cross import RsiMaCross, RsiMaCrossParameters, target_weights
from tallystick.kernels.decisions import cross_weights
from tallystick.kernels.kernel import plain

ONE = ("AAAUSDT",)


def over(ratios: list[float], rsis: list[float], **more: object) -> list[float]:
    parameters = RsiMaCrossParameters(weight=1.0, **more)  # type: ignore[arg-type]
    return target_weights(np.array([ratios]), np.array([rsis]), parameters)[0].tolist()


def test_buys_a_cross_from_below_when_rsi_is_low() -> None:
    assert over([-0.1, 0.1, 0.1], [50, 50, 50]) == [0, 1, 1]
    assert over([-0.1, 0.1, 0.1], [50, 60, 50]) == [0, 0, 0]
    assert over([0.1, 0.1], [50, 50]) == [0, 0]


def test_sells_a_cross_from_above_or_when_overbought() -> None:
    assert over([-0.1, 0.1, -0.1], [50, 50, 50]) == [0, 1, 0]
    assert over([-0.1, 0.1, 0.1], [50, 50, 75.5]) == [0, 1, 0]
    assert over([-0.1, 0.1, 0.1], [50, 50, 75.0]) == [0, 1, 1]


def test_cooldown_ignores_bars_after_a_signal_exits_included() -> None:
    assert over([-0.1, 0.1, -0.1, 0.1, -0.1], [50.0] * 5, cooldown_bars=2) == [0, 1, 1, 1, 0]


def test_missing_bar_gives_no_signal() -> None:
    assert over([-0.1, float("nan"), 0.1], [50, 50, 50]) == [0, 0, 0]


bars = st.lists(st.tuples(st.sampled_from([-0.1, -0.01, 0.0, 0.01, 0.1, float("nan")]), st.floats(10.0, 90.0)), min_size=1, max_size=25)


@given(bars, st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_live_says_what_history_says(found: list[tuple[float, float]], cooldown: int) -> None:
    parameters = RsiMaCrossParameters(cooldown_bars=cooldown, weight=0.05)
    ratio, rsi = np.array([[item[0] for item in found]]), np.array([[item[1] for item in found]])
    policy, held, live = RsiMaCross(ONE, parameters), False, []
    for bar in range(len(found)):
        now = view(bar, ONE, features={"ma_ratio_20": ratio[:, bar], "rsi_14": rsi[:, bar]})
        (mandate,) = policy.propose(now, {"AAAUSDT": position("OPEN" if held else "FLAT")})
        held = mandate.type is MandateType.ENTRY or (held and mandate.type is not MandateType.EXIT)
        live.append(0.05 if held else 0.0)
    history = target_weights(ratio, rsi, parameters)
    assert history[0].tolist() == live
    oracle = np.zeros(ratio.shape)
    plain(cross_weights)(ratio, rsi, 60.0, 75.0, cooldown, 0.05, oracle)
    assert np.array_equal(history, oracle)


def test_a_gap_in_the_bars_is_no_cross() -> None:
    policy = RsiMaCross(ONE)
    for bar, ratio in ((1, -0.1), (3, 0.1)):
        (mandate,) = policy.propose(view(bar, ONE, features={"ma_ratio_20": np.array([ratio]), "rsi_14": np.array([50.0])}), {})
    assert mandate.type is MandateType.HOLD
    with pytest.raises(StrategyError, match="later"):
        policy.warm(view(3, ONE))


@pytest.mark.parametrize("field", [{"ma_bars": 1}, {"exit_rsi": 101.0}, {"cooldown_bars": -1}, {"weight": 1.5}])
def test_parameters_are_bounded(field: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=f"rsi_ma_cross_v2.{next(iter(field))}"):
        RsiMaCrossParameters(**field)  # type: ignore[arg-type]
