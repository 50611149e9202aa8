"""What the universe asks of the outside: stores of objects and of the summary document, and kinds of models that score names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy import float64
from numpy.typing import NDArray

from tallystick.contracts.errors import SafetyRefusal, TallystickError


class StoreUnavailable(TallystickError):
    """A store does not answer: network, timeout, outage. What was asked may or may not have happened there."""

    code = "STORE_UNAVAILABLE"


class StoreConflict(SafetyRefusal):
    """A precondition failed: another publisher changed what was read. Nothing was written."""

    code = "STORE_CONFLICT"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Bytes as they lie in a store, and the revision that a replacement must name."""

    data: bytes
    revision: str


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """Fields as they lie in a document store, and the revision that a replacement must name. The order of keys in maps is not to be relied on."""

    fields: Mapping[str, Any]
    revision: str


class ObjectStore(Protocol):
    """Whole objects by name, written only under a precondition. Names are relative to the store's address, with `/`.

    Every method raises StoreUnavailable when the store does not answer, ConfigurationError for a missing bucket and for credentials that are missing or wrong.
    """

    @property
    def url(self) -> str:
        """The address, without a final `/`: an object's URI is the address, `/`, its name."""

    def get(self, name: str) -> StoredObject | None:
        """The object, None where there is none."""

    def put(self, name: str, data: bytes, revision: str | None) -> str:
        """Write the object only where it still has this revision (None: only where there is none); the new revision. Raises StoreConflict otherwise."""

    def names(self, prefix: str) -> tuple[str, ...]:
        """The names that begin with the prefix (which ends in `/`), sorted."""


class DocumentStore(Protocol):
    """One document, written only under a precondition. Raises as ObjectStore does."""

    @property
    def url(self) -> str:
        """The address, for people."""

    def get(self) -> StoredDocument | None:
        """The document, None where there is none."""

    def put(self, fields: Mapping[str, Any], revision: str | None) -> str:
        """Write all fields only where the document still has this revision (None: only where there is none); the new revision.

        Fields of others are kept. Raises StoreConflict otherwise.
        """


class ScorePredictor(Protocol):
    """A fitted model."""

    def predict(self, x: NDArray[float64]) -> NDArray[float64]:
        """Predictions float64[N] for x[N, F], columns as fitted; NaN is a missing feature. A row predicts the same alone and in a batch."""


class ScoreFamily(Protocol):
    """A kind of model for one score component. The same rows give the same model; its library is imported only when it is used."""

    @property
    def family(self) -> str:
        """Its name."""

    def versions(self) -> Mapping[str, str]:
        """Library → version, the model library first."""

    def fit(self, x: NDArray[float64], y: NDArray[float64], feature_names: Sequence[str], *, seed: int, threads: int) -> ScorePredictor:
        """Fit y[N] on x[N, F]; x may hold NaN, no column is without values, y holds none. Raises DataError for data that cannot be fitted."""
