"""A run from bars to a sealed folder: documents, determinism, and honest refusals."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.fakes.research_market import CODE, NOW_NS, START_NS, book_of, walk_panel

from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.seal import check_seal
from tallystick.artifacts.store import read_artifact
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.instruments import Instruments
from tallystick.contracts.registry import contract
from tallystick.contracts.run_documents import LEGACY_NAMES
from tallystick.contracts.time import NS_PER_HOUR
from tallystick.market.instruments import InstrumentBook
from tallystick.research.run import RunResult, data_sha256, run
from tallystick.research.run_config import RunConfig

PANEL = walk_panel(3, 400, seed=5)


def start(place: Path, config: RunConfig | None = None, **more: Any) -> RunResult:
    return run(Workspace(place), PANEL, book_of(PANEL), config or RunConfig(fee=0.0005), **{"now_ns": NOW_NS, "code_version": CODE, **more})


def document(result: RunResult, name: str) -> Any:
    return json.loads(result.folder.joinpath(name).read_bytes())


def tree(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.clause("D3.01", "D3.05", "D3.06", "D3.07", "D3.08", "D3.09", "D3.10", "D3.11")
def test_run_folder_holds_the_canonical_files_and_each_keeps_its_contract(tmp_path: Path) -> None:
    result = start(tmp_path, request_id="req-1", config_path="first.yaml")
    assert result.folder == tmp_path / "outputs" / "runs" / result.run_id
    held = set(tree(result.folder))
    assert {"metadata.json", "config.json", "metrics.json", "report.json"} <= held
    pages = {"run_report.md", "report.html"}
    assert held == {"metadata.json", "config.json", "metrics.json", "report.json", *pages, "trades.csv", "artifacts/equity.csv", "SHA256SUMS"}
    report = verify(tmp_path)
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())
    metadata = document(result, "metadata.json")
    assert (metadata["request_id"], metadata["config_path"], metadata["created_at"]) == ("req-1", "first.yaml", "2025-07-01T12:00:00Z")
    assert result.run_id.startswith("20250701_120000_run_")
    assert hashlib.sha256(result.folder.joinpath("config.json").read_bytes()).hexdigest() == metadata["config_hash"]


@pytest.mark.clause("D3.12", "D3.13", "D3.14", "D3.18")
def test_machine_contract_is_the_source_of_the_summary(tmp_path: Path) -> None:
    result = start(tmp_path)
    report = document(result, "report.json")
    block = report["machine_contract"]
    assert (block["contract_type"], block["command"], block["mode"], block["status"]) == ("quantlab.run.result", "run", "run", "success")
    assert report["summary"] == block["summary"] == document(result, "metrics.json")["summary"] == dict(result.summary)
    assert all((tmp_path / path).exists() for path in block["artifacts"].values())
    assert block["artifacts"]["report_path"] == result.report_path


@pytest.mark.clause("D3.06", "D3.10")
def test_report_lists_the_other_files_with_their_hashes(tmp_path: Path) -> None:
    result = start(tmp_path)
    files = tree(result.folder)
    listed = {entry["file_name"]: entry["sha256"] for entry in document(result, "report.json")["artifacts"]}
    assert listed == {name: files[name] for name in ("artifacts/equity.csv", "config.json", "metadata.json", "metrics.json", "trades.csv")}


@pytest.mark.clause("D3.06")
def test_readers_cope_without_the_further_files(tmp_path: Path) -> None:
    result = start(tmp_path)
    for name in ("run_report.md", "trades.csv", "artifacts/equity.csv"):
        result.folder.joinpath(name).unlink()
    for name in ("metadata", "config", "metrics", "report"):
        read_artifact(contract(f"runs.{name}"), Workspace(tmp_path).path(f"runs.{name}", run_id=result.run_id))


@pytest.mark.clause("D3.40")
def test_legacy_names_are_never_written(tmp_path: Path) -> None:
    start(tmp_path)
    assert not [name for name in tree(tmp_path) if name.rsplit("/", 1)[-1] in LEGACY_NAMES]


def test_same_now_gives_the_same_bytes_in_two_workspaces(tmp_path: Path) -> None:
    for name in ("one", "two"):
        start(tmp_path / name)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_repeated_command_is_answered_by_the_same_folder(tmp_path: Path) -> None:
    first, again = start(tmp_path), start(tmp_path)
    assert (first.is_new, again.is_new) == (True, False)
    assert (again.run_id, again.seal_sha256) == (first.run_id, first.seal_sha256)


def test_another_run_of_the_same_second_and_configuration_takes_the_next_name(tmp_path: Path) -> None:
    first, other = start(tmp_path), start(tmp_path, request_id="another")
    third = start(tmp_path, request_id="a third")
    assert [other.run_id, third.run_id] == [f"{first.run_id}_2", f"{first.run_id}_3"]
    assert start(tmp_path, request_id="another").run_id == other.run_id
    assert not check_seal(other.folder)


def test_trades_and_equity_agree_with_the_report(tmp_path: Path) -> None:
    result = start(tmp_path)
    report = document(result, "report.json")
    rows = result.folder.joinpath("trades.csv").read_text().splitlines()[1:]
    equity = [line.split(",") for line in result.folder.joinpath("artifacts/equity.csv").read_text().splitlines()[1:]]
    assert len(rows) == report["costs"]["fills"] > 10
    assert float(equity[-1][1]) / 10_000 - 1 == pytest.approx(report["summary"]["total_return"], abs=1e-12)
    assert equity[-1][2] == rows[-1].split(",")[7]
    assert report["summary"]["trades"] == sum(float(row.split(",")[8]) == 0 for row in rows)
    assert sum(float(row.split(",")[6]) for row in rows) == pytest.approx(float(report["costs"]["fees"]))


def test_decision_35_annualised_by_the_calendar_and_said_so(tmp_path: Path) -> None:
    crypto = document(start(tmp_path), "report.json")["annualisation"]
    assert (crypto["bars_per_year"], crypto["calendar"]) == (8760, "crypto_24_7")
    equities = InstrumentBook(row.model_copy(update={"calendar": "us_equities"}) for row in book_of(PANEL).rows)
    other = run(Workspace(tmp_path), PANEL, equities, RunConfig(fee=0.0005), now_ns=NOW_NS + 10**9, code_version=CODE)
    assert document(other, "report.json")["annualisation"]["bars_per_year"] == 252 * 7


def test_decision_44_hand_made_list_is_recorded_as_static(tmp_path: Path) -> None:
    report = document(start(tmp_path, RunConfig(symbols=("BTCUSDT",))), "report.json")
    assert (report["universe_source"], report["config_resolved"]["ticker"]) == ("static", "BTCUSDT")
    pooled = document(start(tmp_path, universe_source="live_pool", universe_version="2024-01-01-core_major"), "report.json")
    assert (pooled["universe_source"], pooled["universe_version"]) == ("live_pool", "2024-01-01-core_major")


def test_figure_that_does_not_exist_is_null(tmp_path: Path) -> None:
    flat = replace(PANEL, **{name: np.full_like(PANEL.close, 100.0) for name in ("open", "high", "low", "close")})
    result = run(Workspace(tmp_path), flat, book_of(flat), RunConfig(), now_ns=NOW_NS, code_version=CODE)
    assert dict(result.summary) == {"total_return": 0.0, "sharpe_simple": None, "max_drawdown": 0.0, "trades": 0, "win_rate": None}


def test_bars_before_the_period_warm_the_features_and_are_not_traded(tmp_path: Path) -> None:
    begin = START_NS + 290 * NS_PER_HOUR
    result = start(tmp_path, RunConfig(start_ns=begin, fee=0.0005))
    first = result.folder.joinpath("trades.csv").read_text().splitlines()[1].split(",")[0]
    assert document(result, "config.json")["start"] == "2024-01-13T02:00:00Z" < first
    cold = run(Workspace(tmp_path), PANEL.between(begin, PANEL.end_ns), book_of(PANEL), RunConfig(fee=0.0005), now_ns=NOW_NS + 10**9, code_version=CODE)
    assert document(cold, "report.json")["costs"]["fills"] < document(result, "report.json")["costs"]["fills"]


def test_reproduce_block_names_the_data_and_every_flag(tmp_path: Path) -> None:
    result = start(tmp_path, coverage_sha256="c0" * 32)
    block = document(result, "report.json")["reproduce"]
    assert block["data_sha256"] == data_sha256(PANEL)
    assert block["coverage"] == [{"venue": "testing", "interval_minutes": 60, "sha256": "c0" * 32}]
    assert "--fee 0.0005" in block["command"]
    assert "--now 2025-07-01T12:00:00Z" in block["command"]
    changed = replace(PANEL, volume=PANEL.volume * 2)
    assert data_sha256(changed) != data_sha256(PANEL)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"strategy": "buy_the_dip"}, "expected one of the strategies"),
        ({"parameters": {"rsi": 3.0}}, "found rsi"),
        ({"parameters": {"rsi_buy_max": 101.0}}, "rsi_buy_max from 0 to 100"),
        ({"parameters": {"ma_bars": 20.5}}, "ma_bars"),
        ({"fee": -0.1}, "fee from"),
        ({"fee": float("nan")}, "fee from"),
        ({"initial_cash": 0.0}, "initial_cash"),
        ({"slippage_mode": "random"}, "fixed or atr"),
        ({"symbols": ("A", "A")}, "each symbol once"),
        ({"start_ns": 2, "end_ns": 1}, "start before end"),
    ],
)
def test_request_that_cannot_be_is_refused_by_name(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        RunConfig(**wrong)


def test_refusals_leave_no_trace(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least 100 bars"):
        start(tmp_path, RunConfig(end_ns=START_NS + 50 * NS_PER_HOUR))
    with pytest.raises(DataError, match="expected a symbol of the panel"):
        start(tmp_path, RunConfig(symbols=("DOGEUSDT",)))
    empty = replace(PANEL, close=np.where(np.arange(3)[:, None] == 1, np.nan, PANEL.close))
    with pytest.raises(DataError, match="expected bars of BTCUSDT"):
        run(Workspace(tmp_path), empty, book_of(PANEL), RunConfig(), now_ns=NOW_NS, code_version=CODE)
    mixed = InstrumentBook(row.model_copy(update={"calendar": "us_equities"} if row.base == "BTC" else {}) for row in book_of(PANEL).rows)
    with pytest.raises(ConfigurationError, match="one calendar"):
        run(Workspace(tmp_path), PANEL, mixed, RunConfig(), now_ns=NOW_NS, code_version=CODE)
    assert tree(tmp_path) == {}


def test_change_of_lot_inside_the_period_is_refused(tmp_path: Path) -> None:
    (row,) = [item for item in book_of(PANEL).rows if item.base == "BTC"]
    middle = "2024-01-05T00:00:00Z"
    rows = [row.model_copy(update={"effective_to": middle}), row.model_copy(update={"effective_from": middle, "lot": "0.1"})]
    with pytest.raises(DataError, match="one tick and lot of BTCUSDT"):
        run(Workspace(tmp_path), PANEL, InstrumentBook(rows), RunConfig(symbols=("BTCUSDT",)), now_ns=NOW_NS, code_version=CODE)
    assert Instruments(instruments=tuple(rows))


def test_atr_slippage_costs_within_its_bounds(tmp_path: Path) -> None:
    report = document(start(tmp_path, RunConfig(slippage_mode="atr", k_atr=0.1)), "report.json")
    share = float(report["costs"]["spread_and_slippage"]) / float(report["costs"]["traded_notional"])
    assert 0.0002 <= share <= 0.0031


def test_full_disk_leaves_nothing_and_the_rerun_finishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tallystick.artifacts import run_index

    calls = []

    def full(path: Path, data: bytes) -> str:
        calls.append(path)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        return real(path, data)

    real = run_index.write_atomic_bytes
    monkeypatch.setattr(run_index, "write_atomic_bytes", full)
    with pytest.raises(OSError, match="No space"):
        start(tmp_path)
    runs = tmp_path / "outputs" / "runs"
    assert not list(runs.iterdir())
    monkeypatch.undo()
    result = start(tmp_path)
    assert not check_seal(result.folder)
    assert not (tmp_path / "outputs" / ".staging").exists()
    shutil.rmtree(tmp_path)
