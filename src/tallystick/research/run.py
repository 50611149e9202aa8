"""A research run: bars and a configuration in, a sealed run folder with `report.json` out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tallystick.analysis.features import compute_history
from tallystick.artifacts.canonical import plain
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace, get_research_run_dir
from tallystick.artifacts.run_index import RunFiles, publish_run
from tallystick.artifacts.store import encode_artifact, read_artifact
from tallystick.contracts.checking import parse
from tallystick.contracts.errors import ConfigurationError, DataError, StrategyError
from tallystick.contracts.instruments import Instrument
from tallystick.contracts.registry import contract
from tallystick.contracts.run_documents import SCHEMA_VERSION, Annualisation, CoverageReference, RunReport
from tallystick.contracts.runs import RUNS_ROOT, ResolvedConfig
from tallystick.contracts.time import iso_from_ns
from tallystick.contracts.training import CodeVersion
from tallystick.market.bars import BarPanel
from tallystick.market.calendars import bars_per_year, describe_year
from tallystick.market.instruments import InstrumentBook
from tallystick.research.evaluation import Evaluation, buy_and_hold, equity_csv, evaluate, trade_rows, trades_csv
from tallystick.research.run_config import RunConfig, resolved
from tallystick.research.run_report import Provenance, config_hash, relative_names, report_document, run_page
from tallystick.research.simulation import Floats, Simulation, rows_of, simulate_targets, slippage_rows
from tallystick.research.strategies import find_strategy, in_bars

ATR = "atr_14"
LEAST_BARS = 100
"""Fewer bars than this say nothing about a strategy with a window of twenty."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run. Paths named `…_path` and `runs_index` are relative to the workspace; `runs_index` is None for a paper session."""

    run_id: str
    status: str
    folder: Path
    artifacts_path: str
    report_path: str
    runs_index: str | None
    seal_sha256: str
    is_new: bool
    summary: Mapping[str, Any]
    report: RunReport


@dataclass(frozen=True, slots=True)
class _Universe:
    """Where the symbols came from (decision 44)."""

    source: str
    version: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class _Tested:
    """A simulated strategy with everything its documents are made from."""

    config: ResolvedConfig
    instruments: tuple[Instrument, ...]
    simulation: Simulation
    evaluation: Evaluation
    sections: Mapping[str, Any]


def run(
    workspace: Workspace,
    panel: BarPanel,
    instruments: InstrumentBook,
    config: RunConfig,
    *,
    now_ns: int,
    code_version: CodeVersion,
    request_id: str | None = None,
    config_path: str | None = None,
    universe_source: str = "static",
    universe_version: str | None = None,
    universe_note: str | None = None,
    coverage_sha256: str | None = None,
) -> RunResult:
    """Test a strategy on bars and write `outputs/runs/<run_id>/`, sealed, with the shared index refreshed.

    panel may begin before the period: what lies before it warms the features and is never traded. universe_source: `live_pool` or `static` (decision 44),
    universe_version: the pool's version; universe_note: what a reader should know about that choice. coverage_sha256: of the stored bars' coverage,
    cited in the report. With the same `now_ns`, inputs and code the folder has the same bytes.
    Raises DataError for missing bars, ConfigurationError for a request that cannot be, StrategyError where equity is lost.
    """
    used = panel.select(config.symbols or panel.symbols)
    tested = _test(used, instruments, config, _Universe(universe_source, universe_version, universe_note))
    provenance = Provenance(
        created_at=iso_from_ns(now_ns),
        code=code_version,
        request_id=request_id,
        config_path=config_path,
        coverage=(CoverageReference(venue=panel.venue, interval_minutes=panel.interval_minutes, sha256=coverage_sha256),),
        data_sha256=data_sha256(used),
    )
    digest = config_hash(tested.config)
    stamp = provenance.created_at[:19].replace("-", "").replace(":", "").replace("T", "_")
    published = publish_run(workspace, f"{stamp}_run_{digest[:7]}", lambda place, run_id: _files(place, run_id, tested, provenance), now_ns=now_ns)
    report: RunReport = read_artifact(contract("runs.report"), workspace.path("runs.report", run_id=published.run_id))
    return RunResult(
        run_id=published.run_id,
        status=report.status,
        folder=published.folder,
        artifacts_path=f"{RUNS_ROOT}/{published.run_id}",
        report_path=f"{RUNS_ROOT}/{published.run_id}/report.json",
        runs_index=f"{RUNS_ROOT}/runs_index.json",
        seal_sha256=published.seal_sha256,
        is_new=published.is_new,
        summary=plain(report.summary),
        report=report,
    )


def data_sha256(panel: BarPanel) -> str:
    """SHA-256 over symbols, open times (int64) and the six columns (float64), little-endian; every missing value as one and the same NaN."""
    stacked = panel.stacked()
    values = np.where(np.isnan(stacked), np.nan, stacked).astype("<f8")
    header = f"{panel.venue} {panel.interval_minutes} {' '.join(panel.symbols)}\n".encode()
    return sha256_bytes(header + panel.open_times_ns.astype("<i8").tobytes() + values.tobytes())


def _period(panel: BarPanel, config: RunConfig) -> BarPanel:
    start = panel.start_ns if config.start_ns is None else config.start_ns
    end = panel.end_ns if config.end_ns is None else config.end_ns
    period = panel.between(start, end)
    if period.bars < LEAST_BARS:
        raise DataError(
            f"expected at least {LEAST_BARS} bars from {iso_from_ns(start)} to {iso_from_ns(end)}, found {period.bars}",
            where=f"{panel.venue} at {panel.interval_minutes} minutes",
            hint="Choose a longer period, or a shorter interval",
        )
    return period


