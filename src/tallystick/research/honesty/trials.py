"""The looks that were taken at the same data, counted across the run index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tallystick.artifacts.paths import Workspace, get_research_runs_dir
from tallystick.artifacts.run_index import read_index, refresh_index
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.registry import contract
from tallystick.contracts.runs import IndexRow, ResolvedConfig
from tallystick.research.honesty.track_record import Trials

SEARCHES = ("sweep", "walkforward")


def count_trials(workspace: Workspace, *, symbols: Sequence[str], start: str, end: str, created_at: str, own: str, now_ns: int) -> Trials:
    """Every configuration that the index tried before `created_at` on one of these symbols and an overlapping period; the run that asks not included.

    A run repeated with the same configuration is one trial; `own`, the first seven digits of the asking run's configuration, is none. A search counts each of
    its experiments. A portfolio is made of runs that are counted already. start, end, created_at: ISO-8601 UTC. A damaged index is made anew first.
    """
    if not get_research_runs_dir(workspace).is_dir():
        return Trials(0)
    return _counted(workspace, _related(_rows(workspace, now_ns), frozenset(symbols), start, end, created_at), own)


def with_own(before: Trials, sharpes: Iterable[float | None]) -> Trials:
    """The trials of this run added: one Sharpe ratio for each, None where it has none."""
    own = tuple(sharpes)
    return Trials(before.count + len(own), (*before.sharpes, *(value for value in own if value is not None)))


def _rows(workspace: Workspace, now_ns: int) -> tuple[IndexRow, ...]:
    try:
        return read_index(workspace).runs
    except ArtifactError:
        return refresh_index(workspace, now_ns=now_ns).index.runs


def _related(rows: Iterable[IndexRow], symbols: frozenset[str], start: str, end: str, created_at: str) -> list[IndexRow]:
    return [
        row
        for row in rows
        if row.created_at < created_at and row.mode != "portfolio" and row.start < end and start < row.end and not symbols.isdisjoint(row.ticker.split(","))
    ]


def _counted(workspace: Workspace, rows: Iterable[IndexRow], own: str) -> Trials:
    count, sharpes = 0, []
    seen = {own}
    for row in rows:
        digits = row.run_id.split("_")[3]
        if digits in seen:
            continue
        seen.add(digits)
        tried, found = _experiments(workspace, row) if row.mode in SEARCHES else (1, [row.sharpe_simple])
        count += tried
        sharpes += [value for value in found if value is not None]
    return Trials(count, tuple(sharpes))


def _experiments(workspace: Workspace, row: IndexRow) -> tuple[int, list[float | None]]:
    """How many experiments a search made, those that it could not rank included, and the Sharpe ratios that it wrote down."""
    config: ResolvedConfig = read_artifact(contract("runs.config"), workspace.path("runs.config", run_id=row.run_id))
    splits = len(config.walkforward.splits) if config.walkforward is not None else 1
    made = splits * config.search.trials if config.search is not None else 1
    path = workspace.path("runs.experiments", run_id=row.run_id)
    if not path.is_file():
        return made, [row.sharpe_simple]
    ratios = [item.sharpe_simple for item in read_artifact(contract("runs.experiments"), path).rows]
    return max(made, len(ratios)), ratios
