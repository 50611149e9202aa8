"""Documents that break one rule of `contracts/positions.py` each."""

from __future__ import annotations

from typing import Any


def without_entry_price(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "entry_price": None}


def wrong_discrepancy(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "discrepancy": document["discrepancy"] * 2}


def action_without_difference(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "actual_size": document["expected_size"], "discrepancy": 0, "action": "SYNC_LOCAL"}


VIOLATIONS = {
    ("execution.position", "held_quantity_has_an_entry_price"): without_entry_price,
    ("execution.reconciliation_result", "discrepancy_is_the_difference"): wrong_discrepancy,
    ("execution.reconciliation_result", "equal_sizes_need_no_action"): action_without_difference,
}
