"""What stops entries stops those that already work, and never an exit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.fakes.engine_session import CALM, Scripted, Setting, engine

from tallystick.contracts.positions import Direction, PositionState
from tallystick.contracts.risk import CircuitState
from tallystick.execution.simulated_venue import VenueCosts
from tallystick.risk import kill_switch

BTC, BRIM = "BTCUSDT", "BRIMUSDT"
SLOW = VenueCosts(volume_share=2e-6)
WIDE = VenueCosts(volume_share=0.5)


class Kept:
    """A recorder that keeps every commit."""

    def __init__(self) -> None:
        self.commits: list[dict[str, Any]] = []
        self.intents: list[dict[str, Any]] = []

    def intend(self, cycle: int, body: dict[str, Any]) -> None:
        self.intents.append(body)

    def commit(self, cycle: int, body: dict[str, Any]) -> None:
        self.commits.append(body)


def made(lines: dict[Any, Any], costs: VenueCosts, cycles: int = 12):
    return engine(Setting(policies=lambda _panel: (Scripted(lines),), costs=costs, cycles=cycles)), Kept()


def bought(kept: Kept, since: int) -> int:
    return sum(item["kind"] == "fill" and item["side"] == "buy" for body in kept.commits if body["cycle"] >= since for item in body["updates"])


@pytest.mark.clause("D4.70", "D4.72")
@pytest.mark.parametrize("latch", ["kill", "breaker", "blocked"])
def test_decision_15_a_latch_ends_an_entry_that_already_works(latch: str) -> None:
    turns, kept = made({(1, BTC): ("ENTRY", Direction.LONG, 0.19)}, SLOW)
    for cycle in range(1, turns.cycles + 1):
        if cycle == 4 and latch == "kill":
            turns.latches.kill = kill_switch.latch_manual(turns.latches.kill, "by hand", 1)
        if cycle == 4 and latch == "breaker":
            turns.latches.breaker = replace(turns.latches.breaker, state=CircuitState.OPEN, reason="by hand", opened_ns=1)
        if cycle == 4 and latch == "blocked":
            turns.book.blocked[BTC] = "by hand"
        turns.run_cycle(cycle, kept)
    assert bought(kept, 2) > 0, "the entry was filling before"
    assert bought(kept, 5) == 0
    assert [body["cancels"] for body in kept.intents if body.get("cancels")] != [], "the cancel is durable before it leaves"
    assert turns.book.working == {}


@pytest.mark.parametrize("narrow", ["L_symbol_max", "L_max"])
def test_an_entry_that_works_ends_when_risk_wants_less_of_its_symbol(narrow: str) -> None:
    """A REDUCE waits for the entry to end, so an entry that went on filling would raise what risk wants lowered."""
    turns, kept = made({(1, BTC): ("ENTRY", Direction.LONG, 0.19)}, SLOW)
    for cycle in range(1, turns.cycles + 1):
        if cycle == 4:
            turns.limits = replace(turns.limits, testing=True, **{narrow: 1e-6})
        turns.run_cycle(cycle, kept)
    assert bought(kept, 2) > 0, "the entry was filling before"
    assert bought(kept, 5) == 0
    assert not any(order.action == "ENTRY" for order in turns.book.working.values())
    sold = any(order["side"] == "sell" for body in kept.commits for order in body["orders"])
    assert sold == (narrow == "L_symbol_max")


@pytest.mark.clause("D4.09")
def test_decision_13_a_failed_observation_stops_entries_and_lets_exits_pass() -> None:
    lines = {(1, BTC): ("ENTRY", Direction.LONG, 0.05), (6, BTC): ("EXIT", None, None), (7, BRIM): ("ENTRY", Direction.LONG, 0.05)}
    turns, kept = made(lines, WIDE)
    for cycle in range(1, turns.cycles + 1):
        if cycle == 4:
            turns.observation.advance_time(0)
        turns.run_cycle(cycle, kept)
    assert kept.commits[-1]["observation"]["status"] == "FAILED"
    assert turns.book.position(BTC).state is PositionState.FLAT
    refused = next(row for row in kept.commits[6]["decisions"] if row["symbol"] == BRIM)
    assert (refused["decision"], refused["reason"]) == ("BLOCKED", "blocked: observation has failed")


@pytest.mark.clause("D4.97", "D4.100")
def test_decision_16_a_difference_with_the_venue_blocks_entries_of_that_symbol_and_invents_nothing() -> None:
    lines = {(1, BTC): ("ENTRY", Direction.LONG, 0.05), (6, BTC): ("ENTRY", Direction.LONG, 0.15), (6, BRIM): ("ENTRY", Direction.LONG, 0.05)}
    turns, kept = made(lines, WIDE)
    for cycle in range(1, turns.cycles + 1):
        if cycle == 5:
            turns.venue.ledger.fill(BTC, 1_000, 100, 0)
        turns.run_cycle(cycle, kept)
    held = turns.book.position(BTC).quantity
    assert held != turns.venue.positions()[BTC].quantity
    refused = next(row for row in kept.commits[5]["decisions"] if row["symbol"] == BTC)
    assert refused["decision"] == "BLOCKED"
    assert "differs from the venue's" in refused["reason"]
    assert turns.book.position(BRIM).state is PositionState.OPEN


def test_a_price_that_jumps_inside_the_window_opens_the_breaker() -> None:
    turns, kept = made({}, WIDE, cycles=3)
    turns.limits = replace(CALM, breaker_price_move_frac=1e-9, breaker_price_window_s=3600.0)
    for cycle in range(1, turns.cycles + 1):
        turns.run_cycle(cycle, kept)
    assert turns.latches.breaker.state is CircuitState.OPEN
    assert "moved" in str(turns.latches.breaker.reason)
