"""What research asks of the outside: workers to fan out to, and a search that proposes parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Proposal = Mapping[str, float]


class Job(Protocol):
    """Work that can be done in parts, anywhere and in any order. Picklable; sent once to each worker. The same part gives the same result everywhere."""

    def prepare(self) -> None:
        """Import and compile what the parts need."""

    def run(self, part: Any) -> Any:
        """The result of one part. Raises a TallystickError when it cannot be done."""


class Crew(Protocol):
    """Workers that hold a job, alive until their context ends."""

    def run(self, parts: Sequence[Any], *, on_result: Callable[[int, Any], None]) -> None:
        """Run every part; on_result gets a part's place and its result, in the order in which they come. Raises the error of a part, or a worker's failure."""


class FanOut(Protocol):
    """Where parts run: in this process, in processes of this machine, on a cluster. The results are the same to the byte."""

    def start(self, job: Job) -> AbstractContextManager[Crew]:
        """Start workers that hold the job; leaving the context ends them, whatever happened."""


class ParameterSearch(Protocol):
    """Proposes parameters and learns from results. Seeded: the same results in the same order lead to the same proposals."""

    @property
    def total(self) -> int:
        """How many proposals it will make."""

    def ask(self) -> Sequence[Proposal]:
        """The next proposals, in order; none when it is done. Their results must be told before it is asked again."""

    def tell(self, values: Sequence[float | None]) -> None:
        """The results of what `ask` gave, higher is better; None for a failure."""
