from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tallystick.adapters.compute.local_processes import ChildProcessFailed, LocalProcesses
from tallystick.contracts.errors import ConfigurationError, DataError


@dataclass(frozen=True)
class Family:
    family: str = "first"

    def prepare(self) -> None:
        os.write(1, b"libraries print; it must not break the protocol")


@dataclass(frozen=True)
class Work:
    what: str
    family: str = "first"

    def prepare(self) -> None:
        return

    def run(self) -> Iterator[object]:
        yield self.family, os.getpid()
        if self.what == "environment":
            yield {name: os.environ[name] for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "NUMBA_NUM_THREADS")}
        if self.what == "refuse":
            raise DataError("too few rows", where="row 7", hint="give more")
        if self.what == "crash":
            raise ValueError("a bug")
        if self.what == "die":
            os._exit(9)
        if self.what == "sleep":
            time.sleep(60)


def run(*tasks: Work, families: tuple[str, ...] = ("first",)) -> list:
    results: list = []
    with LocalProcesses().start([Family(name) for name in families]) as workers:
        workers.run(tasks, on_result=results.append, on_wait=lambda: None)
    return results


def test_each_family_has_one_child_of_its_own() -> None:
    found = run(Work("plain", "first"), Work("plain", "second"), Work("plain", "first"), families=("first", "second"))
    processes = {name: {pid for family, pid in found if family == name} for name in ("first", "second")}
    assert len(processes["first"]) == len(processes["second"]) == 1
    assert processes["first"] != processes["second"]
    assert os.getpid() not in processes["first"] | processes["second"]


def test_thread_counts_and_wait_policy_are_set_before_anything_is_imported() -> None:
    assert run(Work("environment"))[1] == {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "NUMBA_NUM_THREADS": "1"}


def test_own_error_of_a_child_arrives_whole() -> None:
    with pytest.raises(DataError) as caught:
        run(Work("refuse"))
    assert (caught.value.message, caught.value.where, caught.value.hint) == ("too few rows", "row 7", "give more")


@pytest.mark.parametrize(("what", "word"), [("crash", "ValueError: a bug"), ("die", "ended with code 9")])
def test_crash_of_a_child_is_one_clear_error(what: str, word: str) -> None:
    with pytest.raises(ChildProcessFailed, match=word):
        run(Work(what))


def test_interrupt_ends_the_children() -> None:
    pids: list[int] = []

    def stop(result: tuple[str, int]) -> None:
        pids.append(result[1])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), LocalProcesses().start([Family()]) as workers:
        workers.run([Work("sleep")], on_result=stop, on_wait=lambda: None)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_unknown_family_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="stranger"):
        run(Work("plain", "stranger"))
