"""A forward run: parameters that were frozen, on bars that had no part in choosing them. It goes on with new bars when it is resumed.

Resuming walks the whole period again with the same parameters and demands the same equity for the bars it had walked before, byte for byte:
the recorded state is checked, never trusted (as in decision 0002).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import read_artifact, read_bytes
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.instruments import Instrument
from tallystick.contracts.quote_money import amount_of
from tallystick.contracts.registry import contract
from tallystick.contracts.run_documents import RunReport
from tallystick.contracts.runs import ResolvedConfig
from tallystick.contracts.time import iso_from_ns, ns_from_iso
from tallystick.contracts.workflows import ForwardSettings
from tallystick.kernels.simulation_books import POSITION, SYMBOL
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import InstrumentBook
from tallystick.research.account_sections import Universe, account_of, evidence_for
from tallystick.research.candidates import Candidate, sealed_run
from tallystick.research.evaluation import account_returns, equity_csv, trade_rows, trades_csv
from tallystick.research.report_page import run_html
from tallystick.research.run_config import COSTS, RunConfig
from tallystick.research.run_folder import Findings, RunResult, publish, read_result
from tallystick.research.run_pictures import traded_prices
from tallystick.research.run_report import Provenance, number, percent, summary_lines, warning_lines
from tallystick.research.simulation import Simulation
from tallystick.research.sweep import resolved_config
from tallystick.research.trained_forecast import TrainedForecast
from tallystick.research.trials import TrialJob, Window, trial_job

POOL_HISTORY_MARK = " releases, sha256 "
"""What the version of a universe says when it is a history of the pool (`PoolHistory.identity`)."""


@dataclass(frozen=True, slots=True)
class ForwardRequest:
    """Where a forward run begins and ends (None: as far as the bars go), with how much cash, and which forward run it goes on from."""

    start_ns: int
    end_ns: int | None
    initial_cash: float
    resumed_from: str | None = None


def first_request(candidate: Candidate, *, start_ns: int | None, end_ns: int | None, initial_cash: float) -> ForwardRequest:
    """A new forward run. Raises ConfigurationError for a start among the bars that chose the parameters: forward means bars that nobody had seen."""
    if POOL_HISTORY_MARK in (candidate.config.universe_version or ""):
        raise ConfigurationError(
            "expected a source with a fixed list of symbols, found one that followed the pool of the time",
            where=candidate.run_id,
            hint="Sweep with --ticker, or run the parameters again with: tallystick run --pool-from",
        )
    chosen_until = ns_from_iso(candidate.config.end)
    if start_ns is not None and start_ns < chosen_until:
        raise ConfigurationError(
            f"expected a start from {candidate.config.end} on, found {iso_from_ns(start_ns)}: earlier bars chose the parameters",
            where="forward_start",
            hint="Leave the start out, or sweep on an earlier period",
        )
    return ForwardRequest(start_ns if start_ns is not None else chosen_until, end_ns, initial_cash)


def frozen_config(candidate: Candidate, initial_cash: float, model: TrainedForecast | None = None) -> RunConfig:
    """The candidate as a run's configuration; what an older version did not record is as it was then, its default."""
    config = candidate.config
    return RunConfig(
        symbols=tuple(config.ticker.split(",")),
        strategy=config.strategy,
        parameters=dict(config.strategy_params),
        initial_cash=initial_cash,
        model=model,
        **{name: getattr(config, name) for name in COSTS if getattr(config, name) is not None},
    )


def forward(
    workspace: Workspace,
    panel: BarPanel,
    book: InstrumentBook,
    candidate: Candidate,
    request: ForwardRequest,
    provenance: Provenance,
    *,
    universe: Universe,
    now_ns: int,
    model: TrainedForecast | None = None,
) -> RunResult:
    """Run the candidate forward and write the run folder with its `portfolio_state.json`. model: the one that the candidate names, where it names one.

    A resumed run without new bars is answered by the run that it would go on from. Raises DataError without bars after the start, or where the bars
    of a resumed run are not what they were.
    """
    job = trial_job(panel, book, frozen_config(candidate, request.initial_cash, model))
    end_ns = min(panel.end_ns, request.end_ns) if request.end_ns is not None else panel.end_ns
    if end_ns <= request.start_ns:
        raise DataError(
            f"expected bars from {iso_from_ns(request.start_ns)} on, found none before {iso_from_ns(end_ns)}",
            where=panel.venue,
            hint="Wait for new bars, or choose on an earlier period",
        )
    window = Window(request.start_ns, end_ns)
    before = _earlier(workspace, request.resumed_from)
    if before is not None and job.period(window).bars <= before.bars and request.resumed_from is not None:
        return read_result(workspace, request.resumed_from, sealed_run(workspace, request.resumed_from), is_new=False)
    simulation = job.simulate(window, {})
    equity = equity_csv(simulation)
    if before is not None and not equity.startswith(before.equity):
        raise DataError(
            f"expected the {before.bars} bars of {request.resumed_from} to give the equity that was recorded, found another",
            where=str(workspace.root),
            hint="Bars or code changed: begin a new forward run",
        )
    settings = ForwardSettings(
        source_run_id=candidate.run_id,
        source_sha256=candidate.seal_sha256,
        metric=candidate.metric,
        rank=candidate.rank,
        chosen_until=candidate.config.end,
        resumed_from=request.resumed_from,
    )
    period = Window(int(simulation.open_times_ns[0]), int(simulation.open_times_ns[-1]) + panel.interval_ns)
    config = resolved_config(job, period, universe).model_copy(update={"forward": settings})
    return publish(workspace, _findings(workspace, job, simulation, equity, config, provenance, universe, now_ns), provenance, now_ns=now_ns)


