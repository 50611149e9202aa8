"""The sections of a report that speak of one account: costs, exposure, capacity, benchmark, yearly figures, and what the result is worth as evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tallystick.artifacts.paths import Workspace
from tallystick.contracts.run_documents import Annualisation
from tallystick.contracts.run_evidence import Evidence
from tallystick.contracts.runs import ResolvedConfig
from tallystick.contracts.time import iso_from_ns
from tallystick.market.calendars import bars_per_year, describe_year
from tallystick.research.evaluation import Evaluation, benchmark_of, buy_and_hold, evaluate, room_of
from tallystick.research.honesty.track_record import evidence_of
from tallystick.research.honesty.trials import count_trials, with_own
from tallystick.research.report_page import Curve
from tallystick.research.run_pictures import curve_of
from tallystick.research.run_report import config_hash
from tallystick.research.simulation import Floats, Simulation
from tallystick.research.trials import TrialJob, Window

Universe = tuple[str, str | None, str | None]
"""Source, version, note."""


@dataclass(frozen=True, slots=True)
class Account:
    """A simulated account in figures, the sections that a report shows of it, and its curve."""

    evaluation: Evaluation
    sections: Mapping[str, Any]
    curve: Curve


def universe_sections(universe: Universe) -> dict[str, Any]:
    """Where the symbols came from (decision 44)."""
    return {"universe_source": universe[0], "universe_version": universe[1], "universe_note": universe[2]}


def annualisation(job: TrialJob) -> Annualisation:
    """How yearly figures of a job are made (decision 35)."""
    calendar, minutes = job.instruments[0].calendar, job.panel.interval_minutes
    return Annualisation(calendar=calendar, bars_per_year=bars_per_year(calendar, minutes), says=describe_year(calendar, minutes))


def account_of(job: TrialJob, window: Window, simulation: Simulation, universe: Universe) -> Account:
    """Everything that a report says of one simulation on a window."""
    yearly, period, terms = annualisation(job), job.period(window), job.config.terms
    evaluation = evaluate(simulation, terms, yearly.bars_per_year)
    # Nobody could have bought, at the start, all the names that were to be in the pool: with a history there is no such benchmark.
    held = None if job.history is not None else buy_and_hold(period, job.instruments, job.slippage(window), terms)
    sections = {
        **universe_sections(universe),
        "costs": evaluation.costs,
        "exposure": evaluation.exposure,
        "benchmark": None if held is None else benchmark_of(held, terms, yearly.bars_per_year, evaluation.summary.total_return),
        "capacity": room_of(simulation, period, terms),
        "annualisation": yearly,
        "advanced": evaluation.advanced,
    }
    return Account(evaluation, sections, curve_of(simulation, job.config.initial_cash, held))


def evidence_for(
    workspace: Workspace, config: ResolvedConfig, returns: Floats, bars_per_year_: float, sharpes: Iterable[float | None], *, now_ns: int
) -> Evidence:
    """What a result is worth after every look at the same data that the index knows, and after its own: one Sharpe ratio for each configuration tried."""
    digest = config_hash(config)
    before = count_trials(
        workspace,
        symbols=config.ticker.split(","),
        start=config.start,
        end=config.end,
        created_at=iso_from_ns(now_ns),
        own=digest[:7],
        now_ns=now_ns,
    )
    return evidence_of(returns, bars_per_year_, int(digest[:8], 16), with_own(before, sharpes))
