"""Documents that break one rule of `contracts/pretrade.py` each."""

from __future__ import annotations

from tests.contracts.violations.runs import put

VIOLATIONS = {("pretrade.handoff_validation", "refused_exactly_with_reasons"): put("accepted", True)}
