"""A pool for every month of a period, as a build on each month's last day would have selected it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tallystick.contracts.errors import DataError
from tallystick.contracts.pool import Mode
from tallystick.contracts.time import NS_PER_DAY, date_from_ns, ns_from_iso
from tallystick.universe.eligibility import UniverseJudge
from tallystick.universe.selection import PoolSelector, Selection

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class RefusedMonth:
    """A month whose pool was refused; `standing` is the release that stands for it, None before the first."""

    as_of_date: str
    why: str
    standing: str | None


@dataclass(frozen=True, slots=True)
class MonthlyPools:
    """The pools of a period, oldest first, and the months that were refused."""

    selections: tuple[Selection, ...]
    refused: tuple[RefusedMonth, ...]


def activation_date(as_of_date: str) -> str:
    """The day on which a release may first be traded: the day after its snapshot, when the snapshot's bar has closed."""
    return date_from_ns(ns_from_iso(as_of_date) + NS_PER_DAY)


def month_days(judge: UniverseJudge, first: str | None = None, last: str | None = None) -> tuple[str, ...]:
    """The last traded day of each whole month of the bars, within [first, last]."""
    times = judge.panel.open_times_ns[judge.months]
    # The month is over when the bars reach the next one; until then its last day is not known.
    next_months = (times.astype("datetime64[ns]").astype("datetime64[M]") + 1).astype("datetime64[ns]").astype(np.int64)
    days = [date_from_ns(int(time)) for time, after in zip(times, next_months, strict=True) if int(after) <= judge.panel.end_ns]
    return tuple(day for day in days if (first is None or day >= first) and (last is None or day <= last))


def select_months(
    selector: PoolSelector, days: Sequence[str], mode: Mode | None, pool_size: int, on_month: Progress = lambda done, total: None
) -> MonthlyPools:
    """The pool of each day. A refusal is recorded with its numbers and the last release stands.

    Raises DataError when every month is refused, with the last refusal.
    """
    chosen: list[Selection] = []
    refused: list[RefusedMonth] = []
    selector.models.fit_all(days)
    for number, day in enumerate(days, start=1):
        try:
            chosen.append(selector.select(day, mode, pool_size))
        except DataError as error:
            refused.append(RefusedMonth(day, error.message, chosen[-1].version if chosen else None))
        on_month(number, len(days))
    if not chosen:
        raise DataError(f"expected a pool in at least one of {len(days)} months: {refused[-1].why}", where=selector.judge.panel.venue)
    return MonthlyPools(tuple(chosen), tuple(refused))


def churn(before: Sequence[str], after: Sequence[str]) -> float:
    """Share of a pool that was not in the one before it: 1 − overlap / size."""
    return 1.0 - len(set(before) & set(after)) / len(after)


def later_delisted(judge: UniverseJudge, pools: MonthlyPools) -> tuple[tuple[str, str, str], ...]:
    """Names that a pool held and that were delisted since: symbol, date, and the last version that held it. What a survivors' list would never show."""
    names = {symbol: row.delisted[:10] for symbol, row in judge.instruments.items() if row.delisted is not None}
    last = {symbol: selection.version for selection in pools.selections for symbol in selection.pool}
    return tuple((symbol, names[symbol], last[symbol]) for symbol in sorted(names.keys() & last.keys()))
