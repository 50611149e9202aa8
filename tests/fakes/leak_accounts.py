"""Invented accounts that trade at prices they could not have had, joins that are one bar off, labels and lists made too late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from tests.fakes import leak_pieces as pieces
from tests.fakes import leak_variants as variants
from tests.fakes.leak_pieces import lagged, returns, rolled

from tallystick.market.bars import BarPanel
from tallystick.research.leaks.pipeline import MAIN, Pipeline, Traded

Price = Callable[[BarPanel, int, int, int], float]


def account(price: Price, *, same_bar: bool = False, cost: float = 0.0) -> Callable[[BarPanel, np.ndarray], Traded]:
    """An account that fills each changed target at `price(panel, row, bar, side)`, in the bar of the decision or the next one."""

    def trade(panel: BarPanel, weights: np.ndarray) -> Traded:
        symbols, bars = weights.shape
        held, wanted, marks = np.zeros(symbols), np.zeros(symbols), np.zeros(symbols)
        cash, equity, fills = 1e6, np.zeros(bars), []

        def fill(bar: int, at: int) -> None:
            nonlocal cash
            for row in np.flatnonzero(wanted != 0):
                side = 1 if wanted[row] > 0 else -1
                paid = price(panel, int(row), at, side)
                if np.isfinite(paid) and np.isfinite(panel.close[row, bar]):
                    held[row] += wanted[row]
                    cash -= wanted[row] * paid + abs(wanted[row]) * paid * cost
                    fills.append((bar, int(row), side, paid))
                    wanted[row] = 0

        last = np.zeros(symbols)
        for bar in range(bars):
            if not same_bar:
                fill(bar, bar - 1)
            there = np.isfinite(panel.close[:, bar])
            marks[there] = panel.close[there, bar]
            decided = ~np.isnan(weights[:, bar]) & (weights[:, bar] != last) & (marks > 0)
            worth = cash + float((held * marks).sum())
            wanted[decided] = weights[decided, bar] * worth / marks[decided] - held[decided]
            last[decided] = weights[decided, bar]
            if same_bar:
                fill(bar, bar)
            equity[bar] = cash + float((held * marks).sum())
        columns, rows, sides = (np.array([item[place] for item in fills], np.int64) for place in range(3))
        return Traded(columns, rows, sides, np.array([item[3] for item in fills]), equity)

    return trade


def vectorised(*, shifted: bool, cost: float) -> Callable[[BarPanel, np.ndarray], Traded]:
    """Weights times returns, as in a notebook: with no shift at all, or close to close."""

    def trade(panel: BarPanel, weights: np.ndarray) -> Traded:
        held = np.nan_to_num(weights)
        position = lagged(held, 1) if shifted else held
        turnover = np.abs(np.diff(held, axis=1, prepend=0.0)) * cost
        gains = np.nansum(np.nan_to_num(position) * np.nan_to_num(returns(panel)) - turnover, axis=0)
        nothing = np.zeros(0, np.int64)
        return Traded(nothing, nothing, nothing, np.zeros(0), 1e4 * np.cumprod(1 + gains))

    return trade


def same_bar_fill(seed: int) -> variants.Variant:
    """Fill models that use the bar that decided, or the best of the bar that fills. `bar` is the bar of the decision."""
    cost = (0.0, 0.0005, 0.002)[seed % 3]

    def at(panel: BarPanel, name: str, row: int, bar: int) -> float:
        return float(getattr(panel, name)[row, min(bar, panel.bars - 1)])

    prices: list[tuple[str, Any]] = [
        ("at the close that decided", account(lambda p, s, b, d: at(p, "close", s, b), same_bar=True, cost=cost)),
        ("at the close that decided, booked later", account(lambda p, s, b, d: at(p, "close", s, b), cost=cost)),
        ("at the open of the bar that decided", account(lambda p, s, b, d: at(p, "open", s, b), same_bar=True, cost=cost)),
        ("at the best price of the next bar", account(lambda p, s, b, d: at(p, "low" if d > 0 else "high", s, b + 1), cost=cost)),
        ("at the middle of the next bar", account(lambda p, s, b, d: (at(p, "high", s, b + 1) + at(p, "low", s, b + 1)) / 2, cost=cost)),
        ("at the better of close and open", account(lambda p, s, b, d: d * min(d * at(p, "close", s, b), d * at(p, "open", s, b + 1)), cost=cost)),
        ("between close and open", account(lambda p, s, b, d: (at(p, "close", s, b) + at(p, "open", s, b + 1)) / 2, cost=cost)),
        ("at the typical price of the bar that decided", account(lambda p, s, b, d: (at(p, "high", s, b) + at(p, "low", s, b) + at(p, "close", s, b)) / 3)),
        ("weights times the same bar's return", vectorised(shifted=False, cost=cost)),
        ("close to close", vectorised(shifted=True, cost=cost)),
        ("at the low of the bar that decided", account(lambda p, s, b, d: at(p, "low" if d > 0 else "high", s, b), same_bar=True, cost=cost)),
        ("open, bettered by the close of its bar", account(lambda p, s, b, d: d * min(d * at(p, "open", s, b + 1), d * at(p, "close", s, b + 1)), cost=cost)),
    ]
    says, trade = prices[seed % len(prices)]
    random = np.random.default_rng([seed, 3])
    rule = pieces.any_rule(random)
    pipeline = variants.assembled(variants.market(seed), pieces.any_feature(random), rule, 100, visible=False, warm_up=60, trade=trade)
    return variants.Variant(f"{says}, seed {seed}", pipeline)


def honest_account(seed: int) -> Pipeline:
    """An account of somebody else that fills at the next open, as one may."""
    random = np.random.default_rng([seed, 13])

    def open_(panel: BarPanel, row: int, bar: int, side: int) -> float:
        return float(panel.open[row, min(bar + 1, panel.bars - 1)]) * (1 + 0.0004 * side)

    rule, feature = pieces.any_rule(random), pieces.any_feature(random)
    return variants.assembled(variants.market(seed), feature, rule, 100, visible=False, warm_up=60, trade=account(open_, cost=0.001))


def known_volume_members(inputs: Any) -> np.ndarray:
    """The half with the larger volume over the last thirty bars."""
    volume = rolled(inputs[MAIN].quote_volume, 30, np.mean)
    return np.where(volume >= np.nanmedian(np.nan_to_num(volume), axis=0, keepdims=True), 1.0, 0.0)


def todays_universe(seed: int) -> variants.Variant:
    """Lists of symbols that only the end could have made: as a stage, hidden in the decisions, or given from outside."""
    random = np.random.default_rng([seed, 4])
    panel = variants.market(seed, 4)
    tail = int(random.integers(5, 60))
    scores: list[tuple[str, Callable[[BarPanel], np.ndarray]]] = [
        ("volume at the end", lambda p: np.nanmean(p.volume[:, -tail:], axis=1)),
        ("volume of the whole sample", lambda p: np.nanmean(p.volume, axis=1)),
        ("return of the whole sample", lambda p: p.close[:, -tail:].mean(axis=1) / np.nanmean(p.close[:, :20], axis=1)),
        ("smallest fall", lambda p: np.nanmin(p.close / np.fmax.accumulate(p.close, axis=1), axis=1)),
        ("lowest volatility", lambda p: -np.nanstd(returns(p), axis=1)),
        ("Sharpe of the whole sample", lambda p: np.nanmean(returns(p), axis=1) / np.nanstd(returns(p), axis=1)),
        ("price at the end", lambda p: np.nanmedian(p.close[:, -tail:], axis=1) / np.nanmedian(p.close, axis=1)),
        ("volume grown since", lambda p: np.nanmean(p.volume[:, -tail:], axis=1) / np.nanmean(p.volume, axis=1)),
    ]
    says, score = scores[seed % len(scores)]

    def members(bars: BarPanel) -> np.ndarray:
        chosen = np.argsort(np.argsort(-np.nan_to_num(score(bars), nan=-1e9))) < 2
        return np.broadcast_to(chosen[:, None] * 1.0, bars.close.shape)

    feature = pieces.any_feature(random)
    form = (seed // len(scores)) % 3
    if form == 0:
        honest = variants.assembled(panel, feature, pieces.sign_rule, 100, visible=True)
        return variants.Variant(f"by {says}, as a stage, seed {seed}", replace(honest, membership=lambda inputs: members(inputs[MAIN])))
    if form == 1:

        def decide(inputs: Any, start_ns: int) -> np.ndarray:
            return pieces.long_short_rule(feature(inputs[MAIN]) + 1e-9, 0) * members(inputs[MAIN])

        hidden = variants.assembled(panel, feature, pieces.sign_rule, 100, visible=False)
        return variants.Variant(f"by {says}, in the decisions, seed {seed}", replace(hidden, decide=decide))
    return variants.Variant(f"given, seed {seed}", _given(seed, panel, feature))


def _given(seed: int, panel: BarPanel, feature: pieces.Feature) -> Pipeline:
    """A list that was made later, or that holds exactly those that lived."""
    if seed % 2:
        honest = variants.assembled(panel, feature, pieces.sign_rule, 100, visible=True)
        return replace(honest, universe_known_ns=honest.start_ns + int(1 + seed) * panel.interval_ns)
    gone = panel.bars // 2 + seed % 40
    dead = {name: np.where((np.arange(panel.bars) >= gone) & (np.arange(4)[:, None] == seed % 4), np.nan, getattr(panel, name)) for name in ("open", "close")}
    everything = replace(panel, **dead)
    alive = panel.select([symbol for place, symbol in enumerate(panel.symbols) if place != seed % 4])
    return replace(variants.assembled(alive, feature, pieces.sign_rule, 100, visible=True), candidates=everything)


def merge_offset(seed: int) -> variants.Variant:
    """Series that were joined one bar too early: another interval, another venue, another symbol."""
    random = np.random.default_rng([seed, 6])
    panel = variants.market(seed, 3)
    group = int(random.choice([4, 6, 12]))
    rule = (pieces.sign_rule, pieces.long_short_rule, pieces.soft_rule)[int(random.integers(0, 3))]

    def coarse(bars: BarPanel) -> tuple[np.ndarray, np.ndarray]:
        """Closes of groups of bars and the group of each bar, by absolute bar number."""
        number = (bars.first_bar_number + np.arange(bars.bars)) // group
        ends = np.append(np.flatnonzero(np.diff(number)), bars.bars - 1)
        return bars.close[:, ends], number - number[0]

    def by_open_time(bars: BarPanel) -> np.ndarray:
        closes, place = coarse(bars)
        return (closes / lagged(closes, 2) - 1)[:, place]

    def backfilled(bars: BarPanel) -> np.ndarray:
        closes, place = coarse(bars)
        return bars.close / closes[:, place] - 1 + 0.001

    def neighbour_early(bars: BarPanel) -> np.ndarray:
        moved = returns(bars)
        return np.roll(lagged(moved, -1), 1, axis=0)

    def leader_early(bars: BarPanel) -> np.ndarray:
        moved = pieces.momentum(3)(bars)
        early = np.broadcast_to(lagged(moved[:1], -1), moved.shape).copy()
        early[0] = moved[0]
        return early

    inside = (("a longer interval joined by open time", by_open_time), ("filled backwards", backfilled))
    across = (("the neighbour's next bar", neighbour_early), ("the leader's next bar", leader_early))
    if seed % 3 == 0:
        says, feature = inside[(seed // 3) % 2]
        return variants.Variant(f"{says}, seed {seed}", variants.assembled(panel, feature, rule, 100, visible=seed % 2 == 0))
    if seed % 3 == 1:
        says, feature = across[(seed // 3) % 2]
        return variants.Variant(f"{says}, seed {seed}", variants.assembled(panel, feature, rule, 100, visible=seed % 2 == 0))
    return variants.Variant(f"another source, seed {seed}", _joined(seed, panel, group, rule))


def _joined(seed: int, panel: BarPanel, group: int, rule: pieces.Rule) -> Pipeline:
    """A second source with bars of its own, joined by open time, or by place."""
    other = variants.market(seed + 500, 3, panel.bars)
    second = other.resampled(60 * group) if seed % 2 else other

    def feature(inputs: Any) -> np.ndarray:
        bars, joined = inputs[MAIN], inputs["second"]
        place = np.searchsorted(joined.open_times_ns, bars.open_times_ns, side="right") - 1 + (0 if seed % 2 else 1)
        moved = joined.close / lagged(joined.close, 2) - 1
        out = np.full(bars.close.shape, np.nan)
        good = (place >= 0) & (place < joined.bars)
        out[:, good] = moved[:, place[good]]
        return out + 0.1 * pieces.momentum(4)(bars)

    def decide(inputs: Any, start_ns: int) -> np.ndarray:
        return rule(feature(inputs), 0)

    honest = variants.assembled(panel, pieces.momentum(3), rule, 100, visible=False)
    shown = (lambda inputs: feature(inputs)[:, None, :]) if seed % 4 < 2 else None
    return replace(honest, inputs={MAIN: panel, "second": second}, decide=decide, features=shown)


def future_label(seed: int) -> variants.Variant:
    """Labels that are not about the bars after their own, or about more of them than they say."""
    random = np.random.default_rng([seed, 8])
    bars, slip = int(random.integers(3, 24)), int(random.integers(1, 5))

    def forward(panel: BarPanel, horizon: int) -> np.ndarray:
        return lagged(panel.close, -horizon) / panel.close - 1

    ways: list[tuple[str, Callable[[BarPanel], np.ndarray]]] = [
        ("late by some rows", lambda p: lagged(forward(p, bars), -slip)),
        ("early by some rows", lambda p: lagged(forward(p, bars), slip)),
        ("longer than declared", lambda p: forward(p, bars + slip)),
        ("ranked over all time", lambda p: forward(p, bars) / np.nanstd(forward(p, bars), axis=1, keepdims=True)),
        ("of the past", lambda p: p.close / lagged(p.close, bars) - 1),
        ("smoothed", lambda p: lagged(rolled(forward(p, bars), slip + 1, np.mean), -slip)),
        ("barriers with tomorrow's volatility", lambda p: forward(p, bars) / lagged(rolled(returns(p), bars, np.std), -bars - slip)),
        ("above the median of everything", lambda p: forward(p, bars) - np.nanmedian(forward(p, bars), axis=1, keepdims=True)),
        ("highest close until later", lambda p: lagged(rolled(p.close, bars + slip, np.max), -bars - slip) / p.close - 1),
        ("from the close before", lambda p: lagged(p.close, -bars) / lagged(p.close, 1) - 1),
    ]
    says, label = ways[seed % len(ways)]
    honest = variants.assembled(variants.market(seed), pieces.any_feature(random), pieces.any_rule(random), 100, visible=True, warm_up=60)
    return variants.Variant(f"{says}, seed {seed}", replace(honest, labels=lambda inputs: label(inputs[MAIN]), label_bars=bars))
