"""What a market and its losses do to a session: missing bars, a delisting, a liquidation, the kill switch, the circuit breaker."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.fakes.engine_session import CALM, SESSION_BAR, SYMBOLS, Restless, Scripted, Setting, bodies, crash, generated, rsi_policy, run, without_bars

from tallystick.contracts.positions import Direction, PositionState
from tallystick.contracts.risk import CircuitState
from tallystick.execution.simulated_venue import VenueCosts

LONG, SHORT = Direction.LONG, Direction.SHORT
BTC, BRIM, CEDR = "BTCUSDT", "BRIMUSDT", "CEDRUSDT"
WIDE = VenueCosts(volume_share=0.5)


def scripted(lines: dict[Any, Any], **more: Any) -> Setting:
    return Setting(policies=lambda _panel: (Scripted(lines),), **{"costs": WIDE, "cycles": 12, **more})


def decision(body: dict[str, Any], symbol: str) -> dict[str, Any]:
    return next(row for row in body["decisions"] if row["symbol"] == symbol)


@pytest.mark.clause("D4.140")
def test_a_symbol_without_bars_trades_nothing_and_stops_no_other() -> None:
    panel = without_bars(generated().panel, BRIM, 3, 7)
    lines = {(cycle, symbol): ("ENTRY", LONG, 0.04) for cycle in (4, 5) for symbol in (BTC, BRIM)}
    made, rows = run(scripted(lines, panel=panel))
    commits = bodies(rows)
    for cycle in (4, 5):
        row = decision(commits[cycle - 1], BRIM)
        assert (row["decision"], row["stage"], row["reason"]) == ("BLOCKED", "gating", "no spread_bps")
    assert made.book.position(BTC).state is PositionState.OPEN
    assert made.book.position(BRIM).state is PositionState.FLAT


def test_an_order_waits_for_the_next_bar_of_its_symbol_and_fills_there() -> None:
    panel = without_bars(generated().panel, BRIM, 3, 7)
    lines = {(3, BRIM): ("ENTRY", LONG, 0.04), (8, BRIM): ("EXIT", None, None)}
    made, rows = run(scripted(lines, panel=panel))
    fills = [(body["cycle"], item["side"]) for body in bodies(rows) for item in body["updates"] if item["kind"] == "fill"]
    assert fills == [(8, "buy"), (9, "sell")]
    assert made.book.position(BRIM).state is PositionState.FLAT


@pytest.mark.clause("D4.140")
def test_a_delisted_symbol_keeps_its_last_mark_and_its_exit_waits_while_the_session_goes_on() -> None:
    panel = without_bars(generated().panel, BRIM, 6)
    lines = {(1, BRIM): ("ENTRY", LONG, 0.05), (8, BRIM): ("EXIT", None, None), (9, BTC): ("ENTRY", SHORT, -0.05)}
    made, rows = run(scripted(lines, panel=panel, cycles=20))
    commits = bodies(rows)
    held = made.book.position(BRIM)
    assert (held.state, held.quantity > 0) == (PositionState.CLOSING, True), "nothing is invented: the venue never filled the exit"
    assert len([order for body in commits for order in body["orders"] if order["symbol"] == BRIM]) == 2, "the exit works, so it is not sent again"
    assert made.book.position(BTC).state is PositionState.OPEN
    shown = [next(row["current_price"] for row in body["positions"]["positions"] if row["symbol"] == BRIM) for body in commits[5:]]
    assert len(set(shown)) == 1


@pytest.mark.parametrize("seed", [4, 5])
def test_sessions_with_holes_in_every_symbol_recover_their_books(seed: int) -> None:
    panel = generated().panel
    for place, symbol in enumerate(SYMBOLS):
        panel = without_bars(panel, symbol, 5 * place + seed, 5 * place + seed + 4)
    setting = Setting(panel=panel, policies=lambda whole: (Restless(seed), rsi_policy(whole, max_entry_rsi=100.0)))
    made, rows = run(setting)
    again, same = run(setting)
    assert rows == same
    assert made.book.ledger.state() == made.venue.ledger.state()
    assert made.state() == again.state()


@pytest.mark.clause("D4.126")
def test_a_liquidation_by_the_venue_is_taken_over_and_entries_in_that_symbol_wait() -> None:
    # A short of the whole equity, then a price that doubles overnight, so that a little less than the maintenance margin is left at the high.
    loose = {"max_position_frac": 2.0, "max_gross_exposure": 2.0, "risk_fraction": 1.0, "min_free_margin": 0.0, "stop_loss_pct": 0.0, "take_profit_pct": 0.0}
    panel = generated().panel
    row, entry, jump = panel.symbols.index(BRIM), SESSION_BAR + 1, SESSION_BAR + 4
    factor = 2.007 * panel.open[row, entry] / panel.high[row, jump]
    lines = {(1, BRIM): ("ENTRY", SHORT, -0.99)} | {(8, symbol): ("ENTRY", LONG, 0.15) for symbol in (BRIM, CEDR)}
    setting = scripted(
        lines,
        panel=crash(panel, BRIM, 4, float(factor)),
        limits=replace(CALM, **loose),
        decision=replace(Setting().decision, position_cap=1.0, gross_target=2.0, barrier_gamma=0.0, barrier_delta=0.0, max_spread_bps=1e4),
        costs=VenueCosts(volume_share=1.0, taker_fee_e8=0, spread_e8=0, slippage_e8=0, funding_rate_e8=0, liquidation_fee_e8=0),
    )
    made, rows = run(setting)
    commits = bodies(rows)
    taken_away = [(body["cycle"], item["symbol"], item["cause"]) for body in commits for item in body["updates"] if item["kind"] == "liquidation"]
    assert taken_away == [(5, BRIM, "LIQUIDATION")]
    assert 0 < Decimal(commits[4]["account"]["equity"]) < 2000
    assert made.book.position(BRIM).state is PositionState.FLAT
    assert "liquidation" in made.book.blocked[BRIM]
    assert [(body["cycle"], row["symbol"], row["violated_invariant"]) for body in commits for row in body["refused"]] == [(8, BRIM, "BLOCKED")]
    assert made.book.position(CEDR).state is PositionState.OPEN, "another symbol trades on"
    assert made.book.ledger.state() == made.venue.ledger.state()
    assert made.latches.breaker.trades == 1


def losing(limits: Any) -> tuple[Any, list[dict[str, Any]]]:
    """A long that loses a tenth overnight, with an entry and an exit wanted afterwards."""
    panel = crash(generated().panel, BTC, 4, 0.9)
    lines = {(1, BTC): ("ENTRY", LONG, 0.2), (1, CEDR): ("ENTRY", LONG, 0.05), (6, BTC): ("EXIT", None, None)}
    lines |= {(cycle, BRIM): ("ENTRY", LONG, 0.05) for cycle in (8, 9)} | {(9, CEDR): ("EXIT", None, None)}
    made, rows = run(scripted(lines, panel=panel, limits=replace(limits, risk_fraction=1.0, stop_loss_pct=0.0, take_profit_pct=0.0)))
    return made, bodies(rows)


def assert_entries_blocked_and_exits_passed(made: Any, commits: list[dict[str, Any]], word: str) -> None:
    assert made.book.position(BTC).state is PositionState.FLAT, "the exit passed"
    assert made.book.position(CEDR).state is PositionState.FLAT, "the exit passed"
    assert made.book.position(BRIM).state is PositionState.FLAT
    for cycle in (8, 9):
        row = decision(commits[cycle - 1], BRIM)
        assert row["decision"] == "BLOCKED"
        assert word in row["reason"]
        assert not commits[cycle - 1]["risk"]["trading_allowed"]


@pytest.mark.clause("D4.105")
def test_decision_14_a_latched_kill_blocks_entries_and_lets_exits_pass() -> None:
    made, commits = losing(replace(CALM, daily_loss_limit_pct=1.0))
    assert commits[-1]["risk"]["kill_switch_active"]
    assert_entries_blocked_and_exits_passed(made, commits, "kill switch")


@pytest.mark.clause("D4.105")
def test_decision_15_an_open_breaker_blocks_entries_and_lets_exits_pass() -> None:
    made, commits = losing(replace(CALM, breaker_single_loss_frac=0.01))
    assert made.latches.breaker.state is CircuitState.OPEN
    assert made.latches.breaker.trades == 2
    assert_entries_blocked_and_exits_passed(made, commits, "circuit breaker")


def test_a_trade_counts_once_for_the_breaker_however_many_fills_close_it() -> None:
    lines = {(1, BRIM): ("ENTRY", LONG, 0.05), (10, BRIM): ("REDUCE", None, None), (20, BRIM): ("EXIT", None, None)}
    made, rows = run(scripted(lines, costs=VenueCosts(volume_share=2e-4), cycles=60))
    fills = [item for body in bodies(rows) for item in body["updates"] if item["kind"] == "fill"]
    assert sum(item["side"] == "sell" for item in fills) > 3
    assert made.book.position(BRIM).state is PositionState.FLAT
    breaker, ledger = made.latches.breaker, made.book.ledger
    assert breaker.trades == 1
    assert breaker.session_pnl == ledger.cash() - Decimal(100_000), "net of fees and funding"


def test_the_time_stop_closes_what_is_held_too_long() -> None:
    made, rows = run(scripted({(1, BTC): ("ENTRY", LONG, 0.05)}, limits=replace(CALM, time_stop_s=3 * 3600.0)))
    exits = [(body["cycle"], row["reason"]) for body in bodies(rows) for row in body["decisions"] if row["action"] == "EXIT"]
    assert [cycle for cycle, _ in exits] == [4], "three bars after the open at which the entry filled"
    assert "limit 10800 s" in exits[0][1]
    assert made.book.position(BTC).state is PositionState.FLAT
