from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.fakes.daily_bars import book_of, daily_panel
from tests.fakes.real_daily_bars import hourly_as_daily
from tests.fakes.shared_data import shared_data

from tallystick.analysis.features import compute_history
from tallystick.artifacts.checksum import sha256_file
from tallystick.artifacts.paths import Workspace, get_output_dir
from tallystick.artifacts.seal import check_seal
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.errors import DataError
from tallystick.contracts.pool import LatestRanking
from tallystick.contracts.registry import contract
from tallystick.contracts.tables import table_document
from tallystick.contracts.time import NS_PER_DAY, date_from_ns
from tallystick.market.bars import BarPanel
from tallystick.market.generator import generate
from tallystick.market.instruments import InstrumentBook
from tallystick.universe.config import UniverseConfig
from tallystick.universe.eligibility import UniverseJudge
from tallystick.universe.features import FeatureHistory
from tallystick.universe.release import Release, build_release
from tallystick.universe.validation import validate_release

PANEL = daily_panel()
AS_OF = date_from_ns(PANEL.end_ns - 1)
NOW = PANEL.end_ns + 300_000_000_000
FILES = ("artifact_manifest.json", "build_report.json", "latest_ranking.csv", "latest_universe.json", "live_pool.json", "live_pool_legacy.json", "SHA256SUMS")


def build(root: Path, panel: BarPanel = PANEL, config: UniverseConfig | None = None, **options: object) -> Release:
    arguments = {"as_of": date_from_ns(panel.end_ns - 1), "mode": "core_major", "now_ns": NOW, **options}
    return build_release(Workspace(root), panel, book_of(panel), config or UniverseConfig(), **arguments)  # type: ignore[arg-type]


def document(root: Path, name: str) -> dict[str, object]:
    return json.loads((get_output_dir(Workspace(root)) / name).read_bytes())


@pytest.mark.clause("D5.09", "D5.10", "D5.11", "D5.13", "D5.19", "D5.22")
def test_writes_the_five_files_with_checksums_in_the_manifest(tmp_path: Path) -> None:
    release = build(tmp_path, coverage_sha256="ab" * 32)
    folder = get_output_dir(Workspace(tmp_path))
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    manifest = document(tmp_path, "artifact_manifest.json")
    for name, entry in manifest["artifacts"].items():  # type: ignore[attr-defined]
        assert sha256_file(folder / entry["path"]) == entry["sha256"], name
    assert manifest["symbols"] == list(release.symbols) == document(tmp_path, "live_pool.json")["symbols"]
    assert manifest["symbol_count"] == 5
    assert manifest["coverage_sha256"] == "ab" * 32
    assert manifest["build_report_sha256"] == sha256_file(folder / "build_report.json")
    assert manifest["generated_at"] == "2025-06-19T00:05:00+00:00"
    assert release.version == f"{AS_OF}-core_major"
    assert check_seal(folder) == []
    assert validate_release(folder, now_ns=NOW).errors == []


@pytest.mark.clause("D5.23")
def test_decision_56_the_official_order_survives_sorted_keys(tmp_path: Path) -> None:
    release = build(tmp_path)
    assert list(release.symbols) != sorted(release.symbols)
    for name in ("live_pool.json", "live_pool_legacy.json"):
        assert list(document(tmp_path, name)["symbol_map"]) == list(release.symbols)  # type: ignore[call-overload]
    assert list(document(tmp_path, "live_pool_legacy.json")["symbols"]) == list(release.symbols)  # type: ignore[call-overload]
    pool = read_artifact(contract("universe.live_pool"), get_output_dir(Workspace(tmp_path)) / "live_pool.json")
    assert tuple(pool.symbol_map) == pool.symbols == release.symbols


@pytest.mark.clause("D5.18", "D5.20")
def test_decision_6_the_legacy_payload_is_still_written_with_equal_content(tmp_path: Path) -> None:
    build(tmp_path)
    pool, legacy = document(tmp_path, "live_pool.json"), document(tmp_path, "live_pool_legacy.json")
    assert legacy["symbols"] == legacy["symbol_map"] == pool["symbol_map"]
    assert pool["source_project"] == legacy["source_project"] == "crypto-live-pool-pipelines"


@pytest.mark.clause("D5.26")
def test_decision_65_selection_meta_is_written_only_when_asked_for(tmp_path: Path) -> None:
    release = build(tmp_path)
    assert "selection_meta" not in document(tmp_path, "live_pool.json")
    build(tmp_path, selection_meta=True)
    assert set(document(tmp_path, "live_pool.json")["selection_meta"]) == set(release.symbols)  # type: ignore[call-overload]


def test_decision_69_two_fresh_workspaces_are_equal_to_the_byte(tmp_path: Path) -> None:
    shuffled = PANEL.select(tuple(reversed(PANEL.symbols)))
    build(tmp_path / "a")
    build(tmp_path / "b", shuffled)
    for name in FILES:
        first, second = ((get_output_dir(Workspace(tmp_path / root)) / name).read_bytes() for root in ("a", "b"))
        assert first == second, name


def test_only_the_clock_field_follows_the_clock(tmp_path: Path) -> None:
    first = build(tmp_path)
    second = build(tmp_path, now_ns=NOW + NS_PER_DAY)
    assert first.checksums == second.checksums
    assert first.manifest_sha256 != second.manifest_sha256


