"""Shapes of the machine surface: request, envelope, life-cycle signal, preflight. Their contracts stand in `contracts/runs.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tallystick.contracts.contract import Rule, Shape
from tallystick.contracts.run_documents import RunSummary

RequestCommand = Literal["run", "sweep", "forward", "portfolio"]


class MachineRequest(Shape):
    """What `--json-request` takes. `params` has the flags' names with underscores; unknown ones are ignored."""

    schema_version: Literal["1.0"]
    request_id: str | None
    command: RequestCommand
    params: Mapping[str, Any]


class MachineError(Shape):
    """Why a request failed: code, one sentence, where, and what to do."""

    code: str
    message: str
    where: str = ""
    hint: str = ""


class MachineEnvelope(Shape):
    """The one JSON document on stdout (decision 45). `artifacts_path` is relative to the workspace."""

    schema_version: Literal["1.0"]
    request_id: str | None
    status: Literal["success", "error"]
    run_id: str | None = None
    artifacts_path: str | None = None
    summary: RunSummary | None = None
    error: MachineError | None = None


class LifecycleSignal(Shape):
    """One line of the signal file. `mode` is the request's command; a paper session keeps `run`. Paths are relative to the workspace."""

    schema_version: Literal["1.0"]
    event: Literal["SESSION_STARTED", "SESSION_COMPLETED", "SESSION_FAILED"]
    status: Literal["running", "success", "error"]
    mode: str
    request_id: str | None
    timestamp: str
    run_id: str | None = None
    artifacts_path: str | None = None
    report_path: str | None = None
    runs_index: str | None = None
    exit_code: int | None = None
    error_type: str | None = None
    message: str | None = None


class Preflight(Shape):
    """What `--check` prints. `quantlab_import`: the package can be imported (the name is the seed's, decision 70). No clock in it."""

    status: Literal["ok", "error"]
    project_root: str
    main_path: str
    src_root: str
    interpreter: str
    venv_active: bool
    quantlab_import: bool
    python_version: str
    version: str


def _sweep_config(request: Any) -> str | None:
    path = request.params.get("config_path")
    good = request.command != "sweep" or (isinstance(path, str) and path != "")
    return None if good else f"config_path {path!r}"


def _result(envelope: Any) -> str | None:
    missing = [name for name in ("run_id", "artifacts_path", "summary") if getattr(envelope, name) is None]
    return f"success without {missing[0]}" if envelope.status == "success" and missing else None


def _error(envelope: Any) -> str | None:
    if (envelope.status == "error") == (envelope.error is not None):
        return None
    return f"status {envelope.status} with{'out' if envelope.error is None else ''} an error"


_STATUS_OF = {"SESSION_STARTED": "running", "SESSION_COMPLETED": "success", "SESSION_FAILED": "error"}


def _event(signal: Any) -> str | None:
    return None if signal.status == _STATUS_OF[signal.event] else f"status {signal.status} with event {signal.event}"


def _completed(signal: Any) -> str | None:
    missing = [name for name in ("run_id", "artifacts_path", "report_path") if getattr(signal, name) is None]
    return f"no {missing[0]}" if signal.event == "SESSION_COMPLETED" and missing else None


def _failed(signal: Any) -> str | None:
    missing = [name for name in ("exit_code", "error_type", "message") if getattr(signal, name) is None]
    return f"no {missing[0]}" if signal.event == "SESSION_FAILED" and missing else None


def _healthy(preflight: Any) -> str | None:
    return "status ok without an import" if preflight.status == "ok" and not preflight.quantlab_import else None


REQUEST_RULES = (Rule("sweep_names_its_config", "params.config_path, not empty, for a sweep", _sweep_config, ("D3.44",)),)
ENVELOPE_RULES = (
    Rule("success_carries_its_result", "run_id, artifacts_path and summary on success", _result, ("D3.44",)),
    Rule("error_exactly_when_failed", "error exactly when status is error", _error, ("D3.44",)),
)
SIGNAL_RULES = (
    Rule("status_follows_the_event", "running, success, error for started, completed, failed", _event, ("D3.45",)),
    Rule("completed_names_its_artifacts", "run_id, artifacts_path and report_path when completed", _completed, ("D3.45",)),
    Rule("failed_names_its_error", "exit_code, error_type and message when failed", _failed, ("D3.45",)),
)
PREFLIGHT_RULES = (Rule("ok_means_importable", "status ok only when the package can be imported", _healthy, ("D3.43",)),)
