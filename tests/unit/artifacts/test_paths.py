from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.artifacts.paths import Workspace, get_run_dir, get_scoped_artifact_dir, get_session_dir, get_target_dir
from tallystick.contracts.errors import ConfigurationError

WORKSPACE = Workspace(Path("/ws"))


@pytest.mark.clause("D1.65", "D1.67", "D1.70")
def test_model_folders_follow_the_target_first_layout():
    run = get_run_dir(WORKSPACE, "r1", "20250101_000000")
    assert run == Path("/ws/RESULTS/runs/r1/20250101_000000")
    assert get_target_dir(run, "fwd_ret_60m") == run / "targets" / "fwd_ret_60m"
    shared = get_scoped_artifact_dir(run, "fwd_ret_60m", "CROSS_SECTIONAL", "LightGBM")
    assert shared == run / "targets/fwd_ret_60m/models/view=CROSS_SECTIONAL/family=LightGBM"


@pytest.mark.clause("D1.70")
def test_symbol_models_lie_below_their_symbol():
    folder = get_scoped_artifact_dir(Path("/r"), "fwd_ret_60m", "SYMBOL_SPECIFIC", "Ridge", symbol="BTCUSDT")
    assert folder == Path("/r/targets/fwd_ret_60m/models/view=SYMBOL_SPECIFIC/symbol=BTCUSDT/family=Ridge")


@pytest.mark.parametrize(("view", "symbol"), [("OTHER", None), ("CROSS_SECTIONAL", "BTC"), ("SYMBOL_SPECIFIC", None)])
def test_refuses_a_view_and_symbol_that_do_not_fit(view, symbol):
    with pytest.raises(ConfigurationError, match="expected view CROSS_SECTIONAL"):
        get_scoped_artifact_dir(Path("/r"), "t", view, "Ridge", symbol)


@pytest.mark.parametrize("name", ["../x", "a/b", "", "..", "a\x00"])
def test_refuses_names_that_would_leave_their_folder(name):
    with pytest.raises(ConfigurationError, match="plain file name"):
        get_session_dir(WORKSPACE, name)


def test_recorded_paths_stay_inside_the_workspace(tmp_path):
    workspace = Workspace(tmp_path)
    assert workspace.relative(workspace.at("a/b.json")) == "a/b.json"
    with pytest.raises(ConfigurationError, match="below the workspace"):
        workspace.at("../outside")
