"""The fan-out port, the same promises for this process, child processes and a cluster: every part once, errors whole, children gone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.research_lake import PANEL, STATIC, provenance, silent, tree
from tests.fakes.research_market import NOW_NS, book_of
from tests.fakes.squares_job import Squares

from tallystick.adapters.compute.fan_out import InThisProcess, OverProcesses
from tallystick.adapters.compute.local_processes import ChildProcessFailed
from tallystick.adapters.compute.ray_cluster import ClusterFailed, OverRay
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import DataError
from tallystick.research.ports import FanOut
from tallystick.research.run_config import RunConfig
from tallystick.research.search_spaces import GridSearch, SearchSpace
from tallystick.research.sweep import SearchPlan, sweep
from tallystick.research.trials import Window, trial_job


def results(fan_out: FanOut, parts: list[Any], job: Squares | None = None) -> dict[int, Any]:
    found: dict[int, Any] = {}
    with fan_out.start(job or Squares(offset=1)) as crew:
        crew.run(parts, on_result=found.__setitem__)
    return found


@pytest.mark.parametrize("fan_out", [InThisProcess(), OverProcesses(2)], ids=["here", "two children"])
def test_every_part_is_done_once_and_errors_arrive_whole(fan_out: FanOut) -> None:
    assert results(fan_out, list(range(7))) == {number: 1 + number * number for number in range(7)}
    assert results(fan_out, []) == {}
    with pytest.raises(DataError) as caught:
        results(fan_out, [1, "refuse", 2])
    assert (caught.value.message, caught.value.where, caught.value.hint) == ("too few rows", "row 7", "give more")


def test_a_crew_takes_parts_again_and_again() -> None:
    found: list[int] = []
    with OverProcesses(2).start(Squares()) as crew:
        for start in (0, 3):
            crew.run([start, start + 1], on_result=lambda _number, value: found.append(value))
    assert sorted(found) == [0, 1, 9, 16]


@pytest.mark.parametrize(("part", "word"), [("crash", "ValueError: a bug"), ("die", "ended with code 9")])
def test_crash_of_a_child_is_one_clear_error(part: str, word: str) -> None:
    with pytest.raises(ChildProcessFailed, match=word):
        results(OverProcesses(1), [part])


def test_interrupt_ends_the_children() -> None:
    pids: list[int] = []

    def stop(number: int, value: Any) -> None:
        pids.append(value)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), OverProcesses(1).start(Squares()) as crew:
        crew.run(["who", 1, 2], on_result=stop)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def run_sweep(place: Path, fan_out: FanOut) -> dict[str, str]:
    space = SearchSpace({"ma_bars": tuple(map(float, range(5, 15))), "rsi_buy_max": (55.0, 65.0)})
    result = sweep(
        Workspace(place),
        trial_job(PANEL, book_of(PANEL), RunConfig(fee=0.0005)),
        Window(PANEL.start_ns, PANEL.end_ns),
        SearchPlan(method="grid", space=space, seed=None),
        GridSearch(space),
        fan_out,
        provenance(),
        universe=STATIC,
        now_ns=NOW_NS,
        progress=silent,
    )
    return tree(result.folder)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_sweep_gives_the_same_bytes_here_over_processes_and_on_a_cluster(tmp_path: Path) -> None:
    here = run_sweep(tmp_path / "here", InThisProcess())
    assert run_sweep(tmp_path / "processes", OverProcesses(2)) == here
    assert run_sweep(tmp_path / "cluster", OverRay("local")) == here


def test_nobody_at_the_address_is_one_clear_error() -> None:
    with pytest.raises(ClusterFailed, match="expected a Ray cluster at"):
        results(OverRay("127.0.0.1:1"), [1])
