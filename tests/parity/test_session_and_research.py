"""The classical baseline through research's simulation and through the whole engine on paper, on the same bars.

Where both say the same thing they must say it in the same integers: fills, prices, fees, and equity at every close. Where the engine knows more,
the difference is named: gates and the no-trade band may take size off or hold an entry back, risk may close, a thin bar may fill in parts,
and a symbol that is still entering hears no second signal.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from tests.fakes.engine_session import CALM, CASH, SESSION_BAR, Setting, bodies, generated, rsi_policy, run

from tallystick.analysis.features import compute_history
from tallystick.contracts.quote_money import amount_of, micro_of
from tallystick.contracts.time import iso_from_ns
from tallystick.contracts.venue_updates import VenueFill, parse_update
from tallystick.decision.config import DecisionConfig
from tallystick.decision.policies.rsi_ma_cross import RsiMaCrossParameters, target_weights
from tallystick.execution.simulated_venue import VenueCosts
from tallystick.kernels.simulation_books import BAR, FEE, LOTS, PRICE, SIDE, SYMBOL
from tallystick.research.simulation import FillTerms, Simulation, simulate_targets, slippage_rows

CYCLES = 86
WEIGHT = 0.05
# No gate takes size off, and no stop closes: what is left is the policy alone.
PLAIN = DecisionConfig(barrier_gamma=0.0, barrier_delta=0.0, max_spread_bps=1e4, gross_target=1.0)
COSTS = VenueCosts(taker_fee_e8=50_000, spread_e8=20_000, slippage_e8=20_000, funding_rate_e8=0, volume_share=1.0, leverage_e4=10_000)
LIMITS = replace(CALM, stop_loss_pct=0.0, take_profit_pct=0.0)
Row = tuple[str, str, int, Decimal, Decimal, Decimal]


def researched(seed: int, rule: RsiMaCrossParameters) -> tuple[Simulation, list[Row]]:
    """Research on the bars of the session and the one before, where no cross can be seen yet; fills as (time, symbol, side, quantity, price, fee)."""
    market = generated(seed)
    rows = {row.venue_symbol: row for row in market.instruments}
    period = market.panel.between(int(market.panel.open_times_ns[SESSION_BAR - 1]), int(market.panel.open_times_ns[SESSION_BAR + CYCLES]))
    history = compute_history(market.panel, rule.feature_names)[:, :, SESSION_BAR - 1 : SESSION_BAR + CYCLES]
    weights = target_weights(np.ascontiguousarray(history[:, 0]), np.ascontiguousarray(history[:, 1]), rule)
    terms = FillTerms(fee_e8=50_000, spread_e8=20_000, leverage_e4=10_000, cash_micro=micro_of(CASH))
    ordered = tuple(rows[symbol] for symbol in period.symbols)
    found = simulate_targets(period, ordered, weights, slippage_rows("fixed", 2.0, 0.0, None, weights.shape), terms)
    fills = []
    for fill in found.fills.tolist():
        row = ordered[fill[SYMBOL]]
        when = iso_from_ns(int(period.open_times_ns[fill[BAR]]))
        fills.append((when, row.venue_symbol, int(fill[SIDE]), row.quantity_of(fill[LOTS]), row.price_of(fill[PRICE]), amount_of(fill[FEE])))
    return found, sorted(fills)


def traded(commits: list[dict[str, Any]]) -> list[Row]:
    """The fills of a session in the same form."""
    updates = [parse_update(item) for body in commits for item in body["updates"]]
    assert all(isinstance(update, VenueFill) for update in updates)
    return sorted(
        (iso_from_ns(item.timestamp_ns), item.symbol, item.side.sign, item.quantity, item.price, item.fee) for item in updates if isinstance(item, VenueFill)
    )


def session(seed: int, rule: RsiMaCrossParameters, decision: DecisionConfig = PLAIN) -> list[dict[str, Any]]:
    parameters = {name: getattr(rule, name) for name in ("max_entry_rsi", "exit_rsi", "cooldown_bars", "weight")}
    setting = Setting(policies=lambda panel: (rsi_policy(panel, **parameters),), cycles=CYCLES, seed=seed, costs=COSTS, limits=LIMITS, decision=decision)
    return bodies(run(setting)[1])


@pytest.mark.parametrize("seed", [7, 8, 9])
@pytest.mark.parametrize("cooldown", [0, 3])
def test_the_baseline_trades_the_same_integers_in_research_and_on_paper(seed: int, cooldown: int) -> None:
    rule = RsiMaCrossParameters(max_entry_rsi=70.0, cooldown_bars=cooldown, weight=WEIGHT)
    simulation, wanted = researched(seed, rule)
    commits = session(seed, rule)
    assert traded(commits) == wanted
    assert len(wanted) > 15
    equities = [micro_of(Decimal(body["account"]["equity"])) for body in commits]
    assert equities == simulation.curve[1:, 0].tolist()


def test_gates_take_size_off_and_change_no_time_side_or_price() -> None:
    rule = RsiMaCrossParameters(max_entry_rsi=70.0, weight=WEIGHT)
    _, wanted = researched(7, rule)
    found = traded(session(7, rule, replace(PLAIN, barrier_gamma=1.0, barrier_delta=0.5)))
    assert [(row[:3], row[4]) for row in found] == [(row[:3], row[4]) for row in wanted]
    assert all(ours[3] < theirs[3] and ours[5] < theirs[5] for ours, theirs in zip(found, wanted, strict=True))


def test_a_stop_of_risk_closes_earlier_than_research_which_has_none() -> None:
    rule = RsiMaCrossParameters(max_entry_rsi=70.0, weight=WEIGHT)
    _, wanted = researched(8, rule)
    setting = Setting(
        policies=lambda panel: (rsi_policy(panel, max_entry_rsi=70.0),),
        cycles=CYCLES,
        seed=8,
        costs=COSTS,
        limits=replace(LIMITS, stop_loss_pct=0.01),
        decision=PLAIN,
    )
    commits = bodies(run(setting)[1])
    stopped = [row for body in commits for row in body["decisions"] if row["strategy_id"] == "risk.stop_loss"]
    assert stopped
    assert all(row["action"] == "EXIT" and row["decision"] == "TRADE" for row in stopped)
    assert traded(commits) != wanted
