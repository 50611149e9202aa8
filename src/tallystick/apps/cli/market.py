"""`tallystick market`: bars into the lake from files or a venue, generated bars, coverage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.apps.cli.options import JsonOption, NowOption, WorkspaceOption, asked_time, now_ns, workspace_root
from tallystick.apps.cli.output import emit, say, table

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Bars into the lake, generated bars, coverage.",
    epilog="Example: tallystick market coverage",
)


def commands() -> dict[str, Any]:
    """The group of this module."""
    return {"market": typer.main.get_command(app)}


@app.command("import", epilog="Example: tallystick market import ../bars --interval 1h")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="Folders or files with Parquet or CSV bars; bar files are known by their columns.")],
    venue: Annotated[str | None, typer.Option(help="Only groups of this venue.")] = None,
    interval: Annotated[str | None, typer.Option(help="Only bars of this interval, for instance 1h.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """Import bars into the lake. Bad bars are refused and counted by reason, never filled."""
    from tallystick.apps.market_data import import_paths

    stored, left_out = import_paths(workspace_root(workspace), paths, venue=venue, interval=interval, end_ns=now_ns(now))

    _emit_stored(stored, left_out, as_json, {})
    return 0


def _emit_stored(stored: list[dict[str, Any]], left_out: list[dict[str, str]], as_json: bool, more: dict[str, Any]) -> None:
    """What an import or a fetch stored, in the one form of both."""

    def show() -> None:
        for item in stored:
            table(
                f"{item['venue']} {item['interval']}  {item['path']}  sha256 {item['sha256']}",
                ("symbol", "first", "last", "rows", "gaps", "refused"),
                [(row["symbol"], row["first"], row["last"], row["rows"], row["gaps"], row["refused"]) for row in item["symbols"]],
            )
        for item in left_out:
            say(f"left out {item['what']}: {item['why']}")

    refused: dict[str, int] = {}
    for item in stored:
        for entry in item["refused_rows"]:
            refused[entry["reason"]] = refused.get(entry["reason"], 0) + entry["count"]
    document: dict[str, Any] = {
        "symbols": sorted({row["symbol"] for item in stored for row in item["symbols"]}),
        "rows": sum(row["rows"] for item in stored for row in item["symbols"]),
        "refused_rows": [{"reason": reason, "count": count} for reason, count in sorted(refused.items())],
        "groups": stored,
        "left_out": left_out,
        **more,
    }
    emit(document, as_json, show)


FETCH_EXAMPLE = "Example: tallystick market fetch -v binance -s BTCUSDT --start 2025-01-01"


@app.command(epilog=FETCH_EXAMPLE)
def fetch(
    venue: Annotated[str, typer.Option("--venue", "-v", help="hyperliquid, or binance for its USD-M futures.")],
    symbols: Annotated[str, typer.Option("--symbols", "-s", help="The venue's names, parted by commas.")],
    start: Annotated[str, typer.Option(help="First open time.", callback=asked_time)],
    interval: Annotated[str, typer.Option(help="Bar interval.")] = "1h",
    end: Annotated[str | None, typer.Option(help="Open times before this [default: now].", callback=asked_time)] = None,
    base_url: Annotated[str | None, typer.Option("--base-url", help="Another address of the venue, for instance its testnet.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """Fetch bars from a venue into the lake. Stopped at any time, the same command goes on where it stopped; an open bar is never stored."""
    import sys

    from tallystick.apps.cli.progress import ChainProgress
    from tallystick.apps.market_fetch import fetch_bars, fetch_request
    from tallystick.contracts.time import ns_from_iso

    request = fetch_request(symbols, interval, ns_from_iso(start), ns_from_iso(end) if end else None, now_ns(now))
    with ChainProgress(enabled=sys.stderr.isatty() and not as_json) as progress:
        progress.step("fetch", "running")
        group, left_out, pages = fetch_bars(
            workspace_root(workspace), venue, request, base_url, lambda done, all_: progress.advance("fetch", done, all_, "pages")
        )
    _emit_stored([group], left_out, as_json, {"pages": pages})
    return 0


@app.command(epilog="Example: tallystick market generate --seed 7 --days 400")
def generate(
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    symbols: Annotated[int | None, typer.Option(help="How many symbols, the benchmark among them [default: all that have a name].")] = None,
    start: Annotated[str, typer.Option(help="First day.", callback=asked_time)] = "2023-01-01",
    days: Annotated[int, typer.Option(help="How many days.")] = 900,
    interval: Annotated[str, typer.Option(help="Bar interval.")] = "1h",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """Generate a seeded market: a common factor, regimes, volatility clusters, delistings, and a weak documented signal."""
    from tallystick.apps.market_data import generate_market

    item = generate_market(workspace_root(workspace), seed, symbols, start, days, interval)

    def show() -> None:
        table(
            f"seed {seed}  {item['path']}  sha256 {item['sha256']}",
            ("symbol", "first", "last", "rows", "gaps"),
            [(row["symbol"], row["first"], row["last"], row["rows"], row["gaps"]) for row in item["symbols"]],
        )

    emit(
        {"symbols": [row["symbol"] for row in item["symbols"]], "rows": sum(row["rows"] for row in item["symbols"]), "refused_rows": [], "groups": [item]},
        as_json,
        show,
    )
    return 0


@app.command(epilog="Example: tallystick market coverage --interval 1h")
def coverage(
    interval: Annotated[str | None, typer.Option(help="Only this interval, for instance 1d.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> int:
    """First and last bar, rows and gaps of every symbol in the lake, with the hash that runs and training cite."""
    from tallystick.apps.market_data import stored_groups

    groups = stored_groups(workspace_root(workspace), interval)

    def show() -> None:
        for item in groups:
            table(
                f"{item['venue']} {item['interval']}  coverage sha256 {item['sha256']}",
                ("symbol", "first", "last", "rows", "gaps"),
                [(row["symbol"], row["first"], row["last"], row["rows"], row["gaps"]) for row in item["symbols"]],
            )

    first = groups[0] if len(groups) == 1 else None
    emit(
        {"groups": groups, "symbols": [row for item in groups for row in item["symbols"]], "coverage_sha256": first["sha256"] if first else None}, as_json, show
    )
    return 0
