"""The one error of the observation room."""

from __future__ import annotations

from tallystick.contracts.errors import InvariantViolation


class SystemHalted(InvariantViolation):
    """Observation has failed; it answers nothing more, for good."""

    code = "SYSTEM_HALTED"
