from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from tests.fakes.decisions import position, view
from tests.fakes.trading import START_NS, FakeGateway, account, approved, fill, instrument, request

from tallystick.contracts.decision import Action, ActionType
from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.orders import OrderSide, RefusedOrder
from tallystick.contracts.positions import Direction, PositionState
from tallystick.decision.config import DecisionConfig
from tallystick.decision.gates import gate
from tallystick.decision.sizing import size
from tallystick.engine.controller import Carried, Controller, cycle_stats, execution_results
from tallystick.execution.fill_tracker import FillTracker
from tallystick.execution.order_executor import OrderExecutor
from tallystick.execution.position_book import PositionBook
from tallystick.risk.review import Review

SYMBOLS = ("AAAUSDT", "BBBUSDT", "CCCUSDT")
INSTRUMENTS = {symbol: instrument(symbol) for symbol in SYMBOLS}
EQUITIES = (account().equity, account().equity)


def controller(gateway: FakeGateway) -> Controller:
    return Controller(PositionBook(INSTRUMENTS, Decimal(100_000)), OrderExecutor(gateway), FillTracker())


def sized(*actions: Action, held: dict | None = None):
    seen = view(symbols=SYMBOLS)
    gated = gate(actions, seen, DecisionConfig())
    return size(gated, seen, held or {}, np.zeros(3), Decimal(100_000), INSTRUMENTS, DecisionConfig(), identify=lambda name: f"id-{name}")


def entry(symbol: str, weight: float | None = 0.05) -> Action:
    return Action(ActionType.ENTRY, symbol, "p", Direction.LONG, "entry", f"d/{symbol}", target_weight=weight)


def states(made: Controller) -> dict[str, PositionState]:
    return made.states(SYMBOLS)


@pytest.mark.clause("D4.103", "D4.104")
def test_an_approved_order_is_sent_unchanged_and_its_position_moves():
    gateway = FakeGateway()
    made, order = controller(gateway), approved(symbol="AAAUSDT")
    before = states(made)
    carried = made.carry_out(Review((order,), ()), (), (), START_NS)
    assert gateway.received == [order]
    items = sized(entry("AAAUSDT"))
    (result,) = execution_results(items, Review((order,), ()), carried, (), (before, states(made)), EQUITIES, START_NS)
    assert (result.success, result.error, result.state_before.value, result.state_after.value) == (True, None, "FLAT", "ENTERING")
    assert result.timestamp == START_NS / 1e9
    assert (result.equity_before, result.equity_after) == EQUITIES


@pytest.mark.clause("D4.105", "D4.101")
def test_a_failure_names_what_stopped_it():
    made = controller(FakeGateway())
    items = sized(entry("AAAUSDT"), entry("BBBUSDT", 0.001), Action(ActionType.NO_ACTION, "CCCUSDT", None, reason="no mandate"))
    refused = RefusedOrder(items[0].request or request(), "leverage would exceed", "risk", 2.0, 1.0, "I-L1")
    results = execution_results(items, Review((), (refused,)), Carried({}, {}), (), (states(made), states(made)), EQUITIES, START_NS)
    assert [(result.symbol, result.success) for result in results] == [("AAAUSDT", False), ("BBBUSDT", False)]
    assert results[0].error == "leverage would exceed"
    assert "no-trade band" in str(results[1].error)
    assert cycle_stats(5, results, 3).actions_rejected == 2


@pytest.mark.clause("D4.140")
def test_a_timeout_is_no_success_and_nothing_is_sent_again():
    gateway = FakeGateway()
    gateway.silent = True
    made, order = controller(gateway), approved(symbol="AAAUSDT")
    carried = made.carry_out(Review((order,), ()), (), (), START_NS)
    (result,) = execution_results(sized(entry("AAAUSDT")), Review((order,), ()), carried, (), (states(made), states(made)), EQUITIES, START_NS)
    assert not result.success
    assert str(result.error).startswith("timeout")
    with pytest.raises(InvariantViolation):
        made.carry_out(Review((order,), ()), (), (), START_NS)
    assert len(gateway.received) == 1


@pytest.mark.clause("D4.126")
def test_entries_are_overtaken_by_an_exit_and_by_a_position_that_is_closing():
    gateway = FakeGateway()
    made = controller(gateway)
    first, second = approved(symbol="AAAUSDT", quantity="2"), approved(symbol="BBBUSDT", quantity="2")
    made.carry_out(Review((first, second), ()), (), (), START_NS)
    assert made.overtaken([Action(ActionType.HOLD, "AAAUSDT", "p")], (), entries_stopped=False) == ()
    assert [order.client_id for order in made.overtaken([], ("BBBUSDT",), entries_stopped=False)] == [second.client_id], "a blocked symbol"
    assert len(made.overtaken([], (), entries_stopped=True)) == 2, "a latch ends every working entry (decision 15)"
    leaving = [Action(ActionType.EXIT, "AAAUSDT", "p", decision_id="d/A")]
    assert [order.client_id for order in made.overtaken(leaving, (), entries_stopped=False)] == [first.client_id]
    made.book.apply(fill(first, "1", remaining="1"))
    out = approved("EXIT", symbol="AAAUSDT", side=OrderSide.SELL, quantity="1")
    made.carry_out(Review((out,), ()), (), (), START_NS)
    assert made.book.position("AAAUSDT").state is PositionState.CLOSING
    assert [order.client_id for order in made.overtaken([], (), entries_stopped=False)] == [first.client_id], "asked again until the venue confirms it"


def test_an_exit_with_nothing_filled_succeeds_by_the_cancel_of_its_entry():
    gateway = FakeGateway()
    made, order = controller(gateway), approved(symbol="AAAUSDT")
    made.carry_out(Review((order,), ()), (), (), START_NS)
    leave = Action(ActionType.EXIT, "AAAUSDT", "p", decision_id="d/A")
    overtaken, before = made.overtaken([leave], (), entries_stopped=False), states(made)
    carried = made.carry_out(Review((), ()), overtaken, (), START_NS)
    items = sized(leave, held={"AAAUSDT": position("FLAT", "AAAUSDT")})
    (result,) = execution_results(items, Review((), ()), carried, (), (before, states(made)), EQUITIES, START_NS)
    assert (result.success, result.error, result.state_before) == (True, None, PositionState.ENTERING)
