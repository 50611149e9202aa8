"""Runs of trade lines of which no rule of admission could refuse anything: in time, in order, of coins that are wanted, each id new."""

from __future__ import annotations

from numpy import int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import borrowed, inner_kernel, kernel
from tallystick.kernels.trade_lines import COIN, FIRST_TRADE, RECEIVED_NS, SPREAD, TID, TIME_MS, TRADES


@inner_kernel
def _place_of(table: NDArray[int64], tid: int) -> int:
    """Slot of a trade id in an open hash table, or the free one (−1) where it belongs."""
    mask = table.shape[0] - 1
    slot: int = (tid * SPREAD >> 12) & mask
    while table[slot] >= 0 and table[slot] != tid:
        slot = (slot + 1) & mask
    return slot


@kernel
def remember_trades(table: NDArray[int64], tids: NDArray[int64]) -> None:
    """Put trade ids into table[2^k], −1 where it is free, more than twice as large as all that it will hold."""
    for k in range(tids.shape[0]):
        table[_place_of(table, tids[k])] = tids[k]


@kernel
def take_plain_lines(
    lines: NDArray[int64],
    trades: NDArray[int64],
    first: int,
    stop: int,
    taken: NDArray[int64],
    last_ns: NDArray[int64],
    table: NDArray[int64],
    late_ns: int,
    ahead_ns: int,
) -> int:
    """Lines from `first` on of which no rule of admission could refuse anything; the place of the first that must be looked at, or `stop`.

    A line is plain when every trade is of a taken[C] coin, in time, not before last_ns[C] of its coin, and of an id that table does not hold.
    Both go on with every line.
    """
    lines, trades, taken, last_ns, table = borrowed(lines), borrowed(trades), borrowed(taken), borrowed(last_ns), borrowed(table)
    for place in range(first, stop):
        count = lines[place, TRADES]
        if count < 0:
            return place
        begin = lines[place, FIRST_TRADE]
        received_ns = lines[place, RECEIVED_NS]
        for e in range(begin, begin + count):
            coin = trades[e, COIN]
            time_ns = trades[e, TIME_MS] * 1_000_000
            plain = taken[coin] > 0 and time_ns >= last_ns[coin]
            if received_ns > 0:
                age_ns = received_ns - time_ns
                plain = plain and -ahead_ns <= age_ns <= late_ns
            slot = _place_of(table, trades[e, TID])
            if not plain or table[slot] >= 0:
                # What this line left in table and last_ns can only send a later line to be looked at.
                return place
            table[slot] = trades[e, TID]
            last_ns[coin] = time_ns
    return stop
