"""A portfolio of forward runs: their equity curves under one capital, split three ways. Money is whole micro-quote; nothing is simulated again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, get_args

import numpy as np

from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import read_artifact, read_bytes
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.market import minutes_of
from tallystick.contracts.quote_money import MICRO, amount_of, micro_of
from tallystick.contracts.registry import contract
from tallystick.contracts.run_documents import PortfolioModeResult, RunReport, RunSummary
from tallystick.contracts.runs import IndexRow, ResolvedConfig
from tallystick.contracts.searches import ComponentRow
from tallystick.contracts.tables import table_bytes
from tallystick.contracts.time import iso_from_ns, ns_from_iso
from tallystick.contracts.workflows import PortfolioMode, PortfolioSettings, PortfolioSource
from tallystick.kernels import performance
from tallystick.research.candidates import sealed_run
from tallystick.research.report_page import Curve, portfolio_html
from tallystick.research.run_folder import Findings, RunResult, publish
from tallystick.research.run_report import Provenance, number, percent, summary_lines, warning_lines
from tallystick.research.simulation import Ints, figures

MODES: tuple[PortfolioMode, ...] = get_args(PortfolioMode)
RANK_METRICS = ("total_return", "sharpe_simple", "max_drawdown", "trades")


@dataclass(frozen=True, slots=True)
class PortfolioRequest:
    """What goes into a portfolio, and how its capital is split. Raises ConfigurationError for what contradicts itself.

    weights: of `custom_weight`, by run id. top_n by rank_metric; min_return and max_drawdown (a positive fraction) are limits; include and exclude name
    tickers and strategies; latest_per_source_run keeps the newest forward run of each source.
    """

    mode: PortfolioMode = "raw_capital"
    weights: Mapping[str, float] | None = None
    top_n: int | None = None
    rank_metric: str = "total_return"
    min_return: float | None = None
    max_drawdown: float | None = None
    include_tickers: tuple[str, ...] = ()
    exclude_tickers: tuple[str, ...] = ()
    include_strategies: tuple[str, ...] = ()
    exclude_strategies: tuple[str, ...] = ()
    latest_per_source_run: bool = False

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigurationError(f"expected a portfolio mode among {', '.join(MODES)}, found {self.mode!r}", where="mode")
        if (self.mode == "custom_weight") != (self.weights is not None):
            found = "weights with another mode" if self.weights is not None else "none"
            raise ConfigurationError(f"expected weights exactly with the mode custom_weight, found {found}", where="weights")
        if self.weights is not None and (any(value <= 0 for value in self.weights.values()) or abs(sum(self.weights.values()) - 1.0) > 1e-9):
            raise ConfigurationError(f"expected weights above 0 that sum to 1, found a sum of {sum(self.weights.values()):g}", where="weights")
        if self.rank_metric not in RANK_METRICS:
            raise ConfigurationError(f"expected a rank metric among {', '.join(RANK_METRICS)}, found {self.rank_metric!r}", where="rank_metric")
        if self.top_n is not None and self.top_n < 1:
            raise ConfigurationError(f"expected top_n of at least 1, found {self.top_n}", where="top_n")
        if self.max_drawdown is not None and not 0 <= self.max_drawdown <= 1:
            raise ConfigurationError(f"expected max_drawdown as a fraction from 0 to 1, found {self.max_drawdown}", where="max_drawdown")
        for kind in ("tickers", "strategies"):
            both = sorted(set(getattr(self, f"include_{kind}")) & set(getattr(self, f"exclude_{kind}")))
            if both:
                raise ConfigurationError(f"expected {both[0]} to be included or excluded, found both", where=f"include_{kind}")

    def filters(self) -> dict[str, str]:
        """The filters that were given, by name."""
        given: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("top_n", "min_return", "max_drawdown", "include_tickers", "exclude_tickers", "include_strategies", "exclude_strategies")
        }
        found = {name: ",".join(value) if isinstance(value, tuple) else repr(value) for name, value in given.items() if value not in (None, ())}
        return found | ({"latest_per_source_run": "true"} if self.latest_per_source_run else {})


@dataclass(frozen=True, slots=True)
class Source:
    """A forward run: its index row, seal, configuration and report, and equity and cash in micro-quote at each close."""

    row: IndexRow
    seal_sha256: str
    config: ResolvedConfig
    report: RunReport
    curve: Mapping[int, tuple[int, int]]

    @property
    def cash_micro(self) -> int:
        """The capital it began with."""
        return micro_of(Decimal(repr(self.config.initial_cash)))


def read_sources(workspace: Workspace, rows: Sequence[IndexRow]) -> list[Source]:
    """Every forward run of the index, sealed and whole. Raises ArtifactError for one that was changed."""
    found = []
    for row in rows:
        if row.mode != "forward":
            continue
        seal = sealed_run(workspace, row.run_id)
        config: ResolvedConfig = read_artifact(contract("runs.config"), workspace.path("runs.config", run_id=row.run_id))
        report: RunReport = read_artifact(contract("runs.report"), workspace.path("runs.report", run_id=row.run_id))
        found.append(Source(row, seal, config, report, read_curve(workspace, row.run_id)))
    return found


def read_curve(workspace: Workspace, run_id: str) -> dict[int, tuple[int, int]]:
    """Open time in nanoseconds → equity and cash in micro-quote. The folder's seal was compared before."""
    lines = read_bytes(workspace.path("runs.equity", run_id=run_id)).decode().splitlines()[1:]
    cells = (line.split(",") for line in lines)
    return {ns_from_iso(time): (micro_of(Decimal(equity)), micro_of(Decimal(cash))) for time, equity, cash, *_ in cells}


