"""A research run: bars and a configuration in, a sealed run folder with `report.json` out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ConfigurationError, DataError, StrategyError
from tallystick.contracts.instruments import Instrument
from tallystick.contracts.run_documents import Annualisation, CoverageReference
from tallystick.contracts.run_evidence import Evidence
from tallystick.contracts.runs import ResolvedConfig
from tallystick.contracts.time import iso_from_ns
from tallystick.contracts.training import CodeVersion
from tallystick.market.bars import BarPanel
from tallystick.market.calendars import bars_per_year, describe_year
from tallystick.market.instruments import InstrumentBook
from tallystick.research.evaluation import (
    Evaluation,
    account_returns,
    benchmark_of,
    buy_and_hold,
    equity_csv,
    evaluate,
    room_of,
    trade_rows,
    trades_csv,
)
from tallystick.research.honesty.track_record import evidence_of
from tallystick.research.honesty.trials import count_trials, with_own
from tallystick.research.pool_history import PoolHistory, features_of_the_time, pool_weights
from tallystick.research.report_page import run_html
from tallystick.research.run_config import RATES, RunConfig, resolved
from tallystick.research.run_folder import Findings, RunResult, publish
from tallystick.research.run_pictures import curve_of, traded_prices
from tallystick.research.run_report import Provenance, config_hash, run_page, universe_flags
from tallystick.research.simulation import Floats, Simulation, rows_of, simulate_targets, slippage_rows
from tallystick.research.strategies import in_bars, resolve_parameters

ATR = "atr_14"
LEAST_BARS = 100
"""Fewer bars than this say nothing about a strategy with a window of twenty."""


@dataclass(frozen=True, slots=True)
class _Universe:
    """Where the symbols came from (decision 44)."""

    source: str
    version: str | None
    note: str | None
    history: PoolHistory | None = None


@dataclass(frozen=True, slots=True)
class _Tested:
    """A simulated strategy with everything its documents are made from."""

    config: ResolvedConfig
    period: BarPanel
    instruments: tuple[Instrument, ...]
    simulation: Simulation
    held: Simulation | None
    evaluation: Evaluation
    sections: Mapping[str, Any]
    pool_from: str | None = None


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
    pool_history: PoolHistory | None = None,
) -> RunResult:
    """Test a strategy on bars and write `outputs/runs/<run_id>/`, sealed, with the shared index refreshed.

    panel may begin before the period: what lies before it warms the features and is never traded. universe_source: `live_pool` or `static` (decision 44),
    universe_version: the pool's version; universe_note: what a reader should know about that choice. coverage_sha256: of the stored bars' coverage,
    cited in the report. pool_history: only what was in the pool at the time is traded, an equal part for each member.
    With the same `now_ns`, inputs and code the folder has the same bytes.
    Raises DataError for missing bars, ConfigurationError for a request that cannot be, StrategyError where equity is lost.
    """
    used = panel.select(config.symbols or panel.symbols)
    tested = _test(used, instruments, config, _Universe(universe_source, universe_version, universe_note, pool_history))
    provenance = Provenance(
        created_at=iso_from_ns(now_ns),
        code=code_version,
        request_id=request_id,
        config_path=config_path,
        coverage=(CoverageReference(venue=panel.venue, interval_minutes=panel.interval_minutes, sha256=coverage_sha256),),
        data_sha256=data_sha256(used),
    )
    digest = config_hash(tested.config)
    tested = replace(tested, sections={**tested.sections, "evidence": _evidence(workspace, tested, config, digest, now_ns)})
    return publish(workspace, _findings(tested, provenance), provenance, now_ns=now_ns)


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
    weights, atr = decided_weights(panel, period, config, universe.history)
    slippage = slippage_rows(config.slippage_mode, config.slippage_bps, config.k_atr, atr, weights.shape)
    simulation = simulate_targets(period, rows, weights, slippage, config.terms)
    year = bars_per_year(rows[0].calendar, panel.interval_minutes)
    evaluation = evaluate(simulation, config.terms, year)
    # Nobody could have bought, at the start, all the names that were to be in the pool: with a history there is no such benchmark.
    held = buy_and_hold(period, rows, slippage, config.terms) if universe.history is None else None
    sections = {
        "universe_source": universe.source,
        "universe_version": universe.version,
        "universe_note": universe.note,
        "costs": evaluation.costs,
        "exposure": evaluation.exposure,
        "benchmark": None if held is None else benchmark_of(held, config.terms, year, evaluation.summary.total_return),
        "capacity": room_of(simulation, period, config.terms),
        "annualisation": Annualisation(calendar=rows[0].calendar, bars_per_year=year, says=describe_year(rows[0].calendar, panel.interval_minutes)),
        "advanced": evaluation.advanced,
    }
    pool_from = None if universe.history is None else universe.history.source
    return _Tested(document, period, rows, simulation, held, evaluation, sections, pool_from)


def _evidence(workspace: Workspace, tested: _Tested, config: RunConfig, digest: str, now_ns: int) -> Evidence:
    """What the result is worth after every look at the same data that the index knows; its resamples follow from the configuration."""
    asked = tested.config
    created_at = iso_from_ns(now_ns)
    before = count_trials(workspace, symbols=tested.period.symbols, start=asked.start, end=asked.end, created_at=created_at, own=digest[:7], now_ns=now_ns)
    trials = with_own(before, [tested.evaluation.summary.sharpe_simple])
    return evidence_of(account_returns(tested.simulation, config.terms), tested.sections["annualisation"].bars_per_year, int(digest[:8], 16), trials)


def strategy_parameters(config: RunConfig, panel: BarPanel) -> dict[str, float]:
    """Every parameter of the run's strategy, days also in bars."""
    return in_bars(resolve_parameters(config.decides, config.parameters), panel.interval_minutes, panel.day_minutes)


