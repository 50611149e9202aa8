"""The machine surface of document 3: `--version`, `--check`, `--json-request`, `--signal-file`.

stdout carries exactly one answer: the version, the health summary, or one envelope. Whatever a request prints goes to stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Protocol

import tallystick
from tallystick.contracts.errors import ConfigurationError, Interrupted, TallystickError

SCHEMA_VERSION = "1.0"
MACHINE_FLAGS = ("--version", "--check", "--json-request")


class Answer(Protocol):
    """What a command gives back: a finished run or paper session."""

    @property
    def run_id(self) -> str:
        """The run, or the paper session."""

    @property
    def artifacts_path(self) -> str:
        """Its folder below the workspace."""

    @property
    def report_path(self) -> str:
        """Its report below the workspace."""

    @property
    def runs_index(self) -> str | None:
        """The index that lists it; None for a paper session."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """The core results."""


Dispatch = Mapping[str, Callable[[dict[str, Any]], Answer]]
"""Command → function of {"params", "request_id", "workspace" (Path), "now_ns"}."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(message, hint="Use --version, --check, or --json-request '<payload>' [--signal-file PATH]")


def is_machine_call(arguments: Sequence[str]) -> bool:
    """Whether a command line is for this surface rather than for the commands of `tallystick`."""
    return any(argument.split("=", 1)[0] in (*MACHINE_FLAGS, "--signal-file") for argument in arguments)


