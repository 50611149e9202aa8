"""The nine hypotheses, in order."""

from __future__ import annotations

from collections.abc import Callable

from tallystick.analysis.validators.absorption import count_absorption
from tallystick.analysis.validators.basis import count_basis
from tallystick.analysis.validators.counting import Sample
from tallystick.analysis.validators.cross_asset_lead import count_cross_asset_lead
from tallystick.analysis.validators.evidence import Evidence
from tallystick.analysis.validators.funding_lead import count_funding_lead
from tallystick.analysis.validators.funding_settlement import count_funding_settlement, settlement_sample
from tallystick.analysis.validators.interest_concentration import count_interest_concentration
from tallystick.analysis.validators.price_legs import count_price_legs
from tallystick.analysis.validators.sequencing import count_sequencing
from tallystick.analysis.validators.wave_structure import count_wave_structure
from tallystick.contracts.cascades import ValidationResult

HYPOTHESES: tuple[Callable[[Evidence, Sample], ValidationResult], ...] = (
    count_funding_lead,
    count_wave_structure,
    count_absorption,
    count_interest_concentration,
    count_funding_settlement,
    count_cross_asset_lead,
    count_price_legs,
    count_basis,
    count_sequencing,
)


def count_all(evidence: Evidence, sample: Sample | None = None) -> tuple[tuple[ValidationResult, Sample], ...]:
    """Every hypothesis with the sample it was held to, in the order P1 to P9."""
    wanted = sample or Sample()
    return tuple((count(evidence, wanted), settlement_sample(wanted) if count is count_funding_settlement else wanted) for count in HYPOTHESES)
