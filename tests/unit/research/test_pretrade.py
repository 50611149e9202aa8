"""The check of a hand-off: every reason alone, and nothing but a file comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.violations.runs import put
from tests.fakes.contract_examples import example_paths
from tests.fakes.research_market import NOW_NS

from tallystick.apps.cli.main import main
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ArtifactError, ConfigurationError
from tallystick.contracts.registry import contract
from tallystick.research.pretrade import PretradePolicy, validate_handoff

GOOD = json.loads(example_paths(contract("pretrade.handoff"))[0].read_bytes())
Change = Callable[[dict[str, Any]], dict[str, Any]]


def check(root: Path, change: Change | None = None, policy: PretradePolicy | None = None) -> tuple[bool, tuple[str, ...]]:
    document = json.loads(json.dumps(GOOD))
    root.joinpath("handoff.json").write_text(json.dumps(change(document) if change else document))
    found = validate_handoff(Workspace(root / "w"), root / "handoff.json", policy or PretradePolicy(), now_ns=NOW_NS).validation
    return found.accepted, found.reasons


def without_size(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "tradePlan": {}}


def test_good_hand_off_is_accepted_and_the_answer_is_sealed(tmp_path: Path) -> None:
    policy = PretradePolicy(max_notional=Decimal(600), allowed_symbols=("BTCUSDT",))
    assert check(tmp_path, policy=policy) == (True, ())
    report = verify(tmp_path / "w")
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())
    assert [path.name for path in (tmp_path / "w" / "outputs").iterdir()] == ["pretrade"]


@pytest.mark.clause("D3.37")
@pytest.mark.parametrize(
    ("reason", "change", "policy"),
    [
        ("unsupported_contract_type", put("machineContract.contractType", "another.plan"), {}),
        ("unsupported_contract_version", put("machineContract.contractVersion", "2.0"), {}),
        ("missing_trade_plan_id", put("source.tradePlanId", " "), {}),
        ("missing_symbol", put("pretradeContext.symbol", ""), {}),
        ("missing_account_id", put("pretradeContext.accountId", None), {}),
        ("unsupported_side", put("pretradeContext.side", "hold"), {}),
        ("missing_size", without_size, {}),
        ("non_positive_quantity", put("tradePlan.quantity", 0), {}),
        ("non_positive_quantity", put("tradePlan.quantity", "NaN"), {}),
        ("non_positive_notional", put("tradePlan.notional", "-5"), {}),
        ("non_positive_notional", put("tradePlan.notional", "much"), {}),
        ("max_notional_exceeded", None, {"max_notional": Decimal("599.99")}),
        ("max_notional_exceeded", put("tradePlan.notional", None), {"max_notional": Decimal(10**9)}),
        ("symbol_not_allowed", None, {"allowed_symbols": ("ETHUSDT",)}),
        ("kill_switch_active", None, {"kill_switch": True}),
    ],
)
def test_each_reason_refuses_alone(tmp_path: Path, reason: str, change: Change | None, policy: dict[str, Any]) -> None:
    assert check(tmp_path, change, PretradePolicy(**policy)) == (False, (reason,))


def test_missing_account_can_be_allowed(tmp_path: Path) -> None:
    assert check(tmp_path, put("pretradeContext.accountId", None), PretradePolicy(allow_missing_account_id=True)) == (True, ())


def test_file_that_is_no_hand_off_writes_nothing(tmp_path: Path) -> None:
    for text in ("{", "[]", json.dumps({**GOOD, "tradePlan": 7})):
        tmp_path.joinpath("handoff.json").write_text(text)
        with pytest.raises(ArtifactError):
            validate_handoff(Workspace(tmp_path / "w"), tmp_path / "handoff.json", PretradePolicy(), now_ns=NOW_NS)
    with pytest.raises(ConfigurationError, match="plain file name"):
        check(tmp_path, put("handoffId", "../../escape"))
    assert not (tmp_path / "w").exists()
    with pytest.raises(ConfigurationError, match="max_notional above 0"):
        PretradePolicy(max_notional=Decimal(0))


def test_command_answers_with_five_when_it_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def command(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["pretrade", *arguments])
        return int(ended.value.code or 0), capsys.readouterr().out

    path = tmp_path / "handoff.json"
    path.write_text(command("example")[1])
    where = (str(path), "--workspace", str(tmp_path))
    assert command("validate", *where)[0] == 0
    code, out = command("validate", *where, "--max-notional", "100", "--json")
    assert (code, json.loads(out)["reasons"]) == (5, ["max_notional_exceeded"])
    assert command("validate", *where, "--max-notional", "much")[0] == 2
