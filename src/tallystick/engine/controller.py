"""The controller: carries out what risk approved and says what became of each action. It re-interprets nothing and skips no check."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tallystick.contracts.decision import Action, ActionType
from tallystick.contracts.orders import CycleStats, ExecutionResult, OrderRequest, OrderResponse
from tallystick.contracts.positions import PositionState
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.decision.sizing import SizedAction
from tallystick.execution.fill_tracker import FillTracker
from tallystick.execution.order_executor import OrderExecutor
from tallystick.execution.position_book import PositionBook, WorkingOrder
from tallystick.risk.review import Review

ACTING = (ActionType.ENTRY, ActionType.EXIT, ActionType.REDUCE)


@dataclass(frozen=True, slots=True)
class Carried:
    """What left in a cycle: the answer to every order and to every cancel, by symbol."""

    sent: Mapping[str, OrderResponse]
    cancelled: Mapping[str, OrderResponse]


@dataclass(slots=True)
class Controller:
    """Sends approved orders, each once, and cancels entries that an exit overtook."""

    book: PositionBook
    executor: OrderExecutor
    tracker: FillTracker

    def overtaken(self, actions: Sequence[Action], held_back: Collection[str], *, entries_stopped: bool) -> tuple[WorkingOrder, ...]:
        """Working entries that must end first: in symbols that are leaving or held back, and every one while entries are stopped.

        A latch that refused only new orders would let an old entry go on filling under it (decision 15).
        """
        leaving = {action.symbol for action in actions if action.type is ActionType.EXIT}
        leaving |= {symbol for symbol, position in self.book.positions().items() if position.state is PositionState.CLOSING}
        leaving |= set(held_back)
        return tuple(order for order in self.book.working.values() if order.action == "ENTRY" and (entries_stopped or order.symbol in leaving))

    def carry_out(self, review: Review, overtaken: Sequence[WorkingOrder], resends: Sequence[OrderRequest], now_ns: int) -> Carried:
        """Cancel, then send. The caller has made the intent durable; what the venue does with it arrives by drain."""
        cancelled = {order.symbol: self.executor.cancel(order.client_id, now_ns) for order in overtaken}
        again = {request.symbol for request in resends}
        sent = {}
        for order in review.approved:
            self.book.intend(order, resend=order.request.symbol in again)
            sent[order.request.symbol] = self.executor.submit(order, now_ns)
            self.tracker.track(order, sent[order.request.symbol], now_ns)
        return Carried(sent, cancelled)

    def states(self, symbols: Iterable[str]) -> dict[str, PositionState]:
        """State of each symbol's position now."""
        return {symbol: self.book.position(symbol).state for symbol in symbols}


def execution_results(
    sized: Sequence[SizedAction],
    review: Review,
    carried: Carried,
    resends: Sequence[OrderRequest],
    states: tuple[Mapping[str, PositionState], Mapping[str, PositionState]],
    equities: tuple[Decimal, Decimal],
    now_ns: int,
) -> tuple[ExecutionResult, ...]:
    """One result for each ENTRY, EXIT, REDUCE and resent exit, in the order of the actions; states and equities are (before, after).

    A failure names what stopped it: the gate, the size, risk, or the venue. An EXIT with nothing held succeeds by the cancel of its entry.
    """
    before, after = states
    refused = {order.request.symbol: order.reason for order in review.refused}
    again = {request.symbol for request in resends}
    found = []
    for item in sized:
        symbol = item.action.symbol
        if item.action.type not in ACTING and symbol not in again:
            continue
        action = ActionType.EXIT if symbol in again else item.action.type
        answer = carried.sent.get(symbol) or (carried.cancelled.get(symbol) if action is ActionType.EXIT else None)
        success = answer is not None and answer.success
        error = None if success else (answer.error_message if answer is not None else None) or refused.get(symbol) or item.decision.reason
        found.append(ExecutionResult(symbol, action, success, before[symbol], after[symbol], now_ns / NS_PER_SECOND, error, *equities))
    return tuple(found)


def cycle_stats(mandates: int, results: Sequence[ExecutionResult], symbols: int) -> CycleStats:
    """Counts of a cycle. Executed: the venue took it; rejected: the gate, the size, risk or the venue did not let it through."""
    executed = sum(result.success for result in results)
    return CycleStats(mandates, executed, len(results) - executed, symbols)
