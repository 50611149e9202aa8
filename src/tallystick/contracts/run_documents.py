"""Shapes that runs and paper sessions share: summary, machine block, report, trades. Their contracts stand in `runs` and `paper_sessions`."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from tallystick.contracts.contract import Rule, Shape
from tallystick.contracts.errors import DataError
from tallystick.contracts.run_evidence import EVIDENCE_RULES, Capacity, Evidence, Overfitting
from tallystick.contracts.time import ns_from_iso

SCHEMA_VERSION = "1.0"
Command = Literal["run", "sweep", "forward", "walkforward", "portfolio"]
RunMode = Literal["run", "sweep", "forward", "walkforward", "portfolio"]
ReportMode = Literal["run", "sweep", "forward", "walkforward", "portfolio", "paper"]
RunStatus = Literal["success", "failed", "aborted"]
SlippageMode = Literal["fixed", "atr"]
ContractType = Literal[
    "quantlab.run.result",
    "quantlab.sweep.result",
    "quantlab.forward.result",
    "quantlab.walkforward.result",
    "quantlab.portfolio.result",
    "quantlab.paper.result",
]
UtcText = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$")]
Sha256Text = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
SignedDecimalText = Annotated[str, StringConstraints(pattern=r"^-?\d{1,24}(\.\d{1,24})?$")]
Count = Annotated[int, Field(ge=0)]

# What each mode is called by: a paper session enters through `run` and keeps that command (documents 3, decision 58).
COMMAND_OF: dict[str, str] = {"run": "run", "sweep": "sweep", "forward": "forward", "walkforward": "walkforward", "portfolio": "portfolio", "paper": "run"}
CONTRACT_TYPE_OF: dict[str, str] = {mode: f"quantlab.{mode}.result" for mode in COMMAND_OF}
CORE_KPIS = ("total_return", "sharpe_simple", "max_drawdown", "trades", "win_rate")
LEGACY_NAMES = ("meta.json", "run_report.json")


class RunSummary(Shape):
    """The core results. An open map: a report may add more.

    total_return, max_drawdown (never positive) and win_rate are fractions; sharpe_simple is √(bars per year) · mean / standard deviation of bar returns;
    trades counts completed round trips. Null where the value does not exist (no trade, or no spread of returns).
    """

    total_return: float | None
    sharpe_simple: float | None
    max_drawdown: float | None
    trades: Count
    win_rate: float | None


class MachineContract(Shape):
    """`report.json.machine_contract`: the one machine-facing result. `artifacts` names files by their paths below the workspace."""

    schema_version: Literal["1.0"]
    contract_type: ContractType
    command: Command
    status: RunStatus
    request_id: str | None
    run_id: str
    mode: ReportMode
    summary: RunSummary
    artifacts: Mapping[str, str]
    best_result: Mapping[str, Any] | None = None


class ReportHeader(Shape):
    """Who made the report, when, with which code. `git_commit` is "unknown" without a checkout."""

    run_id: str
    mode: ReportMode
    created_at: UtcText
    git_commit: str
    code_version: str
    python_version: str
    config_path: str | None


class CoverageReference(Shape):
    """Bars that were read: where they came from, at which interval, and the SHA-256 of their coverage artifact (null for bars in memory)."""

    venue: str
    interval_minutes: int
    sha256: Sha256Text | None


class Reproduce(Shape):
    """What is needed to make the same report again. `data_sha256` is over the symbols, open times and prices that the run saw."""

    command: str
    config_hash: Sha256Text
    code_version: str
    git_commit: str
    coverage: tuple[CoverageReference, ...]
    data_sha256: Sha256Text | None


class ArtifactEntry(Shape):
    """A file beside the report."""

    file_name: str
    size_bytes: Count
    sha256: Sha256Text


class Costs(Shape):
    """What trading cost, in quote units: fees paid, and the distance between each fill and the open it was measured against.

    `funding_included` says whether funding payments are in the equity. `turnover` is traded notional over mean equity. `spread` and `slippage` are the two
    parts of `spread_and_slippage`; `funding` is what was paid, negative when it was received. `liquidated` counts positions that were taken away.
    """

    fees: SignedDecimalText
    spread_and_slippage: SignedDecimalText
    traded_notional: SignedDecimalText
    funding_included: bool
    turnover: float | None
    fills: Count
    refused_small: Count
    cut_to_margin: Count
    spread: SignedDecimalText | None = None
    slippage: SignedDecimalText | None = None
    funding: SignedDecimalText | None = None
    liquidated: Count | None = None


class Exposure(Shape):
    """Shares of equity at bar closes, as fractions: gross is the sum of absolute position values, net the signed sum. `time_in_market` is a share of bars."""

    mean_gross: float | None
    max_gross: float | None
    mean_net: float | None
    time_in_market: float | None


class Benchmark(Shape):
    """Buying the same symbols in equal parts at the first open and holding them, with the same fees and fills."""

    name: Literal["buy_and_hold"]
    total_return: float | None
    sharpe_simple: float | None
    max_drawdown: float | None
    excess_return: float | None


class Annualisation(Shape):
    """How yearly figures were made (decision 35)."""

    calendar: str
    bars_per_year: float
    says: str


class PortfolioModeResult(Shape):
    """The same forward runs under one way of splitting the capital; money in quote units."""

    mode: Literal["raw_capital", "equal_weight", "custom_weight"]
    initial_capital: SignedDecimalText
    final_equity: SignedDecimalText
    total_return: float | None = None
    sharpe_simple: float | None = None
    max_drawdown: float | None = None
    trades: Count


class RunReport(Shape):
    """`report.json`: the canonical public artifact of a run. `results` holds the best rows (one per symbol for a plain run), at most ten.

    oos_leaderboard: for a walk-forward, its configurations by what they did on test periods, at most ten.
    portfolio_modes: for a portfolio, the ways to split its capital. warnings: what to know before believing the result.
    """

    schema_version: Literal["1.0"]
    artifact_type: Literal["quantlab_run_report"]
    status: RunStatus
    header: ReportHeader
    config_resolved: Mapping[str, Any]
    results: tuple[Mapping[str, Any], ...]
    artifacts: tuple[ArtifactEntry, ...]
    summary: RunSummary
    machine_contract: MachineContract
    reproduce: Reproduce | None = None
    universe_source: str | None = None
    universe_version: str | None = None
    universe_note: str | None = None
    costs: Costs | None = None
    exposure: Exposure | None = None
    benchmark: Benchmark | None = None
    annualisation: Annualisation | None = None
    advanced: Mapping[str, float | None] | None = None
    oos_leaderboard: tuple[Mapping[str, Any], ...] | None = None
    portfolio_modes: tuple[PortfolioModeResult, ...] | None = None
    evidence: Evidence | None = None
    capacity: Capacity | None = None
    overfitting: Overfitting | None = None
    warnings: tuple[str, ...] | None = None


class RunMetrics(Shape):
    """`metrics.json`: for ranking and comparison. A plain run has no leaderboard: size 0, no best result."""

    status: RunStatus
    summary: RunSummary
    best_result: Mapping[str, Any] | None
    leaderboard_size: Count
    advanced: Mapping[str, float | None] | None = None


class TradeRow(Shape):
    """One fill. price in quote units per unit of quantity; qty in venue units, unsigned; notional, fee, and cash after it in quote units.

    realized_pnl: in quote units, this fill's fee taken off. position: signed quantity after it. trade_id numbers the round trips.
    """

    timestamp: UtcText
    symbol: str
    side: Literal["buy", "sell"]
    price: SignedDecimalText
    qty: SignedDecimalText
    notional: SignedDecimalText
    fee: SignedDecimalText
    cash: SignedDecimalText
    position: SignedDecimalText
    realized_pnl: SignedDecimalText
    trade_id: Count


class TradesTable(Shape):
    """`trades.csv`: every fill, in the order in which it happened."""

    columns: tuple[str, ...]
    rows: tuple[TradeRow, ...]


TRADE_COLUMNS = tuple(TradeRow.model_fields)


def _contract_type(report: Any) -> str | None:
    block = report.machine_contract
    if block.command != COMMAND_OF[block.mode]:
        return f"command {block.command} with mode {block.mode}"
    return None if block.contract_type == CONTRACT_TYPE_OF[block.mode] else f"contract_type {block.contract_type} with mode {block.mode}"


def _mirror(report: Any) -> str | None:
    block = report.machine_contract
    if block.mode not in ("run", "paper"):
        return None
    differing = [name for name in CORE_KPIS if getattr(report.summary, name) != getattr(block.summary, name)]
    return f"{differing[0]} {getattr(report.summary, differing[0])} against {getattr(block.summary, differing[0])}" if differing else None


def _same_identity(report: Any) -> str | None:
    block = report.machine_contract
    for name, here, there in (
        ("run_id", report.header.run_id, block.run_id),
        ("mode", report.header.mode, block.mode),
        ("status", report.status, block.status),
    ):
        if here != there:
            return f"{name} {here} in the report, {there} in the block"
    return None


def _listed_once(report: Any) -> str | None:
    names = [entry.file_name for entry in report.artifacts]
    bad = [after for before, after in pairwise(names) if after <= before]
    return f"{bad[0]} out of order or twice" if bad else None


def _no_legacy(report: Any) -> str | None:
    bad = [name for name in [entry.file_name for entry in report.artifacts] if name in LEGACY_NAMES]
    return f"{bad[0]}" if bad else None


def _drawdown(report: Any) -> str | None:
    value = report.machine_contract.summary.max_drawdown
    return f"max_drawdown {value}" if value is not None and value > 0 else None


REPORT_RULES = (
    Rule(
        "contract_type_matches_mode",
        "contract_type quantlab.<mode>.result, and the mode's command (paper enters through run)",
        _contract_type,
        ("D3.14", "D3.15", "D3.16", "D3.17", "D3.19"),
    ),
    Rule("summary_mirrors_machine_contract", "the same core results on top and in machine_contract", _mirror, ("D3.18",)),
    Rule("machine_contract_is_of_this_report", "run_id, mode and status of the report in machine_contract", _same_identity, ("D3.12", "D3.13")),
    Rule("artifacts_are_sorted", "each file once, sorted by name", _listed_once, ("D3.10",)),
    Rule("no_legacy_names", "no file under a legacy name (meta.json, run_report.json)", _no_legacy, ("D3.40",)),
    Rule("drawdown_is_a_loss", "max_drawdown at or below 0", _drawdown, ("D3.10",)),
    *EVIDENCE_RULES,
)


def _leaderboard(metrics: Any) -> str | None:
    if (metrics.best_result is None) == (metrics.leaderboard_size == 0):
        return None
    return f"leaderboard_size {metrics.leaderboard_size} with{'out' if metrics.best_result is None else ''} a best_result"


METRICS_RULES = (Rule("best_result_comes_from_a_leaderboard", "best_result exactly when leaderboard_size is above 0", _leaderboard, ("D3.09",)),)


def _columns(table: Any) -> str | None:
    missing = [name for name in TRADE_COLUMNS if name not in table.columns]
    return f"no column {missing[0]}" if missing else None


def _in_time(table: Any) -> str | None:
    try:
        times = [ns_from_iso(row.timestamp) for row in table.rows]
    except DataError as error:
        return str(error)
    bad = [index for index, (before, after) in enumerate(pairwise(times), 1) if after < before]
    return f"row {bad[0] + 1} before the one above it" if bad else None


def _sizes(table: Any) -> str | None:
    bad = [row for row in table.rows if row.qty.startswith("-") or row.price.startswith("-")]
    return f"qty {bad[0].qty}, price {bad[0].price}" if bad else None


TRADES_RULES = (
    Rule("trades_have_their_columns", f"the columns {', '.join(TRADE_COLUMNS)}", _columns, ("D3.06",)),
    Rule("trades_in_order_of_time", "fills in the order in which they happened", _in_time, ("D3.06",)),
    Rule("quantities_are_unsigned", "qty and price without a sign; side says the direction", _sizes, ("D3.06",)),
)
REPORT_OPEN_MAPS = (
    "header",
    "config_resolved",
    "results",
    "summary",
    "machine_contract.summary",
    "machine_contract.best_result",
    "advanced",
    "oos_leaderboard",
    "evidence.bootstrap.intervals",
)
METRICS_OPEN_MAPS = ("summary", "best_result", "advanced")
