"""Contracts of paper sessions: `outputs/paper_sessions/<session_id>/` (document 3). They never enter the shared run index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.run_documents import (
    METRICS_OPEN_MAPS,
    METRICS_RULES,
    REPORT_OPEN_MAPS,
    REPORT_RULES,
    TRADES_RULES,
    RunMetrics,
    RunReport,
    Sha256Text,
    SignedDecimalText,
    TradesTable,
    UtcText,
)
from tallystick.contracts.time import NS_PER_SECOND, ns_from_iso

SESSIONS_ROOT = "outputs/paper_sessions"
_SESSION = f"{SESSIONS_ROOT}/{{session_id}}"
SessionState = Literal["running", "success", "failed", "aborted"]
StatusReason = Literal["active", "completed", "exception", "operator_abort"]
REASON_OF: dict[str, StatusReason] = {"running": "active", "success": "completed", "failed": "exception", "aborted": "operator_abort"}


class SessionMetadata(Shape):
    """`session_metadata.json`: identity and context. `mode` is paper, `command` stays run; `journal_path` is where the engine's journal lies (decision 57)."""

    schema_version: Literal["1.0"]
    session_id: str
    created_at: UtcText
    mode: Literal["paper"]
    command: Literal["run"]
    venue: str
    strategy: str
    config_path: str | None
    config_hash: Sha256Text
    request_id: str | None
    universe_source: str
    code_version: str
    git_commit: str
    degraded: bool = False
    journal_path: str | None = None


class SessionStatus(Shape):
    """`session_status.json`: the canonical life-cycle artifact. Times UTC, duration in seconds."""

    session_id: str
    status: SessionState
    started_at: UtcText
    updated_at: UtcText
    terminal: bool
    status_reason: StatusReason
    finished_at: UtcText | None = None
    duration_seconds: float | None = None
    error_type: str | None = None
    message: str | None = None


class PaperConfig(Shape):
    """`config.json` of a session: as for a run, and everything else the session obeyed under `settings`. fee is a fraction, slippage in basis points."""

    ticker: str
    start: str
    end: str | None
    interval: str
    venue: str
    strategy: str
    fee: float
    slippage_bps: float
    initial_cash: float
    settings: Mapping[str, Any]


class PaperReport(RunReport):
    """`report.json` of a session: a run report whose machine_contract is `quantlab.paper.result` and whose run_id is the session id."""


class PaperMetrics(RunMetrics):
    """`metrics.json` of a session."""


class PaperTrades(TradesTable):
    """`trades.csv` of a session: every fill of the paper venue."""


class PaperEquity(Shape):
    """One row of `artifacts/equity.csv`: the account in quote units after a cycle."""

    timestamp: UtcText
    equity: SignedDecimalText


def _terminal(status: Any) -> str | None:
    return None if status.terminal == (status.status != "running") else f"terminal {status.terminal} with status {status.status}"


def _finished(status: Any) -> str | None:
    return None if status.terminal == (status.finished_at is not None) else f"terminal {status.terminal} with finished_at {status.finished_at}"


def _reason(status: Any) -> str | None:
    return None if status.status_reason == REASON_OF[status.status] else f"status_reason {status.status_reason} with status {status.status}"


def _error_fields(status: Any) -> str | None:
    told = bool(status.error_type) and bool(status.message)
    return f"status {status.status} without error_type and message" if status.status in ("failed", "aborted") and not told else None


def _duration(status: Any) -> str | None:
    if status.finished_at is None:
        return None
    expected = (ns_from_iso(status.finished_at) - ns_from_iso(status.started_at)) / NS_PER_SECOND
    return None if status.duration_seconds == expected else f"duration_seconds {status.duration_seconds} where the times give {expected}"


def _times(status: Any) -> str | None:
    late = status.finished_at is not None and ns_from_iso(status.finished_at) < ns_from_iso(status.started_at)
    if ns_from_iso(status.updated_at) < ns_from_iso(status.started_at) or late:
        return f"started {status.started_at}, updated {status.updated_at}, finished {status.finished_at}"
    return None


def _mode(report: Any) -> str | None:
    return None if report.header.mode == "paper" else f"mode {report.header.mode}"


def _under_sessions(report: Any) -> str | None:
    root = f"{SESSIONS_ROOT}/{report.machine_contract.run_id}"
    bad = [path for path in report.machine_contract.artifacts.values() if path != root and not path.startswith(f"{root}/")]
    return f"{bad[0]}" if bad else None


