from __future__ import annotations

import numpy as np
import pytest
from tests.fakes.daily_bars import book_of, daily_panel

from tallystick.contracts.errors import DataError
from tallystick.contracts.time import NS_PER_DAY, date_from_ns
from tallystick.market.bars import COLUMNS, BarPanel
from tallystick.market.generator import generate
from tallystick.market.instruments import InstrumentBook
from tallystick.universe.config import UniverseConfig
from tallystick.universe.eligibility import UniverseJudge
from tallystick.universe.monthly_pools import MonthlyPools, activation_date, churn, later_delisted, month_days, select_months
from tallystick.universe.selection import PoolSelector, select_pool


def judge(panel: BarPanel, book: InstrumentBook | None = None) -> UniverseJudge:
    return UniverseJudge(panel, book or book_of(panel), UniverseConfig())


def months(panel: BarPanel, days: tuple[str, ...], book: InstrumentBook | None = None) -> MonthlyPools:
    return select_months(PoolSelector(judge(panel, book), days), days, None, 5)


def test_a_month_counts_when_the_bars_reach_the_next_one() -> None:
    panel = daily_panel(days=90)
    assert month_days(judge(panel)) == ("2023-01-31", "2023-02-28", "2023-03-31")
    assert month_days(judge(panel.columns(0, 89))) == ("2023-01-31", "2023-02-28")
    assert month_days(judge(panel), "2023-02-01", "2023-03-30") == ("2023-02-28",)


def test_a_month_end_on_which_the_whole_venue_has_no_bar_is_judged_on_the_last_day_before() -> None:
    panel = daily_panel(days=900)
    for name in COLUMNS:
        getattr(panel, name)[:, 789:790] = np.nan
    assert date_from_ns(panel.start_ns + 789 * NS_PER_DAY) == "2025-02-28"
    days = month_days(judge(panel), "2025-02-01")
    assert days[0] == "2025-02-27"
    assert months(panel, days).selections[0].eligibility.as_of_date == "2025-02-27"


def test_every_month_has_the_pool_that_a_build_on_its_last_day_selects() -> None:
    panel = daily_panel(lives={"SOLUSDT": (0, 850), "XRPUSDT": (300, 900)})
    book = book_of(panel, SOLUSDT=(0, 850))
    days = month_days(judge(panel, book), "2024-03-01")
    found = months(panel, days, book)
    assert len(found.selections) == len(days) == 15
    for selection in found.selections:
        assert selection == select_pool(panel, book, UniverseConfig(), selection.eligibility.as_of_date, None)


def test_a_refused_month_is_recorded_and_the_last_release_stands() -> None:
    panel = daily_panel()
    for name in ("quote_volume",):
        getattr(panel, name)[:, 760:830] = 1e5
    days = month_days(judge(panel), "2025-01-01")
    found = months(panel, days)
    assert found.refused
    first = found.refused[0]
    assert first.standing == "2025-02-28-core_major"
    assert "expected at least 5 eligible names for broad_liquid" in first.why
    assert {row.as_of_date for row in found.refused}.isdisjoint(item.eligibility.as_of_date for item in found.selections)


def test_a_period_in_which_every_month_is_refused_is_refused() -> None:
    panel = daily_panel(days=120)
    with pytest.raises(DataError, match="expected a pool in at least one of 4 months: expected at least 5 eligible names"):
        months(panel, month_days(judge(panel)))
    with pytest.raises(DataError, match="no whole month"):
        months(panel, ())


def test_a_release_is_active_the_day_after_its_snapshot_and_churn_is_what_changed() -> None:
    assert activation_date("2024-02-29") == "2024-03-01"
    assert churn(("A", "B", "C", "D"), ("A", "B", "C", "E")) == 0.25
    assert churn(("A",), ("A",)) == 0.0


def test_decision_37_survivorship_is_shown_where_the_truth_is_known() -> None:
    """The generated market says who was delisted and when: pools of the past hold those names, a list of survivors never would."""
    market = generate(seed=7)
    panel = market.panel.resampled(1440)
    gone = {symbol: life.delisted for symbol, life in market.truth.lives.items() if life.delisted is not None}
    book = InstrumentBook(market.instruments)
    days = month_days(judge(panel, book), "1971-02-01")
    found = months(panel, days, book)
    held = {symbol: date for symbol, date, _ in later_delisted(judge(panel, book), found)}
    assert held
    assert all(gone[symbol][:10] == date for symbol, date in held.items())  # type: ignore[index]
    for selection in found.selections:
        after = activation_date(selection.eligibility.as_of_date)
        assert all(gone.get(symbol) is None or gone[symbol] > after for symbol in selection.pool)  # type: ignore[operator]
    survivors = panel.select([symbol for symbol in panel.symbols if symbol not in gone])
    biased = months(survivors, days, InstrumentBook(row for row in market.instruments if row.venue_symbol not in gone))
    assert later_delisted(judge(survivors), biased) == ()
    different = [a.pool for a, b in zip(found.selections, biased.selections, strict=True) if a.pool != b.pool]
    assert different
    assert "2 with a delisting date" in found.selections[-1].eligibility.survivorship
    assert "cannot be seen" in biased.selections[-1].eligibility.survivorship
