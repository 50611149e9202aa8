from __future__ import annotations

from decimal import Decimal

import pytest
from tests.fakes.trading import START_NS, approved, fill

from tallystick.artifacts.canonical import canonical_json, parse_json
from tallystick.contracts.errors import ContractViolation
from tallystick.contracts.messages import document_of, message_of
from tallystick.contracts.orders import ApprovedOrder, OrderSide
from tallystick.contracts.venue_updates import (
    VenueCanceled,
    VenueFunding,
    VenueLiquidation,
    VenueRejected,
    VenueUpdate,
    parse_update,
)

UPDATES: list[VenueUpdate] = [
    fill(approved(), fee="0.000001"),
    VenueCanceled("c", "A", "id", "o", Decimal("0.5"), "asked", START_NS),
    VenueRejected("r", "A", "id", "no margin", START_NS),
    VenueFunding("f", "A", Decimal("-0.0001"), Decimal("-1.25"), START_NS),
    VenueLiquidation("l", "A", OrderSide.SELL, Decimal(1), Decimal(80), Decimal(0), "ADL", START_NS),
]


@pytest.mark.parametrize("update", UPDATES, ids=lambda update: update.kind)
def test_decision_3_update_goes_through_canonical_json_and_back(update: VenueUpdate) -> None:
    document = parse_json(canonical_json(document_of(update)))
    assert document["timestamp_ns"] == str(START_NS)
    assert parse_update(document) == update


def test_approved_order_comes_back_from_its_document() -> None:
    order = approved(quantity="0.125", stop=None)
    assert message_of(ApprovedOrder, parse_json(canonical_json(document_of(order)))) == order


@pytest.mark.clause("D4.136", "D4.138")
@pytest.mark.parametrize("document", [{}, {"kind": "gift"}, {"kind": "fill"}, {**document_of(UPDATES[1]), "remaining": "much"}])
def test_document_of_no_update_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ContractViolation):
        parse_update(document)
