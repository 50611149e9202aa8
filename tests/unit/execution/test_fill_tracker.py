from __future__ import annotations

from decimal import Decimal

import pytest
from tests.fakes.trading import START_NS, approved, fill

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.orders import ApprovedOrder, OrderResponse, OrderStatus, OrderType
from tallystick.contracts.venue_updates import VenueCanceled, VenueRejected
from tallystick.execution.fill_tracker import FillTracker

SECOND_NS = 1_000_000_000
ACKNOWLEDGED = OrderResponse(True, "order-1", OrderStatus.ACKNOWLEDGED, None)


def tracked(order: ApprovedOrder, response: OrderResponse = ACKNOWLEDGED) -> FillTracker:
    tracker = FillTracker()
    tracker.track(order, response, START_NS)
    return tracker


def status(tracker: FillTracker, order: ApprovedOrder) -> OrderStatus:
    found = tracker.order(order.client_id)
    assert found is not None
    return found.status


@pytest.mark.clause("D4.94", "D4.90")
def test_follows_fills_to_the_end() -> None:
    order = approved(quantity="2")
    tracker = tracked(order)
    first = tracker.apply(fill(order, "0.5", price="100.5", remaining="1.5"))
    assert first is not None
    assert (first.order_id, first.price, first.size, first.timestamp_ns) == ("order-1", 100.5, 0.5, START_NS)
    assert status(tracker, order) is OrderStatus.PARTIAL
    tracker.apply(fill(order, "1.5", number=2))
    assert status(tracker, order) is OrderStatus.FILLED
    assert tracker.working() == ()


@pytest.mark.clause("D4.95")
def test_an_answer_that_says_filled_is_no_fill() -> None:
    order = approved()
    tracker = tracked(order, OrderResponse(True, "order-1", OrderStatus.FILLED, None))
    found = tracker.order(order.client_id)
    assert found is not None
    assert (found.status, found.filled) == (OrderStatus.ACKNOWLEDGED, 0)


@pytest.mark.clause("D4.95")
def test_same_fill_twice_counts_once() -> None:
    order = approved(quantity="2")
    tracker = tracked(order)
    assert tracker.apply(fill(order, "1", remaining="1")) is not None
    assert tracker.apply(fill(order, "1", remaining="1")) is None
    found = tracker.order(order.client_id)
    assert found is not None
    assert found.filled == 1


def test_more_than_was_ordered_raises() -> None:
    order = approved(quantity="1")
    with pytest.raises(InvariantViolation, match="expected at most 1"):
        tracked(order).apply(fill(order, "2"))


def test_fill_of_an_unknown_order_is_kept_as_unexplained() -> None:
    tracker = FillTracker()
    update = fill(approved())
    assert tracker.apply(update) is not None
    assert tracker.unexplained == [update]


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        (lambda order: VenueCanceled("c", "BTCUSDT", order.client_id, "order-1", Decimal(1), "asked", START_NS), OrderStatus.CANCELED),
        (lambda order: VenueRejected("r", "BTCUSDT", order.client_id, "no margin", START_NS), OrderStatus.REJECTED),
    ],
)
def test_cancel_and_reject_end_an_order(update: object, expected: OrderStatus) -> None:
    order = approved()
    tracker = tracked(order)
    tracker.apply(update(order))  # type: ignore[operator]
    assert status(tracker, order) is expected


@pytest.mark.clause("D4.94", "D4.96", "D4.139")
@pytest.mark.parametrize(("kind", "limit", "seconds"), [(OrderType.MARKET, None, 5), (OrderType.LIMIT, "100", 300)])
def test_timeout_is_a_notice_given_once_and_cancels_nothing(kind: OrderType, limit: str | None, seconds: int) -> None:
    order = approved(kind=kind, limit=limit)
    tracker = tracked(order)
    assert tracker.timeouts(START_NS + seconds * SECOND_NS) == ()
    notices = tracker.timeouts(START_NS + seconds * SECOND_NS + 1)
    assert [(notice.client_id, notice.limit_ns) for notice in notices] == [(order.client_id, seconds * SECOND_NS)]
    assert tracker.timeouts(START_NS + 10**15) == ()
    assert status(tracker, order) is OrderStatus.ACKNOWLEDGED
