from __future__ import annotations

import math

import numpy as np
import pytest

from tallystick.artifacts.store import encode_artifact
from tallystick.contracts.errors import DataError
from tallystick.contracts.monitoring import TradeRecord
from tallystick.contracts.registry import contract
from tallystick.contracts.time import NS_PER_DAY, NS_PER_HOUR
from tallystick.monitoring.performance import performance_snapshot

DAY = 20_000 * NS_PER_DAY


def record(number: int, net: float, day: int, strategy: str = "alpha", hours: int = 1) -> TradeRecord:
    end = DAY + day * NS_PER_DAY + 12 * NS_PER_HOUR
    return TradeRecord(
        trade_id=f"t{number:03}",
        symbol="SOLUSDT",
        strategy=strategy,
        direction="LONG",
        entry_time_ns=end - hours * NS_PER_HOUR,
        entry_price=100.0,
        exit_time_ns=end,
        exit_price=101.0,
        realized_pnl=net + 1,
        net_pnl=net,
        fees=1.0,
        funding=0.0,
    )


NETS = [100.0, -50.0, 0.0, 200.0, -400.0, 50.0]
RECORDS = [record(number, net, number) for number, net in enumerate(NETS)]
NOW = DAY + 5 * NS_PER_DAY + 20 * NS_PER_HOUR


@pytest.mark.clause("D4.108", "D4.113")
def test_figures_come_from_closed_trades_alone() -> None:
    still_open = record(9, 999.0, 5).model_copy(update={"exit_time_ns": None, "exit_price": None})
    found = performance_snapshot([still_open, *reversed(RECORDS)], 1000.0, NOW)
    encode_artifact(contract("monitoring.performance_snapshot"), found)
    assert (found.total_trades, found.winning_trades, found.losing_trades, found.breakeven_trades, found.open_trades) == (6, 3, 2, 1, 1)
    assert (found.win_rate, found.net_pnl, found.total_pnl, found.total_fees) == (0.5, -100.0, -94.0, 6.0)
    assert (found.avg_win, found.avg_loss, found.largest_win, found.largest_loss) == (350 / 3, -225.0, 200.0, -400.0)
    assert found.profit_factor == pytest.approx(350 / 450)
    assert (found.daily_pnl, found.weekly_pnl) == (50.0, -100.0)
    assert found.avg_hold_time_ms == 3_600_000.0


def test_drawdown_runs_from_the_peak() -> None:
    found = performance_snapshot(RECORDS, 1000.0, NOW)
    # Equity: 1100, 1050, 1050, 1250, 850, 900.
    assert found.max_drawdown_pct == pytest.approx(32.0)
    assert found.current_drawdown_pct == pytest.approx(28.0)
    assert found.days_in_drawdown == 2


def test_the_sharpe_ratio_counts_days_without_a_trade() -> None:
    daily = np.zeros(30)
    daily[24:] = NETS
    expected = daily.mean() / daily.std(ddof=1) * math.sqrt(365)
    assert performance_snapshot(RECORDS, 1000.0, NOW).sharpe_ratio_30d == pytest.approx(expected)


def test_no_trade_gives_zeros_and_no_ratio() -> None:
    found = performance_snapshot([], 1000.0, NOW)
    encode_artifact(contract("monitoring.performance_snapshot"), found)
    assert (found.total_trades, found.win_rate, found.sharpe_ratio_30d, found.max_drawdown_pct, found.profit_factor) == (0, 0.0, 0.0, 0.0, None)


def test_strategies_are_told_apart() -> None:
    found = performance_snapshot([record(1, 5.0, 1, "a"), record(2, -1.0, 2, "b"), record(3, 2.0, 3, "a")], 1000.0, NOW)
    assert {name: (row.trades, row.wins, row.net_pnl) for name, row in found.by_strategy.items()} == {"a": (2, 2, 7.0), "b": (1, 0, -1.0)}


@pytest.mark.clause("D4.114", "D4.115")
def test_the_snapshot_neither_predicts_nor_recommends() -> None:
    names = set(type(performance_snapshot([], 1.0, NOW)).model_fields)
    assert not [name for name in names if any(word in name for word in ("predict", "forecast", "recommend", "action", "advice"))]


def test_the_future_and_a_bust_start_are_refused() -> None:
    with pytest.raises(DataError, match="above 0"):
        performance_snapshot([], 0.0, NOW)
    with pytest.raises(DataError, match="closed by"):
        performance_snapshot(RECORDS, 1000.0, DAY)
