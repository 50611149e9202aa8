"""P4, concentration of open interest: the coin held fifteen per cent or more of all recorded open interest when its cascade began."""

from __future__ import annotations

from tallystick.analysis.validators.counting import Sample, result_of
from tallystick.analysis.validators.evidence import Evidence
from tallystick.contracts.cascades import ValidationResult

NAME = "P4 open-interest concentration"
CONCENTRATED_FRAC = 0.15


def count_interest_concentration(evidence: Evidence, sample: Sample) -> ValidationResult:
    """An event has open interest and marks of its own coin and of at least one other; shares are of value (open interest × mark)."""
    supports: list[bool] = []
    for episode in evidence.episodes:
        values: dict[str, float] = {}
        for coin in sorted(evidence.open_interest.keys() & evidence.marks.keys()):
            interest = evidence.open_interest[coin].at(episode.cascade.start_ts)
            mark = evidence.marks[coin].at(episode.cascade.start_ts)
            if interest is not None and mark is not None:
                values[coin] = interest * mark
        own = values.get(episode.cascade.coin)
        if own is not None and len(values) > 1:
            supports.append(own >= CONCENTRATED_FRAC * sum(values.values()))
    return result_of(NAME, supports, CONCENTRATED_FRAC, sample)
