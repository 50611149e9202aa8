"""Whether the inputs of a session are still what it was planned on, and if not, what became of its market: which bars came, and what that moved."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.apps.assembly import journal_path, journal_reader
from tallystick.artifacts.checksum import sha256_file
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import SafetyRefusal, TallystickError
from tallystick.contracts.session import SessionConfig
from tallystick.contracts.time import iso_from_ns, ns_from_iso
from tallystick.engine.bar_feed import Turn
from tallystick.engine.journal import decode_body
from tallystick.market.calendars import has_sessions
from tallystick.market.coverage import open_times
from tallystick.market.lake import Lake

GRID = "session_grid"


def grid_settings(workspace: Workspace, market_venue: str, interval_minutes: int, start_ns: int) -> dict[str, Any]:
    """What the bar numbers of a session count from, for its settings: where a market closes they are places among the stored bars. Empty elsewhere."""
    coverage, _ = Lake(workspace).coverage(market_venue, interval_minutes)
    if not has_sessions(coverage.calendar):
        return {}
    times = open_times(coverage)
    return {GRID: {"first_bar_at": iso_from_ns(int(times[0])), "bars_before_start": int(np.searchsorted(times, start_ns))}}


def check_inputs(workspace: Workspace, config: SessionConfig) -> None:
    """Raises SafetyRefusal for an input that is not the recorded one, with what happened to the session's market and what can be done."""
    for item in config.inputs:
        path = workspace.at(item.path)
        found = sha256_file(path) if path.is_file() else "no file"
        if found == item.sha256:
            continue
        story, hint = "", "See: tallystick verify, tallystick replay"
        if item.contract in ("market.coverage", "market.bars"):
            story = f": {'; '.join(_market_story(workspace, config))}"
            hint = "Import the files of then again, which replaces what is stored, to go on with it; or start another session. See: tallystick replay"
        raise SafetyRefusal(f"expected the input {item.path} with SHA-256 {item.sha256}, found {found}{story}", where=config.session_id, hint=hint)


def _market_story(workspace: Workspace, config: SessionConfig) -> list[str]:
    try:
        return [line for line in (_grid_story(workspace, config), _bars_story(workspace, config)) if line]
    except TallystickError as error:
        return [f"what is stored now cannot be read: {error.message}"]


def _grid_story(workspace: Workspace, config: SessionConfig) -> str:
    now = grid_settings(workspace, config.market_venue, int(config.interval_minutes), ns_from_iso(config.start)).get(GRID)
    then = config.settings.get(GRID)
    if now is None:
        return ""
    if then is None:
        return "its bar numbers may have moved, and it was planned by a version that did not record them"
    moved = now["bars_before_start"] - then["bars_before_start"]
    if now["first_bar_at"] < then["first_bar_at"]:
        return f"bars from {now['first_bar_at']} on were stored before its first bar, {then['first_bar_at']}, so that its bar numbers moved by {moved}"
    return f"other bars are stored before its start, so that its bar numbers moved by {moved}" if moved else "its bar numbers are the same"


def _bars_story(workspace: Workspace, config: SessionConfig) -> str:
    """Whether the bars that recorded cycles saw are still the ones that are stored."""
    rows = list(journal_reader(workspace, config.session_id).rows("commit")) if journal_path(workspace, config.session_id).is_file() else []
    if not rows:
        return "no cycle of it is recorded yet"
    panel = Lake(workspace).read(config.market_venue, int(config.interval_minutes), config.symbols, verified=False)
    columns = np.ascontiguousarray(np.moveaxis(panel.stacked(), 2, 0))
    places = {int(time): place for place, time in enumerate(panel.open_times_ns)}
    for row in rows:
        body = decode_body(row)
        open_ns = ns_from_iso(body["bar_open"])
        place = places.get(open_ns)
        if place is None or Turn(open_ns, open_ns, 0, columns[place], columns[place]).inputs_sha256() != body["inputs_sha256"]:
            return f"cycle {row.cycle} was recorded on other bars of {body['bar_open']} than are stored now"
    return f"the bars of its {len(rows)} recorded cycles are the same"
