"""Bursts and rates of liquidations: counts within windows."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal

import pytest

from tallystick.analysis.burst_aggregator import BurstAggregator, Liquidation, LiquidationRate, bursts_of
from tallystick.contracts.cascades import LiquidationBurst
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.time import NS_PER_MINUTE

SECOND = 10**9


def forced(second: float, side: str = "sell", symbol: str = "BTC", size: str = "2", price: str = "100.5") -> Liquidation:
    return Liquidation(symbol, int(second * SECOND), side, Decimal(size), Decimal(price))


@pytest.mark.clause("D4.44")
def test_liquidations_within_the_window_of_the_first_are_one_burst() -> None:
    bursts = bursts_of([forced(0), forced(3, "buy"), forced(5, symbol="ETH"), forced(9.999999999), forced(10), forced(40)])
    assert [(burst.symbol, burst.start_ts, burst.end_ts, burst.count) for burst in bursts] == [
        ("BTC", 0, 9_999_999_999, 3),
        ("ETH", 5 * SECOND, 5 * SECOND, 1),
        ("BTC", 10 * SECOND, 10 * SECOND, 1),
        ("BTC", 40 * SECOND, 40 * SECOND, 1),
    ]
    first = bursts[0]
    assert (first.total_size, first.total_value, first.window_s) == (Decimal(6), Decimal("603.0"), 10.0)
    # A forced sell closes a long.
    assert (first.long_count, first.short_count) == (2, 1)


@pytest.mark.clause("D4.44")
def test_a_burst_is_given_when_its_window_is_over() -> None:
    aggregator = BurstAggregator(2.5)
    assert aggregator.take(forced(1)) == ()
    assert aggregator.advance(int(3.4 * SECOND)) == ()
    assert len(aggregator.advance(int(3.5 * SECOND))) == 1
    assert aggregator.finish() == ()


def test_every_liquidation_is_in_exactly_one_burst() -> None:
    items = [forced(second * 0.7, "buy" if second % 3 else "sell", ("BTC", "ETH")[second % 2]) for second in range(500)]
    bursts = bursts_of(items)
    assert sum(burst.count for burst in bursts) == 500
    assert sum(burst.total_size for burst in bursts) == 1000


def test_refuses_time_that_runs_backwards_and_numbers_that_are_none() -> None:
    aggregator = BurstAggregator()
    aggregator.take(forced(5))
    with pytest.raises(DataError, match="order of time"):
        aggregator.take(forced(4))
    with pytest.raises(DataError, match="above 0"):
        aggregator.take(forced(6, size="0"))
    with pytest.raises(ConfigurationError):
        BurstAggregator(0)


def test_rate_compares_the_last_minute_with_the_hour_before() -> None:
    rate = LiquidationRate()
    rate.watch_from(0)
    now = 61 * NS_PER_MINUTE
    for minute in range(60):
        for count in range(1 + minute % 2):
            rate.take(minute * NS_PER_MINUTE + 1 + count)
    for count in range(4):
        rate.take(60 * NS_PER_MINUTE + 1 + count)
    # Thirty minutes of one and thirty of two: mean 1.5, deviation 0.5.
    assert rate.z_score(now) == 5.0


def test_rate_is_none_until_an_hour_was_watched_and_when_nothing_varied() -> None:
    rate = LiquidationRate()
    assert rate.z_score(0) is None
    rate.take(5)
    assert rate.z_score(61 * NS_PER_MINUTE) is None
    assert rate.z_score(200 * NS_PER_MINUTE) is None


def test_rate_remembers_no_more_than_it_counts_though_nobody_asks() -> None:
    rate = LiquidationRate()
    for minute in range(500):
        rate.take(minute * NS_PER_MINUTE)
    assert len(rate._times) == 61


@pytest.mark.clause("D4.45", "D4.46")
def test_a_burst_carries_counts_and_sizes_only() -> None:
    assert [item.name for item in fields(LiquidationBurst)] == [
        "symbol",
        "start_ts",
        "end_ts",
        "window_s",
        "count",
        "total_size",
        "total_value",
        "long_count",
        "short_count",
    ]
    names = [*dir(BurstAggregator), *dir(LiquidationRate)]
    assert not [name for name in names if any(word in name for word in ("signal", "strong", "predict", "continu"))]