def _test(panel: BarPanel, book: InstrumentBook, config: RunConfig, universe: _Universe) -> _Tested:
    period = _period(panel, config)
    document = resolved(
        config,
        symbols=period.symbols,
        start_ns=period.start_ns,
        end_ns=period.end_ns,
        interval_minutes=panel.interval_minutes,
        venue=panel.venue,
        source=universe.source,
        version=universe.version,
    )
    rows = rows_of(period, book)
    calendars = sorted({row.calendar for row in rows})
    if len(calendars) > 1:
        raise ConfigurationError(f"expected symbols of one calendar, found {' and '.join(calendars)}", hint="Run them apart")
    weights, atr = _targets(panel, period, config, document)
    slippage = slippage_rows(config.slippage_mode, config.slippage_bps, config.k_atr, atr, weights.shape)
    simulation = simulate_targets(period, rows, weights, slippage, config.terms)
    year = bars_per_year(rows[0].calendar, panel.interval_minutes)
    evaluation = evaluate(simulation, config.terms, year)
    benchmark = buy_and_hold(period, rows, slippage, config.terms, year, evaluation.summary.total_return)
    sections = {
        "universe_source": universe.source,
        "universe_version": universe.version,
        "universe_note": universe.note,
        "costs": evaluation.costs,
        "exposure": evaluation.exposure,
        "benchmark": benchmark,
        "annualisation": Annualisation(calendar=rows[0].calendar, bars_per_year=year, says=describe_year(rows[0].calendar, panel.interval_minutes)),
        "advanced": evaluation.advanced,
    }
    return _Tested(document, rows, simulation, evaluation, sections)


def _targets(panel: BarPanel, period: BarPanel, config: RunConfig, document: ResolvedConfig) -> tuple[Floats, Floats | None]:
    """Weights float64[S, T] over the period, an equal part of the account for each symbol, and ATR over close where slippage asks for it."""
    strategy = find_strategy(config.strategy)
    with_atr = config.slippage_mode == "atr"
    parameters = in_bars(document.strategy_params, panel.interval_minutes, panel.day_minutes)
    wanted = strategy.features(parameters)
    names = tuple(dict.fromkeys((*wanted, *((ATR,) if with_atr else ()))))
    offset = int(np.searchsorted(panel.open_times_ns, period.start_ns))
    # Features are computed over all bars and then cut, so that they are warm where the period begins; the policy itself begins flat there.
    history = compute_history(panel, names)[:, :, offset : offset + period.bars]
    positions = strategy.targets(np.ascontiguousarray(history[:, : len(wanted)]), parameters)
    if positions.shape != period.close.shape:
        raise StrategyError(f"expected positions of shape {period.close.shape}, found {positions.shape}", where=config.strategy)
    return positions / len(period.symbols), history[:, names.index(ATR)] if with_atr else None


def _files(place: Workspace, run_id: str, tested: _Tested, provenance: Provenance) -> RunFiles:
    """Every file of the run, path → bytes, each document checked against its contract."""
    config: dict[str, Any] = plain(tested.config)
    evaluation = tested.evaluation
    metadata = {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "created_at": provenance.created_at,
        "mode": "run",
        "status": "success",
        "command": "run",
        "config_path": provenance.config_path,
        "config_hash": config_hash(config),
        "request_id": provenance.request_id,
        "code_version": provenance.code_version,
    }
    metrics = {"status": "success", "summary": evaluation.summary, "best_result": None, "leaderboard_size": 0, "advanced": evaluation.advanced}
    trades = trades_csv(trade_rows(tested.simulation, tested.instruments))
    documents = {"runs.metadata": metadata, "runs.config": config, "runs.metrics": metrics, "runs.trades": trades, "runs.equity": equity_csv(tested.simulation)}
    files = {place.path(name, run_id=run_id): encode_artifact(contract(name), document) for name, document in documents.items()}
    report = report_document(
        mode="run",
        status="success",
        run_id=run_id,
        provenance=provenance,
        config=config,
        command=command_line(tested.config, provenance),
        summary=evaluation.summary,
        files=relative_names(files, get_research_run_dir(place, run_id)),
        folder=f"{RUNS_ROOT}/{run_id}",
        results=evaluation.results,
        sections=tested.sections,
    )
    files[place.path("runs.report", run_id=run_id)] = encode_artifact(contract("runs.report"), report)
    files[place.path("runs.run_report", run_id=run_id)] = run_page(parse(contract("runs.report"), report))
    return files


def command_line(config: ResolvedConfig, provenance: Provenance) -> str:
    """The command that makes this run again from the same bars, every flag named."""
    flags = {
        "ticker": config.ticker,
        "venue": config.venue,
        "interval": config.interval,
        "start": config.start,
        "end": config.end,
        "strategy": config.strategy,
        "fee": repr(config.fee),
        "slippage-bps": repr(config.slippage_bps),
        "slippage-mode": config.slippage_mode,
        "k-atr": repr(config.k_atr),
        "spread-bps": repr(config.spread_bps),
        "leverage": repr(config.leverage),
        "initial-cash": repr(config.initial_cash),
        **{name.replace("_", "-"): repr(value) for name, value in config.strategy_params.items()},
        "now": provenance.created_at,
    }
    return shlex.join(["tallystick", "run", *(part for name, value in flags.items() for part in (f"--{name}", value))])
