"""Documents that break one rule of `contracts/orders.py` each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Mutation = Callable[[dict[str, Any]], dict[str, Any]]


def changed(**values: Any) -> Mutation:
    def mutate(document: dict[str, Any]) -> dict[str, Any]:
        return {**document, **values}

    return mutate


VIOLATIONS: dict[tuple[str, str], Mutation] = {
    ("execution.order_request", "typed_prices_are_given"): changed(price=None, limit_price=None),
    ("execution.order_response", "success_has_an_order"): changed(order_id=None),
    ("execution.order_response", "failure_says_why"): changed(success=False),
    ("execution.order_fill", "fill_is_positive"): changed(size=0),
    ("risk.approved_order", "approval_names_its_checks"): changed(checks=[]),
    ("risk.refused_order", "refused_by_risk"): changed(stage="sizing"),
    ("execution.execution_result", "error_only_on_failure"): changed(error="the venue did not answer"),
    ("execution.cycle_stats", "at_most_one_action_per_symbol"): changed(actions_executed=50),
    ("execution.traded_instrument", "unit_follows_the_grid"): changed(unit_num=101),
    ("execution.venue_fill", "remaining_is_not_negative"): changed(remaining="-0.025"),
    ("execution.venue_canceled", "remaining_is_not_negative"): changed(remaining="-0.025"),
    ("execution.venue_rejected", "says_why"): changed(reason=""),
    ("execution.venue_funding", "payment_needs_a_rate"): changed(rate="0"),
    ("execution.venue_liquidation", "venue_charges_no_negative_fee"): changed(fee="-1"),
}
