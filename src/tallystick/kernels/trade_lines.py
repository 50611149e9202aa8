"""Lines of Hyperliquid's trades channel as columns: one pass over the bytes. A line that is not letter for letter of the known layout is left to others.

The layout: optionally `<18 or 19 digits> `, then `{"channel":"trades","data":[…]}` with one or more objects that hold coin, side, px, sz, time, hash, tid
and two users, each once, in any order, without blanks, escapes or bytes outside printable ASCII; prices and sizes of at most 18 digits that are not all 0.
"""

from __future__ import annotations

import numpy as np
from numpy import int64, uint8
from numpy.typing import NDArray

from tallystick.kernels.kernel import borrowed, inner_kernel, kernel

# Columns of lines[L, LINE_COLUMNS]; TRADES is −1 for a line that is left to others.
LINE_START, LINE_END, RECEIVED_NS, FIRST_TRADE, TRADES = range(5)
LINE_COLUMNS = 5
# Columns of trades[E, TRADE_COLUMNS]: units are the digits without their point, of which DECIMALS lie behind it; text: where it begins, how long it is.
(
    COIN,
    SIDE,
    TIME_MS,
    TID,
    PRICE_UNITS,
    PRICE_DECIMALS,
    PRICE_TEXT,
    PRICE_LENGTH,
    SIZE_UNITS,
    SIZE_DECIMALS,
    SIZE_TEXT,
    SIZE_LENGTH,
) = range(12)
TRADE_COLUMNS = 12
BUY, SELL = 0, 1
# Rows of coins[C, COIN_COLUMNS]: the name's letters, eight a number, the first lowest; slots of a hash table twice as large.
COIN_LETTERS = 16
COIN_COLUMNS = 2
NOT_FOUND = -1
QUOTE, BACKSLASH, COMMA, COLON, NEWLINE, POINT, ZERO, NINE = 34, 92, 44, 58, 10, 46, 48, 57
HEAD = np.frombuffer(b'{"channel":"trades","data":[', dtype=np.uint8)
# Quotation marks in the head, and in one object: eight names, coin, side, px, sz, hash and two users.
HEAD_QUOTES = 6
OBJECT_QUOTES = 30
BLOCK = 64
HASH_LETTERS = 66
USER_LETTERS = 42
# Fields of a trade, as bits.
PX, SZ, TRADE_ID, TIME, NAME, TAKER, HASH, USERS = (1 << bit for bit in range(8))
ALL_FIELDS = 0b11111111
LAST_MS = 9_223_372_036_854
# A multiplier that spreads keys over a hash table (Knuth, The Art of Computer Programming, volume 3, 6.4).
SPREAD = 2_654_435_761


@inner_kernel
def _letter(text: NDArray[uint8], i: int) -> int:
    """A byte as a number that does not overflow."""
    return int64(text[i])  # type: ignore[return-value]


@inner_kernel
def _string_end(text: NDArray[uint8], i: int, end: int, usual: int) -> int:
    """Place of the closing quotation mark of a string that begins at i; `end` for none. The caller counts the marks, so a jump cannot pass one unseen."""
    if i + usual < end and text[i + usual] == QUOTE:
        return i + usual
    while i < end and text[i] != QUOTE:
        i += 1
    return i


@inner_kernel
def _whole_number(text: NDArray[uint8], i: int, end: int) -> tuple[int, int]:
    """Digits from i on as (number, place after them); at most 18, no leading zero; (−1, i) otherwise."""
    start = i
    value = 0
    while i < end and ZERO <= text[i] <= NINE:
        if i - start >= 18:
            return NOT_FOUND, i
        value = value * 10 + (_letter(text, i) - ZERO)
        i += 1
    if i == start or (text[start] == ZERO and i - start > 1):
        return NOT_FOUND, i
    return value, i


