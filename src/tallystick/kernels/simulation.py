"""The one fill model of research: targets decided at the close of bar t fill at the open of bar t + 1, in whole ticks, lots and micro-quote.

Every price, fee and size comes from the money kernels that risk and the simulated venue call too. An order is made only where the target changes, so
a constant weight is not traded back to itself. Exits come before entries; a change of side is an exit and an entry (decision 46).
"""

from __future__ import annotations

import numpy as np
from numpy import int64
from numpy.typing import NDArray

from tallystick.kernels.fees import fee
from tallystick.kernels.kernel import kernel
from tallystick.kernels.money import NO_VALUE, TRUNCATE, add, mul_div, mul_div_rounded, notional, subtract
from tallystick.kernels.prices import taker_price
from tallystick.kernels.sizes import lots_from_weight

E4 = 10_000
FILL_COLUMNS = ("bar", "symbol", "side", "lots", "price_ticks", "notional", "fee", "shortfall", "realized", "cash", "position", "trade")
BAR, SYMBOL, SIDE, LOTS, PRICE, NOTIONAL, FEE, SHORTFALL, REALIZED, CASH, POSITION, TRADE = range(len(FILL_COLUMNS))
TRADE_COLUMNS = ("symbol", "first_bar", "last_bar", "pnl")

GOOD, OVERFLOW, WIPED_OUT = 0, 1, 2
# Slots of the account's own state: cash, trades begun, fills written, trades ended, orders refused for size, orders cut to margin.
ACCOUNT_CASH, ACCOUNT_BEGUN, ACCOUNT_FILLS, ACCOUNT_ENDED, ACCOUNT_REFUSED, ACCOUNT_CUT = range(6)
ACCOUNT_SLOTS = 6
# Slots of one symbol's state: lots held, their signed cost, running result and first bar of the open trade, its number, lots still to trade,
# last decided weight, slippage of the decision, last price.
HELD, COST, RESULT, FIRST_BAR, NUMBER, WANTED, WEIGHT, SLIPPAGE, MARK = range(9)
SYMBOL_SLOTS = 9


@kernel
def count_changes(weights_e8: NDArray[int64]) -> int:
    """How often a target changes in weights_e8[S, T]; `NO_VALUE` entries are no decision. Twice that bounds the fills."""
    changes = 0
    for s in range(weights_e8.shape[0]):
        last = 0
        for t in range(weights_e8.shape[1]):
            if weights_e8[s, t] not in (NO_VALUE, last):
                last = weights_e8[s, t]
                changes += 1
    return changes


@kernel
def _record(
    bar: int,
    s: int,
    side: int,
    lots: int,
    price: int,
    reference: int,
    fee_rate_e8: int,
    unit: NDArray[int64],
    state: NDArray[int64],
    account: NDArray[int64],
    fills: NDArray[int64],
    trades: NDArray[int64],
) -> bool:
    """Book one fill; lots is unsigned and never crosses flat. False on overflow."""
    value = notional(price, lots, unit[0], unit[1])
    paid = fee(value, fee_rate_e8)
    ideal = notional(reference, lots, unit[0], unit[1])
    if NO_VALUE in (value, paid, ideal):
        return False
    cash = subtract(subtract(account[ACCOUNT_CASH], side * value), paid)
    held = state[HELD]
    realized = -paid
    if held == 0:
        state[FIRST_BAR] = bar
        state[NUMBER] = account[ACCOUNT_BEGUN]
        account[ACCOUNT_BEGUN] += 1
        state[RESULT] = 0
    if held == 0 or (held > 0) == (side > 0):
        state[COST] = add(state[COST], side * value)
    else:
        part = mul_div(state[COST], lots, abs(held))
        realized = subtract(subtract(-side * value, part), paid)
        state[COST] = subtract(state[COST], part)
    state[RESULT] = add(state[RESULT], realized)
    if NO_VALUE in (cash, realized, state[COST], state[RESULT]):
        return False
    state[HELD] = held + side * lots
    state[WANTED] -= side * lots
    account[ACCOUNT_CASH] = cash
    n = account[ACCOUNT_FILLS]
    row = (bar, s, side, lots, price, value, paid, abs(value - ideal), realized, cash, state[HELD], state[NUMBER])
    for k in range(len(row)):
        fills[n, k] = row[k]
    account[ACCOUNT_FILLS] = n + 1
    if state[HELD] == 0:
        m = account[ACCOUNT_ENDED]
        trades[m, 0], trades[m, 1], trades[m, 2], trades[m, 3] = s, state[FIRST_BAR], bar, state[RESULT]
        account[ACCOUNT_ENDED] = m + 1
    return True


