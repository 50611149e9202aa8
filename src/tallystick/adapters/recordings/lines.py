"""Recordings with one message a line, plain or compressed: `<ns> <json>`, `<epoch>: <json>`, `<url> -> <epoch>: <json>`, or bare JSON.

A line that fits none of these is given as it is, so that the decoder keeps it aside; nothing is skipped but blank lines and the head of a recording.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tallystick.adapters.recordings.recorded_message import RecordedMessage, in_64_bits, nanoseconds_of
from tallystick.contracts.errors import DataError

# Nanoseconds have eighteen digits since 1973. Sixteen are microseconds, which taken for nanoseconds would date a message in 1970.
_STAMPED = re.compile(rb"^([0-9]{18,19}) (.+)$", re.DOTALL)
_EPOCH = re.compile(rb"^([0-9]{9,10}(?:\.[0-9]{1,9})?): (.+)$", re.DOTALL)
_ANSWER = re.compile(rb"^(\w+://\S+) -> ([0-9]{9,10}(?:\.[0-9]{1,9})?): (.+)$", re.DOTALL)
UNREADABLE = (OSError, EOFError, zlib.error)
# The first line of a recording names its connection and is no message.
_HEAD = re.compile(rb"^\w+://\S+ <-> [0-9.]+$")


def open_lines(path: Path) -> IO[bytes]:
    """The bytes of a file, decompressed when its name ends in `.gz`."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def read_lines(path: Path, name: str) -> Iterator[RecordedMessage]:
    """The messages of a file of this name, in its order. Raises DataError when the file cannot be read to its end; what was read before has been given."""
    number = 0
    try:
        with open_lines(path) as lines:
            for number, line in enumerate(lines, 1):
                message = message_of(line, number, name)
                if message is not None:
                    yield message
    except UNREADABLE as error:
        raise unreadable(path, number, error) from error


def unreadable(path: Path, number: int, error: Exception) -> DataError:
    """What to say of a recording that breaks off."""
    return DataError(f"expected a whole recording, found it unreadable after line {number}: {error}", where=str(path))


def message_of(line: bytes, number: int, name: str) -> RecordedMessage | None:
    """The message of line `number` (from 1) of a recording, or None for a blank line or the head."""
    content = line.strip()
    return read_line(content, f"{name}:{number}") if content and not (number == 1 and _HEAD.match(content)) else None


def read_line(line: bytes, source: str) -> RecordedMessage:
    """One line, whatever it holds."""
    stamped = _STAMPED.match(line)
    if stamped is not None and (received_ns := in_64_bits(int(stamped.group(1)))) is not None:
        return RecordedMessage(stamped.group(2), received_ns, source)
    epoch = _EPOCH.match(line)
    if epoch is not None and (received_ns := nanoseconds_of(epoch.group(1).decode())) is not None:
        return RecordedMessage(epoch.group(2), received_ns, source)
    answer = _ANSWER.match(line)
    if answer is not None and (received_ns := nanoseconds_of(answer.group(2).decode())) is not None:
        return RecordedMessage(answer.group(3), received_ns, source, answer.group(1).decode("utf-8", "replace"))
    return RecordedMessage(line, 0, source)
