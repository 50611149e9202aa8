"""`runs leaks` over finished runs and configurations: strategies of users that cheat are caught, the house's own are clean."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.fakes.research_market import NOW_NS, START_NS, book_of, walk_panel

from tallystick.apps.cli.main import run_command
from tallystick.apps.leaks import leaks_of_config, leaks_of_run
from tallystick.apps.research_runs import research_run
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.seal import break_seal, seal_folder
from tallystick.artifacts.store import write_artifact
from tallystick.contracts.checking import check
from tallystick.contracts.errors import ArtifactError, ConfigurationError
from tallystick.contracts.pool import INDEX_COLUMNS
from tallystick.contracts.registry import contract
from tallystick.contracts.tables import table_bytes
from tallystick.contracts.time import NS_PER_DAY, date_from_ns
from tallystick.market.bars import BarPanel
from tallystick.market.lake import Lake
from tallystick.research import strategies

PANEL = walk_panel(3, 420, seed=5)
FAST = {"ma_bars": 5, "rsi_bars": 3, "fee": 0.0005}


def stored(place: Path, panel: BarPanel) -> Workspace:
    workspace = Workspace(place)
    lake = Lake(workspace)
    lake.write(panel, calendar="crypto_24_7", source="test")
    lake.write_instruments(book_of(panel).rows)
    return workspace


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return stored(tmp_path, PANEL)


def with_strategy(monkeypatch: pytest.MonkeyPatch, targets: Any) -> None:
    """The built-in strategy with other targets, as a user's would be."""
    own = strategies.STRATEGIES[strategies.DEFAULT_STRATEGY]
    monkeypatch.setattr(strategies, "STRATEGIES", {own.name: replace(own, targets=targets)})


def peeking(features: np.ndarray, parameters: Any) -> np.ndarray:
    """Long when the close will be further above its mean two bars from now."""
    ratio = features[:, 0]
    later = np.full_like(ratio, np.nan)
    later[:, :-2] = ratio[:, 2:]
    return np.where(later > ratio, 1.0, 0.0)


def standardised(features: np.ndarray, parameters: Any) -> np.ndarray:
    """Long when the ratio is above its own mean, of all bars."""
    ratio = features[:, 0]
    return np.where(ratio > np.nanmean(ratio, axis=1, keepdims=True), 1.0, 0.0)


def test_run_of_the_house_is_clean_and_remade(place: Workspace) -> None:
    result = research_run(place, FAST, now_ns=NOW_NS)
    steps: list[tuple[str, str]] = []
    report = leaks_of_run(place, result.run_id, on_step=lambda name, status: steps.append((name, status)))
    check(contract("runs.leak_report"), report)
    assert (report.status, report.leaks, report.is_remade) == ("clean", (), True)
    assert {item.kind for item in report.not_tested} == {"future_label"}
    assert [name for name, status in steps if status == "ok"] == ["future", "fills", "symbols", "members", "labels", "warm-up"]


@pytest.mark.parametrize(("targets", "kind"), [(peeking, "future_shift"), (standardised, "whole_sample")])
def test_strategy_of_a_user_that_cheats_is_caught_with_numbers(place: Workspace, monkeypatch: pytest.MonkeyPatch, targets: Any, kind: str) -> None:
    with_strategy(monkeypatch, targets)
    result = research_run(place, FAST, now_ns=NOW_NS)
    (leak,) = leaks_of_run(place, result.run_id).leaks
    assert (leak.kind, leak.where, leak.line) == (kind, "decisions", "summary.total_return")
    assert leak.reported is not None
    assert leak.without is not None
    assert leak.reported > leak.without
    assert leak.first_at is not None