def decided_weights(panel: BarPanel, period: BarPanel, config: RunConfig, pool: PoolHistory | None = None) -> tuple[Floats, Floats | None]:
    """Weights float64[S, T] over the period, and ATR over close where slippage asks for it.

    Each symbol gets an equal part of the account; with the history of a pool, each member of the pool of the time.
    """
    strategy = config.decides
    with_atr = config.slippage_mode == "atr"
    parameters = strategy_parameters(config, panel)
    wanted = strategy.features(parameters)
    names = tuple(dict.fromkeys((*wanted, *((ATR,) if with_atr else ()))))
    offset = int(np.searchsorted(panel.open_times_ns, period.start_ns))
    # Features are computed over all bars and then cut, so that they are warm where the period begins; the policy itself begins flat there.
    history = features_of_the_time(panel, names, pool)[:, :, offset : offset + period.bars]
    positions = strategy.targets(np.ascontiguousarray(history[:, : len(wanted)]), parameters)
    if positions.shape != period.close.shape:
        raise StrategyError(f"expected positions of shape {period.close.shape}, found {positions.shape}", where=config.strategy)
    atr = history[:, names.index(ATR)] if with_atr else None
    if pool is None:
        return positions / len(period.symbols), atr
    # A decision is made when its bar closes: that is the time at which a release must be active.
    return pool_weights(positions, pool, period.symbols, period.open_times_ns + period.interval_ns), atr


def _findings(tested: _Tested, provenance: Provenance) -> Findings:
    """A plain run has no leaderboard: its rows are its symbols."""
    evaluation = tested.evaluation
    curve = curve_of(tested.simulation, tested.config.initial_cash, tested.held)
    trades = trades_csv(trade_rows(tested.simulation, tested.instruments))
    return Findings(
        mode="run",
        config=tested.config,
        summary=evaluation.summary,
        command=command_line(tested.config, provenance, tested.pool_from),
        page=run_page,
        pictures=lambda report: run_html(report, curve, traded_prices(tested.period, tested.instruments, tested.simulation)),
        documents={"runs.trades": trades, "runs.equity": equity_csv(tested.simulation)},
        results=evaluation.results,
        sections=tested.sections,
        advanced=evaluation.advanced,
    )


def command_line(config: ResolvedConfig, provenance: Provenance, pool_from: str | None = None) -> str:
    """The command that makes this run again from the same bars, every flag named."""
    flags = {
        **universe_flags(config, pool_from),
        "venue": config.venue,
        "interval": config.interval,
        "start": config.start,
        "end": config.end,
        "strategy": config.strategy,
        **({} if config.model is None else {"models": config.model.run, "model": f"{config.model.target}/{config.model.family}"}),
        **{name.replace("_", "-"): repr(getattr(config, name)) for name in RATES},
        "slippage-mode": config.slippage_mode,
        "initial-cash": repr(config.initial_cash),
        "now": provenance.created_at,
    }
    seen = ["--in-sample"] if config.model is not None and config.model.in_sample else []
    parameters = [part for name, value in config.strategy_params.items() for part in ("--param", f"{name}={value!r}")]
    return shlex.join(["tallystick", "run", *(part for name, value in flags.items() for part in (f"--{name}", value)), *seen, *parameters])
