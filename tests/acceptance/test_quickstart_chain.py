"""The main job on the generated market and on real bars: what it makes, that it is true, and that it is the same again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.quickstart_workspace import NOW, call, files_of, finish, shared_result, start, walk
from tests.fakes.shared_data import shared_data

from tallystick.apps.bridge.serving import session_documents
from tallystick.artifacts.paths import Workspace

pytestmark = pytest.mark.slow

STEPS = ["compile", "market", "pool", "run", "train", "gate", "session", "verify", "trace", "replay"]


def report_of(root: Path) -> dict[str, Any]:
    report: dict[str, Any] = call("status", "--workspace", root, "--json").document["sessions"][-1]
    return report


def test_every_step_is_ok_and_its_artifacts_lie_where_it_says(reference: Path, result: dict[str, Any]) -> None:
    assert [(step["name"], step["status"]) for step in result["steps"]] == [(name, "ok") for name in STEPS]
    assert all((reference / item["path"]).exists() and len(item["sha256"]) == 64 for step in result["steps"] for item in step["artifacts"])
    assert result["orders"] == len(result["order_ids"]) == len(set(result["order_ids"])) > 0


def test_orders_are_in_three_symbols_and_on_both_sides(reference: Path) -> None:
    sides = report_of(reference)["sides"]
    assert len(sides) >= 3
    assert {side for found in sides.values() for side in found} == {"buy", "sell"}


@pytest.mark.parametrize("stage", ["gating", "sizing", "risk"])
def test_each_of_gate_sizing_and_risk_refuses_with_its_number(reference: Path, result: dict[str, Any], stage: str) -> None:
    refused = report_of(reference)["refusals"][stage]
    assert refused["count"] >= 1
    symbol = refused["example"].split(":")[0]
    assert symbol in result["symbols"]
    assert any(character.isdigit() for character in refused["example"].split(":", 1)[1])


def test_why_names_the_stage_and_the_number_that_decided(reference: Path, result: dict[str, Any]) -> None:
    for symbol in result["symbols"]:
        found = call("why", symbol, "--workspace", reference, "--json").document
        assert found["stage"]
        assert found["decision"] == "TRADE" or (found["stopped_by"] and found["reason"])
        assert found["value"] is None or math.isfinite(found["value"])


def test_verify_finds_no_failure_and_no_unknown_file(reference: Path, result: dict[str, Any]) -> None:
    answer = call("verify", reference, "--json")
    assert answer.code == 0
    assert (answer.document["failures"], answer.document["unknown"], answer.document["unprotected"]) == ([], [], [])
    assert answer.document["checked"] == result["verified_artifacts"] == len(files_of(reference))


def test_trace_walks_every_kind_of_order_back_to_the_bars(reference: Path, result: dict[str, Any]) -> None:
    for order in (result["order_ids"][0], result["order_ids"][-1]):
        answer = call("trace", order, "--workspace", reference, "--json")
        kinds = [link["kind"] for link in answer.document["chain"]]
        assert kinds[0] == "order"
        assert {"decision", "model", "model file", "training run", "coverage", "bars", "pool release", "configuration", "code"} <= set(kinds)
        assert all(link["verified"] for link in answer.document["chain"])


def test_replay_makes_every_decision_again(reference: Path, result: dict[str, Any]) -> None:
    answer = call("replay", "--workspace", reference, "--json")
    assert (answer.code, answer.document["differences"], result["replay_differences"]) == (0, 0, 0)
    assert answer.document["decisions"] == 5 * answer.document["cycles"] == 5 * 336


@pytest.mark.clause("D3.37")
def test_models_that_the_gate_refused_trade_only_by_override(workspace: Path, reference: Path) -> None:
    answer = call("trade", "--session-id", "second", "--workspace", workspace, "--json")
    assert (answer.code, answer.error["code"]) == (5, "SAFETY_REFUSAL")
    assert "promotion gate" in answer.error["message"]
    assert "--ungated" in answer.error["hint"]
    assert files_of(workspace) == files_of(reference)
    assert report_of(reference)["degraded"] is True


@pytest.mark.clause("D2.56")
def test_a_session_that_learns_replays_and_verifies(workspace: Path) -> None:
    refused = call("trade", "--ungated", "--learn", "best", "--workspace", workspace, "--json")
    assert (refused.code, refused.error["code"]) == (2, "CONFIGURATION_ERROR")
    end = "2025-06-09T00:00:00Z"
    assert call("trade", "--ungated", "--learn", "exp3ix", "--session-id", "learned", "--end", end, "--workspace", workspace, "--json").code == 0
    again = call("trade", "--ungated", "--learn", "ucb", "--session-id", "learned", "--end", end, "--workspace", workspace, "--json")
    assert (again.code, again.error["code"]) == (5, "SAFETY_REFUSAL")
    assert call("replay", "learned", "--workspace", workspace, "--json").document["differences"] == 0
    assert call("verify", workspace, "--json").code == 0
    learned = json.loads(session_documents(Workspace(workspace), "learned").cils_stats())
    assert (learned["enabled"], learned["algorithm"], sorted(arm["horizon"] for arm in learned["arms"])) == (True, "exp3ix", ["240m", "60m"])
    assert learned["total_pulls"] == sum(arm["pulls"] for arm in learned["arms"]) > 0


@pytest.mark.clause("D3.03", "D3.23")
def test_every_paper_session_has_its_folder(reference: Path) -> None:
    sessions = call("status", "--workspace", reference, "--json").document["sessions"]
    folders = {path.name for path in (reference / "outputs" / "paper_sessions").iterdir()}
    assert folders == {session["session_id"] for session in sessions} != set()


def test_fresh_process_and_workspace_give_the_same_bytes(reference: Path, tmp_path: Path) -> None:
    # A wrong first try must leave nothing behind that the right command would stumble on.
    root = tmp_path / "elsewhere" / "again"
    assert walk(root, "--data", tmp_path / "absent").code == 3
    process = start("quickstart", "-w", root, "--seed", "7", "--now", NOW, "--json", cwd=tmp_path)
    answer = finish(process)
    assert (answer.code, answer.err) == (0, "")
    assert files_of(root) == files_of(reference)


def test_same_command_again_keeps_every_step(workspace: Path, reference: Path, result: dict[str, Any]) -> None:
    again = walk(workspace).document
    assert [step["name"] for step in again["steps"] if step["kept"]] == ["market", "pool", "run", "train", "gate", "session"]
    assert {key: value for key, value in again.items() if key != "steps"} == {key: value for key, value in result.items() if key != "steps"}
    assert files_of(workspace) == files_of(reference)


def test_another_seed_or_source_in_the_same_workspace_is_refused(workspace: Path, tmp_path: Path) -> None:
    before = files_of(workspace)
    for more in (("--seed", "8"), ("--data", str(tmp_path)), ("--now", "2025-07-02T00:00:00Z")):
        answer = call("quickstart", "--workspace", workspace, "--json", *more)
        assert (answer.code, answer.error["code"]) == (2, "CONFIGURATION_ERROR")
        assert "another quickstart" in answer.error["message"]
    assert files_of(workspace) == before


def test_damaged_artifact_is_made_again_by_the_same_command(workspace: Path, reference: Path) -> None:
    model = next(workspace.rglob("family=Ridge/model.joblib"))
    model.write_bytes(model.read_bytes()[:-1])
    again = walk(workspace).document
    assert [step["name"] for step in again["steps"] if step["kept"]] == ["market", "pool", "run"]
    assert files_of(workspace) == files_of(reference)


def test_real_bars_walk_the_same_chain(shared_base: Path) -> None:
    data = shared_data()
    root, result = shared_result(shared_base, "real", lambda root: walk(root, "--data", data))
    assert [(step["name"], step["status"]) for step in result["steps"]] == [(name, "ok") for name in STEPS]
    assert result["replay_differences"] == 0
    assert len(report_of(root)["sides"]) >= 3
    answer = call("verify", root, "--json")
    assert (answer.code, answer.document["failures"], answer.document["unknown"]) == (0, [], [])
    said = [line for step in result["steps"] if step["name"] == "market" for line in step["lines"]]
    assert any(line.startswith("using ") for line in said)
    assert any(line.startswith("left out ") for line in said)
