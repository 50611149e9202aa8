from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.fakes.daily_bars import book_of, daily_panel

from tallystick.artifacts.paths import Workspace, get_output_dir
from tallystick.artifacts.seal import check_seal
from tallystick.artifacts.store import read_artifact
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.pool import ReleaseIndex, TrackSummary
from tallystick.contracts.registry import contract
from tallystick.universe import shadow
from tallystick.universe.config import UniverseConfig
from tallystick.universe.eligibility import UniverseJudge
from tallystick.universe.monthly_pools import MonthlyPools, month_days, select_months
from tallystick.universe.release import build_release
from tallystick.universe.selection import PoolSelector
from tallystick.universe.shadow import write_history, write_tracks
from tallystick.universe.track_returns import held_returns
from tallystick.universe.validation import validate_release

PANEL = daily_panel()
JUDGE = UniverseJudge(PANEL, book_of(PANEL), UniverseConfig())
DAYS = month_days(JUDGE, "2025-02-01")
POOLS = select_months(PoolSelector(JUDGE, DAYS), DAYS, None, 5)
# Another label would need fitted models; other days make another track of the same shape.
OTHER = MonthlyPools(POOLS.selections[1:], ())
TRACKS = {"official_baseline": POOLS, "challenger_topk_60": OTHER}
RETURNS = [row for name in sorted(TRACKS) for row in held_returns(PANEL, name, TRACKS[name].selections, "BTCUSDT")]


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def release(root: Path) -> None:
    build_release(Workspace(root), PANEL, book_of(PANEL), UniverseConfig(), DAYS[-1], "core_major", PANEL.end_ns)


@pytest.mark.clause("D5.37", "D5.38", "D5.39")
def test_the_history_lies_where_the_document_says_and_can_be_replayed_from_files_alone(tmp_path: Path) -> None:
    path = write_history(Workspace(tmp_path), POOLS, 5)
    assert path == tmp_path / "data" / "output" / "shadow_releases" / "release_index.csv"
    index: ReleaseIndex = read_artifact(contract("universe.release_index"), path)
    assert [row.version for row in index.rows] == [item.version for item in POOLS.selections]
    for row, selection in zip(index.rows, POOLS.selections, strict=True):
        pool = read_artifact(contract("universe.live_pool"), path.with_name(row.version) / "live_pool.json")
        assert tuple(row.symbols.split("|")) == pool.symbols == selection.pool
        assert (row.regime, row.regime_confidence) == (selection.regime.label, selection.regime.confidence)
        assert set(pool.selection_meta) == set(pool.symbols)
        for name in (row.live_pool_path, row.live_pool_legacy_path, row.release_manifest_path):
            assert path.parent.joinpath(name).is_file()
        plan = read_artifact(contract("universe.release_manifest"), path.parent / row.release_manifest_path)
        assert plan.dry_run is True
        assert plan.firestore.payload.symbols == pool.symbols
    assert (index.rows[0].pool_churn, index.rows[0].pool_stability) == (None, None)
    for row in index.rows[1:]:
        assert row.pool_churn is not None
        assert row.pool_stability == pytest.approx(1 - row.pool_churn)
    # No store was needed, and none was made.
    assert {item.name for item in tmp_path.iterdir()} == {"data"}


@pytest.mark.clause("D5.41", "D5.42", "D5.43", "D5.44")
def test_both_tracks_lie_side_by_side_and_only_the_baseline_is_official(tmp_path: Path) -> None:
    path = write_tracks(Workspace(tmp_path), TRACKS, RETURNS, 5)
    assert path == tmp_path / "data" / "output" / "shadow_candidate_tracks" / "track_summary.csv"
    summary: TrackSummary = read_artifact(contract("universe.track_summary"), path)
    assert {(row.source_track, row.profile, row.candidate_status, row.expected_pool_size) for row in summary.rows} == {
        ("official_baseline", "blended_rank_pct", "official_reference", 5),
        ("challenger_topk_60", "future_topk_label_60", "shadow_candidate", 5),
    }
    for name, pools in TRACKS.items():
        index: ReleaseIndex = read_artifact(contract("universe.release_index"), path.parent / name / "release_index.csv")
        assert [row.version for row in index.rows] == [item.version for item in pools.selections]
        for row in index.rows:
            assert {file.name for file in (path.parent / name / row.version).iterdir()} == {"live_pool.json", "live_pool_legacy.json", "release_manifest.json"}
            assert row.source_track == name
    returns = read_artifact(contract("universe.track_returns"), path.with_name("track_returns.csv"))
    assert len(returns.rows) == len(RETURNS)


def test_every_file_is_accounted_for_and_sealed(tmp_path: Path) -> None:
    write_history(Workspace(tmp_path), POOLS, 5)
    write_tracks(Workspace(tmp_path), TRACKS, RETURNS, 5)
    report = verify(tmp_path)
    assert (report.unknown, report.failures, report.unprotected) == ((), (), ())
    victim = tmp_path / "data" / "output" / "shadow_candidate_tracks" / "challenger_topk_60" / POOLS.selections[1].version / "live_pool.json"
    victim.write_bytes(victim.read_bytes().replace(b"USDT", b"UDST", 1))
    assert verify(tmp_path).failures


def test_the_same_history_again_changes_no_byte_and_another_period_leaves_nothing_behind(tmp_path: Path) -> None:
    write_history(Workspace(tmp_path), POOLS, 5)
    before = files_of(tmp_path)
    write_history(Workspace(tmp_path), POOLS, 5)
    assert files_of(tmp_path) == before
    write_history(Workspace(tmp_path), OTHER, 5)
    write_history(Workspace(tmp_path / "fresh"), OTHER, 5)
    fresh = files_of(tmp_path / "fresh")
    assert {name: data for name, data in files_of(tmp_path).items() if not name.startswith("fresh/")} == fresh


@pytest.mark.clause("D5.40")
@pytest.mark.parametrize(("step", "allowed"), [("replace_files", 0), ("write_atomic_bytes", 0), ("write_atomic_bytes", 1), ("seal_folder", 1)])
def test_a_history_that_is_cut_anywhere_leaves_the_live_pool_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, allowed: int) -> None:
    release(tmp_path)
    folder = get_output_dir(Workspace(tmp_path))
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    whole, calls = getattr(shadow, step), []

    def cut(*given: object) -> object:
        calls.append(1)
        if len(calls) <= allowed:
            return whole(*given)
        raise ArtifactError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(shadow, step, cut)
        with pytest.raises(ArtifactError):
            write_history(Workspace(tmp_path), POOLS, 5)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert validate_release(folder, now_ns=PANEL.end_ns).errors == []
    assert check_seal(folder) == []
    write_history(Workspace(tmp_path), POOLS, 5)
    assert verify(tmp_path).is_good


def test_a_release_built_again_keeps_the_history_beside_it(tmp_path: Path) -> None:
    write_history(Workspace(tmp_path), POOLS, 5)
    history = files_of(tmp_path)
    release(tmp_path)
    assert {name: data for name, data in files_of(tmp_path).items() if name in history} == history
    assert verify(tmp_path).is_good


def test_the_official_order_is_in_the_index_and_in_both_payloads(tmp_path: Path) -> None:
    path = write_history(Workspace(tmp_path), POOLS, 5)
    for selection in POOLS.selections:
        folder = path.with_name(selection.version)
        pool, legacy = (json.loads((folder / f"{name}.json").read_bytes()) for name in ("live_pool", "live_pool_legacy"))
        assert list(legacy["symbols"]) == pool["symbols"] == list(selection.pool)
