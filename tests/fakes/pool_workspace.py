"""A workspace with daily bars in its lake, for tests of the pool's commands."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.daily_bars import book_of, daily_panel

from tallystick.artifacts.paths import Workspace
from tallystick.market.bars import BarPanel
from tallystick.market.lake import Lake


def pool_workspace(root: Path, panel: BarPanel | None = None) -> Workspace:
    """Nine names from 2022-01-01 to 2025-06-18, or the panel that is given, with assumed instruments."""
    bars = daily_panel(days=1265, start="2022-01-01") if panel is None else panel
    workspace = Workspace(root)
    Lake(workspace).write(bars, calendar="crypto_24_7", source="test")
    Lake(workspace).write_instruments(book_of(bars).rows)
    return workspace


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its relative name."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
