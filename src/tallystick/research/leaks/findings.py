"""What a canary says: clean, a leak with its numbers, or not tested and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from tallystick.contracts.leaks import FoundLeak, LeakKind, LeakReport, NotTested
from tallystick.contracts.time import iso_from_ns

KINDS: tuple[LeakKind, ...] = get_args(LeakKind)
LINES: dict[LeakKind, str] = {
    "future_shift": "summary.total_return",
    "future_label": "summary.sharpe_simple",
    "whole_sample": "summary.total_return",
    "same_bar_fill": "costs.spread_and_slippage",
    "todays_universe": "benchmark.total_return",
    "merge_offset": "summary.total_return",
    "short_warm_up": "summary.total_return",
}
"""The line of `report.json` that a leak of this kind distorts first."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A leak. where: the stage and what in it. also: kinds that nobody could tell from this one by what the pipeline does.

    reported and without: the distorted line with the leak and without it, null where it cannot be told. changed of compared: values that became others.
    reach_bars: how many bars ahead was read; first_ns: open time of the first bar that was found changed.
    """

    kind: LeakKind
    where: str
    says: str
    line: str
    also: tuple[LeakKind, ...] = ()
    reported: float | None = None
    without: float | None = None
    changed: int = 0
    compared: int = 0
    reach_bars: int | None = None
    first_ns: int | None = None

    @property
    def kinds(self) -> tuple[LeakKind, ...]:
        """The kind and those that look the same."""
        return (self.kind, *self.also)


@dataclass(frozen=True, slots=True)
class Canaries:
    """Every leak that was found, and kinds that could not be tested, each with the reason."""

    leaks: tuple[Leak, ...]
    not_tested: dict[LeakKind, str]

    @property
    def is_clean(self) -> bool:
        """No leak was found."""
        return not self.leaks


def leak_report(found: Canaries, run_id: str | None, *, is_remade: bool | None) -> LeakReport:
    """The findings as a document."""
    return LeakReport(
        schema_version="1.0",
        run_id=run_id,
        status="clean" if found.is_clean else "leaking",
        is_remade=is_remade,
        tested=tuple(kind for kind in KINDS if kind not in found.not_tested),
        not_tested=tuple(NotTested(kind=kind, reason=reason) for kind, reason in sorted(found.not_tested.items())),
        leaks=tuple(_document(leak) for leak in found.leaks),
    )


def _document(leak: Leak) -> FoundLeak:
    return FoundLeak(
        kind=leak.kind,
        also=leak.also,
        where=leak.where,
        says=leak.says,
        line=leak.line,
        reported=leak.reported,
        without=leak.without,
        changed=leak.changed,
        compared=leak.compared,
        reach_bars=leak.reach_bars,
        first_at=None if leak.first_ns is None else iso_from_ns(leak.first_ns),
    )
