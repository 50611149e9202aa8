"""Documents that break one rule of the dashboard's or of monitoring's contracts, each made from the valid example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
Mutation = Callable[[Document], Document]


def _update(**changes: Any) -> Mutation:
    def mutate(document: Document) -> Document:
        document.update(changes)
        return document

    return mutate


def _row(field: str, index: int, **changes: Any) -> Mutation:
    def mutate(document: Document) -> Document:
        row = document[field][index]
        row.update({name: change(row[name]) if callable(change) else change for name, change in changes.items()})
        return document

    return mutate


def _reverse(field: str) -> Mutation:
    def mutate(document: Document) -> Document:
        document[field].reverse()
        return document

    return mutate


def _market_value(document: Document) -> Document:
    row = document["positions"][0]
    document["total_market_value"] += row["market_value"]
    row["market_value"] *= 2
    row["weight"] *= 2
    return document


def _pnl(document: Document) -> Document:
    row = document["positions"][0]
    row["unrealized_pnl"] *= 2
    row["unrealized_pnl_pct"] *= 2
    return document


def _repeat_trade(document: Document) -> Document:
    document["trades"].append(dict(document["trades"][-1]))
    document["total_trades"] += 1
    document["total_value"] += document["trades"][-1]["value"]
    return document


def _disabled_with_arms(document: Document) -> Document:
    return {"enabled": False, "algorithm": document["algorithm"]}


def _without_algorithm(document: Document) -> Document:
    del document["algorithm"]
    return document


def _two_arms_of_one_horizon(document: Document) -> Document:
    document["arms"][0]["horizon"] = document["arms"][1]["horizon"]
    return document


def _beyond_drawdown(document: Document) -> Document:
    document.update(drawdown_pct=12.0, drawdown_remaining_pct=0.0)
    document["warnings"].append({"type": "drawdown", "message": "Drawdown beyond its limit", "severity": "critical", "threshold_pct": 9.0, "current_pct": 12.0})
    return document


VIOLATIONS: dict[tuple[str, str], Mutation] = {
    ("dashboard.engine_state", "an_error_names_itself"): _update(status="error"),
    ("dashboard.engine_state", "a_stopped_engine_is_idle"): _update(status="stopped"),
    ("dashboard.positions", "positions_are_sorted"): _reverse("positions"),
    ("dashboard.positions", "market_value_is_shares_times_price"): _market_value,
    ("dashboard.positions", "pnl_is_price_move_times_shares"): _pnl,
    ("dashboard.positions", "pnl_pct_is_of_the_entry"): _row("positions", 0, unrealized_pnl_pct=0.007),
    ("dashboard.positions", "side_follows_the_shares"): _row("positions", 1, side="long"),
    ("dashboard.positions", "weights_share_one_portfolio_value"): _row("positions", 1, weight=lambda weight: -weight),
    ("dashboard.positions", "counts_match_the_positions"): _update(short_count=0),
    ("dashboard.positions", "total_value_is_the_sum"): _update(total_market_value=0.0),
    ("dashboard.trades", "trades_are_newest_first"): _reverse("trades"),
    ("dashboard.trades", "trade_ids_are_unique"): _repeat_trade,
    ("dashboard.trades", "trade_value_is_shares_times_price"): _row("trades", 0, value=lambda value: value / 2),
    ("dashboard.trades", "totals_cover_the_page"): _update(total_trades=2),
    ("dashboard.cils_stats", "a_disabled_learner_says_only_that"): _disabled_with_arms,
    ("dashboard.cils_stats", "an_enabled_learner_names_algorithm_and_arms"): _without_algorithm,
    ("dashboard.cils_stats", "arm_weights_sum_to_one"): _row("arms", 0, weight=0.7),
    ("dashboard.cils_stats", "pulls_sum_to_the_total"): _update(total_pulls=64),
    ("dashboard.cils_stats", "mean_reward_is_reward_per_pull"): _row("arms", 0, mean_reward=0.0),
    ("dashboard.cils_stats", "each_horizon_is_one_arm"): _two_arms_of_one_horizon,
    ("dashboard.risk_status", "no_trading_beyond_a_limit"): _beyond_drawdown,
    ("dashboard.risk_status", "no_trading_under_a_kill_switch"): _update(kill_switch_active=True, kill_switch_reason="manual: operator"),
    ("dashboard.risk_status", "a_kill_names_its_reason"): _update(kill_switch_active=True, trading_allowed=False),
    ("dashboard.risk_status", "a_breached_limit_is_warned_of"): _update(gross_exposure=1.2, trading_allowed=False),
    ("dashboard.risk_status", "remaining_is_limit_less_used"): _update(daily_loss_remaining_pct=2.0),
    ("dashboard.risk_status", "net_is_within_gross_exposure"): _update(net_exposure=-0.9),
    ("dashboard.event", "an_event_says_what_happened"): _update(message=" "),
    ("monitoring.trade_journal", "an_exit_has_time_and_price"): _update(exit_price=None),
    ("monitoring.trade_journal", "exit_follows_entry"): _update(exit_time_ns="1"),
    ("monitoring.trade_journal", "net_is_realized_less_costs"): _update(net_pnl=1000.0),
    ("monitoring.trade_journal", "direction_is_long_or_short"): _update(direction="UP"),
    ("monitoring.daily_stats", "wins_and_losses_are_trades"): _update(losses=9),
    ("monitoring.performance_snapshot", "every_trade_has_one_side"): _update(breakeven_trades=3),
    ("monitoring.performance_snapshot", "win_rate_is_won_of_total"): _update(win_rate=0.5),
    ("monitoring.performance_snapshot", "drawdown_is_within_its_maximum"): _update(current_drawdown_pct=7.0),
    ("monitoring.assumption_result", "status_follows_the_failures"): _update(status="VALID"),
    ("monitoring.assumption_result", "a_test_that_holds_ends_the_run"): _update(held=True),
    ("monitoring.calibrated_parameter", "expected_spread_is_not_negative"): _update(expected_std=-0.1),
    ("monitoring.system_regime", "a_known_regime_has_its_number"): _update(z_score=None),
}
