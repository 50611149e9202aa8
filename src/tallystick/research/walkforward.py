"""A walk-forward: in each split the best of training is tried on the bars after it, and only those test bars make the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ConfigurationError, StrategyError
from tallystick.contracts.quote_money import MICRO, amount_of
from tallystick.contracts.run_documents import RunSummary
from tallystick.contracts.runs import ResolvedConfig
from tallystick.contracts.sweep_tables import WalkforwardRow
from tallystick.contracts.tables import table_bytes
from tallystick.contracts.time import iso_from_ns
from tallystick.contracts.workflows import SplitScheme, WalkforwardSettings
from tallystick.kernels import performance
from tallystick.kernels.money import E8
from tallystick.kernels.statistics import mean
from tallystick.research.account_sections import Universe, annualisation, evidence_for, universe_sections
from tallystick.research.ports import FanOut, ParameterSearch
from tallystick.research.report_page import Curve, walkforward_html
from tallystick.research.run_folder import Findings, RunResult, publish
from tallystick.research.run_report import Provenance, search_command
from tallystick.research.simulation import Ints, Simulation, figures
from tallystick.research.splits import Split, memory_bars, purged
from tallystick.research.strategies import find_strategy
from tallystick.research.sweep import TOP, Bench, Progress, SearchPlan, open_log, params_text, resolved_config, searched_config
from tallystick.research.trials import Trial, TrialJob, Window
from tallystick.research.walkforward_tables import Chosen, SplitResult, out_of_sample_rows, tables, walkforward_page, walkforward_rows


def walkforward(
    workspace: Workspace,
    job: TrialJob,
    splits: Sequence[Split],
    scheme: SplitScheme,
    plan: SearchPlan,
    make_searcher: Callable[[], ParameterSearch],
    fan_out: FanOut,
    provenance: Provenance,
    *,
    top_k: int,
    universe: Universe,
    now_ns: int,
    progress: Progress,
) -> RunResult:
    """Search each split's training, test its best `top_k` after it, and write the run folder. Resumes like a sweep.

    Training ends before the test by the gap that the strategy's memory dictates. Raises StrategyError where a split has nothing that can be ranked.
    """
    if top_k < 1:
        raise ConfigurationError(f"expected top_k of at least 1, found {top_k}", where="selection")
    plan.space.check(find_strategy(job.config.strategy), job.config.parameters)
    gap = memory_bars(job.panel, job.config, plan.space)
    used = purged(job.panel, splits, gap)
    for split in used:
        job.period(split.test)
    total = make_searcher().total
    settings = WalkforwardSettings(scheme=scheme, splits=tuple(split.document() for split in used), gap_bars=gap, top_k=top_k)
    whole = Window(min(split.train.start_ns for split in used), max(split.test.end_ns for split in used))
    config = searched_config(resolved_config(job, whole, universe), plan, total, walkforward=settings)
    log = open_log(workspace, config, provenance)
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress(done, total * len(used))

    with ExitStack() as stack:
        bench = Bench(job, fan_out, log, count, stack)
        results = [_run_split(bench, split, plan, make_searcher(), top_k) for split in used]
    result = publish(workspace, _findings(workspace, job, config, results, provenance, universe, now_ns), provenance, now_ns=now_ns)
    log.remove()
    return result


def _run_split(bench: Bench, split: Split, plan: SearchPlan, searcher: ParameterSearch, top_k: int) -> SplitResult:
    trials = bench.search(split.train, plan, searcher)
    order = plan.order(trials)
    if not order:
        raise StrategyError(
            f"expected an experiment of split {split.name} that can be ranked, found none of {len(trials)}: {plan.why_none(trials)}",
            where=f"training from {' to '.join(split.train.text)}",
            hint="Begin later, so that the indicators are warm, or train longer",
        )
    chosen = []
    for rank, place in enumerate(order[:top_k], 1):
        train = trials[place]
        # A few simulations on short windows: done here, since their whole curves are wanted.
        simulation = bench.job.simulate(split.test, train.proposal)
        test = Trial(train.proposal, bench.job.evaluate(simulation), ())
        leaving = leaving_cost(bench.job, split.test, simulation)
        chosen.append(Chosen(rank, train, test, simulation.open_times_ns, np.ascontiguousarray(simulation.curve[:, 0]), leaving))
    return SplitResult(split, tuple(trials), len(order), tuple(chosen))


def leaving_cost(job: TrialJob, test: Window, simulation: Simulation) -> int:
    """What it would cost to give up everything at the last close: fees, half the spread and the highest slippage known there; micro-quote, rounded up."""
    terms = job.config.terms
    rate = terms.fee_e8 - (-terms.spread_e8 // 2) + int(job.slippage(test)[:, -1].max())
    return -(-int(simulation.curve[-1, 2]) * rate // E8)


def chained(job: TrialJob, results: Sequence[SplitResult]) -> tuple[Ints, Ints]:
    """Times and equity of the first choices' test periods one after the other, each scaled to begin with what the one before left. Whole micro-quote.

    The next test period begins flat, so at each border what is still held is sold and pays for it.
    """
    cash = job.config.terms.cash_micro
    held = cash
    times: list[int] = []
    levels: list[int] = []
    for result in results:
        first = result.chosen[0]
        start, before = held, len(times)
        for time, level in zip(first.times_ns.tolist(), first.equity_micro.tolist(), strict=True):
            # Where test periods overlap, the later split speaks only from where the earlier one ended.
            if times and time <= times[-1]:
                start = held * cash // level if level > 0 else held
                continue
            times.append(time)
            levels.append(start * level // cash)
        if len(times) > before:
            held = levels[-1] - start * first.leaving_micro // cash
    return np.array(times, np.int64), np.array(levels, np.int64)


def _summary(job: TrialJob, equity: Ints, results: Sequence[SplitResult]) -> tuple[RunSummary, Mapping[str, float | None]]:
    year = annualisation(job).bars_per_year
    found = figures(performance.CURVE_FIGURES, performance.curve_figures(job.config.terms.cash_micro, equity, year))
    trades = sum(result.chosen[0].test.trades for result in results)
    wins = sum(round((result.chosen[0].test.summary.win_rate or 0.0) * result.chosen[0].test.trades) for result in results)
    summary = RunSummary(
        total_return=found["total_return"],
        sharpe_simple=found["sharpe_simple"],
        max_drawdown=found["max_drawdown"],
        trades=trades,
        win_rate=wins / trades if trades else None,
    )
    kept = [value for result in results if (value := _kept(result)) is not None]
    more = {name: value for name, value in found.items() if name not in type(summary).model_fields}
    return summary, {**more, "mean_sharpe_kept": float(mean(np.array(kept))) if kept else None}


def _sharpe(job: TrialJob, equity: Ints) -> float | None:
    year = annualisation(job).bars_per_year
    return figures(performance.CURVE_FIGURES, performance.curve_figures(job.config.terms.cash_micro, equity, year))["sharpe_simple"]


def _kept(result: SplitResult) -> float | None:
    train, test = (trial.summary.sharpe_simple for trial in (result.chosen[0].train, result.chosen[0].test))
    return test / train if train and test is not None else None


def _findings(
    workspace: Workspace, job: TrialJob, config: ResolvedConfig, results: Sequence[SplitResult], provenance: Provenance, universe: Universe, now_ns: int
) -> Findings:
    times, equity = chained(job, results)
    yearly = annualisation(job)
    returns = performance.bar_returns(np.concatenate([np.array([job.config.terms.cash_micro], np.int64), equity]))
    # Test periods alone make the result, so it is one trial of its own; what was tried in training is counted by the leaderboards of later runs.
    evidence = evidence_for(workspace, config, returns, yearly.bars_per_year, [_sharpe(job, equity)], now_ns=now_ns)
    curve = Curve(times, equity / MICRO, job.config.initial_cash)
    table_rows = [WalkforwardRow.model_validate(row) for row in walkforward_rows(results)]
    summary, advanced = _summary(job, equity, results)
    board = out_of_sample_rows(results)
    best = board[0]
    rows = [
        {
            "split": result.split.name,
            "params": dict(result.chosen[0].train.proposal),
            "train_sharpe_simple": result.chosen[0].train.summary.sharpe_simple,
            "test_sharpe_simple": result.chosen[0].test.summary.sharpe_simple,
            "test_total_return": result.chosen[0].test.summary.total_return,
        }
        for result in results[:TOP]
    ]
    documents: dict[str, Any] = {
        **{f"runs.{name}": data for name, data in tables(results).items()},
        "runs.oos_equity_curve": table_bytes(
            ("timestamp", "equity"),
            [{"timestamp": iso_from_ns(time), "equity": format(amount_of(level), "f")} for time, level in zip(times.tolist(), equity.tolist(), strict=True)],
        ),
        "runs.config_resolved": config,
    }
    return Findings(
        mode="walkforward",
        config=config,
        summary=summary,
        command=search_command("walkforward", config, provenance.created_at, None if job.history is None else job.history.source),
        page=walkforward_page,
        pictures=lambda report: walkforward_html(report, table_rows, curve=curve),
        documents=documents,
        results=rows,
        sections={**universe_sections(universe), "oos_leaderboard": board[:TOP], "annualisation": yearly, "evidence": evidence},
        advanced=dict(sorted(advanced.items())),
        best_result={**best, "params": dict(_proposal_of(results, str(best["params"])))},
        leaderboard_size=len(board),
    )


def _proposal_of(results: Sequence[SplitResult], text: str) -> Mapping[str, float]:
    return next(item.train.proposal for result in results for item in result.chosen if params_text(item.train.proposal) == text)
