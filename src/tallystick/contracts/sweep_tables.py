"""Tables of sweeps and walk-forwards. Their contracts stand in `contracts/runs.py`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from tallystick.contracts.contract import Rule, Shape
from tallystick.contracts.run_documents import Count, UtcText


class LeaderboardRow(Shape):
    """One experiment of a sweep, best first; `params` is canonical JSON."""

    rank: Annotated[int, Field(ge=1)]
    params: str
    sharpe_simple: float | None = None
    total_return: float | None = None
    max_drawdown: float | None = None
    trades: Count
    win_rate: float | None = None


class LeaderboardTable(Shape):
    """`leaderboard.csv`: every experiment of a sweep."""

    columns: tuple[str, ...]
    rows: tuple[LeaderboardRow, ...]


class WalkforwardRow(Shape):
    """One split and one chosen configuration: results in training and on the test period after it."""

    split: str
    train_start: UtcText
    train_end: UtcText
    test_start: UtcText
    test_end: UtcText
    params: str
    train_sharpe_simple: float | None = None
    test_sharpe_simple: float | None = None
    test_total_return: float | None = None
    test_max_drawdown: float | None = None
    test_trades: Count


class WalkforwardTable(Shape):
    """`walkforward.csv`: every split of a walk-forward."""

    columns: tuple[str, ...]
    rows: tuple[WalkforwardRow, ...]


def _ranks(table: Any) -> str | None:
    found = [row.rank for row in table.rows]
    return None if found == list(range(1, len(found) + 1)) else f"ranks {found[:5]}"


def _splits(table: Any) -> str | None:
    bad = [row for row in table.rows if not row.train_start < row.train_end <= row.test_start < row.test_end]
    return f"split {bad[0].split}" if bad else None


LEADERBOARD_RULES = (Rule("ranks_count_up", "ranks 1, 2, 3 …", _ranks, ("D3.06",)),)
WALKFORWARD_RULES = (Rule("test_after_training", "training before testing in every split", _splits, ("D3.06",)),)
