from __future__ import annotations

import subprocess

import pytest

from tallystick.artifacts.checksum import sha256_file
from tallystick.artifacts.seal import SEAL_NAME, break_seal, check_seal, is_sealed, seal_folder, seal_sha256
from tallystick.contracts.errors import ArtifactError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "own").mkdir()
    (tmp_path / "a.json").write_bytes(b'{"a":1}\n')
    (tmp_path / "sub" / "b.bin").write_bytes(bytes(range(40)))
    (tmp_path / "own" / "c.txt").write_bytes(b"c")
    seal_folder(tmp_path / "own")
    seal_folder(tmp_path)
    return tmp_path


def test_a_sealed_folder_checks_out_and_sha256sum_agrees(folder):
    assert check_seal(folder) == []
    assert is_sealed(folder)
    assert subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SEAL_NAME], cwd=folder, check=False).returncode == 0


def test_a_subfolder_with_its_own_seal_is_left_to_it(folder):
    (folder / "own" / "c.txt").write_bytes(b"changed")
    assert check_seal(folder) == []
    assert [failure.path.name for failure in check_seal(folder / "own")] == ["c.txt"]


def test_any_flipped_bit_of_any_file_or_of_the_seal_is_seen(folder):
    for path in [folder / "a.json", folder / "sub" / "b.bin", folder / SEAL_NAME]:
        data = path.read_bytes()
        for index in range(len(data)):
            for bit in (0, 5):
                changed = bytearray(data)
                changed[index] ^= 1 << bit
                path.write_bytes(bytes(changed))
                assert check_seal(folder), f"{path.name} byte {index} bit {bit}"
        path.write_bytes(data)
    assert check_seal(folder) == []


def test_missing_and_added_files_are_named(folder):
    (folder / "sub" / "b.bin").unlink()
    (folder / "new.txt").write_text("x")
    found = {(failure.path.name, failure.found) for failure in check_seal(folder)}
    assert found == {("b.bin", "none"), ("new.txt", "a file added after sealing")}


def test_the_seal_is_the_same_for_the_same_files(folder):
    before = seal_sha256(folder)
    break_seal(folder)
    assert not is_sealed(folder)
    with pytest.raises(ArtifactError, match="expected the file SHA256SUMS"):
        seal_sha256(folder)
    assert seal_folder(folder) == before


def test_a_hash_that_the_writer_knows_is_taken_and_a_wrong_one_is_seen(folder):
    expected = seal_folder(folder)
    name, path = next((path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*")) if path.is_file() and path.name != SEAL_NAME)
    assert seal_folder(folder, {name: sha256_file(path)}) == expected
    seal_folder(folder, {name: "0" * 64})
    assert [failure.path for failure in check_seal(folder)] == [path]
