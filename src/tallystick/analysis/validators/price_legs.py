"""P7, manipulation, counted as legs: the price took more than two legs, parted by pauses of half a per cent, from five minutes before the start to the end."""

from __future__ import annotations

from collections.abc import Iterable

from tallystick.analysis.validators.counting import Sample, result_of
from tallystick.analysis.validators.evidence import Evidence
from tallystick.contracts.cascades import ValidationResult
from tallystick.contracts.time import NS_PER_MINUTE

NAME = "P7 manipulation"
LEGS = 2
PAUSE_FRAC = 0.005
BEFORE_NS = 5 * NS_PER_MINUTE


def legs_of(prices: Iterable[float], pause_frac: float = PAUSE_FRAC) -> int:
    """Legs of a path: a leg is a move of at least the pause from its turning point, and ends when the price comes back by the pause from its extreme."""
    legs, direction = 0, 0
    low = high = 0.0
    for place, price in enumerate(prices):
        if place == 0:
            low = high = price
            continue
        low, high = min(low, price), max(high, price)
        if direction <= 0 and price >= low * (1.0 + pause_frac):
            legs, direction, low, high = legs + 1, 1, price, price
        elif direction >= 0 and price <= high * (1.0 - pause_frac):
            legs, direction, low, high = legs + 1, -1, price, price
    return legs


def count_price_legs(evidence: Evidence, sample: Sample) -> ValidationResult:
    """An event has at least two marks in the stretch. It counts legs and imputes no intention to anyone."""
    supports: list[bool] = []
    for episode in evidence.episodes:
        marks = evidence.marks.get(episode.cascade.coin)
        path = marks.between(episode.cascade.start_ts - BEFORE_NS, episode.cascade.end_ts) if marks is not None else []
        if len(path) > 1:
            supports.append(legs_of(value for _, value in path) > LEGS)
    return result_of(NAME, supports, PAUSE_FRAC, sample)
