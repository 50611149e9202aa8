"""A full disk, Ctrl-C and kill −9 at any step: a sentence, nothing half-written, and the same command again ends as if nothing had happened."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.quickstart_workspace import NOW, Answer, assert_same_but_for_the_recovery, call, files_of, finish, rewind, start, walk

from tallystick.adapters.journals import sqlite as journals

pytestmark = pytest.mark.slow

# One file in the middle of each step, and at its end: the first write of it is where things go wrong.
PLACES = {
    "record": "state/quickstart/quickstart.json",
    "market": "data/market/generated/1h/coverage.json",
    "market, its end": "data/market/generated/1d/SHA256SUMS",
    "pool": "data/output/live_pool.json",
    "run": "outputs/runs/runs_index.json",
    "train": "globals/routing_decisions.json",
    "session": "state/sessions/",
    "session, its end": "run_report.md",
}


class HalfFile:
    """A file on a disk that fills up: half of the first write arrives."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __enter__(self) -> HalfFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: bytes) -> int:
        self._file.write(data[: len(data) // 2])
        self._file.flush()
        raise OSError(errno.ENOSPC, "No space left on device", self._file.name)


@contextlib.contextmanager
def disk_full_at(place: str) -> Iterator[None]:
    """The disk is full while the first file below a place is written."""
    opened = Path.open

    def fail(self: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        target = self.with_name(self.name.removeprefix(".").rsplit(".", 2)[0]) if mode == "xb" else self
        file = opened(self, mode, *more, **named)
        return HalfFile(file) if mode == "xb" and place in target.as_posix() else file

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", fail)
        yield


@contextlib.contextmanager
def interrupted_at(place: str) -> Iterator[None]:
    """Ctrl-C arrives just before the first file below a place takes its name."""
    moved = Path.replace

    def fail(self: Path, target: Path) -> Path:
        if place in Path(target).as_posix():
            raise KeyboardInterrupt
        return moved(self, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        yield


@contextlib.contextmanager
def journal_full() -> Iterator[None]:
    """The disk is full after some hundred pages of the journal: SQLite's own answer."""
    connect = sqlite3.connect

    def small(*arguments: Any, **named: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **named)
        connection.execute("PRAGMA max_page_count = 120")
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journals.sqlite3, "connect", small)
        yield


@contextlib.contextmanager
def journal_interrupted() -> Iterator[None]:
    """Ctrl-C arrives in the middle of the session, between two rows."""
    append = journals.SqliteJournal.append
    rows = iter(range(150))

    def fail(self: journals.SqliteJournal, *arguments: Any) -> None:
        if next(rows, None) is None:
            raise KeyboardInterrupt
        append(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journals.SqliteJournal, "append", fail)
        yield


def assert_nothing_half_written(root: Path) -> None:
    """What lies there is whole: no temporary file, and whatever carries a seal or a contract holds."""
    assert not list(root.rglob("*.tmp"))
    if root.exists():
        answer = call("verify", root, "--json")
        # A folder whose producer was stopped before its seal is whole file by file, and is said to be unfinished.
        assert {item["rule"] for item in answer.document["failures"]} <= {"sealed"}
        assert answer.document["unknown"] == []


@pytest.mark.parametrize("trouble", ["full disk", "Ctrl-C"])
def test_trouble_at_every_step_and_the_same_command_again(trouble: str, reference: Path, result: dict[str, Any], tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    full = trouble == "full disk"
    break_at, break_journal = (disk_full_at, journal_full) if full else (interrupted_at, journal_interrupted)
    code, words = (3, ("No space left", "disk is full")) if full else (1, ("stopped by the user",))

    def check(answer: Answer, name: str) -> None:
        assert (answer.code, answer.err) == (code, ""), (name, answer)
        assert any(word in answer.error["message"] for word in words), (name, answer)
        assert_nothing_half_written(root)

    for name, place in PLACES.items():
        if name == "session, its end":
            with break_journal():
                check(walk(root), "journal")
        with break_at(place):
            check(walk(root), name)
    answer = walk(root)
    assert answer.code == 0, answer
    assert [step["name"] for step in answer.document["steps"] if step["kept"]] == ["market", "pool", "run", "train", "gate"]
    assert answer.document["replay_differences"] == 0
    assert_same_but_for_the_recovery(root, reference, result["session_id"])


def children_of(process: int) -> list[int]:
    """Process ids of the children of a process, now."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == process:
                found.append(int(stat.parent.name))
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_in_training_leaves_no_child_behind(number: signal.Signals, workspace: Path, reference: Path) -> None:
    rewind(workspace, "train")
    process = start("quickstart", "-w", workspace, "--now", NOW, "--json")
    wait_for(lambda: len(children_of(process.pid)) == 2)
    children = children_of(process.pid)
    time.sleep(1.0)
    process.send_signal(number)
    answer = finish(process)
    assert (answer.code, answer.err, answer.error["code"]) == (1, "", "INTERRUPTED")
    wait_for(lambda: not any(is_running(child) for child in children), 10.0)
    assert_nothing_half_written(workspace)
    if number is signal.SIGINT:
        assert walk(workspace).code == 0
        assert files_of(workspace) == files_of(reference)


def test_killed_session_goes_on_where_it_stood(workspace: Path, reference: Path, result: dict[str, Any]) -> None:
    rewind(workspace, "session")
    journal = workspace / "state" / "sessions" / result["session_id"] / "journal.db"
    log = journal.with_name("journal.db-wal")
    process = start("quickstart", "-w", workspace, "--now", NOW, "--json")
    wait_for(lambda: log.exists() and log.stat().st_size > 400_000)
    os.kill(process.pid, signal.SIGKILL)
    assert finish(process).code == -signal.SIGKILL
    assert log.exists()
    # What a killed session left is readable as it lies, and says that it has not ended.
    assert call("journal", "verify", "-w", workspace, "--json").document["broken_at"] is None
    assert call("status", "-w", workspace, "--json").document["sessions"][-1]["status"] == "running"
    answer = walk(workspace)
    assert answer.code == 0, answer
    assert answer.document["replay_differences"] == 0
    assert not log.exists()
    assert call("verify", workspace, "--json").code == 0
    assert_same_but_for_the_recovery(workspace, reference, result["session_id"])


def test_second_quickstart_in_a_workspace_at_work_is_refused(workspace: Path) -> None:
    rewind(workspace, "session")
    process = start("quickstart", "-w", workspace, "--now", NOW, "--json")
    wait_for(lambda: (workspace / "state" / "sessions").is_dir() and any((workspace / "state" / "sessions").iterdir()))
    answer = walk(workspace)
    assert (answer.code, answer.error["code"]) == (5, "SAFETY_REFUSAL")
    assert "only quickstart" in answer.error["message"]
    assert finish(process).code == 0
