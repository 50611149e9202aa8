"""The quarantine file only grows, and gives every byte back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.adapters.recordings.quarantine_file import QuarantineFile, read_quarantine
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.market_events import Quarantined


def kept(message: bytes) -> Quarantined:
    return Quarantined("malformed_json", "no JSON", "binance", "trade", 1_700_000_000_000_000_001, "feed:3", 1, True, message)


@pytest.mark.clause("D4.24", "D4.26")
def test_every_byte_and_reason_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "quarantine.jsonl"
    messages = [b"plain text", b"\xff\x00\xfe", '{"ä":"\\n"}'.encode(), b""]
    with QuarantineFile(path) as file:
        for message in messages[:2]:
            file.append(kept(message))
    before = path.read_bytes()
    with QuarantineFile(path, sync=True) as file:
        for message in messages[2:]:
            file.append(kept(message))
    assert path.read_bytes().startswith(before)
    lines = list(read_quarantine(path))
    assert [line.message() for line in lines] == messages
    assert {(line.reason, line.received_ns, line.source) for line in lines} == {("malformed_json", "1700000000000000001", "feed:3")}


def test_no_file_where_nothing_was_kept_aside(tmp_path: Path) -> None:
    with QuarantineFile(tmp_path / "quarantine.jsonl"):
        pass
    assert not (tmp_path / "quarantine.jsonl").exists()


def test_refuses_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError):
        QuarantineFile(tmp_path / "file" / "quarantine.jsonl").append(kept(b""))


def test_names_the_line_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "quarantine.jsonl"
    path.write_text("{}\n")
    with pytest.raises(ArtifactError, match=r"quarantine\.jsonl:1"):
        list(read_quarantine(path))
