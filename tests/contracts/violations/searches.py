"""Documents that break one rule of `contracts/searches.py` each."""

from __future__ import annotations

from typing import Any

from tests.contracts.violations.runs import both, put

SEARCH = {
    "method": "grid",
    "param_grid": {"ma_bars": [10, 20]},
    "param_ranges": {},
    "trials": 2,
    "seed": None,
    "sort_by": "sharpe_simple",
    "ascending": False,
    "min_trades": 0,
}


def first_position_twice(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "positions": [{"symbol": "BTCUSDT", "quantity": "1"}] * 2}


VIOLATIONS = {
    ("runs.experiments", "experiments_count_up"): put("rows.1.number", 7),
    ("runs.best_config", "best_config_is_a_plain_run"): put("search", SEARCH),
    ("runs.oos_leaderboard", "ranks_count_up"): put("rows.1.rank", 7),
    ("runs.oos_equity_curve", "curve_goes_forward"): put("rows.1.timestamp", "2001-01-01T00:00:00Z"),
    ("runs.portfolio_state", "positions_are_named_once"): first_position_twice,
    ("runs.portfolio_components", "weights_sum_to_one"): put("rows.0.weight", 0.9),
    ("research.experiment_log", "failed_has_no_figures"): both(put("error", ["ERROR", "no"])),
}
