"""`tallystick pool history` and `pool shadow`: the pools of past months, and the two tracks side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.apps.cli.options import JsonOption, NowOption, WorkspaceOption, asked_day, now_ns, workspace_root
from tallystick.apps.cli.output import emit, say, table

if TYPE_CHECKING:
    from tallystick.apps.pool_history import Period, Progress
    from tallystick.artifacts.paths import Workspace

FromOption = Annotated[str | None, typer.Option("--from", help="First day of the period [default: as soon as the bars are long enough].", callback=asked_day)]
ToOption = Annotated[str | None, typer.Option("--to", help="Last day of the period [default: the end of the bars].", callback=asked_day)]
ModeOption = Annotated[str | None, typer.Option(help="core_major or broad_liquid [default: core_major in each month where it yields enough names].")]
VenueOption = Annotated[str | None, typer.Option(help="Whose daily bars [default: the only one in the lake].")]
SizeOption = Annotated[int, typer.Option(help="How many symbols.")]
KeyOption = Annotated[
    Path | None, typer.Option("--key", envvar="TALLYSTICK_SIGNING_KEY", help="Ed25519 key file (mode 0600) that signs the seal of a release.")
]
SmallerOption = Annotated[bool, typer.Option("--allow-smaller", help="Where fewer names are eligible, take those instead of refusing.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the group."""
    app.command(epilog="Example: tallystick pool history --from 2025-03-01 --to 2025-05-31")(history)
    app.command(epilog="Example: tallystick pool shadow")(shadow)


def history(
    first: FromOption = None,
    last: ToOption = None,
    mode: ModeOption = None,
    venue: VenueOption = None,
    size: SizeOption = 5,
    allow_smaller: SmallerOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """The release of each month of a period, point in time, with an index by activation date; never the live pool."""
    from tallystick.apps.pool_history import build_history

    place, period = _period(workspace, venue, first, last, mode, size, allow_smaller=allow_smaller)
    with _months() as on_month:
        document = build_history(place, period, on_month)

    def show() -> None:
        _show_releases("releases", document["releases"])
        _show_limits(document)
        say(document["index_path"])

    emit(document, as_json, show)
    return 0


def shadow(
    monthly: Annotated[
        bool, typer.Option("--monthly", help="The monthly job: refresh the baseline, check a publish without publishing, then the tracks.")
    ] = False,
    first: FromOption = None,
    last: ToOption = None,
    mode: ModeOption = None,
    venue: VenueOption = None,
    size: SizeOption = 5,
    allow_smaller: SmallerOption = False,
    key: KeyOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """Baseline and challenger, month by month: pools, churn, what each would have earned, and a picture of both.

    With --monthly exit 3 when the release of the month could not be published.
    """
    place, period = _period(workspace, venue, first, last, mode, size, allow_smaller=allow_smaller)
    if monthly:
        return _monthly(place, period, now_ns(now), key, as_json=as_json)
    from tallystick.apps.pool_history import build_tracks

    with _months() as on_month:
        document = build_tracks(place, period, on_month).document

    def show() -> None:
        _show_tracks(document["tracks"])
        _show_limits(document)
        say(document["picture_path"])

    emit(document, as_json, show)
    return 0


def _monthly(place: Workspace, period: Period, moment_ns: int, key: Path | None, *, as_json: bool) -> int:
    from tallystick.apps.pool_monthly import run_monthly

    with _months() as on_month:
        job = run_monthly(place, period, now_ns=moment_ns, on_month=on_month, key=key)

    def show() -> None:
        publication = job.summary["publication"]
        say(f"{job.summary['version']}: {', '.join(job.summary['baseline']['symbols'])}{' (as it was)' if job.kept else ''}")
        say(f"publish, dry run: {publication['state'].replace('_', ' ')}")
        for text in publication["errors"]:
            say(f"error    {text}")
        _show_tracks(job.summary["tracks"])
        say(str(job.page_path))

    document = {**job.summary, "summary_path": str(job.summary_path), "page_path": str(job.page_path), "kept": job.kept}
    emit({**document, "index_path": job.tracks["index_path"], "releases": job.tracks["releases"]}, as_json, show)
    return 0 if job.publishable else 3


def _period(
    workspace: Any, venue: str | None, first: str | None, last: str | None, mode: str | None, size: int, *, allow_smaller: bool
) -> tuple[Workspace, Period]:
    from tallystick.apps.pool_history import Period
    from tallystick.apps.pools import only_venue
    from tallystick.artifacts.paths import Workspace

    place = Workspace(workspace_root(workspace))
    return place, Period(venue or only_venue(place), first, last, mode, size, allow_smaller)


@contextmanager
def _months() -> Iterator[Progress]:
    """A bar per track while months are selected."""
    from tallystick.apps.cli.progress import ChainProgress

    with ChainProgress(enabled=sys.stderr.isatty()) as progress:
        begun: set[str] = set()

        def on_month(name: str, done: int, total: int) -> None:
            if name not in begun:
                begun.add(name)
                progress.step(name, "running")
            progress.advance(name, float(done), float(total), "months")

        yield on_month


def _show_releases(title: str, rows: list[dict[str, Any]]) -> None:
    table(
        title,
        ("version", "active from", "regime", "churn", "pool"),
        [(row["version"], row["activation_date"], row["regime"], _share(row["churn"]), ", ".join(row["symbols"])) for row in rows],
    )


def _show_tracks(tracks: dict[str, Any]) -> None:
    table(
        "tracks",
        ("track", "learns", "releases", "refused", "mean churn", "growth", "last pool"),
        [
            (name, row["profile"], row["releases"], row["refused_months"], _share(row["mean_churn"]), _factor(row["growth"]), ", ".join(row["last_symbols"]))
            for name, row in tracks.items()
        ],
    )


def _show_limits(document: dict[str, Any]) -> None:
    for row in document["refused"]:
        say(f"refused  {row['as_of_date']}: {row['why']}; {row['standing'] or 'no release'} stands")
    survivorship = document["survivorship"]
    say(f"survivorship: {survivorship['statement']}")
    for row in survivorship["members_delisted_later"]:
        say(f"delisted {row['symbol']} on {row['delisted']}, last in {row['last_version']}")


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _factor(value: float | None) -> str:
    return "" if value is None else f"× {value:.3f}"
