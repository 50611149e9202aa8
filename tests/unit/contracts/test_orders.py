from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import pytest
from tests.fakes.trading import approved, request

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.orders import (
    CycleStats,
    ExecutionResult,
    OrderFill,
    OrderRequest,
    OrderResponse,
    OrderSide,
    OrderStatus,
    OrderType,
    RefusedOrder,
)


@pytest.mark.clause("D4.88")
def test_order_types_and_statuses_are_the_seeds() -> None:
    assert [item.name for item in OrderType] == ["MARKET", "LIMIT", "STOP_MARKET", "STOP_LIMIT", "POST_ONLY", "IOC"]
    assert [item.name for item in OrderStatus] == ["PENDING", "SUBMITTED", "ACKNOWLEDGED", "PARTIAL", "FILLED", "CANCELED", "REJECTED"]
    assert {item for item in OrderStatus if item.is_final} == {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED}


@pytest.mark.clause("D4.89", "D4.90", "D4.101", "D4.102")
@pytest.mark.parametrize(
    ("shape", "names"),
    [
        (OrderRequest, ("symbol", "side", "order_type", "size", "price")),
        (OrderResponse, ("success", "order_id", "status", "error_message")),
        (OrderFill, ("order_id", "price", "size", "timestamp_ns")),
        (ExecutionResult, ("symbol", "action", "success", "state_before", "state_after", "timestamp", "error")),
        (CycleStats, ("mandates_received", "actions_executed", "actions_rejected", "symbols_processed")),
    ],
)
def test_shapes_have_the_seeds_fields_and_add_optional_ones_only(shape: Any, names: tuple[str, ...]) -> None:
    found = dataclasses.fields(shape)
    assert tuple(item.name for item in found)[: len(names)] == names
    assert all(item.default is not dataclasses.MISSING for item in found[len(names) :])


@pytest.mark.clause("D4.89")
def test_decision_4_floats_are_filled_from_the_exact_numbers() -> None:
    made = OrderRequest.exact("A", OrderSide.BUY, OrderType.LIMIT, Decimal("0.1"), Decimal("100.10"))
    assert (made.size, made.price) == (0.1, 100.1)
    assert (made.quantity, made.limit_price) == (Decimal("0.1"), Decimal("100.10"))


def test_seed_floats_alone_mean_their_shortest_text() -> None:
    made = OrderRequest("A", OrderSide.SELL, OrderType.LIMIT, 0.1, 99.9)
    assert (made.quantity, made.limit_price) == (Decimal("0.1"), Decimal("99.9"))


@pytest.mark.clause("D4.136")
@pytest.mark.parametrize(
    "values",
    [
        {"symbol": ""},
        {"size": 0.0},
        {"size": -1.0},
        {"size": float("nan")},
        {"price": 0.0},
        {"price": float("inf")},
        {"quantity": Decimal(2)},
        {"limit_price": Decimal(5)},
    ],
    ids=str,
)
def test_impossible_request_is_refused(values: dict[str, Any]) -> None:
    good: dict[str, Any] = {"symbol": "A", "side": OrderSide.BUY, "order_type": OrderType.LIMIT, "size": 1.0, "price": 100.0}
    with pytest.raises(InvariantViolation):
        OrderRequest(**{**good, **values})


def test_approval_of_another_client_id_is_refused() -> None:
    with pytest.raises(InvariantViolation, match="request's client id"):
        dataclasses.replace(approved(), client_id="0" * 32)


def test_refusal_says_why() -> None:
    with pytest.raises(InvariantViolation, match="name its reason"):
        RefusedOrder(request(), "", "risk", None, None, "I-L1")


def test_counts_are_not_negative() -> None:
    with pytest.raises(InvariantViolation, match="not negative"):
        CycleStats(1, 0, -1, 1)


def test_sides_have_signs() -> None:
    assert (OrderSide.BUY.sign, OrderSide.SELL.sign) == (1, -1)
