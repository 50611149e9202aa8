"""Documents that break one rule of `contracts/paper_oversight.py` each."""

from __future__ import annotations

from tests.contracts.violations.runs import put

VIOLATIONS = {
    ("paper_sessions.health", "counts_are_the_sessions"): put("sessions", 9),
    ("paper_sessions.alerts", "severity_follows_the_code"): put("alerts.0.severity", "warning"),
    ("paper_sessions.promotion", "two_candidates_at_most"): put("eligible", 2),
}
