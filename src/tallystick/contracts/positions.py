"""Positions: a held quantity, its direction and its state, and what a comparison with the venue found."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import lru_cache

from tallystick.contracts.contract import Consumer, Contract, Rule
from tallystick.contracts.errors import InvariantViolation


class Direction(Enum):
    """Which way a position gains."""

    LONG = "LONG"
    SHORT = "SHORT"

    @property
    def sign(self) -> int:
        """+1 for LONG, −1 for SHORT."""
        return 1 if self is Direction.LONG else -1

    @property
    def opposite(self) -> Direction:
        """The other direction."""
        return Direction.SHORT if self is Direction.LONG else Direction.LONG


class PositionState(Enum):
    """Where a position stands in its life."""

    FLAT = "FLAT"
    ENTERING = "ENTERING"
    OPEN = "OPEN"
    REDUCING = "REDUCING"
    CLOSING = "CLOSING"


@dataclass(frozen=True, slots=True)
class Position:
    """What is held of one symbol.

    quantity: unsigned, in base units; the direction gives its sign. entry_price: quote per unit, averaged over the fills that built it.
    ENTERING before its first fill has a direction and quantity 0: the direction is the one that was ordered.
    Raises InvariantViolation at construction: I-PSM-1, I-PSM-2, and a quantity that is negative or not finite.
    """

    symbol: str
    state: PositionState
    direction: Direction | None
    quantity: Decimal
    entry_price: Decimal | None

    def __post_init__(self) -> None:
        if not self.symbol:
            raise InvariantViolation("expected a position of a named symbol, found an empty symbol")
        if not self.quantity.is_finite() or self.quantity < 0:
            raise InvariantViolation(f"expected an unsigned quantity of {self.symbol}, found {self.quantity}", hint="The sign of a position is its direction.")
        if self.state is PositionState.FLAT and (self.quantity != 0 or self.direction is not None):
            raise InvariantViolation(f"I-PSM-1: expected FLAT {self.symbol} with quantity 0 and no direction, found {self.quantity} and {self.direction}")
        if self.state is PositionState.OPEN and (self.quantity == 0 or self.direction is None):
            raise InvariantViolation(f"I-PSM-2: expected OPEN {self.symbol} with a quantity and a direction, found {self.quantity} and {self.direction}")

    @classmethod
    def flat(cls, symbol: str) -> Position:
        """Nothing held, nothing ordered."""
        return _flat(symbol)

    @property
    def signed_quantity(self) -> Decimal:
        """Quantity with the sign of its direction."""
        return self.quantity if self.direction is not Direction.SHORT else -self.quantity


@lru_cache(maxsize=4096)
def _flat(symbol: str) -> Position:
    return Position(symbol, PositionState.FLAT, None, Decimal(0), None)


class ReconciliationAction(Enum):
    """What the reconciler recommends; it does nothing by itself (decision 16)."""

    NONE = "NONE"
    SYNC_LOCAL = "SYNC_LOCAL"
    EMERGENCY_CLOSE = "EMERGENCY_CLOSE"


@dataclass(frozen=True, slots=True)
class ReconciliationResult:
    """One symbol, ours against the venue's. Sizes are signed base units; discrepancy = actual − expected."""

    symbol: str
    expected_size: float
    actual_size: float
    action: ReconciliationAction
    discrepancy: float


def _discrepancy_is_the_difference(result: ReconciliationResult) -> str | None:
    expected = result.actual_size - result.expected_size
    return None if abs(result.discrepancy - expected) <= 1e-9 * max(1.0, abs(expected)) else f"discrepancy {result.discrepancy}, difference {expected}"


def _equal_sizes_need_no_action(result: ReconciliationResult) -> str | None:
    idle = result.discrepancy != 0 or result.action is ReconciliationAction.NONE
    return None if idle else f"{result.action.value} for equal sizes"


def _held_quantity_has_an_entry_price(position: Position) -> str | None:
    return None if position.quantity == 0 or position.entry_price is not None else f"{position.quantity} held without an entry price"


CONTRACTS: tuple[Contract, ...] = (
    Contract(
        name="execution.position",
        version="1.0",
        purpose="What is held of one symbol, rebuilt from confirmed fills only.",
        producer="execution.position_book",
        consumers=(
            Consumer("risk.review", ("symbol", "state", "direction", "quantity", "entry_price"), "limits per symbol and in total"),
            Consumer("risk.restraint", ("symbol", "state", "direction", "quantity", "entry_price"), "stop loss, take profit, liquidation distance"),
            Consumer("decision.arbitration", ("symbol", "state", "direction"), "which actions a state admits"),
            Consumer("execution.reconciler", ("symbol", "direction", "quantity"), "comparison with the venue"),
        ),
        shape=Position,
        encoding="memory",
        rules=(Rule("held_quantity_has_an_entry_price", "a held quantity has an entry price", _held_quantity_has_an_entry_price, ("D4.73",)),),
        seed_name="Position",
        clauses=("D4.73", "D4.74", "D4.75"),
    ),
    Contract(
        name="execution.reconciliation_result",
        version="1.0",
        purpose="One symbol compared with the venue, and a recommendation.",
        producer="execution.reconciler",
        consumers=(Consumer("engine.recovery", ("*",), "blocks entries while a difference is unexplained; acts only under an explicit flag"),),
        shape=ReconciliationResult,
        encoding="memory",
        rules=(
            Rule("discrepancy_is_the_difference", "discrepancy is actual_size − expected_size", _discrepancy_is_the_difference, ("D4.97",)),
            Rule("equal_sizes_need_no_action", "equal sizes recommend NONE", _equal_sizes_need_no_action, ("D4.98",)),
        ),
        seed_name="ReconciliationResult",
        clauses=("D4.97", "D4.98"),
    ),
)
