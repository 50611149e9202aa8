"""Runs from flags, files and requests over a stored lake; and the commands that read them back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.research_lake import live_pool
from tests.fakes.research_market import NOW_NS, START_NS, book_of, walk_panel

from tallystick.apps.cli.main import main
from tallystick.apps.research_market import choose_universe
from tallystick.apps.research_runs import best_run, compared_runs, listed_runs, research_run, run_documents
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ArtifactError, ConfigurationError, DataError
from tallystick.contracts.time import NS_PER_SECOND, ns_from_iso
from tallystick.market.lake import Lake

PANEL = walk_panel(3, 400, seed=5)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    lake = Lake(workspace)
    lake.write(PANEL, calendar="crypto_24_7", source="test")
    lake.write_instruments(book_of(PANEL).rows)
    return workspace


def test_params_reach_the_run_and_unknown_ones_are_ignored(place: Workspace) -> None:
    params = {"ticker": ["BTCUSDT", "ADAUSDT"], "fee": "0.0005", "start": "2024-01-05", "rsi_buy_max": 55, "cooldown_days": 0.5, "colour": "red"}
    params |= {"funding_rate": "0.0001", "volume_share": 0.5, "liquidation_fee": 0.01, "leverage": 3}
    config = research_run(place, params, now_ns=NOW_NS).report.config_resolved
    assert (config["ticker"], config["fee"], config["start"]) == ("BTCUSDT,ADAUSDT", 0.0005, "2024-01-05T00:00:00Z")
    assert [config[name] for name in ("funding_rate", "volume_share", "liquidation_fee", "leverage")] == [0.0001, 0.5, 0.01, 3]
    assert (config["strategy_params"]["rsi_buy_max"], config["strategy_params"]["cooldown_days"]) == (55, 0.5)


def test_file_gives_settings_and_params_win(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.root)
    (place.root / "first.yaml").write_text("ticker: BTCUSDT\nstart: 2024-01-05\nfee: 0.001\nstrategy_params: {rsi_sell_min: 80}\n")
    result = research_run(place, {"fee": 0.0002}, now_ns=NOW_NS, config_path="first.yaml")
    config = result.report.config_resolved
    assert (config["ticker"], config["fee"], config["strategy_params"]["rsi_sell_min"]) == ("BTCUSDT", 0.0002, 80)
    assert result.report.header.config_path == "first.yaml"


@pytest.mark.parametrize(
    ("params", "config_path", "says"),
    [
        ({"fee": "much"}, None, "expected fee as a number"),
        ({"fee": True}, None, "expected fee as a number"),
        ({"start": "soon"}, None, "ISO-8601"),
        ({"ticker": 7}, None, "expected ticker as text"),
        ({"strategy": "none"}, None, "expected one of the strategies"),
        ({}, "absent.yaml", "absent.yaml"),
    ],
)
def test_setting_of_the_wrong_kind_is_refused_by_name(place: Workspace, params: dict[str, Any], config_path: str | None, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        research_run(place, params, now_ns=NOW_NS, config_path=config_path)


def test_run_cites_the_coverage_of_the_stored_bars(place: Workspace) -> None:
    report = research_run(place, {}, now_ns=NOW_NS).report
    assert report.reproduce is not None
    assert report.reproduce.coverage[0].sha256 == Lake(place).coverage("testing", 60)[1]


def test_decision_44_pool_counts_only_where_it_was_known_in_time(place: Workspace) -> None:
    stored = PANEL.symbols
    nothing = choose_universe(place, None, stored, START_NS)
    assert (nothing.symbols, nothing.source) == (tuple(sorted(stored)), "static")
    live_pool(place, "2024-01-08")
    known = choose_universe(place, None, stored, ns_from_iso("2024-01-09"))
    assert (known.symbols, known.source, known.version, known.note) == (("ETHUSDT", "BTCUSDT"), "live_pool", "2024-01-08-core_major", None)
    # The pool of a day knows that day's close.
    assert choose_universe(place, None, stored, ns_from_iso("2024-01-08")).source == "static"
    later = choose_universe(place, None, stored, START_NS)
    assert (later.symbols, later.source) == (known.symbols, "static")
    assert later.note is not None
    assert "knew its future" in later.note
    assert choose_universe(place, "ADAUSDT", stored, START_NS).source == "static"


@pytest.mark.clause("D3.06", "D3.32")
def test_runs_are_listed_ranked_and_compared(place: Workspace) -> None:
    ids = [
        research_run(place, {"ticker": name, "fee": fee}, now_ns=NOW_NS + k * NS_PER_SECOND).run_id
        for k, (name, fee) in enumerate((("BTCUSDT", 0.0001), ("ADAUSDT", 0.01)))
    ]
    assert [row.run_id for row in listed_runs(place, now_ns=NOW_NS).index.runs] == ids
    assert best_run(place, "total_return").run_id == ids[0]
    found = compared_runs(place, tuple(ids))
    assert found["settings"] == {"fee": [0.0001, 0.01], "ticker": ["BTCUSDT", "ADAUSDT"]}
    assert set(found["results"]) == {"total_return", "sharpe_simple", "max_drawdown", "trades", "win_rate"}
    with pytest.raises(ConfigurationError, match="a metric among"):
        best_run(place, "beauty")
    with pytest.raises(ConfigurationError, match="two runs or more"):
        compared_runs(place, ("one",))
    with pytest.raises(ArtifactError, match=r"meta\.json"):
        run_documents(place, "20250101_000000_run_0000000")


def test_best_of_nothing_is_a_data_error(tmp_path: Path) -> None:
    listed_runs(Workspace(tmp_path), now_ns=NOW_NS)
    with pytest.raises(DataError, match="found none"):
        best_run(Workspace(tmp_path), "trades")


def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["tallystick", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), capsys.readouterr().out


def test_commands_run_list_show_best_and_compare(place: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    where = ("--workspace", str(place.root), "--json")
    ids = []
    for ticker in ("BTCUSDT", "ADAUSDT"):
        code, out = command(capsys, monkeypatch, "run", "--ticker", ticker, "--fee", "0.0005", "--now", "2025-07-01", *where)
        envelope = json.loads(out)
        assert (code, envelope["status"]) == (0, "success")
        ids.append(envelope["run_id"])
    assert json.loads(command(capsys, monkeypatch, "runs", "list", *where)[1])["n_runs"] == 2
    assert json.loads(command(capsys, monkeypatch, "runs", "show", ids[0], *where)[1])["metadata"]["run_id"] == ids[0]
    assert json.loads(command(capsys, monkeypatch, "runs", "best", *where)[1])["run_id"] in ids
    assert json.loads(command(capsys, monkeypatch, "runs", "compare", *ids, *where)[1])["run_ids"] == ids
    for arguments in (("list",), ("show", ids[0]), ("best",), ("compare", *ids)):
        code, out = command(capsys, monkeypatch, "runs", *arguments, *where[:2])
        assert (code, bool(out)) == (0, True)
    code, out = command(capsys, monkeypatch, "runs", "show", "nothing", *where)
    assert (code, json.loads(out)["error"]["code"]) == (3, "ARTIFACT_ERROR")
