"""A sweep: many parameter sets on one period, ranked; the log lets a killed one go on, and workers change no byte of the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from tallystick.artifacts.canonical import canonical_json, plain
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ConfigurationError, DataError, StrategyError
from tallystick.contracts.run_documents import RunReport
from tallystick.contracts.runs import ResolvedConfig
from tallystick.contracts.sweep_tables import ExperimentRow, LeaderboardRow
from tallystick.contracts.tables import table_bytes
from tallystick.contracts.workflows import SearchMethod, SearchSettings
from tallystick.research.account_sections import Universe, account_of, evidence_for
from tallystick.research.candidates import with_proposal
from tallystick.research.evaluation import account_returns
from tallystick.research.experiment_log import ExperimentLog, search_key
from tallystick.research.honesty.overfitting import LEAST_BARS_OF_BLOCK, MOST_BLOCKS, probability_of_backtest_overfitting
from tallystick.research.ports import Crew, FanOut, ParameterSearch, Proposal
from tallystick.research.report_page import Curve, sweep_html
from tallystick.research.run_config import resolved
from tallystick.research.run_folder import Findings, RunResult, publish
from tallystick.research.run_report import Provenance, number, percent, search_command, summary_lines, warning_lines
from tallystick.research.search_spaces import SearchSpace
from tallystick.research.strategies import find_strategy
from tallystick.research.trials import METRICS, Trial, TrialJob, TrialPart, Window, ranked, score

Progress = Callable[[int, int], None]
MOST_IN_A_PART = 8
"""Parameter sets that travel together: enough to share features, few enough that a crash loses little."""
TOP = 10


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What is searched and how results are ranked. Raises ConfigurationError for a figure that no experiment has."""

    method: SearchMethod
    space: SearchSpace
    seed: int | None
    sort_by: str = "sharpe_simple"
    ascending: bool = False
    min_trades: int = 0

    def __post_init__(self) -> None:
        if self.sort_by not in METRICS:
            raise ConfigurationError(f"expected sort_by among {', '.join(METRICS)}, found {self.sort_by!r}", where="sort_by")
        if self.min_trades < 0:
            raise ConfigurationError(f"expected min_trades of 0 or more, found {self.min_trades}", where="constraints")

    def settings(self, trials: int) -> SearchSettings:
        """As the resolved configuration says it."""
        return SearchSettings(
            method=self.method,
            param_grid=dict(sorted(self.space.values.items())),
            param_ranges=dict(sorted(self.space.ranges.items())),
            trials=trials,
            seed=self.seed,
            sort_by=self.sort_by,
            ascending=self.ascending,
            min_trades=self.min_trades,
        )

    def order(self, trials: Sequence[Trial]) -> list[int]:
        """Places of the experiments that can be ranked, best first."""
        return ranked(trials, self.sort_by, ascending=self.ascending, min_trades=self.min_trades)

    def score(self, trial: Trial) -> float | None:
        """What the search maximises."""
        return score(trial, self.sort_by, ascending=self.ascending, min_trades=self.min_trades)

    def why_none(self, trials: Sequence[Trial]) -> str:
        """Why none of the experiments can be ranked: the first failure, else what they lack."""
        failed = next((trial.error[1] for trial in trials if trial.error), None)
        most = max((trial.trades for trial in trials), default=0)
        return failed or f"the most trades of any are {most}, {self.min_trades} are needed, and {self.sort_by} must exist"


@dataclass(slots=True)
class Bench:
    """Where experiments are done: what is known from the log, else a crew that is started when the first unknown experiment comes."""

    job: TrialJob
    fan_out: FanOut
    log: ExperimentLog
    on_trials: Callable[[int], None]
    _stack: ExitStack
    _crew: Crew | None = None

    def try_all(self, window: Window, proposals: Sequence[Proposal]) -> list[Trial]:
        """Every proposal's experiment, in order. Raises what a part raises."""
        found = {place: trial for place, proposal in enumerate(proposals) if (trial := self.log.find(window, proposal)) is not None}
        self.on_trials(len(found))
        missing = [place for place in range(len(proposals)) if place not in found]
        groups = [missing[first : first + MOST_IN_A_PART] for first in range(0, len(missing), MOST_IN_A_PART)]
        parts = [TrialPart(window, tuple(proposals[place] for place in group)) for group in groups]

        def keep(number: int, trials: tuple[Trial, ...]) -> None:
            self.log.add(parts[number], trials)
            found.update(zip(groups[number], trials, strict=True))
            self.on_trials(len(trials))

        if parts:
            self.crew().run(parts, on_result=keep)
        return [found[place] for place in range(len(proposals))]

    def crew(self) -> Crew:
        """The workers, started once."""
        if self._crew is None:
            self._crew = self._stack.enter_context(self.fan_out.start(self.job))
        return self._crew

    def search(self, window: Window, plan: SearchPlan, searcher: ParameterSearch) -> list[Trial]:
        """Ask, try and tell until the search is done. Raises DataError for a search that proposed nothing."""
        trials: list[Trial] = []
        while proposals := list(searcher.ask()):
            done = self.try_all(window, proposals)
            trials += done
            searcher.tell([plan.score(trial) for trial in done])
        if not trials:
            raise DataError("expected at least one experiment, found none proposed", where="param_grid")
        return trials


