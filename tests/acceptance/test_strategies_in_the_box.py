"""Every strategy in the box from the command line on a finished quickstart: it runs, its report verifies, and its command makes the same run again."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.quickstart_workspace import Answer, call

from tallystick.artifacts.verification import verify
from tallystick.research.strategies import STRATEGIES

pytestmark = pytest.mark.slow
UNSEEN = "2025-06-05"
"""The quickstart trains on bars before this day."""
COSTS = {"fee": 0.0005, "funding_rate": -0.0001, "volume_share": 0.02, "liquidation_fee": 0.005, "leverage": 2.0, "spread_bps": 1.0}
LIVELY = {
    "cross_sectional_momentum": ("top_share=0.5", "shorts=true"),
    "time_series_momentum": ("lookback_bars=10", "enter_return=0.005"),
    "model_forecast": ("enter_return=0.0002",),
}


@pytest.fixture(scope="module")
def place(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One copy of the finished workspace for all strategies."""
    return Path(shutil.copytree(reference, tmp_path_factory.mktemp("strategies") / "workspace"))


def ask(place: Path, *arguments: str) -> Answer:
    return call(*arguments, "--workspace", place, "--json")


def report_of(place: Path, run_id: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(place.joinpath("outputs", "runs", run_id, "report.json").read_bytes())
    return report


@pytest.mark.clause("D3.05", "D3.08", "D3.10", "D3.13")
@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_strategy_runs_and_its_report_verifies(place: Path, name: str) -> None:
    flags = [part for setting, value in COSTS.items() for part in (f"--{setting.replace('_', '-')}", str(value))]
    params = [part for item in LIVELY.get(name, ()) for part in ("--param", item)]
    symbols = ("--ticker", "AVOUSDT,BRIMUSDT") if name != "buy_and_hold" else ()
    made = ask(place, "run", "--strategy", name, *symbols, "--start", UNSEEN, *flags, *params, "--now", "2025-07-02T00:00:00Z")
    assert made.code == 0, made.out
    run_id = made.document["run_id"]
    checked = verify(place / "outputs" / "runs" / run_id)
    assert (checked.failures, checked.unknown, checked.unprotected) == ((), (), ())
    report = report_of(place, run_id)
    assert {setting: report["config_resolved"][setting] for setting in COSTS} == COSTS
    assert report["costs"]["fills"] > 0
    assert report["costs"]["funding_included"] is True
    assert float(report["costs"]["funding"]) != 0.0
    again = ask(place, *shlex.split(report["reproduce"]["command"])[1:])
    assert (again.code, again.document["run_id"], again.document["sha256"]) == (0, run_id, made.document["sha256"])


def test_model_is_refused_on_bars_that_it_has_seen_and_the_override_marks_the_report(place: Path) -> None:
    asked = ("run", "--strategy", "model_forecast", "--ticker", "AVOUSDT", "--start", "2025-05-20", "--now", "2025-07-03T00:00:00Z")
    before = sorted(place.glob("outputs/runs/*"))
    refused = ask(place, *asked)
    assert (refused.code, refused.error["code"]) == (5, "SAFETY_REFUSAL")
    assert "which end at 2025-06-04T23:00:00Z, found one that starts at 2025-05-20" in refused.error["message"]
    assert sorted(place.glob("outputs/runs/*")) == before
    marked = ask(place, *asked, "--in-sample").document["run_id"]
    report = report_of(place, marked)
    assert report["config_resolved"]["model"]["in_sample"] is True
    assert report["warnings"][0].startswith("In-sample: the model saw bars until 2025-06-04T23:00:00Z")
    folder = place / "outputs" / "runs" / marked
    assert all(report["warnings"][0] in folder.joinpath(name).read_text() for name in ("run_report.md", "report.html"))
    assert "--in-sample" in shlex.split(report["reproduce"]["command"])


def test_model_of_a_sweep_goes_forward_and_only_as_it_was_recorded(place: Path) -> None:
    """The sweep's resolved configuration and the forward run both take the model by what was recorded of it."""
    asked = ("--strategy", "model_forecast", "--ticker", "AVOUSDT", "--model", "fwd_ret_60m/Ridge", "--start", UNSEEN, "--workers", "1")
    now = ("--now", "2025-07-04T00:00:00Z")
    swept = ask(place, "sweep", *asked, "--end", "2025-06-12", "--grid", "enter_return=0.0002,0.001", *now)
    assert swept.code == 0, swept.out
    forward = ask(place, "forward", "--from", swept.document["run_id"], *now)
    assert forward.code == 0, forward.out
    models = [report_of(place, item.document["run_id"])["config_resolved"]["model"] for item in (swept, forward)]
    assert models[0] == models[1]
    assert models[0]["in_sample"] is False
    path = place / "outputs" / "runs" / swept.document["run_id"] / "best_config.json"
    other = json.loads(path.read_bytes())
    other["model"]["meta_sha256"] = "0" * 64
    changed = place / "changed.json"
    changed.write_text(json.dumps(other))
    refused = ask(place, "run", "--config", str(changed))
    changed.unlink()
    assert (refused.code, refused.error["code"]) == (3, "ARTIFACT_ERROR")


def test_command_in_the_report_of_the_quickstart_makes_the_same_run(place: Path, reference: Path) -> None:
    (run_id,) = [path.name for path in reference.glob("outputs/runs/2*")]
    again = ask(place, *shlex.split(report_of(place, run_id)["reproduce"]["command"])[1:])
    assert (again.code, again.document["run_id"]) == (0, run_id)