@inner_kernel
def _decimal(text: NDArray[uint8], i: int, end: int) -> tuple[int, int, int]:
    """A decimal text from i on to its quotation mark as (units, decimals, its place); units −1 where it is none above 0 of at most 18 digits."""
    start = i
    value = 0
    point = NOT_FOUND
    while i < end and text[i] != QUOTE:
        letter = _letter(text, i)
        if letter == POINT and point < 0 and i > start:
            point = i
        elif ZERO <= letter <= NINE:
            value = value * 10 + (letter - ZERO)
        else:
            return NOT_FOUND, 0, i
        if i - start > 18:
            return NOT_FOUND, 0, i
        i += 1
    decimals = 0 if point < 0 else i - point - 1
    digits = i - start - (0 if point < 0 else 1)
    if value == 0 or digits > 18 or (point >= 0 and decimals == 0):
        return NOT_FOUND, 0, i
    return value, decimals, i


@inner_kernel
def _coin_row(text: NDArray[uint8], start: int, stop: int, coins: NDArray[int64], slots: NDArray[int64], known: NDArray[int64]) -> int:
    """Row of a name, given to it when it is first seen; −1 for a name too long, or one too many."""
    length = stop - start
    if length < 1 or length > COIN_LETTERS:
        return NOT_FOUND
    low = 0
    high = 0
    for k in range(min(length, 8)):
        low |= _letter(text, start + k) << (8 * k)
    for k in range(8, length):
        high |= _letter(text, start + k) << (8 * (k - 8))
    mask = slots.shape[0] - 1
    slot: int = ((low ^ (high * 31)) * SPREAD >> 16) & mask
    while slots[slot] >= 0:
        row: int = slots[slot]
        if coins[row, 0] == low and coins[row, 1] == high:
            return row
        slot = (slot + 1) & mask
    row = known[0]
    if row == coins.shape[0]:
        return NOT_FOUND
    coins[row, 0] = low
    coins[row, 1] = high
    slots[slot] = row
    known[0] = row + 1
    return row


@inner_kernel
def _is(text: NDArray[uint8], i: int, one: int, two: int, three: int) -> bool:
    return bool(text[i] == one and text[i + 1] == two and text[i + 2] == three)


@inner_kernel
def _named(text: NDArray[uint8], i: int) -> tuple[int, int]:
    """Which field's name, with its marks and colon, begins at i, and where its value begins; (0, i) for none. Reads ten bytes."""
    first = text[i + 1]
    if first == ord("p") and _is(text, i + 2, ord("x"), QUOTE, COLON):
        return PX, i + 5
    if first == ord("s") and _is(text, i + 2, ord("z"), QUOTE, COLON):
        return SZ, i + 5
    if first == ord("t") and _is(text, i + 2, ord("i"), ord("d"), QUOTE) and text[i + 5] == COLON:
        return TRADE_ID, i + 6
    if first == ord("t") and _is(text, i + 2, ord("i"), ord("m"), ord("e")) and text[i + 5] == QUOTE and text[i + 6] == COLON:
        return TIME, i + 7
    if first == ord("c") and _is(text, i + 2, ord("o"), ord("i"), ord("n")) and text[i + 5] == QUOTE and text[i + 6] == COLON:
        return NAME, i + 7
    if first == ord("s") and _is(text, i + 2, ord("i"), ord("d"), ord("e")) and text[i + 5] == QUOTE and text[i + 6] == COLON:
        return TAKER, i + 7
    if first == ord("h") and _is(text, i + 2, ord("a"), ord("s"), ord("h")) and text[i + 5] == QUOTE and text[i + 6] == COLON:
        return HASH, i + 7
    if first == ord("u") and _is(text, i + 2, ord("s"), ord("e"), ord("r")) and _is(text, i + 5, ord("s"), QUOTE, COLON):
        return USERS, i + 8
    return 0, i


@inner_kernel
def _take_decimal(text: NDArray[uint8], i: int, end: int, trades: NDArray[int64], e: int, at: int) -> int:
    """A quoted decimal that begins at i into the four columns from `at` on; the place after it, or −1."""
    if text[i] != QUOTE:
        return NOT_FOUND
    units, decimals, stop = _decimal(text, i + 1, end)
    if units < 0 or stop >= end:
        return NOT_FOUND
    trades[e, at] = units
    trades[e, at + 1] = decimals
    trades[e, at + 2] = i + 1
    trades[e, at + 3] = stop - i - 1
    return stop + 1