@kernel
def _worth(units: NDArray[int64], states: NDArray[int64], account: NDArray[int64], out: NDArray[int64]) -> bool:
    """Equity, gross and net position value at the marks, in micro-quote, into out[3]. False on overflow."""
    gross = 0
    net = 0
    for s in range(states.shape[0]):
        if states[s, HELD] != 0:
            value = notional(states[s, MARK], states[s, HELD], units[s, 0], units[s, 1])
            if value == NO_VALUE:
                return False
            gross = add(gross, abs(value))
            net = add(net, value)
    out[0] = add(account[ACCOUNT_CASH], net)
    out[1] = gross
    out[2] = net
    return NO_VALUE not in (out[0], gross, net)


@kernel
def _need(lots: int, price: int, reference: int, fee_rate_e8: int, leverage_e4: int, unit: NDArray[int64]) -> int:
    """Headroom that an entry uses up: its value at the mark, and leverage times what it costs at once."""
    value = notional(reference, lots, unit[0], unit[1])
    paid = notional(price, lots, unit[0], unit[1])
    cost = add(abs(subtract(paid, value)), fee(paid, fee_rate_e8))
    return add(value, mul_div(cost, leverage_e4, E4))


@kernel
def _affordable(lots: int, price: int, reference: int, fee_rate_e8: int, leverage_e4: int, unit: NDArray[int64], worth: NDArray[int64]) -> int:
    """The most lots, at most `lots`, after which gross value stays within leverage times equity. Without debt or shorts: what the cash can buy."""
    headroom = subtract(mul_div_rounded(worth[0], leverage_e4, E4, TRUNCATE), worth[1])
    need = _need(lots, price, reference, fee_rate_e8, leverage_e4, unit)
    if NO_VALUE in (headroom, need):
        return NO_VALUE
    if need <= headroom:
        return lots
    if headroom <= 0:
        return 0
    fewer = mul_div_rounded(lots, headroom, need, TRUNCATE)
    while fewer > 0 and _need(fewer, price, reference, fee_rate_e8, leverage_e4, unit) > headroom:
        fewer -= 1
    return fewer


@kernel
def _fill_at_open(
    bar: int,
    open_ticks: NDArray[int64],
    terms: NDArray[int64],
    units: NDArray[int64],
    states: NDArray[int64],
    account: NDArray[int64],
    worth: NDArray[int64],
    fills: NDArray[int64],
    trades: NDArray[int64],
) -> bool:
    """Fill what was decided: exits of all symbols first, then entries, each in the order of the symbols. False on overflow."""
    spread_e8, fee_rate_e8, leverage_e4 = terms[0], terms[1], terms[2]
    symbols = states.shape[0]
    for s in range(symbols):
        if open_ticks[s, bar] != NO_VALUE:
            states[s, MARK] = open_ticks[s, bar]
    for entering in range(2):
        for s in range(symbols):
            state = states[s]
            reference = open_ticks[s, bar]
            if state[WANTED] == 0 or reference == NO_VALUE:
                continue
            side = 1 if state[WANTED] > 0 else -1
            lots = abs(state[WANTED])
            price = taker_price(side, reference, spread_e8, state[SLIPPAGE], units[s, 3], units[s, 4])
            if price == NO_VALUE:
                return False
            reducing = state[HELD] != 0 and (state[HELD] > 0) != (side > 0)
            if entering == 0:
                if not reducing:
                    continue
                lots = min(lots, abs(state[HELD]))
            else:
                if not _worth(units, states, account, worth):
                    return False
                wanted = lots
                lots = _affordable(wanted, price, reference, fee_rate_e8, leverage_e4, units[s], worth)
                value = notional(price, lots, units[s, 0], units[s, 1])
                if NO_VALUE in (lots, value):
                    return False
                if lots < wanted:
                    account[ACCOUNT_CUT] += 1
                    state[WANTED] = side * lots
                if value < units[s, 2] or lots == 0:
                    account[ACCOUNT_REFUSED] += 1
                    state[WANTED] = 0
                    continue
            if not _record(bar, s, side, lots, price, reference, fee_rate_e8, units[s], state, account, fills, trades):
                return False
    return True


