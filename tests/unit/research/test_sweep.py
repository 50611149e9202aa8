"""Sweeps: each experiment is a plain run, the ranking is honest, and neither workers nor a crash change a byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.research_lake import PANEL, STATIC, provenance, rows, silent, tree
from tests.fakes.research_market import CODE, NOW_NS, book_of

from tallystick.adapters.compute.fan_out import InThisProcess
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import read_artifact
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ConfigurationError, StrategyError
from tallystick.contracts.registry import contract
from tallystick.research.honesty.trials import count_trials
from tallystick.research.pool_history import ActiveRelease, PoolHistory
from tallystick.research.ports import FanOut
from tallystick.research.run import run
from tallystick.research.run_config import RunConfig
from tallystick.research.run_folder import RunResult
from tallystick.research.search_spaces import GridSearch, SearchSpace
from tallystick.research.sweep import SearchPlan, sweep
from tallystick.research.trials import Trial, TrialPart, Window, ranked, trial_job

SPACE = SearchSpace({"ma_bars": (5.0, 10.0, 20.0), "rsi_buy_max": (55.0, 65.0)})
CONFIG = RunConfig(fee=0.0005)
WINDOW = Window(PANEL.start_ns, PANEL.end_ns)


def start(
    place: Path, *, space: SearchSpace = SPACE, config: RunConfig = CONFIG, fan_out: FanOut | None = None, progress: Any = silent, **plan: Any
) -> RunResult:
    return sweep(
        Workspace(place),
        trial_job(PANEL, book_of(PANEL), config),
        WINDOW,
        SearchPlan(method="grid", space=space, seed=None, **plan),
        GridSearch(space),
        fan_out or InThisProcess(),
        provenance(),
        universe=STATIC,
        now_ns=NOW_NS,
        progress=progress,
    )


@pytest.mark.clause("D3.05", "D3.06", "D3.09", "D3.12", "D3.15")
def test_sweep_folder_holds_the_canonical_files_and_its_leaderboard(tmp_path: Path) -> None:
    result = start(tmp_path)
    report = verify(tmp_path)
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())
    held = {path.name for path in result.folder.iterdir()}
    assert {"metadata.json", "config.json", "metrics.json", "report.json", "leaderboard.csv", "experiments.csv", "best_config.json"} <= held
    block = json.loads(result.folder.joinpath("report.json").read_bytes())["machine_contract"]
    assert (block["contract_type"], block["command"], block["mode"]) == ("quantlab.sweep.result", "sweep", "sweep")
    metrics = json.loads(result.folder.joinpath("metrics.json").read_bytes())
    assert metrics["leaderboard_size"] == 6
    assert metrics["best_result"] == block["best_result"]
    assert block["best_result"]["params"] == json.loads(rows(result.folder / "leaderboard.csv")[0]["params"])


def test_each_experiment_is_the_plain_run_of_its_parameters(tmp_path: Path) -> None:
    result = start(tmp_path)
    for row in rows(result.folder / "leaderboard.csv"):
        parameters = json.loads(row["params"])
        plain = run(
            Workspace(tmp_path / "plain"), PANEL, book_of(PANEL), replace(CONFIG, parameters=parameters), now_ns=NOW_NS, code_version=CODE
        ).report.summary
        found = (row["sharpe_simple"], row["total_return"], row["max_drawdown"], row["trades"], row["win_rate"])
        assert found == tuple(str(getattr(plain, name)) for name in ("sharpe_simple", "total_return", "max_drawdown", "trades", "win_rate"))


def test_best_config_is_the_configuration_of_the_best_plain_run(tmp_path: Path) -> None:
    result = start(tmp_path)
    best = read_artifact(contract("runs.best_config"), result.folder / "best_config.json")
    assert best.search is None
    plain = run(Workspace(tmp_path), PANEL, book_of(PANEL), replace(CONFIG, parameters=dict(best.strategy_params)), now_ns=NOW_NS, code_version=CODE)
    assert plain.folder.joinpath("config.json").read_bytes() == result.folder.joinpath("best_config.json").read_bytes()
    assert plain.summary == result.summary


@pytest.mark.parametrize("min_trades", [0, 80])
def test_later_runs_count_every_experiment_the_ones_without_a_rank_too(tmp_path: Path, min_trades: int) -> None:
    """What was tried and did not please was tried: a rule that only hides it must not make the next result look better."""
    result = start(tmp_path, min_trades=min_trades)
    assert (len(rows(result.folder / "leaderboard.csv")) < 6) == (min_trades > 0)
    period = {"start": "2024-01-01T00:00:00Z", "end": "2025-01-01T00:00:00Z", "created_at": "2026-01-01T00:00:00Z"}
    found = count_trials(Workspace(tmp_path), symbols=PANEL.symbols, own="0000000", now_ns=NOW_NS, **period)
    assert (found.count, len(found.sharpes)) == (6, 6)


@dataclass
class Cut:
    """Workers that are killed after some parts."""

    parts: int

    @contextmanager
    def start(self, job: Any) -> Iterator[Cut]:
        self.job = job
        yield self

    def run(self, parts: Sequence[TrialPart], *, on_result: Callable[[int, Any], None]) -> None:
        for number, part in enumerate(parts):
            if self.parts == 0:
                raise KeyboardInterrupt
            self.parts -= 1
            on_result(number, self.job.run(part))


@dataclass
class Backwards:
    """Workers that answer in the wrong order."""

    done: int = 0

    @contextmanager
    def start(self, job: Any) -> Iterator[Backwards]:
        self.job = job
        yield self

    def run(self, parts: Sequence[TrialPart], *, on_result: Callable[[int, Any], None]) -> None:
        for number, part in reversed(list(enumerate(parts))):
            self.done += len(part.proposals)
            on_result(number, self.job.run(part))


MANY = SearchSpace({"ma_bars": tuple(map(float, range(5, 15))), "rsi_buy_max": (55.0, 65.0)})


def test_killed_sweep_goes_on_and_gives_the_same_bytes(tmp_path: Path) -> None:
    whole = start(tmp_path / "whole", space=MANY)
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "cut", space=MANY, fan_out=Cut(1))
    log = next((tmp_path / "cut" / "state" / "searches").iterdir())
    assert verify(tmp_path / "cut").unknown == ()
    # A crash in the middle of a line: the half is dropped, what stands before it counts.
    log.write_bytes(log.read_bytes()[:-7])
    counting = Backwards()
    seen: list[tuple[int, int]] = []
    again = start(tmp_path / "cut", space=MANY, fan_out=counting, progress=lambda done, total: seen.append((done, total)))
    assert counting.done == 20 - 7, "what the log holds is not done twice"
    assert seen[-1] == (20, 20)
    assert tree(again.folder) == tree(whole.folder)
    assert not log.exists()


def test_log_of_another_configuration_is_not_believed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, space=MANY, fan_out=Cut(1))
    counting = Backwards()
    start(tmp_path, space=MANY, config=RunConfig(fee=0.001), fan_out=counting)
    assert counting.done == 20


def test_order_of_results_changes_no_byte(tmp_path: Path) -> None:
    assert tree(start(tmp_path / "one", space=MANY).folder) == tree(start(tmp_path / "two", space=MANY, fan_out=Backwards()).folder)


def test_lost_account_fails_its_own_experiment_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tallystick.research import trials

    true = trials.TrialJob.simulate

    def lose(job: Any, window: Window, proposal: Any) -> Any:
        if proposal["ma_bars"] == 5.0:
            raise StrategyError("expected equity above 0, found the account wiped out")
        return true(job, window, proposal)

    monkeypatch.setattr(trials.TrialJob, "simulate", lose)
    result = start(tmp_path)
    found = [(row["status"], row["message"]) for row in rows(result.folder / "experiments.csv")]
    assert found.count(("failed", "expected equity above 0, found the account wiped out")) == 2
    assert len(rows(result.folder / "leaderboard.csv")) == 4


def test_nothing_to_rank_is_a_strategy_error_and_leaves_no_run(tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="100000 are needed"):
        start(tmp_path, min_trades=100_000)
    assert not list((tmp_path / "outputs" / "runs").glob("2*")) if (tmp_path / "outputs").exists() else True


def test_unknown_figure_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="sort_by among"):
        SearchPlan(method="grid", space=SPACE, seed=None, sort_by="beauty")


def test_ranking_goes_by_figure_then_return_then_order() -> None:
    def trial(sharpe: float | None, gained: float, trades: float = 5.0) -> Trial:
        return Trial({}, {"sharpe_simple": sharpe, "total_return": gained, "trades": trades}, ())

    trials = [trial(1.0, 0.1), trial(None, 9.0), trial(1.0, 0.2), trial(2.0, -0.5), trial(1.0, 0.2), trial(7.0, 1.0, 0.0)]
    assert ranked(trials, "sharpe_simple", ascending=False, min_trades=1) == [3, 2, 4, 0]
    assert ranked(trials, "sharpe_simple", ascending=True, min_trades=1) == [2, 4, 0, 3]


def test_decision_44_experiments_over_a_pool_history_are_the_plain_runs_over_it(tmp_path: Path) -> None:
    """Members may change on the way: a sweep trades each name only while it was in the pool, as a plain run does."""
    half = PANEL.start_ns + PANEL.bars // 2 * PANEL.interval_ns
    releases = (ActiveRelease("2024-01-01-core_major", PANEL.start_ns, PANEL.symbols[:2]), ActiveRelease("2024-01-15-core_major", half, PANEL.symbols[1:]))
    history = PoolHistory(releases, "history", "a test")
    window = Window(PANEL.start_ns + 300 * PANEL.interval_ns, PANEL.end_ns)
    job = trial_job(PANEL, book_of(PANEL), CONFIG, history)
    for ma_bars in (5.0, 10.0):
        config = replace(CONFIG, parameters={"ma_bars": ma_bars}, start_ns=window.start_ns)
        plain = run(Workspace(tmp_path), PANEL, book_of(PANEL), config, now_ns=NOW_NS, code_version=CODE, pool_history=history).report.summary
        assert job.run(TrialPart(window, ({"ma_bars": ma_bars},)))[0].summary == plain
