"""What hypotheses are counted on: labelled cascades with their waves, and the recorded history beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.cascade_labeler import LabeledEpisode
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import NS_PER_MINUTE

STEPS = 100
"""Steps before a reading that tell what is usual there."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values float64[N] at times int64[N] (UTC ns), in order of time. Raises DataError for other columns.

    A reading is taken for the value of now for twice the usual step between the readings up to it, at least a minute: a series that has ended, or has a
    hole, says nothing of the time after that. What comes later changes nothing.
    """

    times: NDArray[np.int64]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.times.shape != self.values.shape or self.times.ndim != 1 or bool(np.any(self.times[1:] <= self.times[:-1])):
            raise DataError("expected times in order, one value each, found others")

    def at(self, time_ns: int, in_force_ns: int = 0) -> float | None:
        """The last value at or before a time; None where there is none, or it is no longer in force. in_force_ns: a longer time than the series' own."""
        place = int(np.searchsorted(self.times, time_ns, side="right")) - 1
        if place < 0:
            return None
        age_ns = time_ns - int(self.times[place])
        if age_ns > max(NS_PER_MINUTE, in_force_ns) and age_ns > 2 * self._step_ns(place):
            return None
        return float(self.values[place])

    def _step_ns(self, place: int) -> int:
        """The usual step of the last readings up to one; 0 for the first, which tells of none."""
        steps = np.diff(self.times[max(0, place - STEPS) : place + 1])
        return int(np.median(steps)) if steps.size else 0

    def between(self, start_ns: int, end_ns: int) -> list[tuple[int, float]]:
        """Times and values from start to end, both included."""
        first, last = int(np.searchsorted(self.times, start_ns, side="left")), int(np.searchsorted(self.times, end_ns, side="right"))
        return list(zip(self.times[first:last].tolist(), self.values[first:last].tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Labelled cascades in order of start, and series by coin: marks and spot in quote units, open interest in base units, funding as a fraction
    of one, all for one length of time.

    other_funding: of a second venue. A series that is absent takes the events that need it out of the count.
    """

    episodes: tuple[LabeledEpisode, ...]
    marks: Mapping[str, Series] = field(default_factory=dict)
    open_interest: Mapping[str, Series] = field(default_factory=dict)
    funding: Mapping[str, Series] = field(default_factory=dict)
    other_funding: Mapping[str, Series] = field(default_factory=dict)
    spot: Mapping[str, Series] = field(default_factory=dict)