def test_too_few_eligible_names_are_refused_and_the_last_release_stands(tmp_path: Path) -> None:
    build(tmp_path)
    folder = get_output_dir(Workspace(tmp_path))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    poor = daily_panel(turnover=dict.fromkeys(PANEL.symbols[:6], 1000000.0))
    with pytest.raises(DataError, match="expected at least 5 eligible names for core_major on 2025-06-18, found 3 of 9") as caught:
        build(tmp_path, poor)
    assert "avg_quote_vol_30" in caught.value.hint
    with pytest.raises(DataError, match="found 0 of 9"):
        build(tmp_path, daily_panel(days=3), UniverseConfig(allow_smaller_pool=True), mode="broad_liquid")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_smaller_pool_is_published_only_when_the_settings_allow_it(tmp_path: Path) -> None:
    poor = daily_panel(turnover=dict.fromkeys(PANEL.symbols[:6], 1000000.0))
    release = build(tmp_path, poor, UniverseConfig(allow_smaller_pool=True))
    assert len(release.symbols) == 3
    assert document(tmp_path, "live_pool.json")["pool_size"] == 3
    assert validate_release(get_output_dir(Workspace(tmp_path)), now_ns=NOW).errors == ["live_pool.json: expected pool_size 5, found 3"]


@pytest.mark.clause("D5.17")
def test_named_symbols_replace_the_best_of_the_ranking_if_they_are_eligible(tmp_path: Path) -> None:
    release = build(tmp_path, config=UniverseConfig(named_symbols=("XRPUSDT", "ADAUSDT")))
    assert release.symbols == ("XRPUSDT", "ADAUSDT")
    assert validate_release(get_output_dir(Workspace(tmp_path)), now_ns=NOW, expected_pool_size=2).errors == []
    with pytest.raises(DataError, match="found BTCUSDT"):
        build(tmp_path, config=UniverseConfig(named_symbols=("BTCUSDT", "ADAUSDT")))


def test_a_panel_without_the_benchmark_says_so(tmp_path: Path) -> None:
    panel = PANEL.select([name for name in PANEL.symbols if name != "BTCUSDT"])
    report = build(tmp_path, panel).report
    assert report["benchmark_present"] is False
    assert "BTCUSDT has no bar" in str(report["benchmark_note"])
    assert report["regime"] == "unknown"


def test_the_report_accounts_for_every_candidate(tmp_path: Path) -> None:
    report = build(tmp_path, quote_volume_estimated=("ETHUSDT", "ZZZUSDT")).report
    assert report["candidates"] == 9
    assert report["universe_size"] == 8
    assert [row["symbol"] for row in report["refused"]] == ["BTCUSDT"]  # type: ignore[attr-defined]
    assert report["quote_volume_estimated"] == ["ETHUSDT"]
    assert report["weights"] == {"rule": 1.0}


def test_features_do_not_depend_on_where_the_history_begins() -> None:
    members = ("ADAUSDT", "ETHUSDT")
    rows = [PANEL.row(name) for name in members]
    found = FeatureHistory(UniverseJudge(PANEL, book_of(PANEL), UniverseConfig()), [PANEL.bars - 1]).day(PANEL.bars - 1, rows)
    whole = compute_history(PANEL.select(members), ("share_above_sma_90_200", "sma_slope_200_20"))[:, :, -1]
    np.testing.assert_array_equal(found.by_name["trend_persist_90"], whole[:, 0])
    np.testing.assert_array_equal(found.by_name["ma200_slope"], whole[:, 1])


def test_the_ranking_is_complete_and_its_first_names_are_the_pool(tmp_path: Path) -> None:
    release = build(tmp_path)
    data = (get_output_dir(Workspace(tmp_path)) / "latest_ranking.csv").read_bytes()
    rows: list[dict[str, object]] = table_document(LatestRanking, data)["rows"]  # type: ignore[assignment]
    assert tuple(row["symbol"] for row in rows if row["selected_flag"]) == release.symbols == tuple(row["symbol"] for row in rows[:5])
    assert len(rows) == 8


def test_a_generated_market_keeps_its_delisted_names_with_their_dates(tmp_path: Path) -> None:
    market = generate(seed=7)
    panel = market.panel.resampled(1440)
    release = build_release(
        Workspace(tmp_path), panel, InstrumentBook(market.instruments), UniverseConfig(), date_from_ns(panel.end_ns - 1), "core_major", panel.end_ns
    )
    delisted = {symbol: life.delisted for symbol, life in market.truth.lives.items() if life.delisted is not None}
    refused = {row["symbol"]: row for row in release.report["refused"]}  # type: ignore[attr-defined]
    assert len(delisted) == 2
    for symbol, moment in delisted.items():
        assert refused[symbol]["reason"] == "delisted"
        assert refused[symbol]["found"] == moment[:10]
    assert len(release.symbols) == 5


@pytest.mark.clause("D5.12")
def test_real_bars_give_a_valid_release(tmp_path: Path) -> None:
    panel = hourly_as_daily(shared_data())
    release = build_release(Workspace(tmp_path), panel, book_of(panel), UniverseConfig(), "2025-06-19", "core_major", NOW + NS_PER_DAY)
    assert release.symbols == ("TRXUSDT", "BCHUSDT", "ETHUSDT", "SUIUSDT", "XRPUSDT")
    assert release.symbol_map["BCHUSDT"] == "BCH"
    assert release.report["regime"] == "btc_dominant"
    assert validate_release(get_output_dir(Workspace(tmp_path)), now_ns=NOW + NS_PER_DAY).errors == []
