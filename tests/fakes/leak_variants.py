"""Invented pipelines by the hundred: honest ones, and ones that know what they cannot know, each leak written in many ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tests.fakes import leak_accounts
from tests.fakes import leak_pieces as pieces
from tests.fakes.leak_pieces import Feature, Recursion, Rule, lagged, returns, rolled
from tests.fakes.research_market import instruments_of, walk_panel

from tallystick.market.bars import BarPanel
from tallystick.research.leaks.of_run import house_fills
from tallystick.research.leaks.pipeline import MAIN, Pipeline
from tallystick.research.simulation import FillTerms, slippage_rows

TERMS = FillTerms(fee_e8=50_000, spread_e8=20_000, leverage_e4=10_000, cash_micro=10**12)


@dataclass(frozen=True)
class Variant:
    says: str
    pipeline: Pipeline


def market(seed: int, symbols: int | None = None, bars: int | None = None) -> BarPanel:
    random = np.random.default_rng(seed)
    count = symbols or int(random.integers(2, 5))
    return walk_panel(count, bars or int(random.integers(280, 360)), seed=seed, gaps=float(random.choice([0.0, 0.0, 0.01])), volatility=0.01)


def house(panel: BarPanel) -> Any:
    slippage = slippage_rows("fixed", 3.0, 0.0, None, panel.close.shape)
    return house_fills(instruments_of(panel), np.broadcast_to(slippage, panel.close.shape), TERMS)


def assembled(panel: BarPanel, feature: Feature, rule: Rule, lead: int, *, visible: bool, warm_up: int | None = None, **more: Any) -> Pipeline:
    """A pipeline of one feature and one rule, which shows its features or hides them."""

    def decide(inputs: Any, start_ns: int) -> np.ndarray:
        bars = inputs[MAIN]
        return rule(feature(bars), int(np.searchsorted(bars.open_times_ns, start_ns)))

    trade = house(panel)
    shown = (lambda inputs: feature(inputs[MAIN])[:, None, :]) if visible else None
    stages = {"decide": decide, "trade": trade, "reference": trade, "features": shown, **more}
    return Pipeline(inputs={MAIN: panel}, start_ns=int(panel.open_times_ns[lead]), warm_up_bars=warm_up, **stages)


def clean(seed: int) -> Variant:
    """An honest pipeline: any feature that forgets within its lead, any rule."""
    random = np.random.default_rng([seed, 77])
    panel, feature, rule = market(seed), pieces.any_feature(random), pieces.any_rule(random)
    membership = leak_accounts.known_volume_members if seed % 4 == 0 else None
    labels = (lambda inputs: lagged(inputs[MAIN].close, -6) / inputs[MAIN].close - 1) if seed % 3 == 0 else None
    more = {"membership": membership, "labels": labels, "label_bars": 6}
    return Variant(f"clean {seed}", assembled(panel, feature, rule, 100, visible=seed % 2 == 0, warm_up=60, **more))


def _leaky(seed: int, kind: int, ways: list[tuple[str, Callable[[Feature, int, np.random.Generator], Feature]]], symbols: int | None = None) -> Variant:
    says, way = ways[seed % len(ways)]
    for attempt in range(20):
        random = np.random.default_rng([seed, kind, attempt])
        rule = (pieces.sign_rule, pieces.long_short_rule, pieces.soft_rule, pieces.best_rule, pieces.patient_rule)[int(random.integers(0, 5))]
        feature = way(pieces.any_feature(random), int(random.choice([2, 3, 5, 8, 12])), random)
        pipeline = assembled(market(seed, symbols), feature, rule, 100, visible=seed % 3 != 0)
        # A rule that never changes its mind cannot be misled.
        if np.count_nonzero(np.diff(np.nan_to_num(pipeline.weights()), axis=1)) >= 20:
            return Variant(f"{says}, {rule.__name__}, seed {seed}", pipeline)
    raise AssertionError(f"no rule decides anything: {says}, seed {seed}")


def future_shift(seed: int) -> Variant:
    """Features and decisions that read a few bars ahead."""

    def ahead(f: Feature, k: int, _: Any) -> Feature:
        return lambda panel: lagged(f(panel), -k)

    def wrapped(f: Feature, k: int, _: Any) -> Feature:
        return lambda panel: np.roll(f(panel), -k, axis=1)

    def of_later_bars(f: Feature, k: int, _: Any) -> Feature:
        return lambda panel: f(replace(panel, **{name: lagged(getattr(panel, name), -k) for name in ("open", "high", "low", "close", "volume")}))

    def centred(_: Feature, k: int, __: Any) -> Feature:
        return lambda panel: panel.close / lagged(rolled(panel.close, 2 * k + 1, np.mean), -k) - 1

    def the_answer(_: Feature, k: int, __: Any) -> Feature:
        return lambda panel: lagged(panel.close, -k) / panel.close - 1

    def next_high(_: Feature, k: int, __: Any) -> Feature:
        return lambda panel: lagged(rolled(panel.high, k, np.max), -k) / panel.close - 1.01

    def swing_lows(_: Feature, k: int, __: Any) -> Feature:
        return lambda panel: np.where(lagged(rolled(panel.low, 2 * k + 1, np.min), -k) == panel.low, 1.0, -1.0) + 0.01 * pieces.momentum(5)(panel)

    def smoothed_twice(f: Feature, k: int, _: Any) -> Feature:
        return lambda panel: lagged(rolled(rolled(np.nan_to_num(f(panel)), k, np.mean), k, np.mean), 1 - k)

    def calm_ahead(f: Feature, k: int, _: Any) -> Feature:
        return lambda panel: f(panel) - 40 * lagged(rolled(np.abs(np.nan_to_num(returns(panel))), k, np.mean), -k)

    def mixed_in(f: Feature, k: int, random: np.random.Generator) -> Feature:
        share = float(random.uniform(0.2, 0.9))
        return lambda panel: (1 - share) * f(panel) + share * lagged(pieces.momentum(k)(panel), -k)

    ways = [
        ("shifted ahead", ahead),
        ("rolled around", wrapped),
        ("bars shifted before use", of_later_bars),
        ("centred mean", centred),
        ("the label as a feature", the_answer),
        ("high of the next bars", next_high),
        ("swing lows known at once", swing_lows),
        ("smoothed from both sides", smoothed_twice),
        ("volatility ahead", calm_ahead),
        ("a little of the future mixed in", mixed_in),
    ]
    return _leaky(seed, 1, ways)


def whole_sample(seed: int) -> Variant:
    """Numbers that were taken over the whole sample."""

    def scored(f: Feature, _: int, __: Any) -> Feature:
        return lambda panel: (f(panel) - np.nanmean(f(panel), axis=1, keepdims=True)) / np.nanstd(f(panel), axis=1, keepdims=True)

    def squeezed(f: Feature, _: int, __: Any) -> Feature:
        def feature(panel: BarPanel) -> np.ndarray:
            values = f(panel)
            low, high = np.nanmin(values, axis=1, keepdims=True), np.nanmax(values, axis=1, keepdims=True)
            return (values - low) / (high - low) - 0.5

        return feature

    def percentile(_: Feature, k: int, __: Any) -> Feature:
        return lambda panel: pieces.momentum(k)(panel) - np.nanquantile(pieces.momentum(k)(panel), 0.6, axis=1, keepdims=True)

    def detrended(_: Feature, __: int, ___: Any) -> Feature:
        def feature(panel: BarPanel) -> np.ndarray:
            t = np.arange(panel.bars) - (panel.bars - 1) / 2
            close = np.where(np.isnan(panel.close), np.nanmean(panel.close, axis=1, keepdims=True), panel.close)
            slope = (close * t).sum(axis=1, keepdims=True) / (t * t).sum()
            return panel.close / (close.mean(axis=1, keepdims=True) + slope * t) - 1

        return feature

    def over_the_mean(_: Feature, __: int, ___: Any) -> Feature:
        return lambda panel: panel.close / np.nanmean(panel.close, axis=1, keepdims=True) - 1

    def even_risk(_: Feature, k: int, __: Any) -> Feature:
        return lambda panel: 0.02 * (pieces.momentum(k)(panel) / np.nanstd(returns(panel), axis=1, keepdims=True) - 0.5)

    def fitted(_: Feature, k: int, __: Any) -> Feature:
        def feature(panel: BarPanel) -> np.ndarray:
            x, y = np.nan_to_num(pieces.momentum(k)(panel)), np.nan_to_num(lagged(returns(panel), -1))
            return x * (x * y).sum(axis=1, keepdims=True) / (x * x).sum(axis=1, keepdims=True) * 50 - 0.002

        return feature

    def best_window(_: Feature, __: int, ___: Any) -> Feature:
        def feature(panel: BarPanel) -> np.ndarray:
            tried = [pieces.above_mean(n)(panel) for n in range(5, 60, 5)]
            gains = [np.nansum(np.sign(np.nan_to_num(values)) * lagged(returns(panel), -1)) for values in tried]
            return tried[int(np.argmax(gains))] + 1e-3 * np.tanh(np.array(max(gains)))

        return feature

    def main_factor(_: Feature, k: int, __: Any) -> Feature:
        def feature(panel: BarPanel) -> np.ndarray:
            x = np.nan_to_num(returns(panel))
            _, vectors = np.linalg.eigh(x @ x.T)
            factor = vectors[:, -1:] * np.sign(vectors[:1, -1:])
            return rolled(x - factor @ (factor.T @ x), k + 2, np.mean)

        return feature

    def of_the_end(_: Feature, __: int, ___: Any) -> Feature:
        return lambda panel: np.nanmedian(panel.close[:, -30:], axis=1, keepdims=True) / panel.close - 1.02

    ways = [
        ("standardised", scored),
        ("squeezed between minimum and maximum", squeezed),
        ("over a quantile of everything", percentile),
        ("trend line taken off", detrended),
        ("over the mean price", over_the_mean),
        ("scaled by the sample's volatility", even_risk),
        ("a regression over everything", fitted),
        ("the window that was best", best_window),
        ("the main factor of everything", main_factor),
        ("over the price at the end", of_the_end),
    ]
    return _leaky(seed, 2, ways)


def short_warm_up(seed: int) -> Variant:
    """Recursions that have not forgotten where they began."""
    random = np.random.default_rng([seed, 5])
    slow = Recursion(float(random.integers(90, 400)))
    fast = Recursion(float(random.integers(10, 40)))

    def crossed(panel: BarPanel) -> np.ndarray:
        return fast.average(panel.close) / slow.average(panel.close) - 1

    def wilder(panel: BarPanel) -> np.ndarray:
        moves = np.nan_to_num(returns(panel))
        up, down = slow.average(np.maximum(moves, 0)), slow.average(np.maximum(-moves, 0))
        return up / np.maximum(up + down, 1e-12) - 0.5

    def balance(panel: BarPanel) -> np.ndarray:
        return np.cumsum(np.sign(np.nan_to_num(returns(panel))) * np.nan_to_num(panel.volume), axis=1) / 1e7

    def anchored(panel: BarPanel) -> np.ndarray:
        paid, volume = np.cumsum(np.nan_to_num(panel.quote_volume), axis=1), np.cumsum(np.nan_to_num(panel.volume), axis=1)
        return panel.close / (paid / volume) - 1

    def variance(panel: BarPanel) -> np.ndarray:
        return np.nan_to_num(returns(panel)) / np.sqrt(slow.average(np.nan_to_num(returns(panel)) ** 2) + 1e-9)

    def twice(panel: BarPanel) -> np.ndarray:
        first = slow.average(panel.close)
        return panel.close / (2 * first - slow.average(first)) - 1

    def volume_trend(panel: BarPanel) -> np.ndarray:
        return panel.volume / slow.average(panel.volume) - 1

    def since_the_beginning(panel: BarPanel) -> np.ndarray:
        return panel.close / np.fmax.accumulate(panel.close, axis=1) - 0.97 + 1e-3 * panel.close / panel.close[:, :1]

    def known_score(panel: BarPanel) -> np.ndarray:
        return pieces.expanding_score(pieces.momentum(10))(panel)

    features = (crossed, wilder, balance, anchored, variance, twice, volume_trend, since_the_beginning, known_score)
    feature = features[seed % len(features)]
    rule = pieces.soft_rule if seed % 2 else pieces.long_short_rule
    lead = int(random.integers(25, 60))
    declared = None if seed % 4 == 0 else int(random.integers(10, lead - 8))
    visible = seed % 5 != 0 or rule is not pieces.soft_rule
    return Variant(f"{feature.__name__}, {rule.__name__}, seed {seed}", assembled(market(seed, 2, 240), feature, rule, lead, visible=visible, warm_up=declared))
