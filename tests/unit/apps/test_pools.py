from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.fakes.daily_bars import daily_panel
from tests.fakes.pool_workspace import files_of, pool_workspace
from tests.fakes.quickstart_workspace import call

from tallystick.apps.pool_history import Period, build_history
from tallystick.apps.pools import build_pool
from tallystick.artifacts.paths import Workspace, get_output_dir
from tallystick.artifacts.signature import create_key
from tallystick.contracts.time import NS_PER_DAY, ns_from_iso
from tallystick.market.bars import COLUMNS, BarPanel

NOW = ns_from_iso("2025-06-02T06:00:00Z")
WHEN = ("--now", "2025-06-02T06:00:00Z")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return pool_workspace(tmp_path_factory.mktemp("pools"))


def output(workspace: Workspace) -> dict[str, bytes]:
    return {name: data for name, data in files_of(get_output_dir(workspace)).items() if "/" not in name}


def test_a_release_carries_all_three_scores_and_says_how_they_were_made(shared: Workspace) -> None:
    built = build_pool(shared, "binance", "2025-05-31", now_ns=NOW)
    assert set(built.weights) == {"rule", "linear", "ml"}
    report = json.loads(output(shared)["build_report.json"])
    assert {name: row["family"] for name, row in report["components"].items()} == {"linear": "Ridge", "ml": "LightGBM"}
    assert all(row["train_to"] < row["fitted_on"] <= "2025-05-31" for row in report["components"].values())
    header, first = output(shared)["latest_ranking.csv"].decode().splitlines()[:2]
    row = dict(zip(header.split(","), first.split(","), strict=True))
    assert all(0 < float(row[name]) <= 1 for name in ("rule_score", "linear_score", "ml_score", "final_score"))


def test_decision_69_the_same_lake_configuration_and_now_give_the_same_bytes(shared: Workspace, tmp_path: Path) -> None:
    build_pool(shared, "binance", "2025-05-31", now_ns=NOW)
    other = pool_workspace(tmp_path)
    build_pool(other, "binance", "2025-05-31", now_ns=NOW)
    assert output(other) == output(shared)


@pytest.mark.clause("D5.39")
def test_the_history_holds_the_pools_that_builds_on_those_days_published(shared: Workspace, tmp_path: Path) -> None:
    document = build_history(shared, Period("binance", "2025-02-01"), lambda name, done, total: None)
    assert [row["activation_date"] for row in document["releases"]] == ["2025-03-01", "2025-04-01", "2025-05-01", "2025-06-01"]
    folder = Path(document["index_path"]).parent
    for row in document["releases"]:
        build_pool(shared, "binance", row["version"][:10], now_ns=NOW, selection_meta=True)
        for name in ("live_pool.json", "live_pool_legacy.json"):
            assert folder.joinpath(row["version"], name).read_bytes() == output(shared)[name]
    assert document["refused"] == []
    assert "cannot be seen" in document["survivorship"]["statement"]


def test_a_release_is_signed_when_a_key_is_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = pool_workspace(tmp_path / "w")
    private, public = tmp_path / "pool.key", tmp_path / "pool.pub"
    create_key(private, public, bytes(range(32)))
    data = tmp_path / "w" / "data" / "output"
    built = ("pool", "build", "--as-of", "2025-05-31", *WHEN, "--json", "--workspace", tmp_path / "w")
    assert call(*built).code == 0
    assert call("verify", data, "--public-key", public).code != 0
    monkeypatch.setenv("TALLYSTICK_SIGNING_KEY", str(private))
    assert call(*built).code == 0
    assert call("verify", data, "--public-key", public).code == 0
    assert (get_output_dir(workspace) / "SHA256SUMS.sig").is_file()
    private.chmod(0o644)
    refused = call(*built)
    assert (refused.code, refused.error["code"]) == (2, "CONFIGURATION_ERROR")


