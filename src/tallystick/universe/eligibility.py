"""Eligibility: which names were tradable on each refresh day, and for each name that is not, why, with the number.

Past-only: everything here is computed from bars up to and including the day. A day without a bar inside a name's life counts as a day
without turnover.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import DataError
from tallystick.contracts.instruments import Instrument
from tallystick.contracts.pool import Mode, Refusal
from tallystick.contracts.time import NS_PER_DAY, date_from_ns, ns_from_iso
from tallystick.kernels.statistics import mean
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import InstrumentBook
from tallystick.market.symbols import split_symbol
from tallystick.universe.config import Thresholds, UniverseConfig
from tallystick.universe.exclusions import excluded_because
from tallystick.universe.membership import confirmed, refresh_columns

WINDOWS = (30, 90, 180)


@dataclass(frozen=True, slots=True)
class Measures:
    """What a name showed on one day. Average turnovers are NaN until their window is full; age counts calendar days, first bar's day included."""

    age_days: int
    avg_quote_vol_30: float
    avg_quote_vol_90: float
    avg_quote_vol_180: float
    liquidity_stability: float
    tradable_ratio_180: float
    days_above_90: int
    days_above_180: int


@dataclass(frozen=True, slots=True)
class Eligibility:
    """The universe of a day: members sorted, refusals sorted by symbol, measures of each candidate on that day, and what could not be seen.

    `benchmark` is None where the panel lacks it. `survivorship` says in words what the instrument list cannot show.
    """

    as_of_date: str
    mode: Mode
    members: tuple[str, ...]
    refused: tuple[Refusal, ...]
    measures: dict[str, Measures]
    bases: dict[str, str]
    candidates: int
    refreshes: int
    benchmark: str | None
    unseen: tuple[str, ...]
    survivorship: str


def past(panel: BarPanel, as_of_date: str) -> BarPanel:
    """The daily bars up to and including the day. Raises DataError when the panel is not daily or has no bar on that day."""
    if panel.interval_ns != NS_PER_DAY:
        raise DataError(f"expected daily bars, found bars of {panel.interval_minutes} minutes", where=panel.venue, hint="Resample the panel to 1440 minutes")
    day = ns_from_iso(as_of_date)
    if panel.bars == 0 or not panel.start_ns <= day < panel.end_ns:
        found = f"bars from {date_from_ns(panel.start_ns)} to {date_from_ns(panel.end_ns - 1)}" if panel.bars else "no bars"
        raise DataError(f"expected bars of {as_of_date}, found {found}", where=panel.venue, hint="Choose an as-of day that the bars cover")
    return panel.between(panel.start_ns, day + NS_PER_DAY)


def measure(quote_volume: NDArray[np.float64], present: NDArray[np.bool_], column: int, first: int, thresholds: Thresholds) -> Measures:
    """Measures of one name on the day at `column`, from the columns `first` (its first bar) to that day."""
    age = column - first + 1
    turnover = np.where(present, np.nan_to_num(quote_volume), 0.0)
    averages = {days: float(mean(turnover[column - days + 1 : column + 1])) if age >= days else float("nan") for days in WINDOWS}
    values = list(averages.values())
    full = age >= WINDOWS[-1]
    window = turnover[max(first, column - 179) : column + 1]
    return Measures(
        age_days=age,
        avg_quote_vol_30=averages[30],
        avg_quote_vol_90=averages[90],
        avg_quote_vol_180=averages[180],
        liquidity_stability=(min(values) / max(values) if max(values) > 0 else 0.0) if full else float("nan"),
        tradable_ratio_180=int(np.count_nonzero(window > 0)) / window.size if window.size >= 30 else float("nan"),
        days_above_90=int(np.count_nonzero(window[-90:] >= thresholds.daily_quote_volume)),
        days_above_180=int(np.count_nonzero(window >= thresholds.daily_quote_volume)),
    )


