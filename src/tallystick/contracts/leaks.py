"""Contract of what the leak canaries say about a run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.run_documents import Count, UtcText

LeakKind = Literal["future_shift", "future_label", "whole_sample", "same_bar_fill", "todays_universe", "merge_offset", "short_warm_up"]


class FoundLeak(Shape):
    """A leak, and what it is worth.

    where: the stage of the run; also: kinds that look the same from outside. line: the line of `report.json` that it distorts, `reported` with the leak and
    `without` it, null where that cannot be told. changed of compared values were others once the run could not know. reach_bars: bars read ahead.
    """

    kind: LeakKind
    also: tuple[LeakKind, ...]
    where: str
    says: str
    line: str
    reported: float | None
    without: float | None
    changed: Count
    compared: Count
    reach_bars: Annotated[int, Field(ge=0)] | None
    first_at: UtcText | None


class NotTested(Shape):
    """A kind that could not be tested, and why: no clean bill for it."""

    kind: LeakKind
    reason: str


class LeakReport(Shape):
    """What `runs leaks` answers. run_id: null for a configuration that was not run. is_remade: whether bars and code still give the run's total return."""

    schema_version: Literal["1.0"]
    run_id: str | None
    status: Literal["clean", "leaking"]
    is_remade: bool | None
    tested: tuple[LeakKind, ...]
    not_tested: tuple[NotTested, ...]
    leaks: tuple[FoundLeak, ...]


def _status(report: Any) -> str | None:
    return None if (report.status == "leaking") == bool(report.leaks) else f"status {report.status} with {len(report.leaks)} leaks"


def _tested(report: Any) -> str | None:
    twice = sorted(set(report.tested) & {item.kind for item in report.not_tested})
    return f"{twice[0]} tested and not tested" if twice else None


CONTRACTS = (
    Contract(
        name="runs.leak_report",
        version="1.0",
        purpose="What the leak canaries found in a run's configuration",
        producer="research.leaks",
        consumers=(Consumer("apps.cli.leaks", ("*",), "show leaks; exit code 5 where there is one"),),
        shape=LeakReport,
        encoding="memory",
        rules=(
            Rule("leaking_exactly_with_leaks", "status leaking exactly where a leak is named", _status),
            Rule("tested_or_not", "each kind tested or not, never both", _tested),
        ),
    ),
)
