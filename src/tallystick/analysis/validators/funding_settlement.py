"""P5, funding settlement: cascades began in the half hours around 0, 8 and 16 o'clock UTC more often than chance has it."""

from __future__ import annotations

from tallystick.analysis.validators.counting import Sample, result_of
from tallystick.analysis.validators.evidence import Evidence
from tallystick.contracts.cascades import ValidationResult
from tallystick.contracts.time import NS_PER_HOUR, NS_PER_MINUTE

NAME = "P5 funding settlement"
EVERY_NS = 8 * NS_PER_HOUR
WINDOW_NS = 30 * NS_PER_MINUTE
TIMES_CHANCE = 1.5


def settlement_sample(sample: Sample) -> Sample:
    """The sample of this hypothesis: its share is one and a half times the share of the day that the windows cover (.09375), not the common one."""
    return Sample(sample.min_events, TIMES_CHANCE * WINDOW_NS / EVERY_NS)


def count_funding_settlement(evidence: Evidence, sample: Sample) -> ValidationResult:
    """Every cascade is an event; it supports when its start lies at most fifteen minutes from a settlement."""
    supports: list[bool] = []
    for episode in evidence.episodes:
        since = episode.cascade.start_ts % EVERY_NS
        supports.append(min(since, EVERY_NS - since) <= WINDOW_NS // 2)
    return result_of(NAME, supports, TIMES_CHANCE, settlement_sample(sample))
