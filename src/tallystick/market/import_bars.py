"""Import: rows of found files become checked bars in the lake, with assumed instruments; what is refused is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.contracts.errors import DataError
from tallystick.contracts.instruments import Instrument
from tallystick.contracts.market import QuoteVolumeSource, RefusalReason, interval_text
from tallystick.contracts.time import NS_PER_DAY, NS_PER_MINUTE, iso_from_ns
from tallystick.market.bar_checks import CheckedRows, SymbolRows, check_rows
from tallystick.market.bar_files import PRICES, REQUIRED, read_rows
from tallystick.market.bars import BarPanel
from tallystick.market.calendars import has_sessions
from tallystick.market.discovery import BarGroup
from tallystick.market.instruments import assumed_instruments
from tallystick.market.lake import Lake

WANTED = ("symbol", "venue", *REQUIRED, "quote_volume", "rth")
NAMED_FILES = 5


@dataclass(frozen=True, slots=True)
class ImportedBars:
    """What an import stored. `refused`: by symbol and reason, symbols without an accepted bar included; those stand in `without_bars` too."""

    panel: BarPanel
    coverage_sha256: str
    instruments: tuple[Instrument, ...]
    refused: Mapping[str, Mapping[RefusalReason, int]]
    without_bars: tuple[str, ...]

    def refused_total(self) -> dict[RefusalReason, int]:
        """Refused bars by reason over all symbols."""
        total: dict[RefusalReason, int] = {}
        for counts in self.refused.values():
            for reason, count in counts.items():
                total[reason] = total.get(reason, 0) + count
        return dict(sorted(total.items()))


def import_group(lake: Lake, group: BarGroup, *, end_ns: int, keep_others: bool = False) -> ImportedBars:
    """Read a group's files, refuse bad bars, store the rest with coverage and assumed instruments.

    On a calendar with sessions a bar outside them is refused too: one that is marked so, or at a time at which fewer than half of the symbols traded.
    `end_ns`: now, or the declared end of the data; a bar that closes after it is open and refused. `keep_others` keeps symbols that
    the lake has of this venue and interval already: needed where several groups share them. Raises DataError when no bar is left.
    """
    checked = {symbol: _check_symbol(frame, group, end_ns) for symbol, frame in _frames(group).items()}
    if has_sessions(group.calendar):
        checked = _within_sessions(checked)
    refused = {symbol: item.refused for symbol, item in checked.items() if item.refused}
    kept = {symbol: item for symbol, item in checked.items() if item.times_ns.size}
    without = tuple(symbol for symbol in sorted(checked) if symbol not in kept)
    if not kept:
        counts = "; ".join(f"{symbol}: " + ", ".join(f"{count} {reason}" for reason, count in sorted(found.items())) for symbol, found in refused.items())
        raise DataError(
            f"expected at least one good bar that closed by {iso_from_ns(end_ns)}, found none ({counts})",
            where=str(group.root),
            hint="Sort rows by time, oldest first, and give open times in UTC",
        )
    panel = panel_of(group.venue, group.interval_minutes, kept, sessions=has_sessions(group.calendar), where=str(group.root))
    estimated: dict[str, QuoteVolumeSource] = {symbol: "estimated" for symbol, item in kept.items() if item.estimated}
    coverage_sha256 = lake.write(panel, calendar=group.calendar, source=_source(group), refused=refused, quote_volume=estimated, keep_others=keep_others)
    instruments = assumed_instruments(panel, group.calendar, group.quote)
    lake.write_instruments(instruments)
    return ImportedBars(panel, coverage_sha256, instruments, refused, without)


def _source(group: BarGroup) -> str:
    files = [file.path.name if file.path == group.root else file.path.relative_to(group.root).as_posix() for file in group.files]
    more = f" and {len(files) - NAMED_FILES} more files" if len(files) > NAMED_FILES else ""
    return f"import of {', '.join(files[:NAMED_FILES])}{more}"


def _frames(group: BarGroup) -> dict[str, pl.DataFrame]:
    """Rows of each symbol in file order, its files by their first open time: names sort "part-10" before "part-2"."""
    parts: dict[str, list[tuple[int, pl.DataFrame]]] = {}
    for file in group.files:
        firsts = {member.symbol: member.first_ns for member in group.members if member.file == file}
        rows = read_rows(file, WANTED).filter(pl.col("venue") == group.venue, pl.col("symbol").is_in(list(firsts)))
        for name in ("quote_volume", "rth"):
            if name not in rows.columns:
                kind, value = (pl.Float64, None) if name == "quote_volume" else (pl.Boolean, True)
                rows = rows.with_columns(pl.lit(value, dtype=kind).alias(name))
        ordered = rows.select(WANTED)
        for key, frame in ordered.partition_by("symbol", as_dict=True, maintain_order=True).items():
            parts.setdefault(str(key[0]), []).append((firsts[str(key[0])], frame))
    return {symbol: pl.concat([frame for _, frame in sorted(parts[symbol], key=lambda part: part[0])]) for symbol in sorted(parts)}


def _check_symbol(frame: pl.DataFrame, group: BarGroup, end_ns: int) -> CheckedRows:
    times = frame.get_column("ts").fill_null(-1).to_numpy()
    columns = np.stack([frame.get_column(name).fill_null(float("nan")).to_numpy() for name in PRICES])
    in_session = frame.get_column("rth").fill_null(False).to_numpy() if has_sessions(group.calendar) else None
    return check_rows(SymbolRows(times, columns, in_session), group.interval_minutes * NS_PER_MINUTE, end_ns)


def _within_sessions(checked: Mapping[str, CheckedRows]) -> dict[str, CheckedRows]:
    """Refuse bars at times at which fewer than half of the symbols traded that have bars on that day or on both sides of it.

    A few names trade on after an early close. Kept, those times would be missing bars of everyone else, and no window over them would have a value.
    """
    alive = [item.times_ns for item in checked.values() if item.times_ns.size]
    if not alive:
        return dict(checked)
    times, traded = np.unique(np.concatenate(alive), return_counts=True)
    first_days, last_days = (np.sort([int(item[edge]) // NS_PER_DAY for item in alive]) for edge in (0, -1))
    days = times // NS_PER_DAY
    living = np.searchsorted(first_days, days, side="right") - np.searchsorted(last_days, days, side="left")
    sessions = times[2 * traded >= living]
    return {symbol: _only_at(item, sessions) for symbol, item in checked.items()}


def _only_at(item: CheckedRows, sessions: NDArray[np.int64]) -> CheckedRows:
    inside = np.isin(item.times_ns, sessions, assume_unique=True)
    outside = int(np.count_nonzero(~inside))
    if not outside:
        return item
    refused = {**item.refused, "outside_session": item.refused.get("outside_session", 0) + outside}
    return replace(item, times_ns=item.times_ns[inside], columns=np.ascontiguousarray(item.columns[:, inside]), refused=refused)


def panel_of(venue: str, interval_minutes: int, kept: Mapping[str, CheckedRows], *, sessions: bool, where: str) -> BarPanel:
    """Checked rows of some symbols as one panel; `sessions`: on the times that any of them has. Raises DataError for one that is too large."""
    step = interval_minutes * NS_PER_MINUTE
    first = min(int(item.times_ns[0]) for item in kept.values())
    last = max(int(item.times_ns[-1]) for item in kept.values())
    open_times = np.unique(np.concatenate([item.times_ns for item in kept.values()])) if sessions else np.empty(0, dtype=np.int64)
    count, symbols = open_times.size if sessions else (last - first) // step + 1, tuple(sorted(kept))
    most = 64_000_000
    if count * len(symbols) > most:
        raise DataError(
            f"expected at most {most} bars in one panel, found {len(symbols)} symbols over {count} intervals of {interval_text(interval_minutes)}",
            where=where,
            hint="Import a shorter range, or fewer symbols",
        )
    times = open_times if sessions else first + step * np.arange(count, dtype=np.int64)
    columns = np.full((6, len(symbols), count), np.nan)
    for row, symbol in enumerate(symbols):
        columns[:, row, np.searchsorted(times, kept[symbol].times_ns)] = kept[symbol].columns
    open_, high, low, close, volume, quote_volume = columns
    return BarPanel(venue, interval_minutes, symbols, times, open_, high, low, close, volume, quote_volume, 0 if sessions else None)
