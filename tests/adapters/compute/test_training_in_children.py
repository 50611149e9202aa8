"""Children give the bytes that the parent itself would give."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tests.fakes.in_process_compute import InProcessCompute
from tests.fakes.training_panels import reversal_panel

from tallystick.adapters.compute.local_processes import LocalProcesses
from tallystick.adapters.models.lightgbm import LightGBMFamily
from tallystick.adapters.models.ridge import RidgeFamily
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.training import CodeVersion
from tallystick.training.config import TrainingConfig
from tallystick.training.pipeline import train


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_child_processes_write_the_same_bytes_as_one_process(tmp_path: Path) -> None:
    config = TrainingConfig(
        features=("ret_1", "ret_5", "vol_20", "ma_ratio_10"), targets=("fwd_ret_60m",), folds=2, permutations=99, max_symbols_for_ss=0, ranking_rows=5000
    )
    folders = [tmp_path / "children", tmp_path / "alone"]
    for folder, compute in zip(folders, (LocalProcesses(), InProcessCompute()), strict=True):
        train(
            Workspace(folder),
            reversal_panel(5, strength=0.2),
            dataclasses.replace(config),
            now_ns=1_735_689_600_000_000_000,
            families=[LightGBMFamily(trees=10), RidgeFamily()],
            compute=compute,
            code_version=CodeVersion(version="0", source_sha256="0" * 64, git_sha="unknown"),
            coverage_sha256=None,
            progress=lambda event: None,
        )
    children, alone = (files(folder) for folder in folders)
    assert len(children) > 15
    assert children == alone
