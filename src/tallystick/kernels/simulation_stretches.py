"""Stretches of bars in which nothing is traded: what an account is worth at each close, whether margin may be lacking, and when decisions are due."""

from __future__ import annotations

import math

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import inner_lean_kernel, kernel, lean_kernel
from tallystick.kernels.matching import price_ticks
from tallystick.kernels.money import NO_VALUE, SURELY_FITS, add, notional
from tallystick.kernels.simulation_books import (
    ACCOUNT_CASH,
    ACCOUNT_EQUITY,
    ACCOUNT_HOLDING,
    ACCOUNT_NEXT_BAR,
    ACCOUNT_PEAK,
    ACCOUNT_SHORT,
    ACCOUNT_WAITING,
    ALWAYS,
    DEEPEST,
    HELD,
    LIQUIDATES,
    LOT_MICRO,
    MARK,
    PRICE_SCALE,
    SQUARES,
    SUM,
    TICK,
    TOP_PRICE,
    TOP_RATE,
    UNIT_DEN,
    UNIT_NUM,
    WANTED,
    WITH_DEBT,
    Books,
    Market,
    Rules,
    Tape,
)

GOOD, OVERFLOW, WIPED_OUT, FULL = range(4)
STRETCH = 256
"""The most bars of a stretch with a position: what it needs to work in stays in the processor's first cache."""


@kernel
def _first_price(close: NDArray[float64], s: int) -> int:
    """The first bar with a close: before it nothing can be sized, so a target says nothing yet."""
    first = 0
    while first < close.shape[1] and math.isnan(close[s, first]):
        first += 1
    return first


@kernel
def list_decisions(targets: NDArray[float64], close: NDArray[float64], bars: NDArray[int64], symbols: NDArray[int64], values: NDArray[float64]) -> int:
    """Where targets float64[S, T] change, symbol after symbol; NaN is no decision. Each symbol begins with a target of 0. Answers how many."""
    at = 0
    for s in range(targets.shape[0]):
        last = 0.0
        for t in range(_first_price(close, s), targets.shape[1]):
            target = targets[s, t]
            if target != last and not math.isnan(target):
                last = target
                bars[at], symbols[at], values[at] = t, s, target
                at += 1
    return at


@inner_lean_kernel
def count_waiting(books: Books) -> None:
    """Count the symbols that still have an order."""
    waiting = 0
    for s in range(books.states.shape[0]):
        waiting += int(books.states[s, WANTED] != 0)
    books.account[ACCOUNT_WAITING] = waiting


@inner_lean_kernel
def is_exposed(rules: Rules, books: Books) -> bool:
    """Whether maintenance can be lacking at all: an account without debt and shorts covers every rate below 1."""
    when = rules.terms[LIQUIDATES]
    return bool(when == ALWAYS or (when == WITH_DEBT and (books.account[ACCOUNT_CASH] < 0 or books.account[ACCOUNT_SHORT] > 0)))


@lean_kernel
def first_doubtful(first: int, end: int, floats: NDArray[float64], market: Market, rules: Rules, books: Books) -> int:
    """The first bar of first … end − 1 at whose adverse extremes equity may fail to cover maintenance, else `end`.

    Floats with a tick to spare for each holding, so that most bars need no exact sum. floats[2, STRETCH]: room to work in.
    """
    states, scales, cash = books.states, rules.scales, float(books.account[ACCOUNT_CASH])
    for i in range(end - first):
        floats[0, i], floats[1, i] = cash, 0.0
    for s in range(states.shape[0]):
        held = float(states[s, HELD])
        if held == 0.0:
            continue
        extremes = market.low if held > 0.0 else market.high
        per_price, rate = held * scales[s, LOT_MICRO], scales[s, TOP_RATE]
        spare = abs(per_price) * scales[s, TICK] + 2.0
        mark = states[s, MARK] * scales[s, TICK]
        for i in range(end - first):
            price = extremes[s, first + i]
            value = per_price * (mark if math.isnan(price) else price)
            floats[0, i] += value - spare
            floats[1, i] += (abs(value) + spare) * rate
    for i in range(end - first):
        if not floats[0, i] > floats[1, i] * 1.000001:
            return first + i
    return end


@inner_lean_kernel
def _surely_fits(rules: Rules, books: Books) -> bool:
    """Whether every value and sum of them at any price of the history fits int64, so that the plain loop need not look."""
    bound = abs(float(books.account[ACCOUNT_CASH]))
    for s in range(books.states.shape[0]):
        held = books.states[s, HELD]
        if held != 0:
            bound += abs(float(held)) * rules.scales[s, TOP_PRICE] * rules.scales[s, LOT_MICRO]
    return bound < SURELY_FITS / 4.0


