"""P2, wave structure: a cascade came in three to five waves."""

from __future__ import annotations

from tallystick.analysis.validators.counting import Sample, result_of
from tallystick.analysis.validators.evidence import Evidence
from tallystick.contracts.cascades import ValidationResult

NAME = "P2 wave structure"
FEWEST, MOST = 3, 5


def count_wave_structure(evidence: Evidence, sample: Sample) -> ValidationResult:
    """Every cascade is an event."""
    supports = [FEWEST <= episode.cascade.wave_count <= MOST for episode in evidence.episodes]
    return result_of(NAME, supports, float(FEWEST), sample)
