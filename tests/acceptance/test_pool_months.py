"""The pool of every month on real daily bars: built, validated, point in time."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.daily_bars import book_of
from tests.fakes.real_daily_bars import read_panel, stored_daily
from tests.fakes.shared_data import shared_data

from tallystick.apps.assembly import score_families
from tallystick.artifacts.paths import Workspace, get_output_dir
from tallystick.contracts.time import NS_PER_DAY, ns_from_iso
from tallystick.market.bars import BarPanel
from tallystick.universe.config import UniverseConfig
from tallystick.universe.eligibility import UniverseJudge, past
from tallystick.universe.monthly_pools import MonthlyPools, month_days, select_months
from tallystick.universe.release import write_release
from tallystick.universe.release_documents import report_document
from tallystick.universe.selection import PoolSelector, Selection
from tallystick.universe.validation import ValidationReport, validate_release


def judge_of(panel: BarPanel, *, allow_smaller: bool = False) -> UniverseJudge:
    return UniverseJudge(panel, book_of(panel), UniverseConfig(allow_smaller_pool=allow_smaller))


def months(judge: UniverseJudge, first: str, last: str) -> MonthlyPools:
    days = month_days(judge, first, last)
    return select_months(PoolSelector(judge, days, score_families()), days, None, 5)


def built(root: Path, judge: UniverseJudge, selection: Selection) -> ValidationReport:
    """Write the release of a month over the one before it, and validate it on its activation day."""
    day = selection.eligibility.as_of_date
    now_ns = ns_from_iso(day) + NS_PER_DAY + 3600 * 10**9
    workspace = Workspace(root)
    write_release(workspace, selection, report_document(selection, judge.config, past(judge.panel, day), None, ()), now_ns)
    return validate_release(get_output_dir(workspace), now_ns=now_ns, expected_pool_size=len(selection.pool))


@pytest.mark.clause("D5.01")
def test_a_pool_for_each_month_from_2021_to_2024_builds_and_validates(tmp_path: Path) -> None:
    judge = judge_of(stored_daily(shared_data()), allow_smaller=True)
    found = months(judge, "2021-01-01", "2024-12-31")
    assert found.refused == ()
    assert len(found.selections) == 48
    for selection in found.selections:
        report = built(tmp_path, judge, selection)
        assert (selection.version, report.errors, report.warnings) == (selection.version, [], [])
    # In July 2021 three of the 38 survivors were eligible: turnover had collapsed after May.
    sizes = {item.eligibility.as_of_date: len(item.pool) for item in found.selections if len(item.pool) < 5}
    assert sizes == {"2021-07-31": 3}
    assert {name for item in found.selections for name in item.weights} == {"rule", "linear", "ml"}


def test_without_leave_for_a_smaller_pool_the_month_is_refused_and_the_release_before_it_stands() -> None:
    judge = judge_of(stored_daily(shared_data()))
    found = months(judge, "2021-06-01", "2021-08-31")
    assert [(row.as_of_date, row.standing) for row in found.refused] == [("2021-07-31", "2021-06-30-core_major")]
    assert "found 3 of 38" in found.refused[0].why


def test_survivorship_is_stated_as_unknowable_on_sets_of_survivors() -> None:
    bybit = read_panel(shared_data() / "crypto_daily" / "bybit_linear_1d.parquet", 1440, "bybit_linear")
    for panel, first in ((stored_daily(shared_data()), "2024-11-01"), (bybit, "2024-11-01")):
        found = months(judge_of(panel), first, "2024-11-30")
        assert "names that were delisted before the bars were collected cannot be seen" in found.selections[-1].eligibility.survivorship
