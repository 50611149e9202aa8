from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
import yaml

from tallystick.artifacts.atomic import make_folder, replace_files, write_atomic_bytes, write_atomic_json, write_atomic_yaml
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.contracts.errors import ArtifactError


@pytest.mark.clause("D1.04")
def test_writes_and_answers_the_checksum(tmp_path):
    path = tmp_path / "a" / "b.json"
    digest = write_atomic_json(path, {"b": 1, "a": 2})
    assert path.read_bytes() == b'{"a":2,"b":1}\n'
    assert digest == sha256_bytes(path.read_bytes())
    assert [item.name for item in path.parent.iterdir()] == ["b.json"]


@pytest.mark.clause("D1.05")
def test_yaml_has_sorted_keys_and_the_same_guarantee(tmp_path):
    path = tmp_path / "plan.yaml"
    write_atomic_yaml(path, {"z": [1, 2], "a": {"y": 1.5}})
    assert path.read_text() == "a:\n  y: 1.5\nz:\n- 1\n- 2\n"
    assert yaml.safe_load(path.read_text()) == {"z": [1, 2], "a": {"y": 1.5}}


@pytest.mark.clause("D1.04", "D1.05")
@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_whole_and_nothing_beside_it(tmp_path, monkeypatch, step):
    path = tmp_path / "x.json"
    write_atomic_bytes(path, b"old")

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    if step == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    elif step == "replace":
        monkeypatch.setattr(Path, "replace", full)
    else:
        monkeypatch.setattr(Path, "open", full)
    with pytest.raises(ArtifactError, match=r"expected to write x.json, found: No space left on device.*Free some space"):
        write_atomic_bytes(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["x.json"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="expected to write"):
        make_folder(tmp_path / "file" / "below")


def _write_for_ever(path: str) -> None:
    number = 0
    while True:
        write_atomic_bytes(Path(path), (b"%d" % (number % 10)) * 100_000)
        number += 1


@pytest.mark.clause("D1.04")
def test_a_reader_sees_one_whole_file_also_when_the_writer_is_killed(tmp_path):
    path = tmp_path / "x.bin"
    write_atomic_bytes(path, b"0" * 100_000)
    for _ in range(3):
        process = multiprocessing.get_context("spawn").Process(target=_write_for_ever, args=(str(path),))
        process.start()
        deadline = time.monotonic() + 1.2
        while time.monotonic() < deadline:
            data = path.read_bytes()
            assert len(data) == 100_000
            assert len(set(data)) == 1
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        data = path.read_bytes()
        assert len(data) == 100_000
        assert len(set(data)) == 1
    write_atomic_bytes(path, b"after")
    assert [item.name for item in tmp_path.iterdir()] == ["x.bin"], "what the killed writers left is swept by the next write"


def test_replaced_files_appear_whole_and_what_a_refusal_left_is_told(tmp_path: Path) -> None:
    files = {tmp_path / "a" / "one.json": b"1", tmp_path / "b" / "two.json": b"2"}
    replace_files(files)
    assert {path: path.read_bytes() for path in files} == files
    (tmp_path / "c").write_bytes(b"a file where a folder should be")
    with pytest.raises(ArtifactError, match="expected to write"):
        replace_files({tmp_path / "a" / "one.json": b"3", tmp_path / "c" / "three.json": b"3"})
    assert (tmp_path / "a" / "one.json").read_bytes() == b"3"
    assert [path.name for path in sorted(tmp_path.rglob("*.tmp"))] == []
