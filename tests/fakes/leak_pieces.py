"""Pieces of invented research code, written as people write it: features and rules over arrays, none of which knows the detectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import lfilter

from tallystick.market.bars import BarPanel

Feature = Callable[[BarPanel], np.ndarray]
Rule = Callable[[np.ndarray, int], np.ndarray]


def lagged(values: np.ndarray, bars: int) -> np.ndarray:
    """Values of so many bars ago; of as many bars ahead when negative."""
    out = np.full_like(values, np.nan)
    if bars > 0:
        out[:, bars:] = values[:, :-bars]
    elif bars < 0:
        out[:, :bars] = values[:, -bars:]
    else:
        out[:] = values
    return out


def rolled(values: np.ndarray, bars: int, how: Callable[..., np.ndarray]) -> np.ndarray:
    out = np.full_like(values, np.nan)
    if values.shape[1] >= bars:
        out[:, bars - 1 :] = how(sliding_window_view(values, bars, axis=1), axis=-1)
    return out


def returns(panel: BarPanel) -> np.ndarray:
    return panel.close / lagged(panel.close, 1) - 1


def momentum(bars: int) -> Feature:
    return lambda panel: panel.close / lagged(panel.close, bars) - 1


def above_mean(bars: int) -> Feature:
    return lambda panel: panel.close / rolled(panel.close, bars, np.mean) - 1


def place_in_range(bars: int) -> Feature:
    def feature(panel: BarPanel) -> np.ndarray:
        low, high = rolled(panel.low, bars, np.min), rolled(panel.high, bars, np.max)
        return (panel.close - low) / (high - low) - 0.5

    return feature


def reversal(bars: int) -> Feature:
    return lambda panel: -returns(panel) / rolled(returns(panel), bars, np.std)


def volume_surprise(bars: int) -> Feature:
    return lambda panel: panel.volume / rolled(panel.volume, bars, np.mean) - 1


def against_the_first(bars: int) -> Feature:
    def feature(panel: BarPanel) -> np.ndarray:
        moved = momentum(bars)(panel)
        return moved - moved[:1]

    return feature


def ranked(feature: Feature) -> Feature:
    def across(panel: BarPanel) -> np.ndarray:
        values = feature(panel)
        order = np.argsort(np.argsort(np.nan_to_num(values), axis=0, kind="stable"), axis=0, kind="stable")
        return np.where(np.isnan(values), np.nan, order - (len(values) - 1) / 2)

    return across


def expanding_score(feature: Feature) -> Feature:
    """Standardised with what was known at each bar only."""

    def known(panel: BarPanel) -> np.ndarray:
        values = feature(panel)
        filled = np.nan_to_num(values)
        count = np.cumsum(~np.isnan(values), axis=1)
        mean = np.cumsum(filled, axis=1) / np.maximum(count, 1)
        square = np.cumsum(filled * filled, axis=1) / np.maximum(count, 1)
        return (values - mean) / np.sqrt(np.maximum(square - mean * mean, 1e-12))

    return known


def coarse_momentum(group: int) -> Feature:
    """Return of the last finished group of bars, known only after the group has ended; groups by absolute bar number."""

    def feature(panel: BarPanel) -> np.ndarray:
        number = panel.first_bar_number + np.arange(panel.bars)
        ended = (number + 1) // group * group - 1 - panel.first_bar_number
        before = ended - group
        out = np.full(panel.close.shape, np.nan)
        good = before >= 0
        out[:, good] = panel.close[:, ended[good]] / panel.close[:, before[good]] - 1
        return out

    return feature


def any_feature(random: np.random.Generator) -> Feature:
    """A feature that knows the past only and forgets."""
    bars = int(random.integers(3, 30))
    choice = int(random.integers(0, 8))
    plain = (momentum, above_mean, place_in_range, reversal, volume_surprise, against_the_first)
    if choice < 6:
        return plain[choice](bars)
    return ranked(momentum(bars)) if choice == 6 else coarse_momentum(int(random.choice([4, 6, 12])))


def sign_rule(values: np.ndarray, start: int) -> np.ndarray:
    return np.where(values > 0, 1.0, 0.0) / len(values)


def long_short_rule(values: np.ndarray, start: int) -> np.ndarray:
    return np.sign(np.nan_to_num(values)) / len(values)


def soft_rule(values: np.ndarray, start: int) -> np.ndarray:
    return np.clip(np.nan_to_num(values) * 8, -1, 1) / len(values)


def best_rule(values: np.ndarray, start: int) -> np.ndarray:
    out = np.zeros_like(values)
    seen = np.where(np.isnan(values), -np.inf, values)
    np.put_along_axis(out, seen.argmax(axis=0)[None], 1.0, axis=0)
    return out * (seen.max(axis=0) > -np.inf)


def patient_rule(values: np.ndarray, start: int) -> np.ndarray:
    """In on strength, out on weakness, and remembers which: begins flat at the start."""
    out = np.zeros_like(values)
    held = np.zeros(len(values))
    for t in range(start, values.shape[1]):
        held = np.where(values[:, t] > 0.004, 1.0, np.where(values[:, t] < -0.004, 0.0, held))
        out[:, t] = held
    return out / len(values)


def every_few_bars(rule: Rule, bars: int) -> Rule:
    def seldom(values: np.ndarray, start: int) -> np.ndarray:
        out = np.full_like(values, np.nan)
        out[:, start::bars] = rule(values, start)[:, start::bars]
        return out

    return seldom


def any_rule(random: np.random.Generator) -> Rule:
    rules: tuple[Rule, ...] = (sign_rule, long_short_rule, soft_rule, best_rule, patient_rule, every_few_bars(sign_rule, 5), every_few_bars(soft_rule, 3))
    return rules[int(random.integers(0, len(rules)))]


@dataclass(frozen=True)
class Recursion:
    """Exponential averages that begin at the first bar they are given."""

    span: float

    def average(self, values: np.ndarray) -> np.ndarray:
        weight = 2 / (self.span + 1)
        # The last value there was; before the first one, zero.
        seen = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(values.shape[1])), axis=1)
        filled = np.nan_to_num(np.take_along_axis(values, seen, axis=1))
        out, _ = lfilter([weight], [1, weight - 1], filled, axis=1, zi=(1 - weight) * filled[:, :1])
        return np.asarray(out)
