"""Figures over closed trades. They describe what was; they predict nothing and recommend nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import DataError
from tallystick.contracts.monitoring import PerformanceSnapshot, StrategyFigures, TradeRecord
from tallystick.contracts.time import NS_PER_DAY
from tallystick.kernels.statistics import mean, sample_std, total

DAYS_PER_YEAR = 365
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Drawdown:
    """Of equity after each closed trade: percent below the peak now and at worst, and whole days since the peak (0 at it)."""

    current_pct: float
    max_pct: float
    days: int


def _values(records: Sequence[TradeRecord], name: str) -> NDArray[np.float64]:
    return np.array([getattr(record, name) or 0.0 for record in records], dtype=np.float64)


def drawdown(closed: Sequence[TradeRecord], starting_equity: float, now_ns: int) -> Drawdown:
    """Peak-to-now over the equity curve that starts at `starting_equity` and moves by each trade's net result."""
    equity = peak = starting_equity
    worst, peak_ns = 0.0, closed[0].entry_time_ns if closed else now_ns
    for record in closed:
        equity += record.net_pnl
        if equity >= peak:
            peak, peak_ns = equity, record.exit_time_ns or now_ns
        worst = max(worst, (peak - equity) / peak * 100)
    current = (peak - equity) / peak * 100
    return Drawdown(current, worst, 0 if current == 0 else max(0, (now_ns - peak_ns) // NS_PER_DAY))


def sharpe_ratio(closed: Sequence[TradeRecord], now_ns: int, days: int) -> float:
    """Mean over standard deviation of daily net results of the last `days` UTC days, × √365; 0 where nothing moved."""
    today = now_ns // NS_PER_DAY
    results = np.zeros(days, dtype=np.float64)
    for record in closed:
        age = today - (record.exit_time_ns or 0) // NS_PER_DAY
        if 0 <= age < days:
            results[days - 1 - age] += record.net_pnl
    # A flat series has no ratio; 0 says "no edge seen" without an infinity that JSON cannot carry.
    spread = float(sample_std(results))
    return 0.0 if spread == 0 else float(mean(results)) / spread * math.sqrt(DAYS_PER_YEAR)


def _since(closed: Sequence[TradeRecord], now_ns: int, days: int) -> float:
    today = now_ns // NS_PER_DAY
    return float(total(_values([record for record in closed if today - (record.exit_time_ns or 0) // NS_PER_DAY < days], "net_pnl")))


def performance_snapshot(records: Sequence[TradeRecord], starting_equity: float, now_ns: int) -> PerformanceSnapshot:
    """Every figure at an instant, from trade records; open ones are counted and otherwise left out.

    A trade's side is the sign of its net result. daily, weekly and monthly results cover the last 1, 7 and 30 UTC days, today included.
    avg_r_multiple is null: records carry no initial risk. Raises DataError for a starting equity at or below 0, or an exit after `now_ns`.
    """
    if starting_equity <= 0:
        raise DataError(f"expected a starting equity above 0, found {starting_equity}", where="performance")
    # Sorted by exit and id, so the figures do not depend on the order in which records come.
    closed = sorted((record for record in records if record.exit_time_ns is not None), key=lambda record: (record.exit_time_ns or 0, record.trade_id))
    if closed and (closed[-1].exit_time_ns or 0) > now_ns:
        raise DataError(f"expected trades that closed by {now_ns}, found one at {closed[-1].exit_time_ns}", where="performance")
    net = _values(closed, "net_pnl")
    wins, losses = net[net > 0], net[net < 0]
    won, lost = float(total(wins)), float(total(losses))
    avg_win, avg_loss = (float(mean(side)) if side.size else 0.0 for side in (wins, losses))
    recent = net[-20:]
    fall = drawdown(closed, starting_equity, now_ns)
    holds = np.array([((record.exit_time_ns or 0) - record.entry_time_ns) / NS_PER_MS for record in closed], dtype=np.float64)
    return PerformanceSnapshot(
        timestamp_ns=now_ns,
        total_trades=len(closed),
        winning_trades=int(wins.size),
        losing_trades=int(losses.size),
        breakeven_trades=len(closed) - int(wins.size) - int(losses.size),
        open_trades=len(records) - len(closed),
        win_rate=wins.size / len(closed) if closed else 0.0,
        rolling_win_rate_20=int((recent > 0).sum()) / recent.size if recent.size else 0.0,
        total_pnl=float(total(_values(closed, "realized_pnl"))),
        total_fees=float(total(_values(closed, "fees"))),
        net_pnl=float(total(net)),
        daily_pnl=_since(closed, now_ns, 1),
        weekly_pnl=_since(closed, now_ns, 7),
        monthly_pnl=_since(closed, now_ns, 30),
        avg_win=avg_win,
        avg_loss=avg_loss,
        largest_win=float(wins.max()) if wins.size else 0.0,
        largest_loss=float(losses.min()) if losses.size else 0.0,
        win_loss_ratio=avg_win / -avg_loss if avg_loss else None,
        profit_factor=won / -lost if lost else None,
        sharpe_ratio_30d=sharpe_ratio(closed, now_ns, 30),
        sharpe_ratio_90d=sharpe_ratio(closed, now_ns, 90),
        current_drawdown_pct=fall.current_pct,
        max_drawdown_pct=fall.max_pct,
        days_in_drawdown=fall.days,
        avg_hold_time_ms=float(mean(holds)) if holds.size else 0.0,
        avg_r_multiple=None,
        by_strategy=_by_strategy(closed),
    )


def _by_strategy(closed: Sequence[TradeRecord]) -> dict[str, StrategyFigures]:
    groups: dict[str, list[TradeRecord]] = {}
    for record in closed:
        groups.setdefault(record.strategy, []).append(record)
    return {
        name: StrategyFigures(trades=len(rows), wins=sum(row.net_pnl > 0 for row in rows), net_pnl=float(total(_values(rows, "net_pnl"))))
        for name, rows in sorted(groups.items())
    }
