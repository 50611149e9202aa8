"""The compiled fill model against a slow one in plain Python and Fractions: equal in every integer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.fakes.fill_oracle import Oracle, Outcome
from tests.fakes.research_market import instruments_of, random_weights, walk_panel

from tallystick.contracts.instruments import Instrument, SignificantFiguresRule
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import NO_TICKS, ticks_of_prices
from tallystick.research.simulation import FillTerms, Simulation, simulate_targets, slippage_rows

CASES: list[dict[str, Any]] = [
    {"seed": 1},
    {"seed": 2, "gaps": 0.15},
    {"seed": 3, "leverage": 3.0, "most": 0.9},
    {"seed": 4, "shorts": False, "most": 1.0, "change": 0.3},
    {"seed": 5, "symbols": 4, "cash": 300.0, "change": 0.3},
    {"seed": 6, "figures": True, "symbols": 3, "spread_e8": 150_000},
    {"seed": 7, "fee_e8": -10_000, "slippage": "atr", "change": 0.4},
]


def ticks(rows: tuple[Instrument, ...], prices: np.ndarray) -> list[list[int | None]]:
    return [[None if item == NO_TICKS else int(item) for item in ticks_of_prices(row, line)] for row, line in zip(rows, prices, strict=True)]


def whole_weights(weights: np.ndarray) -> list[list[int | None]]:
    return [[None if np.isnan(item) else round(item * 10**8) for item in row] for row in weights.tolist()]


def both_ways(case: dict[str, Any]) -> tuple[Simulation, Outcome]:
    seed = case["seed"]
    panel = walk_panel(case.get("symbols", 2), 160, seed=seed, gaps=case.get("gaps", 0.0))
    rows = instruments_of(panel)
    if case.get("figures"):
        rows = tuple(row.model_copy(update={"price_rule": SignificantFiguresRule(kind="significant_figures", figures=5, max_decimals=6)}) for row in rows)
    weights = random_weights(panel, seed=seed, most=case.get("most", 0.4), change=case.get("change", 0.1), shorts=case.get("shorts", True))
    atr = np.abs(np.random.default_rng(seed).standard_normal(weights.shape)) / 50
    atr[:, :14] = np.nan
    slippage = slippage_rows(case.get("slippage", "fixed"), 8.0, 0.05, atr, weights.shape)
    terms = FillTerms(case.get("fee_e8", 200_000), case.get("spread_e8", 0), int(case.get("leverage", 1.0) * 10_000), int(case.get("cash", 1e5) * 1_000_000))
    return simulate_targets(panel, rows, weights, slippage, terms), slowly(panel, rows, weights, slippage, terms)


def slowly(panel: BarPanel, rows: tuple[Instrument, ...], weights: np.ndarray, slippage: np.ndarray, terms: FillTerms) -> Outcome:
    oracle = Oracle(list(rows), terms.cash_micro, terms.fee_e8, terms.spread_e8, terms.leverage_e4)
    wide = np.broadcast_to(slippage, weights.shape)
    return oracle.walk(ticks(rows, panel.open), ticks(rows, panel.close), whole_weights(weights), wide)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"seed {case['seed']}")
def test_fast_and_slow_fills_are_equal_in_every_integer(case: dict[str, Any]) -> None:
    fast, slow = both_ways(case)
    assert fast.fills.tolist() == slow.fills
    assert fast.curve.tolist() == slow.curve
    assert fast.trades.tolist() == slow.trades
    assert (fast.refused_small, fast.cut_to_margin) == (slow.refused, slow.cut)
    assert len(slow.fills) > 10


def test_the_cases_reach_every_branch() -> None:
    outcomes = [slow for _, slow in map(both_ways, CASES)]
    assert any(item.refused for item in outcomes)
    assert any(item.cut for item in outcomes)
    assert any(fill[10] < 0 for item in outcomes for fill in item.fills), "a short position"
    flips = [(a, b) for item in outcomes for a, b in zip(item.fills, item.fills[1:], strict=False) if a[:3] == b[:3] and a[10] == 0 and b[10] != 0]
    assert flips, "an exit and an entry of one symbol at one open"
