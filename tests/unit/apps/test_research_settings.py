"""Settings of searches from files and flags: unknown, contradictory and impossible ones are refused by name, before any bar is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.research_lake import research_lake, rows, silent, tree
from tests.fakes.research_market import NOW_NS

from tallystick.apps.cli.main import main
from tallystick.apps.research_runs import research_run
from tallystick.apps.research_searches import research_sweep, research_walkforward
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ConfigurationError, TallystickError

GRID = {"ma_bars": [5, 10], "rsi_buy_max": [55, 65]}
CUT = {"start": "2024-01-13", "train_days": 4, "test_days": 2, "param_grid": GRID}


def write(root: Path, text: str | dict[str, Any]) -> str:
    path = root / "settings.yaml"
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return str(path)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"colour": "red"}, "found colour"),
        ({"param_grid": GRID}, "found param_grid"),
        ({"rsi_buy_max": 50, "strategy_params": {"rsi_buy_max": 60}}, "one value of rsi_buy_max"),
        ({"strategy_params": {"rsi_buy_mix": 60}}, "found rsi_buy_mix"),
        ({"strategy_params": 7}, "strategy_params as settings by name"),
        ("fee: 0.001\nfee: 0.002\n", "the key 'fee' twice"),
        ("[1, 2]", "settings by name, found list"),
        ("fee: [", "YAML or JSON file"),
        ({"start": "2024-02-01", "end": "2024-01-01"}, "start before end"),
        ({"fee": 0.9}, "fee from 0 to 0.5"),
        ({"fee": float("inf")}, "fee from 0 to 0.5"),
        ({"slippage_mode": "lucky"}, "slippage_mode fixed or atr"),
    ],
)
def test_file_of_a_run_that_cannot_be_is_refused_before_anything_is_read(tmp_path: Path, settings: str | dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        research_run(Workspace(tmp_path), {}, now_ns=NOW_NS, config_path=write(tmp_path, settings))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "at least one parameter"),
        ({"param_grid": {}}, "at least one parameter"),
        ({"param_grid": GRID, "splits": []}, "found splits"),
        ({"param_grid": GRID, "mode": "dance"}, "the mode grid"),
        ({"param_grid": GRID, "method": "dance"}, "the method grid"),
        ({"param_grid": GRID, "mode": "random", "method": "optuna"}, "one method"),
        ({"param_grid": GRID, "trials": 5}, "trials and seed with the methods random and optuna only"),
        ({"param_grid": GRID, "sort_by": "beauty"}, "sort_by among"),
        ({"param_grid": GRID, "constraints": {"min_luck": 3}}, "found min_luck"),
        ({"param_grid": GRID, "constraints": {"min_trades": -3}}, "min_trades of 0 or more"),
        ({"param_grid": GRID, "strategy_params": {"ma_bars": 20}}, "ma_bars to be searched or fixed"),
        ({"param_grid": {"ma_bars": {"low": 5}}}, "low and high of ma_bars"),
        ({"param_grid": {"ma_bars": {"low": 5, "high": 9, "jump": 2}}}, "found jump"),
        ({"param_grid": {"ma_bars": ["many"]}}, "ma_bars as a number"),
        ({"param_grid": {"ma_bars": [1000]}}, "ma_bars from 2 to 500"),
        ({"param_grid": [1, 2]}, "param_grid as settings by name"),
        ({"search": {"method": "grid", "param_grid": GRID}, "method": "random"}, "method once"),
        ({"method": "random", "param_grid": GRID, "trials": 2.5}, "trials as a whole number"),
        ({"param_grid": GRID, "ascending": "yes"}, "ascending as true or false"),
    ],
)
def test_file_of_a_sweep_that_contradicts_itself_is_refused(tmp_path: Path, settings: dict[str, Any], says: str) -> None:
    research_lake(tmp_path)
    with pytest.raises(ConfigurationError, match=says):
        research_sweep(Workspace(tmp_path), {}, now_ns=NOW_NS, progress=silent, config_path=write(tmp_path, settings))
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"splits": [{"train": {"start": "2024-01-13", "end": "2024-01-15"}, "test": {"start": "2024-01-16", "end": "2024-01-17"}}]},
            "found splits and train_days",
        ),
        ({"scheme": "sideways"}, "the scheme explicit"),
        ({"scheme": "explicit"}, "anchored or rolling without splits"),
        ({"selection": {"favourite": 1}}, "found favourite"),
        ({"top_k": 0}, "top_k of at least 1"),
        ({"mode": "sweep"}, "the mode walkforward"),
        ({"train_days": 400}, "at least 402 days"),
        ({"workers": 0}, "1 to 512 workers"),
    ],
)
def test_file_of_a_walkforward_that_contradicts_itself_is_refused(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    research_lake(tmp_path)
    settings = {**CUT, **change}
    given = {name: settings.pop(name) for name in ("workers",) if name in settings}
    with pytest.raises(ConfigurationError, match=says):
        research_walkforward(Workspace(tmp_path), given, now_ns=NOW_NS, progress=silent, config_path=write(tmp_path, settings))


def test_workers_and_a_cluster_at_once_are_refused(tmp_path: Path) -> None:
    research_lake(tmp_path)
    with pytest.raises(ConfigurationError, match="workers or a cluster"):
        research_sweep(Workspace(tmp_path), {"param_grid": GRID, "workers": 2, "cluster": "local"}, now_ns=NOW_NS, progress=silent)


@pytest.mark.parametrize("method", ["grid", "random", "optuna"])
def test_resolved_configuration_makes_the_same_sweep_again(tmp_path: Path, method: str) -> None:
    place = research_lake(tmp_path)
    asked: dict[str, Any] = {"method": method, "param_grid": {"ma_bars": [5, 10, 20], "rsi_buy_max": {"low": 50, "high": 70, "step": 5}}, "fee": 0.0005}
    asked |= {} if method == "grid" else {"trials": 9, "seed": 7}
    first = research_sweep(place, asked, now_ns=NOW_NS, progress=silent)
    again = research_sweep(place, {}, now_ns=NOW_NS, progress=silent, config_path=str(first.folder / "config_resolved.yaml"))
    assert len(rows(first.folder / "experiments.csv")) == (15 if method == "grid" else 9)
    one, two = tree(first.folder), tree(again.folder)
    assert {name: one[name] for name in ("config.json", "leaderboard.csv", "experiments.csv")} == {
        name: two[name] for name in ("config.json", "leaderboard.csv", "experiments.csv")
    }


def test_walkforward_by_named_splits_and_its_resolved_configuration_agree(tmp_path: Path) -> None:
    place = research_lake(tmp_path)
    first = research_sweep(place, {}, now_ns=NOW_NS, progress=silent, config_path=write(tmp_path, {"mode": "walkforward", **CUT, "selection": {"top_k": 1}}))
    again = research_walkforward(place, {}, now_ns=NOW_NS, progress=silent, config_path=str(first.folder / "config_resolved.yaml"))
    assert first.report.header.mode == again.report.header.mode == "walkforward"
    assert tree(first.folder)["walkforward.csv"] == tree(again.folder)["walkforward.csv"]
    assert tree(first.folder)["config.json"] == tree(again.folder)["config.json"]


def test_unasked_walkforward_chooses_on_half_and_tests_four_eighths(tmp_path: Path) -> None:
    place = research_lake(tmp_path)
    found = research_walkforward(place, {"param_grid": GRID, "start": "2024-01-06"}, now_ns=NOW_NS, progress=silent)
    assert len({row["split"] for row in rows(found.folder / "walkforward.csv")}) == 4


def test_best_configuration_runs_as_it_is(tmp_path: Path) -> None:
    place = research_lake(tmp_path)
    found = research_sweep(place, {"param_grid": GRID}, now_ns=NOW_NS, progress=silent)
    plain = research_run(place, {}, now_ns=NOW_NS, config_path=str(found.folder / "best_config.json"))
    assert plain.summary == found.summary


def test_commands_sweep_walkforward_forward_and_portfolio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    research_lake(tmp_path)

    def command(*arguments: str) -> dict[str, Any]:
        for more in ((), ("--json",)):
            with pytest.raises(SystemExit) as ended:
                main([*arguments, "--workspace", str(tmp_path), "--now", "2025-07-01", *more])
            out = capsys.readouterr().out
            assert (ended.value.code, bool(out)) == (0, True), out
        found: dict[str, Any] = json.loads(out)
        assert found["status"] == "success"
        return found

    search = ("--grid", "ma_bars=5,10", "--grid", "rsi_buy_max=55:65:5", "--param", "rsi_sell_min=80", "--fee", "0.0005")
    sweep = command("sweep", *search, "--end", "2024-01-20", "--workers", "1")
    command("walkforward", *search, "--start", "2024-01-13", "--train-days", "4", "--test-days", "2", "--scheme", "anchored", "--top-k", "1")
    first = command("forward", "--from", sweep["run_id"], "--end", "2024-01-25")
    command("forward", "--resume", first["run_id"])
    command("portfolio", "--mode", "custom_weight", "--weights", f"{first['run_id']}=1")
    report = verify(tmp_path)
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("sweep", "--grid", "ma_bars"), "--grid NAME=VALUE"),
        (("sweep", "--grid", "ma_bars=1:2:3:4"), "LOW:HIGH:STEP"),
        (("sweep", "--grid", "ma_bars=5", "--grid", "ma_bars=6"), "--grid ma_bars once"),
        (("run", "--param", "rsi_buy_mix=5"), "found rsi_buy_mix"),
        (("run", "--param", "5"), "--param NAME=VALUE"),
        (("portfolio", "--weights", "x"), "RUN_ID=0.6"),
    ],
)
def test_flags_that_cannot_be_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str) -> None:
    research_lake(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--workspace", str(tmp_path), "--json"])
    assert ended.value.code == TallystickError.exit_code + 1
    assert says in json.loads(capsys.readouterr().out)["error"]["message"]
