"""What `paper health`, `alerts` and `promotion` say about the sessions of a workspace. Answers on stdout; nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.run_documents import Count, UtcText

AlertCode = Literal["PAPER_SESSION_FAILED", "PAPER_SESSION_ABORTED", "PAPER_SESSION_STALE", "PAPER_SESSION_DAMAGED"]
SEVERITY_OF = {
    "PAPER_SESSION_FAILED": "critical",
    "PAPER_SESSION_ABORTED": "warning",
    "PAPER_SESSION_STALE": "warning",
    "PAPER_SESSION_DAMAGED": "critical",
}


class PaperHealth(Shape):
    """Sessions counted by status; `damaged` counts folders whose status cannot be read. `latest_updated_at` is null without any session."""

    status: Literal["ok", "attention", "empty"]
    sessions: Count
    by_status: Mapping[str, int]
    damaged: Count
    stale: Count
    stale_minutes: float
    latest_session_id: str | None
    latest_updated_at: UtcText | None


class PaperAlert(Shape):
    """One thing that a person should look at."""

    code: AlertCode
    severity: Literal["critical", "warning"]
    session_id: str
    status: str
    updated_at: UtcText | None
    message: str


class PaperAlerts(Shape):
    """Every alert, critical ones first."""

    alerts: tuple[PaperAlert, ...]
    stale_minutes: float


class PromotionCandidate(Shape):
    """A session that may go on, and the core results of its report."""

    session_id: str
    total_return: float | None = None
    sharpe_simple: float | None = None
    max_drawdown: float | None = None
    trades: Count
    finished_at: UtcText
    degraded: bool


class HeldBack(Shape):
    """A session that may not, and every reason."""

    session_id: str
    reasons: tuple[str, ...]


class PaperPromotion(Shape):
    """At most two candidates, the best first, and everything that was held back. A candidate is for a person to look at: nothing trades because of it."""

    candidates: tuple[PromotionCandidate, ...]
    held_back: tuple[HeldBack, ...]
    eligible: Count


def _counted(health: Any) -> str | None:
    total = sum(health.by_status.values()) + health.damaged
    return None if total == health.sessions else f"{health.sessions} sessions and counts of {total}"


def _severities(document: Any) -> str | None:
    bad = [alert for alert in document.alerts if alert.severity != SEVERITY_OF[alert.code]]
    return f"{bad[0].code} as {bad[0].severity}" if bad else None


def _two(promotion: Any) -> str | None:
    return None if len(promotion.candidates) == min(2, promotion.eligible) else f"{len(promotion.candidates)} of {promotion.eligible}"


_PEOPLE = Consumer("apps.cli.paper", ("*",), "watch paper sessions")
_MACHINES = Consumer("outside.machines", ("*",), "watch paper sessions")


def _answer(name: str, shape: type[Shape], purpose: str, rule: Rule, **more: Any) -> Contract:
    return Contract(
        name=f"paper_sessions.{name}",
        version="1.0",
        purpose=purpose,
        producer="research.paper_oversight",
        consumers=(_PEOPLE, _MACHINES),
        shape=shape,
        encoding="memory",
        rules=(rule,),
        **more,
    )


CONTRACTS = (
    _answer(
        "health",
        PaperHealth,
        "How the paper sessions stand",
        Rule("counts_are_the_sessions", "every session in one count", _counted, ("D3.25",)),
        open_maps=("by_status",),
        clauses=("D3.25",),
    ),
    _answer(
        "alerts",
        PaperAlerts,
        "What needs a person",
        Rule("severity_follows_the_code", "critical for failed and damaged, warning otherwise", _severities, ("D3.25",)),
        clauses=("D3.25",),
    ),
    _answer(
        "promotion",
        PaperPromotion,
        "Which paper sessions may go on to a person's review",
        Rule("two_candidates_at_most", "the two best, or as many as there are", _two, ("D3.37",)),
        clauses=("D3.37",),
    ),
)
