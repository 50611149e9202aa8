"""A session with the learner of horizons: every closed trade reaches the arm that opened it, and a cut session learns the same."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.fakes.engine_session import DECISION, IDENTITY, Setting, bodies, engine, exported, model_policy, run

from tallystick.apps.bridge.journal_reader import JournalDocuments
from tallystick.apps.bridge.server import create_bridge
from tallystick.decision.cils import CilsConfig
from tallystick.decision.config import DecisionConfig
from tallystick.engine.journal import MemoryJournal
from tallystick.engine.session import run_session
from tallystick.execution.simulated_venue import VenueCosts

LEARNING: DecisionConfig = replace(DECISION, cils=CilsConfig(full_after=3, blend=0.9))
SETTING = Setting(policies=lambda panel: (model_policy(panel, LEARNING),), cycles=150, decision=LEARNING, costs=VenueCosts())


def trades_of(commits: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Horizon → results in basis points of what was entered, read off the journal alone."""
    lots, entered, net, opener = defaultdict(Decimal), defaultdict(Decimal), defaultdict(Decimal), {}
    found: dict[str, list[float]] = defaultdict(list)
    for before, body in pairwise([{"decisions": [], "orders": []}, *commits]):
        sent = {order["decision_id"] for order in before["orders"]}
        for row in before["decisions"]:
            if row["decision_id"] in sent and row["action"] == "ENTRY" and not lots[row["symbol"]]:
                opener[row["symbol"]] = row["horizon"]
        for fill in body["updates"]:
            if fill["kind"] == "funding":
                net[fill["symbol"]] -= Decimal(fill["payment"])
            if fill["kind"] != "fill":
                continue
            symbol, signed = fill["symbol"], Decimal(fill["quantity"]) * (1 if fill["side"] == "buy" else -1)
            value = signed * Decimal(fill["price"])
            entered[symbol] += abs(value) if abs(lots[symbol] + signed) > abs(lots[symbol]) else 0
            lots[symbol], net[symbol] = lots[symbol] + signed, net[symbol] - value - Decimal(fill["fee"])
            if not lots[symbol]:
                found[opener[symbol]].append(float(net.pop(symbol) / entered.pop(symbol)) * 1e4)
    return found


@pytest.mark.clause("D2.31", "D2.32", "D2.56")
def test_every_closed_trade_is_a_pull_of_the_horizon_that_opened_it() -> None:
    made, rows = run(SETTING)
    commits = bodies(rows)
    expected = {horizon: rewards for horizon, rewards in trades_of(commits).items() if rewards}
    stats = commits[-1]["cils"]
    assert {arm["horizon"]: arm["pulls"] for arm in stats["arms"] if arm["pulls"]} == {horizon: len(rewards) for horizon, rewards in expected.items()}
    assert stats["total_pulls"] >= 5
    for arm in stats["arms"]:
        assert arm["rewards"] == pytest.approx(sum(expected.get(arm["horizon"], [])), abs=1e-6)
    assert made.get_cils_stats() is not None
    assert len({str(body["cils"]["arms"]) for body in commits}) > 3


@pytest.mark.clause("D2.27", "D2.33")
def test_the_bridge_shows_what_the_last_cycle_learned() -> None:
    journal = MemoryJournal()
    _, rows = run(SETTING, journal)
    documents = JournalDocuments(journal, now_ns=lambda: 10**18, is_running=lambda: False)
    with TestClient(create_bridge(documents), base_url="http://127.0.0.1") as client:
        assert client.get("/api/cils/stats").json() == bodies(rows)[-1]["cils"]


def test_a_session_that_was_cut_learns_as_one_that_was_not() -> None:
    _, whole = run(SETTING)
    journal = MemoryJournal()
    run_session(engine(replace(SETTING, cycles=70)), journal, IDENTITY, lambda _done, _total: None)
    kept = MemoryJournal()
    kept.append([row for row in journal.rows() if row.kind != "end"])
    made = engine(SETTING)
    run_session(made, kept, IDENTITY, lambda _done, _total: None)
    assert exported([row for row in kept.rows() if row.kind == "commit"]) == exported(whole)


def test_without_a_learner_a_commit_says_nothing_of_one() -> None:
    _, rows = run(replace(SETTING, policies=lambda panel: (model_policy(panel, DECISION),), cycles=20))
    assert all("cils" not in body for body in bodies(rows))
