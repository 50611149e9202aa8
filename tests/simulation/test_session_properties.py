"""Whole sessions over random markets, costs, limits and venues: whatever happens, the books agree and every row is what its contract says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.engine_faults import ForgetfulVenue, RefusingVenue
from tests.fakes.engine_session import CALM, CASH, DECISION, SYMBOLS, Restless, Setting, bodies, crash, generated, model_policy, rsi_policy, run, without_bars

from tallystick.contracts.checking import check, parse_bytes
from tallystick.contracts.registry import contract
from tallystick.contracts.risk import RiskConfig
from tallystick.execution.simulated_venue import SimulatedVenue, VenueCosts
from tallystick.monitoring.performance import performance_snapshot
from tallystick.monitoring.trade_journal import TradeJournal

DARING = replace(DECISION, position_cap=1.0, gross_target=5.0, max_spread_bps=1e4)
LOOSE = RiskConfig.for_testing(
    time_stop_s=0.0, max_position_frac=9.0, max_gross_exposure=9.0, risk_fraction=1.0, min_free_margin=0.0, max_drawdown_limit_pct=1000.0
)


@st.composite
def setting(draw: st.DrawFn) -> Setting:
    seed, panel = draw(st.integers(0, 10_000)), generated().panel
    for symbol in SYMBOLS:
        hole = draw(st.integers(-50, 50))
        if hole >= 0:
            panel = without_bars(panel, symbol, hole, hole + draw(st.integers(1, 8)))
        factor = draw(st.sampled_from((None, None, None, 0.3, 0.7, 1.2, 2.4)))
        if factor is not None:
            panel = crash(panel, symbol, draw(st.integers(2, 55)), factor)
    costs = VenueCosts(
        volume_share=draw(st.sampled_from((1e-6, 2e-5, 2e-4, 0.1))),
        leverage_e4=draw(st.sampled_from((10_000, 80_000))),
        funding_rate_e8=draw(st.sampled_from((0, 10_000, -50_000))),
    )
    decision = draw(st.sampled_from((DECISION, DARING)))
    return Setting(
        policies=lambda whole: (Restless(seed), model_policy(whole, decision), rsi_policy(whole)),
        panel=panel,
        costs=costs,
        limits=draw(st.sampled_from((CALM, RiskConfig(), RiskConfig(time_stop_s=7200.0), LOOSE))),
        decision=decision,
        venue=draw(st.sampled_from((SimulatedVenue, ForgetfulVenue, RefusingVenue))),
    )


@pytest.mark.clause("D4.103", "D4.124", "D4.125", "D4.126")
@settings(max_examples=15, deadline=None, derandomize=True)
@given(setting())
def test_books_agree_with_the_venue_and_rows_with_their_contracts(made_of: Setting) -> None:
    made, rows = run(made_of)
    assert made.book.ledger.state() == made.venue.ledger.state()
    made.book.ledger.check()
    commits = bodies(rows)
    assert len(commits) == made_of.cycles
    for row in rows:
        if row.kind in ("commit", "intent"):
            item = contract(f"engine.cycle_{row.kind}")
            check(item, parse_bytes(item, row.body))
    orders = Counter(order["order_id"] for body in commits for order in body["orders"])
    assert all(count == 1 for count in orders.values())
    for body in commits:
        assert [row["symbol"] for row in body["decisions"]] == sorted(SYMBOLS)
        assert body["stats"]["actions_executed"] + body["stats"]["actions_rejected"] <= len(SYMBOLS)


@pytest.mark.clause("D4.127")
@pytest.mark.parametrize("seed", [1, 2])
def test_the_trade_journal_counts_the_trades_of_a_session_as_the_circuit_breaker_did(seed: int) -> None:
    made, rows = run(Setting(policies=lambda _panel: (Restless(seed),), costs=VenueCosts(volume_share=1e-3)))
    journal = TradeJournal()
    for body in bodies(rows):
        for update in body["updates"]:
            journal.apply(update, "restless")
    assert len(journal.closed) == made.latches.breaker.trades > 20
    assert sum(record.net_pnl for record in journal.closed) == pytest.approx(float(made.latches.breaker.session_pnl), abs=1e-6)
    assert Counter(record.symbol for record in journal.open) == Counter(made.book.ledger.holdings.keys())
    last_ns = int(generated().panel.open_times_ns[-1])
    snapshot = performance_snapshot(journal.records(), float(CASH), last_ns)
    assert snapshot.total_trades == len(journal.closed)
    assert snapshot.win_rate == pytest.approx(sum(record.net_pnl > 0 for record in journal.closed) / len(journal.closed))
    realised = made.book.ledger.cash() - CASH
    open_costs = sum(Decimal(repr(record.net_pnl)) for record in journal.open)
    assert float(realised) == pytest.approx(float(made.latches.breaker.session_pnl + open_costs), abs=1e-6)
