"""Parts of a job in this process, or in child interpreters of this machine: the same results, in whatever order they come."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from tallystick.adapters.compute.local_processes import WAIT_SECONDS, Child


class _Job(Protocol):
    def prepare(self) -> None: ...

    def run(self, part: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Here:
    """A crew of one: parts run where they are asked for, one after the other."""

    job: Any

    def run(self, parts: Sequence[Any], *, on_result: Callable[[int, Any], None]) -> None:
        """Every part in turn."""
        for number, part in enumerate(parts):
            on_result(number, self.job.run(part))


@dataclass(frozen=True, slots=True)
class InThisProcess:
    """No workers: for work that is over before an interpreter has started."""

    @contextmanager
    def start(self, job: _Job) -> Iterator[Here]:
        """The job itself."""
        yield Here(job)


@dataclass(slots=True)
class _Children:
    """Interpreters that hold a job; each gets the next part when it has answered the one before."""

    children: dict[str, Child]
    answers: queue.Queue[tuple[str, Any]]
    ready: set[str] = field(default_factory=set)

    def run(self, parts: Sequence[Any], *, on_result: Callable[[int, Any], None]) -> None:
        """Every part, on whichever child is free. Raises the error of a part, or ChildProcessFailed when a child is gone."""
        waiting = deque(enumerate(parts))
        held: dict[str, int] = {}
        while waiting or held:
            for name in sorted(self.ready):
                if waiting:
                    number, part = waiting.popleft()
                    self.children[name].send(("part", part))
                    self.ready.discard(name)
                    held[name] = number
            try:
                name, message = self.answers.get(timeout=WAIT_SECONDS)
            except queue.Empty:
                continue
            self.children[name].raise_failure(message)
            if message[0] == "result":
                on_result(held[name], message[1])
            elif message[0] == "done":
                held.pop(name, None)
                self.ready.add(name)


@dataclass(frozen=True, slots=True)
class OverProcesses:
    """`workers` child interpreters of one thread each. They import and compile while the first parts wait for them; all end on the way out."""

    workers: int

    @contextmanager
    def start(self, job: _Job) -> Iterator[_Children]:
        """Children that hold the job."""
        answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        children: dict[str, Child] = {}
        try:
            for number in range(self.workers):
                name = f"worker {number + 1}"
                children[name] = Child(name, answers, threads=1)
                children[name].send(("hold", job))
            yield _Children(children, answers)
        finally:
            for child in children.values():
                child.stop()
