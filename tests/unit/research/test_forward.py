"""Forward runs: frozen parameters, unseen bars, and a resume that proves itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.fakes.research_lake import PANEL, STATIC, provenance, rows, silent
from tests.fakes.research_market import CODE, NOW_NS, book_of

from tallystick.adapters.compute.fan_out import InThisProcess
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ArtifactError, ConfigurationError, DataError
from tallystick.contracts.time import NS_PER_HOUR
from tallystick.market.bars import BarPanel
from tallystick.research.candidates import Candidate, choose_candidate
from tallystick.research.forward import first_request, forward, resumed
from tallystick.research.run import run
from tallystick.research.run_config import RunConfig
from tallystick.research.run_folder import RunResult
from tallystick.research.search_spaces import GridSearch, SearchSpace
from tallystick.research.sweep import SearchPlan, sweep
from tallystick.research.trials import Window, trial_job

BORDER_NS = PANEL.start_ns + 400 * NS_PER_HOUR
SPACE = SearchSpace({"ma_bars": (5.0, 10.0, 20.0)})


@pytest.fixture
def source(tmp_path: Path) -> RunResult:
    return sweep(
        Workspace(tmp_path),
        trial_job(PANEL, book_of(PANEL), RunConfig(fee=0.0005)),
        Window(PANEL.start_ns, BORDER_NS),
        SearchPlan(method="grid", space=SPACE, seed=None),
        GridSearch(SPACE),
        InThisProcess(),
        provenance(),
        universe=STATIC,
        now_ns=NOW_NS,
        progress=silent,
    )


def go(place: Path, candidate: Candidate, request: Any, panel: BarPanel = PANEL, now_ns: int = NOW_NS) -> RunResult:
    return forward(Workspace(place), panel, book_of(panel), candidate, request, provenance(panel, now_ns), universe=STATIC, now_ns=now_ns)


def begin(place: Path, source: RunResult, *, end_bar: int | None = None, panel: BarPanel = PANEL) -> RunResult:
    candidate = choose_candidate(Workspace(place), source.run_id, "sharpe_simple")
    end_ns = None if end_bar is None else PANEL.start_ns + end_bar * NS_PER_HOUR
    return go(place, candidate, first_request(candidate, start_ns=None, end_ns=end_ns, initial_cash=5_000.0), panel)


@pytest.mark.clause("D3.05", "D3.06", "D3.17", "D3.32")
def test_forward_run_is_the_plain_run_of_frozen_parameters_on_unseen_bars(tmp_path: Path, source: RunResult) -> None:
    result = begin(tmp_path, source)
    report = verify(tmp_path)
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())
    document = json.loads(result.folder.joinpath("report.json").read_bytes())
    assert document["machine_contract"]["contract_type"] == "quantlab.forward.result"
    parameters = json.loads(rows(source.folder / "leaderboard.csv")[0]["params"])
    assert {name: document["config_resolved"]["strategy_params"][name] for name in parameters} == parameters
    assert document["config_resolved"]["start"] == document["config_resolved"]["forward"]["chosen_until"]
    config = RunConfig(fee=0.0005, parameters=parameters, start_ns=BORDER_NS, initial_cash=5_000.0)
    plain = run(Workspace(tmp_path / "plain"), PANEL, book_of(PANEL), config, now_ns=NOW_NS, code_version=CODE)
    assert plain.summary == result.summary
    for name in ("trades.csv", "artifacts/equity.csv"):
        assert plain.folder.joinpath(name).read_bytes() == result.folder.joinpath(name).read_bytes()
    assert plain.report.benchmark == result.report.benchmark


def test_resumed_run_is_the_run_that_was_never_stopped(tmp_path: Path, source: RunResult) -> None:
    first = begin(tmp_path, source, end_bar=550)
    candidate, request = resumed(Workspace(tmp_path), first.run_id, end_ns=None)
    second = go(tmp_path, candidate, request)
    whole = begin(tmp_path, source)
    assert second.run_id != first.run_id
    for name in ("trades.csv", "artifacts/equity.csv"):
        assert second.folder.joinpath(name).read_bytes() == whole.folder.joinpath(name).read_bytes()
    states = [json.loads(item.folder.joinpath("portfolio_state.json").read_bytes()) for item in (first, second, whole)]
    assert [state["processed_bars"] for state in states] == [150, 300, 300]
    assert [state.pop("resumed_from") for state in states] == [None, first.run_id, None]
    assert states[1] == states[2]


def test_resume_without_new_bars_is_the_run_itself(tmp_path: Path, source: RunResult) -> None:
    first = begin(tmp_path, source)
    candidate, request = resumed(Workspace(tmp_path), first.run_id, end_ns=None)
    again = go(tmp_path, candidate, request, now_ns=NOW_NS + 10**12)
    assert (again.run_id, again.seal_sha256, again.is_new) == (first.run_id, first.seal_sha256, False)
    assert len(list((tmp_path / "outputs" / "runs").glob("*_forward_*"))) == 1


def test_resume_over_bars_that_changed_is_refused(tmp_path: Path, source: RunResult) -> None:
    first = begin(tmp_path, source, end_bar=550)
    candidate, request = resumed(Workspace(tmp_path), first.run_id, end_ns=None)
    prices = PANEL.close.copy()
    prices[:, 480] *= 1.01
    with pytest.raises(DataError, match="Bars or code changed"):
        go(tmp_path, candidate, request, replace(PANEL, close=prices, high=np.fmax(PANEL.high, prices)))


def test_state_says_cash_and_positions_after_the_last_bar(tmp_path: Path, source: RunResult) -> None:
    for end_bar in range(500, 560, 7):
        result = begin(tmp_path, source, end_bar=end_bar)
        state = json.loads(result.folder.joinpath("portfolio_state.json").read_bytes())
        held: dict[str, str] = {}
        for row in rows(result.folder / "trades.csv"):
            held[row["symbol"]] = row["position"]
        wanted = [{"symbol": name, "quantity": size} for name, size in sorted(held.items()) if float(size) != 0.0]
        assert state["positions"] == wanted
        last = rows(result.folder / "artifacts" / "equity.csv")[-1]
        assert (state["cash"], state["equity"], state["last_timestamp"]) == (last["cash"], last["equity"], last["timestamp"])


def test_bars_that_chose_the_parameters_are_refused(tmp_path: Path, source: RunResult) -> None:
    candidate = choose_candidate(Workspace(tmp_path), source.run_id, "sharpe_simple")
    with pytest.raises(ConfigurationError, match="earlier bars chose the parameters"):
        first_request(candidate, start_ns=BORDER_NS - NS_PER_HOUR, end_ns=None, initial_cash=1e4)


def test_no_bars_after_the_choice_is_a_data_error(tmp_path: Path, source: RunResult) -> None:
    with pytest.raises(DataError, match="expected bars from"):
        begin(tmp_path, source, panel=PANEL.between(PANEL.start_ns, BORDER_NS))


def test_candidate_is_chosen_by_metric_and_rank(tmp_path: Path, source: RunResult) -> None:
    place = Workspace(tmp_path)
    board = rows(source.folder / "leaderboard.csv")
    for metric in ("total_return", "max_drawdown", "trades"):
        best = max(board, key=lambda row: float(row[metric]))
        chosen = choose_candidate(place, source.run_id, metric).config.strategy_params["ma_bars"]
        assert chosen == json.loads(best["params"])["ma_bars"]
    second = choose_candidate(place, source.run_id, "sharpe_simple", 2)
    assert second.config.strategy_params["ma_bars"] == json.loads(board[1]["params"])["ma_bars"]
    with pytest.raises(DataError, match="rank 9"):
        choose_candidate(place, source.run_id, "sharpe_simple", 9)
    with pytest.raises(ConfigurationError, match="a metric among"):
        choose_candidate(place, source.run_id, "beauty")


def test_changed_source_is_refused(tmp_path: Path, source: RunResult) -> None:
    board = source.folder / "leaderboard.csv"
    board.write_bytes(board.read_bytes().replace(b"1,", b"2,", 1))
    with pytest.raises(ArtifactError, match=r"change in leaderboard\.csv"):
        choose_candidate(Workspace(tmp_path), source.run_id, "sharpe_simple")
    with pytest.raises(ArtifactError, match="expected a finished run named nothing"):
        choose_candidate(Workspace(tmp_path), "nothing", "sharpe_simple")


def test_only_forward_runs_are_resumed(tmp_path: Path, source: RunResult) -> None:
    with pytest.raises(ConfigurationError, match="forward run to resume"):
        resumed(Workspace(tmp_path), source.run_id, end_ns=None)
    first = begin(tmp_path, source)
    with pytest.raises(ConfigurationError, match="found a forward"):
        choose_candidate(Workspace(tmp_path), first.run_id, "sharpe_simple")
