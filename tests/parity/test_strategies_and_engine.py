"""Every rule strategy over history and bar by bar through the whole engine: the same fills, to the integer, where both say the same thing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from tests.fakes.engine_session import CALM, CASH, SESSION_BAR, Setting, bodies, generated, run

from tallystick.analysis.features import compute_history
from tallystick.contracts.quote_money import amount_of, micro_of
from tallystick.contracts.time import iso_from_ns
from tallystick.contracts.venue_updates import VenueFill, parse_update
from tallystick.decision.config import DecisionConfig
from tallystick.decision.policies.buy_and_hold import BuyAndHoldParameters
from tallystick.decision.policies.cross_sectional_momentum import CrossSectionalMomentumParameters
from tallystick.decision.policies.ma_cross import MaCrossParameters
from tallystick.decision.policies.mean_reversion import MeanReversionParameters
from tallystick.decision.policies.rule_policy import Rule, RulePolicy, target_weights
from tallystick.decision.policies.time_series_momentum import TimeSeriesMomentumParameters
from tallystick.execution.simulated_venue import VenueCosts
from tallystick.kernels.simulation_books import BAR, FEE, LOTS, PRICE, SIDE, SYMBOL
from tallystick.research.simulation import FillTerms, Simulation, simulate_targets, slippage_rows

CYCLES = 80
PLAIN = DecisionConfig(barrier_gamma=0.0, barrier_delta=0.0, max_spread_bps=1e4, gross_target=1.0)
COSTS = VenueCosts(taker_fee_e8=50_000, spread_e8=20_000, slippage_e8=20_000, funding_rate_e8=0, volume_share=1.0, leverage_e4=10_000)
LIMITS = replace(CALM, stop_loss_pct=0.0, take_profit_pct=0.0)
RULES: dict[str, Rule] = {
    "buy_and_hold": BuyAndHoldParameters().rule,
    "ma_cross": MaCrossParameters(3, 8).rule,
    "ma_cross both ways": MaCrossParameters(3, 8, shorts=True).rule,
    "time_series_momentum": TimeSeriesMomentumParameters(6, 0.004).rule,
    "time_series_momentum both ways": TimeSeriesMomentumParameters(6, 0.004, shorts=True).rule,
    "cross_sectional_momentum": CrossSectionalMomentumParameters(6, 0.26, 0.2).rule,
    "cross_sectional_momentum both ways": CrossSectionalMomentumParameters(6, 0.26, 0.2, shorts=True).rule,
    "mean_reversion": MeanReversionParameters(12, 1.2, 0.2).rule,
    "mean_reversion both ways": MeanReversionParameters(12, 1.2, 0.2, shorts=True).rule,
}


def researched(rule: Rule) -> tuple[Simulation, list[Any]]:
    market = generated()
    rows = {row.venue_symbol: row for row in market.instruments}
    period = market.panel.between(int(market.panel.open_times_ns[SESSION_BAR]), int(market.panel.open_times_ns[SESSION_BAR + CYCLES]))
    # The engine has seen the bar before its first: a cross there is heard, so research begins one bar earlier, with nothing decided on that bar.
    history = compute_history(market.panel, rule.features)[:, :, SESSION_BAR - 1 : SESSION_BAR + CYCLES]
    first = np.full_like(history[:, :, :1], np.nan) if rule.name != "ma_cross" else history[:, :, :1]
    weights = target_weights(rule, np.concatenate([first, history[:, :, 1:]], axis=2))[:, 1:]
    ordered = tuple(rows[symbol] for symbol in period.symbols)
    terms = FillTerms(fee_e8=50_000, spread_e8=20_000, leverage_e4=10_000, cash_micro=micro_of(CASH))
    found = simulate_targets(period, ordered, weights, slippage_rows("fixed", 2.0, 0.0, None, weights.shape), terms)
    fills = []
    for fill in found.fills.tolist():
        row = ordered[fill[SYMBOL]]
        when = iso_from_ns(int(period.open_times_ns[fill[BAR]]))
        fills.append((when, row.venue_symbol, int(fill[SIDE]), row.quantity_of(fill[LOTS]), row.price_of(fill[PRICE]), amount_of(fill[FEE])))
    return found, sorted(fills)


@pytest.mark.parametrize("name", RULES)
def test_history_and_the_engine_trade_the_same_integers(name: str) -> None:
    rule = RULES[name]
    simulation, wanted = researched(rule)
    setting = Setting(policies=lambda panel: (RulePolicy(panel.symbols, rule),), cycles=CYCLES, costs=COSTS, limits=LIMITS, decision=PLAIN)
    commits = bodies(run(setting)[1])
    updates = [parse_update(item) for body in commits for item in body["updates"]]
    assert all(isinstance(item, VenueFill) for item in updates)
    found = [
        (iso_from_ns(item.timestamp_ns), item.symbol, item.side.sign, item.quantity, item.price, item.fee) for item in updates if isinstance(item, VenueFill)
    ]
    assert sorted(found) == wanted
    assert len(wanted) >= (4 if name == "buy_and_hold" else 12)
    assert ("both ways" in name) == bool((simulation.curve[:, 0] - simulation.curve[:, 1] < simulation.curve[:, 2]).any())
    assert [micro_of(Decimal(body["account"]["equity"])) for body in commits] == simulation.curve[:, 0].tolist()
