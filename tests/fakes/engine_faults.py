"""An engine that can be cut: a journal and a venue that count what they are asked and die at the chosen step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tallystick.contracts.orders import ApprovedOrder, OrderResponse, OrderStatus
from tallystick.contracts.session import JournalRow
from tallystick.engine.journal import MemoryJournal
from tallystick.execution.simulated_venue import SimulatedVenue


class Killed(BaseException):
    """The process is gone: nothing may catch this."""


@dataclass
class Steps:
    """Counts steps before and after everything that touches the world; dies at `deadly` (counted from 1), or never."""

    deadly: int | None = None
    taken: int = 0
    die: Callable[[], None] | None = None
    log: list[str] = field(default_factory=list)

    def __call__(self, what: str) -> None:
        self.taken += 1
        self.log.append(what)
        if self.taken == self.deadly:
            if self.die is not None:
                self.die()
            raise Killed(what)


class CutJournal(MemoryJournal):
    """Rows that outlive the engine; the cut comes before or after they are durable."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = Steps()

    def append(self, rows: Sequence[JournalRow]) -> None:
        kinds = "+".join(row.kind for row in rows)
        self.steps(f"before append {kinds}")
        super().append(rows)
        self.steps(f"after append {kinds}")


def cut_venue(steps: Steps) -> type[SimulatedVenue]:
    """A venue whose submits and cancels are steps."""

    class CutVenue(SimulatedVenue):
        def submit(self, order: ApprovedOrder, now_ns: int) -> OrderResponse:
            steps(f"before submit {order.client_id}")
            answer = super().submit(order, now_ns)
            steps(f"after submit {order.client_id}")
            return answer

        def cancel(self, client_id: str, now_ns: int) -> OrderResponse:
            steps(f"before cancel {client_id}")
            answer = super().cancel(client_id, now_ns)
            steps(f"after cancel {client_id}")
            return answer

    return CutVenue


class ForgetfulVenue(SimulatedVenue):
    """Ends the first exit of every position unfilled, as a venue does that cancels an order for reasons of its own."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._ended_once: set[str] = set()

    def submit(self, order: ApprovedOrder, now_ns: int) -> OrderResponse:
        answer, symbol = super().submit(order, now_ns), order.request.symbol
        if order.action == "EXIT" and symbol not in self._ended_once:
            self._ended_once.add(symbol)
            self.cancel(order.client_id, now_ns)
        elif order.action == "EXIT":
            self._ended_once.discard(symbol)
        return answer


class RefusingVenue(SimulatedVenue):
    """Answers no cancel: the entry works on, whatever was asked."""

    def cancel(self, client_id: str, now_ns: int) -> OrderResponse:
        return OrderResponse(False, None, OrderStatus.SUBMITTED, "timeout: expected an answer within 5 s, found none")
