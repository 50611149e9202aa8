"""Any walk of events either stays in the table or raises; invariants hold in every state that is reached."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.positions import Direction, Position, PositionState
from tallystick.execution.state_machine import EXTERNAL, FILLS, PositionEvent, transition

WALKS = st.lists(st.tuples(st.sampled_from(list(PositionEvent)), st.sampled_from(list(Direction)), st.integers(0, 3)), max_size=40)


@pytest.mark.clause("D4.74", "D4.75", "D4.85")
@settings(max_examples=300, deadline=None)
@given(WALKS)
def test_every_reached_position_keeps_its_invariants_and_refusals_change_nothing(walk: list[tuple[PositionEvent, Direction, int]]) -> None:
    position = Position.flat("A")
    for event, direction, units in walk:
        given_direction = direction if event is PositionEvent.ENTRY or event in EXTERNAL else None
        quantity = Decimal(units) if event in FILLS else None
        before = position
        try:
            position = transition(position, event, direction=given_direction, quantity=quantity, entry_price=Decimal(100) if units else None)
        except InvariantViolation:
            assert position is before
            continue
        if position.state is PositionState.FLAT:
            assert position == Position.flat("A")
        else:
            assert position.direction is not None
        if position.state in (PositionState.OPEN, PositionState.REDUCING):
            assert position.quantity > 0
        assert (position.quantity == 0) or position.entry_price is not None
        if before.state is PositionState.FLAT and event is not PositionEvent.MANUAL:
            assert position.state is PositionState.ENTERING
