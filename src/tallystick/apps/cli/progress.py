"""The progress of a chain of steps, on stderr, only for a person at a terminal."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text


class _Rate(ProgressColumn):
    """Units a second while a step runs, its seconds when it is done."""

    def render(self, task: Task) -> Text:
        if task.finished:
            return Text(f"{task.finished_time or 0.0:.1f} s", style="progress.elapsed")
        unit = task.fields["unit"]
        if unit == "%":
            return Text(f"{task.completed:.0f} %, {task.speed or 0.0:.0f} %/s")
        return Text(f"{task.completed:,.0f}/{task.total:,.0f} {unit}, {task.speed or 0.0:,.0f}/s" if unit and task.total else "")


class _Left(TimeRemainingColumn):
    """The estimate of what is left, only where there is something to estimate from."""

    def render(self, task: Task) -> Text:
        return Text("") if task.finished or not task.fields["unit"] else super().render(task)


class ChainProgress:
    """One line a step: a bar with its rate and an estimate of what is left. It goes away when the chain ends, since the table says the rest."""

    def __init__(self, *, enabled: bool) -> None:
        columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description:8}"), BarColumn(30), _Rate(), _Left(compact=True))
        self._progress = Progress(*columns, console=Console(stderr=True), disable=not enabled, transient=True, get_time=time.monotonic)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop drawing."""
        self._progress.stop()

    def step(self, name: str, status: str) -> None:
        """A step began ("running") or ended ("ok")."""
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=None, unit="")
        if status == "ok":
            self._progress.update(self._tasks[name], total=1.0, completed=1.0)

    def advance(self, name: str, done: float, total: float, unit: str) -> None:
        """How much of a step is done, in its own unit."""
        if name in self._tasks:
            self._progress.update(self._tasks[name], completed=min(done, total), total=total, unit=unit)
