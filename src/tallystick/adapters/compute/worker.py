"""A child process of `local_processes`: reads work from standard input, answers with their results. It ends when its parent does."""

from __future__ import annotations

import os
import pickle
import struct
import sys
import traceback
from typing import Any, BinaryIO

from tallystick.contracts.errors import TallystickError

HEADER = struct.Struct("<Q")


def write_message(stream: BinaryIO, message: Any) -> None:
    """Length, then the pickled message."""
    data = pickle.dumps(message, protocol=5)
    stream.write(HEADER.pack(len(data)))
    stream.write(data)
    stream.flush()


def read_message(stream: BinaryIO) -> Any:
    """The next message. Raises EOFError when the other end is gone."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        raise EOFError("no further message")
    (size,) = HEADER.unpack(header)
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("a message that was cut")
    return pickle.loads(data)  # noqa: S301 - both ends of the pipe are ours


def _answer(out: BinaryIO, task: Any, held: list[Any]) -> None:
    """Work that a child understands: ("prepare", family), ("hold", job), ("part", part of the held job), or a task with results of its own."""
    kind = task[0] if isinstance(task, tuple) else "run"
    try:
        if kind == "prepare":
            task[1].prepare()
        elif kind == "hold":
            held[:] = [task[1]]
            task[1].prepare()
        elif kind == "part":
            write_message(out, ("result", held[0].run(task[1])))
        else:
            for result in task.run():
                write_message(out, ("result", result))
    except TallystickError as error:
        write_message(out, ("failed", type(error), error.message, error.where, error.hint))
    except (ArithmeticError, LookupError, ValueError, TypeError, AttributeError, ImportError, MemoryError, OSError, RuntimeError, AssertionError) as error:
        traceback.print_exc(file=sys.stderr)
        write_message(out, ("crashed", f"{type(error).__name__}: {error}"))
    else:
        write_message(out, ("done", kind))


def main() -> None:
    """Serve until standard input closes. Libraries that print go to standard error, so that they cannot break the protocol."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    stream = sys.stdin.buffer
    held: list[Any] = []
    while True:
        try:
            task = read_message(stream)
        except EOFError:
            return
        _answer(out, task, held)


if __name__ == "__main__":
    main()
