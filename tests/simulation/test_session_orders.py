"""Orders inside whole sessions: what leaves, in which order, and what becomes of positions whose orders are cut short."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.fakes.engine_faults import CutJournal, ForgetfulVenue, RefusingVenue, Steps, cut_venue
from tests.fakes.engine_session import IDENTITY, SYMBOLS, THIN, Restless, Scripted, Setting, bodies, engine, generated, run, without_bars

from tallystick.contracts.positions import Direction, PositionState
from tallystick.contracts.venue_updates import parse_update
from tallystick.engine.cycle import STAGES
from tallystick.engine.session import run_session
from tallystick.execution.simulated_venue import VenueCosts

LONG, SHORT = Direction.LONG, Direction.SHORT
BTC, BRIM = "BTCUSDT", "BRIMUSDT"
WIDE = VenueCosts(volume_share=0.5)


def scripted(lines: dict[Any, Any], **more: Any) -> Setting:
    more.setdefault("costs", WIDE)
    more.setdefault("cycles", 12)
    return Setting(policies=lambda _panel: (Scripted(lines),), **more)


def decisions_of(commits: list[dict[str, Any]], symbol: str) -> list[dict[str, Any]]:
    return [row for body in commits for row in body["decisions"] if row["symbol"] == symbol]


def fills_of(commits: list[dict[str, Any]], symbol: str) -> list[tuple[str, Decimal]]:
    return [(item["side"], Decimal(item["quantity"])) for body in commits for item in body["updates"] if item["kind"] == "fill" and item["symbol"] == symbol]


@pytest.mark.clause("D4.106")
def test_nothing_leaves_before_its_intent_is_durable() -> None:
    journal = CutJournal()
    made = engine(Setting(venue=cut_venue(journal.steps)))
    run_session(made, journal, IDENTITY, lambda _done, _total: None)
    intended: set[str] = set()
    rows = iter(journal.rows())
    durable, sent = False, 0
    for step in journal.steps.log:
        moment, act, what = step.split(" ", 2)
        if act == "append" and moment == "after":
            row = next(rows)
            durable = row.kind == "intent"
            intended |= {order["order_id"] for body in bodies([row], "intent") for order in body["orders"]}
        elif moment == "before" and act in ("submit", "cancel"):
            assert durable, f"{step} with no intent in its cycle"
            assert act == "cancel" or what in intended
            sent += 1
    assert sent > 50
    assert any(" cancel " in step for step in journal.steps.log)


@pytest.mark.clause("D2.05", "D1.83")
def test_every_stage_is_entered_in_order_in_every_cycle() -> None:
    seen: list[str] = []
    run(Setting(cycles=9, on_stage=seen.append))
    assert seen == [*STAGES[1:], STAGES[0]] * 9


@pytest.mark.clause("D4.124")
def test_decision_18_exactly_one_action_per_symbol_per_cycle_over_a_session() -> None:
    _, rows = run(Setting(policies=lambda _panel: (Restless(1), Restless(2))))
    for body in bodies(rows):
        assert [row["symbol"] for row in body["decisions"]] == sorted(SYMBOLS)
        assert len({row["decision_id"] for row in body["decisions"]}) == len(SYMBOLS)
        assert Counter(order["symbol"] for order in body["orders"]).total() == len({order["symbol"] for order in body["orders"]})


@pytest.mark.clause("D4.144")
def test_decision_19_a_short_entry_opens_a_short_through_the_whole_engine() -> None:
    made, rows = run(scripted({(2, BTC): ("ENTRY", SHORT, -0.05), (2, BRIM): ("ENTRY", LONG, 0.05)}))
    assert made.book.position(BTC).direction is SHORT
    assert made.book.position(BTC).state is PositionState.OPEN
    assert made.book.position(BRIM).direction is LONG
    order = next(order for body in bodies(rows) for order in body["orders"] if order["symbol"] == BTC)
    assert order["side"] == "sell"
    assert not order["reduce_only"]


@pytest.mark.clause("D4.126")
def test_an_exit_while_entering_cancels_the_working_entry_first_and_closes_what_was_filled() -> None:
    lines = {(1, BRIM): ("ENTRY", LONG, 0.1), (3, BRIM): ("EXIT", None, None)}
    steps = Steps()
    made, rows = run(scripted(lines, costs=THIN, cycles=40, venue=cut_venue(steps)))
    entry, exit_ = (order for body in bodies(rows) for order in body["orders"])
    assert (entry["side"], exit_["side"], exit_["reduce_only"]) == ("buy", "sell", True)
    assert Decimal(exit_["quantity"]) < Decimal(entry["quantity"])
    before = [step for step in steps.log if step.startswith("before")]
    assert before == [f"before submit {entry['order_id']}", f"before cancel {entry['order_id']}", f"before submit {exit_['order_id']}"]
    bought = sum(quantity for side, quantity in fills_of(bodies(rows), BRIM) if side == "buy")
    assert bought == Decimal(exit_["quantity"])
    assert made.book.position(BRIM).state is PositionState.FLAT
    states = [row["stages"]["execution"] for row in decisions_of(bodies(rows), BRIM) if "execution" in row["stages"]]
    assert [(item["state_before"], item["state_after"], item["success"]) for item in states] == [("FLAT", "ENTERING", True), ("ENTERING", "CLOSING", True)]


@pytest.mark.clause("D4.126", "D4.103")
def test_an_exit_while_entering_with_nothing_filled_ends_flat_by_the_cancel_alone() -> None:
    panel = without_bars(generated().panel, BRIM, 1, 4)
    lines = {(1, BRIM): ("ENTRY", LONG, 0.1), (3, BRIM): ("EXIT", None, None)}
    made, rows = run(scripted(lines, panel=panel))
    commits = bodies(rows)
    assert [update["kind"] for body in commits for update in body["updates"]] == ["canceled"]
    assert made.book.position(BRIM).state is PositionState.FLAT
    result = decisions_of(commits, BRIM)[2]["stages"]["execution"]
    assert (result["success"], result["state_before"]) == (True, "ENTERING")
    assert [body["orders"] for body in bodies(rows, "intent")][1:] == [[]], "the cancel has its intent, without an order"


@pytest.mark.clause("D4.126")
def test_decision_20_an_exit_whose_order_ended_is_sent_again_until_the_position_is_flat() -> None:
    lines = {(1, BTC): ("ENTRY", LONG, 0.05), (4, BTC): ("EXIT", None, None)}
    made, rows = run(scripted(lines, venue=ForgetfulVenue))
    commits = bodies(rows)
    orders = [order for body in commits for order in body["orders"]]
    assert [order["side"] for order in orders] == ["buy", "sell", "sell"]
    assert orders[1]["quantity"] == orders[2]["quantity"]
    assert len({order["order_id"] for order in orders}) == 3, "the resend has a client id of its own"
    assert made.book.position(BTC).state is PositionState.FLAT
    row = decisions_of(commits, BTC)[4]
    assert (row["decision"], row["action"], row["stage"], row["order_id"]) == ("TRADE", "EXIT", "execution", orders[2]["order_id"])
    assert row["stages"]["execution"] | {"timestamp": 0} == {
        "success": True,
        "state_before": "CLOSING",
        "state_after": "CLOSING",
        "timestamp": 0,
        "error": None,
        "equity_before": commits[4]["account"]["equity"],
        "equity_after": commits[4]["account"]["equity"],
    }


def test_an_entry_whose_cancel_is_not_answered_is_closed_again_until_nothing_is_left() -> None:
    lines = {(1, BRIM): ("ENTRY", LONG, 0.02), (3, BRIM): ("EXIT", None, None)}
    made, rows = run(scripted(lines, costs=replace(THIN, volume_share=1e-4), cycles=60, venue=RefusingVenue))
    commits = bodies(rows)
    orders = [order for body in commits for order in body["orders"]]
    bought = sum(quantity for side, quantity in fills_of(commits, BRIM) if side == "buy")
    sold = sum(quantity for side, quantity in fills_of(commits, BRIM) if side == "sell")
    assert bought == sold == Decimal(orders[0]["quantity"])
    assert made.book.position(BRIM).state is PositionState.FLAT
    assert not made.book.working
    assert any(order["side"] == "sell" for order in orders[2:]), "what the entry went on to buy was sold by a resend"


@pytest.mark.clause("D4.103", "D4.104")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_intended_filled_and_held_adds_up_over_a_restless_session(seed: int) -> None:
    made, rows = run(Setting(policies=lambda _panel: (Restless(seed),)))
    commits = bodies(rows)
    states = {position for body in commits for row in body["decisions"] for position in (row["stages"].get("execution", {}).get("state_after"),)}
    assert {"ENTERING", "CLOSING", "REDUCING"} <= states
    ordered = {order["order_id"]: Decimal(order["quantity"]) for body in commits for order in body["orders"]}
    filled: Counter[str] = Counter()
    for body in commits:
        for item in body["updates"]:
            update = parse_update(item)
            if item["kind"] == "fill":
                filled[item["client_id"]] += update.quantity  # type: ignore[union-attr]
    assert set(filled) <= set(ordered), "no fill without an order of ours"
    assert all(filled[name] <= ordered[name] for name in filled)
    assert made.book.ledger.state() == made.venue.ledger.state()
    made.book.ledger.check()
    assert not made.book.blocked
    assert not made.controller.tracker.unexplained
    for body in commits:
        results = [row["stages"]["execution"] for row in body["decisions"] if "execution" in row["stages"]]
        assert body["stats"]["actions_executed"] == sum(result["success"] for result in results)
        assert body["stats"]["actions_executed"] == len(body["orders"]) + sum(
            result["success"] and row["order_id"] is None for row in body["decisions"] if (result := row["stages"].get("execution")) is not None
        )
        assert body["stats"]["actions_rejected"] == sum(not result["success"] for result in results)
