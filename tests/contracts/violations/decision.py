"""Documents that break one rule of `contracts/decision.py` each."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def already_expired(document: Document) -> Document:
    return {**document, "expires": document["timestamp"] - 1}


def nothing_to_take_off(document: Document) -> Document:
    return {**document, "quantity": "0"}


def short_with_a_rising_forecast(document: Document) -> Document:
    return {**document, "direction": "SHORT"}


def idle_without_reason(document: Document) -> Document:
    return {**document, "type": "HOLD", "reason": None}


def action_of_nobody(document: Document) -> Document:
    return {**document, "strategy_id": None}


def overconfident(document: Document) -> Document:
    document["predictions"][0]["confidence"] = 1.5
    return document


def weights_short_of_one(document: Document) -> Document:
    document["blend_weights"]["Ridge"] /= 2
    return document


def negative_weight(document: Document) -> Document:
    return {**document, "blend_weights": {"LightGBM": 1.25, "Ridge": -0.25}}


def unscored_horizon(document: Document) -> Document:
    return {**document, "selected_horizon": "15m"}


def cost_too_low(document: Document) -> Document:
    document["cost_breakdown"]["total_cost"] = 0
    return document


def refusal_without_limit(document: Document) -> Document:
    return {**document, "allowed": False, "limit": None}


def sells_what_it_buys(document: Document) -> Document:
    return {**document, "side": "sell"}


def gate_that_enlarges(document: Document) -> Document:
    return {**document, "gate_adjusted_weight": document["raw_weight"] * 2}


def hold_that_trades(document: Document) -> Document:
    return {**document, "decision": "HOLD"}


def block_without_stage(document: Document) -> Document:
    return {**document, "decision": "BLOCKED", "shares": "0", "stage": None}


VIOLATIONS = {
    ("decision.mandate", "expires_after_timestamp"): already_expired,
    ("decision.mandate", "numbers_are_positive"): nothing_to_take_off,
    ("decision.mandate", "signs_follow_direction"): short_with_a_rising_forecast,
    ("decision.action", "idle_says_why"): idle_without_reason,
    ("decision.action", "acting_names_its_source"): action_of_nobody,
    ("decision.horizon_predictions", "predictions_in_range"): overconfident,
    ("decision.horizon_predictions", "weights_sum_to_one"): weights_short_of_one,
    ("decision.horizon_predictions", "weights_are_not_negative"): negative_weight,
    ("decision.arbitration_result", "selected_horizon_was_scored"): unscored_horizon,
    ("decision.arbitration_result", "total_cost_is_the_sum"): cost_too_low,
    ("decision.gate_result", "refusal_has_a_limit"): refusal_without_limit,
    ("decision.sizing_result", "side_follows_shares"): sells_what_it_buys,
    ("decision.sizing_result", "gate_only_shrinks"): gate_that_enlarges,
    ("decision.trade_decision", "only_a_trade_has_shares"): hold_that_trades,
    ("decision.trade_decision", "no_trade_names_its_stage"): block_without_stage,
}
