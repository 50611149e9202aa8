from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.positions import Direction, Position, PositionState, ReconciliationAction, ReconciliationResult

ONE, NONE, PRICE = Decimal(1), Decimal(0), Decimal(100)


@pytest.mark.clause("D4.73")
def test_position_has_the_seeds_fields_and_states() -> None:
    assert tuple(item.name for item in dataclasses.fields(Position)) == ("symbol", "state", "direction", "quantity", "entry_price")
    assert [state.value for state in PositionState] == ["FLAT", "ENTERING", "OPEN", "REDUCING", "CLOSING"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Position.flat("A").quantity = ONE  # type: ignore[misc]


@pytest.mark.clause("D4.74")
@pytest.mark.parametrize(("direction", "quantity"), [(None, ONE), (Direction.LONG, NONE), (Direction.SHORT, ONE)])
def test_i_psm_1_flat_holds_nothing(direction: Direction | None, quantity: Decimal) -> None:
    with pytest.raises(InvariantViolation, match="I-PSM-1"):
        Position("A", PositionState.FLAT, direction, quantity, PRICE)
    assert Position("A", PositionState.FLAT, None, NONE, None) == Position.flat("A")


@pytest.mark.clause("D4.75")
@pytest.mark.parametrize(("direction", "quantity"), [(None, ONE), (Direction.LONG, NONE), (None, NONE)])
def test_i_psm_2_open_holds_something_in_a_direction(direction: Direction | None, quantity: Decimal) -> None:
    with pytest.raises(InvariantViolation, match="I-PSM-2"):
        Position("A", PositionState.OPEN, direction, quantity, PRICE)


@pytest.mark.parametrize("quantity", ["-1", "NaN", "Infinity"])
def test_quantity_is_unsigned_and_finite(quantity: str) -> None:
    with pytest.raises(InvariantViolation, match="unsigned quantity"):
        Position("A", PositionState.OPEN, Direction.SHORT, Decimal(quantity), PRICE)


def test_position_of_nothing_is_refused() -> None:
    with pytest.raises(InvariantViolation, match="named symbol"):
        Position.flat("")


def test_direction_gives_the_sign() -> None:
    short = Position("A", PositionState.OPEN, Direction.SHORT, ONE, PRICE)
    assert short.signed_quantity == -1
    assert Direction.SHORT.opposite is Direction.LONG
    assert (Direction.LONG.sign, Direction.SHORT.sign) == (1, -1)


@pytest.mark.clause("D4.97", "D4.98")
def test_reconciliation_has_the_seeds_fields_and_actions() -> None:
    names = tuple(item.name for item in dataclasses.fields(ReconciliationResult))
    assert names == ("symbol", "expected_size", "actual_size", "action", "discrepancy")
    assert [action.value for action in ReconciliationAction] == ["NONE", "SYNC_LOCAL", "EMERGENCY_CLOSE"]
