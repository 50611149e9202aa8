"""The books of a simulated account: what bars and rules it reads, what a fill does to cash and positions, what it is worth, what it can afford."""

from __future__ import annotations

from typing import NamedTuple

from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.fees import fee
from tallystick.kernels.kernel import inner_lean_kernel, kernel, lean_kernel
from tallystick.kernels.matching import price_ticks
from tallystick.kernels.money import E8, NO_VALUE, TRUNCATE, add, mul_div, mul_div_rounded, notional, subtract

E4 = 10_000
FILL_COLUMNS = ("bar", "symbol", "side", "lots", "price_ticks", "notional", "fee", "shortfall", "realized", "cash", "position", "trade", "liquidity")
BAR, SYMBOL, SIDE, LOTS, PRICE, NOTIONAL, FEE, SHORTFALL, REALIZED, CASH, POSITION, TRADE, LIQUIDITY = range(len(FILL_COLUMNS))
TRADE_COLUMNS = ("symbol", "first_bar", "last_bar", "pnl")

# Slots of the account: cash, trades begun, fills written, trades ended, orders refused for size, orders cut to margin, trades won, funding paid,
# positions liquidated, symbols with an order, symbols held, of them short, the next bar, decision and funding time, last equity and its peak.
(
    ACCOUNT_CASH,
    ACCOUNT_BEGUN,
    ACCOUNT_FILLS,
    ACCOUNT_ENDED,
    ACCOUNT_REFUSED,
    ACCOUNT_CUT,
    ACCOUNT_WON,
    ACCOUNT_FUNDING,
    ACCOUNT_LIQUIDATED,
    ACCOUNT_WAITING,
    ACCOUNT_HOLDING,
    ACCOUNT_SHORT,
    ACCOUNT_NEXT_BAR,
    ACCOUNT_NEXT_DECISION,
    ACCOUNT_NEXT_DUE,
    ACCOUNT_EQUITY,
    ACCOUNT_PEAK,
) = range(17)
ACCOUNT_SLOTS = 17
# Sums over the returns of the bars: of the returns, of their squares, and the deepest drawdown.
SUM, SQUARES, DEEPEST = range(3)
# Slots of one symbol: lots held, their signed cost, running result and first bar of the open trade, its number, lots still to trade, last decided
# target, slippage of the decision, last price, bars before this one have been searched for a price, whether the order has filled in part.
HELD, COST, RESULT, FIRST_BAR, NUMBER, WANTED, TARGET, SLIPPAGE, MARK, SEARCHED, BEGUN = range(11)
SYMBOL_SLOTS = 11
# Columns of an instrument's units, of its scales, and the account's terms.
UNIT_NUM, UNIT_DEN, LEAST, FIGURES, WHOLE, FUNDING_ROW, FIRST_TIER, END_TIER, MOST_VALUE = range(9)
UNITS = 9
PRICE_SCALE, TICK, LOT, LOT_MICRO, TOP_RATE, TOP_PRICE = range(6)
SCALES = 6
SPREAD, TAKER_FEE, MAKER_FEE, LIQUIDATION_FEE, LEVERAGE, IN_QUANTITIES, LIQUIDATES = range(7)
NEVER, WITH_DEBT, ALWAYS = range(3)
"""When maintenance is checked: an account without debt and shorts covers every rate below 1."""


class Market(NamedTuple):
    """Bars float64[S, T], NaN where there is none.

    Decisions in the order of their bars, then of their symbols: bars and symbols int64[N], targets float64[N].
    slippage_e8, funding_e8: int64[S, 1] or [S, T], in 1e-8. due: int64[D, T], how many funding times lie after the last bar's open, up to this one's;
    a symbol's row is `FUNDING_ROW` of its units, −1 for none. due_bars: the bars with any, ascending.
    """

    open: NDArray[float64]
    high: NDArray[float64]
    low: NDArray[float64]
    close: NDArray[float64]
    volume: NDArray[float64]
    decision_bars: NDArray[int64]
    decision_symbols: NDArray[int64]
    decision_targets: NDArray[float64]
    slippage_e8: NDArray[int64]
    funding_e8: NDArray[int64]
    due: NDArray[int64]
    due_bars: NDArray[int64]


