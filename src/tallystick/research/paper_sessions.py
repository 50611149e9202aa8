"""The record of a paper session: `outputs/paper_sessions/<session_id>/`, alive while the session runs, sealed when it ends. Never in the run index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tallystick.artifacts.canonical import plain
from tallystick.artifacts.paths import Workspace, get_paper_session_dir
from tallystick.artifacts.seal import break_seal, check_seal, is_sealed, seal_folder
from tallystick.artifacts.store import encode_artifact, read_artifact, write_artifact
from tallystick.contracts.checking import parse
from tallystick.contracts.errors import ConfigurationError, InvariantViolation
from tallystick.contracts.paper_sessions import REASON_OF, SESSIONS_ROOT, PaperReport, SessionMetadata, SessionStatus
from tallystick.contracts.quote_money import amount_of
from tallystick.contracts.registry import contract
from tallystick.contracts.run_documents import SCHEMA_VERSION, CoverageReference, RunSummary, TradeRow
from tallystick.contracts.tables import table_bytes
from tallystick.contracts.time import NS_PER_SECOND, iso_from_ns, ns_from_iso
from tallystick.contracts.training import CodeVersion
from tallystick.research.evaluation import trades_csv
from tallystick.research.run_report import Provenance, config_hash, relative_names, report_document, summary_lines

Ending = Literal["success", "failed", "aborted"]


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What is known of a session before it starts. `config` is the document of `paper_sessions.config`; paths are relative to the workspace."""

    venue: str
    strategy: str
    universe_source: str
    code: CodeVersion
    config: Mapping[str, Any]
    request_id: str | None = None
    config_path: str | None = None
    journal_path: str | None = None
    degraded: bool = False
    coverage: tuple[CoverageReference, ...] = ()
    command: str = ""


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """A finished session: as a machine envelope wants it. run_id is the session id; there is no runs_index."""

    run_id: str
    status: str
    folder: Path
    artifacts_path: str
    report_path: str
    runs_index: str | None
    seal_sha256: str
    summary: Mapping[str, Any]
    report: PaperReport


