"""P8, basis: mark and spot stood apart by two tenths of a per cent or more when the cascade began."""

from __future__ import annotations

from tallystick.analysis.validators.counting import Sample, result_of
from tallystick.analysis.validators.evidence import Evidence
from tallystick.contracts.cascades import ValidationResult

NAME = "P8 basis"
NEAR_PCT, FAR_PCT = 0.2, 0.5


def count_basis(evidence: Evidence, sample: Sample) -> ValidationResult:
    """An event has a mark and a spot price at its start. The threshold given is the far one where that already has the share, else the near one."""
    distances: list[float] = []
    for episode in evidence.episodes:
        marks, spot = evidence.marks.get(episode.cascade.coin), evidence.spot.get(episode.cascade.coin)
        mark = marks.at(episode.cascade.start_ts) if marks is not None else None
        price = spot.at(episode.cascade.start_ts) if spot is not None else None
        if mark is not None and price is not None and price > 0.0:
            distances.append(100.0 * abs(mark - price) / price)
    far = result_of(NAME, [distance >= FAR_PCT for distance in distances], FAR_PCT, sample)
    return far if far.status == "VALIDATED" else result_of(NAME, [distance >= NEAR_PCT for distance in distances], NEAR_PCT, sample)
