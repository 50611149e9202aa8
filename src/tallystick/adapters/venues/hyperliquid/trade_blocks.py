"""Recorded trades in blocks: runs of lines whose layout is known to the letter become columns, by compiled code; every other line is decoded by itself.

Nothing is judged otherwise than in a stream: a block holds only lines of which no rule of admission could refuse anything, and the first line that is not
so goes through the ordinary decoder, with all that was remembered before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy import int64, uint8
from numpy.typing import NDArray

from tallystick.adapters.recordings.lines import UNREADABLE, message_of, open_lines, unreadable
from tallystick.adapters.venues.message_decoder import MessageDecoder
from tallystick.adapters.venues.refusals import NS_PER_MS
from tallystick.contracts.market_events import Control, Quarantined, VenueEvent
from tallystick.kernels import trade_lines as kernels
from tallystick.kernels import trade_runs

CHUNK_BYTES = 2**21
SHORTEST_TRADE = 100
COINS = 1024
# So many trades are taken before the table of their ids is made anew.
ROOM = 100_000
# After a run too short to be worth a block, so many lines are decoded by themselves.
SHORT_RUN, LINES_ALONE = 64, 512
SIDES = ("buy", "sell")
Item = VenueEvent | Quarantined | Control
_Part = tuple[bytes, NDArray[int64], NDArray[int64], int]
"""Text of whole lines, their lines and trades as columns, and how many names were known after them."""


@dataclass(frozen=True, slots=True)
class TradeBlock:
    """Trades of consecutive messages: event ids from first_id on, and the columns of `kernels.trade_lines`.

    text: the bytes that the columns point into. lines[L, LINE_COLUMNS] from line number first_line on; trades[E, TRADE_COLUMNS]; names of the coins' rows.
    """

    venue: str
    first_id: int
    recording: str
    first_line: int
    names: tuple[str, ...]
    text: bytes
    lines: NDArray[int64]
    trades: NDArray[int64]

    def __len__(self) -> int:
        return len(self.trades)

    @property
    def times_ns(self) -> NDArray[int64]:
        """The venue's time of each trade."""
        return self.trades[:, kernels.TIME_MS] * NS_PER_MS

    @property
    def newest_ns(self) -> int:
        """The newest of all times of receipt and of the venue."""
        return max(int(self.times_ns.max()), int(self.lines[:, kernels.RECEIVED_NS].max()))

    @property
    def symbols(self) -> frozenset[str]:
        """Coins that were traded."""
        return frozenset(self.names[row] for row in np.unique(self.trades[:, kernels.COIN]).tolist())

    def events(self) -> Iterator[VenueEvent]:
        """The same events, one by one, as the stream's decoder gives them."""
        number, text, names, venue = self.first_id, self.text, self.names, self.venue
        rows = iter(self.trades.tolist())
        for place, (_, _, received_ns, _, count) in enumerate(self.lines.tolist(), self.first_line):
            source = f"{self.recording}:{place}"
            for index in range(count):
                coin, side, time_ms, tid, _, _, price, price_length, _, _, size, size_length = next(rows)
                values = {
                    "price": text[price : price + price_length].decode(),
                    "quantity": text[size : size + size_length].decode(),
                    "side": SIDES[side],
                    "trade_id": tid,
                }
                traced = f"{source}#{index}" if index else source
                yield VenueEvent(number, "TRADE", venue, names[coin], time_ms * NS_PER_MS, received_ns, traced, "venue", values)
                number += 1


