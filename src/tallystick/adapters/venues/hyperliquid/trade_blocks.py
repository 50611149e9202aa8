"""Recorded trades in blocks: runs of lines whose layout is known to the letter become columns, by compiled code; every other line is decoded by itself.

Nothing is judged otherwise than in a stream: a block holds only lines of which no rule of admission could refuse anything, and the first line that is not
so goes through the ordinary decoder, with all that was remembered before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.adapters.recordings.lines import UNREADABLE, message_of, unreadable
from tallystick.adapters.venues.hyperliquid.trade_scanning import COINS, ScannedLines, scanned_lines
from tallystick.adapters.venues.message_decoder import MessageDecoder, event_of
from tallystick.adapters.venues.refusals import NS_PER_MS
from tallystick.contracts.market_events import Control, Quarantined, VenueEvent
from tallystick.kernels import trade_lines as kernels
from tallystick.kernels import trade_runs
from tallystick.observation.ports import TradeColumns

# So many trades are taken before the table of their ids is made anew.
ROOM = 100_000
# After a run too short to be worth a block, so many lines are decoded by themselves.
SHORT_RUN, LINES_ALONE = 64, 512
SIDES = ("buy", "sell")
# Powers of ten that floats hold exactly, and the largest whole number up to which they hold every one.
POWERS, EXACT = np.array([float(10**power) for power in range(19)]), 2**53
Answers = tuple[VenueEvent | Quarantined | Control, ...]


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
    text: memoryview
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

    @property
    def line_times_ns(self) -> NDArray[int64]:
        """When each line came; where that is not known, the newest time of its trades."""
        received = self.lines[:, kernels.RECEIVED_NS]
        newest = np.maximum.reduceat(self.times_ns, self.lines[:, kernels.FIRST_TRADE] - self.lines[0, kernels.FIRST_TRADE])
        return np.where(received > 0, received, newest)

    def columns(self) -> TradeColumns:
        """The same trades as the room takes them at once; prices and quantities as `float` reads their text."""
        counts = self.lines[:, kernels.TRADES]
        return TradeColumns(
            self.recording,
            self.names,
            self.trades[:, kernels.COIN],
            self.times_ns,
            self._numbers(kernels.PRICE_UNITS, kernels.PRICE_DECIMALS, kernels.PRICE_TEXT),
            self._numbers(kernels.SIZE_UNITS, kernels.SIZE_DECIMALS, kernels.SIZE_TEXT),
            self.trades[:, kernels.SIDE],
            np.repeat(np.arange(self.first_line, self.first_line + len(counts)), counts),
            np.arange(len(self)) - np.repeat(np.cumsum(counts) - counts, counts),
        )

    def _numbers(self, units_at: int, decimals_at: int, text_at: int) -> NDArray[float64]:
        units = self.trades[:, units_at]
        numbers: NDArray[float64] = units / POWERS[self.trades[:, decimals_at]]
        # A quotient of two exact numbers is rounded once, as the text is; longer digits are no exact numbers.
        for place in np.flatnonzero(units > EXACT).tolist():
            start, length = self.trades[place, text_at : text_at + 2].tolist()
            numbers[place] = float(self.text[start : start + length])
        return numbers

    def events(self) -> Iterator[VenueEvent]:
        """The same events, one by one, as the stream's decoder gives them."""
        for message in self.messages():
            yield from message

    def messages(self) -> Iterator[tuple[VenueEvent, ...]]:
        """The events of each line."""
        number, text, names, venue = self.first_id, self.text, self.names, self.venue
        rows = iter(self.trades.tolist())
        for place, (_, _, received_ns, _, count) in enumerate(self.lines.tolist(), self.first_line):
            source, events = f"{self.recording}:{place}", []
            for index in range(count):
                coin, side, time_ms, tid, _, _, price, price_length, _, _, size, size_length = next(rows)
                values = {
                    "price": str(text[price : price + price_length], "ascii"),
                    "quantity": str(text[size : size + size_length], "ascii"),
                    "side": SIDES[side],
                    "trade_id": tid,
                }
                traced = f"{source}#{index}" if index else source
                events.append(event_of(number, "TRADE", venue, names[coin], time_ms * NS_PER_MS, received_ns, traced, "venue", values))
                number += 1
            yield tuple(events)


class BlockDecoder:
    """Reads recordings of one line a message for a decoder of Hyperliquid, which judges and counts; nothing else may use that decoder meanwhile."""

    def __init__(self, decoder: MessageDecoder) -> None:
        self._decoder = decoder
        self._names: tuple[str, ...] = ()
        self._rows: dict[str, int] = {}
        self._taken, self._last_ns = np.zeros(COINS, dtype=np.int64), np.zeros(COINS, dtype=np.int64)
        self._table = np.empty(0, dtype=np.int64)
        self._room = 0
        self._waiting: list[NDArray[int64]] = []
        self._fresh: dict[int, tuple[int, NDArray[int64]]] = {}
        self._recalled: dict[str, NDArray[int64]] = {}

    def decode(self, path: Path, name: str = "") -> Iterator[TradeBlock | Answers]:
        """Blocks, and the answers to single messages, of a recording of this name (by default the file's), in its order.

        The next lines are scanned by other threads meanwhile. Raises DataError when the file cannot be read to its end; what was read before has been given.
        """
        number = 1
        self._recall(0)
        try:
            for part in scanned_lines(path):
                yield from self._judge(part, name or path.name, number)
                number += len(part.lines)
        except UNREADABLE as error:
            raise unreadable(path, number - 1, error) from error
        finally:
            self._remember()

    def _judge(self, part: ScannedLines, name: str, number: int) -> Iterator[TradeBlock | Answers]:
        text, lines, trades = part.text, part.lines, part.trades
        limits = self._decoder.admission.limits
        place = 0
        if self._name_coins(part):
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
                    message = message_of(bytes(text[lines[at, kernels.LINE_START] : lines[at, kernels.LINE_END]]), number + at, name)
                    if message is not None:
                        yield self._decoder.decode(message.message, message.received_ns, message.source, message.asked)
                self._recall(len(trades))
            place = alone

    def _block(self, text: memoryview, lines: NDArray[int64], trades: NDArray[int64], name: str, number: int) -> TradeBlock:
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
        for row in np.flatnonzero(np.bincount(coins)).tolist():
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

    def _name_coins(self, part: ScannedLines) -> bool:
        """Give the coins of a part their rows here; whether new ones came."""
        new = [coin for coin in part.coins if coin not in self._rows]
        self._rows.update((coin, len(self._names) + place) for place, coin in enumerate(new))
        self._names += tuple(new)
        short = len(self._names) - len(self._taken)
        if short > 0:
            self._taken, self._last_ns = (np.pad(column, (0, short + COINS)) for column in (self._taken, self._last_ns))
        rows = np.array([self._rows[coin] for coin in part.coins], dtype=np.int64)
        part.trades[:, kernels.COIN] = rows[part.trades[:, kernels.COIN]]
        return len(new) > 0


def _whole_numbers(identities: Iterable[object]) -> NDArray[int64]:
    # The kernel knows ids of at most eighteen digits; others cannot be met there.
    found = list(identities)
    tids = np.array(found) if found else np.empty(0, dtype=np.int64)
    if tids.dtype != np.int64:
        tids = np.array([tid for tid in found if isinstance(tid, int) and 0 <= tid < 10**18], dtype=np.int64)
    return tids[(tids >= 0) & (tids < 10**18)]
