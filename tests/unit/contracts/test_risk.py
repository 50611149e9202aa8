from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import pytest

from tallystick.contracts.errors import ConfigurationError, InvariantViolation, SafetyRefusal
from tallystick.contracts.risk import AccountState, CircuitState, Kill, KillState, PortfolioRisk, PositionRisk, RiskConfig, ValidationResult


@pytest.mark.clause("D4.58")
def test_risk_config_has_the_seeds_constants_and_is_frozen() -> None:
    config = RiskConfig()
    assert (config.L_max, config.D_min_safe, config.D_critical, config.stop_loss_pct) == (10.0, 0.08, 0.03, 0.02)
    assert (config.L_target, config.L_symbol_max, config.L_max_net, config.R_liq_min) == (8.0, 5.0, 8.0, 0.08)
    assert (config.reduction_pct, config.risk_fraction, config.min_free_margin, config.take_profit_pct) == (0.5, 0.02, 0.10, 0.03)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.L_max = 20.0  # type: ignore[misc]


RELAXED = [
    ({"L_target": 11.0}, "L_target ≤ L_max"),
    ({"L_symbol_max": 11.0}, "L_symbol_max ≤ L_max"),
    ({"D_critical": 0.08}, "D_critical < D_min_safe"),
    ({"reduction_pct": 0.0}, "reduction_pct in"),
    ({"L_max": 0.0, "L_target": 0.0, "L_symbol_max": 0.0}, "above 0"),
]


@pytest.mark.clause("D4.143", "D4.136")
@pytest.mark.parametrize(("changes", "says"), RELAXED)
def test_gap_3_constraints_are_enforced_and_relaxed_for_testing_only(changes: dict[str, float], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        RiskConfig(**changes)  # type: ignore[arg-type]
    relaxed = RiskConfig.for_testing(**changes)
    assert relaxed.testing
    with pytest.raises(SafetyRefusal, match="for_testing"):
        relaxed.require_live()


@pytest.mark.clause("D4.143")
def test_live_accepts_settings_with_every_constraint() -> None:
    config = RiskConfig()
    assert config.require_live() is config


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_number_that_is_none_is_refused_for_testing_too(value: float) -> None:
    with pytest.raises(ConfigurationError, match="stop_loss_pct finite"):
        RiskConfig.for_testing(stop_loss_pct=value)


@pytest.mark.clause("D4.59", "D4.60", "D4.61", "D4.62")
@pytest.mark.parametrize(
    ("shape", "names"),
    [
        (AccountState, ("equity", "margin_available", "timestamp")),
        (PositionRisk, ("symbol", "direction", "quantity", "entry_price", "mark_price", "liquidation_price", "liquidation_distance")),
        (PortfolioRisk, ("total_leverage", "min_liquidation_distance")),
        (ValidationResult, ("valid", "reason", "violated_invariant", "blocking")),
    ],
)
def test_decision_1_shapes_have_the_seeds_fields_and_are_frozen(shape: Any, names: tuple[str, ...]) -> None:
    found = dataclasses.fields(shape)
    assert tuple(item.name for item in found)[: len(names)] == names
    assert all(item.default is not dataclasses.MISSING for item in found[len(names) :])
    assert shape.__dataclass_params__.frozen


@pytest.mark.clause("D4.62")
def test_refusal_without_a_named_invariant_is_refused() -> None:
    for reason, invariant in (("too much", None), (None, "I-L1")):
        with pytest.raises(InvariantViolation, match="name its reason"):
            ValidationResult(False, reason, invariant, True)


def test_account_that_is_not_finite_is_refused() -> None:
    with pytest.raises(InvariantViolation, match="finite account"):
        AccountState(Decimal("NaN"), Decimal(0), 0.0)


@pytest.mark.clause("D4.69")
def test_circuit_is_closed_or_open() -> None:
    assert {state.name: state.value for state in CircuitState} == {"CLOSED": "CLOSED", "OPEN": "OPEN"}


def test_kind_of_kill_is_latched_once() -> None:
    kill = Kill("manual", "desk", 0, "1970-01-01")
    with pytest.raises(InvariantViolation, match="at most once"):
        KillState(kills=(kill, kill))