def test_leak_ends_with_exit_code_5_and_one_document(place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with_strategy(monkeypatch, peeking)
    result = research_run(place, FAST, now_ns=NOW_NS)
    assert run_command(["runs", "leaks", result.run_id, "--workspace", str(place.root), "--json"]) == 5
    document = json.loads(capsys.readouterr().out)
    assert document["status"] == "leaking"
    assert document["leaks"][0]["reach_bars"] == 2
    assert run_command(["runs", "leaks", result.run_id, "--workspace", str(place.root)]) == 5
    shown = capsys.readouterr().out
    assert "future_shift" in shown
    assert "summary.total_return" in shown
    assert "it reads 2 bars ahead" in shown


def test_configuration_is_tested_before_it_is_run(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    settings = place.root / "first.yaml"
    settings.write_text("ticker: BTCUSDT,ETHUSDT\nstrategy_params: {ma_bars: 5, rsi_bars: 3}\n")
    assert run_command(["runs", "leaks", "--config", str(settings), "--workspace", str(place.root)]) == 0
    assert "No leak found" in capsys.readouterr().out
    assert not place.root.joinpath("outputs").exists()


def test_one_of_run_and_configuration_is_asked_for(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["runs", "leaks", "--workspace", str(place.root)]) == 2
    assert run_command(["runs", "leaks", "RUN", "--config", "x.yaml", "--workspace", str(place.root)]) == 2
    assert "expected a run's id or --config" in capsys.readouterr().err


def test_list_of_exactly_the_survivors_is_caught(tmp_path: Path) -> None:
    gone = np.where(np.arange(PANEL.bars) >= 260, np.nan, 1.0) * np.array([[1.0], [1.0], [np.nan]])
    keep = np.where(np.isnan(gone) & (np.arange(3)[:, None] == 2) & (np.arange(PANEL.bars) >= 260), np.nan, 1.0)
    died = replace(PANEL, **{name: getattr(PANEL, name) * keep for name in ("open", "high", "low", "close", "volume", "quote_volume")})
    place = stored(tmp_path, died)
    (leak,) = leaks_of_config(place, {**FAST, "ticker": ",".join(PANEL.symbols[:2])}, None).leaks
    assert (leak.kind, leak.line) == ("todays_universe", "benchmark.total_return")
    assert PANEL.symbols[2] in leak.says
    assert leak.reported is not None
    assert leak.reported != leak.without
    assert not leaks_of_config(place, {**FAST, "ticker": PANEL.symbols[0]}, None).leaks
    assert not leaks_of_config(place, FAST, None).leaks


def test_pool_made_after_the_start_is_caught_by_its_version(place: Workspace) -> None:
    result = research_run(place, FAST, now_ns=NOW_NS)
    (leak,) = _with_version(place, result.run_id, "2024-01-09-core_major").leaks
    assert (leak.kind, leak.where) == ("todays_universe", "list of symbols")
    assert "2024-01-10" in leak.says
    assert not _with_version(place, result.run_id, "2023-12-30-core_major").leaks


def _with_version(place: Workspace, run_id: str, version: str) -> Any:
    """The run as if a pool of that version had named its symbols."""
    path = place.path("runs.config", run_id=run_id)
    text = path.read_text()
    config = json.loads(text)
    break_seal(path.parent)
    path.write_text(json.dumps({**config, "universe_version": version}, sort_keys=True))
    seal_folder(path.parent)
    return leaks_of_run(place, run_id)


def test_damaged_run_is_refused(place: Workspace) -> None:
    result = research_run(place, FAST, now_ns=NOW_NS)
    result.folder.joinpath("config.json").write_bytes(b"{}")
    with pytest.raises(ArtifactError, match="as it was sealed"):
        leaks_of_run(place, result.run_id)
    with pytest.raises(ArtifactError):
        leaks_of_run(place, "20200101_000000_run_0000000")


def test_search_is_tested_with_the_parameters_that_it_found_best(place: Workspace) -> None:
    result = research_run(place, FAST, now_ns=NOW_NS)
    path = place.path("runs.report", run_id=result.run_id)
    report = json.loads(path.read_text())
    _rewritten(path, {**report, "machine_contract": {**report["machine_contract"], "best_result": {"params": {"ma_bars": 5.0}}}})
    assert leaks_of_run(place, result.run_id).is_remade is True
    _rewritten(path, {**report, "machine_contract": {**report["machine_contract"], "best_result": {"params": {"ma_bars": 9.0}}}})
    assert leaks_of_run(place, result.run_id).is_remade is False


def _rewritten(path: Path, document: Any) -> None:
    break_seal(path.parent)
    path.write_text(json.dumps(document))
    seal_folder(path.parent)


def test_portfolio_decides_nothing_and_is_refused(place: Workspace) -> None:
    result = research_run(place, FAST, now_ns=NOW_NS)
    path = place.path("runs.report", run_id=result.run_id)
    report = json.loads(path.read_text())
    block = {**report["machine_contract"], "mode": "portfolio", "command": "portfolio", "contract_type": "quantlab.portfolio.result"}
    _rewritten(path, {**report, "header": {**report["header"], "mode": "portfolio"}, "machine_contract": block})
    with pytest.raises(ConfigurationError, match="found a portfolio"):
        leaks_of_run(place, result.run_id)


def test_run_on_the_pool_of_the_time_is_made_again_and_clean(tmp_path: Path) -> None:
    panel = walk_panel(4, 700, seed=11)
    place = stored(tmp_path, panel)
    rows = [release_row(5, ("ETHUSDT", "ADAUSDT")), release_row(12, ("BTCUSDT", "PEPEUSDT"))]
    write_artifact(contract("universe.release_index"), place.path("universe.release_index"), table_bytes(INDEX_COLUMNS, rows))
    result = research_run(place, {**FAST, "pool_from": "history"}, now_ns=NOW_NS)
    report = leaks_of_run(place, result.run_id)
    assert (report.status, report.is_remade) == ("clean", True)
    assert result.report.universe_source == "live_pool"


def release_row(day: int, symbols: tuple[str, ...]) -> dict[str, object]:
    """A row of the release index: a release that became active so many days after the start of the panel."""
    as_of = date_from_ns(START_NS + (day - 1) * NS_PER_DAY)
    version = f"{as_of}-core_major"
    files = {name: f"{version}/{name.removesuffix('_path')}.json" for name in ("live_pool_path", "live_pool_legacy_path", "release_manifest_path")}
    facts = {"version": version, "as_of_date": as_of, "activation_date": date_from_ns(START_NS + day * NS_PER_DAY), "mode": "core_major"}
    pool = {"source_project": "crypto-live-pool-pipelines", "pool_size": len(symbols), "symbols": "|".join(symbols)}
    return {**dict.fromkeys(INDEX_COLUMNS), **facts, **pool, **files}
