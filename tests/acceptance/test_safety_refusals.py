"""What `trade` and `verify` refuse on a finished workspace: a verdict that was forged, days that were known before, a seal that was lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.quickstart_workspace import call

pytestmark = pytest.mark.slow


@pytest.mark.clause("D3.37")
def test_decision_48_a_forged_verdict_trades_nothing(workspace: Path) -> None:
    for path in workspace.glob("outputs/model_runs/*/training_summary.json"):
        document = json.loads(path.read_bytes())
        document["promotion_assessment"] |= {"eligible_for_paper": True, "blocking_reasons": []}
        path.write_text(json.dumps(document))
    refused = call("trade", "--workspace", workspace, "--session-id", "forged", "--json")
    assert (refused.code, refused.error["code"]) == (5, "SAFETY_REFUSAL")
    assert "found a change in training_summary.json" in refused.error["message"]
    assert not workspace.joinpath("state/sessions/forged").exists()


@pytest.mark.parametrize(("start", "says"), [("2024-06-01", "after the bars of its models"), ("2025-06-04T12:00:00Z", "after the bars of its models")])
def test_a_session_inside_the_days_of_its_models_is_refused(workspace: Path, start: str, says: str) -> None:
    refused = call("trade", "--workspace", workspace, "--ungated", "--session-id", "early", "--start", start, "--json")
    assert refused.code == 5
    assert says in refused.error["message"]


def test_decision_44_a_session_before_the_day_of_its_pool_is_refused(workspace: Path) -> None:
    assert call("pool", "build", "--as-of", "2025-06-15", "--workspace", workspace, "--now", "2025-07-01T00:00:00Z", "--json").code == 0
    refused = call("trade", "--workspace", workspace, "--ungated", "--session-id", "early", "--start", "2025-06-10", "--json")
    assert refused.code == 5
    assert "after the day of its pool, 2025-06-15" in refused.error["message"]


def test_a_completed_session_that_was_changed_is_not_called_completed(workspace: Path, result: dict[str, Any]) -> None:
    journal = workspace / "state/sessions" / result["session_id"] / "journal.db"
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 1
    journal.write_bytes(bytes(data))
    refused = call("trade", "--workspace", workspace, "--session-id", result["session_id"], "--json")
    assert refused.code in (3, 5)


def test_verify_sees_a_seal_that_was_lost(workspace: Path) -> None:
    for seal in sorted(workspace.glob("**/SHA256SUMS")):
        data = seal.read_bytes()
        seal.unlink()
        answer = call("verify", workspace, "--json")
        protected = answer.code == 3 or answer.document["unprotected"]
        assert protected, seal
        if seal.parent.parent.name in ("runs", "model_runs", "1h", "1d", "data") or seal.parent.name in ("output", "1h", "1d"):
            assert answer.code == 3, seal
        seal.write_bytes(data)
    assert call("verify", workspace, "--json").code == 0
