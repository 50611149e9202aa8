"""Cascades of liquidations: open interest that falls by a share within a window, while positions are closed by force.

The rule, for one coin: take each snapshot in turn as a start; its end is the first later snapshot within the span whose open interest is at or
below the start's limit; with enough liquidations from start to end (both included) it is a cascade, and the next start is the snapshot after the end.
A start without such an end, or with too few liquidations, gives way to the next snapshot. So windows never overlap and no liquidation counts twice.

Live and history run `take`; history first leaves out blocks of starts that cannot meet the limit. All numbers are int64 (open interest in units of its
last decimal, UTC nanoseconds), so no comparison rounds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick.kernels.kernel import inner_kernel, kernel
from tallystick.kernels.money import E8

Ints = NDArray[np.int64]

CAPACITY, KEPT_E8, INCLUSIVE, SPAN, MINIMUM = 0, 1, 2, 3, 4
HEAD, NEXT, COUNT, LOW_HEAD, LOW_TAIL, LIQUIDATION_HEAD, LIQUIDATION_TAIL, LAST_TIME = 5, 6, 7, 8, 9, 10, 11, 12
START_TIME, END_TIME, START_INTEREST, END_INTEREST, LIQUIDATIONS = 13, 14, 15, 16, 17
HEADER = 18
RECORD = 5
"""A cascade is five numbers: start time, end time, open interest at both, liquidations."""

OPEN_INTEREST, LIQUIDATION, CLOCK = 0, 1, 2
TAKEN, FOUND, FULL, LATE = 0, 1, 2, 3
BLOCK = 64
NEVER = 2**62


@inner_kernel
def limit_of(interest: int, kept_e8: int, inclusive: int) -> int:
    """The highest open interest that meets the drop from `interest`: at most the kept share of it, or below that share when not inclusive.

    Exact: the share is split at 1e8, so that no product leaves 64 bits. −1, which nothing meets, for an open interest that is not above zero.
    """
    if interest <= 0:
        return -1
    rest = interest % E8 * kept_e8
    whole = interest // E8 * kept_e8 + rest // E8
    if inclusive == 0 and rest % E8 == 0:
        return whole - 1
    return whole


@kernel
def prepare(state: Ints, kept_e8: int, inclusive: int, span: int, minimum: int) -> None:
    """Set an empty state int64[HEADER + 4 · capacity], capacity a power of two; `span` is the longest time from start to end that counts."""
    state[:HEADER] = 0
    state[CAPACITY] = (state.size - HEADER) // 4
    state[KEPT_E8], state[INCLUSIVE], state[SPAN], state[MINIMUM] = kept_e8, inclusive, span, minimum
    state[LAST_TIME] = -NEVER


@inner_kernel
def _at(state: Ints, ring: int, number: int) -> int:
    capacity = state[CAPACITY]
    return int(state[HEADER + ring * capacity + (number & (capacity - 1))])


@inner_kernel
def _put(state: Ints, ring: int, number: int, value: int) -> None:
    capacity = state[CAPACITY]
    state[HEADER + ring * capacity + (number & (capacity - 1))] = value


@inner_kernel
def _move_head(state: Ints, head: int) -> None:
    """Make `head` the start; what lies at or before it is no candidate for an end, and earlier liquidations no longer count."""
    state[HEAD] = head
    while state[LOW_HEAD] < state[LOW_TAIL] and _at(state, 2, state[LOW_HEAD]) <= head:
        state[LOW_HEAD] += 1
    if head < state[COUNT]:
        first = _at(state, 0, head)
        while state[LIQUIDATION_HEAD] < state[LIQUIDATION_TAIL] and _at(state, 3, state[LIQUIDATION_HEAD]) < first:
            state[LIQUIDATION_HEAD] += 1


@inner_kernel
def _close(state: Ints, limit: int) -> bool:
    """Find the first end of the present start and count its liquidations; True when it is a cascade, and then the record is in the header."""
    head = state[HEAD]
    if state[LIQUIDATION_TAIL] - state[LIQUIDATION_HEAD] < state[MINIMUM]:
        return False
    end = head + 1
    while _at(state, 1, end) > limit:
        end += 1
    end_time = _at(state, 0, end)
    last = state[LIQUIDATION_HEAD]
    while last < state[LIQUIDATION_TAIL] and _at(state, 3, last) <= end_time:
        last += 1
    if last - state[LIQUIDATION_HEAD] < state[MINIMUM]:
        return False
    state[START_TIME], state[END_TIME] = _at(state, 0, head), end_time
    state[START_INTEREST], state[END_INTEREST] = _at(state, 1, head), _at(state, 1, end)
    state[LIQUIDATIONS] = last - state[LIQUIDATION_HEAD]
    state[LIQUIDATION_HEAD] = last
    _move_head(state, end + 1)
    return True


@kernel
def settle(state: Ints, before: int) -> int:
    """Decide as many starts as the snapshots before the time `before` allow; FOUND at each cascade (call again), else TAKEN.

    The open interest between the start and the newest snapshot is kept as a queue of rising minima, so a start without an end costs O(1) amortised.
    """
    while True:
        head, follower = state[HEAD], state[NEXT]
        ready = follower < state[COUNT] and _at(state, 0, follower) < before
        if follower <= head:
            if not ready:
                return TAKEN
            state[NEXT] = follower + 1
            continue
        limit = limit_of(_at(state, 1, head), state[KEPT_E8], state[INCLUSIVE])
        if state[LOW_HEAD] < state[LOW_TAIL] and _at(state, 1, _at(state, 2, state[LOW_HEAD])) <= limit:
            if _close(state, limit):
                return FOUND
            _move_head(state, head + 1)
        elif not ready:
            # No snapshot from now on can be near enough, so the start need not be kept for one.
            if before - _at(state, 0, head) <= state[SPAN]:
                return TAKEN
            _move_head(state, head + 1)
        elif _at(state, 0, follower) - _at(state, 0, head) > state[SPAN]:
            _move_head(state, head + 1)
        else:
            value = _at(state, 1, follower)
            while state[LOW_HEAD] < state[LOW_TAIL] and _at(state, 1, _at(state, 2, state[LOW_TAIL] - 1)) >= value:
                state[LOW_TAIL] -= 1
            _put(state, 2, state[LOW_TAIL], follower)
            state[LOW_TAIL] += 1
            state[NEXT] = follower + 1


@kernel
def take(state: Ints, kind: int, time: int, value: int) -> int:
    """One event in the order of time: OPEN_INTEREST (value: units), LIQUIDATION or CLOCK (value unused).

    FOUND: a cascade ended before `time`; its record is in the header and the event was not taken yet, so call again. FULL: the rings are too small, and
    LATE: the time lies before an earlier event; nothing was taken. Liquidations at the very time of a snapshot count whichever comes first.
    """
    if time < state[LAST_TIME]:
        return LATE
    if time > state[LAST_TIME] and settle(state, time) == FOUND:
        return FOUND
    if kind == OPEN_INTEREST:
        if state[COUNT] - state[HEAD] >= state[CAPACITY]:
            return FULL
        _put(state, 0, state[COUNT], time)
        _put(state, 1, state[COUNT], value)
        state[COUNT] += 1
        if state[HEAD] == state[COUNT] - 1:
            _move_head(state, state[HEAD])
    elif kind == LIQUIDATION:
        while state[HEAD] == state[COUNT] and state[LIQUIDATION_HEAD] < state[LIQUIDATION_TAIL] and _at(state, 3, state[LIQUIDATION_HEAD]) < time:
            state[LIQUIDATION_HEAD] += 1
        if state[LIQUIDATION_TAIL] - state[LIQUIDATION_HEAD] >= state[CAPACITY]:
            return FULL
        _put(state, 3, state[LIQUIDATION_TAIL], time)
        state[LIQUIDATION_TAIL] += 1
    state[LAST_TIME] = time
    return TAKEN


@kernel
def enlarge(state: Ints, larger: Ints) -> None:
    """Copy a state into one with more capacity."""
    larger[:HEADER] = state[:HEADER]
    larger[CAPACITY] = (larger.size - HEADER) // 4
    for number in range(state[HEAD], state[COUNT]):
        _put(larger, 0, number, _at(state, 0, number))
        _put(larger, 1, number, _at(state, 1, number))
    for number in range(state[LOW_HEAD], state[LOW_TAIL]):
        _put(larger, 2, number, _at(state, 2, number))
    for number in range(state[LIQUIDATION_HEAD], state[LIQUIDATION_TAIL]):
        _put(larger, 3, number, _at(state, 3, number))


@kernel
def summarise(times: Ints, interest: Ints, low: Ints, high: Ints) -> int:
    """Lowest and highest open interest of each block of BLOCK snapshots, written to low and high; the first place out of order in time, or −1."""
    wrong = -1
    for block in range(low.size):
        first, end = block * BLOCK, min(times.size, (block + 1) * BLOCK)
        smallest, largest, disorder = interest[first], interest[first], 0
        for i in range(first, end):
            smallest, largest = min(smallest, interest[i]), max(largest, interest[i])
        for i in range(max(1, first), end):
            disorder |= times[i] <= times[i - 1]
        low[block], high[block] = smallest, largest
        if disorder != 0 and wrong < 0:
            for i in range(end - 1, max(1, first) - 1, -1):
                if times[i] <= times[i - 1]:
                    wrong = i
    return wrong


@kernel
def mark_starts(times: Ints, liquidations: Ints, low: Ints, high: Ints, kept_e8: int, inclusive: int, span: int, minimum: int, may_start: Ints) -> int:
    """1 for each block of starts of which one could meet the drop with enough liquidations, else 0; answers the most events that rings must hold.

    A block is left out when its highest open interest has a limit below everything in reach, or when too few liquidations lie in reach.
    """
    most, reach, first, last = 1, 0, 0, 0
    for block in range(low.size):
        begin = times[block * BLOCK]
        horizon = times[min(times.size, (block + 1) * BLOCK) - 1] + span
        while reach + 1 < low.size and times[(reach + 1) * BLOCK] <= horizon:
            reach += 1
        while first < liquidations.size and liquidations[first] < begin:
            first += 1
        last = max(last, first)
        while last < liquidations.size and liquidations[last] <= horizon:
            last += 1
        lowest = low[block]
        for other in range(block + 1, reach + 1):
            lowest = min(lowest, low[other])
        may_start[block] = 1 if lowest <= limit_of(high[block], kept_e8, inclusive) and last - first >= minimum else 0
        most = max(most, (reach - block + 2) * BLOCK, last - first + 2)
    return most


@kernel
def label_history(times: Ints, interest: Ints, liquidations: Ints, may_start: Ints, state: Ints, records: Ints) -> int:
    """Fill records int64[R, RECORD] with the cascades of one coin, in order of time; answers their number, or −1 when the rings are too small.

    `state`: prepared by `prepare`. Liquidations in order of time. Blocks with `may_start` 0 are never starts; every other start runs through `take`.
    """
    found, position, liquidation = 0, 0, 0
    kept_e8, inclusive, span, minimum = state[KEPT_E8], state[INCLUSIVE], state[SPAN], state[MINIMUM]
    while position < times.size:
        if may_start[position // BLOCK] == 0:
            position = (position // BLOCK + 1) * BLOCK
            continue
        prepare(state, kept_e8, inclusive, span, minimum)
        while liquidation < liquidations.size and liquidations[liquidation] < times[position]:
            liquidation += 1
        i, event, base = position, liquidation, position
        while position < times.size and may_start[position // BLOCK] == 1:
            if i >= times.size:
                answer = settle(state, NEVER)
                if answer == TAKEN:
                    return found
            elif event < liquidations.size and liquidations[event] <= times[i]:
                answer = take(state, LIQUIDATION, liquidations[event], 0)
                event += 1 if answer == TAKEN else 0
            else:
                answer = take(state, OPEN_INTEREST, times[i], interest[i])
                i += 1 if answer == TAKEN else 0
            if answer >= FULL:
                return -1
            if answer == FOUND:
                records[found] = state[START_TIME : START_TIME + RECORD]
                found += 1
            position = base + state[HEAD]
    return found


@kernel
def group_by_gap(times: Ints, gap: int, first: Ints, last: Ints) -> int:
    """Groups of times in order, split where two neighbours lie more than `gap` apart; places of the first and last member, and the number of groups."""
    groups = 0
    for i in range(times.size):
        if i == 0 or times[i] - times[i - 1] > gap:
            first[groups] = i
            groups += 1
        last[groups - 1] = i
    return groups
