"""Eligibility: which names were tradable on each refresh day, and for each name that is not, why, with the number.

Past-only: what is said of a day is computed from bars up to and including it. A day without a bar inside a name's life counts as a day without turnover.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import DataError
from tallystick.contracts.pool import Mode, Refusal
from tallystick.contracts.time import NS_PER_DAY, date_from_ns, ns_from_iso
from tallystick.kernels.turnover import MEASURES, turnover_measures
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import InstrumentBook
from tallystick.market.symbols import split_symbol
from tallystick.universe.config import Thresholds, UniverseConfig
from tallystick.universe.exclusions import excluded_because
from tallystick.universe.membership import Columns, Flags, confirmed, month_ends

NEVER = np.iinfo(np.int64).max
RULES = (
    "history_days",
    "avg_quote_vol_30",
    "avg_quote_vol_90",
    "avg_quote_vol_180",
    "liquidity_stability",
    "tradable_ratio_180",
    "days_above_90",
    "days_above_180",
)
"""The rules, in the order in which they are asked; each reads the measure in the same place."""
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Eligibility:
    """The universe of a day: members sorted, refusals sorted by symbol, and what could not be seen.

    `bases` maps the members to their assets. `benchmark` is None where the panel lacks it on that day. `survivorship` says in words what the instrument
    list cannot show.
    """

    as_of_date: str
    mode: Mode
    members: tuple[str, ...]
    refused: tuple[Refusal, ...]
    bases: dict[str, str]
    candidates: int
    refreshes: int
    benchmark: str | None
    unseen: tuple[str, ...]
    survivorship: str


def past(panel: BarPanel, as_of_date: str) -> BarPanel:
    """The daily bars up to and including the day. Raises DataError when the panel is not daily or has no bar on that day."""
    return panel.columns(0, day_column(panel, as_of_date) + 1)


def day_column(panel: BarPanel, as_of_date: str) -> int:
    """The column of a day. Raises DataError when the panel is not daily or does not cover the day."""
    if panel.interval_ns != NS_PER_DAY:
        raise DataError(f"expected daily bars, found bars of {panel.interval_minutes} minutes", where=panel.venue, hint="Resample the panel to 1440 minutes")
    day = ns_from_iso(as_of_date)
    if panel.bars == 0 or not panel.start_ns <= day < panel.end_ns:
        found = f"bars from {date_from_ns(panel.start_ns)} to {date_from_ns(panel.end_ns - 1)}" if panel.bars else "no bars"
        raise DataError(f"expected bars of {as_of_date}, found {found}", where=panel.venue, hint="Choose an as-of day that the bars cover")
    return (day - panel.start_ns) // NS_PER_DAY


def limits_of(thresholds: Thresholds) -> Values:
    """The thresholds in the order of RULES."""
    return np.array([float(getattr(thresholds, name)) for name in RULES])


class UniverseJudge:
    """Judges the universe of any day of a daily panel, in any mode; what several days share is computed once.

    Raises DataError when the bars are not daily or there are none.
    """

    def __init__(self, panel: BarPanel, book: InstrumentBook, config: UniverseConfig) -> None:
        day_column(panel, date_from_ns(panel.start_ns) if panel.bars else "1970-01-01")
        self.panel, self.book, self.config = panel, book, config
        self.present: Flags = panel.present()
        there = self.present.any(axis=1)
        self.first: Columns = np.where(there, self.present.argmax(axis=1), -1).astype(np.int64)
        self.turnover: Values = np.where(self.present, np.nan_to_num(panel.quote_volume), 0.0)
        self.months = month_ends(panel.open_times_ns, np.asarray(self.present.any(axis=0)))
        # A name that two venues share must not borrow the other venue's delisting date; a book without this venue is used as it is.
        rows = {row.venue_symbol: row for row in book.rows if row.venue == panel.venue}
        self.instruments = rows or {row.venue_symbol: row for row in book.rows}
        self.assets = {symbol: self._asset(symbol) for symbol in panel.symbols}
        self.known_bases = frozenset(row.base for row in book.rows) | {split_symbol(symbol).base for symbol in panel.symbols}
        ends = [self.instruments[symbol].delisted if symbol in self.instruments else None for symbol in panel.symbols]
        self.ends: Columns = np.array([NEVER if end is None else ns_from_iso(end) for end in ends], dtype=np.int64)
        self.order = sorted(range(len(panel.symbols)), key=lambda row: panel.symbols[row])
        self.limits = {mode: limits_of(thresholds) for mode, thresholds in config.thresholds.items()}
        self.measured_at = cache(self._measured_at)
        self.excluded = cache(self._excluded)

    def _asset(self, symbol: str) -> tuple[str, str]:
        row = self.instruments.get(symbol)
        if row is not None:
            return row.base, row.quote
        parts = split_symbol(symbol)
        return parts.base, parts.quote

    def _excluded(self, mode: Mode) -> dict[str, Refusal]:
        """Names that no day of the panel can make a member."""
        found = {}
        for symbol, (base, quote) in self.assets.items():
            why = excluded_because(base, self.known_bases, majors_only=mode == "core_major")
            if quote != self.config.quote or not symbol.endswith(self.config.quote):
                found[symbol] = Refusal(symbol=symbol, reason="quote asset", found=quote, limit=self.config.quote)
            elif why is not None:
                found[symbol] = Refusal(symbol=symbol, reason=why, found=base, limit=None)
        return found

    def measured(self, columns: Sequence[int], daily: float = 0.0) -> Values:
        """float64[S, C, 8]: the measures of every name at these columns."""
        out = np.empty((len(self.panel.symbols), len(columns), MEASURES))
        turnover_measures(self.turnover, self.first, np.asarray(columns, dtype=np.int64), daily, out)
        return out

    def _measured_at(self, column: int, daily: float) -> Values:
        return self.measured((column,), daily)[:, 0]

    def refreshes(self, column: int) -> tuple[int, ...]:
        """The refresh days that decide membership on a day: the first day, each month end before it, and the day itself."""
        return tuple(sorted({0, column, *(int(place) for place in self.months if place < column)}))

    def membership(self, columns: Sequence[int], mode: Mode) -> tuple[Flags, NDArray[np.int64]]:
        """bool[R, S] and int64[R, S]: who is a member after each of these refreshes, and the eligible refreshes in a row that end there."""
        thresholds = self.config.thresholds[mode]
        limits = self.limits[mode]
        fit = np.empty((len(columns), len(self.panel.symbols)), np.bool_)
        barred = np.empty_like(fit)
        never = np.array([symbol in self.excluded(mode) for symbol in self.panel.symbols])
        for place, column in enumerate(columns):
            # NaN, a window that is not full, misses every rule.
            fit[place] = (self.measured_at(column, thresholds.daily_quote_volume) >= limits).all(axis=1)
            # The day's bar closes at midnight: a name that is gone by then cannot be traded on the activation day.
            gone = int(self.panel.open_times_ns[column]) + NS_PER_DAY > self.ends
            barred[place] = never | gone | ~self.present[:, column]
        return confirmed(fit, barred, thresholds.entry_confirmations, thresholds.exit_confirmations)

    def judge(self, as_of_date: str, mode: Mode) -> Eligibility:
        """The universe of a day; only bars up to and including the day are read. Raises DataError for a day that the bars do not cover."""
        column = day_column(self.panel, as_of_date)
        refreshes = self.refreshes(column)
        members, runs = self.membership(refreshes, mode)
        names = self.panel.symbols
        refused = [self._refusal(row, column, mode, int(runs[-1, row])) for row in self.order if not members[-1, row]]
        chosen = tuple(names[row] for row in self.order if members[-1, row])
        benchmark = self.config.benchmark
        has_benchmark = benchmark in names and bool(self.present[self.panel.row(benchmark), column])
        return Eligibility(
            as_of_date=as_of_date,
            mode=mode,
            members=chosen,
            refused=tuple(refused),
            bases={symbol: self.assets[symbol][0] for symbol in chosen},
            candidates=len(names),
            refreshes=len(refreshes),
            benchmark=benchmark if has_benchmark else None,
            unseen=self._unseen(column),
            survivorship=_survivorship(self.book, self.panel.venue),
        )

    def _refusal(self, row: int, column: int, mode: Mode, run: int) -> Refusal:
        symbol, thresholds = self.panel.symbols[row], self.config.thresholds[mode]
        if symbol in self.excluded(mode):
            return self.excluded(mode)[symbol]
        if not 0 <= self.first[row] <= column:
            return Refusal(symbol=symbol, reason="no bar up to the day", found=0.0, limit=1.0)
        moment = int(self.panel.open_times_ns[column])
        day = date_from_ns(moment)
        if moment + NS_PER_DAY > self.ends[row]:
            return Refusal(symbol=symbol, reason="delisted", found=date_from_ns(int(self.ends[row])), limit=day)
        if not self.present[row, column]:
            seen = int(np.flatnonzero(self.present[row, :column])[-1])
            return Refusal(symbol=symbol, reason="no bar on the day", found=date_from_ns(int(self.panel.open_times_ns[seen])), limit=day)
        values, limits = self.measured_at(column, thresholds.daily_quote_volume)[row].tolist(), self.limits[mode].tolist()
        for rule, value, limit in zip(RULES, values, limits, strict=True):
            if not value >= limit:
                return Refusal(symbol=symbol, reason=rule, found=None if np.isnan(value) else value, limit=limit)
        return Refusal(symbol=symbol, reason="entry_confirmations", found=float(run), limit=float(thresholds.entry_confirmations))

    def _unseen(self, column: int) -> tuple[str, ...]:
        # The last instant of the day: what is delisted at its close was still tradable on it.
        moment = int(self.panel.open_times_ns[column]) + NS_PER_DAY - 1
        seen = {symbol for symbol, there in zip(self.panel.symbols, self.present[:, column], strict=True) if there}
        names = {row.venue_symbol for row in self.book.rows if row.venue == self.panel.venue and row.quote == self.config.quote}
        return tuple(sorted(name for name in names - seen if self.book.listed(name, moment, self.panel.venue)))


def _survivorship(book: InstrumentBook, venue: str) -> str:
    rows = [row for row in book.rows if row.venue == venue]
    gone = sum(row.delisted is not None for row in rows)
    undated = sum(row.listed is None for row in rows)
    if not rows:
        return f"no instrument of {venue} is known: names that were delisted before the bars were collected cannot be seen"
    text = f"{len(rows)} instruments known, {gone} with a delisting date, {undated} without a listing date"
    return text if gone else f"{text}: names that were delisted before the bars were collected cannot be seen"


def judge_universe(panel: BarPanel, instruments: InstrumentBook, config: UniverseConfig, as_of_date: str, mode: Mode) -> Eligibility:
    """The universe of one day. Raises DataError when the bars are not daily or do not cover the day."""
    return UniverseJudge(past(panel, as_of_date), instruments, config).judge(as_of_date, mode)


def choose_mode(judge: UniverseJudge, as_of_date: str, pool_size: int) -> tuple[Eligibility, str]:
    """The universe by `core_major` where that yields enough names on the day, else by `broad_liquid`; with the reason, in numbers."""
    major = judge.judge(as_of_date, "core_major")
    if len(major.members) >= pool_size:
        return major, f"{len(major.members)} names fulfil core_major on {as_of_date}, {pool_size} are needed"
    broad = judge.judge(as_of_date, "broad_liquid")
    days = day_column(judge.panel, as_of_date) + 1
    return broad, (
        f"core_major needs {pool_size} names, {judge.config.thresholds['core_major'].history_days} days of history and two refreshes; on {as_of_date} "
        f"{len(major.members)} names fulfil it with {days} days of bars, {len(broad.members)} fulfil broad_liquid"
    )


def best_refusals(refused: Sequence[Refusal], count: int = 5) -> str:
    """The first refusals in words, for an error message."""
    rows = [f"{row.symbol}: {row.reason} {_number(row.found)} (needs {_number(row.limit)})" for row in refused[:count]]
    return "; ".join(rows) + (f"; and {len(refused) - count} more" if len(refused) > count else "")


def _number(value: float | str | None) -> str:
    return "none" if value is None else f"{value:,.6g}" if isinstance(value, float) else value
