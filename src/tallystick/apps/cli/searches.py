"""`tallystick sweep`, `walkforward`, `forward`, `portfolio`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from tallystick.apps.cli.options import JsonOption, NowOption, WorkspaceOption, now_ns, workspace_root
from tallystick.apps.cli.run_options import CashOption, ConfigOption, EndOption, ParamOption, RequestOption, asked, pairs, with_run_options

GridOption = Annotated[
    list[str] | None, typer.Option("--grid", help="A searched parameter: NAME=1,2,3 or NAME=LOW:HIGH or NAME=LOW:HIGH:STEP; may be repeated.")
]
MethodOption = Annotated[str | None, typer.Option(help="grid, random or optuna [default: grid].")]
TrialsOption = Annotated[int | None, typer.Option(help="How many experiments, for random and optuna [default: 50].")]
SeedOption = Annotated[int | None, typer.Option(help="Seed of random and optuna [default: 42].")]
SortOption = Annotated[str | None, typer.Option(help="The figure that ranks [default: sharpe_simple].")]
MinTradesOption = Annotated[int | None, typer.Option(help="Experiments with fewer closed trades are not ranked [default: 0].")]
WorkersOption = Annotated[int | None, typer.Option(help="Processes [default: as many as pay off]. The result is the same to the byte.")]
ClusterOption = Annotated[str | None, typer.Option(help="Address of a Ray cluster, or local (extra: cluster).")]
_OWN = ("config", "request_id", "workspace", "as_json", "now")


def commands() -> dict[str, Any]:
    """The commands of this module."""
    found: dict[str, Any] = {}
    for name, function, example in (
        ("sweep", sweep, "sweep --grid ma_bars=10,20,40"),
        ("walkforward", walkforward, "walkforward --grid ma_bars=10,20,40"),
        ("forward", forward, "forward --from RUN_ID"),
        ("portfolio", portfolio, "portfolio --mode equal_weight"),
    ):
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name, epilog=f"Example: tallystick {example}")(function)
        found[name] = typer.main.get_command(app)
    return found


def _grid(given: list[str] | None) -> dict[str, Any] | None:
    from tallystick.contracts.errors import ConfigurationError

    found: dict[str, Any] = {}
    for name, value in pairs(given, "--grid").items():
        parts = value.split(":")
        if len(parts) == 1:
            found[name] = value.split(",")
        elif len(parts) in (2, 3):
            found[name] = dict(zip(("low", "high", "step"), parts, strict=False))
        else:
            raise ConfigurationError(f"expected --grid NAME=1,2,3 or NAME=LOW:HIGH:STEP, found {name}={value}", where="--grid")
    return found or None


def _params(given: dict[str, Any]) -> dict[str, Any]:
    """What the flags of a command ask, but for those that are no settings."""
    return asked({name: value for name, value in given.items() if name not in _OWN}, None)


@contextmanager
def _progress(name: str, as_json: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr for a person at a terminal."""
    if as_json or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from tallystick.apps.cli.progress import ChainProgress

    with ChainProgress(enabled=True) as bar:
        bar.step(name, "running")
        yield lambda done, total: bar.advance(name, done, total, "experiments")


@with_run_options
def sweep(
    param: ParamOption = None,
    grid: GridOption = None,
    method: MethodOption = None,
    trials: TrialsOption = None,
    seed: SeedOption = None,
    sort_by: SortOption = None,
    min_trades: MinTradesOption = None,
    workers: WorkersOption = None,
    cluster: ClusterOption = None,
    config: ConfigOption = None,
    request_id: RequestOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
    **settings: Any,
) -> int:
    """Try many parameter sets on one period and rank them; the same command after a crash goes on where it stood."""
    search = {"method": method, "trials": trials, "seed": seed, "sort_by": sort_by, "min_trades": min_trades, "workers": workers, "cluster": cluster}
    params = asked(settings | search | {"param_grid": _grid(grid)}, param)
    from tallystick.apps.cli.envelopes import emit_run, parameters, shown
    from tallystick.apps.cli.output import table
    from tallystick.apps.research_searches import research_sweep
    from tallystick.artifacts.paths import Workspace

    with _progress("sweep", as_json) as progress:
        place = Workspace(workspace_root(workspace))
        result = research_sweep(place, params, now_ns=now_ns(now), progress=progress, request_id=request_id, config_path=config)

    def best() -> None:
        rows = [
            (row["rank"], parameters(row["params"]), *(shown(row[name]) for name in ("sharpe_simple", "total_return", "max_drawdown")), row["trades"])
            for row in result.report.results
        ]
        table("best experiments", ("rank", "parameters", "sharpe_simple", "total_return", "max_drawdown", "trades"), rows)

    emit_run(result, request_id, as_json, best if result.report.header.mode == "sweep" else None)
    return 0


