"""Which file is which recording: told by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tallystick.adapters.recordings.cassettes import read_cassette
from tallystick.adapters.recordings.lines import UNREADABLE, open_lines, read_lines
from tallystick.adapters.recordings.recorded_message import RecordedMessage
from tallystick.contracts.errors import DataError

LINE_ENDINGS = (".gz", ".jsonl", ".ndjson", ".txt")
CASSETTE_ENDINGS = (".yaml", ".yml")


def read_document(path: Path, name: str) -> Iterator[RecordedMessage]:
    """A file that is one message. Raises DataError when it cannot be read."""
    try:
        with open_lines(path) as file:
            yield RecordedMessage(file.read().strip(), 0, f"{name}:1")
    except UNREADABLE as error:
        raise DataError(f"expected a recorded message, found a file that cannot be read: {error}", where=str(path)) from error


def reader_of(path: Path) -> Callable[[Path, str], Iterator[RecordedMessage]] | None:
    """The reader for a file, or None when its name is of no known recording."""
    name = path.name
    if name.endswith((".json", ".json.gz")):
        return read_document
    if name.endswith(CASSETTE_ENDINGS):
        return read_cassette
    return read_lines if name.endswith(LINE_ENDINGS) else None


def recording_files(path: Path) -> tuple[Path, ...]:
    """A recording, or all below a folder, sorted. Raises DataError when there is none."""
    if path.is_dir():
        found = tuple(sorted(item for item in path.rglob("*") if item.is_file() and reader_of(item) is not None))
    else:
        found = (path,) if path.is_file() and reader_of(path) is not None else ()
    if not found:
        known = ", ".join((".json", *CASSETTE_ENDINGS, *LINE_ENDINGS))
        raise DataError(f"expected a recording or a folder of recordings ({known}), found none", where=str(path))
    return found


def other_files(path: Path) -> tuple[Path, ...]:
    """The files below a folder that are no recordings by their names, sorted: a replay says that it left them out."""
    return tuple(sorted(item for item in path.rglob("*") if item.is_file() and reader_of(item) is None)) if path.is_dir() else ()


def recording_name(folder: Path, recording: Path) -> str:
    """What a recording below a folder is called: files of one name in two folders are two recordings."""
    return recording.relative_to(folder).as_posix() if recording != folder else recording.name


def read_recording(path: Path, name: str = "") -> Iterator[RecordedMessage]:
    """The messages of one recording; `name` (by default the file's) begins the source of each.

    Raises DataError for a file of no known format, or one that cannot be read.
    """
    reader = reader_of(path)
    if reader is None:
        raise DataError("expected a file of a known recording format, found another", where=str(path))
    return reader(path, name or path.name)
