"""Documents that break one rule of `contracts/risk.py` each."""

from __future__ import annotations

from typing import Any


def more_margin_than_equity(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "margin_available": "100250.123457"}


def another_distance(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "liquidation_distance": 0.26}


def net_above_gross(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "net_notional": "-62500.01"}


def no_worst_symbol(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "worst_symbol": None}


def accepted_but_blocking(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "valid": True}


def more_losses_than_trades(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "consecutive_losses": document["trades"] + 1}


def peak_below_the_last(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "peak_equity": "97899.99"}


VIOLATIONS = {
    ("risk.account_state", "free_margin_is_within_equity"): more_margin_than_equity,
    ("risk.position_risk", "distance_follows_the_prices"): another_distance,
    ("risk.portfolio_risk", "net_is_within_gross"): net_above_gross,
    ("risk.portfolio_risk", "worst_symbol_when_something_is_held"): no_worst_symbol,
    ("risk.ValidationResult", "accepted_names_no_invariant"): accepted_but_blocking,
    ("risk.breaker_state", "losses_are_trades"): more_losses_than_trades,
    ("risk.kill_state", "peak_is_the_highest"): peak_below_the_last,
}
