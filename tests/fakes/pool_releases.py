"""Releases of a generated market, built once a test run."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from tests.fakes.daily_bars import book_of, daily_panel

from tallystick.artifacts.paths import Workspace, get_output_dir
from tallystick.contracts.time import NS_PER_DAY, date_from_ns, ns_from_iso
from tallystick.universe.config import UniverseConfig
from tallystick.universe.publication import Publisher
from tallystick.universe.release import build_release
from tallystick.universe.release_files import ReleaseFiles, read_release

DAYS = ("2025-04-30", "2025-05-31")
VERSIONS = tuple(f"{day}-core_major" for day in DAYS)


def build(workspace: Workspace, day: str, *, selection_meta: bool = False) -> Path:
    """Build the release of a day; its folder."""
    panel = _panel()
    build_release(workspace, panel, book_of(panel), UniverseConfig(), day, "core_major", ns_from_iso(day) + NS_PER_DAY, selection_meta=selection_meta)
    return get_output_dir(workspace)


@cache
def _panel() -> object:
    return daily_panel()


@cache
def releases() -> tuple[ReleaseFiles, ReleaseFiles]:
    """An older release and a newer one."""
    found = []
    for day in DAYS:
        with tempfile.TemporaryDirectory() as folder:
            found.append(read_release(build(Workspace(Path(folder)), day)))
    return found[0], found[1]


def publisher(name: str = "one") -> Publisher:
    """Somebody who publishes."""
    return Publisher(name, "2025-06-01T00:00:00Z")


def after(day: str, days: int = 1) -> int:
    """A clock, days after a date."""
    return ns_from_iso(day) + days * NS_PER_DAY


def day_of(now_ns: int) -> str:
    """The date of a clock."""
    return date_from_ns(now_ns)