class Rules(NamedTuple):
    """units int64[S, 9] and scales float64[S, 6] as their columns say; tiers int64[3, N]: lower bound, rate in 1e-8, deduction, symbol after symbol;
    terms int64[7]; volume_share: fraction of a bar's volume that orders may take, 0 for no limit."""

    units: NDArray[int64]
    scales: NDArray[float64]
    tiers: NDArray[int64]
    terms: NDArray[int64]
    volume_share: float


class Books(NamedTuple):
    """states int64[S, 11], moments float64[3] (as `SUM`, `SQUARES`, `DEEPEST` say), account int64[17], left int64[S] (lots that the bar's volume leaves)."""

    states: NDArray[int64]
    moments: NDArray[float64]
    account: NDArray[int64]
    left: NDArray[int64]


class Tape(NamedTuple):
    """curve int64[T, 3] (equity, cash, gross at each close, micro-quote; net is equity less cash), fills[N, 13], trades[N, 4]. Without rows none is written."""

    curve: NDArray[int64]
    fills: NDArray[int64]
    trades: NDArray[int64]


@kernel
def open_books(books: Books, cash: int) -> None:
    """Flat, with this cash, before the first bar."""
    books.states[:] = 0
    books.states[:, MARK] = NO_VALUE
    books.moments[:] = 0.0
    books.account[:] = 0
    books.account[ACCOUNT_CASH] = cash
    books.account[ACCOUNT_EQUITY] = cash
    books.account[ACCOUNT_PEAK] = cash


@inner_lean_kernel
def book_fill(bar: int, s: int, side: int, lots: int, price: int, reference: int, rate_e8: int, liquidity: int, rules: Rules, books: Books, tape: Tape) -> bool:
    """Book one fill; lots is unsigned and never crosses flat. False on overflow."""
    states, account = books.states, books.account
    num, den = rules.units[s, UNIT_NUM], rules.units[s, UNIT_DEN]
    value = notional(price, lots, num, den)
    paid = fee(value, rate_e8)
    ideal = value if reference == price else notional(reference, lots, num, den)
    if NO_VALUE in (value, paid, ideal):
        return False
    cash = subtract(subtract(account[ACCOUNT_CASH], side * value), paid)
    held = states[s, HELD]
    realized = -paid
    if held == 0:
        states[s, FIRST_BAR] = bar
        states[s, NUMBER] = account[ACCOUNT_BEGUN]
        states[s, RESULT] = 0
        account[ACCOUNT_BEGUN] += 1
        account[ACCOUNT_HOLDING] += 1
        account[ACCOUNT_SHORT] += int(side < 0)
    if held == 0 or (held > 0) == (side > 0):
        states[s, COST] = add(states[s, COST], side * value)
    else:
        part = states[s, COST] if lots == abs(held) else mul_div(states[s, COST], lots, abs(held))
        realized = subtract(subtract(-side * value, part), paid)
        states[s, COST] = subtract(states[s, COST], part)
    states[s, RESULT] = add(states[s, RESULT], realized)
    if NO_VALUE in (cash, realized, states[s, COST], states[s, RESULT]):
        return False
    states[s, HELD] = held + side * lots
    account[ACCOUNT_CASH] = cash
    if tape.fills.shape[0] > 0:
        n = account[ACCOUNT_FILLS]
        row = (bar, s, side, lots, price, value, paid, abs(value - ideal), realized, cash, states[s, HELD], states[s, NUMBER], liquidity)
        for k in range(len(row)):
            tape.fills[n, k] = row[k]
    account[ACCOUNT_FILLS] += 1
    if states[s, HELD] == 0:
        account[ACCOUNT_HOLDING] -= 1
        account[ACCOUNT_SHORT] -= int(held < 0)
        if states[s, RESULT] > 0:
            account[ACCOUNT_WON] += 1
        if tape.trades.shape[0] > 0:
            m = account[ACCOUNT_ENDED]
            tape.trades[m, 0], tape.trades[m, 1], tape.trades[m, 2], tape.trades[m, 3] = s, states[s, FIRST_BAR], bar, states[s, RESULT]
        account[ACCOUNT_ENDED] += 1
    return True


