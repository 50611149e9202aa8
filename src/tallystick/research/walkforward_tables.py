"""The tables and the page of a walk-forward, from what its splits found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tallystick.contracts.quote_money import amount_of
from tallystick.contracts.run_documents import RunReport
from tallystick.contracts.sweep_tables import OutOfSampleRow, OutOfSampleSeriesRow, SelectedRow, SplitMetricsRow, WalkforwardRow, WalkforwardSummaryRow
from tallystick.contracts.tables import table_bytes
from tallystick.contracts.time import iso_from_ns
from tallystick.kernels.statistics import mean
from tallystick.research.run_report import number, percent, summary_lines, warning_lines
from tallystick.research.simulation import Ints
from tallystick.research.splits import Split
from tallystick.research.sweep import core, params_text
from tallystick.research.trials import Trial


@dataclass(frozen=True, slots=True)
class Chosen:
    """A configuration that a split chose: its rank there, what it did in training and on the test period, its test equity in micro-quote, and what it
    would cost to give up what it holds at the end."""

    rank: int
    train: Trial
    test: Trial
    times_ns: Ints
    equity_micro: Ints
    leaving_micro: int


@dataclass(frozen=True, slots=True)
class SplitResult:
    """A split with everything that it tried and what it chose, best first."""

    split: Split
    trials: tuple[Trial, ...]
    ranked: int
    chosen: tuple[Chosen, ...]


def tables(results: Sequence[SplitResult]) -> dict[str, bytes]:
    """Name → bytes: walkforward, walkforward_summary, selected_configs, split_metrics, oos_leaderboard, oos_equity_timeseries."""
    return {
        "walkforward": table_bytes(tuple(WalkforwardRow.model_fields), walkforward_rows(results)),
        "walkforward_summary": table_bytes(tuple(WalkforwardSummaryRow.model_fields), [_summary_row(result) for result in results]),
        "selected_configs": table_bytes(
            tuple(SelectedRow.model_fields),
            [
                {"split": result.split.name, "rank": item.rank, "params": params_text(item.train.proposal), **core(item.train)}
                for result in results
                for item in result.chosen
            ],
        ),
        "split_metrics": table_bytes(
            tuple(SplitMetricsRow.model_fields),
            [
                {"split": result.split.name, "part": part, **core(trial)}
                for result in results
                for part, trial in (("train", result.chosen[0].train), ("test", result.chosen[0].test))
            ],
        ),
        "oos_leaderboard": table_bytes(tuple(OutOfSampleRow.model_fields), out_of_sample_rows(results)),
        "oos_equity_timeseries": table_bytes(
            tuple(OutOfSampleSeriesRow.model_fields),
            [
                {"split": result.split.name, "rank": item.rank, "timestamp": iso_from_ns(time), "equity": format(amount_of(level), "f")}
                for result in results
                for item in result.chosen
                for time, level in zip(item.times_ns.tolist(), item.equity_micro.tolist(), strict=True)
            ],
        ),
    }


def walkforward_rows(results: Sequence[SplitResult]) -> list[dict[str, Any]]:
    """One row for each split and configuration that it chose."""
    return [_walkforward_row(result, item) for result in results for item in result.chosen]


def _walkforward_row(result: SplitResult, item: Chosen) -> dict[str, Any]:
    train, test = result.split.train.text, result.split.test.text
    return {
        "split": result.split.name,
        "train_start": train[0],
        "train_end": train[1],
        "test_start": test[0],
        "test_end": test[1],
        "params": params_text(item.train.proposal),
        "train_sharpe_simple": item.train.summary.sharpe_simple,
        "test_sharpe_simple": item.test.summary.sharpe_simple,
        "test_total_return": item.test.summary.total_return,
        "test_max_drawdown": item.test.summary.max_drawdown,
        "test_trades": item.test.trades,
    }


def _summary_row(result: SplitResult) -> dict[str, Any]:
    train, test = result.chosen[0].train.summary.sharpe_simple, result.chosen[0].test.summary.sharpe_simple
    return {
        "split": result.split.name,
        "experiments": len(result.trials),
        "ranked": result.ranked,
        "chosen": len(result.chosen),
        "train_sharpe_simple": train,
        "test_sharpe_simple": test,
        "sharpe_kept": test / train if train and test is not None else None,
    }


def out_of_sample_rows(results: Sequence[SplitResult]) -> list[dict[str, Any]]:
    """Every configuration that a split chose, by its mean test Sharpe, then its mean test return, then its parameters."""
    tests: dict[str, list[Any]] = {}
    for result in results:
        for item in result.chosen:
            tests.setdefault(params_text(item.train.proposal), []).append(item.test.summary)
    rows = [
        {
            "params": params,
            "splits": len(found),
            "mean_test_sharpe_simple": _mean([item.sharpe_simple for item in found]),
            "mean_test_total_return": _mean([item.total_return for item in found]),
            "worst_test_max_drawdown": min((item.max_drawdown for item in found if item.max_drawdown is not None), default=None),
            "test_trades": sum(item.trades for item in found),
        }
        for params, found in tests.items()
    ]
    rows.sort(key=lambda row: (-_known(row["mean_test_sharpe_simple"]), -_known(row["mean_test_total_return"]), row["params"]))
    return [{"rank": rank, **row} for rank, row in enumerate(rows, 1)]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(mean(np.array(known))) if known else None


def _known(value: Any) -> float:
    return float("-inf") if value is None else float(value)


def walkforward_page(report: RunReport) -> bytes:
    """`run_report.md` of a walk-forward."""
    config = report.config_resolved
    settings = config["walkforward"]
    lines = [f"# Walk-forward {report.header.run_id}", ""]
    lines += [f"{config['strategy']} on {config['ticker']}, {config['interval']} bars of {config['venue']}, {config['start']} to {config['end']}.", ""]
    lines += [f"{len(settings['splits'])} splits ({settings['scheme']}), {config['search']['trials']} experiments in each, {settings['gap_bars']} bars between"]
    lines += ["training and test. Test periods only, each split's first choice, one after the other:"]
    lines += [*warning_lines(report), "", *summary_lines(report.summary), ""]
    lines += ["| split | parameters | Sharpe in training | Sharpe on test | return on test |", "|---|---|---:|---:|---:|"]
    for row in report.results:
        shown = ", ".join(f"{name} {value:g}" for name, value in row["params"].items())
        cells = (row["split"], shown, number(row["train_sharpe_simple"]), number(row["test_sharpe_simple"]), percent(row["test_total_return"]))
        lines.append("| " + " | ".join(cells) + " |")
    lines += [report.universe_note] if report.universe_note else []
    return "".join(f"{line}\n" for line in lines).encode()