def sweep(
    workspace: Workspace,
    job: TrialJob,
    window: Window,
    plan: SearchPlan,
    searcher: ParameterSearch,
    fan_out: FanOut,
    provenance: Provenance,
    *,
    universe: Universe,
    now_ns: int,
    progress: Progress,
) -> RunResult:
    """Try every proposal on the window and write `outputs/runs/<run_id>/` with the leaderboard. universe: source, version, note (decision 44).

    A sweep that was stopped goes on where it stood: its log is found by configuration, data and code. Raises StrategyError when no experiment can be ranked.
    """
    plan.space.check(find_strategy(job.config.strategy), job.config.parameters)
    period = job.period(window)
    base = resolved_config(job, Window(period.start_ns, period.end_ns), universe)
    config = searched_config(base, plan, searcher.total)
    log = open_log(workspace, config, provenance)
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress(done, searcher.total)

    with ExitStack() as stack:
        trials = Bench(job, fan_out, log, count, stack).search(window, plan, searcher)
    order = plan.order(trials)
    if not order:
        raise StrategyError(
            f"expected an experiment that can be ranked, found none of {len(trials)}: {plan.why_none(trials)}", hint="Widen the period or the parameters"
        )
    best = job.simulate(window, trials[order[0]].proposal)
    account = account_of(job, window, best, universe)
    year = account.sections["annualisation"].bars_per_year
    sharpes = [trial.figures.get("sharpe_simple") for trial in trials]
    evidence = evidence_for(workspace, config, account_returns(best, job.config.terms), year, sharpes, now_ns=now_ns)
    sections = {**account.sections, "evidence": evidence, **overfitting_section(trials, period.bars, year)}
    pool_from = None if job.history is None else job.history.source
    result = publish(workspace, sweep_findings(config, trials, order, provenance, sections, account.curve, pool_from), provenance, now_ns=now_ns)
    log.remove()
    return result


def overfitting_section(trials: Sequence[Trial], bars: int, bars_per_year: float) -> dict[str, Any]:
    """How often the best experiment of one part of the period disappoints in the other; nothing where there are too few experiments or bars to tell.

    Experiments that failed have no returns and are left out. The returns are over equal parts of the period.
    """
    returns = [trial.period_returns for trial in trials if trial.error is None]
    if len(returns) < 2 or len(returns[0]) < LEAST_BARS_OF_BLOCK * MOST_BLOCKS:
        return {}
    matrix = np.ascontiguousarray(np.array(returns).T)
    return {"overfitting": probability_of_backtest_overfitting(matrix, MOST_BLOCKS, bars_per_year * len(matrix) / bars)}


def resolved_config(job: TrialJob, window: Window, universe: Universe) -> ResolvedConfig:
    """The configuration of a job on a window, without the searched parameters."""
    return resolved(
        job.config,
        symbols=job.panel.symbols,
        start_ns=window.start_ns,
        end_ns=window.end_ns,
        interval_minutes=job.panel.interval_minutes,
        venue=job.panel.venue,
        source=universe[0],
        version=universe[1],
    )


def searched_config(base: ResolvedConfig, plan: SearchPlan, trials: int, **workflow: Any) -> ResolvedConfig:
    """The configuration of a search: what is searched leaves the fixed parameters."""
    fixed = {name: value for name, value in base.strategy_params.items() if name not in plan.space.names}
    return base.model_copy(update={"strategy_params": fixed, "search": plan.settings(trials), **workflow})


