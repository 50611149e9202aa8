"""Walk-forwards: choosing never sees the test bars, the gap is the strategy's memory, and the curve is the tests' alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tests.fakes.research_lake import STATIC, provenance, rows, silent, tree
from tests.fakes.research_market import CODE, NOW_NS, book_of, walk_panel

from tallystick.adapters.compute.fan_out import InThisProcess
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ConfigurationError, DataError, StrategyError
from tallystick.contracts.time import NS_PER_HOUR, ns_from_iso
from tallystick.market.bars import BarPanel
from tallystick.research.honesty.trials import count_trials
from tallystick.research.run import run
from tallystick.research.run_config import RunConfig
from tallystick.research.run_folder import RunResult
from tallystick.research.search_spaces import GridSearch, SearchSpace
from tallystick.research.splits import Split, cut_splits, memory_bars, purged
from tallystick.research.sweep import SearchPlan
from tallystick.research.trials import Window, trial_job
from tallystick.research.walkforward import walkforward

PANEL = walk_panel(3, 950, seed=5)
# The RSI needs 281 bars before it speaks.
PERIOD = Window(PANEL.start_ns + 300 * NS_PER_HOUR, PANEL.end_ns)
SPACE = SearchSpace({"ma_bars": (5.0, 10.0, 20.0), "rsi_buy_max": (55.0, 65.0)})
CONFIG = RunConfig(fee=0.0005)
DAYS = {"train_days": 10, "test_days": 5, "step_days": 5}


def splits(scheme: str = "rolling") -> tuple[Split, ...]:
    return cut_splits(PANEL.open_times_ns, PERIOD, scheme, **DAYS)  # type: ignore[arg-type]


def start(place: Path, *, panel: BarPanel = PANEL, cut: Sequence[Split] | None = None, scheme: str = "rolling", min_trades: int = 0) -> RunResult:
    return walkforward(
        Workspace(place),
        trial_job(panel, book_of(PANEL), CONFIG),
        cut if cut is not None else splits(scheme),
        scheme,  # type: ignore[arg-type]
        SearchPlan(method="grid", space=SPACE, seed=None, min_trades=min_trades),
        lambda: GridSearch(SPACE),
        InThisProcess(),
        provenance(panel),
        top_k=2,
        universe=STATIC,
        now_ns=NOW_NS,
        progress=silent,
    )


def test_rolling_and_anchored_splits_cover_the_period_in_order() -> None:
    found = splits()
    assert [split.name for split in found] == ["split_01", "split_02", "split_03"]
    for before, after in pairwise(found):
        assert after.train.start_ns - before.train.start_ns == 5 * 24 * NS_PER_HOUR
        assert before.test.end_ns == after.test.start_ns
    assert {split.train.start_ns for split in splits("anchored")} == {PERIOD.start_ns}
    assert [split.test for split in splits("anchored")] == [split.test for split in found]


def test_period_too_short_for_one_split_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 100 days"):
        cut_splits(PANEL.open_times_ns, PERIOD, "rolling", train_days=90, test_days=10, step_days=10)
    with pytest.raises(ConfigurationError, match="test_days above 0"):
        cut_splits(PANEL.open_times_ns, PERIOD, "rolling", train_days=9, test_days=0, step_days=1)


def test_decision_32_training_ends_before_the_test_by_what_the_strategy_remembers() -> None:
    gap = memory_bars(PANEL, CONFIG, SPACE)
    assert gap == 21, "the longest average, and the bar in which a decision fills"
    assert memory_bars(PANEL, CONFIG, SearchSpace({"ma_bars": (5.0,)})) == 15, "the RSI's fourteen bars"
    assert memory_bars(PANEL, CONFIG, SearchSpace({"cooldown_days": (0.0, 2.0)})) == 49, "days are bars too"
    for split in purged(PANEL, splits(), gap):
        last = np.searchsorted(PANEL.open_times_ns, split.train.end_ns)
        first = np.searchsorted(PANEL.open_times_ns, split.test.start_ns)
        assert first - last == gap


def test_splits_out_of_order_or_without_training_are_refused() -> None:
    one = splits()[0]
    with pytest.raises(ConfigurationError, match="named once"):
        purged(PANEL, (one, one), 1)
    with pytest.raises(ConfigurationError, match="at least one split"):
        purged(PANEL, (), 1)
    with pytest.raises(ConfigurationError, match="training before testing"):
        purged(PANEL, (Split("x", one.test, one.train),), 1)
    with pytest.raises(DataError, match="beyond the gap of 500 bars"):
        purged(PANEL, (one,), 500)


@pytest.mark.clause("D3.05", "D3.06", "D3.17", "D3.32")
def test_walkforward_folder_is_whole_and_its_tables_agree(tmp_path: Path) -> None:
    result = start(tmp_path)
    report = verify(tmp_path)
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())
    document = json.loads(result.folder.joinpath("report.json").read_bytes())
    assert document["machine_contract"]["contract_type"] == "quantlab.walkforward.result"
    table = rows(result.folder / "walkforward.csv")
    chosen = rows(result.folder / "selected_configs.csv")
    assert [(row["split"], row["params"]) for row in table] == [(row["split"], row["params"]) for row in chosen]
    assert len(table) == 3 * 2
    board = rows(result.folder / "oos_leaderboard.csv")
    assert sum(int(row["splits"]) for row in board) == 6
    assert document["oos_leaderboard"][0]["params"] == board[0]["params"]
    assert sum(int(row["test_trades"]) for row in table) == sum(int(row["test_trades"]) for row in board)
    assert [row["experiments"] for row in rows(result.folder / "walkforward_summary.csv")] == ["6"] * 3
    assert result.run_id in (tmp_path / "outputs" / "runs" / "runs_index.csv").read_text()


def test_test_result_of_a_split_is_the_plain_run_of_its_choice_there(tmp_path: Path) -> None:
    result = start(tmp_path)
    row = rows(result.folder / "walkforward.csv")[0]
    config = replace(CONFIG, parameters=json.loads(row["params"]), start_ns=ns_from_iso(row["test_start"]), end_ns=ns_from_iso(row["test_end"]))
    plain = run(Workspace(tmp_path / "plain"), PANEL, book_of(PANEL), config, now_ns=NOW_NS, code_version=CODE).summary
    found = (row["test_sharpe_simple"], row["test_total_return"], row["test_max_drawdown"], row["test_trades"])
    assert found == tuple(str(plain[name]) for name in ("sharpe_simple", "total_return", "max_drawdown", "trades"))


def test_choices_do_not_see_the_test_bars(tmp_path: Path) -> None:
    """Other prices from the first test on: the first split's choice and its training results stay the same to the digit."""
    first = splits()[0]
    later = PANEL.open_times_ns >= first.test.start_ns
    changed = replace(PANEL, **{name: np.where(later, getattr(PANEL, name) * 1.5, getattr(PANEL, name)) for name in ("open", "high", "low", "close")})
    one, two = (rows(start(tmp_path / name, panel=panel).folder / "selected_configs.csv") for name, panel in (("one", PANEL), ("two", changed)))
    assert [row for row in one if row["split"] == "split_01"] == [row for row in two if row["split"] == "split_01"]
    assert one != two


