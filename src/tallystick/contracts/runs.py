"""Contracts of document 3: run folders under `outputs/runs/`, their shared index, and the machine surface."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.machine_surface import (
    ENVELOPE_RULES,
    PREFLIGHT_RULES,
    REQUEST_RULES,
    SIGNAL_RULES,
    LifecycleSignal,
    MachineEnvelope,
    MachineRequest,
    Preflight,
)
from tallystick.contracts.run_documents import (
    COMMAND_OF,
    METRICS_OPEN_MAPS,
    METRICS_RULES,
    REPORT_OPEN_MAPS,
    REPORT_RULES,
    TRADES_RULES,
    Command,
    Count,
    RunMetrics,
    RunMode,
    RunReport,
    RunStatus,
    Sha256Text,
    SignedDecimalText,
    SlippageMode,
    TradesTable,
    UtcText,
)
from tallystick.contracts.sweep_tables import LEADERBOARD_RULES, WALKFORWARD_RULES, LeaderboardTable, WalkforwardTable
from tallystick.contracts.workflows import ForwardSettings, ModelSettings, PortfolioSettings, SearchSettings, WalkforwardSettings

RUNS_ROOT = "outputs/runs"
_RUN = f"{RUNS_ROOT}/{{run_id}}"
RUN_ID = re.compile(r"^(\d{8}_\d{6})_(run|sweep|forward|walkforward|portfolio)_[0-9a-f]{7}(_[2-9]\d*|_1\d+)?$")


class RunMetadata(Shape):
    """`metadata.json`: identity and context of a run. run_id = UTC stamp, mode, first seven hex digits of config_hash, and `_2`, `_3` where that was taken."""

    schema_version: Literal["1.0"]
    run_id: str
    created_at: UtcText
    mode: RunMode
    status: RunStatus
    command: Command
    config_path: str | None
    config_hash: Sha256Text
    request_id: str | None
    code_version: str | None = None


class ResolvedConfig(Shape):
    """`config.json`: the resolved configuration of a run.

    ticker: symbols joined by commas. start inclusive, end exclusive. interval as `1h`. fee, k_atr, leverage and spread are per trade: fee a fraction of
    notional, slippage_bps and spread_bps basis points of the price, k_atr times ATR / close under mode `atr`. initial_cash in quote units, split equally.
    funding_rate: fraction of the position's value, paid by the long at each funding time of the instrument where it is above 0, by the short below.
    volume_share: fraction of a bar's volume that orders may take, 0 for no limit. liquidation_fee: fraction of notional on top of the fee.
    model: the trained model that decided, where one did. search, walkforward, forward, portfolio: what that workflow did beyond a plain run; for a
    sweep, strategy_params holds what was not searched.
    """

    ticker: str
    start: UtcText
    end: UtcText
    interval: str
    venue: str
    strategy: str
    strategy_params: Mapping[str, Any]
    fee: float
    slippage_bps: float
    slippage_mode: SlippageMode
    k_atr: float
    spread_bps: float
    leverage: float
    initial_cash: float
    universe_source: str
    universe_version: str | None
    funding_rate: float | None = None
    volume_share: float | None = None
    liquidation_fee: float | None = None
    model: ModelSettings | None = None
    search: SearchSettings | None = None
    walkforward: WalkforwardSettings | None = None
    forward: ForwardSettings | None = None
    portfolio: PortfolioSettings | None = None


class IndexRow(Shape):
    """One run in the shared index. Results as in `RunSummary`; path below the workspace."""

    run_id: str
    mode: RunMode
    created_at: UtcText
    git_commit: str
    ticker: str
    start: str
    end: str
    sharpe_simple: float | None = None
    total_return: float | None = None
    max_drawdown: float | None = None
    trades: Annotated[int, Field(ge=0)]
    path: str


class RunsIndex(Shape):
    """`runs_index.json`: every finished run, oldest first. A read-only registry: only `artifacts.run_index` writes it."""

    generated_at: UtcText
    root_dir: str
    n_runs: Count
    runs: tuple[IndexRow, ...]


INDEX_COLUMNS = tuple(IndexRow.model_fields)


class EquityRow(Shape):
    """Equity and cash in quote units at the close of the bar that opened at `timestamp`; gross exposure as a fraction of equity."""

    timestamp: UtcText
    equity: SignedDecimalText
    cash: SignedDecimalText
    gross: float | None = None


def _run_id_form(metadata: Any) -> str | None:
    match = RUN_ID.match(metadata.run_id)
    if match is None or match.group(2) != metadata.mode:
        return f"run_id {metadata.run_id}"
    stamp = re.sub(r"[-:]", "", metadata.created_at[:19]).replace("T", "_")
    if match.group(1) != stamp:
        return f"run_id {metadata.run_id} created at {metadata.created_at}"
    digits = metadata.run_id.split("_")[3]
    return None if metadata.config_hash.startswith(digits) else f"run_id {metadata.run_id} with config_hash {metadata.config_hash[:7]}…"


def _command(metadata: Any) -> str | None:
    return None if metadata.command == COMMAND_OF[metadata.mode] else f"command {metadata.command} with mode {metadata.mode}"


def _period(config: Any) -> str | None:
    return None if config.start < config.end else f"start {config.start}, end {config.end}"


def _tickers(config: Any) -> str | None:
    names = config.ticker.split(",")
    return None if all(names) and len(set(names)) == len(names) else f"ticker {config.ticker!r}"


def _costs(config: Any) -> str | None:
    for name in ("slippage_bps", "spread_bps", "k_atr", "volume_share", "liquidation_fee"):
        if (getattr(config, name) or 0.0) < 0:
            return f"{name} {getattr(config, name)}"
    for name in ("leverage", "initial_cash"):
        if getattr(config, name) <= 0:
            return f"{name} {getattr(config, name)}"
    return None


def _count(index: Any) -> str | None:
    return None if index.n_runs == len(index.runs) else f"n_runs {index.n_runs} with {len(index.runs)} rows"


def _order(index: Any) -> str | None:
    keys = [(row.created_at, row.run_id) for row in index.runs]
    bad = [after for before, after in pairwise(keys) if after < before]
    return f"{bad[0][1]} out of order" if bad else None


def _unique(index: Any) -> str | None:
    names = [row.run_id for row in index.runs]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    return f"{twice[0]} twice" if twice else None


def _paths(index: Any) -> str | None:
    bad = [row for row in index.runs if row.path != f"{RUNS_ROOT}/{row.run_id}"]
    return f"{bad[0].path} for {bad[0].run_id}" if bad else None


_PEOPLE = Consumer("apps.cli.runs", ("*",), "list, show, rank and compare runs")
_MACHINES = Consumer("outside.machines", ("machine_contract",), "read the result of a request")


def _of_run(name: str, file: str, **fields: Any) -> Contract:
    return Contract(name=f"runs.{name}", version=fields.pop("version", "1.0"), producer="research.run", paths=(f"{_RUN}/{file}",), seed_name=file, **fields)


CONTRACTS = (
    _of_run(
        "metadata",
        "metadata.json",
        purpose="Identity and context of a run",
        consumers=(Consumer("artifacts.run_index", ("run_id", "created_at", "mode", "status"), "build the index"), _PEOPLE),
        shape=RunMetadata,
        rules=(
            Rule("run_id_says_when_mode_and_config", "run_id made of created_at, mode and config_hash", _run_id_form, ("D3.01", "D3.07")),
            Rule("command_makes_the_mode", "the mode's command", _command, ("D3.07",)),
        ),
        clauses=("D3.01", "D3.05", "D3.07", "D3.38"),
        wall_clock=("run_id", "created_at"),
    ),
    _of_run(
        "config",
        "config.json",
        version="1.2",
        purpose="The resolved configuration of a run",
        consumers=(Consumer("artifacts.run_index", ("ticker", "start", "end"), "build the index"), _PEOPLE),
        shape=ResolvedConfig,
        rules=(
            Rule("start_before_end", "start before end", _period, ("D3.08",)),
            Rule("tickers_are_named_once", "at least one ticker, each once", _tickers, ("D3.08",)),
            Rule("costs_are_not_negative", "costs at or above 0, leverage and cash above 0", _costs, ("D3.08",)),
        ),
        clauses=("D3.05", "D3.08"),
        open_maps=("strategy_params", "portfolio.filters"),
    ),
    _of_run(
        "metrics",
        "metrics.json",
        purpose="Results for ranking and comparison",
        consumers=(_PEOPLE,),
        shape=RunMetrics,
        rules=METRICS_RULES,
        clauses=("D3.05", "D3.09"),
        open_maps=METRICS_OPEN_MAPS,
    ),
    _of_run(
        "report",
        "report.json",
        version="1.2",
        purpose="The canonical public report of a run, with the machine-facing result in machine_contract",
        consumers=(_MACHINES, Consumer("artifacts.run_index", ("header", "summary"), "build the index"), _PEOPLE),
        shape=RunReport,
        rules=REPORT_RULES,
        clauses=("D3.05", "D3.10", "D3.11", "D3.12", "D3.13", "D3.39"),
        open_maps=REPORT_OPEN_MAPS,
        wall_clock=("header.run_id", "header.created_at", "machine_contract.run_id", "machine_contract.artifacts"),
    ),
    _of_run(
        "trades", "trades.csv", purpose="Every fill of a run", consumers=(_PEOPLE,), shape=TradesTable, rules=TRADES_RULES, clauses=("D3.06",), encoding="csv"
    ),
    _of_run("run_report", "run_report.md", purpose="The report for people", consumers=(_PEOPLE,), shape=None, clauses=("D3.06",), encoding="text"),
    _of_run(
        "report_page",
        "report.html",
        purpose="The report with its pictures: one self-contained page",
        consumers=(_PEOPLE,),
        shape=None,
        clauses=("D3.06",),
        encoding="text",
    ),
    _of_run("equity", "artifacts/equity.csv", purpose="The equity curve of a run", consumers=(_PEOPLE,), shape=EquityRow, clauses=("D3.06",), encoding="csv"),
    _of_run(
        "supplement",
        "artifacts/{name*}",
        purpose="Further files of a run: plots, tables; readers cope without them",
        consumers=(_PEOPLE,),
        shape=None,
        clauses=("D3.06",),
        encoding="bytes",
    ),
    _of_run(
        "leaderboard",
        "leaderboard.csv",
        purpose="Every experiment of a sweep, best first",
        consumers=(_PEOPLE, Consumer("research.forward", ("rows",), "choose the candidate")),
        shape=LeaderboardTable,
        rules=LEADERBOARD_RULES,
        clauses=("D3.06",),
        encoding="csv",
    ),
    _of_run(
        "walkforward",
        "walkforward.csv",
        purpose="Every split of a walk-forward",
        consumers=(_PEOPLE,),
        shape=WalkforwardTable,
        rules=WALKFORWARD_RULES,
        clauses=("D3.06",),
        encoding="csv",
    ),
    Contract(
        name="runs.index_json",
        version="1.0",
        purpose="The shared run registry; refreshed after each successful run, read by everyone, written by no consumer",
        producer="artifacts.run_index",
        consumers=(_PEOPLE, Consumer("outside.machines", ("runs",), "browse runs")),
        shape=RunsIndex,
        paths=(f"{RUNS_ROOT}/runs_index.json",),
        rules=(
            Rule("n_runs_counts_the_rows", "n_runs equal to the number of rows", _count, ("D3.31",)),
            Rule("rows_are_sorted", "rows by created_at, then run_id", _order, ("D3.31",)),
            Rule("run_ids_are_unique", "each run once", _unique, ("D3.31",)),
            Rule("paths_lie_under_runs", "each path outputs/runs/<run_id>: paper sessions are elsewhere", _paths, ("D3.24",)),
        ),
        seed_name="runs_index.json",
        clauses=("D3.02", "D3.24", "D3.31", "D3.32", "D3.33"),
        wall_clock=("generated_at",),
    ),
    Contract(
        name="runs.index_csv",
        version="1.0",
        purpose="The same rows as a table",
        producer="artifacts.run_index",
        consumers=(_PEOPLE,),
        shape=IndexRow,
        paths=(f"{RUNS_ROOT}/runs_index.csv",),
        encoding="csv",
        seed_name="runs_index.csv",
        clauses=("D3.02", "D3.31"),
    ),
    Contract(
        name="runs.index_md",
        version="1.0",
        purpose="The same rows for people",
        producer="artifacts.run_index",
        consumers=(_PEOPLE,),
        shape=None,
        paths=(f"{RUNS_ROOT}/runs_index.md",),
        encoding="text",
        seed_name="runs_index.md",
        clauses=("D3.02", "D3.31"),
    ),
    Contract(
        name="runs.machine_request",
        version="1.0",
        purpose="A request of another program: what `--json-request` takes",
        producer="outside.machines",
        consumers=(Consumer("apps.machine_surface", ("command", "params", "request_id"), "run it"),),
        shape=MachineRequest,
        encoding="memory",
        rules=REQUEST_RULES,
        clauses=("D3.44",),
        open_maps=("params",),
    ),
    Contract(
        name="runs.machine_envelope",
        version="1.0",
        purpose="The one JSON document that a request prints on stdout (decision 45)",
        producer="apps.machine_surface",
        consumers=(Consumer("outside.machines", ("*",), "know how the request ended"),),
        shape=MachineEnvelope,
        encoding="memory",
        rules=ENVELOPE_RULES,
        clauses=("D3.21", "D3.44"),
        open_maps=("summary",),
    ),
    Contract(
        name="runs.lifecycle_signal",
        version="1.0",
        purpose="A line of the signal file that `--signal-file` names",
        producer="apps.machine_surface",
        consumers=(Consumer("outside.machines", ("*",), "follow a request while it runs"),),
        shape=LifecycleSignal,
        encoding="jsonl",
        rules=SIGNAL_RULES,
        clauses=("D3.45", "D3.46", "D3.47"),
        wall_clock=("timestamp",),
    ),
    Contract(
        name="runs.preflight",
        version="1.0",
        purpose="The health summary that `--check` prints",
        producer="apps.machine_surface",
        consumers=(Consumer("outside.machines", ("*",), "validate the runtime"),),
        shape=Preflight,
        encoding="memory",
        rules=PREFLIGHT_RULES,
        clauses=("D3.42", "D3.43"),
    ),
)