def shortfall(found: Measures, thresholds: Thresholds) -> tuple[str, float, float] | None:
    """The first rule that the measures miss: its name, the number found, the number asked for. NaN misses every rule."""
    for name in (
        ("age_days", "history_days"),
        ("avg_quote_vol_30", "avg_quote_vol_30"),
        ("avg_quote_vol_90", "avg_quote_vol_90"),
        ("avg_quote_vol_180", "avg_quote_vol_180"),
        ("liquidity_stability", "liquidity_stability"),
        ("tradable_ratio_180", "tradable_ratio_180"),
        ("days_above_90", "days_above_90"),
        ("days_above_180", "days_above_180"),
    ):
        value, limit = float(getattr(found, name[0])), float(getattr(thresholds, name[1]))
        # Written so that NaN, a window that is not full, misses the rule.
        if not value >= limit:
            return name[1], value, limit
    return None


def _life_end(row: Instrument | None) -> int | None:
    return None if row is None or row.delisted is None else ns_from_iso(row.delisted)


class _Judge:
    """One name over all refresh days."""

    def __init__(self, panel: BarPanel, book: InstrumentBook, config: UniverseConfig, mode: Mode, bases: frozenset[str]) -> None:
        self.panel, self.book, self.config, self.mode, self.bases = panel, book, config, mode, bases
        self.thresholds = config.thresholds[mode]
        self.present = panel.present()
        self.columns = refresh_columns([int(time) for time in panel.open_times_ns])
        # A name that two venues share must not borrow the other venue's delisting date; a book without this venue is used as it is.
        rows = {row.venue_symbol: row for row in book.rows if row.venue == panel.venue}
        self.instruments = rows or {row.venue_symbol: row for row in book.rows}

    def asset(self, symbol: str) -> tuple[str, str]:
        """Base and quote, from the instrument, else from the symbol."""
        row = self.instruments.get(symbol)
        if row is not None:
            return row.base, row.quote
        parts = split_symbol(symbol)
        return parts.base, parts.quote

    def judge(self, symbol: str) -> tuple[bool, Refusal | None, Measures | None]:
        """Whether it is a member on the last day; else why not."""
        base, quote = self.asset(symbol)
        if quote != self.config.quote or not symbol.endswith(self.config.quote):
            return False, Refusal(symbol=symbol, reason="quote asset", found=quote, limit=self.config.quote), None
        why = excluded_because(base, self.bases, majors_only=self.mode == "core_major")
        if why is not None:
            return False, Refusal(symbol=symbol, reason=why, found=base, limit=None), None
        row = self.panel.row(symbol)
        there = np.flatnonzero(self.present[row])
        if there.size == 0:
            return False, Refusal(symbol=symbol, reason="no bar up to the day", found=0.0, limit=1.0), None
        return self._over_refreshes(symbol, row, int(there[0]))

    def _over_refreshes(self, symbol: str, row: int, first: int) -> tuple[bool, Refusal | None, Measures | None]:
        end, turnover, present = _life_end(self.instruments.get(symbol)), self.panel.quote_volume[row], self.present[row]
        eligible: list[bool] = []
        barred: list[bool] = []
        last: Measures | None = None
        for column in self.columns:
            # The day's bar closes at midnight: a name that is gone by then cannot be traded on the activation day.
            gone = end is not None and int(self.panel.open_times_ns[column]) + NS_PER_DAY > end
            shut = gone or not present[column]
            last = None if column < first else measure(turnover, present, column, first, self.thresholds)
            barred.append(shut)
            eligible.append(last is not None and not shut and shortfall(last, self.thresholds) is None)
        member = confirmed(eligible, barred, self.thresholds.entry_confirmations, self.thresholds.exit_confirmations)[-1]
        if member or last is None:
            return member, None, last
        day = date_from_ns(int(self.panel.open_times_ns[-1]))
        if end is not None and int(self.panel.open_times_ns[-1]) + NS_PER_DAY > end:
            return False, Refusal(symbol=symbol, reason="delisted", found=date_from_ns(end), limit=day), last
        if not present[-1]:
            seen = date_from_ns(int(self.panel.open_times_ns[np.flatnonzero(present)[-1]]))
            return False, Refusal(symbol=symbol, reason="no bar on the day", found=seen, limit=day), last
        missed = shortfall(last, self.thresholds)
        if missed is not None:
            value = None if np.isnan(missed[1]) else missed[1]
            return False, Refusal(symbol=symbol, reason=missed[0], found=value, limit=missed[2]), last
        run = 0
        while run < len(eligible) and eligible[-1 - run]:
            run += 1
        return False, Refusal(symbol=symbol, reason="entry_confirmations", found=float(run), limit=float(self.thresholds.entry_confirmations)), last


