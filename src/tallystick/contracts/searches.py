"""Contracts of the further files in the folders of sweeps, walk-forwards, forward runs and portfolios, and of the log that lets a sweep go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.run_documents import Count, PortfolioModeResult, Sha256Text, SignedDecimalText, UtcText
from tallystick.contracts.runs import RUNS_ROOT, ResolvedConfig
from tallystick.contracts.sweep_tables import (
    CURVE_RULES,
    EXPERIMENTS_RULES,
    LEADERBOARD_RULES,
    ExperimentsTable,
    OutOfSampleCurveTable,
    OutOfSampleSeriesTable,
    OutOfSampleTable,
    SelectedTable,
    SplitMetricsTable,
    WalkforwardSummaryTable,
)

_RUN = f"{RUNS_ROOT}/{{run_id}}"


class BestConfig(ResolvedConfig):
    """`best_config.json`: the resolved configuration of the best experiment, ready for `tallystick run --config`."""


class SearchConfig(ResolvedConfig):
    """`config_resolved.yaml`: what `config.json` says, as YAML for people."""


class ExperimentRecord(Shape):
    """One line of the log of a search that is under way. The first line of a search names it; `key` is the same in every line of a file.

    params: what was tried on open times from `start` to `end`; figures by name, null where one does not exist; period_returns: simple returns over equal parts
    of the period, float64 little-endian in base64. error: [code, message] of an experiment that failed.
    """

    key: Sha256Text
    start: UtcText
    end: UtcText
    params: Mapping[str, float]
    figures: Mapping[str, float | None]
    period_returns: str
    error: tuple[str, str] | None


class HeldPosition(Shape):
    """What a forward run holds at its end: signed quantity in venue units."""

    symbol: str
    quantity: SignedDecimalText


class PortfolioState(Shape):
    """`portfolio_state.json`: where a forward run stands after its last bar. Cash and equity in quote units.

    last_timestamp: open time of the last processed bar. equity_sha256: of the equity table so far, which a resumed run must find again, byte for byte.
    """

    schema_version: Literal["1.0"]
    cash: SignedDecimalText
    equity: SignedDecimalText
    positions: tuple[HeldPosition, ...]
    last_timestamp: UtcText
    processed_bars: Count
    equity_sha256: Sha256Text
    resumed_from: str | None


class ComponentRow(Shape):
    """A forward run inside a portfolio: its share of the first capital, what it made of it, and how much of the portfolio's gain was its own."""

    run_id: str
    ticker: str
    strategy: str
    weight: float
    initial_capital: SignedDecimalText
    final_equity: SignedDecimalText
    total_return: float | None = None
    sharpe_simple: float | None = None
    max_drawdown: float | None = None
    trades: Count


class ComponentsTable(Shape):
    """`portfolio_components.csv`."""

    columns: tuple[str, ...]
    rows: tuple[ComponentRow, ...]


class ModesTable(Shape):
    """`portfolio_modes.csv`: the ways of splitting the capital side by side."""

    columns: tuple[str, ...]
    rows: tuple[PortfolioModeResult, ...]


def _no_workflow(config: Any) -> str | None:
    return "search settings" if config.search is not None else None


def _failed(record: Any) -> str | None:
    return "figures beside an error" if record.error is not None and record.figures else None


def _positions_once(state: Any) -> str | None:
    names = [item.symbol for item in state.positions]
    return None if names == sorted(set(names)) else f"symbols {', '.join(names)}"


def _weights(table: Any) -> str | None:
    total = sum(row.weight for row in table.rows)
    return None if abs(total - 1.0) <= 1e-9 else f"weights that sum to {total}"


_PEOPLE = Consumer("apps.cli.runs", ("*",), "list, show, rank and compare runs")


def _table(name: str, shape: type[Shape], purpose: str, producer: str = "research.walkforward", **fields: Any) -> Contract:
    return Contract(
        name=f"runs.{name}",
        version="1.0",
        purpose=purpose,
        producer=producer,
        consumers=fields.pop("consumers", (_PEOPLE,)),
        shape=shape,
        paths=(f"{_RUN}/{name}.csv",),
        encoding="csv",
        seed_name=f"{name}.csv",
        clauses=("D3.06",),
        **fields,
    )


CONTRACTS = (
    _table("experiments", ExperimentsTable, "Everything that a sweep tried, in order", "research.sweep", rules=EXPERIMENTS_RULES),
    Contract(
        name="runs.best_config",
        version="1.1",
        purpose="The best experiment's configuration, ready to be run again or forward",
        producer="research.sweep",
        consumers=(_PEOPLE, Consumer("apps.research_runs", ("*",), "run it again")),
        shape=BestConfig,
        paths=(f"{_RUN}/best_config.json",),
        rules=(Rule("best_config_is_a_plain_run", "no search settings", _no_workflow, ("D3.06",)),),
        seed_name="best_config.json",
        clauses=("D3.06",),
        open_maps=("strategy_params",),
    ),
    Contract(
        name="runs.config_resolved",
        version="1.1",
        purpose="The resolved configuration of a sweep or walk-forward, as people write it",
        producer="research.sweep",
        consumers=(_PEOPLE,),
        shape=SearchConfig,
        paths=(f"{_RUN}/config_resolved.yaml",),
        encoding="yaml",
        seed_name="config_resolved.yaml",
        clauses=("D3.06",),
        open_maps=("strategy_params",),
    ),
    _table("walkforward_summary", WalkforwardSummaryTable, "Each split in one line"),
    _table("selected_configs", SelectedTable, "What each split chose in training"),
    _table("split_metrics", SplitMetricsTable, "Training and test results of each split's first choice"),
    _table(
        "oos_leaderboard",
        OutOfSampleTable,
        "Chosen configurations by what they did out of sample",
        rules=LEADERBOARD_RULES,
        consumers=(_PEOPLE, Consumer("research.forward", ("rows",), "choose the candidate")),
    ),
    _table("oos_equity_timeseries", OutOfSampleSeriesTable, "Equity of each chosen configuration on its test period"),
    _table("oos_equity_curve", OutOfSampleCurveTable, "One curve through every test period", rules=CURVE_RULES),
    Contract(
        name="runs.portfolio_state",
        version="1.0",
        purpose="Where a forward run stands, so that it can go on with new bars",
        producer="research.forward",
        consumers=(Consumer("research.forward", ("equity_sha256", "last_timestamp", "processed_bars"), "resume"), _PEOPLE),
        shape=PortfolioState,
        paths=(f"{_RUN}/portfolio_state.json",),
        rules=(Rule("positions_are_named_once", "each symbol once, sorted", _positions_once, ("D3.06",)),),
        seed_name="portfolio_state.json",
        clauses=("D3.06",),
    ),
    _table(
        "portfolio_components",
        ComponentsTable,
        "The forward runs of a portfolio and their parts",
        "research.portfolio",
        rules=(Rule("weights_sum_to_one", "weights that sum to 1", _weights, ("D3.06",)),),
    ),
    _table("portfolio_modes", ModesTable, "The same sources under each way of splitting the capital", "research.portfolio"),
    Contract(
        name="research.experiment_log",
        version="1.0",
        purpose="Finished experiments of a search that is under way, so that the same command goes on after a crash; gone when the search has ended",
        producer="research.experiment_log",
        consumers=(Consumer("research.experiment_log", ("*",), "skip what is done"),),
        shape=ExperimentRecord,
        paths=("state/searches/{key}.jsonl",),
        encoding="jsonl",
        rules=(Rule("failed_has_no_figures", "figures or an error, not both", _failed, ()),),
        open_maps=("params", "figures"),
    ),
)