def choose_sources(sources: Sequence[Source], request: PortfolioRequest) -> list[Source]:
    """The sources that pass the filters, in the order of the index. Raises DataError when none does, ConfigurationError for a weight of an unknown run."""
    left = list(sources)
    if request.latest_per_source_run:
        newest = {_origin(source): source for source in left}
        left = [source for source in left if newest[_origin(source)] is source]
    for kind in ("tickers", "strategies"):
        included, excluded = set(getattr(request, f"include_{kind}")), set(getattr(request, f"exclude_{kind}"))
        left = [source for source in left if (not included or _names(source, kind) & included) and not _names(source, kind) & excluded]
    if request.min_return is not None:
        left = [source for source in left if source.row.total_return is not None and source.row.total_return >= request.min_return]
    if request.max_drawdown is not None:
        left = [source for source in left if source.row.max_drawdown is not None and -source.row.max_drawdown <= request.max_drawdown]
    if request.top_n is not None:
        order = sorted(left, key=lambda source: (-_metric(source, request.rank_metric), source.row.run_id))[: request.top_n]
        left = [source for source in left if source in order]
    if request.weights is not None:
        names = {source.row.run_id for source in left}
        strangers = sorted(request.weights.keys() - names)
        if strangers:
            raise ConfigurationError(f"expected weights of forward runs that pass the filters, found {strangers[0]}", where="weights")
        left = [source for source in left if source.row.run_id in request.weights]
    if not left:
        raise DataError(f"expected a forward run that passes the filters, found none of {len(sources)}", hint="See: tallystick forward --help")
    return left


def _names(source: Source, kind: str) -> set[str]:
    return set(source.config.ticker.split(",")) if kind == "tickers" else {source.config.strategy}


def _origin(source: Source) -> tuple[str, str]:
    settings = source.config.forward
    return (settings.source_run_id, source.config.start) if settings is not None else (source.row.run_id, "")


def _metric(source: Source, name: str) -> float:
    value = getattr(source.row, name)
    return float("-inf") if value is None else float(value)


