"""The monthly job: refresh the official baseline, check what a publish would do, rebuild both tracks, and write down how it went.

It publishes nothing and names no publish target. Run again on the same bars it changes no byte.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tallystick.apps.assembly import score_families
from tallystick.apps.pool_history import Period, Progress, build_tracks
from tallystick.apps.pool_publication import check_publication
from tallystick.apps.pools import parse_mode, pool_market, pool_report
from tallystick.artifacts.paths import Workspace, get_output_dir
from tallystick.artifacts.signature import load_private_key, sign_seal
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import date_from_ns
from tallystick.universe.monthly_pools import activation_date, month_days
from tallystick.universe.release import Release, write_release
from tallystick.universe.selection import PoolSelector
from tallystick.universe.status_summary import write_status


@dataclass(frozen=True, slots=True)
class MonthlyJob:
    """What the job left behind: the summary, where it lies as JSON and Markdown, and whether everything was there already."""

    summary: dict[str, Any]
    summary_path: Path
    page_path: Path
    kept: bool
    tracks: dict[str, Any]

    @property
    def publishable(self) -> bool:
        """Whether nothing stands against a publish of the baseline."""
        return bool(self.summary["publication"]["state"] == "would_publish")


def run_monthly(workspace: Workspace, period: Period, *, now_ns: int, on_month: Progress, key: Path | None = None) -> MonthlyJob:
    """Run the job for the last whole month of the bars, up to `now_ns`; with a key file the baseline's seal is signed.

    Raises DataError when there is no such month, or when its pool is refused: the last release stands then, and the tracks are not touched.
    """
    private = None if key is None else load_private_key(key)
    release, coverage_sha256 = _refresh_baseline(workspace, period, now_ns)
    if private is not None:
        sign_seal(get_output_dir(workspace), private)
    check = check_publication(get_output_dir(workspace), now_ns=now_ns, expected_pool_size=None if period.allow_smaller else period.pool_size)
    tracks = build_tracks(workspace, replace(period, last=release.as_of_date), on_month)
    last = {name: set(row["last_symbols"]) for name, row in tracks.status.items()}
    summary = {
        "version": release.version,
        "as_of_date": release.as_of_date,
        "venue": period.venue,
        "coverage_sha256": coverage_sha256,
        "baseline": {
            "version": release.version,
            "as_of_date": release.as_of_date,
            "activation_date": activation_date(release.as_of_date),
            "mode": release.mode,
            "symbols": list(release.symbols),
            "manifest_sha256": release.manifest_sha256,
        },
        "publication": {
            "dry_run": True,
            "state": "would_publish" if check.publishable else "refused",
            "objects": sorted(
                row[place] for row in (check.manifest or {"artifacts": {}})["artifacts"].values() for place in ("release_object", "current_object")
            ),
            "errors": list(check.errors),
            "warnings": list(check.warnings),
        },
        "tracks": dict(tracks.status),
        "overlap": len(set.intersection(*last.values())),
    }
    path, page, kept = write_status(workspace, summary, now_ns)
    return MonthlyJob(summary, path, page, kept and release.kept, tracks.document)


def _refresh_baseline(workspace: Workspace, period: Period, now_ns: int) -> tuple[Release, str]:
    market = pool_market(workspace, period.venue, date_from_ns(now_ns), allow_smaller=period.allow_smaller)
    days = month_days(market.judge, None, period.last)
    if not days:
        raise DataError(f"expected bars of a whole month before {date_from_ns(now_ns)}, found none", where=period.venue, hint="Import bars first")
    selector = PoolSelector(market.judge, days[-1:], score_families())
    mode = None if period.mode is None else parse_mode(period.mode)
    selection = selector.select(days[-1], mode, period.pool_size)
    release = write_release(workspace, selection, pool_report(market, selection), now_ns, keep_equal=True)
    return release, market.coverage_sha256
