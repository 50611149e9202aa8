"""One finished quickstart for a whole test run, copies of it, and ways to run commands on them."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.fakes.source_tree import ROOT

from tallystick.apps.cli.main import run_command
from tallystick.apps.quickstart.record import RECORD
from tallystick.apps.quickstart.steps import STEPS
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.seal import break_seal
from tallystick.artifacts.store import read_artifact, write_artifact
from tallystick.contracts.registry import contract

NOW = "2025-07-01T00:00:00Z"
SEED = 7
_COMMAND = "import sys; from tallystick.apps.cli.main import main; main(sys.argv[1:])"


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def error(self) -> dict[str, str]:
        """The error of `--json`."""
        error: dict[str, str] = self.document["error"]
        return error


def call(*arguments: str | Path) -> Answer:
    """Run a command in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_command([str(item) for item in arguments])
    said, complained = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
    return Answer(code, said, complained)


def walk(root: Path, *more: str | Path) -> Answer:
    """The quickstart of the shared fixture, in a workspace."""
    return call("quickstart", "--workspace", root, "--seed", str(SEED), "--now", NOW, "--json", *more)


def start(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Start a command in a process of its own, on the same source."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", _COMMAND, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **options)


def finish(process: subprocess.Popen[str], seconds: float = 300.0) -> Answer:
    """Wait for a started command."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Answer(process.returncode, out, err)


@contextlib.contextmanager
def shared_lock(path: Path) -> Iterator[IO[str]]:
    """One test process at a time."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


def shared_result(base: Path, name: str, make: Callable[[Path], Answer]) -> tuple[Path, dict[str, Any]]:
    """A workspace that one worker makes and all workers share, with what the command answered."""
    root, answer = base / name, base / f"{name}.json"
    with shared_lock(base / f"{name}.lock"):
        if not answer.exists():
            made = make(root)
            assert made.code == 0, made.out + made.err
            answer.write_text(made.out)
    document: dict[str, Any] = json.loads(answer.read_text())
    return root, document


def files_of(root: Path) -> dict[str, bytes]:
    """Every file below a folder, by its relative path."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def rewind(root: Path, first: str) -> None:
    """Take a workspace back to the moment before a step: its record, and every artifact of that step and those behind it."""
    workspace = Workspace(root)
    path = workspace.path(RECORD)
    record = read_artifact(contract(RECORD), path)
    later = [name for name, _ in STEPS][[name for name, _ in STEPS].index(first) :]
    for step in record.steps:
        for item in step.artifacts if step.name in later else ():
            target = workspace.at(item.path)
            shutil.rmtree(target) if target.is_dir() else target.unlink()
    break_seal(path.parent)
    write_artifact(contract(RECORD), path, record.model_copy(update={"steps": tuple(step for step in record.steps if step.name not in later)}))


def exported(root: Path, session_id: str) -> bytes:
    """The session as `journal export` tells it: without wall-clock fields and without the marks of recoveries."""
    out = root.with_name(f"{root.name}-export.jsonl")
    answer = call("journal", "export", session_id, "--out", out, "--workspace", root)
    assert answer.code == 0, answer.err
    return out.read_bytes()


def assert_same_but_for_the_recovery(root: Path, reference: Path, session_id: str) -> None:
    """Equal to an uninterrupted workspace in every byte, except that the journal tells of the recovery, and what hashes the journal."""
    ours, theirs = files_of(root), files_of(reference)
    assert ours.keys() == theirs.keys()
    different = {name for name in ours if ours[name] != theirs[name]}
    journal = f"state/sessions/{session_id}"
    assert different <= {f"{journal}/journal.db", f"{journal}/SHA256SUMS", "state/quickstart/quickstart.json", "state/quickstart/SHA256SUMS"}
    assert exported(root, session_id) == exported(reference, session_id)
