"""Positions and orders rebuilt from intents and venue updates: the ledger gives the numbers, the state machine the states."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.orders import STOP_TYPES, ApprovedOrder, OrderAction, OrderSide
from tallystick.contracts.positions import Direction, Position, PositionState
from tallystick.contracts.risk import AccountState
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.contracts.venue_updates import VenueCanceled, VenueFill, VenueFunding, VenueLiquidation, VenueRejected, VenueUpdate
from tallystick.execution.ledger import Ledger
from tallystick.execution.state_machine import PositionEvent, exit_event, transition


@dataclass(frozen=True, slots=True)
class WorkingOrder:
    """An order that was intended and has not ended. remaining: base units, as the venue last confirmed."""

    client_id: str
    symbol: str
    side: OrderSide
    action: OrderAction
    remaining: Decimal
    resting: bool


class PositionBook:
    """The one local truth about positions: the same events, in the same order, give the same book after any restart (decision 21)."""

    def __init__(self, instruments: Mapping[str, TradedInstrument], starting_cash: Decimal, leverage_e4: int = 80_000) -> None:
        self.ledger = Ledger(instruments, starting_cash)
        self.leverage_e4 = leverage_e4
        self.working: dict[str, WorkingOrder] = {}
        self.blocked: dict[str, str] = {}
        self._positions: dict[str, Position] = {}
        self._shown: dict[str, Position] | None = None
        self._active: dict[str, str] = {}
        self._ended: set[str] = set()

    def position(self, symbol: str) -> Position:
        """The position of a symbol; FLAT when it was never touched."""
        return self._positions.get(symbol) or Position.flat(symbol)

    def positions(self) -> dict[str, Position]:
        """Positions that are not FLAT, by symbol."""
        if self._shown is None:
            self._shown = {symbol: item for symbol, item in sorted(self._positions.items()) if item.state is not PositionState.FLAT}
        return dict(self._shown)

    def _put(self, position: Position) -> None:
        self._positions[position.symbol] = position
        self._shown = None

    def pending(self) -> dict[str, Decimal]:
        """Signed quantity of working entry orders, by symbol: risk counts them as if filled."""
        found: dict[str, Decimal] = {}
        for order in self.working.values():
            if order.action == "ENTRY":
                found[order.symbol] = found.get(order.symbol, Decimal(0)) + order.side.sign * order.remaining
        return dict(sorted(found.items()))

    def account(self, marks: Mapping[str, Decimal], now_ns: int) -> AccountState:
        """Equity and free margin at these marks."""
        ticks = {symbol: self.ledger.instrument(symbol).nearest_ticks(marks[symbol]) for symbol in self.ledger.holdings if symbol in marks}
        return self.ledger.account(ticks, self.leverage_e4, now_ns)

    def intend(self, order: ApprovedOrder, *, resend: bool = False) -> None:
        """Take an order that is about to leave. Its position moves to ENTERING, REDUCING or CLOSING; a resting stop moves nothing until it fills.

        resend: the explicit repeat of an exit whose order ended. Raises InvariantViolation for an illegal transition or a client id used before.
        """
        request, symbol = order.request, order.request.symbol
        if order.client_id in self._ended or (order.client_id in self.working and not resend):
            raise InvariantViolation(f"expected a client id of its own for the order in {symbol}, found {order.client_id} again", where="position book")
        resting = request.order_type in STOP_TYPES and request.reduce_only
        if not resting:
            position = self.position(symbol)
            if order.action == "ENTRY":
                direction = Direction.LONG if request.side is OrderSide.BUY else Direction.SHORT
                self._move(symbol, PositionEvent.ENTRY, direction=direction)
            elif order.action == "REDUCE":
                self._move(symbol, PositionEvent.REDUCE)
            else:
                self._move(symbol, PositionEvent.RESEND if resend else exit_event(position.state))
            self._active[symbol] = order.client_id
        self.working[order.client_id] = WorkingOrder(order.client_id, symbol, request.side, order.action, request.quantity, resting)

    def emergency_exit(self, symbol: str) -> None:
        """The position is leaving although an order works: CLOSING."""
        self._move(symbol, PositionEvent.EMERGENCY_EXIT)

    def unblock(self, symbol: str) -> None:
        """The difference was explained; entries are admitted again."""
        self.blocked.pop(symbol, None)

    def apply(self, update: VenueUpdate) -> bool:
        """Take one update of the venue; False when it was known already."""
        if isinstance(update, VenueFill):
            return self.ledger.apply(update) and self._take_fill(update)
        if isinstance(update, VenueLiquidation):
            if not self.ledger.apply(update):
                return False
            self._external(update.symbol, PositionEvent(update.cause), f"{update.cause.lower()} of {update.quantity} {update.symbol} by the venue")
            return True
        if isinstance(update, VenueFunding):
            return self.ledger.apply(update)
        return self._take_end(update)

    def apply_all(self, updates: Iterable[VenueUpdate]) -> None:
        """Take updates in their order."""
        for update in updates:
            self.apply(update)

    def _take_fill(self, fill: VenueFill) -> bool:
        symbol = fill.symbol
        order = self.working.get(fill.client_id)
        if order is None or order.symbol != symbol or order.side is not fill.side or fill.quantity > order.remaining:
            self._external(symbol, PositionEvent.MANUAL, f"a fill of {fill.quantity} {symbol} that no working order of ours explains ({fill.client_id})")
            return True
        ended = fill.remaining == 0
        if ended:
            self._end(fill.client_id)
        else:
            self.working[fill.client_id] = replace(order, remaining=fill.remaining)
        before = self.position(symbol)
        entered = Direction.LONG if order.side is OrderSide.BUY else Direction.SHORT
        if order.action == "ENTRY" and before.direction is entered.opposite:
            # It outlived the position that it was meant for, and fills against the next one: the ledger says what is held.
            self._external(symbol, PositionEvent.MANUAL, f"an entry of {symbol} filled {fill.quantity} against the {before.direction.value} that came after it")
            return True
        if before.quantity and self.ledger.direction(symbol) not in (before.direction, None):
            self._external(symbol, PositionEvent.MANUAL, f"a fill of {fill.quantity} turned {symbol} from {before.direction}")
            return True
        for event in self._fill_events(order, ended):
            self._move_filled(symbol, event, order)
        if ended and self._active.get(symbol) == fill.client_id:
            del self._active[symbol]
        return True

    def _fill_events(self, order: WorkingOrder, ended: bool) -> tuple[PositionEvent, ...]:
        """The legal path that a confirmed fill of our own order takes through the machine."""
        state, left = self.position(order.symbol).state, self.ledger.lots(order.symbol) != 0
        active = self._active.get(order.symbol) == order.client_id
        if order.action == "ENTRY":
            # An entry that was overtaken: by an exit (CLOSING keeps the state), or by a liquidation (FLAT or OPEN enters again).
            lead = (PositionEvent.ENTRY,) if state in (PositionState.FLAT, PositionState.OPEN) else ()
            works = not ended or state in (PositionState.CLOSING, PositionState.REDUCING) or (not active and not lead)
            return (*lead, PositionEvent.WORKING_FILL if works else PositionEvent.FILL)
        lead = ()
        if state is PositionState.OPEN:
            lead = (PositionEvent.REDUCE,) if left else (PositionEvent.EXIT,)
        elif state is PositionState.ENTERING and not left:
            lead = (PositionEvent.EMERGENCY_EXIT,)
        if not left:
            return (*lead, PositionEvent.COMPLETE_FILL)
        done = bool(lead) or (state is PositionState.REDUCING and active and ended)
        return (*lead, PositionEvent.PARTIAL_FILL if done else PositionEvent.WORKING_FILL)

    def _take_end(self, update: VenueCanceled | VenueRejected) -> bool:
        order = self.working.get(update.client_id)
        if order is None:
            return False
        self._end(update.client_id)
        symbol = order.symbol
        if self._active.get(symbol) != update.client_id:
            # The entry that an emergency exit overtook ended unfilled: nothing is held, so nothing is left to close.
            position = self.position(symbol)
            if position.state is PositionState.CLOSING and position.quantity == 0:
                self._move(symbol, PositionEvent.CANCEL)
            return True
        del self._active[symbol]
        if self.position(symbol).state is not PositionState.FLAT:
            self._move(symbol, PositionEvent.CANCEL if isinstance(update, VenueCanceled) else PositionEvent.REJECT)
        return True

    def _end(self, client_id: str) -> None:
        del self.working[client_id]
        self._ended.add(client_id)

    def _move(self, symbol: str, event: PositionEvent, direction: Direction | None = None) -> None:
        self._put(transition(self.position(symbol), event, direction=direction))

    def _move_filled(self, symbol: str, event: PositionEvent, order: WorkingOrder) -> None:
        if event in (PositionEvent.ENTRY, PositionEvent.REDUCE, PositionEvent.EXIT, PositionEvent.EMERGENCY_EXIT):
            direction = Direction.LONG if order.side is OrderSide.BUY else Direction.SHORT
            self._move(symbol, event, direction=direction if event is PositionEvent.ENTRY else None)
            if event is PositionEvent.ENTRY:
                self._active[symbol] = order.client_id
            return
        self._put(transition(self.position(symbol), event, quantity=self.ledger.quantity(symbol), entry_price=self.ledger.entry_price(symbol)))

    def _external(self, symbol: str, event: PositionEvent, reason: str) -> None:
        """To the venue's state with the venue's own fill; entries wait until someone has explained it (decision 20)."""
        self.blocked[symbol] = reason
        self._put(
            transition(
                self.position(symbol),
                event,
                direction=self.ledger.direction(symbol),
                quantity=self.ledger.quantity(symbol),
                entry_price=self.ledger.entry_price(symbol),
            )
        )

    def state(self) -> dict[str, object]:
        """Everything that it holds, as plain values in a fixed order."""
        return {
            "ledger": self.ledger.state(),
            "positions": {
                symbol: (item.state.value, item.direction.value if item.direction else None, str(item.quantity), str(item.entry_price))
                for symbol, item in self.positions().items()
            },
            "working": {key: (item.symbol, item.side.value, item.action, str(item.remaining), item.resting) for key, item in sorted(self.working.items())},
            "active": dict(sorted(self._active.items())),
            "ended": sorted(self._ended),
            "blocked": dict(sorted(self.blocked.items())),
        }

    def digest(self) -> str:
        """SHA-256 of the state: two books are equal when their digests are."""
        return hashlib.sha256(json.dumps(self.state(), sort_keys=True).encode()).hexdigest()