def weights_of(sources: Sequence[Source], mode: PortfolioMode, weights: Mapping[str, float] | None) -> list[float]:
    """Each source's share of the first capital."""
    if mode == "custom_weight":
        return [(weights or {})[source.row.run_id] for source in sources]
    if mode == "equal_weight":
        return [1.0 / len(sources)] * len(sources)
    total = sum(source.cash_micro for source in sources)
    return [source.cash_micro / total for source in sources]


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Times and, in micro-quote, the portfolio's equity and cash at each of them; each source's first capital and last equity."""

    times_ns: Ints
    equity: Ints
    cash: Ints
    capital: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def start_micro(self) -> int:
        """The capital that the sources had together."""
        return sum(self.capital)


def joined(sources: Sequence[Source], weights: Sequence[float]) -> Joined:
    """The sources under one capital. A source is its capital in cash before its first bar, and stays what it was after its last one."""
    total = sum(source.cash_micro for source in sources)
    capital = [int((Decimal(total) * Decimal(repr(weight))).to_integral_value(ROUND_HALF_EVEN)) for weight in weights]
    # The last part takes what rounding left, so that the parts are the whole.
    capital[-1] += total - sum(capital)
    times = sorted({time for source in sources for time in source.curve})
    levels = np.zeros((2, len(times)), np.int64)
    ends = []
    for source, part in zip(sources, capital, strict=True):
        held = (part, part)
        for place, time in enumerate(times):
            if time in source.curve:
                equity, cash = source.curve[time]
                held = part * equity // source.cash_micro, part * cash // source.cash_micro
            levels[0, place] += held[0]
            levels[1, place] += held[1]
        ends.append(held[0])
    return Joined(np.array(times, np.int64), levels[0], levels[1], tuple(capital), tuple(ends))


def _summary(sources: Sequence[Source], whole: Joined, bars_per_year: float) -> tuple[RunSummary, Mapping[str, float | None]]:
    found = figures(performance.CURVE_FIGURES, performance.curve_figures(whole.start_micro, whole.equity, bars_per_year))
    trades = sum(source.report.summary.trades for source in sources)
    wins = sum(round((source.report.summary.win_rate or 0.0) * source.report.summary.trades) for source in sources)
    summary = RunSummary(
        total_return=found["total_return"],
        sharpe_simple=found["sharpe_simple"],
        max_drawdown=found["max_drawdown"],
        trades=trades,
        win_rate=wins / trades if trades else None,
    )
    return summary, {name: value for name, value in sorted(found.items()) if name not in type(summary).model_fields}


def portfolio(workspace: Workspace, rows: Sequence[IndexRow], request: PortfolioRequest, provenance: Provenance, *, now_ns: int) -> RunResult:
    """Join forward runs of the index and write the run folder, all three ways of splitting the capital side by side.

    Raises DataError where no forward run passes the filters, ConfigurationError for sources of different intervals or calendars.
    """
    sources = choose_sources(read_sources(workspace, rows), request)
    kinds = sorted({(source.config.interval, _year(source)) for source in sources})
    if len(kinds) > 1:
        raise ConfigurationError(f"expected forward runs of one interval and calendar, found {kinds[0][0]} and {kinds[1][0]}", hint="Use the filters")
    weights = weights_of(sources, request.mode, request.weights)
    whole = joined(sources, weights)
    summary, advanced = _summary(sources, whole, kinds[0][1])
    mode_rows = [_mode_row(sources, mode, request, kinds[0][1]) for mode in MODES if mode != "custom_weight" or request.weights is not None]
    config = _config(sources, weights, request, whole.times_ns)
    components = [_component(*parts) for parts in zip(sources, weights, whole.capital, whole.ends, strict=True)]
    columns = (whole.times_ns.tolist(), whole.equity.tolist(), whole.cash.tolist())
    curve = [{"timestamp": iso_from_ns(time), "equity": _money(level), "cash": _money(cash)} for time, level, cash in zip(*columns, strict=True)]
    found = Findings(
        mode="portfolio",
        config=config,
        summary=summary,
        command=_command(request, provenance),
        page=portfolio_page,
        pictures=lambda report: portfolio_html(report, Curve(whole.times_ns, whole.equity / MICRO, whole.start_micro / MICRO)),
        documents={
            "runs.equity": table_bytes(("timestamp", "equity", "cash", "gross"), curve),
            "runs.portfolio_components": table_bytes(tuple(ComponentRow.model_fields), components),
            "runs.portfolio_modes": table_bytes(tuple(PortfolioModeResult.model_fields), mode_rows),
        },
        results=components[:10],
        sections={
            "universe_source": "static",
            "universe_note": "Forward runs chosen now: their results were known when they were chosen.",
            "advanced": advanced,
            "portfolio_modes": mode_rows,
            "warnings": tuple(f"{source.row.run_id}: {warning}" for source in sources for warning in source.report.warnings or ()),
        },
        advanced=advanced,
    )
    return publish(workspace, found, provenance, now_ns=now_ns)


def _year(source: Source) -> float:
    yearly = source.report.annualisation
    return yearly.bars_per_year if yearly is not None else 365.0 * 1440 / minutes_of(source.config.interval)


def _money(micro: int) -> str:
    return format(amount_of(micro), "f")


def _component(source: Source, weight: float, capital: int, end: int) -> dict[str, Any]:
    return {
        "run_id": source.row.run_id,
        "ticker": source.config.ticker,
        "strategy": source.config.strategy,
        "weight": weight,
        "initial_capital": _money(capital),
        "final_equity": _money(end),
        "total_return": source.row.total_return,
        "sharpe_simple": source.row.sharpe_simple,
        "max_drawdown": source.row.max_drawdown,
        "trades": source.row.trades,
    }


def _mode_row(sources: Sequence[Source], mode: PortfolioMode, request: PortfolioRequest, year: float) -> dict[str, Any]:
    whole = joined(sources, weights_of(sources, mode, request.weights))
    summary, _ = _summary(sources, whole, year)
    return {
        "mode": mode,
        "initial_capital": _money(whole.start_micro),
        "final_equity": _money(sum(whole.ends)),
        "total_return": summary.total_return,
        "sharpe_simple": summary.sharpe_simple,
        "max_drawdown": summary.max_drawdown,
        "trades": summary.trades,
    }


def _config(sources: Sequence[Source], weights: Sequence[float], request: PortfolioRequest, times: Ints) -> ResolvedConfig:
    """The sources pay their own costs: a portfolio adds none, so its cost settings are 0."""
    first = sources[0].config
    members = tuple(
        PortfolioSource(run_id=source.row.run_id, sha256=source.seal_sha256, weight=weight) for source, weight in zip(sources, weights, strict=True)
    )
    return ResolvedConfig(
        ticker=",".join(sorted({name for source in sources for name in source.config.ticker.split(",")})),
        start=iso_from_ns(int(times[0])),
        end=max(source.config.end for source in sources),
        interval=first.interval,
        venue=",".join(sorted({source.config.venue for source in sources})),
        strategy="portfolio",
        strategy_params={},
        fee=0.0,
        slippage_bps=0.0,
        slippage_mode="fixed",
        k_atr=0.0,
        spread_bps=0.0,
        leverage=1.0,
        initial_cash=float(amount_of(sum(source.cash_micro for source in sources))),
        universe_source="static",
        universe_version=None,
        portfolio=PortfolioSettings(mode=request.mode, sources=members, rank_metric=request.rank_metric, filters=request.filters()),
    )


def _command(request: PortfolioRequest, provenance: Provenance) -> str:
    parts = ["tallystick portfolio", f"--mode {request.mode}"]
    parts += [f"--weights {','.join(f'{name}={value!r}' for name, value in sorted(request.weights.items()))}"] if request.weights else []
    parts += [f"--rank-metric {request.rank_metric}"]
    parts += [f"--{name.replace('_', '-')}" + ("" if value == "true" else f" {value}") for name, value in request.filters().items()]
    return " ".join([*parts, f"--now {provenance.created_at}"])


def portfolio_page(report: RunReport) -> bytes:
    """`run_report.md` of a portfolio."""
    config = report.config_resolved
    lines = [f"# Portfolio {report.header.run_id}", "", f"{len(config['portfolio']['sources'])} forward runs, {config['portfolio']['mode']}."]
    lines += [*warning_lines(report), "", *summary_lines(report.summary), "", "| split of the capital | return | Sharpe | drawdown |", "|---|---:|---:|---:|"]
    lines += [
        f"| {row.mode} | {percent(row.total_return)} | {number(row.sharpe_simple)} | {percent(row.max_drawdown)} |" for row in report.portfolio_modes or ()
    ]
    lines += ["", "| run | symbols | share | return |", "|---|---|---:|---:|"]
    lines += [f"| {row['run_id']} | {row['ticker']} | {percent(row['weight'])} | {percent(row['total_return'])} |" for row in report.results]
    return "".join(f"{line}\n" for line in lines).encode()
