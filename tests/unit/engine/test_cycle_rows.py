from __future__ import annotations

from functools import cache

import pytest
from tests.fakes.engine_faults import ForgetfulVenue
from tests.fakes.engine_session import CALM, DECISION, Restless, Setting, bodies, engine, generated, model_policy, rsi_policy, run, without_bars

from tallystick.artifacts.canonical import canonical_json
from tallystick.contracts.checking import check, parse_bytes, unknown_fields
from tallystick.contracts.decision import ActionType
from tallystick.contracts.messages import document_of, message_of
from tallystick.contracts.orders import CycleStats, ExecutionResult
from tallystick.contracts.registry import contract
from tallystick.contracts.session import JournalRow
from tallystick.contracts.venue_updates import parse_update
from tallystick.decision.policies.ma_cross import MaCrossParameters
from tallystick.decision.policies.rule_policy import RulePolicy
from tallystick.execution.simulated_venue import VenueCosts

NAMES = {"commit": "engine.cycle_commit", "intent": "engine.cycle_intent", "session": "engine.session_mark", "end": "engine.session_mark"}
SESSIONS = {
    "models and a baseline": Setting(policies=lambda panel: (model_policy(panel, DECISION), rsi_policy(panel))),
    "restless, thin volume": Setting(policies=lambda _panel: (Restless(8),)),
    "orders that end unfilled": Setting(policies=lambda _panel: (Restless(9),), venue=ForgetfulVenue, costs=VenueCosts(volume_share=0.2)),
    "holes": Setting(policies=lambda panel: (Restless(2), model_policy(panel, DECISION)), panel=without_bars(generated().panel, "CEDRUSDT", 5, 15)),
    "everything refused": Setting(policies=lambda _panel: (Restless(4),), limits=CALM.for_testing(max_position_frac=0.0, time_stop_s=0.0)),
}


@cache
def rows_of(name: str) -> tuple[JournalRow, ...]:
    return tuple(run(SESSIONS[name])[1])


@pytest.mark.clause("D4.101", "D4.102", "D4.106")
@pytest.mark.parametrize("name", sorted(SESSIONS))
def test_every_row_of_a_session_is_strictly_what_its_contract_says(name):
    for row in rows_of(name):
        item = contract(NAMES[row.kind])
        instance = parse_bytes(item, row.body, f"row {row.sequence}")
        assert unknown_fields(item, instance) == []
        check(item, instance)
        canonical_json(instance)


@pytest.mark.clause("D4.104", "D4.125")
@pytest.mark.parametrize("name", sorted(SESSIONS))
def test_decisions_orders_and_refusals_of_a_cycle_tell_the_same_story(name):
    for body in bodies(list(rows_of(name))):
        by_symbol = {row["symbol"]: row for row in body["decisions"]}
        for order in body["orders"]:
            row = by_symbol[order["symbol"]]
            assert (row["decision"], row["order_id"], row["decision_id"]) == ("TRADE", order["order_id"], order["decision_id"])
        for refused in body["refused"]:
            row = by_symbol[refused["symbol"]]
            assert (row["decision"], row["stage"], row["reason"], row["order_id"]) == ("BLOCKED", "risk", refused["reason"], None)
        assert {row["symbol"] for row in body["decisions"] if row["order_id"]} == {order["symbol"] for order in body["orders"]}
        for row in body["decisions"]:
            assert (row["decision"] == "TRADE") == (row["order_id"] is not None)


@pytest.mark.clause("D4.101", "D4.102", "D4.103")
@pytest.mark.parametrize("name", sorted(SESSIONS))
def test_every_acting_symbol_has_an_execution_result_and_the_counts_follow(name):
    result_contract, stats_contract, seen = contract("execution.execution_result"), contract("execution.cycle_stats"), 0
    for body in bodies(list(rows_of(name))):
        stats = message_of(CycleStats, body["stats"])
        check(stats_contract, stats)
        results = []
        for row in body["decisions"]:
            document = row["stages"].get("execution")
            acting = row["action"] in ("ENTRY", "EXIT", "REDUCE")
            assert (document is not None) == acting
            if document is not None:
                result = message_of(ExecutionResult, {"symbol": row["symbol"], "action": ActionType(row["action"]).value, **document})
                check(result_contract, result)
                assert document_of(result)["equity_before"] == body["account"]["equity"]
                results.append(result)
        executed = sum(result.success for result in results)
        assert (stats.actions_executed, stats.actions_rejected, stats.symbols_processed) == (executed, len(results) - executed, len(body["decisions"]))
        seen += len(results)
    assert seen > 10


@pytest.mark.clause("D4.126")
def test_decision_3_updates_carry_their_nanoseconds_as_digits_and_come_back_as_messages():
    updates = [item for body in bodies(list(rows_of("restless, thin volume"))) for item in body["updates"]]
    assert {item["kind"] for item in updates} >= {"fill", "canceled", "funding"}
    for item in updates:
        assert isinstance(item["timestamp_ns"], str)
        assert document_of(parse_update(item)) == item


def test_an_intent_names_the_orders_of_its_commit_and_the_same_inputs():
    rows = list(rows_of("restless, thin volume"))
    commits = {body["cycle"]: body for body in bodies(rows)}
    for body in bodies(rows, "intent"):
        assert body["orders"] == commits[body["cycle"]]["orders"]
        assert body["inputs_sha256"] == commits[body["cycle"]]["inputs_sha256"]
    cycles = {body["cycle"] for body in bodies(rows, "intent")}
    assert cycles >= {cycle for cycle, body in commits.items() if body["orders"]}


def test_a_refused_entry_keeps_its_number_and_its_limit():
    refused = [item for body in bodies(list(rows_of("everything refused"))) for item in body["refused"]]
    assert refused
    assert {item["violated_invariant"] for item in refused} == {"POSITION_LIMIT"}
    assert all(item["value"] > item["limit"] == 0.0 for item in refused)


def test_the_state_digest_moves_with_the_books():
    digests = [body["state_sha256"] for body in bodies(list(rows_of("restless, thin volume")))]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("memory", ["_before", "_signal_bar", "_last_bar"])
def test_the_digest_of_a_state_counts_what_every_policy_remembers(memory):
    made = engine(Setting(policies=lambda panel: (rsi_policy(panel, cooldown_bars=5),)))
    policy, before = made.policies[0], made.state()
    assert made.state() == before
    changed = {"_before": policy._before + 1.0, "_signal_bar": {"BTCUSDT": 7}, "_last_bar": policy._last_bar + 1}
    setattr(policy, memory, changed[memory])
    assert made.state() != before


def test_the_digest_of_a_rule_counts_its_last_bar():
    def state(bars: int) -> str:
        policy = RulePolicy(("BTCUSDT",), MaCrossParameters(2, 4).rule)
        policy._last_bar = bars
        return policy.to_bytes().hex()

    assert state(3) != state(4)
