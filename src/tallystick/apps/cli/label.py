"""`tallystick label`: cascades by a mechanical rule, and hypothesis counts over them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tallystick.apps.cli.options import DatabaseOption, JsonOption, WorkspaceOption, asked_time, workspace_root
from tallystick.apps.cli.output import emit, say, table

if TYPE_CHECKING:
    from tallystick.apps.labels import Streams, WrittenDocument

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Label liquidation cascades, and count hypotheses over them.",
    epilog="Example: tallystick label cascades --seed 7",
)
StreamOption = Annotated[Path | None, typer.Option(help="A .parquet, .csv, .jsonl or .db file.")]
SeedOption = Annotated[int | None, typer.Option(help="Generated streams of this seed instead of files.")]
CoinsOption = Annotated[str, typer.Option(help="With --seed: which coins, parted by commas.")]
SecondsOption = Annotated[int, typer.Option(help="With --seed: how many seconds.")]
VenueOption = Annotated[str, typer.Option(help="With --database: whose tables, hyperliquid or binance.")]
RecordOption = Annotated[bool, typer.Option("--record", help="With --database: keep what was found in its tables too; the same again is one row.")]
StartOption = Annotated[str, typer.Option(help="With --seed: the first day.", callback=asked_time)]


def commands() -> dict[str, Any]:
    """The group of this module."""
    return {"label": typer.main.get_command(app)}


@app.command(epilog="Example: tallystick label cascades --seed 7")
def cascades(
    oi: StreamOption = None,
    liquidations: StreamOption = None,
    marks: StreamOption = None,
    database: DatabaseOption = None,
    venue: VenueOption = "hyperliquid",
    drop_pct: Annotated[str, typer.Option(help="Open interest falls by more than this, in per cent.")] = "10",
    window_s: Annotated[str, typer.Option(help="In less than this time, in seconds.")] = "60",
    boundary: Annotated[str, typer.Option(help="exclusive: more than, less than; inclusive: the limits themselves count too.")] = "exclusive",
    min_liquidations: Annotated[int, typer.Option(help="At least so many liquidations from start to end.")] = 2,
    wave_gap_s: Annotated[str, typer.Option(help="A longer pause between liquidations starts the next wave, in seconds.")] = "30",
    outcome_after_s: Annotated[str, typer.Option(help="How long after the end the outcome is read, in seconds.")] = "300",
    neutral_pct: Annotated[str, typer.Option(help="Smaller moves than this are NEUTRAL, in per cent of the price at the start.")] = "0.5",
    seed: SeedOption = None,
    coins: CoinsOption = "BTC",
    seconds: SecondsOption = 86_400,
    start: StartOption = "2025-01-01",
    record: RecordOption = False,
    keep: Annotated[Path | None, typer.Option(help="Write the three streams as Parquet files into this folder too.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """Label every cascade: open interest that fell by a share within a window, with liquidations. After the fact, by the rule alone."""
    from tallystick.analysis.cascade_labeler import CascadeRule
    from tallystick.apps.labels import keep_streams, label_streams

    rule = CascadeRule(
        drop_pct=_number(drop_pct, "--drop-pct"),
        window_ns=_nanoseconds(window_s, "--window-s"),
        boundary=_boundary(boundary),
        min_liquidations=min_liquidations,
        wave_gap_ns=_nanoseconds(wave_gap_s, "--wave-gap-s"),
        outcome_after_ns=_nanoseconds(outcome_after_s, "--outcome-after-s"),
        neutral_move_pct=_number(neutral_pct, "--neutral-pct"),
    )
    root = workspace_root(workspace)
    files = (oi, liquidations, marks)
    streams = _database_streams(root, database, venue, files, seed) if database else _streams(*files, seed, coins, seconds, start)
    kept = keep_streams(streams, keep) if keep is not None else ()
    _require_database(record, database, "--record", "label cascades")
    written = label_streams(root, streams, rule)
    document = written.document
    recorded = _recorded_cascades(root, database, venue, written) if database and record else {}

    def show() -> None:
        table(
            f"{len(document['cascades'])} cascades  {written.path}  sha256 {written.sha256}",
            ("id", "coin", "start_ts", "end_ts", "drop %", "liquidations", "waves", "price", "at end", "outcome"),
            [
                (
                    row["cascade_id"],
                    row["coin"],
                    _moment(row["start_ts"]),
                    _moment(row["end_ts"]),
                    row["oi_drop_pct"],
                    row["liquidation_count"],
                    row["wave_count"],
                    row["price_start"],
                    row["price_end"],
                    row["outcome"],
                )
                for row in document["cascades"]
            ],
        )
        _say_left_out(document)
        _say_recorded(recorded)

    emit({**document, "path": str(written.path), "sha256": written.sha256, "kept": [str(path) for path in kept], **recorded}, as_json, show)
    return 0


@app.command(epilog="Example: tallystick label validate --seed 7")
def validate(
    labels: Annotated[Path | None, typer.Option(help="A file of labelled cascades [default: the only one in the workspace].")] = None,
    oi: StreamOption = None,
    marks: StreamOption = None,
    funding: Annotated[
        Path | None, typer.Option(help="Funding rates, as a fraction of one, for the same hours at both venues; of two venues where it has a column of them.")
    ] = None,
    other_funding: Annotated[Path | None, typer.Option(help="Funding rates of a second venue.")] = None,
    venues: Annotated[str, typer.Option(help="Which two venues of the funding file, parted by a comma [default: the two that it names].")] = "",
    spot: Annotated[Path | None, typer.Option(help="Spot prices, or spot bars.")] = None,
    database: DatabaseOption = None,
    venue: VenueOption = "hyperliquid",
    stored_labels: Annotated[bool, typer.Option("--stored-labels", help="With --database: the labels recorded there instead of a file.")] = False,
    rule: Annotated[str | None, typer.Option(help="With --stored-labels: the name of their rule, where there are several.")] = None,
    record: RecordOption = False,
    min_events: Annotated[int, typer.Option(help="Fewer events are INSUFFICIENT_DATA.")] = 30,
    min_share: Annotated[float, typer.Option(help="The share of events that has to support.")] = 0.6,
    seed: SeedOption = None,
    coins: CoinsOption = "BTC",
    seconds: SecondsOption = 86_400,
    start: StartOption = "2025-01-01",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """Count nine hypotheses over labelled cascades. A count says what was, not that a hypothesis is right or will hold."""
    from tallystick.analysis.validators.counting import Sample
    from tallystick.apps.label_series import funding_of_two, read_series
    from tallystick.apps.label_sources import read_stream
    from tallystick.apps.labels import find_labels, generated_streams, series_of, validate_labels
    from tallystick.contracts.errors import ConfigurationError

    root = workspace_root(workspace)
    _require_database(record, database, "--record", "label validate")
    _check_stored_labels(stored_labels, database, labels, rule)
    series = _database_series(root, database, venue) if database else {}
    if seed is not None:
        streams = generated_streams(seed, coins.split(","), seconds, start)
        series |= {"open_interest": series_of(streams.oi), "marks": series_of(streams.marks)}
    if oi is not None:
        series["open_interest"] = series_of(read_stream(oi, "oi"))
    if marks is not None:
        series["marks"] = series_of(read_stream(marks, "marks"))
    if funding is not None:
        chosen = [name.strip() for name in venues.split(",") if name.strip()]
        series["funding"], series["other_funding"] = funding_of_two(funding, other_funding, chosen)
    elif other_funding is not None or venues:
        raise ConfigurationError("expected --funding with --other-funding or --venues, found none", where="label validate")
    if spot is not None:
        series["spot"] = read_series(spot, "spot")
    counted = _stored_labels(root, database, venue, rule) if stored_labels and database else labels or find_labels(root)
    written = validate_labels(root, counted, series, Sample(min_events, min_share))
    rows = written.document["results"]
    recorded = _recorded_results(root, database, venue, counted, written, series) if database and record else {}

    def show() -> None:
        table(
            f"{written.path}  sha256 {written.sha256}",
            ("hypothesis", "events", "supporting", "share", "status"),
            [(row["hypothesis_name"], row["total_events"], row["supporting_events"], round(row["success_rate"], 4), row["status"]) for row in rows],
        )
        _say_recorded(recorded)

    emit({**written.document, "path": str(written.path), "sha256": written.sha256, **recorded}, as_json, show)
    return 0


def _require_database(wanted: bool, database: str | None, name: str, where: str) -> None:
    from tallystick.contracts.errors import ConfigurationError

    if wanted and not database:
        raise ConfigurationError(f"expected --database with {name}, found none", where=where, hint="For instance --database workspace")


def _check_stored_labels(stored: bool, database: str | None, labels: Path | None, rule: str | None) -> None:
    from tallystick.contracts.errors import ConfigurationError

    _require_database(stored, database, "--stored-labels", "label validate")
    if stored and labels is not None:
        raise ConfigurationError("expected --labels or --stored-labels, found both", where="label validate")
    if rule is not None and not stored:
        raise ConfigurationError("expected --stored-labels with --rule, found none", where="label validate")


def _stored_labels(root: Path, database: str, venue: str, rule: str | None) -> Path:
    from tallystick.apps.assembly import database_url
    from tallystick.apps.label_records import stored_labels
    from tallystick.artifacts.paths import Workspace

    return stored_labels(root, database_url(Workspace(root), database), venue, rule)


def _recorded_cascades(root: Path, database: str, venue: str, written: WrittenDocument) -> dict[str, Any]:
    from tallystick.apps.assembly import database_name, label_tables
    from tallystick.apps.label_records import record_cascades
    from tallystick.artifacts.paths import Workspace

    place = Workspace(root)
    with label_tables(place, database) as tables:
        return {"database": {"name": database_name(place, database), **record_cascades(tables, venue, written)}}


def _recorded_results(root: Path, database: str, venue: str, labels: Path, written: WrittenDocument, series: dict[str, Any]) -> dict[str, Any]:
    from tallystick.apps.assembly import database_name, label_tables
    from tallystick.apps.label_records import record_results
    from tallystick.artifacts.paths import Workspace

    place = Workspace(root)
    with label_tables(place, database) as tables:
        return {"database": {"name": database_name(place, database), **record_results(tables, venue, labels, written, series)}}


def _say_left_out(document: Mapping[str, Any]) -> None:
    """Cascades without a label, and rows of coins that nothing can be labelled with."""
    for reason, count in document["withheld"].items():
        say(f"withheld {count:,}: {reason.replace('_', ' ')}")
    for source in document["sources"]:
        for coin, count in source["unused_rows"].items():
            say(f"unused {count:,} rows of {source['kind']}: {coin} has no open interest")


def _say_recorded(recorded: dict[str, Any]) -> None:
    if not recorded:
        return
    found = recorded["database"]
    names = sorted(found["rows_written"].keys() | found["rows_known"].keys())
    rule = f", rule {found['rule_id']}" if "rule_id" in found else ""
    rows = [(name, found["rows_written"].get(name, 0), found["rows_known"].get(name, 0)) for name in names]
    table(f"recorded in {found['name']}{rule}", ("table", "new rows", "known"), rows)


def _streams(oi: Path | None, liquidations: Path | None, marks: Path | None, seed: int | None, coins: str, seconds: int, start: str) -> Streams:
    from tallystick.apps.labels import generated_streams, read_streams
    from tallystick.contracts.errors import ConfigurationError

    if seed is not None and oi is None and liquidations is None and marks is None:
        return generated_streams(seed, coins.split(","), seconds, start)
    if oi is None or liquidations is None or marks is None or seed is not None:
        raise ConfigurationError("expected --oi, --liquidations and --marks together, or --seed alone", where="label cascades")
    return read_streams(oi, liquidations, marks)


def _database_streams(root: Path, database: str, venue: str, files: tuple[Path | None, ...], seed: int | None) -> Streams:
    from tallystick.apps.assembly import database_url
    from tallystick.apps.label_database import database_streams
    from tallystick.artifacts.paths import Workspace
    from tallystick.contracts.errors import ConfigurationError

    if seed is not None or any(path is not None for path in files):
        raise ConfigurationError("expected --database alone, or files, or --seed, found two of them", where="label cascades")
    return database_streams(database_url(Workspace(root), database), venue)


def _database_series(root: Path, database: str, venue: str) -> dict[str, Any]:
    from tallystick.apps.assembly import database_url
    from tallystick.apps.label_database import database_evidence
    from tallystick.artifacts.paths import Workspace

    return dict(database_evidence(database_url(Workspace(root), database), venue))


def _number(text: str, where: str) -> Any:
    from decimal import Decimal, InvalidOperation

    from tallystick.contracts.errors import ConfigurationError

    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ConfigurationError(f"expected a number, found {text!r}", where=where) from error


def _nanoseconds(text: str, where: str) -> int:
    from tallystick.analysis.cascade_labeler import LONGEST_NS
    from tallystick.contracts.errors import ConfigurationError
    from tallystick.contracts.time import NS_PER_SECOND

    whole = _number(text, where) * NS_PER_SECOND
    if not (whole.is_finite() and 1 <= whole <= LONGEST_NS) or whole != whole.to_integral_value():
        raise ConfigurationError(f"expected seconds above 0, to the nanosecond, and of at most {LONGEST_NS // NS_PER_SECOND:,}, found {text!r}", where=where)
    return int(whole)


def _boundary(text: str) -> Literal["exclusive", "inclusive"]:
    from tallystick.contracts.errors import ConfigurationError

    if text == "exclusive":
        return "exclusive"
    if text == "inclusive":
        return "inclusive"
    raise ConfigurationError(f"expected exclusive or inclusive, found {text!r}", where="--boundary")


def _moment(ns: str) -> str:
    from tallystick.contracts.time import iso_from_ns

    return iso_from_ns(int(ns))
