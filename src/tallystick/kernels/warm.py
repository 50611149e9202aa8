"""Compile, or load from the cache, the kernels of this room that a chain or a session calls, so that its first call is as fast as the next."""

from __future__ import annotations

import numpy as np

from tallystick.kernels import evidence, fees, funding, liquidation, margin, matching, money, prices, ridge, sizes, statistics, turnover
from tallystick.kernels.features import build_table, empty_state, history, step_all


def warm_training() -> None:
    """Run what features, a pool and a training need once on tiny inputs; about fifteen seconds with an empty cache, well under one with a full one."""
    _warm_features()
    _warm_statistics()
    _warm_evidence()


def _warm_features() -> None:
    table = build_table([("level", [0.0]), 0])
    x = np.ones((2, 7, 1))
    history(table, x, 0)
    step_all(table, empty_state(table, 2), 0, np.ones((2, 7)), np.empty((2, 2)))


def warm_money() -> None:
    """Run the rules of prices, fees, margin and matching once; about three seconds with an empty cache."""
    tiers = np.zeros(1, np.int64)
    money.add(1, 1)
    money.subtract(1, 1)
    money.multiply(1, 1)
    money.round_div(1, 1)
    money.mul_div(1, 1, 1)
    money.notional(1, 1, 1, 1)
    fees.fee(1, 1)
    funding.funding_payment(1, 1)
    prices.fill_price(1, 1, 0, 0)
    prices.round_to_figures(1, 1, 1)
    prices.round_to_step(1, 1, 1)
    _warm_matching()
    margin.initial_margin(1, 1)
    margin.maintenance_margin(1, tiers, tiers, tiers)
    liquidation.liquidation_ticks(1, 1, 1, 0)
    liquidation.is_liquidated(1, 1)
    sizes.lots_from_value(1, 1, 1, 1)
    sizes.lots_from_weight(1, 1, 1, 1, 1)


def _warm_statistics() -> None:
    x = np.arange(3.0)
    table = x.reshape(3, 1)
    statistics.mean(x)
    statistics.sample_std(x)
    statistics.ranks(x)
    statistics.quantile(x, 0.5)
    statistics.column_moments(table, np.empty(1), np.empty(1))
    statistics.linear_predict(table, np.ones(1), 0.0)
    ridge.ridge_fit(table, x, np.zeros(1), np.ones(1), 1.0, np.empty(1))
    days = np.zeros(3, np.int64)
    turnover.turnover_measures(table, days, days, 1.0, np.empty((3, 3, turnover.MEASURES)))


def _warm_evidence() -> None:
    table = np.arange(9.0).reshape(3, 3)
    evidence.timestamp_correlations(table, table, 2, np.empty((2, 3)))
    evidence.feature_correlations(table.reshape(1, 3, 3), table, 2, np.empty((1, 3)))
    evidence.overlap_aware_mean(table[0], 1)
    evidence.standard_ranks(table, np.empty((3, 3)))
    shifts = np.zeros(1, np.int64)
    evidence.draw_shifts(1, 1, 2, shifts)
    evidence.shifted_products(table, table, shifts, np.empty(1))
    evidence.book_returns(table, table, 0.0, np.empty((3, 3)))
    evidence.logistic(0.0)


def _warm_matching() -> None:
    matching.is_marketable(1, 1, 1, 0)
    matching.meet_open(matching.MARKET, 1, 1, 1, False, 1, 0, 0, 0, 1)
    matching.meet_stop(1, 1, 1, False, 1, 1, 0, 0, 0, 1)
    matching.meet_limit(1, 1, True, 1, 1)
    matching.fillable(1, 1, 1, 0, False)
    prices.taker_price(1, 1, 0, 0, 0, 1)