class PaperSessionRecorder:
    """Writes one session's folder. Every file is atomic; `session_status.json` tells where the session stands at any instant.

    A session that was cut off (status running, or ended without its seal) or that failed or was aborted is taken up again by `start` under the same id,
    with its first starting time. A sealed success is final.
    """

    def __init__(self, workspace: Workspace, session_id: str) -> None:
        self.workspace = workspace
        self.session_id = session_id
        self._facts: SessionFacts | None = None
        self._started_ns = 0

    @property
    def folder(self) -> Path:
        """`outputs/paper_sessions/<session_id>`."""
        return get_paper_session_dir(self.workspace, self.session_id)

    def status(self) -> SessionStatus | None:
        """Where the session stands; None when it never started. Raises ArtifactError for a damaged record."""
        path = self._path("status")
        status: SessionStatus | None = read_artifact(contract("paper_sessions.status"), path) if path.is_file() else None
        return status

    def is_finished(self) -> bool:
        """Whether the session ended well and its folder is whole."""
        status = self.status()
        return status is not None and status.status == "success" and is_sealed(self.folder) and not check_seal(self.folder)

    def start(self, facts: SessionFacts, now_ns: int) -> SessionStatus:
        """Begin, or go on after a crash. Raises ConfigurationError for a finished session, or another configuration under the same id."""
        before = self.status()
        if before is not None and before.status == "success" and is_sealed(self.folder):
            raise ConfigurationError(f"expected a session that is not finished, found {self.session_id} finished", hint="Choose another --session-id")
        if before is not None:
            self._same_configuration(facts)
        break_seal(self.folder)
        self._facts = facts
        self._started_ns = now_ns if before is None else ns_from_iso(before.started_at)
        metadata = {
            "schema_version": SCHEMA_VERSION,
            "session_id": self.session_id,
            "created_at": iso_from_ns(self._started_ns),
            "mode": "paper",
            "command": "run",
            "venue": facts.venue,
            "strategy": facts.strategy,
            "config_path": facts.config_path,
            "config_hash": config_hash(facts.config),
            "request_id": facts.request_id,
            "universe_source": facts.universe_source,
            "code_version": self._provenance(facts).code_version,
            "git_commit": facts.code.git_sha,
            "degraded": facts.degraded,
            "journal_path": facts.journal_path,
        }
        self._write("config", facts.config)
        self._write("metadata", metadata)
        return self._set_status("running", now_ns)

    def heartbeat(self, now_ns: int) -> SessionStatus:
        """The session is alive. Raises InvariantViolation before `start`."""
        self._begun()
        return self._set_status("running", now_ns)

    def finish(
        self,
        now_ns: int,
        status: Ending,
        summary: RunSummary,
        trades: Sequence[TradeRow] = (),
        *,
        error_type: str | None = None,
        message: str | None = None,
        results: Sequence[Mapping[str, Any]] = (),
        advanced: Mapping[str, float | None] | None = None,
        equity: Sequence[tuple[int, int]] = (),
    ) -> RecordedSession:
        """End the session: metrics, trades, equity, report and page, then the status, then the seal.

        equity: (nanoseconds, micro-quote) after each cycle.
        Raises InvariantViolation before `start`, ContractViolation for a failed or aborted session without error_type and message.
        """
        facts = self._begun()
        rows = [plain(row) for row in trades]
        documents: dict[str, Any] = {
            "metrics": {"status": status, "summary": summary, "best_result": None, "leaderboard_size": 0, "advanced": dict(advanced or {})},
            "trades": trades_csv(rows),
            "equity": equity_table(equity),
        }
        kept = {self._path(name): self._path(name).read_bytes() for name in ("metadata", "config")}
        files = {**kept, **{self._path(name): encode_artifact(contract(f"paper_sessions.{name}"), document) for name, document in documents.items()}}
        report = report_document(
            mode="paper",
            status=status,
            run_id=self.session_id,
            provenance=self._provenance(facts),
            config=facts.config,
            command=facts.command,
            summary=summary,
            files=relative_names(files, self.folder),
            folder=f"{SESSIONS_ROOT}/{self.session_id}",
            results=results,
            sections={"universe_source": facts.universe_source, "advanced": dict(advanced or {})},
        )
        for name, document in documents.items():
            self._write(name, document)
        self._write("report", report)
        shown: PaperReport = parse(contract("paper_sessions.report"), report)
        self._write("run_report", session_page(shown, message))
        self._set_status(status, now_ns, error_type=error_type, message=message)
        return RecordedSession(
            run_id=self.session_id,
            status=status,
            folder=self.folder,
            artifacts_path=f"{SESSIONS_ROOT}/{self.session_id}",
            report_path=f"{SESSIONS_ROOT}/{self.session_id}/report.json",
            runs_index=None,
            seal_sha256=seal_folder(self.folder),
            summary=plain(summary),
            report=shown,
        )

    def _path(self, name: str) -> Path:
        return self.workspace.path(f"paper_sessions.{name}", session_id=self.session_id)

    def _write(self, name: str, document: Any) -> None:
        write_artifact(contract(f"paper_sessions.{name}"), self._path(name), document)

    def _begun(self) -> SessionFacts:
        if self._facts is None:
            raise InvariantViolation(f"expected session {self.session_id} to be started first", where="paper session")
        return self._facts

    def _provenance(self, facts: SessionFacts) -> Provenance:
        return Provenance(
            created_at=iso_from_ns(self._started_ns),
            code=facts.code,
            request_id=facts.request_id,
            config_path=facts.config_path,
            coverage=facts.coverage,
            data_sha256=None,
        )

    def _same_configuration(self, facts: SessionFacts) -> None:
        path = self._path("metadata")
        if not path.is_file():
            return
        metadata: SessionMetadata = read_artifact(contract("paper_sessions.metadata"), path)
        wanted = config_hash(facts.config)
        if metadata.config_hash != wanted:
            raise ConfigurationError(
                f"expected the configuration {metadata.config_hash[:12]} that session {self.session_id} began with, found {wanted[:12]}",
                where=str(path),
                hint="Choose another --session-id, or the first configuration",
            )

    def _set_status(self, status: str, now_ns: int, *, error_type: str | None = None, message: str | None = None) -> SessionStatus:
        terminal = status != "running"
        document: dict[str, Any] = {
            "session_id": self.session_id,
            "status": status,
            "started_at": iso_from_ns(self._started_ns),
            "updated_at": iso_from_ns(now_ns),
            "terminal": terminal,
            "status_reason": REASON_OF[status],
        }
        if terminal:
            document["finished_at"] = iso_from_ns(now_ns)
            document["duration_seconds"] = (now_ns - self._started_ns) / NS_PER_SECOND
        if status in ("failed", "aborted"):
            document |= {"error_type": error_type, "message": message}
        self._write("status", document)
        found: SessionStatus = parse(contract("paper_sessions.status"), document)
        return found


def equity_table(equity: Sequence[tuple[int, int]]) -> bytes:
    """`artifacts/equity.csv` of a session from (nanoseconds, micro-quote)."""
    rows = [{"timestamp": iso_from_ns(now_ns), "equity": format(amount_of(micro), "f")} for now_ns, micro in equity]
    return table_bytes(("timestamp", "equity"), rows)


def session_page(report: PaperReport, message: str | None) -> bytes:
    """`run_report.md` of a session."""
    config = report.config_resolved
    lines = [f"# Paper session {report.header.run_id}", "", f"Ended: {report.status}{f' ({message})' if message else ''}.", ""]
    lines += [f"{config['strategy']} on {config['ticker']}, {config['interval']} bars of {config['venue']}; universe: {report.universe_source}.", ""]
    lines += summary_lines(report.summary)
    return "".join(f"{line}\n" for line in lines).encode()
