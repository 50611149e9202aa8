"""Text of a recording as columns of trades: whole lines are read one piece after the other and scanned by several threads at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy import int64, uint8
from numpy.typing import NDArray

from tallystick.adapters.recordings.lines import UNREADABLE, open_lines
from tallystick.kernels import trade_lines as kernels

CHUNK_BYTES = 2**21
SHORTEST_TRADE = 100
# Of one piece; a line with one coin more is left to others.
COINS = 1024
SCANNERS = 2
# Pieces that wait for a scanner, are scanned, or wait to be taken.
PIECES_AHEAD = 4


class ScannedLines(NamedTuple):
    """text of whole lines; lines[L, LINE_COLUMNS] and trades[E, TRADE_COLUMNS] of `kernels.trade_lines`; coins: names of the rows of COIN."""

    text: memoryview
    lines: NDArray[int64]
    trades: NDArray[int64]
    coins: tuple[str, ...]


def scanned_lines(path: Path) -> Iterator[ScannedLines]:
    """All lines of a file in its order, some thousand at a time. Raises one of UNREADABLE where it cannot be read, after all that was read before."""
    with open_lines(path) as file, ThreadPoolExecutor(SCANNERS) as scanners:
        texts, broken = _whole_lines(file), None
        coming: deque[Future[list[ScannedLines]]] = deque()
        text: memoryview | None = memoryview(b"")
        while text is not None or coming:
            try:
                text = next(texts, None)
            except UNREADABLE as error:
                text, broken = None, error
            if text is not None:
                coming.append(scanners.submit(_scan, text))
            if coming and (text is None or len(coming) == PIECES_AHEAD):
                yield from coming.popleft().result()
        if broken is not None:
            raise broken


def _whole_lines(file: IO[bytes]) -> Iterator[memoryview]:
    """Pieces that end with a line; what is left of one and the next are one piece of memory, into which the file is read."""
    rest = memoryview(b"")
    while True:
        chunk = np.empty(len(rest) + CHUNK_BYTES, dtype=np.uint8).data
        chunk[: len(rest)] = rest
        read = file.readinto(chunk[len(rest) :])  # type: ignore[attr-defined]
        if not read:
            break
        text = chunk[: len(rest) + read]
        whole = _after_last_line(text)
        if whole:
            yield text[:whole]
        rest = text[whole:]
    if rest:
        yield rest


def _after_last_line(text: memoryview) -> int:
    """The place after the last newline; 0 for none."""
    step = 4096
    for start in range(len(text) - len(text) % step, -1, -step):
        place = bytes(text[start : start + step]).rfind(b"\n")
        if place >= 0:
            return start + place + 1
    return 0


def _scan(text: memoryview) -> list[ScannedLines]:
    coins, slots = np.zeros((COINS, kernels.COIN_COLUMNS), dtype=np.int64), np.full(4 * COINS, -1, dtype=np.int64)
    known, parts, start = np.zeros(1, dtype=np.int64), [], 0
    while start < len(text):
        part = text[start:]
        size = len(part) // SHORTEST_TRADE + 16
        lines, trades = np.empty((size, kernels.LINE_COLUMNS), dtype=np.int64), np.empty((size, kernels.TRADE_COLUMNS), dtype=np.int64)
        found, written = kernels.scan_trade_lines(np.frombuffer(part, dtype=uint8), lines, trades, coins, slots, known)
        start += int(lines[found - 1, kernels.LINE_END]) + 1
        parts.append((part, lines[:found], trades[:written]))
    names = tuple(row.astype("<i8").tobytes().rstrip(b"\0").decode("utf-8", "replace") for row in coins[: known[0]])
    return [ScannedLines(*part, names) for part in parts]
