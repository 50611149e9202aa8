from __future__ import annotations

import numpy as np
import pytest
from tests.fakes.daily_bars import book_of, daily_panel

from tallystick.contracts.time import NS_PER_DAY, ns_from_iso
from tallystick.market.bars import BarPanel
from tallystick.universe.config import UniverseConfig
from tallystick.universe.eligibility import UniverseJudge
from tallystick.universe.monthly_pools import activation_date, month_days, select_months
from tallystick.universe.selection import PoolSelector, Selection
from tallystick.universe.track_returns import held_returns

PANEL = daily_panel()


def pools(panel: BarPanel = PANEL) -> tuple[Selection, ...]:
    judge = UniverseJudge(panel, book_of(panel), UniverseConfig())
    days = month_days(judge, "2025-02-01")
    return select_months(PoolSelector(judge, days), days, None, 5).selections


def column(date: str) -> int:
    return (ns_from_iso(date) - PANEL.start_ns) // NS_PER_DAY


def test_a_pool_earns_from_the_open_of_its_activation_to_the_open_of_the_next() -> None:
    found = pools()
    rows = held_returns(PANEL, "official_baseline", found, "BTCUSDT")
    assert [row["version"] for row in rows] == [item.version for item in found]
    growth = 1.0
    for row, item, after in zip(rows, found, found[1:], strict=False):
        start, until = column(activation_date(item.eligibility.as_of_date)), column(activation_date(after.eligibility.as_of_date))
        gross = np.mean([PANEL.open[PANEL.row(name), until] / PANEL.open[PANEL.row(name), start] - 1 for name in item.pool])
        assert row["gross_return"] == pytest.approx(gross)
        growth *= 1 + row["net_return"]  # type: ignore[operator]
        assert row["growth"] == pytest.approx(growth)
    assert (rows[0]["turnover"], rows[0]["cost"]) == (1.0, 0.0015)
    changed = len(set(found[1].pool) - set(found[0].pool))
    assert rows[1]["turnover"] == pytest.approx(changed / 5)
    last = column(activation_date(found[-1].eligibility.as_of_date))
    assert rows[-1]["benchmark_return"] == pytest.approx(PANEL.close[PANEL.row("BTCUSDT"), -1] / PANEL.open[PANEL.row("BTCUSDT"), last] - 1)


def test_nothing_is_earned_before_the_activation() -> None:
    rows = held_returns(PANEL, "t", pools(), "BTCUSDT")
    earlier = daily_panel()
    for name in ("open", "close"):
        getattr(earlier, name)[:, : column(str(rows[0]["activation_date"]))] *= 3.0
    again = held_returns(earlier, "t", pools(), "BTCUSDT")
    assert [row["gross_return"] for row in again] == [row["gross_return"] for row in rows]


def test_a_name_that_stops_trading_is_sold_at_its_last_close_and_one_without_a_bar_is_not_bought() -> None:
    found = pools()[:2]
    start, until = (column(activation_date(item.eligibility.as_of_date)) for item in found)
    ended, absent = found[0].pool[:2]
    panel = daily_panel()
    for name in ("open", "close"):
        getattr(panel, name)[panel.row(ended), start + 10 :] = np.nan
        getattr(panel, name)[panel.row(absent), start] = np.nan
    row = held_returns(panel, "t", found, "BTCUSDT")[0]
    assert (row["ended_early"], row["not_bought"]) == (ended, absent)
    others = [panel.open[panel.row(name), until] / panel.open[panel.row(name), start] - 1 for name in found[0].pool[2:]]
    sold = panel.close[panel.row(ended), start + 9] / panel.open[panel.row(ended), start] - 1
    assert row["gross_return"] == pytest.approx((sum(others) + sold) / 5)
    assert row["turnover"] == pytest.approx(0.8)


def test_a_release_that_is_not_active_within_the_bars_has_no_row() -> None:
    found = pools()
    panel = PANEL.columns(0, column(activation_date(found[-1].eligibility.as_of_date)))
    rows = held_returns(panel, "t", found, "BTCUSDT")
    assert [row["version"] for row in rows] == [item.version for item in found[:-1]]
    assert rows[-1]["until_date"] == activation_date(found[-1].eligibility.as_of_date)
