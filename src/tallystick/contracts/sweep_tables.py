"""Tables of sweeps and walk-forwards. Their contracts stand in `contracts/runs.py` and `contracts/searches.py`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tallystick.contracts.contract import Rule, Shape
from tallystick.contracts.run_documents import Count, SignedDecimalText, UtcText

Rank = Annotated[int, Field(ge=1)]


class LeaderboardRow(Shape):
    """One experiment of a sweep, best first; `params` is canonical JSON."""

    rank: Rank
    params: str
    sharpe_simple: float | None = None
    total_return: float | None = None
    max_drawdown: float | None = None
    trades: Count
    win_rate: float | None = None


class LeaderboardTable(Shape):
    """`leaderboard.csv`: every experiment of a sweep that could be ranked."""

    columns: tuple[str, ...]
    rows: tuple[LeaderboardRow, ...]


class ExperimentRow(Shape):
    """One experiment in the order in which it was proposed; `message` says why a failed one failed, or why one is not ranked."""

    number: Rank
    status: Literal["success", "failed", "not_ranked"]
    params: str
    sharpe_simple: float | None = None
    total_return: float | None = None
    max_drawdown: float | None = None
    trades: Count
    win_rate: float | None = None
    message: str


class ExperimentsTable(Shape):
    """`experiments.csv`: everything that was tried, failures included."""

    columns: tuple[str, ...]
    rows: tuple[ExperimentRow, ...]


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


class SelectedRow(Shape):
    """What a split chose in training, best first."""

    split: str
    rank: Rank
    params: str
    sharpe_simple: float | None = None
    total_return: float | None = None
    max_drawdown: float | None = None
    trades: Count
    win_rate: float | None = None


class SelectedTable(Shape):
    """`selected_configs.csv`."""

    columns: tuple[str, ...]
    rows: tuple[SelectedRow, ...]


class SplitMetricsRow(Shape):
    """The core results of a split's first choice in training and on its test period."""

    split: str
    part: Literal["train", "test"]
    sharpe_simple: float | None = None
    total_return: float | None = None
    max_drawdown: float | None = None
    trades: Count
    win_rate: float | None = None


class SplitMetricsTable(Shape):
    """`split_metrics.csv`."""

    columns: tuple[str, ...]
    rows: tuple[SplitMetricsRow, ...]


class WalkforwardSummaryRow(Shape):
    """A split in one line: what was tried, what could be ranked, and what of the first choice's training Sharpe was left on the test period."""

    split: str
    experiments: Count
    ranked: Count
    chosen: Count
    train_sharpe_simple: float | None = None
    test_sharpe_simple: float | None = None
    sharpe_kept: float | None = None


class WalkforwardSummaryTable(Shape):
    """`walkforward_summary.csv`."""

    columns: tuple[str, ...]
    rows: tuple[WalkforwardSummaryRow, ...]


class OutOfSampleRow(Shape):
    """A configuration over the test periods of every split that chose it; means over those splits. Best mean test Sharpe first."""

    rank: Rank
    params: str
    splits: Rank
    mean_test_sharpe_simple: float | None = None
    mean_test_total_return: float | None = None
    worst_test_max_drawdown: float | None = None
    test_trades: Count


class OutOfSampleTable(Shape):
    """`oos_leaderboard.csv`."""

    columns: tuple[str, ...]
    rows: tuple[OutOfSampleRow, ...]


class OutOfSampleSeriesRow(Shape):
    """Equity in quote units at a close of a test period, of the configuration that had `rank` in the split; each split begins with the initial cash."""

    split: str
    rank: Rank
    timestamp: UtcText
    equity: SignedDecimalText


class OutOfSampleSeriesTable(Shape):
    """`oos_equity_timeseries.csv`."""

    columns: tuple[str, ...]
    rows: tuple[OutOfSampleSeriesRow, ...]


class OutOfSampleCurveRow(Shape):
    """The first choices' test periods one after the other, each begun with the equity that the one before left once what it held was sold."""

    timestamp: UtcText
    equity: SignedDecimalText


class OutOfSampleCurveTable(Shape):
    """`oos_equity_curve.csv`."""

    columns: tuple[str, ...]
    rows: tuple[OutOfSampleCurveRow, ...]


def _ranks(table: Any) -> str | None:
    found = [row.rank for row in table.rows]
    return None if found == list(range(1, len(found) + 1)) else f"ranks {found[:5]}"


def _numbers(table: Any) -> str | None:
    found = [row.number for row in table.rows]
    return None if found == list(range(1, len(found) + 1)) else f"numbers {found[:5]}"


def _splits(table: Any) -> str | None:
    bad = [row for row in table.rows if not row.train_start < row.train_end <= row.test_start < row.test_end]
    return f"split {bad[0].split}" if bad else None


def _curve(table: Any) -> str | None:
    times = [row.timestamp for row in table.rows]
    return None if times == sorted(set(times)) else "a time twice or out of order"


LEADERBOARD_RULES = (Rule("ranks_count_up", "ranks 1, 2, 3 …", _ranks, ("D3.06",)),)
WALKFORWARD_RULES = (Rule("test_after_training", "training before testing in every split", _splits, ("D3.06",)),)
EXPERIMENTS_RULES = (Rule("experiments_count_up", "numbers 1, 2, 3 …", _numbers, ("D3.06",)),)
CURVE_RULES = (Rule("curve_goes_forward", "each time once, ascending", _curve, ("D3.06",)),)
