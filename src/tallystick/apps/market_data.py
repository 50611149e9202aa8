"""Market data for the front doors: import, generate, and say what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.artifacts.paths import Workspace, get_market_dir
from tallystick.contracts.errors import DataError
from tallystick.contracts.instruments import Calendar
from tallystick.contracts.market import Coverage, interval_text, minutes_of
from tallystick.contracts.time import NS_PER_DAY, ns_from_iso
from tallystick.market.bars import BarPanel
from tallystick.market.discovery import BarGroup, choose_group, discover, left_out_lines
from tallystick.market.generator import BENCHMARK, DEFAULT_SYMBOLS, generate
from tallystick.market.import_bars import ImportedBars, import_group
from tallystick.market.lake import Lake

DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class StoredMarket:
    """A group of bars in the lake, with its daily bars beside it; `notes` say what was left out and why."""

    venue: str
    interval_minutes: int
    calendar: Calendar
    coverage_sha256: str
    daily_coverage_sha256: str
    notes: tuple[str, ...]


def store_generated(
    workspace: Workspace, seed: int, *, count: int | None = None, start: str = "2023-01-01", days: int = 900, interval_minutes: int = 60
) -> StoredMarket:
    """Generate a market and store its bars, its daily bars, its instruments and what is true of it."""
    names = _generated_names(count)
    market = generate(seed, names, days, interval_minutes, ns_from_iso(start) // NS_PER_DAY * NS_PER_DAY)
    lake = Lake(workspace)
    sha256 = lake.write(market.panel, calendar="crypto_24_7", source=f"generator, seed {seed}")
    lake.write_truth(market.truth)
    lake.write_instruments(market.instruments)
    daily = _store_daily(lake, market.panel, "crypto_24_7", sha256)
    return StoredMarket(market.panel.venue, interval_minutes, "crypto_24_7", sha256, daily, ())


def _generated_names(count: int | None) -> tuple[str, ...]:
    if count is None:
        return DEFAULT_SYMBOLS
    others = tuple(name for name in DEFAULT_SYMBOLS if name != BENCHMARK)
    if not 1 <= count <= len(others) + 1:
        raise DataError(f"expected 1 to {len(others) + 1} symbols, found {count}", where="--symbols")
    return tuple(sorted((BENCHMARK, *others[: count - 1])))


def store_folder(workspace: Workspace, folder: Path, *, end_ns: int) -> StoredMarket:
    """Find the bars below a folder, choose the group to trade, store it and its daily bars. Raises DataError when nothing fits."""
    found = discover(folder)
    choice = choose_group(found.groups)
    lake = Lake(workspace)
    imported = import_group(lake, choice.group, end_ns=end_ns)
    daily = _store_daily(lake, imported.panel, choice.group.calendar, imported.coverage_sha256)
    notes = [f"using {choice.group.describe()}"]
    notes += [f"left out {line}" for line in left_out_lines((*choice.left_out, *found.left_out))]
    notes += [f"refused {count:,} bars: {reason}" for reason, count in imported.refused_total().items()]
    return StoredMarket(imported.panel.venue, imported.panel.interval_minutes, choice.group.calendar, imported.coverage_sha256, daily, tuple(notes))


def _store_daily(lake: Lake, panel: BarPanel, calendar: Calendar, sha256: str) -> str:
    if panel.interval_minutes == DAY_MINUTES:
        return sha256
    daily = panel.resampled(DAY_MINUTES)
    with_bars = [symbol for symbol, row in zip(daily.symbols, daily.present(), strict=True) if row.any()]
    return lake.write(daily.select(with_bars), calendar=calendar, source=f"resampled from {interval_text(panel.interval_minutes)}, coverage {sha256}")


def import_paths(
    root: Path, paths: Sequence[Path], *, venue: str | None, interval: str | None, end_ns: int
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Import every group found below the paths that fits; answer what was stored and what was left out. Raises DataError when nothing fits."""
    lake = Lake(Workspace(root))
    stored: list[dict[str, Any]] = []
    left_out: list[dict[str, str]] = []
    for path in paths:
        found = discover(path)
        left_out += [{"what": item.what, "why": item.why} for item in found.left_out]
        for group in found.groups:
            why = _unwanted(group, venue, interval)
            if why:
                left_out.append({"what": group.describe(), "why": why})
                continue
            imported = import_group(lake, group, end_ns=end_ns, keep_others=True)
            stored.append(stored_group(lake, imported.panel.venue, imported.panel.interval_minutes, imported))
    if not stored:
        raise DataError(f"expected bars of venue {venue or 'any'} at interval {interval or 'any'}, found none below {', '.join(map(str, paths))}")
    return stored, left_out


def _unwanted(group: BarGroup, venue: str | None, interval: str | None) -> str:
    if venue is not None and group.venue != venue:
        return f"venue {group.venue}, not {venue}"
    if interval is not None and group.interval_minutes != minutes_of(interval):
        return f"interval {interval_text(group.interval_minutes)}, not {interval}"
    return ""


def generate_market(root: Path, seed: int, count: int | None, start: str, days: int, interval: str) -> dict[str, Any]:
    """Generate and store a market; answer what is stored."""
    workspace = Workspace(root)
    market = store_generated(workspace, seed, count=count, start=start, days=days, interval_minutes=minutes_of(interval))
    return stored_group(Lake(workspace), market.venue, market.interval_minutes, None)


def stored_groups(root: Path, interval: str | None) -> list[dict[str, Any]]:
    """Every group of bars in the lake. Raises DataError when there is none."""
    workspace = Workspace(root)
    lake = Lake(workspace)
    places = sorted(get_market_dir(workspace).glob("*/*/coverage.json"))
    found = [stored_group(lake, path.parent.parent.name, minutes_of(path.parent.name), None) for path in places if interval in (None, path.parent.name)]
    if not found:
        raise DataError(
            f"expected bars in the lake{f' at {interval}' if interval else ''}, found none", where=str(root), hint="See: tallystick market import --help"
        )
    return found


def stored_group(lake: Lake, venue: str, interval_minutes: int, imported: ImportedBars | None) -> dict[str, Any]:
    """A group of the lake as the commands show it, with what an import of it refused."""
    document, sha256 = lake.coverage(venue, interval_minutes)
    place = lake.workspace.path("market.coverage", venue=venue, interval=interval_text(interval_minutes))
    return {
        "venue": venue,
        "interval": interval_text(interval_minutes),
        "path": str(place),
        "sha256": sha256,
        "symbols": _symbol_rows(document),
        "refused_rows": [{"reason": reason, "count": count} for reason, count in (imported.refused_total() if imported else {}).items()],
    }


def _symbol_rows(document: Coverage) -> list[dict[str, Any]]:
    return [
        {
            "symbol": symbol,
            "first": row.first,
            "last": row.last,
            "rows": row.rows,
            "gaps": len(row.gaps),
            "refused": sum(row.refused.values()),
        }
        for symbol, row in sorted(document.symbols.items())
    ]
