"""Release histories for the front doors: the pools of past months, and the two tracks side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tallystick.apps.assembly import score_families
from tallystick.apps.pools import PoolMarket, parse_mode, pool_market
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.time import NS_PER_DAY, date_from_ns, ns_from_iso
from tallystick.universe.monthly_pools import MonthlyPools, activation_date, churn, later_delisted, month_days, select_months
from tallystick.universe.selection import PoolSelector, Selection
from tallystick.universe.shadow import BASELINE, TRACKS, write_history, write_tracks
from tallystick.universe.track_returns import held_returns
from tallystick.universe.walk_forward import FitSettings

Progress = Callable[[str, int, int], None]
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Period:
    """Which months, of which venue, in which mode (None = chosen month by month), how many names, and whether fewer will do where fewer are eligible."""

    venue: str
    first: str | None = None
    last: str | None = None
    mode: str | None = None
    pool_size: int = 5
    allow_smaller: bool = False


def _days(market: PoolMarket, period: Period) -> tuple[str, ...]:
    judge = market.judge
    first = period.first
    if first is None:
        # Before the shortest history that any mode asks for, every month would be refused.
        least = min(item.history_days for item in judge.config.thresholds.values())
        first = date_from_ns(judge.panel.start_ns + (least - 1) * NS_PER_DAY)
    for text in (first, period.last):
        if text is not None:
            ns_from_iso(text)
    return month_days(judge, first, period.last)


def build_history(workspace: Workspace, period: Period, on_month: Progress) -> Document:
    """Write the release of each month of the period and their index; answer what was written, what was refused, and what the bars cannot show."""
    market = pool_market(workspace, period.venue, allow_smaller=period.allow_smaller)
    days = _days(market, period)
    selector = PoolSelector(market.judge, days, score_families())
    pools = select_months(selector, days, _mode(period), period.pool_size, partial(on_month, "releases"))
    index = write_history(workspace, pools, period.pool_size)
    return {"index_path": str(index), **_history(market, pools)}


def _mode(period: Period) -> Any:
    return None if period.mode is None else parse_mode(period.mode)


def _history(market: PoolMarket, pools: MonthlyPools) -> Document:
    return {
        "releases": _releases(pools.selections),
        "refused": [{"as_of_date": row.as_of_date, "why": row.why, "standing": row.standing} for row in pools.refused],
        "survivorship": {
            "statement": pools.selections[-1].eligibility.survivorship,
            "members_delisted_later": [
                {"symbol": symbol, "delisted": date, "last_version": version} for symbol, date, version in later_delisted(market.judge, pools)
            ],
        },
    }


def _releases(selections: tuple[Selection, ...]) -> list[Document]:
    before: tuple[str, ...] | None = None
    rows = []
    for item in selections:
        rows.append(
            {
                "version": item.version,
                "activation_date": activation_date(item.eligibility.as_of_date),
                "symbols": list(item.pool),
                "regime": item.regime.label,
                "churn": None if before is None else churn(before, item.pool),
            }
        )
        before = item.pool
    return rows


@dataclass(frozen=True, slots=True)
class BuiltTracks:
    """Both tracks on disk: pools and returns by track, and what to tell about them."""

    pools: Mapping[str, MonthlyPools]
    status: Mapping[str, Document]
    document: Document


def build_tracks(workspace: Workspace, period: Period, on_month: Progress) -> BuiltTracks:
    """Write both tracks of the period, their summary, returns and picture. One reading of the bars and one set of features serve both."""
    market = pool_market(workspace, period.venue, allow_smaller=period.allow_smaller)
    days = _days(market, period)
    pools: dict[str, MonthlyPools] = {}
    first: PoolSelector | None = None
    for track in TRACKS:
        shared = None if first is None else first.features
        selector = PoolSelector(market.judge, days, score_families(), FitSettings(label=track.profile), shared)
        first = first or selector
        pools[track.name] = select_months(selector, days, _mode(period), period.pool_size, partial(on_month, track.name))
    panel, benchmark = market.judge.panel, market.judge.config.benchmark
    returns = {name: held_returns(panel, name, pools[name].selections, benchmark) for name in sorted(pools)}
    summary = write_tracks(workspace, pools, [row for name in sorted(returns) for row in returns[name]], period.pool_size)
    status = {track.name: _status(track.profile, track.status, pools[track.name], returns[track.name]) for track in TRACKS}
    document = {
        "index_path": str(summary),
        "returns_path": str(workspace.path("universe.track_returns")),
        "picture_path": str(workspace.path("universe.membership_picture", 1)),
        **_history(market, pools[BASELINE.name]),
        "releases": {name: _releases(pools[name].selections) for name in sorted(pools)},
        "returns": {name: returns[name] for name in sorted(returns)},
        "tracks": status,
    }
    return BuiltTracks(pools, status, document)


def _status(profile: str, candidate_status: str, pools: MonthlyPools, returns: list[Document]) -> Document:
    moved = [row["churn"] for row in _releases(pools.selections) if row["churn"] is not None]
    return {
        "profile": profile,
        "candidate_status": candidate_status,
        "releases": len(pools.selections),
        "refused_months": len(pools.refused),
        "last_version": pools.selections[-1].version,
        "last_symbols": list(pools.selections[-1].pool),
        "mean_churn": math.fsum(moved) / len(moved) if moved else None,
        "growth": returns[-1]["growth"] if returns else None,
    }
