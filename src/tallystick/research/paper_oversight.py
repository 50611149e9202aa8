"""Watching paper sessions: list, health, alerts, promotion. Reads `outputs/paper_sessions/`, writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tallystick.artifacts.paths import Workspace, get_paper_sessions_dir
from tallystick.artifacts.seal import check_seal, is_sealed
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.paper_oversight import SEVERITY_OF, AlertCode, HeldBack, PaperAlert, PaperAlerts, PaperHealth, PaperPromotion, PromotionCandidate
from tallystick.contracts.paper_sessions import PaperReport, SessionMetadata, SessionStatus
from tallystick.contracts.registry import contract
from tallystick.contracts.time import NS_PER_SECOND, iso_from_ns, ns_from_iso

STALE_MINUTES = 60.0
MOST_CANDIDATES = 2


@dataclass(frozen=True, slots=True)
class FoundSession:
    """A session's folder as it lies: what could be read of it, and `damage` where its status could not."""

    session_id: str
    status: SessionStatus | None
    metadata: SessionMetadata | None
    report: PaperReport | None
    damage: str | None

    @property
    def state(self) -> str:
        """running, success, failed or aborted; damaged where the status cannot be read."""
        return "damaged" if self.status is None else self.status.status

    def is_stale(self, now_ns: int, stale_minutes: float) -> bool:
        """Whether it claims to run and has not said so for stale_minutes."""
        if self.status is None or self.status.terminal:
            return False
        return now_ns - ns_from_iso(self.status.updated_at) > stale_minutes * 60 * NS_PER_SECOND


def find_sessions(workspace: Workspace) -> list[FoundSession]:
    """Every session folder, oldest first; damaged ones first of all."""
    root = get_paper_sessions_dir(workspace)
    found = [read_session(workspace, item.name) for item in root.iterdir() if item.is_dir()] if root.is_dir() else []
    return sorted(found, key=lambda item: (item.status.started_at if item.status is not None else "", item.session_id))


def read_session(workspace: Workspace, session_id: str) -> FoundSession:
    """What lies in a session's folder. Raises ArtifactError when there is no such folder."""
    folder = workspace.path("paper_sessions.status", session_id=session_id).parent
    if not folder.is_dir():
        raise ArtifactError(f"expected a paper session named {session_id}, found none", where=str(folder), hint="See: tallystick paper list")
    read: dict[str, Any] = {}
    damage = None
    for name in ("status", "metadata", "report"):
        path = workspace.path(f"paper_sessions.{name}", session_id=session_id)
        try:
            read[name] = read_artifact(contract(f"paper_sessions.{name}"), path) if path.is_file() or name == "status" else None
        except ArtifactError as error:
            read[name], damage = None, damage or error.message
    if is_sealed(folder) and damage is None and (changed := check_seal(folder)):
        damage = f"expected the session as it was sealed, found a change in {changed[0].path.name}"
    return FoundSession(session_id, read["status"], read["metadata"], read["report"], damage)


def health(sessions: list[FoundSession], *, now_ns: int, stale_minutes: float = STALE_MINUTES) -> PaperHealth:
    """Counts by status. `attention` when anything raises an alert."""
    states = [item.state for item in sessions]
    counted = {state: states.count(state) for state in ("running", "success", "failed", "aborted")}
    known = [item.status for item in sessions if item.status is not None]
    latest = max(known, key=lambda status: (status.updated_at, status.session_id), default=None)
    raised = alerts(sessions, now_ns=now_ns, stale_minutes=stale_minutes).alerts
    return PaperHealth(
        status="empty" if not sessions else "attention" if raised else "ok",
        sessions=len(sessions),
        by_status=counted,
        damaged=states.count("damaged"),
        stale=sum(item.is_stale(now_ns, stale_minutes) for item in sessions),
        stale_minutes=stale_minutes,
        latest_session_id=latest.session_id if latest is not None else None,
        latest_updated_at=latest.updated_at if latest is not None else None,
    )


def alerts(sessions: list[FoundSession], *, now_ns: int, stale_minutes: float = STALE_MINUTES) -> PaperAlerts:
    """Failed, aborted, stale and damaged sessions; critical first, then the newest."""
    found = [_alert(item, now_ns, stale_minutes) for item in sessions]
    raised = [item for item in found if item is not None]
    raised.sort(key=lambda alert: (alert.updated_at or "", alert.session_id), reverse=True)
    raised.sort(key=lambda alert: alert.severity)
    return PaperAlerts(alerts=tuple(raised), stale_minutes=stale_minutes)


def _alert(item: FoundSession, now_ns: int, stale_minutes: float) -> PaperAlert | None:
    code: AlertCode
    status = item.status
    if item.damage is not None or status is None:
        code, message = "PAPER_SESSION_DAMAGED", item.damage or "its status cannot be read"
    elif status.status == "failed":
        code, message = "PAPER_SESSION_FAILED", f"{status.error_type}: {status.message}"
    elif status.status == "aborted":
        code, message = "PAPER_SESSION_ABORTED", status.message or "stopped"
    elif item.is_stale(now_ns, stale_minutes):
        code, message = (
            "PAPER_SESSION_STALE",
            f"running, and silent since {status.updated_at}: more than {stale_minutes:g} minutes before {iso_from_ns(now_ns)}",
        )
    else:
        return None
    return PaperAlert(
        code=code,
        severity=SEVERITY_OF[code],  # type: ignore[arg-type]
        session_id=item.session_id,
        status=item.state,
        updated_at=status.updated_at if status is not None else None,
        message=message,
    )


def promotion(sessions: list[FoundSession]) -> PaperPromotion:
    """Sessions that ended well, whole, on paper, with a paper report and without an error: the two best by Sharpe, then return."""
    eligible: list[PromotionCandidate] = []
    held: list[HeldBack] = []
    for item in sessions:
        reasons = held_back_because(item)
        if reasons or item.status is None or item.report is None or item.metadata is None:
            held.append(HeldBack(session_id=item.session_id, reasons=tuple(reasons)))
            continue
        summary = item.report.summary
        eligible.append(
            PromotionCandidate(
                session_id=item.session_id,
                total_return=summary.total_return,
                sharpe_simple=summary.sharpe_simple,
                max_drawdown=summary.max_drawdown,
                trades=summary.trades,
                finished_at=item.status.finished_at or item.status.updated_at,
                degraded=item.metadata.degraded,
            )
        )
    eligible.sort(key=lambda one: (-_known(one.sharpe_simple), -_known(one.total_return), one.session_id))
    return PaperPromotion(candidates=tuple(eligible[:MOST_CANDIDATES]), held_back=tuple(held), eligible=len(eligible))


def held_back_because(item: FoundSession) -> list[str]:
    """Every reason why a session may not be promoted; none for one that may."""
    reasons = [item.damage] if item.damage is not None else []
    if item.status is None:
        return reasons or ["its status cannot be read"]
    if item.status.status != "success":
        reasons.append(f"status {item.status.status}, success needed")
    if not item.status.terminal:
        reasons.append("not terminal")
    if item.status.error_type is not None:
        reasons.append(f"error_type {item.status.error_type}")
    if item.metadata is None or item.metadata.mode != "paper":
        reasons.append("no metadata of mode paper")
    elif item.metadata.degraded:
        reasons.append("degraded: it traded models that the promotion gate did not pass")
    if item.report is None:
        reasons.append("no report")
    elif item.report.machine_contract.contract_type != "quantlab.paper.result":
        reasons.append(f"contract_type {item.report.machine_contract.contract_type}, quantlab.paper.result needed")
    return reasons


def _known(value: float | None) -> float:
    return float("-inf") if value is None else value
