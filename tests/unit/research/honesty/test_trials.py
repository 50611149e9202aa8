"""Trials are counted across the run index: every other look at the same data, once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.research_market import CODE, NOW_NS, START_NS, book_of, walk_panel

from tallystick.artifacts.paths import Workspace
from tallystick.contracts.time import NS_PER_HOUR, iso_from_ns
from tallystick.research.honesty.track_record import Trials
from tallystick.research.honesty.trials import count_trials, with_own
from tallystick.research.run import RunResult, run
from tallystick.research.run_config import RunConfig

PANEL = walk_panel(3, 400, seed=5)
SECOND = 10**9


def start(place: Path, number: int, **config: Any) -> RunResult:
    return run(Workspace(place), PANEL, book_of(PANEL), RunConfig(**config), now_ns=NOW_NS + number * SECOND, code_version=CODE)


def trials_of(result: RunResult) -> int:
    report = json.loads(result.folder.joinpath("report.json").read_bytes())
    return int(report["evidence"]["trials"])


def test_first_run_is_one_trial_and_each_other_configuration_one_more(tmp_path: Path) -> None:
    found = [trials_of(start(tmp_path, number, fee=0.0001 * (number + 1))) for number in range(3)]
    assert found == [1, 2, 3]


def test_repeated_configuration_is_the_same_trial(tmp_path: Path) -> None:
    assert [trials_of(start(tmp_path, number)) for number in range(3)] == [1, 1, 1]


def test_other_symbols_and_other_periods_are_other_data(tmp_path: Path) -> None:
    middle = START_NS + 200 * NS_PER_HOUR
    start(tmp_path, 0, symbols=("ADAUSDT",))
    start(tmp_path, 1, symbols=("BTCUSDT",), end_ns=middle)
    assert trials_of(start(tmp_path, 2, symbols=("ETHUSDT", "BTCUSDT"), start_ns=middle)) == 1
    assert trials_of(start(tmp_path, 3, symbols=("ETHUSDT", "BTCUSDT"))) == 3


def test_runs_of_the_same_moment_or_later_are_not_counted(tmp_path: Path) -> None:
    start(tmp_path, 5, fee=0.001)
    assert trials_of(start(tmp_path, 5, fee=0.002)) == 1
    assert trials_of(start(tmp_path, 4, fee=0.003)) == 1
    assert trials_of(start(tmp_path, 6, fee=0.004)) == 4


def test_damaged_index_is_made_anew_before_it_is_counted(tmp_path: Path) -> None:
    start(tmp_path, 0, fee=0.001)
    index = tmp_path / "outputs" / "runs" / "runs_index.json"
    index.write_bytes(b"{")
    assert trials_of(start(tmp_path, 1, fee=0.002)) == 2


@pytest.mark.parametrize(("mode", "experiments"), [("sweep", 4), ("walkforward", 1)])
def test_search_counts_each_of_its_experiments(tmp_path: Path, mode: str, experiments: int) -> None:
    made = start(tmp_path, 0, fee=0.001)
    _as_search(tmp_path, made, mode, experiments)
    period = {"start": iso_from_ns(START_NS), "end": "2025-01-01T00:00:00Z", "created_at": "2025-08-01T00:00:00Z"}
    found = count_trials(Workspace(tmp_path), symbols=("BTCUSDT",), own="0000000", now_ns=NOW_NS, **period)
    assert found.count == experiments
    assert len(found.sharpes) == experiments


def _as_search(place: Path, made: RunResult, mode: str, experiments: int) -> None:
    """The run's folder and index row as those of a search would be, with a leaderboard."""
    index = place / "outputs" / "runs" / "runs_index.json"
    index.write_text(index.read_text().replace('"mode":"run"', f'"mode":"{mode}"'))
    metrics = made.folder / "metrics.json"
    best = '"best_result":{},' if experiments > 1 else '"best_result":null,'
    size = experiments if experiments > 1 else 0
    text = metrics.read_text().replace('"best_result":null,', best).replace('"leaderboard_size":0', f'"leaderboard_size":{size}')
    metrics.write_text(text)
    if experiments > 1:
        rows = [f'{rank},"{{}}",{1.0 / rank},0.1,-0.1,10,0.5' for rank in range(1, experiments + 1)]
        header = "rank,params,sharpe_simple,total_return,max_drawdown,trades,win_rate"
        made.folder.joinpath("leaderboard.csv").write_text("\n".join([header, *rows]) + "\n")


def test_own_trials_are_added_and_those_without_a_ratio_count_too() -> None:
    assert with_own(Trials(2, (0.5,)), [1.0, None]) == Trials(4, (0.5, 1.0))
