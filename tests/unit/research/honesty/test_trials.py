"""Trials are counted across the run index: every other look at the same data, once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.fakes.research_market import CODE, NOW_NS, START_NS, book_of, walk_panel

from tallystick.artifacts.paths import Workspace
from tallystick.contracts.time import NS_PER_HOUR
from tallystick.research.honesty.track_record import Trials
from tallystick.research.honesty.trials import with_own
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


def test_own_trials_are_added_and_those_without_a_ratio_count_too() -> None:
    assert with_own(Trials(2, (0.5,)), [1.0, None]) == Trials(4, (0.5, 1.0))
