"""P3, absorption: after the end, the price went no further than one per cent in the direction of the cascade."""

from __future__ import annotations

from tallystick.analysis.validators.counting import Sample, result_of
from tallystick.analysis.validators.evidence import Evidence
from tallystick.contracts.cascades import ValidationResult
from tallystick.contracts.time import NS_PER_MINUTE

NAME = "P3 absorption"
FURTHEST_PCT = 1.0
WATCHED_NS = 5 * NS_PER_MINUTE


def count_absorption(evidence: Evidence, sample: Sample) -> ValidationResult:
    """An event moved the price and has marks in the five minutes after its end; the furthest of them is measured from the end's price."""
    supports: list[bool] = []
    for episode in evidence.episodes:
        cascade = episode.cascade
        marks = evidence.marks.get(cascade.coin)
        move = cascade.price_end - cascade.price_start
        after = marks.between(cascade.end_ts + 1, cascade.end_ts + WATCHED_NS) if marks is not None else []
        if not after or move == 0:
            continue
        end, sign = float(cascade.price_end), 1.0 if move > 0 else -1.0
        supports.append(max(sign * (value - end) for _, value in after) <= end * FURTHEST_PCT / 100.0)
    return result_of(NAME, supports, FURTHEST_PCT, sample)
