"""Compile, or load from the cache, every kernel of this room that a session calls, so that its first cycle is as fast as the next."""

from __future__ import annotations

import numpy as np

from tallystick.kernels import fees, funding, liquidation, margin, matching, money, prices, sizes, statistics
from tallystick.kernels.features import build_table, empty_state, history, step_all


def warm_kernels() -> None:
    """Run features, money and statistics once on tiny inputs; about fifteen seconds with an empty cache, well under two with a full one."""
    _warm_features()
    _warm_money()
    _warm_statistics()


def _warm_features() -> None:
    table = build_table([("level", [0.0]), 0])
    x = np.ones((2, 7, 1))
    history(table, x, 0)
    step_all(table, empty_state(table, 2), 0, np.ones((2, 7)), np.empty((2, 2)))


def _warm_money() -> None:
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
    statistics.covariance(x, x)
    statistics.spearman(x, x)
    statistics.rank_fractions(x)
    statistics.quantile(x, 0.5)
    statistics.column_moments(table, np.empty(1), np.empty(1))
    statistics.linear_predict(table, np.ones(1), 0.0)


def _warm_matching() -> None:
    matching.is_marketable(1, 1, 1, 0)
    matching.meet_open(matching.MARKET, 1, 1, 1, False, 1, 0, 0, 0, 1)
    matching.meet_stop(1, 1, 1, False, 1, 1, 0, 0, 0, 1)
    matching.meet_limit(1, 1, True, 1, 1)
    matching.fillable(1, 1, 1, 0, False)
    prices.taker_price(1, 1, 0, 0, 0, 1)
