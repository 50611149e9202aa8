"""Gates look at entries; each verdict carries its number and limit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.decisions import SYMBOLS, view

from tallystick.contracts.decision import Action, ActionType
from tallystick.contracts.positions import Direction
from tallystick.decision.config import DecisionConfig
from tallystick.decision.gates import barrier_gate, gate

CONFIG = DecisionConfig()


def entry(direction: Direction = Direction.LONG, alpha: float | None = 0.001) -> Action:
    return Action(ActionType.ENTRY, "AAAUSDT", "model_alpha", direction, "forecast", alpha=alpha)


def test_wide_spread_refuses_with_its_number() -> None:
    (gated,) = gate([entry()], view(spread=15.0), CONFIG)
    assert not gated.allowed
    assert gated.refusal is not None
    assert (gated.refusal.gate_name, gated.refusal.gate_value, gated.refusal.limit) == ("spread", 15.0, 12.0)


def test_old_quote_refuses_with_its_number() -> None:
    (gated,) = gate([entry()], view(age_ms=201.0), CONFIG)
    assert gated.refusal is not None
    assert (gated.refusal.gate_name, gated.refusal.gate_value, gated.refusal.limit) == ("quote_age", 201.0, 200.0)


def test_missing_quote_refuses() -> None:
    assert not gate([entry()], view(spread=float("nan")), CONFIG)[0].allowed
    assert not gate([entry()], view(symbols=SYMBOLS[1:]), CONFIG)[0].allowed


@pytest.mark.parametrize("kind", [ActionType.EXIT, ActionType.REDUCE, ActionType.HOLD, ActionType.NO_ACTION])
def test_nothing_but_an_entry_is_gated(kind: ActionType) -> None:
    (gated,) = gate([Action(kind, "AAAUSDT", "x", reason="y")], view(spread=500.0, age_ms=1e6), CONFIG)
    assert gated.allowed
    assert gated.factor == 1.0


def test_long_is_blocked_near_a_peak_and_short_near_a_valley() -> None:
    assert not barrier_gate(entry(), CONFIG, 0.61, 0.9, 0.01).allowed
    assert barrier_gate(entry(), CONFIG, 0.60, 0.9, 0.01).allowed
    short = entry(Direction.SHORT, -0.001)
    assert not barrier_gate(short, CONFIG, 0.9, 0.56, 0.01).allowed
    assert barrier_gate(short, CONFIG, 0.9, 0.55, 0.01).allowed


def test_long_and_short_are_mirror_images() -> None:
    long = barrier_gate(entry(), CONFIG, 0.2, 0.4, 0.01)
    short = barrier_gate(entry(Direction.SHORT, -0.001), CONFIG, 0.4, 0.2, 0.01)
    assert long.gate_value == short.gate_value


def test_without_barrier_models_a_stronger_forecast_keeps_more() -> None:
    factors = [barrier_gate(entry(alpha=alpha), CONFIG, None, None, 0.01).gate_value for alpha in (0.0005, 0.001, 0.005)]
    assert factors == sorted(factors)
    assert factors[0] < factors[-1]


def test_without_any_forecast_the_default_probability_stands() -> None:
    result = barrier_gate(entry(alpha=None), CONFIG, None, None, None)
    assert result.metadata["p_peak"] == result.metadata["p_valley"] == 0.3
    assert result.gate_value == pytest.approx(0.7 * 0.65**0.5)


@given(st.floats(0.0, 40.0), st.floats(0.0, 40.0), st.floats(0.0, 500.0), st.floats(0.0, 500.0))
@settings(max_examples=40, deadline=None)
def test_gates_are_monotone_in_spread_and_age(spread: float, wider: float, age: float, older: float) -> None:
    tight = gate([entry()], view(spread=min(spread, wider), age_ms=min(age, older)), CONFIG)[0]
    loose = gate([entry()], view(spread=max(spread, wider), age_ms=max(age, older)), CONFIG)[0]
    assert tight.allowed or not loose.allowed
