"""Liquidation cascades after the fact, by one mechanical rule: found, counted, and named by the move of the minutes that followed.

It grades nothing and says nothing of cascades to come. The rule itself stands in `kernels/cascades.py`; live labelling in `cascade_labeler_stream.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.wave_detector import WAVE_GAP_NS, detect_waves, fall_pct
from tallystick.contracts.cascades import LabeledCascade, WaveLabel
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.kernels import cascades as kernel
from tallystick.kernels.money import E8

Ints = NDArray[np.int64]
Boundary = Literal["exclusive", "inclusive"]
Outcome = Literal["REVERSAL", "CONTINUATION", "NEUTRAL"]
WithheldReason = Literal["no_earlier_price", "no_later_price", "record_ends_early"]
LONGEST_NS = 10**18
"""The longest time in a rule: added to any instant of a record it stays in 64 bits."""
_E8_PER_PERCENT = E8 // 100
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class CascadeRule:
    """Open interest falls by more than `drop_pct` (0–100) in less than `window_ns`, with at least `min_liquidations` from start to end.

    boundary: "exclusive" reads the limits as the seed writes them (more than, less than); "inclusive" counts a drop of exactly `drop_pct` and a time of
    exactly `window_ns` too. outcome_after_ns: how long after the end the outcome is read. neutral_move_pct: smaller moves (per cent of the start's
    price) are NEUTRAL. Raises ConfigurationError for numbers that make no rule.
    """

    drop_pct: Decimal = Decimal(10)
    window_ns: int = 60 * NS_PER_SECOND
    boundary: Boundary = "exclusive"
    min_liquidations: int = 2
    wave_gap_ns: int = WAVE_GAP_NS
    outcome_after_ns: int = 300 * NS_PER_SECOND
    neutral_move_pct: Decimal = Decimal("0.5")

    def __post_init__(self) -> None:
        if not (self.drop_pct.is_finite() and 0 < self.drop_pct < 100) or self.drop_pct * _E8_PER_PERCENT % 1:
            raise ConfigurationError(f"expected a drop between 0 and 100 per cent with at most six decimals, found {self.drop_pct}", where="drop_pct")
        if not (self.neutral_move_pct.is_finite() and self.neutral_move_pct >= 0):
            raise ConfigurationError(f"expected a neutral move of 0 per cent or more, found {self.neutral_move_pct}", where="neutral_move_pct")
        for name in ("window_ns", "min_liquidations", "wave_gap_ns", "outcome_after_ns"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"expected {name} above 0, found {getattr(self, name)}", where=name)
            if name.endswith("_ns") and getattr(self, name) > LONGEST_NS:
                raise ConfigurationError(f"expected {name} of at most {LONGEST_NS} (some thirty years), found {getattr(self, name)}", where=name)

    @property
    def kept_e8(self) -> int:
        """The share of open interest that is left at the limit, in hundred-millionths."""
        return E8 - int(self.drop_pct * _E8_PER_PERCENT)

    @property
    def inclusive(self) -> int:
        """1 when the limits themselves count."""
        return int(self.boundary == "inclusive")

    @property
    def span_ns(self) -> int:
        """The longest time from start to end that counts."""
        return self.window_ns if self.inclusive else self.window_ns - 1


@dataclass(frozen=True, slots=True)
class CoinHistory:
    """What was recorded of one coin, each stream in order of time (int64, UTC ns).

    interest_units, mark_units: whole numbers of the last decimal, so 12.34 with two decimals is 1234. Snapshots and marks: one at an instant;
    liquidations: any number. Raises DataError when a stream is out of order or holds an impossible value.
    """

    coin: str
    interest_times: Ints
    interest_units: Ints
    interest_decimals: int
    liquidation_times: Ints
    mark_times: Ints
    mark_units: Ints
    mark_decimals: int

    def __post_init__(self) -> None:
        for name, times, units in (("open interest", self.interest_times, self.interest_units), ("marks", self.mark_times, self.mark_units)):
            if times.ndim != 1 or times.shape != units.shape or times.dtype != np.int64 or units.dtype != np.int64:
                raise DataError(f"expected {name} as two int64 columns of one length, found {times.shape} and {units.shape}", where=self.coin)
        if self.mark_times.size > 1 and not bool(np.all(self.mark_times[1:] > self.mark_times[:-1])):
            raise DataError("expected marks in the order of time, one at an instant, found others", where=self.coin)
        if self.liquidation_times.size > 1 and not bool(np.all(self.liquidation_times[1:] >= self.liquidation_times[:-1])):
            raise DataError("expected liquidations in the order of time, found others", where=self.coin)
        if self.mark_units.size and int(self.mark_units.min()) <= 0:
            raise DataError("expected mark prices above 0, found one that is not", where=self.coin)
        if self.interest_units.size and int(self.interest_units.min()) < 0:
            raise DataError("expected open interest of 0 or more, found less", where=self.coin)

    @property
    def ends_ns(self) -> int:
        """The time of the last event of any stream; 0 without any."""
        return max((int(times[-1]) for times in (self.interest_times, self.liquidation_times, self.mark_times) if times.size), default=0)


@dataclass(frozen=True, slots=True)
class LabeledEpisode:
    """A cascade and its waves, in order."""

    cascade: LabeledCascade
    waves: tuple[WaveLabel, ...]


@dataclass(frozen=True, slots=True)
class LabeledCoin:
    """The labelled cascades of one coin, and how many were withheld, by reason (decision 63)."""

    episodes: tuple[LabeledEpisode, ...]
    withheld: Mapping[WithheldReason, int]


def find_cascades(interest_times: Ints, interest_units: Ints, liquidation_times: Ints, rule: CascadeRule) -> Ints:
    """Start time, end time, open interest at both, and liquidations of every cascade, int64[R, 5] in order of time; O(n) compiled.

    Raises DataError when snapshots are not in order of time, one at an instant.
    """
    if interest_times.size == 0 or liquidation_times.size < rule.min_liquidations:
        return np.empty((0, kernel.RECORD), dtype=np.int64)
    blocks = -(-interest_times.size // kernel.BLOCK)
    low, high, may_start = (np.empty(blocks, dtype=np.int64) for _ in range(3))
    wrong = kernel.summarise(interest_times, interest_units, low, high)
    if wrong >= 0:
        raise DataError(
            f"expected snapshots of open interest in the order of time, one at an instant, found {interest_times[wrong]} after {interest_times[wrong - 1]}"
        )
    terms = (rule.kept_e8, rule.inclusive, rule.span_ns, rule.min_liquidations)
    most = kernel.mark_starts(interest_times, liquidation_times, low, high, *terms, may_start)
    records = np.empty((liquidation_times.size // rule.min_liquidations + 1, kernel.RECORD), dtype=np.int64)
    capacity = 1 << (most - 1).bit_length()
    while True:
        state = np.zeros(kernel.HEADER + 4 * capacity, dtype=np.int64)
        kernel.prepare(state, *terms)
        found = kernel.label_history(interest_times, interest_units, liquidation_times, may_start, state, records)
        if found >= 0:
            return records[:found].copy()
        capacity *= 2


def outcome_of(price_start: Decimal, price_end: Decimal, price_after: Decimal, neutral_move_pct: Decimal) -> Outcome:
    """The move after the end against the move of the cascade: smaller than the neutral move NEUTRAL, against it REVERSAL, with it CONTINUATION.

    A cascade that left the price where it was has no direction to reverse or to continue: NEUTRAL.
    """
    move, after = price_end - price_start, price_after - price_end
    if move == 0 or _EXACT.multiply(abs(after), Decimal(100)) < _EXACT.multiply(neutral_move_pct, price_start) or after == 0:
        return "NEUTRAL"
    return "CONTINUATION" if (after > 0) == (move > 0) else "REVERSAL"


def label_coin(history: CoinHistory, rule: CascadeRule) -> LabeledCoin:
    """Every cascade of one coin with its waves and outcome; ids count from 1.

    A price at an instant is the last mark at or before it (decision 40). Withheld and counted, never NEUTRAL (decision 63): without a mark at or before
    the start; without a mark after the end; and when the record ends before the outcome is due, for a later record would say otherwise.
    """
    episodes: list[LabeledEpisode] = []
    withheld: dict[WithheldReason, int] = {}
    for row in find_cascades(history.interest_times, history.interest_units, history.liquidation_times, rule):
        start, end = int(row[0]), int(row[1])
        first, last = np.searchsorted(history.interest_times, (start, end))
        inside = slice(*np.searchsorted(history.liquidation_times, (start, end + 1)))
        due = end + rule.outcome_after_ns
        places = np.searchsorted(history.mark_times, (start, end, due), side="right") - 1
        reason = withheld_reason(int(places[0]) >= 0, int(places[2]) > int(places[1]), history.ends_ns >= due)
        if reason is not None:
            withheld[reason] = withheld.get(reason, 0) + 1
            continue
        stretch = slice(int(first), int(last) + 1)
        waves = detect_waves(history.liquidation_times[inside], history.interest_times[stretch], history.interest_units[stretch], rule.wave_gap_ns)
        prices = [Decimal(int(history.mark_units[place])).scaleb(-history.mark_decimals) for place in places]
        episodes.append(episode_of(len(episodes) + 1, history.coin, row, waves, prices, rule))
    return LabeledCoin(tuple(episodes), dict(sorted(withheld.items())))


def withheld_reason(has_earlier_price: bool, has_later_price: bool, is_due: bool) -> WithheldReason | None:
    """Why a cascade is withheld, or None when it can be labelled."""
    if not is_due:
        return "record_ends_early"
    if not has_earlier_price:
        return "no_earlier_price"
    return None if has_later_price else "no_later_price"


def episode_of(cascade_id: int, coin: str, record: Ints, waves: tuple[WaveLabel, ...], prices: list[Decimal], rule: CascadeRule) -> LabeledEpisode:
    """One labelled cascade. record: the kernel's five numbers; prices: at start, at end, and when the outcome was due."""
    cascade = LabeledCascade(
        cascade_id=cascade_id,
        coin=coin,
        start_ts=int(record[0]),
        end_ts=int(record[1]),
        oi_drop_pct=fall_pct(int(record[2]), int(record[3])),
        liquidation_count=int(record[4]),
        wave_count=len(waves),
        price_start=prices[0],
        price_end=prices[1],
        outcome=outcome_of(prices[0], prices[1], prices[2], rule.neutral_move_pct),
        price_5min_after=prices[2],
    )
    return LabeledEpisode(cascade, waves)