class BlockDecoder:
    """Reads recordings of one line a message for a decoder of Hyperliquid, which judges and counts; nothing else may use that decoder meanwhile."""

    def __init__(self, decoder: MessageDecoder) -> None:
        self._decoder = decoder
        self._coins = np.zeros((COINS, kernels.COIN_COLUMNS), dtype=np.int64)
        self._slots = np.full(4 * COINS, -1, dtype=np.int64)
        self._known = np.zeros(1, dtype=np.int64)
        self._names: tuple[str, ...] = ()
        self._taken, self._last_ns = np.zeros(COINS, dtype=np.int64), np.zeros(COINS, dtype=np.int64)
        self._table = np.empty(0, dtype=np.int64)
        self._room = 0
        self._waiting: list[NDArray[int64]] = []
        self._fresh: dict[int, tuple[int, NDArray[int64]]] = {}
        self._recalled: dict[str, NDArray[int64]] = {}

    def decode(self, path: Path) -> Iterator[TradeBlock | Item]:
        """Blocks and single items, in the order of the file; the next lines are read and scanned by a second thread meanwhile.

        Raises DataError when the file cannot be read to its end; what was read before has been given.
        """
        number = 1
        self._recall(0)
        try:
            with open_lines(path) as file, ThreadPoolExecutor(1) as ahead:
                scanned = self._scan(file)
                coming = ahead.submit(next, scanned, None)
                while (part := coming.result()) is not None:
                    coming = ahead.submit(next, scanned, None)
                    yield from self._judge(*part, path.name, number)
                    number += len(part[1])
        except UNREADABLE as error:
            raise unreadable(path, number - 1, error) from error
        finally:
            self._remember()

    def _scan(self, file: IO[bytes]) -> Iterator[_Part]:
        """The lines of a file, some thousand at a time. Only this touches the table of names; others read the rows that a part says are known."""
        rest = b""
        while chunk := file.read(CHUNK_BYTES):
            whole = chunk.rfind(b"\n") + 1
            if whole:
                yield from self._scan_text(b"".join((rest, memoryview(chunk)[:whole])))
            rest = chunk[whole:] if whole else rest + chunk
        if rest:
            yield from self._scan_text(rest)

    def _scan_text(self, text: bytes) -> Iterator[_Part]:
        start = 0
        while start < len(text):
            part = text[start:] if start else text
            size = len(part) // SHORTEST_TRADE + 16
            lines, trades = np.empty((size, kernels.LINE_COLUMNS), dtype=np.int64), np.empty((size, kernels.TRADE_COLUMNS), dtype=np.int64)
            found, written = kernels.scan_trade_lines(np.frombuffer(part, dtype=uint8), lines, trades, self._coins, self._slots, self._known)
            start += int(lines[found - 1, kernels.LINE_END]) + 1
            yield part, lines[:found], trades[:written], int(self._known[0])

    def _judge(self, text: bytes, lines: NDArray[int64], trades: NDArray[int64], known: int, name: str, number: int) -> Iterator[TradeBlock | Item]:
        limits = self._decoder.admission.limits
        place = 0
        if self._name_coins(known):
            self._recall(len(trades))
        elif self._room < len(trades):
            self._renew_table(len(trades))
        while place < len(lines):
            state = (self._taken, self._last_ns, self._table)
            stop = int(trade_runs.take_plain_lines(lines, trades, place, len(lines), *state, limits.late_ns, limits.ahead_ns))
            if stop > place:
                yield self._block(text, lines[place:stop], trades, name, number + place)
            alone = min(len(lines), stop + (1 if stop - place >= SHORT_RUN else LINES_ALONE))
            if alone > stop:
                self._remember()
                for at in range(stop, alone):
                    message = message_of(text[lines[at, kernels.LINE_START] : lines[at, kernels.LINE_END]], number + at, name)
                    if message is not None:
                        yield from self._decoder.decode(message.message, message.received_ns, message.source, message.asked)
                self._recall(len(trades))
            place = alone

    def _block(self, text: bytes, lines: NDArray[int64], trades: NDArray[int64], name: str, number: int) -> TradeBlock:
        first = int(lines[0, kernels.FIRST_TRADE])
        own = trades[first : int(lines[-1, kernels.FIRST_TRADE] + lines[-1, kernels.TRADES])]
        self._waiting.append(own)
        self._room -= len(own)
        return TradeBlock(self._decoder.venue, self._decoder.took(len(lines), len(own)), name, number, self._names, text, lines, own)

    def _fold(self) -> None:
        """Of all blocks since the last time keep what an admission remembers: each coin's newest time and its last ids."""
        if not self._waiting:
            return
        columns, most = [kernels.COIN, kernels.TIME_MS, kernels.TID], self._decoder.admission.limits.remembered
        coins, times_ms, tids = (np.concatenate([block[:, column] for block in self._waiting]) for column in columns)
        for row in np.unique(coins).tolist():
            mine = np.flatnonzero(coins == row)[-most:]
            before = self._fresh[row][1] if row in self._fresh else tids[:0]
            self._fresh[row] = int(times_ms[mine[-1]]), np.concatenate([before, tids[mine]])[-most:]
        self._waiting.clear()

    def _remember(self) -> None:
        """Tell the decoder of all blocks since the last time, before it judges by itself."""
        self._fold()
        for row in sorted(self._fresh):
            newest_ms, tids = self._fresh[row]
            self._decoder.admission.remember("TRADE", self._names[row], newest_ms * NS_PER_MS, tids.tolist())
        self._fresh.clear()

    def _recall(self, more: int) -> None:
        """Ask the decoder what it remembers: the ids that were seen, and the newest time of each coin."""
        self._remember()
        memory, symbols = self._decoder.admission.memory("TRADE"), self._decoder.admission.symbols
        for row, coin in enumerate(self._names):
            self._taken[row] = coin in symbols if symbols is not None else bool(coin)
            self._last_ns[row] = memory[coin][0] if coin in memory else 0
        self._recalled = {coin: _whole_numbers(identities) for coin, (_, identities) in memory.items()}
        self._renew_table(more)

    def _renew_table(self, more: int) -> None:
        """A table of the ids that the decoder remembers, or would if it were told of the blocks, with room for `more`."""
        self._fold()
        most, seen = self._decoder.admission.limits.remembered, dict(self._recalled)
        for row, (_, tids) in self._fresh.items():
            coin = self._names[row]
            seen[coin] = np.concatenate([seen[coin], tids])[-most:] if coin in seen else tids
        self._room = max(more, ROOM)
        size = 1 << (2 * (self._room + sum(map(len, seen.values()))) - 1).bit_length()
        self._table = np.full(size, -1, dtype=np.int64)
        for tids in seen.values():
            trade_runs.remember_trades(self._table, tids)

    def _name_coins(self, known: int) -> bool:
        """Name the first rows of the table of names, as many as are known; whether new ones came."""
        new = self._coins[len(self._names) : known]
        self._names += tuple(row.astype("<i8").tobytes().rstrip(b"\0").decode("utf-8", "replace") for row in new)
        return len(new) > 0


def _whole_numbers(identities: Iterable[object]) -> NDArray[int64]:
    # The kernel knows ids of at most eighteen digits; others cannot be met there.
    found = list(identities)
    tids = np.array(found) if found else np.empty(0, dtype=np.int64)
    if tids.dtype != np.int64:
        tids = np.array([tid for tid in found if isinstance(tid, int) and 0 <= tid < 10**18], dtype=np.int64)
    return tids[(tids >= 0) & (tids < 10**18)]
