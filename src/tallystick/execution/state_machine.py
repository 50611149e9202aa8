"""The life of a position: the seed's table and decision 20. Every other pair of state and event raises."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.positions import Direction, Position, PositionState

FLAT, ENTERING, OPEN = PositionState.FLAT, PositionState.ENTERING, PositionState.OPEN
REDUCING, CLOSING = PositionState.REDUCING, PositionState.CLOSING


class PositionEvent(Enum):
    """What can happen to a position.

    ENTRY, REDUCE, EXIT: the action's order is intended. EMERGENCY_EXIT: an exit that does not wait for a working order. RESEND: the explicit repeat of
    an exit whose order was rejected or cancelled. WORKING_FILL: a fill whose order works on; the quantity changes, the state does not. FILL: the fill
    that ends an entry. PARTIAL_FILL: the fill that ends a reduction and leaves something. COMPLETE_FILL: the fill after which nothing is held.
    CANCEL, REJECT: the working order ended. LIQUIDATION, ADL, SETTLEMENT, MANUAL: the venue, or a hand on it, acted.
    """

    ENTRY = "ENTRY"
    REDUCE = "REDUCE"
    EXIT = "EXIT"
    EMERGENCY_EXIT = "EMERGENCY_EXIT"
    RESEND = "RESEND"
    WORKING_FILL = "WORKING_FILL"
    FILL = "FILL"
    PARTIAL_FILL = "PARTIAL_FILL"
    COMPLETE_FILL = "COMPLETE_FILL"
    CANCEL = "CANCEL"
    REJECT = "REJECT"
    LIQUIDATION = "LIQUIDATION"
    ADL = "ADL"
    SETTLEMENT = "SETTLEMENT"
    MANUAL = "MANUAL"


EXTERNAL = frozenset({PositionEvent.LIQUIDATION, PositionEvent.ADL, PositionEvent.SETTLEMENT, PositionEvent.MANUAL})
FILLS = frozenset({PositionEvent.WORKING_FILL, PositionEvent.FILL, PositionEvent.PARTIAL_FILL, PositionEvent.COMPLETE_FILL}) | EXTERNAL

# (state, event) → (next state with something held, next state with nothing held); None: illegal with that quantity.
TABLE: dict[tuple[PositionState, PositionEvent], tuple[PositionState | None, PositionState | None]] = {
    (FLAT, PositionEvent.ENTRY): (None, ENTERING),
    (ENTERING, PositionEvent.WORKING_FILL): (ENTERING, None),
    (ENTERING, PositionEvent.FILL): (OPEN, None),
    (ENTERING, PositionEvent.CANCEL): (OPEN, FLAT),
    (ENTERING, PositionEvent.REJECT): (OPEN, FLAT),
    (ENTERING, PositionEvent.EMERGENCY_EXIT): (CLOSING, CLOSING),
    (OPEN, PositionEvent.ENTRY): (ENTERING, None),
    (OPEN, PositionEvent.REDUCE): (REDUCING, None),
    (OPEN, PositionEvent.EXIT): (CLOSING, None),
    (OPEN, PositionEvent.EMERGENCY_EXIT): (CLOSING, None),
    (REDUCING, PositionEvent.WORKING_FILL): (REDUCING, None),
    (REDUCING, PositionEvent.PARTIAL_FILL): (OPEN, None),
    (REDUCING, PositionEvent.COMPLETE_FILL): (None, FLAT),
    (REDUCING, PositionEvent.CANCEL): (OPEN, None),
    (REDUCING, PositionEvent.REJECT): (OPEN, None),
    (REDUCING, PositionEvent.EMERGENCY_EXIT): (CLOSING, None),
    (CLOSING, PositionEvent.WORKING_FILL): (CLOSING, None),
    (CLOSING, PositionEvent.COMPLETE_FILL): (None, FLAT),
    # The order of an exit ended and something is held: CLOSING until an explicit resend. Nothing held: the entry it overtook ended unfilled.
    (CLOSING, PositionEvent.CANCEL): (CLOSING, FLAT),
    (CLOSING, PositionEvent.REJECT): (CLOSING, FLAT),
    (CLOSING, PositionEvent.RESEND): (CLOSING, None),
}
for _event in EXTERNAL:
    # The venue's own fill moves to the venue's state; an order that still works keeps its state while something is held.
    for _state in (ENTERING, OPEN, REDUCING, CLOSING):
        TABLE[_state, _event] = (_state, FLAT)
TABLE[FLAT, PositionEvent.MANUAL] = (OPEN, None)


def transition(
    position: Position,
    event: PositionEvent,
    *,
    direction: Direction | None = None,
    quantity: Decimal | None = None,
    entry_price: Decimal | None = None,
) -> Position:
    """The position after an event.

    direction: needed by ENTRY (LONG or SHORT, never a default; it must be the held one when something is held) and by a MANUAL fill.
    quantity, entry_price: for fills, what the ledger holds after it; never computed or corrected here.
    Raises InvariantViolation for a pair that is not in the table, or numbers that do not fit the event.
    """
    symbol, filled = position.symbol, event in FILLS
    if filled != (quantity is not None):
        raise InvariantViolation(f"expected a quantity with a fill and only there, found {event.value} of {symbol} with {quantity}")
    held = position.quantity if quantity is None else quantity
    after = TABLE.get((position.state, event), (None, None))[0 if held else 1]
    # Nothing held can be neither reduced nor completed.
    hollow = position.quantity == 0 and event not in EXTERNAL and (position.state is REDUCING or event is PositionEvent.COMPLETE_FILL)
    if after is None or hollow:
        raise InvariantViolation(
            f"expected a legal transition of {symbol}, found {event.value} in {position.state.value} with quantity {held}",
            where="position state machine",
        )
    side = _direction(position, event, direction)
    if after is FLAT:
        return Position.flat(symbol)
    price = (entry_price if filled else position.entry_price) if held else None
    if held and price is None:
        raise InvariantViolation(f"expected an entry price for the held quantity {held} of {symbol}, found none")
    return Position(symbol, after, side, held, price)


def _direction(position: Position, event: PositionEvent, given: Direction | None) -> Direction | None:
    symbol, held = position.symbol, position.direction
    if event is PositionEvent.ENTRY:
        if given is None:
            raise InvariantViolation(f"expected a direction for the ENTRY of {symbol}, found none", hint="There is no default direction.")
        if held is not None and given is not held:
            raise InvariantViolation(f"expected an ENTRY of {symbol} in the held direction {held.value}, found {given.value}", hint="Flip by EXIT first.")
        return given
    if event in EXTERNAL:
        return given if given is not None else held
    if given is not None and given is not held:
        raise InvariantViolation(f"expected {event.value} of {symbol} to keep {held}, found {given}")
    return held


def exit_event(state: PositionState) -> PositionEvent:
    """How an EXIT enters the machine: as EXIT when OPEN, as EMERGENCY_EXIT while an order works. Raises InvariantViolation elsewhere."""
    if state is OPEN:
        return PositionEvent.EXIT
    if state in (ENTERING, REDUCING):
        return PositionEvent.EMERGENCY_EXIT
    raise InvariantViolation(f"expected something to exit, found {state.value}", where="position state machine")
