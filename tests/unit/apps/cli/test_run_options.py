"""One set of flags for every command that tests a strategy: typed, bounded, free of contradictions; and commands that make their run again."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.quickstart_workspace import Answer, call
from tests.fakes.research_lake import GRID, live_pool, research_lake

from tallystick.artifacts.paths import Workspace

NOW = "2025-07-01T00:00:00Z"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return research_lake(tmp_path)


def ask(place: Workspace, *arguments: str) -> Answer:
    return call(*arguments, "--workspace", place.root, "--json")


def report_of(place: Workspace, answer: Answer) -> dict[str, Any]:
    assert answer.code == 0, answer.out + answer.err
    found: dict[str, Any] = json.loads(place.root.joinpath(answer.document["artifacts_path"], "report.json").read_bytes())
    return found


def again(place: Workspace, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """The command that a report names, as its reader would run it: in the workspace."""
    monkeypatch.chdir(place.root)
    return ask(place, *shlex.split(report_of(place, answer)["reproduce"]["command"])[1:])


SETTINGS = ("--fee", "0.0005", "--funding-rate", "-0.0001", "--volume-share", "0.1", "--liquidation-fee", "0.01", "--leverage", "2", "--spread-bps", "1")


@pytest.mark.clause("D3.08")
@pytest.mark.parametrize("command", [("run",), ("sweep", "--grid", "ma_bars=5,10"), ("walkforward", "--grid", "ma_bars=5,10", "--start", "2024-01-06")])
def test_every_command_takes_every_cost_and_resolves_it(place: Workspace, command: tuple[str, ...]) -> None:
    config = report_of(place, ask(place, *command, *SETTINGS, "--slippage-mode", "atr", "--k-atr", "0.1", "--now", NOW))["config_resolved"]
    names = ("fee", "funding_rate", "volume_share", "liquidation_fee", "leverage", "spread_bps", "slippage_mode", "k_atr")
    assert [config[name] for name in names] == [0.0005, -0.0001, 0.1, 0.01, 2, 1, "atr", 0.1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "--strategy", "ma_cross", "--rsi-buy-max", "50"), "of ma_cross, found rsi_buy_max"),
        (("run", "--ma-bars", "10", "--param", "ma_bars=20"), "one value of ma_bars, found 10.0 and 20"),
        (("run", "--strategy", "ma_cross", "--param", "shorts=maybe"), "expected shorts as a number"),
        (("run", "--strategy", "ma_cross", "--param", "fast_bars=5000"), "fast_bars from 2 to 1000, whole, found 5000"),
        (("run", "--models", "any"), "models with the strategy model_forecast only"),
        (("run", "--in-sample"), "in_sample with the strategy model_forecast only"),
        (("sweep", "--grid", "ma_bars=5,10", "--model", "a/b"), "model with the strategy model_forecast only"),
        (("run", "--ticker", "BTCUSDT", "--pool-version", "v"), "--ticker or --pool-version, found both"),
        (("run", "--pool-from", "history", "--pool-version", "v"), "one of --ticker, --pool-version and --pool-from"),
        (("run", "--funding-rate", "1"), "funding_rate from -0.1 to 0.1"),
    ],
)
def test_flags_that_contradict_themselves_are_one_sentence(place: Workspace, arguments: tuple[str, ...], says: str) -> None:
    refused = ask(place, *arguments)
    assert refused.code == 2
    assert says in refused.error["message"]
    assert not place.root.joinpath("outputs").exists()


def test_truths_of_a_strategy_are_typed(place: Workspace) -> None:
    config = report_of(place, ask(place, "run", "--strategy", "ma_cross", "--param", "shorts=true", "--param", "fast-bars=5", "--now", NOW))["config_resolved"]
    assert (config["strategy_params"]["shorts"], config["strategy_params"]["fast_bars"]) == (1, 5)


def test_catalogue_names_type_default_and_bounds() -> None:
    answer = call("strategies", "list", "--json")
    bounds = {row["name"]: row["bounds"] for row in answer.document["strategies"]}
    assert bounds["ma_cross"][0] == {"name": "fast_bars", "type": "int", "default": 10, "low": 2, "high": 1000}


@pytest.mark.parametrize("asked", [(), ("--ticker", "BTCUSDT,ADAUSDT")])
def test_command_of_a_run_makes_the_same_folder_again(place: Workspace, monkeypatch: pytest.MonkeyPatch, asked: tuple[str, ...]) -> None:
    first = ask(place, "run", *asked, *SETTINGS, "--param", "ma_bars=10", "--start", "2024-01-03", "--now", NOW)
    other = again(place, first, monkeypatch)
    assert (other.document["run_id"], other.document["sha256"]) == (first.document["run_id"], first.document["sha256"])


@pytest.mark.clause("D3.10")
@pytest.mark.parametrize("chosen_on", ["2024-01-02", "2024-01-20"])
def test_decision_44_command_of_a_run_on_the_live_pool_names_the_pool_and_no_other_is_taken(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, chosen_on: str
) -> None:
    live_pool(place, chosen_on)
    first = ask(place, "run", "--start", "2024-01-05", "--now", NOW)
    assert report_of(place, first)["universe_source"] == ("live_pool" if chosen_on == "2024-01-02" else "static")
    other = again(place, first, monkeypatch)
    assert (other.document["run_id"], other.document["sha256"]) == (first.document["run_id"], first.document["sha256"])
    swept = ask(place, "sweep", "--grid", "ma_bars=5,10", "--start", "2024-01-05", "--now", NOW)
    repeated = again(place, swept, monkeypatch)
    configs = [place.root.joinpath(item.document["artifacts_path"], "config.json").read_bytes() for item in (swept, repeated)]
    assert configs[0] == configs[1]
    live_pool(place, "2024-01-21")
    refused = again(place, first, monkeypatch)
    assert (refused.code, refused.error["code"]) == (3, "DATA_ERROR")
    assert f"expected the live pool {chosen_on}-core_major, found 2024-01-21-core_major" in refused.error["message"]


def test_commands_of_a_forward_run_and_a_portfolio_make_them_again(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = ask(place, "sweep", *[part for name, values in GRID.items() for part in ("--grid", f"{name}={','.join(map(str, values))}")], "--end", "2024-01-15")
    forward = ask(place, "forward", "--from", swept.document["run_id"], "--start", "2024-01-17", "--initial-cash", "777", "--end", "2024-01-25", "--now", NOW)
    joined = ask(place, "portfolio", "--rank-metric", "sharpe_simple", "--now", NOW)
    for first in (forward, joined):
        other = again(place, first, monkeypatch)
        assert (other.document["run_id"], other.document["sha256"]) == (first.document["run_id"], first.document["sha256"])
