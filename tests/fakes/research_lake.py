"""A workspace with stored bars for the research commands, and a search on it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.fakes.contract_examples import example_paths
from tests.fakes.research_market import CODE, NOW_NS, book_of, walk_panel

from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import write_artifact
from tallystick.contracts.registry import contract
from tallystick.contracts.time import iso_from_ns
from tallystick.market.bars import BarPanel
from tallystick.market.lake import Lake
from tallystick.research.run import data_sha256
from tallystick.research.run_report import Provenance

PANEL = walk_panel(3, 700, seed=5)
GRID = {"ma_bars": [5, 10, 20], "rsi_buy_max": [55, 65]}
STATIC = ("static", None, None)


def research_lake(root: Path, panel: BarPanel = PANEL) -> Workspace:
    """A workspace whose lake holds the panel."""
    workspace, lake = Workspace(root), Lake(Workspace(root))
    lake.write(panel, calendar="crypto_24_7", source="test")
    lake.write_instruments(book_of(panel).rows)
    return workspace


def live_pool(workspace: Workspace, as_of_date: str) -> None:
    """A pool of that day in the workspace: five symbols, of which the panel has two."""
    item = contract("universe.live_pool")
    document = json.loads(example_paths(item)[0].read_bytes())
    symbols = ["ETHUSDT", "BTCUSDT", "XRPUSDT", "SUIUSDT", "TRXUSDT"]
    document |= {"as_of_date": as_of_date, "version": f"{as_of_date}-core_major", "symbols": symbols}
    document["symbol_map"] = {symbol: {"base_asset": symbol.removesuffix("USDT")} for symbol in symbols}
    document.pop("selection_meta", None)
    write_artifact(item, workspace.path(item), document)


def provenance(panel: BarPanel = PANEL, now_ns: int = NOW_NS) -> Provenance:
    """Who asked, on which data."""
    return Provenance(created_at=iso_from_ns(now_ns), code=CODE, request_id=None, config_path=None, coverage=(), data_sha256=data_sha256(panel))


def tree(folder: Path) -> dict[str, str]:
    """Every file's hash by its name."""
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}


def rows(path: Path) -> list[dict[str, Any]]:
    """A table as rows of text."""
    import csv

    return list(csv.DictReader(path.read_text().splitlines()))


def silent(done: int, total: int) -> None:
    """Progress that nobody sees."""
