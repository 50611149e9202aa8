"""Rules of the dashboard's documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from math import isclose
from typing import Any

from tallystick.contracts.contract import Rule
from tallystick.contracts.time import ns_from_iso

RELATIVE, ABSOLUTE = 1e-9, 1e-9


def _near(found: float, expected: float, scale: float = 0.0) -> bool:
    return isclose(found, expected, rel_tol=RELATIVE, abs_tol=ABSOLUTE * max(1.0, scale))


def _first(found: Iterable[str | None]) -> str | None:
    return next((item for item in found if item is not None), None)


def _each_position(test: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    return lambda document: _first(test(row) for row in document.positions)


def _error_names_itself(state: Any) -> str | None:
    return "status error without last_error" if state.status == "error" and not state.last_error else None


def _stopped_is_idle(state: Any) -> str | None:
    return f"stage {state.current_stage} while stopped" if state.status == "stopped" and state.current_stage != "idle" else None


STATE_RULES = (
    Rule("an_error_names_itself", "last_error where status is error", _error_names_itself, ("D2.03",)),
    Rule("a_stopped_engine_is_idle", "stage idle where status is stopped", _stopped_is_idle, ("D2.06",)),
)


def _sorted_symbols(document: Any) -> str | None:
    return _first(f"{b.symbol} after {a.symbol}" for a, b in pairwise(document.positions) if b.symbol <= a.symbol)


def _market_value(row: Any) -> str | None:
    expected = row.shares * row.current_price
    return None if _near(row.market_value, expected) else f"{row.symbol} with {row.market_value}, shares × price {expected}"


def _pnl(row: Any) -> str | None:
    expected = (row.current_price - row.entry_price) * row.shares
    return (
        None if _near(row.unrealized_pnl, expected, abs(row.market_value)) else f"{row.symbol} with {row.unrealized_pnl}, (price − entry) × shares {expected}"
    )


def _pnl_pct(row: Any) -> str | None:
    expected = row.unrealized_pnl / (row.entry_price * abs(row.shares)) * 100 if row.shares else 0.0
    return None if _near(row.unrealized_pnl_pct, expected, 100) else f"{row.symbol} with {row.unrealized_pnl_pct}, expected {expected}"


def _side(row: Any) -> str | None:
    expected = "long" if row.shares > 0 else "short"
    return None if row.side in (None, expected) else f"{row.symbol} {row.side} with {row.shares} shares"


def _weights(document: Any) -> str | None:
    reference = max(document.positions, key=lambda row: abs(row.market_value), default=None)
    if reference is None:
        return None
    for row in document.positions:
        if not _near(row.weight * reference.market_value, reference.weight * row.market_value, abs(reference.market_value)):
            return f"{row.symbol} with weight {row.weight} for {row.market_value}, {reference.symbol} with {reference.weight} for {reference.market_value}"
    return None


def _counts(document: Any) -> str | None:
    longs = sum(row.shares > 0 for row in document.positions)
    shorts = sum(row.shares < 0 for row in document.positions)
    found = (document.total_positions, document.long_count, document.short_count)
    expected = (len(document.positions), longs, shorts)
    return None if found == expected else f"counts {found} for {expected}"


def _total_value(document: Any) -> str | None:
    total, gross = 0.0, 0.0
    for row in document.positions:
        total, gross = total + row.market_value, gross + abs(row.market_value)
    return None if _near(document.total_market_value, total, gross) else f"total_market_value {document.total_market_value}, sum {total}"


POSITION_RULES = (
    Rule("positions_are_sorted", "positions sorted by symbol, each once", _sorted_symbols, ("D2.12",)),
    Rule("market_value_is_shares_times_price", "market_value = shares × current_price", _each_position(_market_value), ("D2.14",)),
    Rule("pnl_is_price_move_times_shares", "unrealized_pnl = (current_price − entry_price) × shares", _each_position(_pnl), ("D2.13",)),
    Rule("pnl_pct_is_of_the_entry", "unrealized_pnl_pct = pnl / (entry price × |shares|) × 100", _each_position(_pnl_pct)),
    Rule("side_follows_the_shares", "long above 0 shares, short below", _each_position(_side), ("D2.10",)),
    Rule("weights_share_one_portfolio_value", "weight = market_value / one portfolio value", _weights, ("D2.15",)),
    Rule("counts_match_the_positions", "total, long and short counts of the list", _counts, ("D2.11",)),
    Rule("total_value_is_the_sum", "total_market_value is the signed sum", _total_value, ("D2.11",)),
)


def _newest_first(document: Any) -> str | None:
    return _first(
        f"{after.id} at {after.timestamp} after {before.timestamp}"
        for before, after in pairwise(document.trades)
        if ns_from_iso(after.timestamp) > ns_from_iso(before.timestamp)
    )


def _ids(document: Any) -> str | None:
    names = [row.id for row in document.trades]
    return _first(f"{name} twice" for name in names if names.count(name) > 1)


def _trade_value(document: Any) -> str | None:
    return _first(f"{row.id} with value {row.value}" for row in document.trades if not _near(row.value, row.shares * row.price))


def _trade_totals(document: Any) -> str | None:
    shown = 0.0
    for row in document.trades:
        shown += row.value
    if document.total_trades < len(document.trades):
        return f"total_trades {document.total_trades} with {len(document.trades)} shown"
    if document.total_value < shown and not _near(document.total_value, shown):
        return f"total_value {document.total_value} with {shown} shown"
    return None


TRADE_RULES = (
    Rule("trades_are_newest_first", "timestamps descending", _newest_first, ("D2.24",)),
    Rule("trade_ids_are_unique", "each id once", _ids, ("D2.25",)),
    Rule("trade_value_is_shares_times_price", "value = shares × price", _trade_value),
    Rule("totals_cover_the_page", "totals at least those of the trades shown", _trade_totals, ("D2.19",)),
)


def _bare(document: Any) -> str | None:
    others = sorted((document.model_fields_set | set(document.model_extra or {})) - {"enabled"})
    return f"{others[0]} while disabled" if not document.enabled and others else None


def _complete(document: Any) -> str | None:
    missing = [name for name in ("algorithm", "arms") if not getattr(document, name)]
    return f"no {missing[0]}" if document.enabled and missing else None


def _weight_sum(document: Any) -> str | None:
    total = 0.0
    for arm in document.arms or ():
        total += arm.weight
    return None if not document.arms or abs(total - 1.0) <= 1e-6 else f"weights that sum to {total}"


def _pulls(document: Any) -> str | None:
    total = sum(arm.pulls for arm in document.arms or ())
    return None if document.total_pulls is None or total == document.total_pulls else f"total_pulls {document.total_pulls}, sum {total}"


def _mean_rewards(document: Any) -> str | None:
    for arm in document.arms or ():
        expected = arm.rewards / arm.pulls if arm.pulls else 0.0
        if not _near(arm.mean_reward, expected):
            return f"{arm.horizon} with mean {arm.mean_reward}, {arm.rewards} over {arm.pulls}"
    return None


def _horizons(document: Any) -> str | None:
    names = [arm.horizon for arm in document.arms or ()]
    return _first(f"{name} twice" for name in names if names.count(name) > 1)


CILS_RULES = (
    Rule("a_disabled_learner_says_only_that", "nothing beside enabled where it is false", _bare, ("D2.33",)),
    Rule("an_enabled_learner_names_algorithm_and_arms", "algorithm and arms where enabled", _complete, ("D2.28",)),
    Rule("arm_weights_sum_to_one", "weights that sum to 1", _weight_sum, ("D2.32",)),
    Rule("pulls_sum_to_the_total", "total_pulls is the sum over arms", _pulls),
    Rule("mean_reward_is_reward_per_pull", "mean_reward = rewards / pulls, 0 without a pull", _mean_rewards),
    Rule("each_horizon_is_one_arm", "each horizon once", _horizons, ("D2.31",)),
)


def _breaches(status: Any) -> dict[str, str]:
    found = {}
    if -status.daily_pnl_pct >= status.daily_loss_limit_pct:
        found["daily_loss"] = f"daily result {status.daily_pnl_pct} % at a limit of {status.daily_loss_limit_pct} %"
    if status.drawdown_pct >= status.max_drawdown_limit_pct:
        found["drawdown"] = f"drawdown {status.drawdown_pct} % at a limit of {status.max_drawdown_limit_pct} %"
    if status.gross_exposure > status.max_gross_exposure:
        found["exposure"] = f"gross exposure {status.gross_exposure} at a limit of {status.max_gross_exposure}"
    return found


def _allowed(status: Any) -> str | None:
    return _first(iter(_breaches(status).values())) if status.trading_allowed else None


def _killed(status: Any) -> str | None:
    return "trading allowed under an active kill switch" if status.kill_switch_active and status.trading_allowed else None


def _kill_reason(status: Any) -> str | None:
    return "an active kill switch without its reason" if status.kill_switch_active and not status.kill_switch_reason else None


def _warned(status: Any) -> str | None:
    types = {warning.type for warning in status.warnings}
    return _first(f"no {name} warning: {text}" for name, text in _breaches(status).items() if name not in types)


def _remaining(status: Any) -> str | None:
    for name, used, limit, remaining in (
        ("daily_loss", max(0.0, -status.daily_pnl_pct), status.daily_loss_limit_pct, status.daily_loss_remaining_pct),
        ("drawdown", status.drawdown_pct, status.max_drawdown_limit_pct, status.drawdown_remaining_pct),
    ):
        if not _near(remaining, max(0.0, limit - used), 100):
            return f"{name}_remaining_pct {remaining} with {used} of {limit} used"
    return None


def _net(status: Any) -> str | None:
    inside = abs(status.net_exposure) <= status.gross_exposure or _near(abs(status.net_exposure), status.gross_exposure)
    return None if inside else f"net {status.net_exposure}, gross {status.gross_exposure}"


RISK_RULES = (
    Rule("no_trading_beyond_a_limit", "trading_allowed false where a limit is breached", _allowed, ("D2.41",)),
    Rule("no_trading_under_a_kill_switch", "trading_allowed false where the kill switch is active", _killed, ("D2.35",)),
    Rule("a_kill_names_its_reason", "kill_switch_reason where it is active", _kill_reason, ("D2.35",)),
    Rule("a_breached_limit_is_warned_of", "a warning for every breached limit", _warned, ("D2.42",)),
    Rule("remaining_is_limit_less_used", "remaining = limit − what is used, at least 0", _remaining, ("D2.36", "D2.37")),
    Rule("net_is_within_gross_exposure", "|net| at most gross", _net, ("D2.38",)),
)

EVENT_RULES = (
    Rule("an_event_says_what_happened", "a message that is not empty", lambda event: None if event.message.strip() else "an empty message", ("D1.86",)),
)
