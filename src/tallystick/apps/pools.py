"""The live pool for the front doors: build and validate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tallystick.apps.assembly import score_families
from tallystick.artifacts.paths import Workspace, get_market_dir, get_output_dir
from tallystick.artifacts.signature import load_private_key, sign_seal
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.pool import Mode
from tallystick.contracts.time import NS_PER_DAY, ns_from_iso
from tallystick.market.lake import Lake
from tallystick.universe.config import MODES, UniverseConfig
from tallystick.universe.eligibility import UniverseJudge, past
from tallystick.universe.release import Release, write_release
from tallystick.universe.release_documents import report_document
from tallystick.universe.selection import PoolSelector, Selection
from tallystick.universe.validation import ValidationReport, validate_release

DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class BuiltPool:
    """A release, why it has its mode, and the weight of each score in its order."""

    release: Release
    mode_reason: str
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PoolMarket:
    """The daily bars of a venue as a pool build reads them, judged for any day up to their end."""

    judge: UniverseJudge
    coverage_sha256: str
    quote_volume_estimated: tuple[str, ...]


def pool_market(workspace: Workspace, venue: str, last_day: str | None = None, *, allow_smaller: bool = False) -> PoolMarket:
    """The daily bars of the lake up to a day. Raises DataError when there are none."""
    lake = Lake(workspace)
    document, coverage_sha256 = lake.coverage(venue, DAY_MINUTES)
    panel = lake.read(venue, DAY_MINUTES, end_ns=None if last_day is None else ns_from_iso(last_day) + NS_PER_DAY)
    estimated = tuple(symbol for symbol, row in document.symbols.items() if row.quote_volume == "estimated")
    return PoolMarket(UniverseJudge(panel, lake.instruments(), UniverseConfig(allow_smaller_pool=allow_smaller)), coverage_sha256, estimated)


def build_pool(
    workspace: Workspace,
    venue: str,
    as_of: str,
    *,
    now_ns: int,
    mode: str | None = None,
    pool_size: int = 5,
    selection_meta: bool = False,
    allow_smaller: bool = False,
    key: Path | None = None,
) -> BuiltPool:
    """Build the release of a day from the daily bars in the lake. Without a mode, `core_major` where it yields enough names, else `broad_liquid`.

    With a key file the seal of the release is signed. Raises DataError when there are too few eligible names; the last release stands then.
    """
    private = None if key is None else load_private_key(key)
    market = pool_market(workspace, venue, as_of, allow_smaller=allow_smaller)
    selection = PoolSelector(market.judge, [as_of], score_families()).select(as_of, None if mode is None else parse_mode(mode), pool_size)
    release = write_release(workspace, selection, pool_report(market, selection), now_ns, selection_meta=selection_meta)
    if private is not None:
        sign_seal(get_output_dir(workspace), private)
    return BuiltPool(release, selection.mode_reason, selection.weights)


def pool_report(market: PoolMarket, selection: Selection) -> dict[str, object]:
    """How a selection came about, for `build_report.json`."""
    judge = market.judge
    view = past(judge.panel, selection.eligibility.as_of_date)
    return report_document(selection, judge.config, view, market.coverage_sha256, market.quote_volume_estimated)


def parse_mode(text: str) -> Mode:
    """A mode by its name. Raises ConfigurationError for another."""
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


def validate_pool(
    workspace: Workspace, folder: Path | None, *, now_ns: int, max_age_days: int, require_fresh: bool, pool_size: int = 5
) -> tuple[Path, ValidationReport]:
    """Check a release folder (the workspace's own by default) against every release rule."""
    place = folder or get_output_dir(workspace)
    return place, validate_release(place, now_ns=now_ns, expected_pool_size=pool_size, max_age_days=max_age_days, require_fresh=require_fresh)
