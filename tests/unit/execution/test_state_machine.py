from __future__ import annotations

import itertools
from decimal import Decimal

import pytest

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.positions import Direction, Position, PositionState
from tallystick.execution.state_machine import FILLS, PositionEvent, exit_event, transition

FLAT, ENTERING, OPEN, REDUCING, CLOSING = PositionState
ONE, TWO, NONE = Decimal(1), Decimal(2), Decimal(0)
Event = PositionEvent
EXTERNAL = (Event.LIQUIDATION, Event.ADL, Event.SETTLEMENT, Event.MANUAL)

# The seed's table and decision 20, written out by hand: (state, something held before, event, something held after) → state.
LEGAL: dict[tuple[PositionState, bool, PositionEvent, bool], PositionState] = {
    (FLAT, False, Event.ENTRY, False): ENTERING,
    (ENTERING, False, Event.FILL, True): OPEN,
    (ENTERING, True, Event.FILL, True): OPEN,
    (ENTERING, False, Event.WORKING_FILL, True): ENTERING,
    (ENTERING, True, Event.WORKING_FILL, True): ENTERING,
    (ENTERING, False, Event.CANCEL, False): FLAT,
    (ENTERING, True, Event.CANCEL, True): OPEN,
    (ENTERING, False, Event.REJECT, False): FLAT,
    (ENTERING, True, Event.REJECT, True): OPEN,
    (ENTERING, False, Event.EMERGENCY_EXIT, False): CLOSING,
    (ENTERING, True, Event.EMERGENCY_EXIT, True): CLOSING,
    (OPEN, True, Event.ENTRY, True): ENTERING,
    (OPEN, True, Event.REDUCE, True): REDUCING,
    (OPEN, True, Event.EXIT, True): CLOSING,
    (OPEN, True, Event.EMERGENCY_EXIT, True): CLOSING,
    (REDUCING, True, Event.WORKING_FILL, True): REDUCING,
    (REDUCING, True, Event.PARTIAL_FILL, True): OPEN,
    (REDUCING, True, Event.COMPLETE_FILL, False): FLAT,
    (REDUCING, True, Event.CANCEL, True): OPEN,
    (REDUCING, True, Event.REJECT, True): OPEN,
    (REDUCING, True, Event.EMERGENCY_EXIT, True): CLOSING,
    (CLOSING, False, Event.WORKING_FILL, True): CLOSING,
    (CLOSING, True, Event.WORKING_FILL, True): CLOSING,
    (CLOSING, True, Event.COMPLETE_FILL, False): FLAT,
    (CLOSING, True, Event.CANCEL, True): CLOSING,
    (CLOSING, False, Event.CANCEL, False): FLAT,
    (CLOSING, True, Event.REJECT, True): CLOSING,
    (CLOSING, False, Event.REJECT, False): FLAT,
    (CLOSING, True, Event.RESEND, True): CLOSING,
    (FLAT, False, Event.MANUAL, True): OPEN,
}
for _state, _event, _before in itertools.product((ENTERING, OPEN, REDUCING, CLOSING), EXTERNAL, (False, True)):
    LEGAL[_state, _before, _event, True] = _state
    LEGAL[_state, _before, _event, False] = FLAT


def position(state: PositionState, quantity: Decimal) -> Position:
    direction = None if state is FLAT else Direction.SHORT
    return Position("BTCUSDT", state, direction, quantity, Decimal(100) if quantity else None)


def after(state: PositionState, held: bool, event: PositionEvent, left: bool) -> Position:
    filled = event in FILLS
    direction = Direction.SHORT if event is Event.ENTRY or (event is Event.MANUAL and state is FLAT) else None
    return transition(
        position(state, ONE if held else NONE),
        event,
        direction=direction,
        quantity=(TWO if left else NONE) if filled else None,
        entry_price=Decimal(101) if filled and left else None,
    )


CASES = [
    (state, held, event, left)
    for state, held, event, left in itertools.product(PositionState, (False, True), PositionEvent, (False, True))
    if (state is not FLAT or not held) and (state is not OPEN or held) and (event in FILLS or left == held)
]


