"""Fitting in local child processes: one for each model family, so that two OpenMP runtimes never meet in one process.

Children are fresh interpreters, never forks, with thread counts and a passive wait policy in their environment before any library is imported.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, cast

from tallystick.adapters.compute.worker import read_message, write_message
from tallystick.contracts.errors import ConfigurationError, TallystickError
from tallystick.training.ports import ModelFamily, Task, Workers

WAIT_SECONDS = 10.0
_STOP_SECONDS = 5.0


class ChildProcessFailed(TallystickError):
    """A child process ended, or raised something that is not an error of ours."""

    code = "CHILD_PROCESS_FAILED"


def _environment(threads: int) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS")
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**os.environ, **dict.fromkeys(names, str(threads)), "OMP_WAIT_POLICY": "PASSIVE", "PYTHONHASHSEED": "0", "PYTHONPATH": path}


@dataclass(slots=True)
class Child:
    """One interpreter; its answers arrive in the shared queue as (its name, message), None when it is gone. family: its name, a model family when it fits."""

    family: str
    answers: queue.Queue[tuple[str, Any]]
    threads: int
    process: subprocess.Popen[bytes] = field(init=False)
    errors: IO[bytes] = field(init=False)
    busy: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the child; `stop` closes it
        # Its own session: Ctrl-C reaches the parent alone, which then ends its children in order.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tallystick.adapters.compute.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=_environment(self.threads),
            start_new_session=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            while True:
                self.answers.put((self.family, read_message(cast("BinaryIO", self.process.stdout))))
        except (EOFError, OSError, ValueError):
            self.answers.put((self.family, None))

    def send(self, message: Any) -> None:
        """Give it work. Raises ChildProcessFailed when it is gone."""
        self.busy = True
        try:
            write_message(cast("BinaryIO", self.process.stdin), message)
        except OSError as error:
            raise self.failure(str(error)) from error

    def failure(self, why: str) -> ChildProcessFailed:
        """What to say about a child that is gone or crashed, with the last line it wrote."""
        self.errors.seek(0)
        lines = self.errors.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
        said = f"; it said: {lines[-1]}" if lines else ""
        return ChildProcessFailed(
            f"the child process for {self.family} failed: {why}{said}", where=self.family, hint="Run again; if it stays, give it fewer rows"
        )

    def raise_failure(self, message: Any) -> None:
        """Raise what a message says when it is no result: the error of the work, or ChildProcessFailed when the child crashed or is gone."""
        if message is None:
            raise self.failure(f"it ended with code {self.process.wait(_STOP_SECONDS)}")
        if message[0] == "failed":
            _, error_type, text, where, hint = message
            raise error_type(text, where=where or self.family, hint=hint)
        if message[0] == "crashed":
            raise self.failure(message[1])

    def stop(self) -> None:
        """End it, whatever it is doing."""
        self.process.kill()
        self.process.wait(_STOP_SECONDS)
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue


@dataclass(slots=True)
class LocalWorkers:
    """The children of one `start`."""

    children: Mapping[str, Child]
    answers: queue.Queue[tuple[str, Any]]
    limit: int

    def run(self, tasks: Sequence[Task], *, on_result: Callable[[Any], None], on_wait: Callable[[], None]) -> None:
        """Run tasks, at most `limit` at a time and one per family. Raises the child's own error, or ChildProcessFailed when it crashed."""
        waiting: dict[str, deque[Task]] = {}
        strangers = sorted({task.family for task in tasks} - set(self.children))
        if strangers:
            raise ConfigurationError(f"expected tasks of {', '.join(sorted(self.children))}, found {', '.join(strangers)}")
        for task in tasks:
            waiting.setdefault(task.family, deque()).append(task)
        running: set[str] = set()
        while waiting or running:
            for family in [name for name in waiting if name not in running][: self.limit - len(running)]:
                self.children[family].send(waiting[family].popleft())
                running.add(family)
                if not waiting[family]:
                    del waiting[family]
            try:
                family, message = self.answers.get(timeout=WAIT_SECONDS)
            except queue.Empty:
                on_wait()
                continue
            self.children[family].raise_failure(message)
            if message[0] == "result":
                on_result(message[1])
            elif message[1] == "run":
                running.discard(family)


@dataclass(frozen=True, slots=True)
class LocalProcesses:
    """Compute on this machine: at most `limit` families at a time, each with `threads` threads."""

    limit: int = 2
    threads: int = 1

    @contextmanager
    def start(self, families: Sequence[ModelFamily]) -> Iterator[Workers]:
        """Children for these families, importing their libraries meanwhile; all of them are ended on the way out, Ctrl-C included."""
        answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        children: dict[str, Child] = {}
        try:
            for model in families:
                children[model.family] = Child(model.family, answers, self.threads)
                children[model.family].send(("prepare", model))
            yield LocalWorkers(children, answers, self.limit)
        finally:
            for child in children.values():
                child.stop()
