"""A session whose market changed under it: what came, what that moved, and that the files of then let it go on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.fakes.engine_session import SESSION_BAR, generated
from tests.fakes.paper_workspace import NOW_NS, paper_config, use_fake_engine
from tests.fakes.session_bars import session_panel

from tallystick.apps.session_inputs import GRID, check_inputs, grid_settings
from tallystick.apps.sessions import SessionOutcome, start_session
from tallystick.artifacts.checksum import sha256_file
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import SafetyRefusal
from tallystick.contracts.session import ArtifactReference, SessionConfig
from tallystick.contracts.time import iso_from_ns
from tallystick.market.bars import BarPanel
from tallystick.market.lake import Lake


def stored(root: Path, first: int = 0, changed: int | None = None) -> Workspace:
    """A lake with the generated bars from a column on, one close of the first symbol changed."""
    workspace, panel = Workspace(root), generated().panel
    part = panel.between(int(panel.open_times_ns[first]), panel.end_ns)
    if changed is not None:
        part.volume[0, changed - first] += 1.0
    Lake(workspace).write(part, calendar="crypto_24_7", source="bars.csv")
    if changed is not None:
        part.volume[0, changed - first] -= 1.0
    Lake(workspace).write_instruments(generated().instruments)
    return workspace


def start(workspace: Workspace, config: SessionConfig) -> SessionOutcome:
    return start_session(workspace, config, now_ns=NOW_NS, progress=lambda _done, _all: None)


def cut_at(workspace: Workspace, config: SessionConfig, cycle: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(now: int) -> None:
        if now == cycle:
            raise KeyboardInterrupt

    use_fake_engine(monkeypatch, stop)
    with pytest.raises(KeyboardInterrupt):
        start(workspace, config)
    use_fake_engine(monkeypatch)


def test_earlier_history_is_told_and_the_files_of_then_let_the_session_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = stored(tmp_path, first=100)
    config = paper_config(workspace)
    cut_at(workspace, config, 8, monkeypatch)
    stored(tmp_path)
    with pytest.raises(SafetyRefusal, match=r"coverage.json with SHA-256 .*, found .*: the bars of its 7 recorded cycles are the same") as refused:
        start(workspace, config)
    assert refused.value.hint.startswith("Import the files of then again")
    # Asked for with all its flags, so planned again: the same is told.
    with pytest.raises(SafetyRefusal, match="the bars of its 7 recorded cycles are the same"):
        start(workspace, paper_config(workspace))
    stored(tmp_path, first=100)
    assert start(workspace, config).status == "completed"


def test_other_bars_under_a_recorded_cycle_are_told_with_the_cycle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = stored(tmp_path)
    config = paper_config(workspace)
    cut_at(workspace, config, 8, monkeypatch)
    stored(tmp_path, changed=SESSION_BAR + 3)
    opened = iso_from_ns(int(generated().panel.open_times_ns[SESSION_BAR + 3]))
    with pytest.raises(SafetyRefusal, match=f"cycle 4 was recorded on other bars of {opened} than are stored now"):
        start(workspace, config)


def on_sessions(root: Path, panel: BarPanel, start_ns: int, grid: bool = True) -> tuple[Workspace, SessionConfig]:
    """A lake of a market that closes, and a session planned on it."""
    workspace = Workspace(root)
    Lake(workspace).write(panel, calendar="us_equities", source="bars.csv")
    place = workspace.path("market.coverage", venue="nyse", interval="15m")
    inputs = (ArtifactReference(contract="market.coverage", path=workspace.relative(place), sha256=sha256_file(place)),)
    found = grid_settings(workspace, "nyse", 15, start_ns) if grid else {}
    made = {"symbols": panel.symbols, "market_venue": "nyse", "interval_minutes": 15.0, "inputs": inputs, "start": iso_from_ns(start_ns), "settings": found}
    return workspace, paper_config(stored(root / "other")).model_copy(update=made)


@pytest.mark.parametrize("recorded", [True, False])
def test_on_a_session_grid_the_moved_numbers_are_told(tmp_path: Path, recorded: bool) -> None:
    panel = session_panel(days=10)
    first, begins = int(panel.open_times_ns[40]), int(panel.open_times_ns[150])
    workspace, config = on_sessions(tmp_path, panel.between(first, panel.end_ns), begins, grid=recorded)
    check_inputs(workspace, config)
    assert config.settings == ({GRID: {"first_bar_at": iso_from_ns(first), "bars_before_start": 110}} if recorded else {})
    on_sessions(tmp_path, panel, begins)
    told = rf"bars from {panel_start(panel)} on were stored before its first bar, {iso_from_ns(first)}, so that its bar numbers moved by 40; no cycle of it"
    with pytest.raises(SafetyRefusal, match=told if recorded else "its bar numbers may have moved, and it was planned by a version that did not record them"):
        check_inputs(workspace, config)


def panel_start(panel: BarPanel) -> str:
    return iso_from_ns(int(panel.open_times_ns[0]))


def test_later_bars_move_no_number_and_a_hole_that_is_filled_does(tmp_path: Path) -> None:
    panel = session_panel(days=10)
    begins = int(panel.open_times_ns[150])
    workspace, config = on_sessions(tmp_path, panel.between(0, int(panel.open_times_ns[180])), begins)
    on_sessions(tmp_path, panel, begins)
    with pytest.raises(SafetyRefusal, match="its bar numbers are the same"):
        check_inputs(workspace, config)
    without = [getattr(panel, name)[:, np.arange(panel.bars) != 30] for name in ("open", "high", "low", "close", "volume", "quote_volume")]
    holed = BarPanel("nyse", 15, panel.symbols, np.delete(panel.open_times_ns, 30), *without, first_number=0)
    workspace, config = on_sessions(tmp_path, holed, begins)
    on_sessions(tmp_path, panel, begins)
    with pytest.raises(SafetyRefusal, match="other bars are stored before its start, so that its bar numbers moved by 1"):
        check_inputs(workspace, config)


def test_a_session_from_before_the_record_goes_on_when_it_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = stored(tmp_path)
    config = paper_config(workspace)
    cut_at(workspace, config, 4, monkeypatch)
    newer = config.model_copy(update={"settings": {**config.settings, GRID: {"first_bar_at": "2024-01-01T00:00:00Z", "bars_before_start": 5}}})
    assert start(workspace, newer).status == "completed"


def test_an_input_that_is_gone_is_no_traceback(tmp_path: Path) -> None:
    workspace = stored(tmp_path)
    config = paper_config(workspace)
    workspace.at(config.inputs[0].path).unlink()
    with pytest.raises(SafetyRefusal, match="found no file: what is stored now cannot be read: expected bars of generated at 1h, found none"):
        check_inputs(workspace, config)
