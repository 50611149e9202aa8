"""P9, sequencing: the late half of a cascade closed more open interest than the early half, by more than a tenth of the fall."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.analysis.validators.counting import Sample, result_of
from tallystick.analysis.validators.evidence import Evidence
from tallystick.contracts.cascades import ValidationResult

NAME = "P9 sequencing"
DIFFERENCE = 0.1


def on_the_line(points: Sequence[tuple[int, float]], time_ns: int) -> float:
    """The value at a time between the first and the last of points (UTC ns, value) in order of time, on the line between its neighbours."""
    after = next(place for place, (at_ns, _) in enumerate(points) if at_ns >= time_ns)
    right_ns, right = points[after]
    if right_ns == time_ns:
        return right
    left_ns, left = points[after - 1]
    return left + (right - left) * ((time_ns - left_ns) / (right_ns - left_ns))


def count_sequencing(evidence: Evidence, sample: Sample) -> ValidationResult:
    """An event has open interest at its start, its end and at least once between, and fell; a share late minus early above the difference supports.

    The halves meet at the middle in time, where open interest stands on the line between the snapshots around it: the last one before would be of an
    earlier instant, so that an even fall would seem a late one, and a fall between two snapshots always.
    """
    supports: list[bool] = []
    for episode in evidence.episodes:
        interest = evidence.open_interest.get(episode.cascade.coin)
        if interest is None:
            continue
        start, end = episode.cascade.start_ts, episode.cascade.end_ts
        first, inside, last = interest.at(start), interest.between(start + 1, end - 1), interest.at(end)
        if first is None or last is None or not inside or first <= last:
            continue
        middle = on_the_line([(start, first), *inside, (end, last)], start + (end - start) // 2)
        supports.append(((middle - last) - (first - middle)) / (first - last) > DIFFERENCE)
    return result_of(NAME, supports, DIFFERENCE, sample)