@dataclass(frozen=True, slots=True)
class _Earlier:
    """The forward run that is resumed: how many bars it walked, and its equity table."""

    bars: int
    equity: bytes


def _earlier(workspace: Workspace, run_id: str | None) -> _Earlier | None:
    if run_id is None:
        return None
    state = read_artifact(contract("runs.portfolio_state"), workspace.path("runs.portfolio_state", run_id=run_id))
    return _Earlier(state.processed_bars, read_bytes(workspace.path("runs.equity", run_id=run_id), state.equity_sha256))


def resumed(workspace: Workspace, run_id: str, *, end_ns: int | None) -> tuple[Candidate, ForwardRequest]:
    """The candidate and the request of a forward run that is to go on. Raises ConfigurationError for a run of another mode, ArtifactError for a damaged one."""
    sealed_run(workspace, run_id)
    config: ResolvedConfig = read_artifact(contract("runs.config"), workspace.path("runs.config", run_id=run_id))
    if config.forward is None:
        raise ConfigurationError(f"expected a forward run to resume, found {run_id}", where="resume", hint="See: tallystick runs list")
    source = config.forward
    plain_config = config.model_copy(update={"end": source.chosen_until})
    candidate = Candidate(source.source_run_id, source.source_sha256, "forward", plain_config, source.metric, source.rank)
    return candidate, ForwardRequest(ns_from_iso(config.start), end_ns, config.initial_cash, run_id)


def portfolio_state(simulation: Simulation, instruments: tuple[Instrument, ...], equity: bytes, resumed_from: str | None) -> dict[str, Any]:
    """Where the account stands after the last bar."""
    held = dict.fromkeys(range(len(simulation.symbols)), 0)
    for fill in simulation.fills.tolist():
        held[fill[SYMBOL]] = fill[POSITION]
    last = simulation.curve[-1].tolist()
    return {
        "schema_version": "1.0",
        "cash": format(amount_of(last[1]), "f"),
        "equity": format(amount_of(last[0]), "f"),
        "positions": sorted(
            ({"symbol": simulation.symbols[row], "quantity": format(instruments[row].quantity_of(lots), "f")} for row, lots in held.items() if lots != 0),
            key=lambda item: item["symbol"],
        ),
        "last_timestamp": iso_from_ns(int(simulation.open_times_ns[-1])),
        "processed_bars": int(simulation.open_times_ns.size),
        "equity_sha256": sha256_bytes(equity),
        "resumed_from": resumed_from,
    }


def _findings(
    workspace: Workspace, job: TrialJob, simulation: Simulation, equity: bytes, config: ResolvedConfig, provenance: Provenance, universe: Universe, now_ns: int
) -> Findings:
    settings = config.forward
    assert settings is not None
    window = Window(ns_from_iso(config.start), ns_from_iso(config.end))
    account = account_of(job, window, simulation, universe)
    evaluation, year = account.evaluation, account.sections["annualisation"].bars_per_year
    returns = account_returns(simulation, job.config.terms)
    evidence = evidence_for(workspace, config, returns, year, [evaluation.summary.sharpe_simple], now_ns=now_ns)
    begun = f"--metric {settings.metric} --rank {settings.rank} --start {config.start} --initial-cash {config.initial_cash!r}"
    origin = f"--resume {settings.resumed_from}" if settings.resumed_from else f"--from {settings.source_run_id} {begun}"
    prices = traded_prices(job.period(window), job.instruments, simulation)
    return Findings(
        mode="forward",
        config=config,
        summary=evaluation.summary,
        command=f"tallystick forward {origin} --end {config.end} --now {provenance.created_at}",
        page=forward_page,
        pictures=lambda report: run_html(report, account.curve, prices),
        documents={
            "runs.trades": trades_csv(trade_rows(simulation, job.instruments)),
            "runs.equity": equity,
            "runs.portfolio_state": portfolio_state(simulation, job.instruments, equity, settings.resumed_from),
        },
        results=evaluation.results,
        sections={**account.sections, "evidence": evidence},
        advanced=evaluation.advanced,
    )


def forward_page(report: RunReport) -> bytes:
    """`run_report.md` of a forward run."""
    config = report.config_resolved
    settings = config["forward"]
    shown = ", ".join(f"{name} {value:g}" for name, value in config["strategy_params"].items())
    lines = [f"# Forward run {report.header.run_id}", ""]
    lines += [f"{config['strategy']} on {config['ticker']}, {config['interval']} bars of {config['venue']}, {config['start']} to {config['end']}.", ""]
    lines += [f"Frozen parameters: {shown}; rank {settings['rank']} by {settings['metric']} of {settings['source_run_id']},"]
    lines += [f"which saw bars until {settings['chosen_until']}.", *warning_lines(report), "", *summary_lines(report.summary)]
    if report.benchmark is not None:
        lines += [f"| buy and hold | {percent(report.benchmark.total_return)} |"]
    if report.costs is not None:
        lines += ["", f"Fees {report.costs.fees}, spread and slippage {report.costs.spread_and_slippage}, turnover {number(report.costs.turnover)}."]
    lines += ["", "Resume it when there are new bars:", "", f"    tallystick forward --resume {report.header.run_id}"]
    return "".join(f"{line}\n" for line in lines).encode()
