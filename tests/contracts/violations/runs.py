"""Documents that break one rule of `contracts/runs.py` or `contracts/paper_sessions.py` each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Document = dict[str, Any]


def put(path: str, value: object) -> Callable[[Document], Document]:
    """Set one field, dotted; numbers are places in a list."""

    def mutate(document: Document) -> Document:
        *parents, last = path.split(".")
        inner: Any = document
        for name in parents:
            inner = inner[int(name)] if isinstance(inner, list) else inner[name]
        inner[int(last) if isinstance(inner, list) else last] = value
        return document

    return mutate


def drop(name: str) -> Callable[[Document], Document]:
    return lambda document: {key: value for key, value in document.items() if key != name}


def both(*mutations: Callable[[Document], Document]) -> Callable[[Document], Document]:
    def mutate(document: Document) -> Document:
        for mutation in mutations:
            document = mutation(document)
        return document

    return mutate


def backwards(name: str) -> Callable[[Document], Document]:
    return lambda document: {**document, name: document[name][::-1]}


def first_row_twice(document: Document) -> Document:
    return {**document, "runs": [document["runs"][0], *document["runs"]], "n_runs": document["n_runs"] + 1}


def one_trade_more(document: Document) -> Document:
    return put("summary.trades", document["summary"]["trades"] + 1)(document)


def legacy_file(document: Document) -> Document:
    entry = {**document["artifacts"][0], "file_name": "meta.json"}
    return {**document, "artifacts": sorted([*document["artifacts"], entry], key=lambda item: item["file_name"])}


def ticker_twice(document: Document) -> Document:
    return {**document, "ticker": f"{document['ticker']},{document['ticker'].split(',')[0]}"}


def a_column_less(document: Document) -> Document:
    return {**document, "columns": document["columns"][:-1]}


FAILED_WITHOUT_CODE = both(put("event", "SESSION_FAILED"), put("status", "error"), put("error_type", "DataError"), put("message", "no bars"))
EVIDENCE = {
    "bars": 720, "sharpe_per_bar": 0.07, "skewness": 0.4, "kurtosis": 8.1, "probabilistic_sharpe": 0.97, "deflated_sharpe": 0.82,
    "expected_best_sharpe": 3.1, "trials": 4, "minimum_track_record_bars": 561.3,
    "bootstrap": {
        "method": "stationary_block", "level": 0.95, "resamples": 1000, "mean_block_bars": 9, "seed": 7,
        "intervals": {"total_return": {"low": 0.2, "high": 0.1}},
    },
}  # fmt: skip
PROFITABLE_DRAWDOWN = both(put("summary.max_drawdown", 0.1), put("machine_contract.summary.max_drawdown", 0.1))
AS_A_RUN = both(put("header.mode", "run"), put("machine_contract.mode", "run"), put("machine_contract.contract_type", "quantlab.run.result"))

REPORT = {
    "contract_type_matches_mode": put("machine_contract.contract_type", "quantlab.sweep.result"),
    "summary_mirrors_machine_contract": one_trade_more,
    "machine_contract_is_of_this_report": put("machine_contract.run_id", "another"),
    "artifacts_are_sorted": backwards("artifacts"),
    "no_legacy_names": legacy_file,
    "drawdown_is_a_loss": PROFITABLE_DRAWDOWN,
    "intervals_have_two_ends": put("evidence", EVIDENCE),
    "deflating_never_raises": put("evidence", {**EVIDENCE, "bootstrap": None, "deflated_sharpe": 0.98}),
}
# The block of a session names paths below its own id, so another id would break a second rule.
PAPER_REPORT = {**REPORT, "machine_contract_is_of_this_report": put("header.run_id", "another")}
METRICS = {"best_result_comes_from_a_leaderboard": put("leaderboard_size", 3)}
TRADES = {
    "trades_have_their_columns": a_column_less,
    "trades_in_order_of_time": backwards("rows"),
    "quantities_are_unsigned": put("rows.0.qty", "-1.5"),
}

VIOLATIONS = {
    ("runs.metadata", "run_id_says_when_mode_and_config"): put("config_hash", "0" * 64),
    ("runs.metadata", "command_makes_the_mode"): put("command", "sweep"),
    ("runs.config", "start_before_end"): put("end", "2001-01-01T00:00:00Z"),
    ("runs.config", "tickers_are_named_once"): ticker_twice,
    ("runs.config", "costs_are_not_negative"): put("slippage_bps", -1.0),
    ("runs.leaderboard", "ranks_count_up"): put("rows.1.rank", 7),
    ("runs.walkforward", "test_after_training"): put("rows.0.test_start", "2023-06-01T00:00:00Z"),
    ("runs.index_json", "n_runs_counts_the_rows"): put("n_runs", 9),
    ("runs.index_json", "rows_are_sorted"): backwards("runs"),
    ("runs.index_json", "run_ids_are_unique"): first_row_twice,
    ("runs.index_json", "paths_lie_under_runs"): put("runs.0.path", "outputs/paper_sessions/paper-1"),
    ("runs.machine_request", "sweep_names_its_config"): both(put("command", "sweep"), put("params", {})),
    ("runs.machine_envelope", "success_carries_its_result"): drop("run_id"),
    ("runs.machine_envelope", "error_exactly_when_failed"): put("error", {"code": "ERROR", "message": "no"}),
    ("runs.lifecycle_signal", "status_follows_the_event"): put("status", "running"),
    ("runs.lifecycle_signal", "completed_names_its_artifacts"): drop("report_path"),
    ("runs.lifecycle_signal", "failed_names_its_error"): FAILED_WITHOUT_CODE,
    ("runs.leak_report", "leaking_exactly_with_leaks"): put("status", "clean"),
    ("runs.leak_report", "tested_or_not"): put("tested", ["future_label"]),
    ("runs.preflight", "ok_means_importable"): put("quantlab_import", False),
    ("paper_sessions.status", "terminal_exactly_when_ended"): both(put("terminal", False), drop("finished_at")),
    ("paper_sessions.status", "finished_at_when_terminal"): drop("finished_at"),
    ("paper_sessions.status", "reason_agrees_with_status"): put("status_reason", "exception"),
    ("paper_sessions.status", "errors_are_told"): both(put("status", "failed"), put("status_reason", "exception")),
    ("paper_sessions.status", "duration_is_the_time_between"): put("duration_seconds", 1.0),
    ("paper_sessions.status", "times_are_in_order"): put("updated_at", "2001-01-01T00:00:00Z"),
    ("paper_sessions.report", "report_is_of_a_paper_session"): AS_A_RUN,
    ("paper_sessions.report", "artifacts_lie_under_the_session"): put("machine_contract.artifacts.report_path", "outputs/runs/x/report.json"),
    **{("runs.report", name): mutate for name, mutate in REPORT.items()},
    **{("paper_sessions.report", name): mutate for name, mutate in PAPER_REPORT.items()},
    **{(f"{subject}.metrics", name): mutate for subject in ("runs", "paper_sessions") for name, mutate in METRICS.items()},
    **{(f"{subject}.trades", name): mutate for subject in ("runs", "paper_sessions") for name, mutate in TRADES.items()},
}
