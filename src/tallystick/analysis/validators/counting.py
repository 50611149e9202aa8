"""From supporting events to a result: a share, held to a sample size and a share that were fixed before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tallystick.contracts.cascades import ValidationResult
from tallystick.contracts.errors import ConfigurationError

Status = Literal["VALIDATED", "FAILED", "INSUFFICIENT_DATA"]


@dataclass(frozen=True, slots=True)
class Sample:
    """The fewest events that say anything, and the share (0–1) of them that has to support. Raises ConfigurationError for numbers that are neither."""

    min_events: int = 30
    min_share: float = 0.6

    def __post_init__(self) -> None:
        if self.min_events < 1 or not 0.0 < self.min_share <= 1.0:
            raise ConfigurationError(f"expected at least one event and a share above 0, found {self.min_events} and {self.min_share}")


def result_of(name: str, supports: Sequence[bool], threshold: float | None, sample: Sample) -> ValidationResult:
    """Count the events (one flag each) of a hypothesis; `threshold` is the number that an event was compared with."""
    total, supporting = len(supports), sum(supports)
    share = supporting / total if total else 0.0
    status: Status = "FAILED"
    if total < sample.min_events:
        status = "INSUFFICIENT_DATA"
    elif share >= sample.min_share:
        status = "VALIDATED"
    return ValidationResult(name, total, supporting, share, threshold, status)