def serve(arguments: Sequence[str], main_path: Path, dispatch: Callable[[], Dispatch]) -> int:
    """Answer one command line on stdout; the exit code. `dispatch` is called only when a request is to be run, since it imports the house."""
    parser = _Parser(prog="main.py", add_help=False, allow_abbrev=False)
    parser.add_argument("--version", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json-request")
    parser.add_argument("--signal-file", type=Path)
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--now")
    try:
        given = parser.parse_args(list(arguments))
    except ConfigurationError as error:
        return _fail(None, error)
    if given.version:
        _say(tallystick.__version__)
        return 0
    if given.check:
        health = preflight(main_path)
        _say_json(health)
        return 0 if health["status"] == "ok" else 1
    if given.json_request is None:
        return _fail(None, ConfigurationError("expected --json-request '<payload>' beside --signal-file, found none"))
    with _terminable():
        return _request(given.json_request, given.signal_file, given.workspace, given.now, dispatch)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """A polite kill (SIGTERM) ends a request as Ctrl-C does: with its envelope and its signal."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def preflight(main_path: Path) -> dict[str, Any]:
    """The health summary: where things are and whether the package can be imported. The same machine gives the same bytes: no clock, no random name."""
    package = Path(tallystick.__file__).resolve().parent
    importable = all(importlib.util.find_spec(name) is not None for name in ("numba", "numpy", "polars", "pydantic", "rfc8785"))
    return {
        "status": "ok" if importable else "error",
        "project_root": str(main_path.resolve().parent),
        "main_path": str(main_path.resolve()),
        "src_root": str(package.parent),
        "interpreter": sys.executable,
        "venv_active": sys.prefix != sys.base_prefix,
        "quantlab_import": importable,
        "python_version": platform.python_version(),
        "version": tallystick.__version__,
    }


def _request(payload: str, signal_file: Path | None, workspace: Path | None, now: str | None, dispatch: Callable[[], Dispatch]) -> int:
    request_id, mode = None, "run"
    signals: _Signals | None = None
    try:
        # Third-party code may print; only the envelope may reach stdout.
        with contextlib.redirect_stdout(sys.stderr):
            now_ns = _now_ns(now)
            request = parse_request(payload)
            request_id, mode = request["request_id"], request["command"]
            signals = _Signals(signal_file, mode, request_id, lambda: _now_ns(now))
            signals.send("SESSION_STARTED", "running")
            root = (workspace or Path(os.environ.get("TALLYSTICK_WORKSPACE") or ".")).resolve()
            answer = _run(request, dispatch, root, now_ns)
        signals.send(
            "SESSION_COMPLETED",
            "success",
            run_id=answer.run_id,
            artifacts_path=answer.artifacts_path,
            report_path=answer.report_path,
            **({"runs_index": answer.runs_index} if answer.runs_index is not None else {}),
        )
    except TallystickError as error:
        return _fail(request_id, error, signals or _Signals(signal_file, mode, request_id, lambda: _now_ns(None)))
    except KeyboardInterrupt:
        return _fail(request_id, Interrupted("stopped by the user; nothing is half-written", hint="Send the same request again"), signals)
    except Exception as error:
        # A defect of ours: the caller still gets its one envelope and signal, then the traceback goes to stderr with exit code 1.
        _fail(request_id, TallystickError(f"unexpected {type(error).__name__}: {error}"), signals)
        raise
    _say_json(
        {
            "schema_version": SCHEMA_VERSION,
            "request_id": request_id,
            "status": "success",
            "run_id": answer.run_id,
            "artifacts_path": answer.artifacts_path,
            "summary": dict(answer.summary),
        }
    )
    return 0


def parse_request(payload: str) -> dict[str, Any]:
    """The request as plain values. `request_id` may be absent, `params` too. Raises ConfigurationError for anything that is no request."""
    from tallystick.artifacts.canonical import parse_json
    from tallystick.contracts.checking import check, parse
    from tallystick.contracts.registry import contract

    try:
        document = parse_json(payload.encode(), "--json-request")
        whole = {"request_id": None, "params": {}, **document} if isinstance(document, dict) else document
        check(contract("runs.machine_request"), parse(contract("runs.machine_request"), whole, "--json-request"), "--json-request")
    except TallystickError as error:
        raise ConfigurationError(error.message, where="--json-request", hint=error.hint) from error
    found: dict[str, Any] = whole
    return found


def _run(request: dict[str, Any], dispatch: Callable[[], Dispatch], workspace: Path, now_ns: int) -> Answer:
    command = request["command"]
    known = dispatch()
    if command not in known:
        raise ConfigurationError(
            f"expected the command {' or '.join(sorted(known))}, found {command}: version {tallystick.__version__} does not answer it", where="--json-request"
        )
    return known[command]({"params": dict(request["params"]), "request_id": request["request_id"], "workspace": workspace, "now_ns": now_ns})


def _now_ns(given: str | None) -> int:
    from tallystick.contracts.errors import DataError
    from tallystick.contracts.time import NS_PER_SECOND, ns_from_iso

    try:
        return ns_from_iso(given) if given else time.time_ns() // NS_PER_SECOND * NS_PER_SECOND
    except DataError as error:
        raise ConfigurationError(error.message, where="--now") from error


class _Signals:
    """Appends life-cycle signals, best effort: a signal file that cannot be written is told on stderr and stops nothing."""

    def __init__(self, path: Path | None, mode: str, request_id: str | None, now_ns: Callable[[], int]) -> None:
        self._path, self._mode, self._request_id, self._now_ns = path, mode, request_id, now_ns

    def send(self, event: str, status: str, **more: object) -> None:
        from tallystick.artifacts.store import encode_artifact
        from tallystick.contracts.registry import contract
        from tallystick.contracts.time import iso_from_ns

        if self._path is None:
            return
        document = {
            "schema_version": SCHEMA_VERSION,
            "event": event,
            "status": status,
            "mode": self._mode,
            "request_id": self._request_id,
            "timestamp": iso_from_ns(self._now_ns()),
            **more,
        }
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(encode_artifact(contract("runs.lifecycle_signal"), document))
        except OSError as error:
            sys.stderr.write(f"signal file {self._path} cannot be written: {error.strerror}\n")


def _fail(request_id: str | None, error: TallystickError, signals: _Signals | None = None) -> int:
    if signals is not None:
        signals.send("SESSION_FAILED", "error", exit_code=error.exit_code, error_type=type(error).__name__, message=error.message)
    _say_json({"schema_version": SCHEMA_VERSION, "request_id": request_id, "status": "error", "error": error.as_document()})
    return error.exit_code


def _say_json(document: dict[str, Any]) -> None:
    from tallystick.artifacts.canonical import canonical_json

    _say(canonical_json(document).decode().rstrip("\n"))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
