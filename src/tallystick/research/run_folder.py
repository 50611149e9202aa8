"""The run folder of any mode: the canonical documents from what a workflow found, published whole with the index refreshed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tallystick.artifacts.canonical import plain
from tallystick.artifacts.paths import Workspace, get_research_run_dir
from tallystick.artifacts.run_index import RunFiles, publish_run
from tallystick.artifacts.store import encode_artifact, read_artifact
from tallystick.contracts.checking import parse
from tallystick.contracts.registry import contract
from tallystick.contracts.run_documents import COMMAND_OF, SCHEMA_VERSION, RunReport, RunSummary
from tallystick.contracts.runs import RUNS_ROOT, ResolvedConfig
from tallystick.research.run_report import Provenance, config_hash, relative_names, report_document
from tallystick.research.trained_forecast import warnings_of


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run. Paths named `…_path` and `runs_index` are relative to the workspace; `runs_index` is None for a paper session."""

    run_id: str
    status: str
    folder: Path
    artifacts_path: str
    report_path: str
    runs_index: str | None
    seal_sha256: str
    is_new: bool
    summary: Mapping[str, Any]
    report: RunReport


@dataclass(frozen=True, slots=True)
class Findings:
    """What a workflow hands over. documents: contract → document or bytes, beside the canonical ones; sections: of the report, by field.

    best_result and leaderboard_size: of a search. command: what makes the run again, `{run_id}` in it standing for the run's own id.
    page: the report for people; pictures: its HTML page.
    """

    mode: str
    config: ResolvedConfig
    summary: RunSummary
    command: str
    page: Callable[[RunReport], bytes]
    pictures: Callable[[RunReport], bytes] | None = None
    documents: Mapping[str, Any] = field(default_factory=dict)
    results: Sequence[Mapping[str, Any]] = ()
    sections: Mapping[str, Any] = field(default_factory=dict)
    advanced: Mapping[str, float | None] = field(default_factory=dict)
    best_result: Mapping[str, Any] | None = None
    leaderboard_size: int = 0


def publish(workspace: Workspace, found: Findings, provenance: Provenance, *, now_ns: int) -> RunResult:
    """Write `outputs/runs/<run_id>/`, sealed. Raises ContractViolation for a document that breaks its contract, ArtifactError when the disk refuses."""
    digest = config_hash(found.config)
    stamp = provenance.created_at[:19].replace("-", "").replace(":", "").replace("T", "_")
    stem = f"{stamp}_{found.mode}_{digest[:7]}"
    published = publish_run(workspace, stem, lambda place, run_id: run_files(place, run_id, found, provenance), now_ns=now_ns)
    return read_result(workspace, published.run_id, published.seal_sha256, is_new=published.is_new)


def read_result(workspace: Workspace, run_id: str, seal_sha256: str, *, is_new: bool) -> RunResult:
    """A run folder as a result. Raises ArtifactError where its report cannot be read."""
    report: RunReport = read_artifact(contract("runs.report"), workspace.path("runs.report", run_id=run_id))
    return RunResult(
        run_id=run_id,
        status=report.status,
        folder=get_research_run_dir(workspace, run_id),
        artifacts_path=f"{RUNS_ROOT}/{run_id}",
        report_path=f"{RUNS_ROOT}/{run_id}/report.json",
        runs_index=f"{RUNS_ROOT}/runs_index.json",
        seal_sha256=seal_sha256,
        is_new=is_new,
        summary=plain(report.summary),
        report=report,
    )


def run_files(place: Workspace, run_id: str, found: Findings, provenance: Provenance) -> RunFiles:
    """Every file of the run, path → bytes, each document checked against its contract."""
    config: dict[str, Any] = plain(found.config)
    metadata = {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "created_at": provenance.created_at,
        "mode": found.mode,
        "status": "success",
        "command": COMMAND_OF[found.mode],
        "config_path": provenance.config_path,
        "config_hash": config_hash(config),
        "request_id": provenance.request_id,
        "code_version": provenance.code_version,
    }
    metrics = {
        "status": "success",
        "summary": found.summary,
        "best_result": found.best_result,
        "leaderboard_size": found.leaderboard_size,
        "advanced": dict(found.advanced),
    }
    documents = {"runs.metadata": metadata, "runs.config": config, "runs.metrics": metrics, **found.documents}
    files = {place.path(name, run_id=run_id): encode_artifact(contract(name), document) for name, document in documents.items()}
    report = report_document(
        mode=found.mode,
        status="success",
        run_id=run_id,
        provenance=provenance,
        config=config,
        command=found.command.replace("{run_id}", run_id),
        summary=found.summary,
        files=relative_names(files, get_research_run_dir(place, run_id)),
        folder=f"{RUNS_ROOT}/{run_id}",
        results=found.results,
        sections={**found.sections, "warnings": (*found.sections.get("warnings", ()), *warnings_of(found.config)) or None},
        best_result=found.best_result,
    )
    files[place.path("runs.report", run_id=run_id)] = encode_artifact(contract("runs.report"), report)
    parsed: RunReport = parse(contract("runs.report"), report)
    files[place.path("runs.run_report", run_id=run_id)] = found.page(parsed)
    if found.pictures is not None:
        files[place.path("runs.report_page", run_id=run_id)] = found.pictures(parsed)
    return files
