"""History from a venue for the front doors: fetched page by page into the lake, with the same answer as an import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tallystick.apps.assembly import candle_history
from tallystick.apps.market_data import stored_group
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.market import interval_text, minutes_of
from tallystick.market.fetch import FetchRequest, fetch
from tallystick.market.lake import Lake


def fetch_bars(
    root: Path, venue: str, request: FetchRequest, base_url: str | None = None, progress: Callable[[int, int], None] = lambda done, pages: None
) -> tuple[dict[str, Any], list[dict[str, str]], dict[str, int]]:
    """Fetch and store; answer the stored group as an import does, what was left out and why, and how many pages there were and were asked for.

    Raises ConfigurationError for an unknown venue, a name that no file can have, or a wrong range; DataError as `market.fetch.fetch` does.
    """
    _require_names(request.symbols)
    workspace = Workspace(root)
    lake = Lake(workspace)
    with candle_history(workspace, venue, base_url, request.interval, request.now_ns) as history:
        fetched = fetch(lake, history, request, progress)
    group = stored_group(lake, venue, minutes_of(request.interval), fetched.imported)
    group["symbols"] = [row for row in group["symbols"] if row["symbol"] in request.symbols]
    left_out = [{"what": what, "why": why} for what, why in fetched.notes]
    return group, left_out, {"pages": fetched.pages, "asked": fetched.asked}


def fetch_request(symbols: str, interval: str, start_ns: int, end_ns: int | None, now_ns: int) -> FetchRequest:
    """The request of a command line: names parted by commas, the end now where none is given. Raises ConfigurationError for an empty one."""
    names = tuple(sorted({name.strip() for name in symbols.split(",") if name.strip()}))
    return FetchRequest(names, interval_text(minutes_of(interval)), start_ns, now_ns if end_ns is None else end_ns, now_ns)


def _require_names(symbols: tuple[str, ...]) -> None:
    wrong = [name for name in symbols if not name.isascii() or not name[0].isalnum() or not all(letter.isalnum() or letter in "._-" for letter in name)]
    if wrong:
        raise ConfigurationError(
            f"expected symbols of letters, digits, dots and dashes, as the lake names its files, found {', '.join(wrong)}", where="--symbols"
        )
