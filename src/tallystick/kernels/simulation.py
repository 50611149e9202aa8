"""A portfolio over its history: targets decided at the close of bar t become market orders at the open of bar t + 1, in whole ticks, lots and micro-quote.

Prices, partial fills, fees, funding, margin and liquidation come from the kernels that the simulated venue calls too. An order is made only where the
target changes, so a constant weight is not traded back to itself. Exits come before entries; a change of side is an exit and an entry (decision 46).
In one bar: funding on what was held, orders at the open, liquidation at the adverse extremes, the marks at the close, decisions.
"""

from __future__ import annotations

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.funding import funding_payment
from tallystick.kernels.kernel import inner_lean_kernel, kernel, lean_kernel
from tallystick.kernels.liquidation import is_liquidated
from tallystick.kernels.margin import maintenance_margin
from tallystick.kernels.matching import LIQUIDATION, TAKER, price_ticks, take, takeable_lots
from tallystick.kernels.money import E8, LARGEST, NO_VALUE, add, multiply, notional, subtract
from tallystick.kernels.prices import taker_price
from tallystick.kernels.simulation_books import (
    ACCOUNT_CASH,
    ACCOUNT_CUT,
    ACCOUNT_EQUITY,
    ACCOUNT_FILLS,
    ACCOUNT_FUNDING,
    ACCOUNT_HOLDING,
    ACCOUNT_LIQUIDATED,
    ACCOUNT_NEXT_BAR,
    ACCOUNT_NEXT_DECISION,
    ACCOUNT_NEXT_DUE,
    ACCOUNT_REFUSED,
    ACCOUNT_WAITING,
    BEGUN,
    END_TIER,
    FIGURES,
    FIRST_TIER,
    FUNDING_ROW,
    HELD,
    IN_QUANTITIES,
    LEAST,
    LIQUIDATION_FEE,
    LOT,
    MARK,
    MOST_VALUE,
    PRICE_SCALE,
    RESULT,
    SLIPPAGE,
    SPREAD,
    TAKER_FEE,
    TARGET,
    TICK,
    UNIT_DEN,
    UNIT_NUM,
    WANTED,
    WHOLE,
    Books,
    Market,
    Rules,
    Tape,
    affordable,
    book_fill,
    last_price,
    worth,
)
from tallystick.kernels.simulation_stretches import FULL, GOOD, OVERFLOW, STRETCH, count_waiting, first_doubtful, is_exposed, value_stretch
from tallystick.kernels.sizes import lots_from_value, lots_from_weight

MOST_LOTS = 2**53
AHEAD = 32
"""Decisions whose prices are read together; all of them stay in the processor's first cache."""


@lean_kernel
def pay_funding(bar: int, market: Market, rules: Rules, books: Books) -> bool:
    """Funding due since the last bar's open, on what was held, at its last price. False on overflow."""
    states, account = books.states, books.account
    for s in range(states.shape[0]):
        row = rules.units[s, FUNDING_ROW]
        if states[s, HELD] == 0 or row < 0 or market.due[row, bar] == 0:
            continue
        value = notional(states[s, MARK], states[s, HELD], rules.units[s, UNIT_NUM], rules.units[s, UNIT_DEN])
        payment = multiply(market.due[row, bar], funding_payment(value, market.funding_e8[s, min(bar, market.funding_e8.shape[1] - 1)]))
        account[ACCOUNT_CASH] = subtract(account[ACCOUNT_CASH], payment)
        account[ACCOUNT_FUNDING] = add(account[ACCOUNT_FUNDING], payment)
        states[s, RESULT] = subtract(states[s, RESULT], payment)
        if NO_VALUE in (account[ACCOUNT_CASH], account[ACCOUNT_FUNDING], states[s, RESULT]):
            return False
    return True


