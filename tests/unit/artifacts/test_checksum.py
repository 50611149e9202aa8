from __future__ import annotations

import hashlib

import pytest

from tallystick.artifacts.checksum import sha256_bytes, sha256_file
from tallystick.contracts.errors import ArtifactError


def test_file_and_bytes_agree_with_the_standard_library(tmp_path):
    data = bytes(range(256)) * 5_000
    (tmp_path / "x").write_bytes(data)
    assert sha256_file(tmp_path / "x") == sha256_bytes(data) == hashlib.sha256(data).hexdigest()


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(ArtifactError, match="expected a readable file, found none"):
        sha256_file(tmp_path / "none")