def open_log(workspace: Workspace, config: ResolvedConfig, provenance: Provenance) -> ExperimentLog:
    """The log of a search, with what an earlier process left in it."""
    log = ExperimentLog(workspace, search_key({"config": plain(config), "data": provenance.data_sha256, "code": provenance.code.source_sha256}))
    log.load()
    return log


def params_text(proposal: Mapping[str, float]) -> str:
    """Parameters as canonical JSON on one line."""
    return canonical_json(dict(proposal)).decode().strip()


def core(trial: Trial) -> dict[str, Any]:
    """The core results of an experiment as columns."""
    found: dict[str, Any] = plain(trial.summary)
    return found


def experiment_rows(trials: Sequence[Trial], order: Sequence[int]) -> list[dict[str, Any]]:
    """`experiments.csv`: everything that was tried, in order."""
    able = set(order)
    rows = []
    for place, trial in enumerate(trials):
        status = "failed" if trial.error else "success" if place in able else "not_ranked"
        message = trial.error[1] if trial.error else "" if place in able else "too few trades, or the figure does not exist"
        rows.append({"number": place + 1, "status": status, "params": params_text(trial.proposal), **core(trial), "message": " ".join(message.split())})
    return rows


def leaderboard_rows(trials: Sequence[Trial], order: Sequence[int]) -> list[dict[str, Any]]:
    """`leaderboard.csv`: every ranked experiment, best first."""
    return [{"rank": rank, "params": params_text(trials[place].proposal), **core(trials[place])} for rank, place in enumerate(order, 1)]


def sweep_findings(
    config: ResolvedConfig,
    trials: Sequence[Trial],
    order: Sequence[int],
    provenance: Provenance,
    sections: Mapping[str, Any],
    curve: Curve,
    pool_from: str | None = None,
) -> Findings:
    """The documents of a sweep. order: places of the ranked experiments, at least one; sections and curve: of the best one; pool_from: the pool's history."""
    best = trials[order[0]]
    assert config.search is not None
    # The surface shows a column of the leaderboard.
    metric = config.search.sort_by if config.search.sort_by in core(best) else "sharpe_simple"
    best_config = with_proposal(config, dict(best.proposal))
    board = leaderboard_rows(trials, order)
    results = [{**row, "params": dict(trials[place].proposal)} for row, place in zip(board[:TOP], order[:TOP], strict=True)]
    return Findings(
        mode="sweep",
        config=config,
        summary=best.summary,
        command=search_command("sweep", config, provenance.created_at, pool_from),
        page=sweep_page,
        pictures=lambda report: sweep_html(report, [LeaderboardRow.model_validate(row) for row in board], metric, curve),
        documents={
            "runs.experiments": table_bytes(tuple(ExperimentRow.model_fields), experiment_rows(trials, order)),
            "runs.leaderboard": table_bytes(tuple(LeaderboardRow.model_fields), board),
            "runs.best_config": best_config,
            "runs.config_resolved": config,
        },
        results=results,
        sections=sections,
        advanced={name: value for name, value in sorted(best.figures.items()) if name not in type(best.summary).model_fields},
        best_result={"rank": 1, "params": dict(best.proposal), **core(best)},
        leaderboard_size=len(board),
    )


def sweep_page(report: RunReport) -> bytes:
    """`run_report.md` of a sweep."""
    config = report.config_resolved
    search = config["search"]
    lines = [f"# Sweep {report.header.run_id}", ""]
    lines += [f"{config['strategy']} on {config['ticker']}, {config['interval']} bars of {config['venue']}, {config['start']} to {config['end']}.", ""]
    lines += [f"{search['trials']} experiments by {search['method']}, ranked by {search['sort_by']}. The best one:"]
    lines += [*warning_lines(report), "", *summary_lines(report.summary), ""]
    lines += ["| rank | parameters | Sharpe | return | drawdown | trades |", "|---:|---|---:|---:|---:|---:|"]
    for row in report.results:
        shown = ", ".join(f"{name} {value:g}" for name, value in row["params"].items())
        cells = (row["rank"], shown, number(row["sharpe_simple"]), percent(row["total_return"]), percent(row["max_drawdown"]), row["trades"])
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    lines += ["", "The best of many tries looks better than it is: see `forward` and `walkforward` before believing it."]
    lines += [report.universe_note] if report.universe_note else []
    return "".join(f"{line}\n" for line in lines).encode()