def test_a_key_that_cannot_be_read_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    workspace = pool_workspace(tmp_path / "w")
    answer = call("pool", "build", "--as-of", "2025-05-31", *WHEN, "--key", tmp_path / "none.key", "--json", "--workspace", tmp_path / "w")
    assert answer.code == 3
    assert not get_output_dir(workspace).exists()


def test_the_commands_say_what_they_did(shared: Workspace) -> None:
    place = ("--workspace", shared.root)
    history = call("pool", "history", "--from", "2025-04-01", *place)
    assert (history.code, history.err) == (0, "")
    assert "2025-05-31-core_major" in history.out
    assert "survivorship: 9 instruments known" in history.out
    shadow = call("pool", "shadow", "--from", "2025-04-01", "--json", *place)
    assert shadow.code == 0
    assert set(shadow.document["tracks"]) == {"official_baseline", "challenger_topk_60"}
    assert {len(rows) for rows in shadow.document["returns"].values()} == {2}
    assert Path(shadow.document["picture_path"]).read_bytes().startswith(b"<svg")
    wrong = call("pool", "history", "--from", "yesterday", "--json", *place)
    assert (wrong.code, "ISO-8601" in wrong.error["message"], wrong.error["where"]) == (2, True, "--from")
    moment = call("pool", "build", "--as-of", "2025-06-01T00:00:00Z", "--json", *place)
    assert (moment.code, "expected a day" in moment.error["message"]) == (2, True)
    empty = call("pool", "history", "--from", "2031-01-01", "--json", *place)
    assert (empty.code, "no whole month" in empty.error["message"]) == (3, True)
    strange = call("pool", "shadow", "--mode", "everything", "--json", *place)
    assert strange.code == 2


def holed(days: int = 1265) -> BarPanel:
    """A lake as it may come: a fifth of one name's days missing, a month of another, and a name of three days."""
    panel = daily_panel(days=days, start="2022-01-01", lives={"ADAUSDT": (days - 3, days)})
    missing = np.random.default_rng(1).random(days) < 0.2
    missing[0] = missing[-40:] = False
    for name in COLUMNS:
        getattr(panel, name)[panel.row("XRPUSDT"), missing] = np.nan
        getattr(panel, name)[panel.row("DOTUSDT"), days - 400 : days - 370] = np.nan
    return panel


def test_a_lake_with_gaps_and_a_name_of_three_days_gives_a_pool_and_says_what_fell_out(tmp_path: Path) -> None:
    workspace = pool_workspace(tmp_path, holed())
    built = build_pool(workspace, "binance", "2025-06-18", now_ns=NOW + 17 * NS_PER_DAY)
    refused = {row["symbol"]: row for row in built.release.report["refused"]}  # type: ignore[attr-defined]
    assert (refused["ADAUSDT"]["reason"], refused["ADAUSDT"]["found"]) == ("history_days", 3.0)
    assert (refused["XRPUSDT"]["reason"], refused["XRPUSDT"]["limit"]) == ("tradable_ratio_180", 0.92)
    assert len(built.release.symbols) == 5
    assert call("pool", "validate", "--now", "2025-06-19T06:00:00Z", "--workspace", tmp_path).code == 0


def test_an_empty_pool_is_refused_in_numbers_and_the_last_release_stands(tmp_path: Path) -> None:
    workspace = pool_workspace(tmp_path)
    build_pool(workspace, "binance", "2025-05-31", now_ns=NOW)
    before = output(workspace)
    poor = daily_panel(days=1265, start="2022-01-01")
    poor.quote_volume[:] = 1e4
    pool_workspace(tmp_path, poor)
    for smaller in ((), ("--allow-smaller",)):
        answer = call("pool", "build", "--as-of", "2025-05-31", *smaller, *WHEN, "--json", "--workspace", tmp_path)
        assert answer.code == 3
        assert "found 0 of 9" in answer.error["message"]
        assert "avg_quote_vol_30" in answer.error["hint"]
        assert "The last release stands" in answer.error["hint"]
    assert output(workspace) == before