@inner_lean_kernel
def _enter(bar: int, s: int, side: int, reference: int, price: int, worths: NDArray[int64], rules: Rules, books: Books, tape: Tape) -> bool:
    """Fill what opens or adds: as much as the margin carries, at least the minimum notional. worths: gross and net at the marks. False on overflow."""
    states, account, num, den = books.states, books.account, rules.units[s, UNIT_NUM], rules.units[s, UNIT_DEN]
    lots = min(abs(states[s, WANTED]), books.left[s])
    if lots == 0:
        return True
    fewer = affordable(lots, price, reference, s, add(account[ACCOUNT_CASH], worths[1]), worths[0], rules)
    if rules.units[s, MOST_VALUE] < LARGEST and fewer != NO_VALUE:
        most = lots_from_value(rules.units[s, MOST_VALUE] - 1, reference, num, den)
        fewer = min(fewer, max(0, most - abs(states[s, HELD])))
    value = notional(price, abs(states[s, WANTED]) if fewer == lots else fewer, num, den)
    if NO_VALUE in (fewer, value):
        return False
    if fewer < lots:
        account[ACCOUNT_CUT] += 1
        states[s, WANTED] = side * fewer
    if fewer == 0 or (value < rules.units[s, LEAST] and states[s, BEGUN] == 0):
        account[ACCOUNT_REFUSED] += 1
        states[s, WANTED] = 0
        return True
    before = 0 if states[s, HELD] == 0 else notional(states[s, MARK], states[s, HELD], num, den)
    states[s, WANTED] -= side * fewer
    states[s, BEGUN] = 1
    states[s, MARK] = reference
    if not book_fill(bar, s, side, fewer, price, reference, rules.terms[TAKER_FEE], TAKER, rules, books, tape):
        return False
    after = notional(reference, states[s, HELD], num, den)
    worths[0] = add(worths[0], subtract(abs(after), abs(before)))
    worths[1] = add(worths[1], subtract(after, before))
    return NO_VALUE not in (worths[0], worths[1])


@inner_lean_kernel
def fill_at_open(bar: int, market: Market, worths: NDArray[int64], rules: Rules, books: Books, tape: Tape) -> bool:
    """Fill what was decided: exits of all symbols first, then entries, each in the order of the symbols. worths[2]: room to work in. False on overflow."""
    states, units, scales = books.states, rules.units, rules.scales
    symbols = states.shape[0]
    entering = False
    for s in range(symbols):
        held, wanted = states[s, HELD], states[s, WANTED]
        if held == 0 and wanted == 0:
            continue
        reference = price_ticks(market.open[s, bar], scales[s, PRICE_SCALE], scales[s, TICK])
        if reference == NO_VALUE:
            continue
        if held != 0:
            states[s, MARK] = reference
        if wanted == 0:
            continue
        books.left[s] = MOST_LOTS if rules.volume_share == 0.0 else takeable_lots(market.volume[s, bar], rules.volume_share, scales[s, LOT])
        entering = entering or abs(wanted) > abs(held) or held == 0 or (held > 0) == (wanted > 0)
        lots = min(abs(wanted), abs(held), books.left[s])
        if held == 0 or (held > 0) == (wanted > 0) or lots == 0:
            continue
        side = 1 if wanted > 0 else -1
        price = take(side, reference, NO_VALUE, rules.terms[SPREAD], states[s, SLIPPAGE], units[s, FIGURES], units[s, WHOLE])
        if price == NO_VALUE:
            return False
        states[s, WANTED] -= side * lots
        states[s, BEGUN] = 1
        books.left[s] -= lots
        if not book_fill(bar, s, side, lots, price, reference, rules.terms[TAKER_FEE], TAKER, rules, books, tape):
            return False
    return not entering or _fill_entries(bar, market, worths, rules, books, tape)


@inner_lean_kernel
def _fill_entries(bar: int, market: Market, worths: NDArray[int64], rules: Rules, books: Books, tape: Tape) -> bool:
    states, units, scales = books.states, rules.units, rules.scales
    equity, worths[0], worths[1] = worth(rules, books)
    if equity == NO_VALUE:
        return False
    for s in range(states.shape[0]):
        held, wanted = states[s, HELD], states[s, WANTED]
        if wanted == 0 or (held != 0 and (held > 0) != (wanted > 0)):
            continue
        reference = price_ticks(market.open[s, bar], scales[s, PRICE_SCALE], scales[s, TICK])
        if reference == NO_VALUE:
            continue
        side = 1 if wanted > 0 else -1
        price = take(side, reference, NO_VALUE, rules.terms[SPREAD], states[s, SLIPPAGE], units[s, FIGURES], units[s, WHOLE])
        if price == NO_VALUE or not _enter(bar, s, side, reference, price, worths, rules, books, tape):
            return False
    return True


