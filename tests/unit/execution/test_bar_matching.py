from __future__ import annotations

from typing import Any

import pytest
from tests.fakes.trading import instrument

from tallystick.contracts.orders import OrderType
from tallystick.execution.bar_matching import Match, Quote, RestingOrder, at_limit, at_open, at_stop, is_marketable, taker_price
from tallystick.kernels.money import NO_VALUE

FREE = Quote(0, 0)
COSTLY = Quote(200_000, 100_000)
INSTRUMENT = instrument()


def order(side: int, kind: OrderType = OrderType.MARKET, limit: int | None = None, stop: int | None = None, **more: Any) -> RestingOrder:
    return RestingOrder(1, "o", "c", "BTCUSDT", 0, side, kind, 10, limit, stop, False, **more)


def test_taker_pays_half_the_spread_and_the_slippage_rounded_against_it() -> None:
    assert taker_price(1, 10_001, COSTLY, INSTRUMENT) == 10_022
    assert taker_price(-1, 10_001, COSTLY, INSTRUMENT) == 9_980


def test_taker_price_keeps_significant_figures_and_whole_numbers() -> None:
    five = instrument(tick="0.0001", price_figures=5)
    assert taker_price(1, 1_234_567, FREE, five) == 1_234_600
    assert taker_price(-1, 1_234_567, FREE, five) == 1_234_500
    # 123,456.7 has more than five figures before the point: whole numbers stay allowed
    assert taker_price(1, 1_234_567_000, FREE, five) == 1_234_570_000


def test_price_that_would_not_be_positive_is_none() -> None:
    assert taker_price(-1, 1, Quote(0, 100_000_000), INSTRUMENT) == NO_VALUE
    assert at_open(order(-1), 1, Quote(0, 100_000_000), INSTRUMENT) is None


@pytest.mark.parametrize("side", [1, -1])
def test_market_order_takes_at_the_open(side: int) -> None:
    assert at_open(order(side), 10_000, COSTLY, INSTRUMENT) == Match(10_000 + side * 20, 10_000, "taker")


@pytest.mark.parametrize(("side", "limit", "fills"), [(1, 10_020, True), (1, 10_019, False), (-1, 9_980, True), (-1, 9_981, False)])
def test_limit_takes_at_the_open_only_within_its_price(side: int, limit: int, fills: bool) -> None:
    assert (at_open(order(side, OrderType.LIMIT, limit), 10_000, COSTLY, INSTRUMENT) is not None) is fills


def test_post_only_never_takes() -> None:
    asked = order(1, OrderType.POST_ONLY, 10_010)
    assert is_marketable(asked, 10_000, COSTLY)
    assert not is_marketable(order(1, OrderType.POST_ONLY, 10_009), 10_000, COSTLY)
    assert at_open(asked, 9_000, COSTLY, INSTRUMENT) is None


@pytest.mark.parametrize(
    ("side", "range_", "fills"), [(1, (10_100, 9_999), True), (1, (10_100, 10_000), False), (-1, (10_001, 9_000), True), (-1, (10_000, 9_000), False)]
)
def test_resting_limit_fills_only_when_it_is_traded_through(side: int, range_: tuple[int, int], fills: bool) -> None:
    asked = order(side, OrderType.LIMIT, 10_000, rests=True)
    assert at_limit(asked, *range_) == (Match(10_000, 10_000, "maker") if fills else None)
    asked.rests = False
    assert at_limit(asked, *range_) is None


@pytest.mark.parametrize(("side", "stop", "reached"), [(1, 10_100, True), (1, 10_101, False), (-1, 9_900, True), (-1, 9_899, False)])
def test_stop_takes_from_its_price_when_the_range_reaches_it(side: int, stop: int, reached: bool) -> None:
    asked = order(side, OrderType.STOP_MARKET, stop=stop)
    found = at_stop(asked, 10_100, 9_900, Quote(0, 0), INSTRUMENT)
    assert (found is not None) is reached is asked.triggered
    if found is not None:
        assert (found.price, found.liquidity) == (stop, "taker")


def test_open_beyond_the_stop_fills_at_the_open_and_not_at_the_stop() -> None:
    asked = order(-1, OrderType.STOP_MARKET, stop=9_900)
    assert at_open(asked, 9_500, FREE, INSTRUMENT) == Match(9_500, 9_500, "taker")
    waiting = order(-1, OrderType.STOP_MARKET, stop=9_900)
    assert at_open(waiting, 9_901, FREE, INSTRUMENT) is None
    assert not waiting.triggered


def test_stop_limit_beyond_its_limit_is_triggered_and_not_filled() -> None:
    asked = order(-1, OrderType.STOP_LIMIT, limit=9_890, stop=9_900)
    assert at_stop(asked, 10_000, 9_800, Quote(0, 300_000), INSTRUMENT) is None
    assert asked.triggered
