"""The budget of a venue: what a minute can hold, whatever is asked when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tallystick.adapters.venues.binance import candles as binance
from tallystick.adapters.venues.hyperliquid import candles as hyperliquid
from tallystick.adapters.venues.rate_limit import TokenBucket


class Clock:
    """A clock that only sleeping and idling move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@given(st.lists(st.tuples(st.floats(0, 90), st.sampled_from([1.0, 5.0, 20.0, 40.0])), min_size=1, max_size=200))
def test_no_minute_holds_more_than_its_budget(asked: list[tuple[float, float]]) -> None:
    clock = Clock()
    bucket = TokenBucket(300, 15, clock, clock.sleep)
    spent: list[tuple[float, float]] = []
    for idle, weight in asked:
        clock.now += idle if idle > 30 else 0.0
        bucket.spend(weight)
        spent.append((clock.now, weight))
    for start, _ in spent:
        assert sum(weight for when, weight in spent if start <= when < start + 60) <= 300 + 15 * 60 + 1e-6


def test_a_full_bucket_does_not_wait_and_an_empty_one_waits_as_long_as_it_must() -> None:
    clock = Clock()
    bucket = TokenBucket(10, 2, clock, clock.sleep)
    bucket.spend(10)
    assert clock.now == 1000.0
    bucket.spend(4)
    assert clock.now == 1002.0
    bucket.spend(30)
    assert clock.now == 1007.0
    bucket.spend(2)
    assert clock.now == 1018.0


def test_venues_budgets_are_what_they_publish() -> None:
    for venue, minute in ((binance, 2400.0), (hyperliquid, 1200.0)):
        assert minute == venue.WEIGHT_A_MINUTE
        bucket = venue.bucket()
        assert bucket._capacity + 60 * bucket._per_s == minute
    assert binance.candle_questions(99).candles("A", "1h", 0, 1).weight == 1.0
    assert binance.candle_questions(1000).candles("A", "1h", 0, 1).weight == 5.0
    assert hyperliquid.candle_questions(600).candles("A", "1h", 0, 1).weight == 30.0
