"""The market view refuses columns that do not fit, and gives features in the order asked."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fakes.decisions import SYMBOLS, view

from tallystick.contracts.errors import ConfigurationError, DataError, InvariantViolation
from tallystick.decision.config import BOUNDS, DecisionConfig


def test_columns_come_in_the_order_asked() -> None:
    now = view(features={"a": np.arange(5.0), "b": np.arange(5.0) + 10})
    assert now.columns(("b", "a"))[0].tolist() == [10.0, 0.0]
    with pytest.raises(DataError, match="c in the market view"):
        now.columns(("a", "c"))


def test_shapes_must_fit() -> None:
    with pytest.raises(InvariantViolation, match="close"):
        view(close=np.zeros(4))
    with pytest.raises(InvariantViolation, match="twice"):
        view(symbols=("A", "A"))


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_every_constant_is_bounded(name: str) -> None:
    low, high = BOUNDS[name]
    for value in (low - 1, high + 1, float("nan")):
        with pytest.raises(ConfigurationError, match=name):
            DecisionConfig(**{name: value})  # type: ignore[arg-type]


def test_temperature_is_bounded() -> None:
    with pytest.raises(ConfigurationError, match="temperature"):
        DecisionConfig(temperature={60: 0.0})


def test_data_age_is_measured_from_the_close_of_the_bar() -> None:
    assert view(7).data_age_s == 0.0
    assert len(SYMBOLS) == len(view(7).row)
