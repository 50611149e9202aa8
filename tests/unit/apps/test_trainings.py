"""A verdict of the promotion gate counts only as the training run sealed it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tallystick.apps import trainings
from tallystick.artifacts.paths import Workspace, get_model_run_dir
from tallystick.artifacts.seal import seal_folder
from tallystick.contracts.errors import SafetyRefusal


@pytest.mark.parametrize("seals", [None, {}, {"one": "0" * 64}], ids=["no seals", "not this one", "another"])
def test_a_verdict_that_the_manifest_did_not_seal_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seals: dict[str, str] | None) -> None:
    """Whoever can write a folder can seal it: only the run that was trained says which seal is its own."""
    folder = get_model_run_dir(Workspace(tmp_path), "one")
    folder.mkdir(parents=True)
    folder.joinpath("training_summary.json").write_text("{}")
    seal_folder(folder)
    metadata = {"model_runs": ["one"], **({} if seals is None else {"model_run_seals": seals})}
    monkeypatch.setattr(trainings, "read_manifest", lambda _root: SimpleNamespace(run_metadata=metadata))
    with pytest.raises(SafetyRefusal, match="another seal than the manifest recorded"):
        trainings.verdicts(Workspace(tmp_path), tmp_path)
