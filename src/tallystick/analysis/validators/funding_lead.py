"""P1, funding lead: funding rates of two venues stood apart 5 to 30 minutes before the start."""

from __future__ import annotations

from tallystick.analysis.validators.counting import Sample, result_of
from tallystick.analysis.validators.evidence import Evidence
from tallystick.contracts.cascades import ValidationResult
from tallystick.contracts.time import NS_PER_HOUR, NS_PER_MINUTE

NAME = "P1 funding lead"
DIVERGENCE = 0.0005
EARLIEST_NS, LATEST_NS = 30 * NS_PER_MINUTE, 5 * NS_PER_MINUTE
# The longest time between two settlements of the venues we know.
IN_FORCE_NS = 8 * NS_PER_HOUR


def count_funding_lead(evidence: Evidence, sample: Sample) -> ValidationResult:
    """An event has readings of both venues in the lead window; it supports when any pair of them differs by the divergence (fraction) or more."""
    supports: list[bool] = []
    for episode in evidence.episodes:
        one, other = evidence.funding.get(episode.cascade.coin), evidence.other_funding.get(episode.cascade.coin)
        if one is None or other is None:
            continue
        start = episode.cascade.start_ts
        pairs = [(value, other.at(time, IN_FORCE_NS)) for time, value in one.between(start - EARLIEST_NS, start - LATEST_NS)]
        gaps = [abs(value - beside) for value, beside in pairs if beside is not None]
        if gaps:
            supports.append(max(gaps) >= DIVERGENCE)
    return result_of(NAME, supports, DIVERGENCE, sample)
