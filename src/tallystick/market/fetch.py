"""Fetch: a venue's candles page by page into the lake. What was answered is kept, so a fetch that was killed goes on, and ends in the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tallystick.artifacts.folder_lock import locked
from tallystick.artifacts.paths import Workspace, get_fetched_dir
from tallystick.artifacts.seal import break_seal, seal_folder
from tallystick.artifacts.store import read_artifact, write_artifact
from tallystick.contracts.errors import ArtifactError, ConfigurationError, DataError
from tallystick.contracts.fetched_bars import FetchedBar, FetchedPage
from tallystick.contracts.market import QuoteVolumeSource, RefusalReason, interval_text, minutes_of
from tallystick.contracts.registry import contract
from tallystick.contracts.time import NS_PER_MINUTE, iso_from_ns
from tallystick.market.bar_checks import CheckedRows, SymbolRows, check_rows
from tallystick.market.import_bars import ImportedBars, panel_of
from tallystick.market.instruments import assumed_instruments
from tallystick.market.lake import Lake
from tallystick.market.ports import CandleAnswer, CandleHistory

NS_PER_MS = 1_000_000
PAGE = "market.fetched_page"
Progress = Callable[[int, int], None]

SETTLING_NS = NS_PER_MINUTE
"""So long after its end a page is not yet kept for good: a venue may tell the last bar of it only moments after that has closed."""


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """Open times in [start_ns, end_ns) of some symbols; now_ns: bars that close after it are open. Raises ConfigurationError for an empty range."""

    symbols: tuple[str, ...]
    interval: str
    start_ns: int
    end_ns: int
    now_ns: int

    def __post_init__(self) -> None:
        if not self.symbols or not self.start_ns < min(self.end_ns, self.now_ns):
            found = f"{len(self.symbols)} symbols from {iso_from_ns(self.start_ns)} to {iso_from_ns(min(self.end_ns, self.now_ns))}"
            raise ConfigurationError(f"expected symbols and a start in the past, before the end, found {found}", where="market fetch")


@dataclass(slots=True)
class FetchedBars:
    """What a fetch stored, how many pages it had to ask for, and `notes`: what the venue did not give, by symbol."""

    imported: ImportedBars
    pages: int
    asked: int
    notes: list[tuple[str, str]] = field(default_factory=list)


def fetch(lake: Lake, history: CandleHistory, request: FetchRequest, progress: Progress = lambda done, pages: None) -> FetchedBars:
    """Fetch what is not kept yet, check every bar as an import does, and store the symbols beside what the lake has.

    Bars of the same symbol outside the range stay. Raises DataError for an unknown symbol, a venue that does not answer, or when no bar is left;
    ConfigurationError for an interval that the venue does not have.
    """
    minutes = minutes_of(request.interval)
    interval = interval_text(minutes)
    if interval not in history.intervals:
        raise ConfigurationError(f"expected one of the intervals {', '.join(history.intervals)}, found {interval}", where=history.venue)
    folder = get_fetched_dir(lake.workspace, history.venue, interval)
    with locked(folder):
        return _fetch(lake, history, request, progress, folder)


def _fetch(lake: Lake, history: CandleHistory, request: FetchRequest, progress: Progress, folder: Path) -> FetchedBars:
    minutes = minutes_of(request.interval)
    pages = _Pages(lake.workspace, history, request, minutes)
    windows = tuple(pages.windows())
    total = len(windows) * len(request.symbols)
    # Asked before anything is kept: the folder of a symbol that is none would be no page's.
    missing = [symbol for symbol in request.symbols if any(not pages.is_kept(symbol, window) for window in windows)]
    if missing:
        history.require(missing)
        break_seal(folder)
    checked: dict[str, CheckedRows] = {}
    notes: list[tuple[str, str]] = []
    for place, symbol in enumerate(sorted(set(request.symbols))):
        told = _Told()
        for number, window in enumerate(windows):
            told.add(pages.page(symbol, window))
            progress(place * len(windows) + number + 1, total)
        checked[symbol] = told.checked(minutes, request)
        notes += told.left_out(symbol, checked[symbol], minutes, request)
    seal_folder(folder)
    return FetchedBars(_store(lake, history, minutes, checked, notes), total, pages.asked, notes)


class _Pages:
    """The pages of a request: windows of a fixed length on a fixed grid, so that any other request finds them again."""

    def __init__(self, workspace: Workspace, history: CandleHistory, request: FetchRequest, minutes: int) -> None:
        self._workspace, self._history, self._request, self._minutes = workspace, history, request, minutes
        self._interval = interval_text(minutes)
        self.asked = 0

    def windows(self) -> Iterator[tuple[int, int]]:
        """[from, to) in nanoseconds, ascending, that together cover the range up to now."""
        length = self._history.bars_a_page * self._minutes * NS_PER_MINUTE
        end = min(self._request.end_ns, self._request.now_ns)
        for start in range(self._request.start_ns // length * length, end, length):
            yield start, start + length

    def is_kept(self, symbol: str, window: tuple[int, int]) -> bool:
        """Whether a page was answered before and is final."""
        return self._path(symbol, window).is_file()

    def page(self, symbol: str, window: tuple[int, int]) -> FetchedPage:
        """A page, asked for unless it is kept. One that ends after now, or just before, is asked again each time.

        Raises ArtifactError for a kept one that is damaged.
        """
        path = self._path(symbol, window)
        if path.is_file():
            return self._kept(path, symbol, window)
        step = self._minutes * NS_PER_MINUTE
        last = min(window[1] - step, self._request.now_ns // step * step)
        answer = self._history.ask(symbol, self._interval, window[0] // NS_PER_MS, last // NS_PER_MS)
        self.asked += 1
        page = self._told(symbol, window, answer)
        if window[1] + SETTLING_NS <= self._request.now_ns:
            write_artifact(contract(PAGE), path, page)
        return page

    def _kept(self, path: Path, symbol: str, window: tuple[int, int]) -> FetchedPage:
        page: FetchedPage = read_artifact(contract(PAGE), path)
        found = (page.venue, page.symbol, page.interval_minutes, page.from_at, page.to_at)
        wanted = (self._history.venue, symbol, self._minutes, iso_from_ns(window[0]), iso_from_ns(window[1]))
        if found != wanted:
            raise ArtifactError(f"expected the page of {wanted}, found that of {found}", where=str(path), hint="Delete it: it is asked for again")
        return page

    def _told(self, symbol: str, window: tuple[int, int], answer: CandleAnswer) -> FetchedPage:
        inside = [row for row in answer.bars if window[0] <= row[0] * NS_PER_MS < window[1]]
        return FetchedPage(
            venue=self._history.venue,
            symbol=symbol,
            interval_minutes=self._minutes,
            from_at=iso_from_ns(window[0]),
            to_at=iso_from_ns(window[1]),
            answer_sha256=answer.sha256,
            repeated=answer.repeated,
            outside=len(answer.bars) - len(inside),
            bars=tuple(FetchedBar(t=str(row[0]), o=row[1], h=row[2], l=row[3], c=row[4], v=row[5], q=row[6]) for row in inside),
        )

    def _path(self, symbol: str, window: tuple[int, int]) -> Path:
        return self._workspace.path(
            PAGE, venue=self._history.venue, interval=self._interval, symbol=symbol, page=f"{window[0] // NS_PER_MS}-{window[1] // NS_PER_MS}"
        )


class _Told:
    """What a venue told of one symbol, page after page, as columns."""

    def __init__(self) -> None:
        self._times: list[NDArray[np.int64]] = []
        self._columns: list[NDArray[np.float64]] = []
        self._repeated = 0
        self._outside = 0

    def add(self, page: FetchedPage) -> None:
        """One page more."""
        rows = [[float(text) for text in (bar.o, bar.h, bar.l, bar.c, bar.v, bar.q or "nan")] for bar in page.bars]
        self._times.append(np.array([int(bar.t) * NS_PER_MS for bar in page.bars], dtype=np.int64))
        self._columns.append(np.array(rows, dtype=np.float64).reshape(-1, 6))
        self._repeated += page.repeated
        self._outside += page.outside

    def checked(self, minutes: int, request: FetchRequest) -> CheckedRows:
        """The bars of the range after the checks of an import; what was told twice word for word counts as duplicate too."""
        times, columns = np.concatenate(self._times), np.concatenate(self._columns)
        wanted = (times >= request.start_ns) & (times < request.end_ns)
        found = check_rows(SymbolRows(times[wanted], np.ascontiguousarray(columns[wanted].T)), minutes * NS_PER_MINUTE, request.now_ns)
        if not self._repeated:
            return found
        refused: dict[RefusalReason, int] = {**found.refused, "duplicate": found.refused.get("duplicate", 0) + self._repeated}
        return replace(found, refused=refused)

    def left_out(self, symbol: str, checked: CheckedRows, minutes: int, request: FetchRequest) -> Iterator[tuple[str, str]]:
        """What the venue did not give, or gave besides."""
        step = minutes * NS_PER_MINUTE
        if self._outside:
            yield f"{self._outside:,} bars of {symbol}", "the venue told them beside the times that it was asked for"
        if not checked.times_ns.size:
            yield symbol, f"the venue told no good bar from {iso_from_ns(request.start_ns)} on"
        elif checked.times_ns[0] - request.start_ns >= step:
            yield f"{symbol} before {iso_from_ns(int(checked.times_ns[0]))}", "the venue told no earlier bar: not listed yet, or no longer kept"


def _store(lake: Lake, history: CandleHistory, minutes: int, checked: Mapping[str, CheckedRows], notes: list[tuple[str, str]]) -> ImportedBars:
    refused = {symbol: item.refused for symbol, item in checked.items() if item.refused}
    kept = {symbol: item for symbol, item in checked.items() if item.times_ns.size}
    if not kept:
        raise DataError(
            f"expected bars of {', '.join(checked)}, found none: {notes[0][1] if notes else 'nothing was told'}",
            where=history.venue,
            hint="Ask for a later start",
        )
    joined, estimated = {}, {}
    for symbol, item in kept.items():
        joined[symbol], replaced = _beside(lake, history.venue, minutes, symbol, item)
        if joined[symbol].estimated:
            estimated[symbol] = "estimated"
        if replaced:
            notes.append((f"{replaced:,} stored bars of {symbol}", "replaced: the venue tells other values"))
    panel = panel_of(history.venue, minutes, joined, sessions=False, where=history.venue)
    kinds: dict[str, QuoteVolumeSource] = dict.fromkeys(estimated, "estimated")
    sha256 = lake.write(panel, calendar="crypto_24_7", source=f"fetched from {history.venue}", refused=refused, quote_volume=kinds, keep_others=True)
    instruments = assumed_instruments(panel, "crypto_24_7", history.quote)
    lake.write_instruments([row for row in instruments if row.id not in _told_by_venues(lake)])
    return ImportedBars(panel, sha256, instruments, refused, tuple(symbol for symbol in sorted(checked) if symbol not in kept))


def _told_by_venues(lake: Lake) -> set[str]:
    """Instruments whose units a venue told: no assumption replaces them."""
    if not lake.workspace.path("market.instruments").is_file():
        return set()
    return {row.id for row in lake.instruments().rows if row.source != "assumed"}


def _beside(lake: Lake, venue: str, minutes: int, symbol: str, item: CheckedRows) -> tuple[CheckedRows, int]:
    """Fetched bars together with the stored ones of other times, and how many stored ones they replace with other values."""
    if not lake.workspace.path("market.coverage", venue=venue, interval=interval_text(minutes)).is_file():
        return item, 0
    coverage, _ = lake.coverage(venue, minutes)
    if symbol not in coverage.symbols:
        return item, 0
    panel = lake.read(venue, minutes, (symbol,))
    there = panel.present()[0]
    times = panel.open_times_ns[there]
    columns = np.stack([getattr(panel, name)[0, there] for name in ("open", "high", "low", "close", "volume", "quote_volume")])
    again = np.isin(times, item.times_ns, assume_unique=True)
    stored = columns[:, again]
    fresh = item.columns[:, np.isin(item.times_ns, times, assume_unique=True)]
    all_times: NDArray[np.int64] = np.concatenate([times[~again], item.times_ns])
    order = np.argsort(all_times, kind="stable")
    together = np.concatenate([columns[:, ~again], item.columns], axis=1)[:, order]
    estimated = item.estimated or (coverage.symbols[symbol].quote_volume == "estimated" and bool((~again).any()))
    joined = CheckedRows(all_times[order], np.ascontiguousarray(together), item.refused, estimated)
    return joined, int((stored != fresh).any(axis=0).sum())
