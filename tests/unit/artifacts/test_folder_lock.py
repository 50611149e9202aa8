"""A folder is held by one writer, or by several that share it; of those the last is told that it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.artifacts.folder_lock import is_held, locked, shared
from tallystick.contracts.errors import ArtifactError


def test_one_writer_keeps_every_other_out(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert is_held(tmp_path)
        with pytest.raises(ArtifactError, match="only writer"), locked(tmp_path, wait=False):
            pass
    assert not is_held(tmp_path)


def test_of_those_that_share_a_folder_the_last_holds_it_alone(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    with shared(folder) as first_is_last:
        with shared(folder) as second_is_last:
            assert not second_is_last()
        assert not is_held(folder)
        assert first_is_last()
        assert is_held(folder)
    assert not is_held(folder)


def test_two_that_end_at_once_leave_one_last(tmp_path: Path) -> None:
    with shared(tmp_path) as one, shared(tmp_path) as other:
        assert [one(), other()] == [False, True]
