"""What decision asks of the outside: model libraries that turn verified bytes into predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from numpy import float64
from numpy.typing import NDArray


class Predictor(Protocol):
    """A loaded model."""

    def predict(self, features: NDArray[float64]) -> NDArray[float64]:
        """Predictions float64[S] for features[S, F], columns in the order of the model's feature list; NaN where the model cannot say."""


class PredictorLoader(Protocol):
    """Turns the files of one model family into a predictor."""

    @property
    def family(self) -> str:
        """The family it loads."""

    @property
    def extensions(self) -> tuple[str, ...]:
        """What is understood, preferred first, without the dot."""

    def load(self, files: Mapping[str, bytes], n_features: int) -> Predictor:
        """`files` maps file name → bytes that were verified before.

        Raises ArtifactError for bytes that are not a model with that many features.
        """
