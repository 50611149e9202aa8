"""The check of a pre-trade hand-off: a plan from outside is accepted for review or refused with every reason. It becomes no order here."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from tallystick.artifacts.canonical import parse_json
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.seal import break_seal, seal_folder
from tallystick.artifacts.store import read_bytes, write_artifact
from tallystick.contracts.checking import parse
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.pretrade import HANDOFF_TYPE, HANDOFF_VERSION, VALIDATION_TYPE, HandoffValidation, PretradeHandoff, Reason
from tallystick.contracts.registry import contract
from tallystick.contracts.time import iso_from_ns

SIDES = ("buy", "sell")


@dataclass(frozen=True, slots=True)
class PretradePolicy:
    """What is allowed. max_notional: in quote units; None for no limit. allowed_symbols: empty for any. Raises ConfigurationError for a limit that is none."""

    max_notional: Decimal | None = None
    allowed_symbols: tuple[str, ...] = ()
    kill_switch: bool = False
    allow_missing_account_id: bool = False

    def __post_init__(self) -> None:
        if self.max_notional is not None and not (self.max_notional.is_finite() and self.max_notional > 0):
            raise ConfigurationError(f"expected max_notional above 0, found {self.max_notional}", where="max_notional")

    def document(self) -> dict[str, Any]:
        """The policy as the validation records it."""
        return {
            "max_notional": None if self.max_notional is None else format(self.max_notional, "f"),
            "allowed_symbols": list(self.allowed_symbols),
            "kill_switch": self.kill_switch,
            "allow_missing_account_id": self.allow_missing_account_id,
        }


@dataclass(frozen=True, slots=True)
class ValidatedHandoff:
    """A written validation: where it lies, and the seal over its folder."""

    validation: HandoffValidation
    path: Path
    seal_sha256: str


def refusal_reasons(handoff: PretradeHandoff, policy: PretradePolicy) -> tuple[Reason, ...]:
    """Every reason against a hand-off, in a fixed order; none for one that is accepted.

    A size is needed, as quantity or notional. Without a notional the limit on it cannot be checked, so a plan in quantity alone is refused under a limit.
    """
    context, plan = handoff.pretradeContext, handoff.tradePlan
    quantity, notional = _size(plan.get("quantity")), _size(plan.get("notional"))
    given_quantity, given_notional = plan.get("quantity") is not None, plan.get("notional") is not None
    limit = policy.max_notional
    checks: tuple[tuple[bool, Reason], ...] = (
        (handoff.machineContract.contractType != HANDOFF_TYPE, "unsupported_contract_type"),
        (handoff.machineContract.contractVersion != HANDOFF_VERSION, "unsupported_contract_version"),
        (not handoff.source.tradePlanId.strip(), "missing_trade_plan_id"),
        (not context.symbol.strip(), "missing_symbol"),
        (not (context.accountId or "").strip() and not policy.allow_missing_account_id, "missing_account_id"),
        (context.side.lower() not in SIDES, "unsupported_side"),
        (not given_quantity and not given_notional, "missing_size"),
        (given_quantity and (quantity is None or quantity <= 0), "non_positive_quantity"),
        (given_notional and (notional is None or notional <= 0), "non_positive_notional"),
        (limit is not None and (notional is None or notional > limit), "max_notional_exceeded"),
        (bool(policy.allowed_symbols) and context.symbol not in policy.allowed_symbols, "symbol_not_allowed"),
        (policy.kill_switch, "kill_switch_active"),
    )
    return tuple(reason for broken, reason in checks if broken)


def _size(value: Any) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def validate_handoff(workspace: Workspace, path: Path, policy: PretradePolicy, *, now_ns: int) -> ValidatedHandoff:
    """Check a hand-off file and write `outputs/pretrade/<handoff id>/pretrade_handoff_validation.json`.

    Raises ArtifactError for a file that is no hand-off at all, ConfigurationError for an id that is no file name.
    """
    data = read_bytes(path)
    handoff: PretradeHandoff = parse(contract("pretrade.handoff"), parse_json(data, str(path)), str(path))
    context = handoff.pretradeContext
    reasons = refusal_reasons(handoff, policy)
    item = contract("pretrade.handoff_validation")
    document = {
        "schema_version": "1.0",
        "artifact_type": VALIDATION_TYPE,
        "handoff_id": handoff.handoffId,
        "handoff_sha256": sha256_bytes(data),
        "validated_at": iso_from_ns(now_ns),
        "accepted": not reasons,
        "reasons": list(reasons),
        "symbol": context.symbol,
        "venue": context.venue,
        "side": context.side,
        "account_id": context.accountId,
        "strategy_id": context.strategyId,
        "policy": policy.document(),
    }
    target = workspace.path(item, handoff_id=handoff.handoffId)
    break_seal(target.parent)
    write_artifact(item, target, document)
    return ValidatedHandoff(parse(item, document), target, seal_folder(target.parent))
