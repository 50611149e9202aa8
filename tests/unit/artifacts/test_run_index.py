"""The shared index of runs: same rows in three forms, whole under concurrency and crashes, rebuilt when damaged."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from tallystick.artifacts import run_index
from tallystick.artifacts.folder_lock import locked
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.run_index import publish_run, read_index, refresh_index
from tallystick.artifacts.seal import check_seal
from tallystick.artifacts.store import encode_artifact
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.registry import contract
from tallystick.contracts.time import NS_PER_SECOND, ns_from_iso

EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"
NOW_NS = ns_from_iso("2025-07-01T00:00:00Z")


def example(name: str) -> Any:
    return json.loads((EXAMPLES / name / "v1" / "example.json").read_bytes())


def files_of(place: Workspace, run_id: str, total_return: float = 0.1) -> dict[Path, bytes]:
    """The smallest whole run: metadata, config, metrics, report of the examples under another id."""
    found = {name: example(f"runs.{name}") for name in ("metadata", "config", "metrics", "report")}
    stamp, clock = run_id.split("_")[:2]
    created = f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}Z"
    digest = run_id.split("_")[3] + "0" * 57
    found["metadata"] |= {"run_id": run_id, "created_at": created, "config_hash": digest}
    report = found["report"]
    for part in (report["header"], report["machine_contract"]):
        part["run_id"] = run_id
    for part in (report["summary"], report["machine_contract"]["summary"], found["metrics"]["summary"]):
        part["total_return"] = total_return
    return {place.path(f"runs.{name}", run_id=run_id): encode_artifact(contract(f"runs.{name}"), document) for name, document in found.items()}


def publish(root: Path, second: int, digits: str = "0123abc", **more: Any) -> run_index.PublishedRun:
    stem = f"20250701_0000{second:02d}_run_{digits}"
    return publish_run(Workspace(root), stem, lambda place, run_id: files_of(place, run_id, **more), now_ns=NOW_NS + second * NS_PER_SECOND)


def publish_many(root: str, digits: str, count: int) -> None:
    for second in range(count):
        publish(Path(root), second, digits)


def rows(root: Path) -> list[str]:
    return [row.run_id for row in read_index(Workspace(root)).runs]


def assert_good(root: Path) -> None:
    report = verify(root)
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())


@pytest.mark.clause("D3.02", "D3.31", "D3.32")
def test_three_forms_hold_the_same_rows_after_each_run(tmp_path: Path) -> None:
    for second in (2, 0, 1):
        publish(tmp_path, second)
    runs = tmp_path / "outputs" / "runs"
    assert rows(tmp_path) == sorted(rows(tmp_path))
    table = (runs / "runs_index.csv").read_text().splitlines()
    page = [line for line in (runs / "runs_index.md").read_text().splitlines() if line.startswith("| 2025")]
    assert [line.split(",")[0] for line in table[1:]] == rows(tmp_path) == [line.split(" | ")[0].removeprefix("| ") for line in page]
    assert table[0] == "run_id,mode,created_at,git_commit,ticker,start,end,sharpe_simple,total_return,max_drawdown,trades,path"
    assert_good(tmp_path)


@pytest.mark.clause("D3.24")
def test_paper_sessions_are_not_in_the_index(tmp_path: Path) -> None:
    published = publish(tmp_path, 0)
    session = tmp_path / "outputs" / "paper_sessions" / "paper-1"
    session.mkdir(parents=True)
    for path in published.folder.iterdir():
        (session / path.name).write_bytes(path.read_bytes())
    assert [row.run_id for row in refresh_index(Workspace(tmp_path), now_ns=NOW_NS, rebuild=True).index.runs] == [published.run_id]


@pytest.mark.clause("D3.32", "D3.33")
def test_two_processes_lose_no_run(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=publish_many, args=(str(tmp_path), digits, 6)) for digits in ("aaaaaaa", "bbbbbbb")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(rows(tmp_path)) == 12
    assert_good(tmp_path)


def test_two_processes_with_the_same_run_make_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=publish_many, args=(str(tmp_path), "ccccccc", 3)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(rows(tmp_path)) == 3


class Killed(BaseException):
    """The process ends here; nothing after it runs."""


STEPS = ("write_atomic_bytes", "seal_folder", "sync_folder", "break_seal")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("nth", range(1, 10))
def test_kill_between_any_two_files_leaves_no_half_run_in_sight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, nth: int) -> None:
    publish(tmp_path, 0)
    real, calls = getattr(run_index, step), []

    def kill(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == nth:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(run_index, step, kill)
    with contextlib.suppress(Killed):
        publish(tmp_path, 1)
    monkeypatch.undo()
    for folder in (tmp_path / "outputs" / "runs").iterdir():
        if folder.is_dir():
            assert check_seal(folder) == []
    assert set(rows(tmp_path)) <= {path.name for path in (tmp_path / "outputs" / "runs").iterdir()}
    again = publish(tmp_path, 1)
    assert rows(tmp_path) == ["20250701_000000_run_0123abc", again.run_id]
    assert_good(tmp_path)


@pytest.mark.parametrize("name", ["runs_index.json", "runs_index.csv", "runs_index.md", "SHA256SUMS"])
@pytest.mark.parametrize("damage", [b"", b'{"n_runs": 7', None])
def test_damaged_index_is_rebuilt_from_the_folders(tmp_path: Path, name: str, damage: bytes | None) -> None:
    publish(tmp_path, 0)
    publish(tmp_path, 1)
    path = tmp_path / "outputs" / "runs" / name
    path.unlink() if damage is None else path.write_bytes(damage)
    refresh_index(Workspace(tmp_path), now_ns=NOW_NS)
    assert len(rows(tmp_path)) == 2
    assert_good(tmp_path)


def test_forged_row_in_an_unsealed_index_does_not_survive(tmp_path: Path) -> None:
    publish(tmp_path, 0)
    path = tmp_path / "outputs" / "runs" / "runs_index.json"
    document = json.loads(path.read_bytes())
    document["runs"][0]["total_return"] = 9.9
    path.write_text(json.dumps(document))
    reading = refresh_index(Workspace(tmp_path), now_ns=NOW_NS)
    assert reading.index.runs[0].total_return == 0.1


def test_removed_run_leaves_the_index_and_a_foreign_folder_never_enters(tmp_path: Path) -> None:
    first, second = publish(tmp_path, 0), publish(tmp_path, 1)
    for path in first.folder.iterdir():
        path.unlink()
    first.folder.rmdir()
    foreign = tmp_path / "outputs" / "runs" / "notes"
    foreign.mkdir()
    reading = refresh_index(Workspace(tmp_path), now_ns=NOW_NS)
    assert [row.run_id for row in reading.index.runs] == [second.run_id]
    assert dict(reading.left_out) == {"notes": "not sealed: no finished run"}


def test_damaged_run_is_left_out_with_its_reason_and_stops_nobody(tmp_path: Path) -> None:
    published = publish(tmp_path, 0)
    (published.folder / "report.json").write_bytes(b"{}")
    reading = refresh_index(Workspace(tmp_path), now_ns=NOW_NS, rebuild=True)
    assert list(reading.left_out) == [published.run_id]
    assert rows(tmp_path) == []
    assert publish(tmp_path, 5).is_new


def test_unchanged_index_keeps_its_bytes(tmp_path: Path) -> None:
    publish(tmp_path, 0)
    path = tmp_path / "outputs" / "runs" / "runs_index.json"
    before = path.read_bytes()
    refresh_index(Workspace(tmp_path), now_ns=NOW_NS + 99 * NS_PER_SECOND)
    assert path.read_bytes() == before


def test_read_only_place_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("a file, not a folder")
    with pytest.raises(ArtifactError, match="expected to write"):
        publish(tmp_path, 0)


def test_lock_is_released_when_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(Killed), locked(tmp_path):
        raise Killed
    with locked(tmp_path):
        pass
