"""The live pool for the front doors: build and validate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tallystick.artifacts.paths import Workspace, get_market_dir, get_output_dir
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.pool import Mode
from tallystick.contracts.time import NS_PER_DAY, ns_from_iso
from tallystick.market.lake import Lake
from tallystick.universe.config import MODES, UniverseConfig
from tallystick.universe.eligibility import choose_mode
from tallystick.universe.release import Release, build_release
from tallystick.universe.validation import ValidationReport, validate_release

DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class BuiltPool:
    """A release, and why it has its mode."""

    release: Release
    mode_reason: str


def build_pool(
    workspace: Workspace, venue: str, as_of: str, *, now_ns: int, mode: str | None = None, pool_size: int = 5, selection_meta: bool = False
) -> BuiltPool:
    """Build the release of a day from the daily bars in the lake. Without a mode, `core_major` where it yields enough names, else `broad_liquid`.

    Raises DataError when there are too few eligible names; the last release stands then.
    """
    lake, config = Lake(workspace), UniverseConfig()
    document, coverage_sha256 = lake.coverage(venue, DAY_MINUTES)
    panel = lake.read(venue, DAY_MINUTES, end_ns=ns_from_iso(as_of) + NS_PER_DAY)
    instruments = lake.instruments()
    chosen, reason = (_mode(mode), "as asked") if mode else choose_mode(panel, instruments, config, as_of, pool_size)
    estimated = [symbol for symbol, row in document.symbols.items() if row.quote_volume == "estimated"]
    release = build_release(
        workspace,
        panel,
        instruments,
        config,
        as_of,
        chosen,
        now_ns,
        pool_size=pool_size,
        coverage_sha256=coverage_sha256,
        selection_meta=selection_meta,
        quote_volume_estimated=estimated,
    )
    return BuiltPool(release, reason)


def _mode(text: str) -> Mode:
    for mode in MODES:
        if mode == text:
            return mode
    raise ConfigurationError(f"expected a mode among {', '.join(MODES)}, found {text!r}", where="--mode")


def only_venue(workspace: Workspace, interval: str = "1d") -> str:
    """The one venue with bars at an interval. Raises DataError when there is none, ConfigurationError when there are several."""
    venues = sorted(path.parent.parent.name for path in get_market_dir(workspace).glob(f"*/{interval}/coverage.json"))
    if not venues:
        raise DataError(f"expected {interval} bars in the lake, found none", where=str(workspace.root), hint="See: tallystick market import --help")
    if len(venues) > 1:
        raise ConfigurationError(f"expected one venue with {interval} bars, found {', '.join(venues)}", hint="Name one with --venue")
    return venues[0]


def validate_pool(workspace: Workspace, folder: Path | None, *, now_ns: int, max_age_days: int, require_fresh: bool) -> tuple[Path, ValidationReport]:
    """Check a release folder (the workspace's own by default) against every release rule."""
    place = folder or get_output_dir(workspace)
    return place, validate_release(place, now_ns=now_ns, max_age_days=max_age_days, require_fresh=require_fresh)
