"""P9, sequencing: the late half of a cascade closed more open interest than the early half, by more than a tenth of the fall."""

from __future__ import annotations

from tallystick.analysis.validators.counting import Sample, result_of
from tallystick.analysis.validators.evidence import Evidence
from tallystick.contracts.cascades import ValidationResult

NAME = "P9 sequencing"
DIFFERENCE = 0.1


def count_sequencing(evidence: Evidence, sample: Sample) -> ValidationResult:
    """An event has open interest at its start, its middle in time, and its end, and fell; a share late minus early above the difference supports."""
    supports: list[bool] = []
    for episode in evidence.episodes:
        interest = evidence.open_interest.get(episode.cascade.coin)
        if interest is None:
            continue
        start, end = episode.cascade.start_ts, episode.cascade.end_ts
        first, middle, last = interest.at(start), interest.at(start + (end - start) // 2), interest.at(end)
        if first is not None and middle is not None and last is not None and first > last:
            supports.append(((middle - last) - (first - middle)) / (first - last) > DIFFERENCE)
    return result_of(NAME, supports, DIFFERENCE, sample)
