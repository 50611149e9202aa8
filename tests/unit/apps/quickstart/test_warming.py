"""Kernels compiled beside the chain: what waits, what is said when it fails, and that nothing is left running."""

from __future__ import annotations

import io
import subprocess
from typing import Any

import pytest

from tallystick.apps.quickstart import warming
from tallystick.apps.quickstart.warming import BESIDE, compiling_beside
from tallystick.contracts.errors import TallystickError


def test_a_step_waits_for_its_own_kernels_and_no_longer() -> None:
    said = io.StringIO("a warning of some library\nrun\nsession\nreplay\n")
    wait_for = warming._waiter(said)
    wait_for("market")
    assert said.tell() == 0
    wait_for("run")
    wait_for("run")
    assert said.read() == "session\nreplay\n"


@pytest.mark.parametrize("step", BESIDE)
def test_a_failed_compilation_is_told_by_the_step_that_needs_it(step: str) -> None:
    wait_for = warming._waiter(io.StringIO("Traceback (most recent call last):\nValueError: no room for code\n\n"))
    with pytest.raises(TallystickError, match=rf"step {step} to compile, found: ValueError: no room for code"):
        wait_for(step)


def test_the_other_process_ends_with_the_chain_whatever_ended_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []

    class Kept(subprocess.Popen[str]):
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            super().__init__(*arguments, **settings)
            started.append(self)

    monkeypatch.setattr(warming, "is_compiled", lambda _: False)
    monkeypatch.setattr(subprocess, "Popen", Kept)

    def walk() -> None:
        with compiling_beside():
            assert [process.poll() for process in started] == [None]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        walk()
    assert started[0].returncode is not None


@pytest.mark.parametrize(("folder", "compiled"), [("kept", True), (None, False)])
def test_nothing_is_started_where_all_is_compiled_or_nothing_can_be_kept(folder: str | None, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "CACHE_FOLDER", folder)
    monkeypatch.setattr(warming, "is_compiled", lambda _: compiled)
    monkeypatch.delattr(subprocess, "Popen")
    with compiling_beside() as wait_for:
        for step in BESIDE:
            wait_for(step)