@with_run_options
def walkforward(
    param: ParamOption = None,
    grid: GridOption = None,
    method: MethodOption = None,
    trials: TrialsOption = None,
    seed: SeedOption = None,
    sort_by: SortOption = None,
    min_trades: MinTradesOption = None,
    scheme: Annotated[str | None, typer.Option(help="rolling or anchored [default: rolling].")] = None,
    train_days: Annotated[float | None, typer.Option(help="Days of training before each test [default: half of the period].")] = None,
    test_days: Annotated[float | None, typer.Option(help="Days of each test [default: an eighth of the period].")] = None,
    step_days: Annotated[float | None, typer.Option(help="Days from one test to the next [default: test-days].")] = None,
    top_k: Annotated[int | None, typer.Option(help="How many each split chooses [default: 3].")] = None,
    workers: WorkersOption = None,
    cluster: ClusterOption = None,
    config: ConfigOption = None,
    request_id: RequestOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
    **settings: Any,
) -> int:
    """Choose on one period and test on the next, split by split; training ends before the test by what the strategy remembers."""
    search = {"method": method, "trials": trials, "seed": seed, "sort_by": sort_by, "min_trades": min_trades, "workers": workers, "cluster": cluster}
    cut = {"scheme": scheme, "train_days": train_days, "test_days": test_days, "step_days": step_days, "top_k": top_k}
    params = asked(settings | search | cut | {"param_grid": _grid(grid)}, param)
    from tallystick.apps.cli.envelopes import emit_run, parameters, shown
    from tallystick.apps.cli.output import table
    from tallystick.apps.research_searches import research_walkforward
    from tallystick.artifacts.paths import Workspace

    with _progress("splits", as_json) as progress:
        place = Workspace(workspace_root(workspace))
        result = research_walkforward(place, params, now_ns=now_ns(now), progress=progress, request_id=request_id, config_path=config)

    def splits() -> None:
        columns = ("train_sharpe_simple", "test_sharpe_simple", "test_total_return")
        rows = [(row["split"], parameters(row["params"]), *(shown(row[name]) for name in columns)) for row in result.report.results]
        table("splits", ("split", "parameters", "train Sharpe", "test Sharpe", "test return"), rows)

    emit_run(result, request_id, as_json, splits)
    return 0


def forward(
    from_run: Annotated[str | None, typer.Option("--from", help="The sweep, walk-forward or run whose parameters go forward, as listed.")] = None,
    resume: Annotated[str | None, typer.Option(help="The forward run that goes on with new bars, as listed.")] = None,
    metric: Annotated[str | None, typer.Option(help="What ranks the candidates [default: sharpe_simple].")] = None,
    rank: Annotated[int | None, typer.Option(help="Which candidate [default: 1].")] = None,
    start: Annotated[str | None, typer.Option(help="First open time [default: where the choosing bars end].")] = None,
    end: EndOption = None,
    initial_cash: CashOption = None,
    config: ConfigOption = None,
    request_id: RequestOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """Run frozen parameters on bars that had no part in choosing them; resume it when there are new bars."""
    params = _params(dict(locals()))
    from tallystick.apps.cli.envelopes import emit_run
    from tallystick.apps.research_forwards import research_forward
    from tallystick.artifacts.paths import Workspace

    place = Workspace(workspace_root(workspace))
    result = research_forward(place, params, now_ns=now_ns(now), request_id=request_id, config_path=config)
    emit_run(result, request_id, as_json)
    return 0


def portfolio(
    mode: Annotated[str | None, typer.Option(help="raw_capital, equal_weight or custom_weight [default: raw_capital].")] = None,
    weights: Annotated[str | None, typer.Option(help="RUN_ID=0.6,OTHER=0.4, with custom_weight.")] = None,
    top_n: Annotated[int | None, typer.Option(help="Only the best so many.")] = None,
    rank_metric: Annotated[str | None, typer.Option(help="What top-n ranks by [default: total_return].")] = None,
    min_return: Annotated[float | None, typer.Option(help="Only runs that returned at least this fraction.")] = None,
    max_drawdown: Annotated[float | None, typer.Option(help="Only runs that never lost more than this fraction.")] = None,
    include_tickers: Annotated[str | None, typer.Option(help="Comma-separated.")] = None,
    exclude_tickers: Annotated[str | None, typer.Option(help="Comma-separated.")] = None,
    include_strategies: Annotated[str | None, typer.Option(help="Comma-separated.")] = None,
    exclude_strategies: Annotated[str | None, typer.Option(help="Comma-separated.")] = None,
    latest_per_source_run: Annotated[bool, typer.Option("--latest-per-source-run", help="Only the newest forward run of each source.")] = False,
    config: ConfigOption = None,
    request_id: RequestOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """Join forward runs under one capital, and compare the ways of splitting it."""
    params = _params(dict(locals()))
    if not latest_per_source_run:
        params.pop("latest_per_source_run")
    from tallystick.apps.cli.envelopes import emit_run, shown
    from tallystick.apps.cli.output import table
    from tallystick.apps.research_forwards import research_portfolio
    from tallystick.artifacts.paths import Workspace

    place = Workspace(workspace_root(workspace))
    result = research_portfolio(place, params, now_ns=now_ns(now), request_id=request_id, config_path=config)

    def parts() -> None:
        rows = [(row["run_id"], row["ticker"], f"{row['weight']:.4f}", shown(row["total_return"]), row["trades"]) for row in result.report.results]
        table("forward runs", ("run_id", "ticker", "weight", "total_return", "trades"), rows)
        modes = result.report.portfolio_modes or ()
        columns = ("total_return", "sharpe_simple", "max_drawdown")
        table("ways to split the capital", ("mode", *columns), [(row.mode, *(shown(getattr(row, name)) for name in columns)) for row in modes])

    emit_run(result, request_id, as_json, parts)
    return 0