def test_curve_goes_through_every_test_period_pays_to_leave_it_and_makes_the_summary(tmp_path: Path) -> None:
    """The next period begins flat: what the one before still held is sold first, for fee and slippage, as every other exit is."""
    cut = cut_splits(PANEL.open_times_ns, PERIOD, "rolling", train_days=10, test_days=4.5, step_days=4.5)
    result = start(tmp_path, cut=cut)
    curve = rows(result.folder / "oos_equity_curve.csv")
    assert len(curve) == len(cut) * 4.5 * 24
    firsts = rows(result.folder / "walkforward.csv")[::2]
    gained, held = 1.0, []
    for number, row in enumerate(firsts):
        config = replace(CONFIG, parameters=json.loads(row["params"]), start_ns=ns_from_iso(row["test_start"]), end_ns=ns_from_iso(row["test_end"]))
        plain = run(Workspace(tmp_path / row["split"]), PANEL, book_of(PANEL), config, now_ns=NOW_NS, code_version=CODE)
        last = rows(plain.folder / "artifacts" / "equity.csv")[-1]
        held.append(float(last["gross"]))
        gained *= float(last["equity"]) / 10_000
        gained *= 1.0 - (0.0 if number + 1 == len(firsts) else held[-1] * (CONFIG.fee + CONFIG.slippage_bps / 10_000))
    assert max(held[:-1]) > 0.3, "something is held at a border"
    assert float(curve[-1]["equity"]) / 10_000 == pytest.approx(gained, rel=1e-9)
    assert result.summary["total_return"] == pytest.approx(gained - 1.0, rel=1e-9)


def test_overlapping_tests_are_walked_once(tmp_path: Path) -> None:
    cut = cut_splits(PANEL.open_times_ns, PERIOD, "rolling", train_days=10, test_days=6, step_days=3)
    curve = rows(start(tmp_path, cut=cut).folder / "oos_equity_curve.csv")
    times = [row["timestamp"] for row in curve]
    assert times == sorted(set(times))
    assert all(abs(float(after["equity"]) / float(before["equity"]) - 1) < 0.2 for before, after in pairwise(curve))


def test_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    assert tree(start(tmp_path / "one").folder) == tree(start(tmp_path / "two").folder)


def test_split_without_anything_to_rank_says_which(tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="split_01 that can be ranked"):
        start(tmp_path, min_trades=10_000)


def test_later_runs_count_the_experiments_of_every_split(tmp_path: Path) -> None:
    start(tmp_path)
    period = {"start": "2024-01-01T00:00:00Z", "end": "2025-01-01T00:00:00Z", "created_at": "2026-01-01T00:00:00Z"}
    assert count_trials(Workspace(tmp_path), symbols=PANEL.symbols, own="0000000", now_ns=NOW_NS, **period).count == 3 * 6