@inner_kernel
def _take_number(text: NDArray[uint8], i: int, end: int, trades: NDArray[int64], e: int, field: int) -> int:
    """A trade id, or a time above 0 that fits nanoseconds."""
    value, stop = _whole_number(text, i, end)
    if value < 0 or (field == TIME and not 1 <= value <= LAST_MS):
        return NOT_FOUND
    trades[e, TIME_MS if field == TIME else TID] = value
    return stop


@inner_kernel
def _take_side(text: NDArray[uint8], i: int, end: int, trades: NDArray[int64], e: int) -> int:
    if i + 2 >= end or text[i] != QUOTE or (text[i + 1] != ord("A") and text[i + 1] != ord("B")) or text[i + 2] != QUOTE:
        return NOT_FOUND
    trades[e, SIDE] = BUY if text[i + 1] == ord("B") else SELL
    return i + 3


@inner_kernel
def _after_users(text: NDArray[uint8], i: int, end: int) -> int:
    """The place after a list of two strings that begins at i, or −1."""
    if i + 1 >= end or text[i] != ord("[") or text[i + 1] != QUOTE:
        return NOT_FOUND
    stop = _string_end(text, i + 2, end, USER_LETTERS)
    if stop + 2 >= end or text[stop + 1] != COMMA or text[stop + 2] != QUOTE:
        return NOT_FOUND
    stop = _string_end(text, stop + 3, end, USER_LETTERS)
    return stop + 2 if stop + 1 < end and text[stop + 1] == ord("]") else NOT_FOUND


@inner_kernel
def _value(
    text: NDArray[uint8],
    i: int,
    end: int,
    field: int,
    trades: NDArray[int64],
    e: int,
    coins: NDArray[int64],
    slots: NDArray[int64],
    known: NDArray[int64],
) -> int:
    """The value of a field that begins at i into trades[e]; the place after it, or −1."""
    if field in (PX, SZ):
        return _take_decimal(text, i, end, trades, e, PRICE_UNITS if field == PX else SIZE_UNITS)
    if field in (TRADE_ID, TIME):
        return _take_number(text, i, end, trades, e, field)
    if field == TAKER:
        return _take_side(text, i, end, trades, e)
    if field == USERS:
        return _after_users(text, i, end)
    if text[i] != QUOTE:
        return NOT_FOUND
    if field == HASH:
        return _string_end(text, i + 1, end, HASH_LETTERS) + 1
    stop = _string_end(text, i + 1, end, end)
    trades[e, COIN] = _coin_row(text, i + 1, stop, coins, slots, known)
    return stop + 1 if trades[e, COIN] >= 0 else NOT_FOUND


@inner_kernel
def _trade(text: NDArray[uint8], i: int, end: int, trades: NDArray[int64], e: int, coins: NDArray[int64], slots: NDArray[int64], known: NDArray[int64]) -> int:
    """One object that begins at i into trades[e]; the place after it, or −1."""
    if i >= end or text[i] != ord("{"):
        return NOT_FOUND
    seen = 0
    i += 1
    while i + 10 < end and text[i] == QUOTE:
        field, value = _named(text, i)
        if field == 0 or seen & field:
            return NOT_FOUND
        seen |= field
        i = _value(text, value, end, field, trades, e, coins, slots, known)
        if i < 0 or i >= end:
            return NOT_FOUND
        if text[i] == ord("}"):
            return i + 1 if seen == ALL_FIELDS else NOT_FOUND
        if text[i] != COMMA:
            return NOT_FOUND
        i += 1
    return NOT_FOUND


@inner_kernel
def _is_odd(letter: uint8) -> uint8:
    """1 for a backslash or no printable ASCII."""
    return uint8(uint8(letter < uint8(32)) | uint8(letter > uint8(126)) | uint8(letter == uint8(BACKSLASH)))


@inner_kernel
def _quotes_of_plain(text: NDArray[uint8], start: int, stop: int) -> int:
    """How many quotation marks lie between; −1 when any byte is a backslash or no printable ASCII.

    Blocks of one size, without a way out and in single bytes, so that the processor takes all their letters at once.
    """
    marks, begin = 0, start
    while begin < stop:
        some = uint8(0)
        odd = uint8(0)
        if begin + BLOCK <= stop:
            part = text[begin : begin + BLOCK]
            for k in range(BLOCK):
                some = uint8(some + uint8(part[k] == uint8(QUOTE)))
                odd = uint8(odd | _is_odd(part[k]))
        else:
            for letter in text[begin:stop]:
                some = uint8(some + uint8(letter == uint8(QUOTE)))
                odd = uint8(odd | _is_odd(letter))
        if odd > 0:
            return NOT_FOUND
        marks += int64(some)  # type: ignore[assignment]
        begin += BLOCK
    return marks


