"""The error family. Each outside error is mapped to one of these where it enters.

TallystickError                 exit 1   general
├── Interrupted                 exit 1   the user stopped it; nothing is half-written
├── ConfigurationError          exit 2   settings, flags, usage
├── DataError                   exit 3   bars, instruments, features
│   └── ArtifactError           exit 3   a file that is not what its contract says
│       └── ContractViolation   exit 3   a document that breaks its shape or a rule
├── StrategyError               exit 4   a policy or model that cannot decide
├── SafetyRefusal               exit 5   a safety rule said no (risk, verification, gate)
└── InvariantViolation          exit 1   the house is wrong: an illegal state was asked for
"""

from __future__ import annotations


class TallystickError(Exception):
    """One clear sentence: what was expected, what was found; `where` it is, and a `hint` what to do."""

    code = "ERROR"
    exit_code = 1

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        where = f" ({self.where})" if self.where else ""
        hint = f". {self.hint}" if self.hint else ""
        return f"{self.message}{where}{hint}"

    def as_document(self) -> dict[str, object]:
        """The `error` object that `--json` prints."""
        return {"code": self.code, "message": self.message, "where": self.where, "hint": self.hint}


class Interrupted(TallystickError):
    """The user stopped the work."""

    code = "INTERRUPTED"


class ConfigurationError(TallystickError):
    """Settings, flags or usage are wrong."""

    code = "CONFIGURATION_ERROR"
    exit_code = 2


class DataError(TallystickError):
    """Bars, instruments or features are missing or impossible."""

    code = "DATA_ERROR"
    exit_code = 3


class ArtifactError(DataError):
    """A file is missing, damaged, or not what its contract says."""

    code = "ARTIFACT_ERROR"


class ContractViolation(ArtifactError):
    """A document breaks the shape or a rule of its contract."""

    code = "CONTRACT_VIOLATION"


class StrategyError(TallystickError):
    """A policy or a model cannot decide."""

    code = "STRATEGY_ERROR"
    exit_code = 4


class SafetyRefusal(TallystickError):
    """A safety rule refused: risk, verification, or a gate."""

    code = "SAFETY_REFUSAL"
    exit_code = 5


class InvariantViolation(TallystickError):
    """An illegal state or transition was asked for; never corrected, never skipped."""

    code = "INVARIANT_VIOLATION"