def _unseen(book: InstrumentBook, panel: BarPanel, config: UniverseConfig) -> tuple[str, ...]:
    # The last instant of the day: what is delisted at its close was still tradable on it.
    moment = panel.end_ns - 1
    seen = {symbol for symbol, there in zip(panel.symbols, panel.present()[:, -1], strict=True) if there}
    names = {row.venue_symbol for row in book.rows if row.venue == panel.venue and row.quote == config.quote}
    return tuple(sorted(name for name in names - seen if book.listed(name, moment, panel.venue)))


def _survivorship(book: InstrumentBook, panel: BarPanel) -> str:
    rows = [row for row in book.rows if row.venue == panel.venue]
    gone = sum(row.delisted is not None for row in rows)
    undated = sum(row.listed is None for row in rows)
    if not rows:
        return f"no instrument of {panel.venue} is known: names that were delisted before the bars were collected cannot be seen"
    text = f"{len(rows)} instruments known, {gone} with a delisting date, {undated} without a listing date"
    return text if gone else f"{text}: names that were delisted before the bars were collected cannot be seen"


def judge_universe(panel: BarPanel, instruments: InstrumentBook, config: UniverseConfig, as_of_date: str, mode: Mode) -> Eligibility:
    """The universe of a day, from daily bars of any length; only bars up to and including the day are read.

    Raises DataError when the bars are not daily or do not cover the day, ConfigurationError for a mode without thresholds.
    """
    view = past(panel, as_of_date)
    bases = frozenset(row.base for row in instruments.rows) | {split_symbol(symbol).base for symbol in view.symbols}
    judge = _Judge(view, instruments, config, mode, bases)
    members: list[str] = []
    refused: list[Refusal] = []
    measures: dict[str, Measures] = {}
    for symbol in sorted(view.symbols):
        member, refusal, found = judge.judge(symbol)
        if found is not None:
            measures[symbol] = found
        if member:
            members.append(symbol)
        elif refusal is not None:
            refused.append(refusal)
    has_benchmark = config.benchmark in view.symbols and bool(judge.present[view.row(config.benchmark), -1])
    return Eligibility(
        as_of_date=as_of_date,
        mode=mode,
        members=tuple(members),
        refused=tuple(refused),
        measures=measures,
        bases={symbol: judge.asset(symbol)[0] for symbol in members},
        candidates=len(view.symbols),
        refreshes=len(judge.columns),
        benchmark=config.benchmark if has_benchmark else None,
        unseen=_unseen(instruments, view, config),
        survivorship=_survivorship(instruments, view),
    )


def choose_mode(panel: BarPanel, instruments: InstrumentBook, config: UniverseConfig, as_of_date: str, pool_size: int) -> tuple[Mode, str]:
    """`core_major` where it yields enough names on that day, else `broad_liquid`; with the reason, in numbers."""
    counts = {mode: len(judge_universe(panel, instruments, config, as_of_date, mode).members) for mode in config.thresholds}
    days = (past(panel, as_of_date).end_ns - panel.start_ns) // NS_PER_DAY
    if counts["core_major"] >= pool_size:
        return "core_major", f"{counts['core_major']} names fulfil core_major on {as_of_date}, {pool_size} are needed"
    need = config.thresholds["core_major"].history_days
    return "broad_liquid", (
        f"core_major needs {pool_size} names, {need} days of history and two refreshes; on {as_of_date} {counts['core_major']} names fulfil it "
        f"with {days} days of bars, {counts['broad_liquid']} fulfil broad_liquid"
    )


def best_refusals(refused: Sequence[Refusal], count: int = 5) -> str:
    """The first refusals in words, for an error message."""
    rows = [f"{row.symbol}: {row.reason} {_number(row.found)} (needs {_number(row.limit)})" for row in refused[:count]]
    return "; ".join(rows) + (f"; and {len(refused) - count} more" if len(refused) > count else "")


def _number(value: float | str | None) -> str:
    return "none" if value is None else f"{value:,.6g}" if isinstance(value, float) else value