@inner_kernel
def _stamp(text: NDArray[uint8], i: int, end: int) -> tuple[int, int]:
    """Received nanoseconds before a message and where the message begins: 0 and i without a stamp; (−1, i) for a stamp of another form."""
    if i < end and text[i] == HEAD[0]:
        return 0, i
    start = i
    value = 0
    while i < end and ZERO <= text[i] <= NINE and i - start < 18:
        value = value * 10 + (_letter(text, i) - ZERO)
        i += 1
    if i < end and ZERO <= text[i] <= NINE:
        last = _letter(text, i) - ZERO
        if value > (2**63 - 1 - last) // 10:
            return NOT_FOUND, start
        value = value * 10 + last
        i += 1
    if i - start < 18 or i >= end or text[i] != 32:
        return NOT_FOUND, start
    return value, i + 1


@inner_kernel
def _message(
    text: NDArray[uint8], i: int, end: int, trades: NDArray[int64], e: int, coins: NDArray[int64], slots: NDArray[int64], known: NDArray[int64]
) -> tuple[int, int]:
    """One message that begins at i: the place of its line's end, and how many trades it wrote from trades[e] on; (−1, 0) for another layout."""
    start = i
    if i + HEAD.shape[0] >= end:
        return NOT_FOUND, 0
    for k in range(HEAD.shape[0]):
        if text[i + k] != HEAD[k]:
            return NOT_FOUND, 0
    i += HEAD.shape[0]
    found = 0
    while e + found < trades.shape[0]:
        i = _trade(text, i, end, trades, e + found, coins, slots, known)
        if i < 0 or i >= end:
            return NOT_FOUND, 0
        found += 1
        if text[i] != COMMA:
            break
        i += 1
    if i + 1 >= end or text[i] != ord("]") or text[i + 1] != ord("}") or (i + 2 < end and text[i + 2] != NEWLINE):
        return NOT_FOUND, 0
    # Jumps over strings are good only when nothing in the line could end one early.
    if _quotes_of_plain(text, start, i + 2) != HEAD_QUOTES + OBJECT_QUOTES * found:
        return NOT_FOUND, 0
    return i + 2, found


@kernel
def scan_trade_lines(
    text: NDArray[uint8], lines: NDArray[int64], trades: NDArray[int64], coins: NDArray[int64], slots: NDArray[int64], known: NDArray[int64]
) -> tuple[int, int]:
    """Every line of text[N] into lines[L, LINE_COLUMNS] and its trades into trades[E, TRADE_COLUMNS], until one of the two is full: (lines, trades) written.

    coins[C, COIN_COLUMNS], slots[2^k > C] (−1: free) and known[1] keep the names seen over many calls. A line's end is its newline, or N.
    """
    text, lines, trades = borrowed(text), borrowed(lines), borrowed(trades)
    coins, slots, known = borrowed(coins), borrowed(slots), borrowed(known)
    end = text.shape[0]
    i = 0
    count = 0
    e = 0
    # A message of fifty trades is long; a line with more than fit is left to others.
    while i < end and count < lines.shape[0] and e < trades.shape[0]:
        lines[count, LINE_START] = i
        lines[count, FIRST_TRADE] = e
        lines[count, TRADES] = NOT_FOUND
        received_ns, begin = _stamp(text, i, end)
        stop, found = NOT_FOUND, 0
        if received_ns >= 0:
            stop, found = _message(text, begin, end, trades, e, coins, slots, known)
        if stop >= 0:
            lines[count, RECEIVED_NS] = received_ns
            lines[count, TRADES] = found
            e += found
        else:
            stop = i
            while stop < end and text[stop] != NEWLINE:
                stop += 1
        lines[count, LINE_END] = stop
        i = stop + 1
        count += 1
    return count, e