@pytest.mark.clause("D4.76", "D4.85", "D4.138")
@pytest.mark.parametrize(("state", "held", "event", "left"), CASES)
def test_every_pair_of_state_and_event_is_as_listed_or_raises(state: PositionState, held: bool, event: PositionEvent, left: bool) -> None:
    expected = LEGAL.get((state, held, event, left))
    if state is OPEN and event in FILLS and event not in EXTERNAL:
        assert expected is None
    if expected is None:
        with pytest.raises(InvariantViolation, match=f"{event.value} in {state.value}"):
            after(state, held, event, left)
        return
    found = after(state, held, event, left)
    assert found.state is expected
    assert found.direction is (None if expected is FLAT else Direction.SHORT)
    if event in FILLS and left:
        assert (found.quantity, found.entry_price) == (TWO, Decimal(101))


@pytest.mark.clause("D4.77")
@pytest.mark.parametrize("direction", list(Direction))
def test_flat_enters_on_entry_in_the_direction_that_was_asked(direction: Direction) -> None:
    found = transition(Position.flat("A"), Event.ENTRY, direction=direction)
    assert (found.state, found.direction, found.quantity) == (ENTERING, direction, 0)


def test_decision_19_entry_without_a_direction_raises() -> None:
    with pytest.raises(InvariantViolation, match="expected a direction"):
        transition(Position.flat("A"), Event.ENTRY)


@pytest.mark.clause("D4.78")
def test_entering_opens_on_fill() -> None:
    assert after(ENTERING, False, Event.FILL, True).state is OPEN


@pytest.mark.clause("D4.79")
@pytest.mark.parametrize("event", [Event.CANCEL, Event.REJECT])
def test_entering_is_flat_after_cancel_or_reject(event: PositionEvent) -> None:
    assert after(ENTERING, False, event, False) == Position.flat("BTCUSDT")


@pytest.mark.clause("D4.80", "D4.81")
def test_open_reduces_and_closes() -> None:
    assert after(OPEN, True, Event.REDUCE, True).state is REDUCING
    assert after(OPEN, True, Event.EXIT, True).state is CLOSING


@pytest.mark.clause("D4.82", "D4.83", "D4.84")
def test_reducing_opens_on_partial_and_ends_on_complete_as_closing_does() -> None:
    assert after(REDUCING, True, Event.PARTIAL_FILL, True).state is OPEN
    assert after(REDUCING, True, Event.COMPLETE_FILL, False).state is FLAT
    assert after(CLOSING, True, Event.COMPLETE_FILL, False).state is FLAT


def test_decision_20_partly_filled_entry_that_is_cancelled_is_open() -> None:
    assert after(ENTERING, True, Event.CANCEL, True).state is OPEN


def test_decision_20_rejected_closing_order_stays_closing_until_a_resend() -> None:
    stays = after(CLOSING, True, Event.REJECT, True)
    assert stays.state is CLOSING
    assert transition(stays, Event.RESEND).state is CLOSING


def test_decision_46_increase_keeps_the_held_direction() -> None:
    with pytest.raises(InvariantViolation, match="held direction SHORT"):
        transition(position(OPEN, ONE), Event.ENTRY, direction=Direction.LONG)


@pytest.mark.clause("D4.86", "D4.87")
def test_machine_takes_quantities_from_the_ledger_and_corrects_nothing() -> None:
    with pytest.raises(InvariantViolation, match="quantity with a fill"):
        transition(position(ENTERING, NONE), Event.FILL)
    with pytest.raises(InvariantViolation, match="quantity with a fill"):
        transition(position(OPEN, ONE), Event.EXIT, quantity=ONE)
    with pytest.raises(InvariantViolation, match="entry price"):
        transition(position(ENTERING, NONE), Event.FILL, quantity=ONE)
    with pytest.raises(InvariantViolation, match="to keep"):
        transition(position(CLOSING, ONE), Event.COMPLETE_FILL, quantity=NONE, direction=Direction.LONG)


def test_exit_enters_the_machine_as_its_state_asks() -> None:
    assert exit_event(OPEN) is Event.EXIT
    assert exit_event(ENTERING) is exit_event(REDUCING) is Event.EMERGENCY_EXIT
    for state in (FLAT, CLOSING):
        with pytest.raises(InvariantViolation, match="something to exit"):
            exit_event(state)
