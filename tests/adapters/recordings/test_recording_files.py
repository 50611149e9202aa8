"""Each recording format as (bytes, receive time, source line), and what cannot be read."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tallystick.adapters.recordings.lines import read_line
from tallystick.adapters.recordings.recorded_message import RecordedMessage, nanoseconds_of
from tallystick.adapters.recordings.recording_files import other_files, read_recording, recording_files
from tallystick.contracts.errors import DataError

CASSETTE = """
version: 1
interactions:
- request: {body: '{"type": "allMids"}', uri: 'https://venue.example/info'}
  response: {body: {string: '{"BTC":"1"}'}, headers: {date: ['Mon, 27 Mar 2023 18:05:22 GMT']}}
- request: {body: null, url: 'https://venue.example/fapi/v1/depth?symbol=A'}
  response: {body: '{"lastUpdateId":1}', headers: {}}
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'1723161255030314667 {"a":1}', RecordedMessage(b'{"a":1}', 1723161255030314667, "r:1")),
        (b'1626992741.06217: {"a":1}', RecordedMessage(b'{"a":1}', 1626992741062170000, "r:1")),
        (b'https://v.example/x?symbol=A -> 1626992741.3: {"a":1}', RecordedMessage(b'{"a":1}', 1626992741300000000, "r:1", "https://v.example/x?symbol=A")),
        (b'{"a":1}', RecordedMessage(b'{"a":1}', 0, "r:1")),
        (b"half a li", RecordedMessage(b"half a li", 0, "r:1")),
        (b"9223372036854775807 {}", RecordedMessage(b"{}", 2**63 - 1, "r:1")),
        (b"9223372036854775808 {}", RecordedMessage(b"9223372036854775808 {}", 0, "r:1")),
        # Microseconds, and milliseconds: not guessed, so the decoder keeps the line aside.
        (b'1723161255030314 {"a":1}', RecordedMessage(b'1723161255030314 {"a":1}', 0, "r:1")),
        (b'1723161255030 {"a":1}', RecordedMessage(b'1723161255030 {"a":1}', 0, "r:1")),
        (b"9999999999.0: {}", RecordedMessage(b"9999999999.0: {}", 0, "r:1")),
        (b"https://v.example/x -> 9999999999.0: {}", RecordedMessage(b"https://v.example/x -> 9999999999.0: {}", 0, "r:1")),
    ],
)
def test_line_gives_bytes_time_and_question(line: bytes, expected: RecordedMessage) -> None:
    assert read_line(line, "r:1") == expected


@pytest.mark.parametrize(("text", "expected"), [("1626992741", 1626992741 * 10**9), ("1626992741.123456789", 1626992741123456789), ("x", None), ("1.x", None)])
def test_seconds_become_nanoseconds_exactly(text: str, expected: int | None) -> None:
    assert nanoseconds_of(text) == expected


def test_only_the_head_and_blank_lines_are_no_messages(tmp_path: Path) -> None:
    path = tmp_path / "feed.txt.gz"
    path.write_bytes(gzip.compress(b"wss://v.example/stream <-> 1626992740.17\n1626992741.0: {}\n\nwss://v.example/stream <-> 1.0\n"))
    assert [(item.message, item.source) for item in read_recording(path)] == [(b"{}", "feed.txt.gz:2"), (b"wss://v.example/stream <-> 1.0", "feed.txt.gz:4")]


def test_cassette_gives_answers_with_their_questions(tmp_path: Path) -> None:
    path = tmp_path / "mids.yaml"
    path.write_text(CASSETTE)
    assert list(read_recording(path)) == [
        RecordedMessage(b'{"BTC":"1"}', 1679940322 * 10**9, "mids.yaml:1", '{"type": "allMids"}'),
        RecordedMessage(b'{"lastUpdateId":1}', 0, "mids.yaml:2", "/fapi/v1/depth?symbol=A"),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.jsonl.gz", gzip.compress(b'1723161255030314667 {"a":1}\n' * 2000, mtime=0)[:-20]),
        ("not.gz", b"plain"),
        ("broken.yaml", b"{"),
        ("other.yaml", b"a: 1"),
        ("half.yaml", b"interactions: [{request: {}}]"),
        ("not.json.gz", b"plain"),
        ("damaged.json.gz", gzip.compress(b"{}", mtime=0)[:10] + b"\x07" * 20),
        ("nowhere.yaml", b"interactions: [{request: {uri: 'http://[::1'}, response: {body: x}}]"),
        ("headers.yaml", b"interactions: [{request: {uri: a}, response: {body: x, headers: [a]}}]"),
        ("day.yaml", b"a: 2020-99-99"),
    ],
)
def test_unreadable_recording_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        list(read_recording(tmp_path / name))
    assert name in error.value.where


def test_folder_gives_its_recordings_sorted_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.json", "a.jsonl", "c.md"):
        (tmp_path / name).write_text("{}")
    assert [path.name for path in recording_files(tmp_path)] == ["a.jsonl", "b.json"]
    assert [path.name for path in other_files(tmp_path)] == ["c.md"]
    assert other_files(tmp_path / "a.jsonl") == ()
    with pytest.raises(DataError):
        recording_files(tmp_path / "c.md")
    with pytest.raises(DataError):
        read_recording(tmp_path / "c.md")
