"""What training asks of the outside: model families to fit, and processes to fit them in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from numpy import float64
from numpy.typing import NDArray

from tallystick.contracts.training import TrainingEvent


class FittedModel(Protocol):
    """A model fitted on named columns, able to predict exactly as the file it becomes will predict."""

    def predict(self, x: NDArray[float64]) -> NDArray[float64]:
        """Predictions float64[N] for x[N, F], columns as fitted; NaN is a missing feature."""

    def files(self) -> Mapping[str, bytes]:
        """File name → bytes: `model.<ext>` and the side files. The same fit gives the same bytes."""

    def importance(self) -> Mapping[str, float]:
        """Feature → importance, non-negative, summing to 1 unless all are 0."""

    def parameters(self) -> Mapping[str, Any]:
        """Hyper-parameters as used, values that JSON can carry."""


class ModelFamily(Protocol):
    """A kind of model. Instances are small and picklable; its library is imported only when it is used."""

    @property
    def family(self) -> str:
        """Its name, as document 1 writes it."""

    @property
    def extension(self) -> str:
        """Of its model file, without the dot."""

    @property
    def objective(self) -> str:
        """What a fit minimises."""

    @property
    def normalization(self) -> str:
        """What is done to the features before a fit."""

    def prepare(self) -> None:
        """Import what fitting needs, so that the wait falls where others work."""

    def versions(self) -> Mapping[str, str]:
        """Library → version, the model library first."""

    def fit(self, x: NDArray[float64], y: NDArray[float64], feature_names: Sequence[str], *, seed: int, threads: int) -> FittedModel:
        """Fit y[N] on x[N, F]; x may hold NaN, y none. Raises DataError for data that cannot be fitted."""


class Task(Protocol):
    """Work of one family for a child process: picklable, with results that are."""

    @property
    def family(self) -> str:
        """Whose child runs it."""

    def prepare(self) -> None:
        """Import what the work needs."""

    def run(self) -> Iterator[Any]:
        """Results, one after the other."""


class Workers(Protocol):
    """Child processes, one for each family, alive until their context ends."""

    def run(self, tasks: Sequence[Task], *, on_result: Callable[[Any], None], on_wait: Callable[[], None]) -> None:
        """Run every task in the child of its family; results arrive as they come, `on_wait` at least every ten seconds.

        Raises a TallystickError when a child fails, with what it said.
        """


class Compute(Protocol):
    """Where fitting runs."""

    def start(self, families: Sequence[ModelFamily]) -> AbstractContextManager[Workers]:
        """Start the children of these families and let them import their libraries; leaving the context ends them, whatever happened."""


ProgressSink = Callable[[TrainingEvent], None]
Clock = Callable[[], int]
