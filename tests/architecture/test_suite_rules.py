"""The suite's own rules: skips come from a list, none in CI, and outcomes are recorded by clause."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import refused_skip
from tests.fakes.shared_data import REASON
from tests.fakes.source_tree import ROOT

SUITE = """
import pytest

@pytest.mark.clause("D1.01")
def test_passes():
    pass

@pytest.mark.clause("D1.02")
def test_skips():
    pytest.skip({reason!r})

@pytest.mark.clause("D1.03", "D1.04")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_many(number):
    assert number != {bad}
"""
SETTINGS = "[pytest]\naddopts = --import-mode=importlib\nmarkers =\n    clause(*ids): clauses\n"


def run_suite(folder: Path, reason: str, bad: int = 0, ci: bool = False, arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    for name in ("conftest.py", "allowed_skips.toml"):
        shutil.copy(ROOT / "tests" / name, folder / name)
    (folder / "pytest.ini").write_text(SETTINGS)
    (folder / "test_it.py").write_text(SUITE.format(reason=reason, bad=bad))
    environment = {**{key: value for key, value in os.environ.items() if key != "CI"}, **({"CI": "true"} if ci else {})}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--conformance-json", str(folder / "results.json"), *arguments, str(folder)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.clause("D4.145")
def test_listed_skip_is_allowed_and_recorded_as_skipped(tmp_path: Path) -> None:
    answer = run_suite(tmp_path, REASON)
    assert answer.returncode == 0, answer.stdout
    assert json.loads((tmp_path / "results.json").read_text()) == {
        "D1.01": {"test_it.py::test_passes": "passed"},
        "D1.02": {"test_it.py::test_skips": "skipped"},
        "D1.03": {"test_it.py::test_many": "passed"},
        "D1.04": {"test_it.py::test_many": "passed"},
    }


@pytest.mark.clause("D4.145")
def test_unlisted_skip_fails_with_its_cure(tmp_path: Path) -> None:
    answer = run_suite(tmp_path, "I felt like it")
    assert answer.returncode == 1
    assert "allowed_skips.toml" in answer.stdout


@pytest.mark.clause("D4.145")
def test_no_skip_is_allowed_in_ci(tmp_path: Path) -> None:
    assert run_suite(tmp_path, REASON, ci=True).returncode == 1


def test_outcome_of_a_parametrised_test_is_its_worst_case_also_across_workers(tmp_path: Path) -> None:
    answer = run_suite(tmp_path, REASON, bad=2, arguments=("-n", "1"))
    assert answer.returncode == 1
    assert json.loads((tmp_path / "results.json").read_text())["D1.04"] == {"test_it.py::test_many": "failed"}


def test_reasons_are_matched_word_for_word() -> None:
    assert refused_skip(REASON, {}) is None
    assert refused_skip(REASON + "!", {}) is not None
    assert refused_skip(REASON, {"CI": "true"}) is not None