@kernel
def _decide_at_close(bar: int, weights_e8: NDArray[int64], slippage_e8: NDArray[int64], equity: int, units: NDArray[int64], states: NDArray[int64]) -> bool:
    """Turn changed targets into orders, sized at this close; an older order that did not fill is replaced. False on overflow."""
    for s in range(states.shape[0]):
        weight = weights_e8[s, bar]
        if weight in (NO_VALUE, states[s, WEIGHT]) or states[s, MARK] == NO_VALUE:
            continue
        lots = lots_from_weight(weight, equity, states[s, MARK], units[s, 0], units[s, 1])
        if lots == NO_VALUE:
            return False
        states[s, WEIGHT] = weight
        states[s, WANTED] = lots - states[s, HELD]
        states[s, SLIPPAGE] = slippage_e8[s, bar]
    return True


@kernel
def simulate(
    open_ticks: NDArray[int64],
    close_ticks: NDArray[int64],
    weights_e8: NDArray[int64],
    slippage_e8: NDArray[int64],
    units: NDArray[int64],
    terms: NDArray[int64],
    curve: NDArray[int64],
    fills: NDArray[int64],
    trades: NDArray[int64],
    account: NDArray[int64],
) -> int:
    """Walk the bars. Answers `GOOD`, `OVERFLOW`, or `WIPED_OUT` when equity is not positive at a close.

    open_ticks, close_ticks, weights_e8, slippage_e8: int64[S, T]; `NO_VALUE` where there is no bar, or no decision. weights are signed shares of equity.
    units: int64[S, 5], numerator and denominator of one tick × one lot in micro-quote, minimum notional of an entry in micro-quote, and the price rule as in
    `taker_price`: significant figures, ticks of one quote unit.
    terms: spread_e8, fee rate e8, leverage e4, first cash in micro-quote.
    Writes curve[T, 4] (equity, cash, gross, net at each close, micro-quote), fills[N, 12] and trades[N, 4] as their column names say, and account[6].
    """
    symbols, bars = open_ticks.shape
    states = np.zeros((symbols, SYMBOL_SLOTS), np.int64)
    worth = np.zeros(3, np.int64)
    account[:] = 0
    account[ACCOUNT_CASH] = terms[3]
    for s in range(symbols):
        states[s, MARK] = NO_VALUE
    for bar in range(bars):
        if bar > 0 and not _fill_at_open(bar, open_ticks, terms, units, states, account, worth, fills, trades):
            return OVERFLOW
        for s in range(symbols):
            if close_ticks[s, bar] != NO_VALUE:
                states[s, MARK] = close_ticks[s, bar]
        if not _worth(units, states, account, worth):
            return OVERFLOW
        curve[bar, 0] = worth[0]
        curve[bar, 1] = account[ACCOUNT_CASH]
        curve[bar, 2] = worth[1]
        curve[bar, 3] = worth[2]
        if worth[0] <= 0:
            return WIPED_OUT
        if not _decide_at_close(bar, weights_e8, slippage_e8, worth[0], units, states):
            return OVERFLOW
    return GOOD
