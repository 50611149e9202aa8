"""The lake: bar files on disk with their coverage, sealed; read back as a panel after their hashes were compared."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.artifacts.atomic import make_folder
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace, get_lake_dir
from tallystick.artifacts.seal import break_seal, seal_folder
from tallystick.artifacts.store import parse_artifact, read_artifact, read_bytes, write_artifact
from tallystick.contracts.errors import ArtifactError, DataError
from tallystick.contracts.instruments import Calendar, Instrument, Instruments
from tallystick.contracts.market import (
    BAR_CONVENTION,
    Coverage,
    GeneratorTruth,
    QuoteVolumeSource,
    RefusalReason,
    SymbolCoverage,
    interval_text,
)
from tallystick.contracts.registry import contract
from tallystick.contracts.time import NS_PER_MINUTE, iso_from_ns, ns_from_iso
from tallystick.market.bars import COLUMNS, BarPanel
from tallystick.market.calendars import has_sessions
from tallystick.market.coverage import cover_symbol, expected_times, find_gaps, find_sessions, open_times
from tallystick.market.instruments import InstrumentBook

NS_PER_MS = 1_000_000
Times = NDArray[np.int64]


class Lake:
    """Bars below `data/market/{venue}/{interval}`, one Parquet file per symbol, and `data/instruments/instruments.json`."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def write(
        self,
        panel: BarPanel,
        *,
        calendar: Calendar,
        source: str,
        refused: Mapping[str, Mapping[RefusalReason, int]] | None = None,
        quote_volume: Mapping[str, QuoteVolumeSource] | None = None,
        keep_others: bool = False,
    ) -> str:
        """Store a panel in place of what its folder held; answer the coverage's SHA-256. The folder is sealed last.

        On a calendar with sessions the market counts as open wherever some stored symbol has a bar. With `keep_others` symbols that are stored already
        and not in the panel stay. Raises DataError for a symbol without any bar, or for others of another calendar.
        """
        interval = interval_text(panel.interval_minutes)
        folder = get_lake_dir(self.workspace, panel.venue, interval)
        present = panel.present()
        grid = panel.open_times_ns[expected_times(present, calendar)]
        rows, sources, grid = self._others(panel, calendar, grid) if keep_others else ({}, (), grid)
        make_folder(folder)
        break_seal(folder)
        for index, symbol in enumerate(panel.symbols):
            if not present[index].any():
                raise DataError(f"expected bars of {symbol}, found none", where=panel.venue)
            path = self.workspace.path("market.bars", venue=panel.venue, interval=interval, symbol=symbol)
            sha256 = write_artifact(contract("market.bars"), path, bar_bytes(panel, index))
            on_grid = _on_grid(grid, panel.open_times_ns[present[index]])
            rows[symbol] = cover_symbol(
                grid,
                on_grid,
                find_gaps(grid, on_grid, np.ones_like(on_grid), panel.interval_ns),
                refused=(refused or {}).get(symbol, {}),
                quote_volume=(quote_volume or {}).get(symbol, "reported"),
                sha256=sha256,
            )
        for path in sorted(folder.glob("*.parquet")):
            if path.stem not in rows:
                path.unlink()
        coverage = Coverage(
            venue=panel.venue,
            interval_minutes=panel.interval_minutes,
            calendar=calendar,
            convention=BAR_CONVENTION,
            source="; ".join(dict.fromkeys((*sources, source))),
            symbols=rows,
            **({"sessions": find_sessions(grid, panel.interval_ns)} if has_sessions(calendar) else {}),
        )
        place = self.workspace.path("market.coverage", venue=panel.venue, interval=interval)
        coverage_sha256 = write_artifact(contract("market.coverage"), place, coverage)
        seal_folder(folder)
        return coverage_sha256

    def _others(self, panel: BarPanel, calendar: Calendar, grid: Times) -> tuple[dict[str, SymbolCoverage], tuple[str, ...], Times]:
        """Rows and sources of what stays beside the panel, and the grid of all. A time that the panel adds to the sessions can be a gap of the others."""
        if not self.workspace.path("market.coverage", venue=panel.venue, interval=interval_text(panel.interval_minutes)).is_file():
            return {}, (), grid
        stored, _ = self.coverage(panel.venue, panel.interval_minutes)
        others = {symbol: row for symbol, row in stored.symbols.items() if symbol not in panel.symbols}
        if others and stored.calendar != calendar:
            raise DataError(f"expected bars of calendar {stored.calendar} beside {', '.join(sorted(others))}, found {calendar}", where=panel.venue)
        sources = tuple(stored.source.split("; ")) if others else ()
        if not others or not has_sessions(calendar):
            return others, sources, grid
        kept = self.read(panel.venue, panel.interval_minutes, sorted(others))
        present = kept.present()
        grid = np.union1d(grid, kept.open_times_ns[present.any(axis=0)])
        for symbol, have in zip(kept.symbols, present, strict=True):
            on_grid = _on_grid(grid, kept.open_times_ns[have])
            gaps = find_gaps(grid, on_grid, np.ones_like(on_grid), panel.interval_ns)
            others[symbol] = others[symbol].model_copy(update={"gaps": gaps})
        return others, sources, grid

    def coverage(self, venue: str, interval_minutes: int) -> tuple[Coverage, str]:
        """The coverage of a folder and the SHA-256 of its bytes. Raises DataError when nothing is stored there."""
        interval = interval_text(interval_minutes)
        path = self.workspace.path("market.coverage", venue=venue, interval=interval)
        if not path.is_file():
            raise DataError(f"expected bars of {venue} at {interval}, found none", where=str(path), hint="Import bars, or generate a market, first")
        data = read_bytes(path)
        coverage: Coverage = parse_artifact(contract("market.coverage"), data, str(path))
        return coverage, sha256_bytes(data)

    def read(
        self,
        venue: str,
        interval_minutes: int,
        symbols: Sequence[str] | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        *,
        verified: bool = True,
    ) -> BarPanel:
        """Bars as a panel from the first to the last bar of the symbols, cut to open times in [start_ns, end_ns).

        On the regular grid, or on the session grid of the stored group where its calendar has sessions (see `BarPanel`).
        Every file's hash is compared with the coverage before it is parsed; a replay that must see altered bars passes `verified=False`.
        Raises DataError for an unknown symbol or an empty range, ArtifactError for a file that is not what was stored.
        """
        coverage, _ = self.coverage(venue, interval_minutes)
        names = tuple(sorted(coverage.symbols)) if symbols is None else tuple(symbols)
        unknown = [name for name in names if name not in coverage.symbols]
        if unknown or not names:
            raise DataError(f"expected symbols stored for {venue} ({', '.join(sorted(coverage.symbols))}), found {', '.join(unknown) or 'none asked for'}")
        first_ns = min(ns_from_iso(coverage.symbols[name].first) for name in names)
        last_ns = max(ns_from_iso(coverage.symbols[name].last) for name in names)
        from_ns = first_ns if start_ns is None else max(first_ns, start_ns)
        until_ns = last_ns + 1 if end_ns is None else min(last_ns + 1, end_ns)
        grid = open_times(coverage)
        first, end = np.searchsorted(grid, [from_ns, until_ns], side="left").tolist()
        if first >= end:
            raise DataError(f"expected bars of {venue} between {iso_from_ns(start_ns or 0)} and {iso_from_ns(end_ns or 0)}, found none")
        columns = np.full((6, len(names), end - first), np.nan)
        for row, name in enumerate(names):
            self._read_symbol(coverage, name, grid, first, columns[:, row], verified=verified)
        number = first if has_sessions(coverage.calendar) else None
        open_, high, low, close, volume, quote_volume = columns
        return BarPanel(venue, interval_minutes, names, grid[first:end], open_, high, low, close, volume, quote_volume, number)

    def _read_symbol(self, coverage: Coverage, symbol: str, grid: Times, first: int, out: NDArray[np.float64], *, verified: bool) -> None:
        """Fill out[6, T] with a symbol's bars from place `first` of the group's grid on."""
        interval, item = interval_text(coverage.interval_minutes), coverage.symbols[symbol]
        path = self.workspace.path("market.bars", venue=coverage.venue, interval=interval, symbol=symbol)
        data = read_bytes(path, item.sha256 if verified else None)
        try:
            frame = pl.read_parquet(io.BytesIO(data), columns=["ts", *COLUMNS])
            moments = frame.get_column("ts").dt.epoch("ms").to_numpy() * NS_PER_MS
            values = frame.select(COLUMNS).to_numpy().T
        except (pl.exceptions.PolarsError, OSError) as error:
            raise ArtifactError(f"expected a bar file, found one that cannot be read: {str(error).splitlines()[0]}", where=str(path)) from error
        if moments.size != item.rows:
            raise ArtifactError(f"expected {item.rows} rows as in the coverage, found {moments.size}", where=str(path))
        if has_sessions(coverage.calendar):
            places = np.searchsorted(grid, moments)
            strange = grid[np.minimum(places, grid.size - 1)] != moments
        else:
            places, strange = np.divmod(moments - grid[0], coverage.interval_minutes * NS_PER_MINUTE)
        if bool(strange.any()) or bool((np.diff(places) <= 0).any()):
            raise ArtifactError(f"expected open times every {interval} while the market is open, ascending, found others", where=str(path))
        inside = (places >= first) & (places < first + out.shape[1])
        out[:, places[inside] - first] = values[:, inside]

    def write_instruments(self, instruments: Sequence[Instrument]) -> str:
        """Add instruments to `data/instruments/instruments.json`, replacing those of the same id; answer the SHA-256."""
        path = self.workspace.path("market.instruments")
        known = self.instruments() if path.is_file() else InstrumentBook(())
        break_seal(path.parent)
        sha256 = write_artifact(contract("market.instruments"), path, known.merged(instruments).document())
        seal_folder(path.parent)
        return sha256

    def instruments(self) -> InstrumentBook:
        """The book of instruments of this workspace. Raises ArtifactError when there is none."""
        document: Instruments = read_artifact(contract("market.instruments"), self.workspace.path("market.instruments"))
        return InstrumentBook(document.instruments)

    def write_truth(self, truth: GeneratorTruth) -> str:
        """Store the truth of a generated market beside its bars, under their seal; answer the SHA-256."""
        interval = interval_text(truth.interval_minutes)
        path = self.workspace.path("market.generator_truth", venue=truth.venue, interval=interval)
        break_seal(path.parent)
        sha256 = write_artifact(contract("market.generator_truth"), path, truth)
        seal_folder(path.parent)
        return sha256


def _on_grid(grid: Times, moments: Times) -> NDArray[np.bool_]:
    """bool[N]: which times of an ascending grid are among the moments, all of which lie on it."""
    found = np.zeros(grid.size, dtype=np.bool_)
    found[np.searchsorted(grid, moments)] = True
    return found


def bar_bytes(panel: BarPanel, row: int) -> bytes:
    """The Parquet bytes of one symbol's bars: one row group, zstd, the same for the same bars."""
    present = panel.present()[row]
    moments = pl.Series("ts", panel.open_times_ns[present] // NS_PER_MS).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
    frame = pl.DataFrame(
        {
            "symbol": pl.repeat(panel.symbols[row], moments.len(), dtype=pl.String, eager=True),
            "ts": moments,
            **{name: getattr(panel, name)[row, present] for name in COLUMNS},
        }
    )
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=3, statistics=True, row_group_size=max(1, frame.height))
    return buffer.getvalue()
