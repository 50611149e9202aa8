"""Where compiled kernels are kept, and what happens when they cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

import tallystick
from tallystick.kernels import kernel as kernel_module
from tallystick.kernels.kernel import borrowed, kernel, plain
from tallystick.kernels.warm import warm_money, warm_training

ASK = "from tallystick.kernels import kernel, money; print(money.add(2, 3), kernel.CACHE_FOLDER)"


def test_a_cache_folder_that_cannot_be_written_is_said_aloud_and_kernels_still_run(tmp_path: Path) -> None:
    blocked = tmp_path / "a file, not a folder"
    blocked.write_text("", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(tallystick.__file__).parents[1]), "XDG_CACHE_HOME": str(blocked), "NUMBA_OPT": "0"}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5", "None"]
    assert done.stderr.count("KernelCacheWarning") == 1
    assert "XDG_CACHE_HOME" in done.stderr


def test_the_cache_folder_of_other_users_of_numba_is_left_alone() -> None:
    before = numba.config.CACHE_DIR
    kernel(abs_difference)
    assert before == numba.config.CACHE_DIR


def abs_difference(a: float, b: float) -> float:
    return abs(a - b)


def test_plain_gives_back_the_python_source() -> None:
    assert plain(kernel(abs_difference)).__code__ is abs_difference.__code__
    assert plain(abs_difference) is abs_difference


def test_constants_share_one_compiled_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_module, "CACHE_FOLDER", None)
    tripled: Any = kernel(lambda value: 3 * value)
    assert kernel(lambda value: tripled(2) + tripled(5) + tripled(value))(1) == 24
    assert len(tripled.signatures) == 1


def test_warm_kernels_leaves_nothing_to_compile_for_a_session() -> None:
    warm_training()
    warm_money()
    from tallystick.kernels import evidence, features, money, statistics

    assert features._run_table.signatures
    assert features._run_ranks.signatures
    assert money.notional.signatures
    assert statistics.linear_predict.signatures
    assert evidence.timestamp_correlations.signatures


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_users_own_cache_folder_is_used_on_each_platform(platform: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(kernel_module._CONFIG, "CACHE_DIR", "")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    folder = {"linux": ".cache", "darwin": "Library/Caches", "win32": "AppData/Local"}[platform]
    assert kernel_module._user_cache_folder() == tmp_path / folder
    monkeypatch.setattr(kernel_module._CONFIG, "CACHE_DIR", str(tmp_path))
    assert kernel_module._user_cache_folder() == tmp_path


class Pair(NamedTuple):
    one: NDArray[np.float64]
    two: tuple[NDArray[np.float64], int]


@kernel
def written_through(pair: Pair) -> float:
    pair = borrowed(pair)
    pair.one[0] += pair.two[0][0] * pair.two[1]
    total: float = pair.one[0]
    return total


def test_borrowed_arrays_are_the_callers_own_compiled_and_plain() -> None:
    for call in (written_through, plain(written_through)):
        pair = Pair(np.ones(3), (np.full(2, 5.0), 2))
        owners = sys.getrefcount(pair.one), sys.getrefcount(pair.two[0])
        assert (call(pair), pair.one.tolist()) == (11.0, [11.0, 1.0, 1.0])
        assert (sys.getrefcount(pair.one), sys.getrefcount(pair.two[0])) == owners
