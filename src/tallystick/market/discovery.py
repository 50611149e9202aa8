"""Finding bars in a folder of anything: by columns, not by names; grouped by what can be traded together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tallystick.contracts.errors import DataError
from tallystick.contracts.market import Calendar, interval_text
from tallystick.contracts.time import NS_PER_DAY, NS_PER_MINUTE, date_from_ns
from tallystick.market.bar_files import BarFile, NotBars, inspect_file, read_rows, require_bars
from tallystick.market.bar_spacing import measure_spacing, why_unusable
from tallystick.market.calendars import VENUE_CLASS, calendar_of
from tallystick.market.symbols import split_symbol

MINIMUM_SYMBOLS = 5
MINIMUM_DAYS = 180
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")


@dataclass(frozen=True, slots=True)
class SymbolBars:
    """Bars of one symbol in one file: rows, open times of the first and last (ns), the modal spacing in minutes."""

    file: BarFile
    venue: str
    symbol: str
    rows: int
    first_ns: int
    last_ns: int
    interval_minutes: int

    @property
    def days(self) -> float:
        """Days from the open of the first bar to the close of the last."""
        return (self.last_ns - self.first_ns) / NS_PER_DAY + self.interval_minutes / 1440


@dataclass(frozen=True, slots=True)
class BarGroup:
    """Bars that belong together: one venue, calendar, interval and quote asset."""

    root: Path
    venue: str
    calendar: Calendar
    interval_minutes: int
    quote: str
    members: tuple[SymbolBars, ...]

    @property
    def venue_class(self) -> str:
        """`crypto` or `equities`."""
        return VENUE_CLASS[self.calendar]

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols, sorted."""
        return tuple(sorted({member.symbol for member in self.members}))

    @property
    def files(self) -> tuple[BarFile, ...]:
        """The files that hold the group, sorted by path."""
        return tuple(file for _, file in sorted({str(member.file.path): member.file for member in self.members}.items()))

    @property
    def days(self) -> float:
        """Days from the first bar of any symbol to the last of any."""
        first, last = min(member.first_ns for member in self.members), max(member.last_ns for member in self.members)
        return (last - first) / NS_PER_DAY + self.interval_minutes / 1440

    def symbols_with(self, days: float) -> int:
        """How many symbols have at least so many days of history."""
        return len({member.symbol for member in self.members if member.days >= days})

    def describe(self) -> str:
        """One line for people."""
        first, last = min(member.first_ns for member in self.members), max(member.last_ns for member in self.members)
        quote = f" {self.quote}" if self.quote else ""
        span = f"{date_from_ns(first)} to {date_from_ns(last)}"
        return f"{self.venue}{quote} {interval_text(self.interval_minutes)} ({self.venue_class}, {len(self.symbols)} symbols, {span})"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was found and is not used, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Discovery:
    """Every group of bars below a folder, finest interval first, and everything that is no bars."""

    root: Path
    groups: tuple[BarGroup, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class GroupChoice:
    """The group to trade, and the others with the reason."""

    group: BarGroup
    left_out: tuple[LeftOut, ...]


def discover(root: Path) -> Discovery:
    """Look at every file below a folder (or at one file). Raises DataError for a missing or empty folder, or one without any bars."""
    if not root.exists():
        raise DataError("expected a folder with bars, found none of that name", where=str(root), hint="Check the path given with --data")
    left_out: list[LeftOut] = []
    members: list[tuple[Calendar, SymbolBars]] = []
    paths, with_columns = list(_files(root)), False
    if not paths:
        raise DataError("expected bar files (Parquet or CSV), found an empty folder", where=str(root))
    for path in paths:
        what = path.name if path == root else path.relative_to(root).as_posix()
        # a single file that was named on purpose is refused aloud, not listed
        found = require_bars(path) if path == root else inspect_file(path)
        if isinstance(found, NotBars):
            left_out.append(LeftOut(what, found.why))
            continue
        with_columns = True
        try:
            members.extend(_scan(found, what, left_out))
        except DataError as error:
            left_out.append(LeftOut(what, error.message))
    if not members:
        raise DataError(f"expected at least one bar file, found none: {_first_reasons(left_out)}", where=str(root), hint="" if with_columns else _COLUMNS_HINT)
    return Discovery(root, _grouped(root, members), tuple(left_out))


_COLUMNS_HINT = "A bar file is Parquet or CSV with the columns symbol, ts, open, high, low, close, volume"


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    yield from sorted((path for path in root.rglob("*") if path.is_file()), key=lambda path: path.relative_to(root).as_posix())


def _first_reasons(left_out: Sequence[LeftOut]) -> str:
    # a file that only lacks a column tells more than one that is something else
    ranked = sorted(left_out, key=lambda item: not item.why.startswith("has no column "))
    text = "; ".join(f"{item.what} {item.why}" for item in ranked[:3])
    return text if len(ranked) <= 3 else f"{text}; and {len(ranked) - 3} more files"


def _scan(file: BarFile, what: str, left_out: list[LeftOut]) -> Iterator[tuple[Calendar, SymbolBars]]:
    """The symbols of a file, with the calendar that its bars of one venue and interval behave by."""
    rows = read_rows(file, ("symbol", "venue", "ts", "rth")).with_row_index("row", offset=1).filter(pl.col("ts").is_not_null())
    has_sessions = "rth" in rows.columns
    found = measure_spacing(rows).to_dicts()
    usable = []
    for row in found:
        why = _unusable_name(row["venue"], row["symbol"]) or why_unusable(row)
        if why:
            left_out.append(LeftOut(f"{what}: {row['symbol'] or 'rows without a symbol'}", why))
        else:
            usable.append(row)
    if not usable:
        left_out.append(LeftOut(what, "has no usable bars"))
    for venue, step in sorted({(row["venue"], row["step"]) for row in usable}):
        same = [row for row in usable if row["venue"] == venue and row["step"] == step]
        minutes = step // NS_PER_MINUTE
        calendar = calendar_of(
            weekend_share=sum(row["weekend"] for row in same) / sum(row["rows"] for row in same),
            span_days=(max(row["last"] for row in same) - min(row["first"] for row in same)) / NS_PER_DAY,
            interval_minutes=minutes,
            has_sessions=has_sessions,
            crypto_quote=any(split_symbol(row["symbol"]).quote for row in same),
        )
        for row in same:
            yield calendar, SymbolBars(file, venue, row["symbol"], row["rows"], row["first"], row["last"], minutes)


def _unusable_name(venue: str, symbol: str) -> str:
    for kind, text in (("venue", venue), ("symbol", symbol)):
        if not _NAME.match(text):
            return f"expected a {kind} of letters, digits, dot, hyphen and underscore, found {text!r}"
    return ""


def _grouped(root: Path, members: Iterable[tuple[Calendar, SymbolBars]]) -> tuple[BarGroup, ...]:
    groups: dict[tuple[int, str, str, Calendar], list[SymbolBars]] = {}
    for calendar, member in members:
        # BTC and BTCUSDT of one venue are two ways of naming, not two symbols to trade against each other
        quote = "USD" if calendar == "us_equities" else split_symbol(member.symbol).quote
        groups.setdefault((member.interval_minutes, member.venue, quote, calendar), []).append(member)
    return tuple(
        BarGroup(root, venue, calendar, minutes, quote, tuple(sorted(found, key=lambda member: (member.symbol, str(member.file.path)))))
        for (minutes, venue, quote, calendar), found in sorted(groups.items(), key=lambda item: item[0])
    )


def left_out_lines(left_out: Sequence[LeftOut], named: int = 2) -> tuple[str, ...]:
    """One line per reason, the first few names and the count of the others, in order of appearance."""
    by_reason: dict[str, list[str]] = {}
    for item in left_out:
        by_reason.setdefault(item.why, []).append(item.what)
    return tuple(f"{', '.join(names[:named])}{f' and {len(names) - named} more' if len(names) > named else ''}: {why}" for why, names in by_reason.items())


def choose_group(groups: Sequence[BarGroup], minimum_symbols: int = MINIMUM_SYMBOLS, minimum_days: float = MINIMUM_DAYS) -> GroupChoice:
    """The finest crypto group with enough symbols of enough days each; equities only where no crypto group has them.

    Of equally fine groups the one with more symbols, then more days, then the first by venue. Raises DataError when none has enough.
    """
    enough = [group for group in groups if group.symbols_with(minimum_days) >= minimum_symbols]
    ranked = sorted(
        enough, key=lambda group: (group.venue_class != "crypto", group.interval_minutes, -len(group.symbols), -group.days, group.venue, group.quote)
    )
    if not ranked:
        have = "; ".join(group.describe() for group in groups) or "no bars"
        raise DataError(f"expected a group of at least {minimum_symbols} symbols with {minimum_days:g} days of bars, found: {have}")
    chosen = ranked[0]
    left_out = tuple(LeftOut(group.describe(), _why_not(group, chosen, minimum_symbols, minimum_days)) for group in groups if group is not chosen)
    return GroupChoice(chosen, left_out)


def _why_not(group: BarGroup, chosen: BarGroup, minimum_symbols: int, minimum_days: float) -> str:
    if len(group.symbols) < minimum_symbols:
        return f"has {len(group.symbols)} symbols, {minimum_symbols} are needed"
    if group.symbols_with(minimum_days) < minimum_symbols:
        return f"has {group.symbols_with(minimum_days)} symbols with {minimum_days:g} days of history, {minimum_symbols} are needed"
    if group.venue_class != chosen.venue_class:
        return "equities are traded only where there is no crypto group"
    if group.interval_minutes != chosen.interval_minutes:
        return f"is coarser than {interval_text(chosen.interval_minutes)}"
    return "has fewer symbols or days than the chosen group"
