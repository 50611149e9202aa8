"""Compute without child processes: tasks run where they are, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tallystick.training.ports import ModelFamily, Task, Workers


class InProcessWorkers:
    def run(self, tasks: Sequence[Task], *, on_result: Callable[[Any], None], on_wait: Callable[[], None]) -> None:
        for task in tasks:
            for result in task.run():
                on_result(result)
        on_wait()


class InProcessCompute:
    @contextmanager
    def start(self, families: Sequence[ModelFamily]) -> Iterator[Workers]:
        yield InProcessWorkers()
