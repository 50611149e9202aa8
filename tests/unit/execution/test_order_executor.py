from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.fakes.trading import FakeGateway, approved, request

from tallystick.contracts.errors import InvariantViolation, SafetyRefusal
from tallystick.contracts.orders import OrderStatus, OrderType
from tallystick.execution.order_executor import OrderExecutor


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def executor(gateway: FakeGateway) -> OrderExecutor:
    return OrderExecutor(gateway)


@pytest.mark.clause("D4.91", "D4.92")
def test_sends_the_order_as_it_is_and_returns_the_answer(executor: OrderExecutor, gateway: FakeGateway) -> None:
    order = approved(kind=OrderType.LIMIT, limit="100")
    assert executor.submit(order, 0).status is OrderStatus.ACKNOWLEDGED
    assert gateway.received == [order]
    assert gateway.received[0] is order


@pytest.mark.clause("D4.93", "D4.139")
def test_timeout_is_an_answer_of_its_own_and_sends_nothing_again(executor: OrderExecutor, gateway: FakeGateway) -> None:
    gateway.silent = True
    order = approved()
    answer = executor.submit(order, 0)
    assert (answer.success, answer.status) == (False, OrderStatus.SUBMITTED)
    assert str(answer.error_message).startswith("timeout: ")
    assert len(gateway.received) == 1
    with pytest.raises(InvariantViolation, match="sent once"):
        executor.submit(order, 1)


@pytest.mark.clause("D4.93")
def test_decision_66_resend_asks_the_venue_first(executor: OrderExecutor, gateway: FakeGateway) -> None:
    gateway.silent, order = True, approved()
    executor.submit(order, 0)
    gateway.silent = False
    assert executor.resend(order, 1).status is OrderStatus.ACKNOWLEDGED
    assert gateway.lookups == [order.client_id]
    assert len(gateway.received) == 1


def test_decision_66_resend_sends_what_the_venue_never_saw_under_the_same_client_id(executor: OrderExecutor, gateway: FakeGateway) -> None:
    gateway.loses, order = True, approved()
    executor.submit(order, 0)
    gateway.loses = False
    assert executor.resend(order, 1).success
    assert [item.client_id for item in gateway.received] == [order.client_id]


def test_resend_of_another_order_under_the_id_raises(executor: OrderExecutor) -> None:
    order = approved()
    executor.submit(order, 0)
    with pytest.raises(InvariantViolation, match="order that was sent"):
        executor.resend(replace(order, action="EXIT"), 1)


@pytest.mark.clause("D4.105")
def test_refuses_what_risk_did_not_approve(executor: OrderExecutor, gateway: FakeGateway) -> None:
    with pytest.raises(SafetyRefusal, match="risk approved, found OrderRequest"):
        executor.submit(request(), 0)  # type: ignore[arg-type]
    assert gateway.received == []


@pytest.mark.clause("D4.91", "D4.136")
@pytest.mark.parametrize(
    "prices",
    [{"kind": OrderType.LIMIT}, {"kind": OrderType.MARKET, "limit": "1"}, {"kind": OrderType.STOP_MARKET}, {"kind": OrderType.STOP_LIMIT, "stop": "1"}],
)
def test_refuses_parameters_that_do_not_fit_the_type(executor: OrderExecutor, prices: dict[str, Any]) -> None:
    with pytest.raises(InvariantViolation, match="prices that"):
        executor.submit(approved(**prices), 0)


def test_cancel_reports_a_timeout_as_unknown(executor: OrderExecutor, gateway: FakeGateway) -> None:
    assert executor.cancel("x", 0).status is OrderStatus.CANCELED
    gateway.silent = True
    assert executor.cancel("x", 0).status is OrderStatus.SUBMITTED