@lean_kernel
def _extreme(bar: int, s: int, market: Market, rules: Rules, books: Books) -> int:
    """The adverse end of the bar's range for what is held; its mark where there is no bar."""
    price = market.low[s, bar] if books.states[s, HELD] > 0 else market.high[s, bar]
    ticks = price_ticks(price, rules.scales[s, PRICE_SCALE], rules.scales[s, TICK])
    return books.states[s, MARK] if ticks == NO_VALUE else ticks


@lean_kernel
def liquidate(bar: int, market: Market, rules: Rules, books: Books, tape: Tape) -> bool:
    """Take positions away, largest maintenance first, while equity at every adverse extreme at once does not cover it. False on overflow."""
    states, account, units, tiers = books.states, books.account, rules.units, rules.tiers
    while account[ACCOUNT_HOLDING] > 0:
        equity, needed, largest, chosen = account[ACCOUNT_CASH], 0, -1, -1
        for s in range(states.shape[0]):
            if states[s, HELD] == 0:
                continue
            value = notional(_extreme(bar, s, market, rules, books), states[s, HELD], units[s, UNIT_NUM], units[s, UNIT_DEN])
            a, b = units[s, FIRST_TIER], units[s, END_TIER]
            margin = maintenance_margin(value, tiers[0, a:b], tiers[1, a:b], tiers[2, a:b])
            equity, needed = add(equity, value), add(needed, margin)
            if margin > largest:
                largest, chosen = margin, s
        if NO_VALUE in (equity, needed):
            return False
        if not is_liquidated(equity, needed):
            return True
        side = -1 if states[chosen, HELD] > 0 else 1
        reference = _extreme(bar, chosen, market, rules, books)
        slippage = market.slippage_e8[chosen, min(max(bar - 1, 0), market.slippage_e8.shape[1] - 1)]
        price = max(1, taker_price(side, reference, rules.terms[SPREAD], slippage, units[chosen, FIGURES], units[chosen, WHOLE]))
        rate = rules.terms[TAKER_FEE] + rules.terms[LIQUIDATION_FEE]
        if not book_fill(bar, chosen, side, abs(states[chosen, HELD]), price, reference, rate, LIQUIDATION, rules, books, tape):
            return False
        account[ACCOUNT_LIQUIDATED] += 1
        # As venues do: what was taken away is not opened again by an order from before.
        if states[chosen, WANTED] != 0:
            states[chosen, WANTED] = 0
            account[ACCOUNT_WAITING] -= 1
    return True


@inner_lean_kernel
def decide(bar: int, s: int, target: float, equity: int, market: Market, rules: Rules, books: Books) -> bool:
    """Turn a changed target into an order, sized at this close; an older order that did not fill is replaced. False on overflow."""
    states = books.states
    mark = last_price(market.close, rules, books, s, bar)
    if mark == NO_VALUE:
        return True
    if rules.terms[IN_QUANTITIES] != 0:
        whole = int(np.rint(target / rules.scales[s, LOT]))
        lots = whole
    else:
        whole = int(np.rint(target * E8))
        lots = lots_from_weight(whole, equity, mark, rules.units[s, UNIT_NUM], rules.units[s, UNIT_DEN])
    if lots == NO_VALUE:
        return False
    if whole == states[s, TARGET]:
        return True
    before = states[s, WANTED] != 0
    states[s, TARGET] = whole
    states[s, WANTED] = lots - states[s, HELD]
    states[s, SLIPPAGE] = market.slippage_e8[s, min(bar, market.slippage_e8.shape[1] - 1)]
    states[s, BEGUN] = 0
    books.account[ACCOUNT_WAITING] += int(states[s, WANTED] != 0) - int(before)
    return True


