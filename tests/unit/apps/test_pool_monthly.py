from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fakes.daily_bars import daily_panel
from tests.fakes.pool_workspace import files_of, pool_workspace
from tests.fakes.quickstart_workspace import call
from tests.fakes.source_tree import ROOT

from tallystick.apps import pool_monthly
from tallystick.apps.pool_history import Period
from tallystick.apps.pool_monthly import MonthlyJob, run_monthly
from tallystick.artifacts.paths import Workspace, get_output_dir
from tallystick.artifacts.signature import check_seal_signature, create_key, load_public_key
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import NS_PER_DAY, ns_from_iso

NOW = ns_from_iso("2025-06-02T06:00:00Z")
PERIOD = Period("binance", first="2025-03-01")


def quiet(name: str, done: int, total: int) -> None:
    """A front door that shows nothing."""


def run(workspace: Workspace, now_ns: int = NOW, key: Path | None = None) -> MonthlyJob:
    return run_monthly(workspace, PERIOD, now_ns=now_ns, on_month=quiet, key=key)


@pytest.mark.clause("D5.43", "D5.46")
def test_the_job_refreshes_the_baseline_checks_a_publish_and_rebuilds_both_tracks_in_this_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = pool_workspace(tmp_path)
    seen: list[str] = []
    for name in ("write_release", "check_publication", "build_tracks", "write_status"):

        def note(*given: object, name: str = name, whole: object = getattr(pool_monthly, name), **named: object) -> object:
            seen.append(name)
            return whole(*given, **named)  # type: ignore[operator]

        monkeypatch.setattr(pool_monthly, name, note)
    job = run(workspace)
    assert seen == ["write_release", "check_publication", "build_tracks", "write_status"]
    assert job.publishable
    assert job.summary["version"] == "2025-05-31-core_major"
    assert job.summary["publication"]["objects"][0] == "crypto-live-pool-pipelines/current/artifact_manifest.json"
    baseline = job.summary["tracks"]["official_baseline"]
    assert baseline["last_symbols"] == job.summary["baseline"]["symbols"]
    assert {row["candidate_status"] for row in job.summary["tracks"].values()} == {"official_reference", "shadow_candidate"}
    page = job.page_path.read_text(encoding="utf-8")
    assert "# Release status 2025-05-31-core_major" in page
    assert all(symbol in page for symbol in baseline["last_symbols"])
    assert json.loads(job.summary_path.read_bytes())["baseline"]["activation_date"] == "2025-06-01"
    report = verify(tmp_path)
    assert (report.unknown, report.failures, report.unprotected) == ((), (), ())


def test_the_job_again_on_the_same_bars_changes_no_byte(tmp_path: Path) -> None:
    workspace, key = pool_workspace(tmp_path / "w"), tmp_path / "pool.key"
    create_key(key, tmp_path / "pool.pub", bytes(range(32)))
    assert run(workspace, key=key).kept is False
    assert check_seal_signature(get_output_dir(workspace), load_public_key(tmp_path / "pool.pub")) == []
    before = files_of(tmp_path)
    again = run(workspace, NOW + NS_PER_DAY, key)
    assert again.kept is True
    assert files_of(tmp_path) == before


@pytest.mark.clause("D5.44", "D5.47")
def test_the_job_publishes_nothing_and_leaves_a_publish_target_as_it_was(tmp_path: Path) -> None:
    workspace = pool_workspace(tmp_path)
    for name in ("objects/prod/crypto-live-pool-pipelines/current/live_pool.json", "documents/strategy/CRYPTO_LIVE_POOL_ROTATION_LIVE_POOL.json"):
        target = tmp_path.joinpath(name)
        target.parent.mkdir(parents=True)
        target.write_bytes(b"{}")
    targets = {name: data for name, data in files_of(tmp_path).items() if name.startswith(("objects/", "documents/"))}
    job = run(workspace)
    assert job.summary["publication"]["dry_run"] is True
    assert {name: data for name, data in files_of(tmp_path).items() if name.startswith(("objects/", "documents/"))} == targets
    written = {name.split("/")[0] for name in files_of(tmp_path)}
    assert written == {"data", "objects", "documents"}


def test_a_stale_release_is_refused_with_its_age_and_the_tracks_are_rebuilt_all_the_same(tmp_path: Path) -> None:
    job = run(pool_workspace(tmp_path), NOW + 60 * NS_PER_DAY)
    assert job.publishable is False
    assert job.summary["publication"]["errors"] == ["live_pool.json: expected a snapshot at most 45 days old, found 2025-05-31, 62 days old"]
    assert job.summary["tracks"]["challenger_topk_60"]["releases"] == 3


def test_a_refused_pool_leaves_the_last_release_and_the_tracks_standing(tmp_path: Path) -> None:
    workspace = pool_workspace(tmp_path)
    run(workspace)
    before = files_of(get_output_dir(workspace))
    poor = daily_panel(days=1265, start="2022-01-01")
    poor.quote_volume[:, 1100:] = 1e4
    pool_workspace(tmp_path, poor)
    with pytest.raises(DataError, match="found 0 of 9"):
        run(workspace)
    assert files_of(get_output_dir(workspace)) == before
    with pytest.raises(DataError, match="expected bars of a whole month before 2025-06-02, found none"):
        run(pool_workspace(tmp_path / "short", daily_panel(days=20)))


@pytest.mark.clause("D5.45")
def test_the_monthly_entry_is_the_command(tmp_path: Path) -> None:
    pool_workspace(tmp_path / "by_script")
    pool_workspace(tmp_path / "by_command")
    options = ["--from", "2025-05-01", "--now", "2025-06-02T06:00:00Z", "--json", "--workspace"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    script = [sys.executable, str(ROOT / "scripts" / "run_monthly_shadow_build.py"), *options, str(tmp_path / "by_script")]
    answer = subprocess.run(script, env=environment, capture_output=True, text=True, check=True)
    told = call("pool", "shadow", "--monthly", *options, tmp_path / "by_command")
    assert told.code == 0
    assert json.loads(answer.stdout)["summary_path"].endswith("data/output/monthly/2025-05-31-core_major/release_status_summary.json")
    assert json.loads(answer.stdout)["baseline"] == told.document["baseline"]
    assert files_of(tmp_path / "by_script") == files_of(tmp_path / "by_command")
