"""Contracts of our additions around the shadow tracks (document 5): what each track earned, the picture of membership, the status of a monthly job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.pool_documents import Count, DateText, Mode, MomentText, Positive, Sha256, Symbol

_PEOPLE = Consumer("apps.cli", ("*",), "shown to people")
PublicationState = Literal["would_publish", "refused"]


class TrackReturnRow(Shape):
    """One release of one track, held in equal parts from its activation to the next one's. Returns, cost and turnover are fractions.

    gross − cost = net; `growth` multiplies 1 + net of the track so far; `not_bought` had no bar on the activation day, `ended_early` stopped trading
    before `until_date` and were sold at their last close; both joined by `|`.
    """

    source_track: str
    version: str
    activation_date: DateText
    until_date: DateText
    symbols: str
    gross_return: float
    turnover: float
    cost: float
    net_return: float
    growth: float
    benchmark_return: float | None = None
    not_bought: str | None = None
    ended_early: str | None = None


RETURN_COLUMNS = tuple(TrackReturnRow.model_fields)


class TrackReturns(Shape):
    """What each track would have picked and earned."""

    columns: tuple[str, ...]
    rows: tuple[TrackReturnRow, ...]


class BaselineStatus(Shape):
    """The official release of the month."""

    version: str
    as_of_date: DateText
    activation_date: DateText
    mode: Mode
    symbols: Annotated[tuple[Symbol, ...], Field(min_length=1)]
    manifest_sha256: Sha256


class PublicationStatus(Shape):
    """What a publish of the release would do; a monthly job publishes nothing."""

    dry_run: Literal[True]
    state: PublicationState
    objects: tuple[str, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


class TrackStatus(Shape):
    """A track after the job: how many releases, the months that were refused, and how the last two releases differ."""

    profile: str
    candidate_status: Literal["official_reference", "shadow_candidate"]
    releases: Positive
    refused_months: Count
    last_version: str
    last_symbols: Annotated[tuple[Symbol, ...], Field(min_length=1)]
    mean_churn: float | None
    growth: float | None


class ReleaseStatusSummary(Shape):
    """How a monthly job went: the baseline, the dry run of its publish, and both tracks."""

    version: str
    as_of_date: DateText
    generated_at: MomentText
    venue: str
    coverage_sha256: Sha256
    baseline: BaselineStatus
    publication: PublicationStatus
    tracks: Mapping[str, TrackStatus]
    overlap: Count


def _first(found: Iterable[str | None]) -> str | None:
    return next((item for item in found if item), None)


def _held_after_activation(table: Any) -> str | None:
    return _first(f"{row.version} from {row.activation_date} to {row.until_date}" for row in table.rows if row.until_date <= row.activation_date)


def _after_snapshot(table: Any) -> str | None:
    return _first(f"{row.version} active on {row.activation_date}" for row in table.rows if row.activation_date <= row.version[:10])


def _net(table: Any) -> str | None:
    return _first(
        f"{row.version} with {row.gross_return} − {row.cost} and {row.net_return}"
        for row in table.rows
        if abs(row.gross_return - row.cost - row.net_return) > 1e-12 or not 0 <= row.turnover <= 1
    )


def _growth(table: Any) -> str | None:
    before: dict[str, float] = {}
    for row in table.rows:
        expected = before.get(row.source_track, 1.0) * (1.0 + row.net_return)
        if abs(row.growth - expected) > 1e-9 * max(1.0, abs(expected)):
            return f"{row.version} with growth {row.growth}, the product is {expected}"
        before[row.source_track] = row.growth
    return None


def _order(table: Any) -> str | None:
    return _first(
        f"{b.source_track} {b.version} after {a.source_track} {a.version}"
        for a, b in pairwise(table.rows)
        if (b.source_track, b.activation_date) <= (a.source_track, a.activation_date)
    )


def _baseline(document: Any) -> str | None:
    found = (document.baseline.version, document.baseline.as_of_date)
    return None if found == (document.version, document.as_of_date) else f"baseline {found[0]} of {found[1]}"


def _publication(document: Any) -> str | None:
    state, errors = document.publication.state, document.publication.errors
    return None if (state == "refused") is bool(errors) else f"{state} with {len(errors)} errors"


def _tracks(document: Any) -> str | None:
    official = sorted(name for name, row in document.tracks.items() if row.candidate_status == "official_reference")
    return None if official == ["official_baseline"] else f"official {', '.join(official) or 'none'}"


CONTRACTS: tuple[Contract, ...] = (
    Contract(
        name="universe.track_returns",
        version="1.0",
        purpose="What each shadow track would have picked and earned, release by release",
        producer="universe.shadow",
        consumers=(_PEOPLE,),
        shape=TrackReturns,
        paths=("data/output/shadow_candidate_tracks/track_returns.csv",),
        encoding="csv",
        rules=(
            Rule(
                "return_columns_are_there",
                f"columns {', '.join(RETURN_COLUMNS)}",
                lambda table: None if list(table.columns) == list(RETURN_COLUMNS) else f"{', '.join(table.columns)}",
            ),
            Rule("held_from_activation_on", "until_date after activation_date", _held_after_activation),
            Rule("never_held_before_the_snapshot_is_over", "activation_date after the date of the version", _after_snapshot),
            Rule("net_is_gross_less_cost", "net_return = gross_return − cost, turnover in [0, 1]", _net),
            Rule("growth_is_the_product", "growth multiplies 1 + net_return of the track", _growth),
            Rule("returns_are_in_order", "rows by source_track, then activation_date, each once", _order),
        ),
    ),
    Contract(
        name="universe.membership_picture",
        version="1.0",
        purpose="Who was in the pool when, as a picture: one row per symbol, one column per month, the tracks one above the other",
        producer="universe.shadow",
        consumers=(_PEOPLE,),
        shape=None,
        paths=("data/output/shadow_releases/membership.svg", "data/output/shadow_candidate_tracks/membership.svg"),
        encoding="text",
    ),
    Contract(
        name="universe.release_status_summary",
        version="1.0",
        purpose="How a monthly job went: baseline, dry run of the publish, tracks",
        producer="universe.status_summary",
        consumers=(_PEOPLE, Consumer("monitoring.pool_shadow", ("version", "baseline", "publication", "tracks"), "say whether the month's release stands")),
        shape=ReleaseStatusSummary,
        paths=("data/output/monthly/{version}/release_status_summary.json",),
        rules=(
            Rule("the_baseline_is_the_release", "version and as_of_date of the baseline", _baseline, ("D5.43", "D5.46")),
            Rule("refused_exactly_with_errors", "a publish is refused exactly when there are errors", _publication, ("D5.46",)),
            Rule("only_the_baseline_track_is_official", "official_baseline is the one official track", _tracks, ("D5.43",)),
        ),
        wall_clock=("generated_at",),
        open_maps=("tracks",),
    ),
    Contract(
        name="universe.release_status_page",
        version="1.0",
        purpose="The same summary for people",
        producer="universe.status_summary",
        consumers=(_PEOPLE,),
        shape=None,
        paths=("data/output/monthly/{version}/release_status_summary.md",),
        encoding="text",
    ),
)