_PEOPLE = Consumer("apps.cli.sessions", ("*",), "list and show sessions")
_HEALTH = Consumer("research.paper_sessions", ("status", "started_at", "terminal"), "take an interrupted session up again")


def _of_session(name: str, file: str, **fields: Any) -> Contract:
    return Contract(
        name=f"paper_sessions.{name}",
        version=fields.pop("version", "1.0"),
        producer="research.paper_sessions",
        paths=(f"{_SESSION}/{file}",),
        seed_name=file,
        **fields,
    )


CONTRACTS = (
    _of_session(
        "metadata",
        "session_metadata.json",
        purpose="Identity and context of a paper session",
        consumers=(_PEOPLE,),
        shape=SessionMetadata,
        clauses=("D3.03", "D3.19", "D3.22"),
        wall_clock=("created_at",),
    ),
    _of_session(
        "status",
        "session_status.json",
        purpose="The canonical life cycle of a paper session",
        consumers=(_HEALTH, _PEOPLE),
        shape=SessionStatus,
        rules=(
            Rule("terminal_exactly_when_ended", "terminal exactly when status is not running", _terminal, ("D3.25", "D3.26")),
            Rule("finished_at_when_terminal", "finished_at exactly when terminal", _finished, ("D3.27",)),
            Rule("reason_agrees_with_status", "active, completed, exception, operator_abort for running, success, failed, aborted", _reason, ("D3.30",)),
            Rule("errors_are_told", "error_type and message when failed or aborted", _error_fields, ("D3.29",)),
            Rule("duration_is_the_time_between", "duration_seconds = finished_at − started_at", _duration, ("D3.28",)),
            Rule("times_are_in_order", "updated_at and finished_at not before started_at", _times, ("D3.26",)),
        ),
        clauses=("D3.22", "D3.25", "D3.26", "D3.27", "D3.28", "D3.29", "D3.30"),
        wall_clock=("started_at", "updated_at", "finished_at", "duration_seconds"),
    ),
    _of_session(
        "config",
        "config.json",
        purpose="The resolved configuration of a paper session",
        consumers=(_PEOPLE,),
        shape=PaperConfig,
        clauses=("D3.22",),
        open_maps=("settings",),
    ),
    _of_session(
        "metrics",
        "metrics.json",
        purpose="Results of a paper session",
        consumers=(_PEOPLE,),
        shape=PaperMetrics,
        rules=METRICS_RULES,
        clauses=("D3.22",),
        open_maps=METRICS_OPEN_MAPS,
    ),
    _of_session(
        "report",
        "report.json",
        version="1.2",
        purpose="The public report of a paper session; its run_id is the session id",
        consumers=(Consumer("outside.machines", ("machine_contract",), "read the result of a request"), _PEOPLE),
        shape=PaperReport,
        rules=(
            *REPORT_RULES,
            Rule("report_is_of_a_paper_session", "mode paper", _mode, ("D3.16",)),
            Rule("artifacts_lie_under_the_session", "every path under outputs/paper_sessions/<run_id>", _under_sessions, ("D3.20", "D3.21")),
        ),
        clauses=("D3.16", "D3.19", "D3.20", "D3.21", "D3.22"),
        open_maps=REPORT_OPEN_MAPS,
        wall_clock=("header.created_at",),
    ),
    _of_session(
        "trades",
        "trades.csv",
        purpose="Every fill of a paper session",
        consumers=(_PEOPLE,),
        shape=PaperTrades,
        rules=TRADES_RULES,
        clauses=("D3.22",),
        encoding="csv",
    ),
    _of_session(
        "equity",
        "artifacts/equity.csv",
        purpose="The account after each cycle of a session",
        consumers=(_PEOPLE,),
        shape=PaperEquity,
        clauses=("D3.22",),
        encoding="csv",
    ),
    _of_session("run_report", "run_report.md", purpose="The report for people", consumers=(_PEOPLE,), shape=None, clauses=("D3.22",), encoding="text"),
    _of_session(
        "supplement",
        "artifacts/{name*}",
        purpose="Further files of a session",
        consumers=(_PEOPLE,),
        shape=None,
        clauses=("D3.22",),
        encoding="bytes",
    ),
)
