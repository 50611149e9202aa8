from __future__ import annotations

import copy
from functools import cache

import pytest
from tests.fakes.engine_session import DECISION, Setting, bodies, engine, model_policy, run

from tallystick.contracts.session import CycleCommit, JournalRow
from tallystick.engine import replay
from tallystick.engine.journal import Chain, MemoryJournal
from tallystick.engine.replay import compare_commits, compare_sessions
from tallystick.engine.session import rerun

SETTING = Setting(policies=lambda panel: (model_policy(panel, DECISION),), cycles=15)
STAGES = {
    "now": "clock",
    "bar_open": "clock",
    "inputs_sha256": "bars",
    "features_sha256": "features",
    "observation": "observation",
    "updates": "execution",
    "orders": "risk",
    "refused": "risk",
    "account": "ledger",
    "positions": "ledger",
    "risk": "risk status",
    "stats": "counts",
    "cils": "learning",
    "state_sha256": "state",
}


@cache
def recorded() -> tuple[JournalRow, ...]:
    return tuple(run(SETTING)[1])


def commit() -> dict:
    """A commit with an order."""
    return copy.deepcopy(next(body for body in bodies(list(recorded())) if body["orders"]))


def test_every_field_of_a_commit_is_compared():
    compared = {field for field, _ in replay._STAGES}
    assert compared == set(CycleCommit.model_fields) - {"cycle"}
    assert set(STAGES) | {"decisions"} == compared


@pytest.mark.parametrize("field", sorted(STAGES))
def test_a_difference_names_its_cycle_and_stage(field):
    one, two = commit(), commit()
    two[field] = "something else"
    (found,) = compare_commits(one, two)
    assert (found.cycle, found.symbol, found.stage, found.recomputed) == (one["cycle"], None, STAGES[field], "something else")
    assert not list(compare_commits(one, copy.deepcopy(one)))


def test_differences_come_in_the_order_of_the_stages_and_long_values_are_cut():
    one, two = commit(), commit()
    two |= {"state_sha256": "0" * 64, "inputs_sha256": "x" * 1000}
    found = list(compare_commits(one, two))
    assert [item.stage for item in found] == ["bars", "state"]
    assert len(found[0].recomputed) == 201
    assert found[1].as_document() == {"cycle": one["cycle"], "symbol": None, "stage": "state", "recorded": one["state_sha256"], "recomputed": "0" * 64}


@pytest.mark.parametrize(
    ("change", "stage", "shown"),
    [
        ({"stages": {"model_alpha": {"alphas": {"60m": 1.0}}}}, "prediction", "stages"),
        ({"alpha": 0.5, "stages": {}}, "prediction", "alpha"),
        ({"target_weight": 0.7}, None, "target_weight"),
        ({"order_id": "f" * 32}, None, "order_id"),
    ],
)
def test_a_decision_that_differs_names_symbol_stage_and_the_first_field(change, stage, shown):
    one, two = commit(), commit()
    row = two["decisions"][1]
    row |= change
    (found,) = compare_commits(one, two)
    assert found.symbol == row["symbol"]
    assert found.stage == (stage or one["decisions"][1]["stage"])
    assert list(found.recorded) == [shown]


def test_a_difference_only_in_what_became_of_an_action_is_execution():
    one, two = commit(), commit()
    row = next(row for row in two["decisions"] if row["order_id"])
    row["stages"]["execution"]["success"] = False
    (found,) = compare_commits(one, two)
    assert (found.symbol, found.stage) == (row["symbol"], "execution")


def test_a_symbol_that_only_one_side_decided_is_a_difference():
    one, two = commit(), commit()
    gone = two["decisions"].pop()
    (found,) = compare_commits(one, two)
    assert (found.symbol, found.stage, found.recorded, found.recomputed) == (gone["symbol"], "decision", gone["decision"], None)


def test_a_session_made_again_has_no_difference_and_a_changed_cycle_is_found():
    report = compare_sessions(recorded(), rerun(engine(SETTING), SETTING.cycles, lambda _done, _total: None))
    assert (report.cycles, report.decisions, report.differences) == (15, 60, ())
    changed = MemoryJournal()
    chain = Chain(changed)
    for body in bodies(list(recorded())):
        if body["cycle"] == 7:
            body["decisions"][0]["alpha"] = 0.25
        if body["cycle"] != 9:
            chain.append([("commit", body["cycle"], body)])
    report = compare_sessions(changed.rows(), rerun(engine(SETTING), SETTING.cycles, lambda _done, _total: None))
    assert [(item.cycle, item.stage, item.recorded) for item in report.differences if item.cycle != 7] == [(9, "cycle", "absent")]
    assert any(item.cycle == 7 and item.symbol == "AVOUSDT" for item in report.differences)


def test_a_rerun_stops_where_the_recorded_session_stopped():
    rows = list(rerun(engine(SETTING), 4, lambda _done, _total: None))
    assert [row.cycle for row in rows if row.kind == "commit"] == [1, 2, 3, 4]