@inner_lean_kernel
def _decide_all(bar: int, k: int, market: Market, rules: Rules, books: Books) -> int:
    """Take the decisions of this close, the k-th first; the number of the next one, or −1 on overflow."""
    while k < market.decision_bars.shape[0] and market.decision_bars[k] <= bar:
        if not decide(bar, market.decision_symbols[k], market.decision_targets[k], books.account[ACCOUNT_EQUITY], market, rules, books):
            return -1
        k += 1
    return k


@inner_lean_kernel
def _fetch_prices(k: int, fetched: int, market: Market, floats: NDArray[float64]) -> int:
    """Read the prices that decisions from the k-th on will ask for into floats[2, …]: read together they cost the way to the memory once, alone each time.

    fetched: decisions before this one have been looked at; answers its new value.
    """
    if k < fetched:
        return fetched
    end: int = min(k + AHEAD, market.decision_bars.shape[0])
    for i in range(end - k):
        s, t = market.decision_symbols[k + i], market.decision_bars[k + i]
        floats[0, i], floats[1, i] = market.close[s, t], market.open[s, min(t + 1, market.open.shape[1] - 1)]
    return end


@lean_kernel
def _walk(market: Market, rules: Rules, books: Books, tape: Tape, values: NDArray[int64], floats: NDArray[float64], worths: NDArray[int64]) -> int:
    account = books.account
    symbols, bars = market.close.shape
    decisions, dues = market.decision_bars.shape[0], market.due_bars.shape[0]
    # A bar fills each symbol at most three times: out of the old side, into the new one, and a liquidation.
    room = tape.fills.shape[0] - 3 * symbols if tape.fills.shape[0] > 0 else LARGEST
    bar, k, due = account[ACCOUNT_NEXT_BAR], account[ACCOUNT_NEXT_DECISION], account[ACCOUNT_NEXT_DUE]
    fetched = k
    while bar < bars:
        fetched = _fetch_prices(k, fetched, market, floats)
        account[ACCOUNT_NEXT_BAR], account[ACCOUNT_NEXT_DECISION], account[ACCOUNT_NEXT_DUE] = bar, k, due
        if account[ACCOUNT_FILLS] > room:
            return FULL
        if due < dues and market.due_bars[due] == bar:
            due += 1
            if account[ACCOUNT_HOLDING] > 0 and not pay_funding(bar, market, rules, books):
                return OVERFLOW
        if account[ACCOUNT_WAITING] > 0:
            if not fill_at_open(bar, market, worths, rules, books, tape):
                return OVERFLOW
            count_waiting(books)
        end = bars if k == decisions else market.decision_bars[k] + 1
        if due < dues:
            end = min(end, market.due_bars[due])
        if account[ACCOUNT_WAITING] > 0:
            end = bar + 1
        if account[ACCOUNT_HOLDING] > 0:
            end = min(end, bar + STRETCH)
            if is_exposed(rules, books):
                safe = first_doubtful(bar, end, floats, market, rules, books)
                if safe == bar and not liquidate(bar, market, rules, books, tape):
                    return OVERFLOW
                end = max(safe, bar + 1)
        status = value_stretch(bar, end, values, market, rules, books, tape)
        if status != GOOD:
            return status
        bar = end
        k = _decide_all(bar - 1, k, market, rules, books)
        if k < 0:
            return OVERFLOW
    account[ACCOUNT_NEXT_BAR], account[ACCOUNT_NEXT_DECISION] = bar, k
    return GOOD


@kernel
def simulate(market: Market, rules: Rules, books: Books, tape: Tape) -> int:
    """Walk the bars from `ACCOUNT_NEXT_BAR` on, in stretches between events. Answers `GOOD`, `OVERFLOW`, `WIPED_OUT` when equity is not positive at a close
    (of bar `ACCOUNT_NEXT_BAR`), or `FULL` when fills or trades need more room: call again with more."""
    return _walk(market, rules, books, tape, np.zeros((2, STRETCH), np.int64), np.zeros((2, STRETCH)), np.zeros(2, np.int64))