@inner_lean_kernel
def worth(rules: Rules, books: Books) -> tuple[int, int, int]:
    """Equity, gross and net position value at the marks, in micro-quote; equity is `NO_VALUE` on overflow."""
    states = books.states
    gross, net = 0, 0
    for s in range(states.shape[0]):
        if states[s, HELD] != 0:
            value = notional(states[s, MARK], states[s, HELD], rules.units[s, UNIT_NUM], rules.units[s, UNIT_DEN])
            if value == NO_VALUE:
                return NO_VALUE, 0, 0
            gross = add(gross, abs(value))
            net = add(net, value)
    if NO_VALUE in (gross, net):
        return NO_VALUE, 0, 0
    return add(books.account[ACCOUNT_CASH], net), gross, net


@lean_kernel
def last_price(close: NDArray[float64], rules: Rules, books: Books, s: int, bar: int) -> int:
    """The mark of a symbol: of a held one as it was kept, of another one its last close up to this bar. `NO_VALUE` before its first."""
    states = books.states
    if states[s, HELD] == 0:
        for t in range(bar, states[s, SEARCHED] - 1, -1):
            ticks = price_ticks(close[s, t], rules.scales[s, PRICE_SCALE], rules.scales[s, TICK])
            if ticks != NO_VALUE:
                states[s, MARK] = ticks
                break
    states[s, SEARCHED] = bar
    mark: int = states[s, MARK]
    return mark


@inner_lean_kernel
def _need(lots: int, price: int, reference: int, fee_rate_e8: int, leverage_e4: int, num: int, den: int) -> int:
    """Headroom that an entry uses up: its value at the mark, and leverage times what it costs at once."""
    value = notional(reference, lots, num, den)
    paid = notional(price, lots, num, den)
    cost = add(abs(subtract(paid, value)), fee(paid, fee_rate_e8))
    return add(value, mul_div(cost, leverage_e4, E4))


@inner_lean_kernel
def affordable(lots: int, price: int, reference: int, s: int, equity: int, gross: int, rules: Rules) -> int:
    """The most lots, at most `lots`, after which gross value stays within leverage times equity. Without debt or shorts: what the cash can buy.

    equity, gross: at the marks, before the entry. `NO_VALUE` on overflow.
    """
    rate, leverage = rules.terms[TAKER_FEE], rules.terms[LEVERAGE]
    num, den = rules.units[s, UNIT_NUM], rules.units[s, UNIT_DEN]
    headroom = subtract(mul_div_rounded(equity, leverage, E4, TRUNCATE), gross)
    # In floats, with a billionth and some micro-quote to spare: most entries fit with ease.
    rough = float(lots) * num / den * (reference + leverage / E4 * (abs(price - reference) + abs(rate) / E8 * price))
    if headroom != NO_VALUE and rough * 1.000000001 + 100.0 * leverage < headroom:
        return lots
    need = _need(lots, price, reference, rate, leverage, num, den)
    if NO_VALUE in (headroom, need):
        return NO_VALUE
    if need <= headroom:
        return lots
    if headroom <= 0:
        return 0
    fewer: int = mul_div_rounded(lots, headroom, need, TRUNCATE)
    while fewer > 0 and _need(fewer, price, reference, rate, leverage, num, den) > headroom:
        fewer -= 1
    return fewer
