"""The pre-trade hand-off of a planner outside, and what its check found. Names in camel case are the planner's (fact D11), kept letter for letter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.run_documents import Sha256Text, UtcText

HANDOFF_TYPE = "calculadora_riesgo.quantlab_handoff"
HANDOFF_VERSION = "1.0"
VALIDATION_TYPE = "quantlab.pretrade.handoff_validation"
Reason = Literal[
    "unsupported_contract_type",
    "unsupported_contract_version",
    "missing_trade_plan_id",
    "missing_symbol",
    "missing_account_id",
    "unsupported_side",
    "missing_size",
    "non_positive_quantity",
    "non_positive_notional",
    "max_notional_exceeded",
    "symbol_not_allowed",
    "kill_switch_active",
]


class HandoffContract(Shape):
    """Which contract the hand-off claims to keep."""

    contractType: str
    contractVersion: str


class HandoffSource(Shape):
    """Which plan of which planner it comes from."""

    planner: str
    tradePlanContractType: str
    tradePlanContractVersion: str
    tradePlanId: str


class PretradeContext(Shape):
    """What is to be traded, where, and for whom. accountId and strategyId may be unknown."""

    symbol: str
    venue: str
    side: str
    accountId: str | None = None
    strategyId: str | None = None


class PretradeHandoff(Shape):
    """A plan handed over for a check. `tradePlan` carries `quantity` (base units) or `notional` (quote units), as numbers or decimal text."""

    machineContract: HandoffContract
    handoffId: str
    generatedAt: str
    source: HandoffSource
    pretradeContext: PretradeContext
    quantlabHints: Mapping[str, Any] | None = None
    tradePlan: Mapping[str, Any]


class HandoffValidation(Shape):
    """`pretrade_handoff_validation.json`: accepted, or every reason why not. Accepting sends nothing: a person or a gate decides what follows."""

    schema_version: Literal["1.0"]
    artifact_type: Literal["quantlab.pretrade.handoff_validation"]
    handoff_id: str
    handoff_sha256: Sha256Text
    validated_at: UtcText
    accepted: bool
    reasons: tuple[Reason, ...]
    symbol: str
    venue: str
    side: str
    account_id: str | None
    strategy_id: str | None
    policy: Mapping[str, Any]


def _reasons(validation: Any) -> str | None:
    return None if validation.accepted == (not validation.reasons) else f"accepted {validation.accepted} with {len(validation.reasons)} reasons"


CONTRACTS = (
    Contract(
        name="pretrade.handoff",
        version="1.0",
        purpose="A trade plan that a planner outside hands over for a check",
        producer="outside.planner",
        consumers=(Consumer("research.pretrade", ("*",), "check it"),),
        shape=PretradeHandoff,
        encoding="memory",
        open_maps=("quantlabHints", "tradePlan"),
        clauses=("D3.37",),
    ),
    Contract(
        name="pretrade.handoff_validation",
        version="1.0",
        purpose="Whether a hand-off is fit to be looked at, and every reason why not",
        producer="research.pretrade",
        consumers=(Consumer("outside.planner", ("accepted", "reasons"), "know the answer"), Consumer("apps.cli.pretrade", ("*",), "show it")),
        shape=HandoffValidation,
        paths=("outputs/pretrade/{handoff_id}/pretrade_handoff_validation.json",),
        rules=(Rule("refused_exactly_with_reasons", "reasons exactly when not accepted", _reasons, ("D3.37",)),),
        seed_name="pretrade_handoff_validation.json",
        open_maps=("policy",),
        clauses=("D3.37",),
        wall_clock=("validated_at",),
    ),
)