@inner_lean_kernel
def _add_values(s: int, first: int, end: int, values: NDArray[int64], market: Market, rules: Rules, books: Books) -> None:
    """Add a holding's value at each close to values[0] (net) and its size to values[1] (gross). Call only where it surely fits."""
    states, close = books.states, market.close
    held, num, den = states[s, HELD], rules.units[s, UNIT_NUM], rules.units[s, UNIT_DEN]
    scale, tick, mark = rules.scales[s, PRICE_SCALE], rules.scales[s, TICK], states[s, MARK]
    if den == 1 and scale > 0.0:
        unit, size = held * num, abs(held * num)
        for i in range(end - first):
            price = close[s, first + i]
            if not math.isnan(price):
                mark = int(np.rint(price * scale))
            values[0, i] += mark * unit
            values[1, i] += mark * size
    else:
        for i in range(end - first):
            ticks = price_ticks(close[s, first + i], scale, tick)
            mark = mark if ticks == NO_VALUE else ticks
            value = notional(mark, held, num, den)
            values[0, i] += value
            values[1, i] += abs(value)
    states[s, MARK] = mark


@lean_kernel
def _add_checked(s: int, first: int, end: int, values: NDArray[int64], market: Market, rules: Rules, books: Books) -> bool:
    """`_add_values`, looking at every step. False on overflow."""
    states = books.states
    for i in range(end - first):
        ticks = price_ticks(market.close[s, first + i], rules.scales[s, PRICE_SCALE], rules.scales[s, TICK])
        states[s, MARK] = states[s, MARK] if ticks == NO_VALUE else ticks
        value = notional(states[s, MARK], states[s, HELD], rules.units[s, UNIT_NUM], rules.units[s, UNIT_DEN])
        values[0, i] = add(values[0, i], value)
        values[1, i] = add(values[1, i], abs(value)) if value != NO_VALUE else NO_VALUE
        if values[1, i] == NO_VALUE:
            return False
    return True


@inner_lean_kernel
def _value_flat(first: int, end: int, books: Books, tape: Tape) -> int:
    """`value_stretch` without a position: equity moves at most once, by what the exit cost."""
    account, moments, curve = books.account, books.moments, tape.curve
    cash, before = account[ACCOUNT_CASH], account[ACCOUNT_EQUITY]
    if curve.shape[0] > 0:
        for t in range(first, end):
            curve[t, 0], curve[t, 1], curve[t, 2] = cash, cash, 0
    account[ACCOUNT_NEXT_BAR] = first
    if cash != before:
        change = cash / before - 1.0
        moments[SUM] += change
        moments[SQUARES] += change * change
        account[ACCOUNT_PEAK] = max(account[ACCOUNT_PEAK], cash)
        moments[DEEPEST] = min(moments[DEEPEST], cash / account[ACCOUNT_PEAK] - 1.0)
        account[ACCOUNT_EQUITY] = cash
    return GOOD if cash > 0 else WIPED_OUT


@inner_lean_kernel
def value_stretch(first: int, end: int, values: NDArray[int64], market: Market, rules: Rules, books: Books, tape: Tape) -> int:
    """Equity at the closes of first … end − 1 into the curve, the moments and the account. values[2, STRETCH]: room to work in."""
    account, states, moments, curve = books.account, books.states, books.moments, tape.curve
    cash, before, peak = account[ACCOUNT_CASH], account[ACCOUNT_EQUITY], account[ACCOUNT_PEAK]
    writes = curve.shape[0] > 0
    if account[ACCOUNT_HOLDING] == 0:
        return _value_flat(first, end, books, tape)
    for i in range(end - first):
        values[0, i], values[1, i] = cash, 0
    sure = _surely_fits(rules, books)
    for s in range(states.shape[0]):
        if states[s, HELD] != 0:
            if sure:
                _add_values(s, first, end, values, market, rules, books)
            elif not _add_checked(s, first, end, values, market, rules, books):
                return OVERFLOW
    # Sums stay in registers here: through memory each would wait for the one before.
    summed, squares, deepest = moments[SUM], moments[SQUARES], moments[DEEPEST]
    # Between two peaks the least equity is the deepest, so one quotient serves all bars between them.
    last, least = float(before), peak
    for i in range(end - first):
        equity = values[0, i]
        if equity <= 0:
            account[ACCOUNT_NEXT_BAR] = first + i
            return WIPED_OUT
        now = float(equity)
        change = now / last - 1.0
        summed += change
        squares += change * change
        last = now
        if equity > peak:
            if least < peak:
                deepest = min(deepest, least / peak - 1.0)
            peak, least = equity, equity
        least = min(least, equity)
    deepest = min(deepest, least / peak - 1.0)
    before = values[0, end - first - 1]
    moments[SUM], moments[SQUARES], moments[DEEPEST] = summed, squares, deepest
    account[ACCOUNT_EQUITY] = before
    account[ACCOUNT_PEAK] = peak
    if writes:
        for i in range(end - first):
            t = first + i
            curve[t, 0], curve[t, 1], curve[t, 2] = values[0, i], cash, values[1, i]
    return GOOD
