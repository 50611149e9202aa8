"""From bars, targets and costs to fills, closed trades and an equity curve: panels in, one call of the compiled fill model, integers out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import ConfigurationError, DataError, InvariantViolation, StrategyError
from tallystick.contracts.instruments import Instrument
from tallystick.contracts.quote_money import MICRO, exact, micro_floor
from tallystick.contracts.time import NS_PER_MINUTE, iso_from_ns
from tallystick.execution.traded_instruments import traded_instrument
from tallystick.kernels import performance
from tallystick.kernels.money import E8, LARGEST
from tallystick.kernels.simulation import simulate
from tallystick.kernels.simulation_books import (
    ACCOUNT_CUT,
    ACCOUNT_ENDED,
    ACCOUNT_EQUITY,
    ACCOUNT_FILLS,
    ACCOUNT_FUNDING,
    ACCOUNT_LIQUIDATED,
    ACCOUNT_NEXT_BAR,
    ACCOUNT_REFUSED,
    ACCOUNT_SLOTS,
    ACCOUNT_WON,
    ALWAYS,
    DEEPEST,
    FILL_COLUMNS,
    SCALES,
    SQUARES,
    SUM,
    SYMBOL_SLOTS,
    TOP_PRICE,
    TOP_RATE,
    TRADE_COLUMNS,
    UNITS,
    WITH_DEBT,
    Books,
    Market,
    Rules,
    Tape,
    open_books,
)
from tallystick.kernels.simulation_stretches import FULL, OVERFLOW, WIPED_OUT, list_decisions
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import InstrumentBook

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BPS_E8 = 10_000
MOST_TICKS = 2.0**53
CHUNK = 2**15
ATR_SLIPPAGE_BPS = (2.0, 30.0)
"""Slippage by volatility stays within these basis points, as the run-artifact document's system does it."""


@dataclass(frozen=True, slots=True)
class FillTerms:
    """What a fill costs, in 1e-8: fee rates and full spread; and what the account may do: leverage in 1e-4, first cash in micro-quote.

    maker_fee_e8: None for the taker's. funding_e8: rate per funding interval of the instrument, above 0 the long pays. liquidation_fee_e8: on top of the
    taker fee. volume_share: fraction of a bar's volume that our orders may take, 0 for no limit.
    """

    fee_e8: int
    spread_e8: int
    leverage_e4: int
    cash_micro: int
    maker_fee_e8: int | None = None
    funding_e8: int = 0
    liquidation_fee_e8: int = 0
    volume_share: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """What happened. curve int64[T, 3]: equity, cash, gross in micro-quote at each close; net is equity less cash.

    fills and trades: columns as the kernel names them.
    funding_micro: paid by us, net; charges_funding: whether a rate applied, even where nothing was held when it was due. liquidated: positions taken away.
    A trade's result is after its fees and funding.
    """

    symbols: tuple[str, ...]
    open_times_ns: Ints
    curve: Ints
    fills: Ints
    trades: Ints
    refused_small: int
    cut_to_margin: int
    funding_micro: int = 0
    liquidated: int = 0
    charges_funding: bool = False


def rate_e8(fraction: float, what: str) -> int:
    """A fraction as whole hundred-millionths. Raises ConfigurationError when it is not in [0, 1)."""
    if not 0.0 <= fraction < 1.0:
        raise ConfigurationError(f"expected {what} from 0 to below 1, found {fraction}")
    return int((exact(fraction) * E8).to_integral_value())


def rows_of(panel: BarPanel, book: InstrumentBook) -> tuple[Instrument, ...]:
    """The instrument of each symbol of the panel. Raises DataError where its units change between its first and last bar."""
    found = []
    for index, symbol in enumerate(panel.symbols):
        there = np.flatnonzero(~np.isnan(panel.close[index]))
        if there.size == 0:
            raise DataError(f"expected bars of {symbol} in the period, found none", where=panel.venue, hint="Choose another period or symbol")
        first, last = (book.at(symbol, int(panel.open_times_ns[place]), panel.venue) for place in (there[0], there[-1]))
        if (first.price_rule, first.lot) != (last.price_rule, last.lot):
            raise DataError(f"expected one tick and lot of {symbol} in the period, found a change", where=panel.venue, hint="Run the two periods apart")
        found.append(last)
    return tuple(found)


def simulation_rules(instruments: Sequence[Instrument], terms: FillTerms, *, in_quantities: bool = False) -> Rules:
    """The instruments and terms as the kernel takes them.

    Raises ConfigurationError for a leverage that an instrument does not allow, and for a funding rate where no instrument pays any.
    """
    units = np.zeros((len(instruments), UNITS), np.int64)
    scales = np.zeros((len(instruments), SCALES))
    tiers: list[tuple[int, int, int]] = []
    steps = funding_steps(instruments)
    if terms.funding_e8 and not steps:
        raise ConfigurationError(
            f"expected no funding_rate for instruments that pay no funding, found {terms.funding_e8 / E8:g}", where=", ".join(row.id for row in instruments[:3])
        )
    for index, row in enumerate(instruments):
        traded = traded_instrument(row)
        if terms.leverage_e4 > traded.max_leverage(0) * 10_000:
            raise ConfigurationError(f"expected a leverage of at most {traded.max_leverage(0)} for {row.id}, found {terms.leverage_e4 / 10_000:g}")
        # A position stays within the tiers that allow the account's leverage: never more than the venue would let it open.
        most = next((tier.lower_micro for tier in traded.tiers if tier.max_leverage * 10_000 < terms.leverage_e4), LARGEST)
        first = len(tiers)
        tiers += [(tier.lower_micro, tier.rate_e8, tier.deduction_micro) for tier in traded.tiers]
        per_unit, funding = 1 / row.tick, steps.index(traded.funding_interval_ns) if traded.funding_interval_ns else -1
        units[index] = (
            *(traded.unit_num, traded.unit_den, micro_floor(exact(float(row.minimum_notional)))),
            row.figures or 0,
            int(per_unit),
            funding,
            first,
            len(tiers),
            most,
        )
        lot, top = float(row.lot), max(tier.rate_e8 for tier in traded.tiers) / E8
        scales[index] = (float(per_unit) if per_unit == per_unit.to_integral_value() else 0.0, float(row.tick), lot, lot * MICRO, top, 0.0)
    maker = terms.fee_e8 if terms.maker_fee_e8 is None else terms.maker_fee_e8
    checked = WITH_DEBT if scales[:, TOP_RATE].max(initial=0.0) < 1.0 else ALWAYS
    row_of_terms = (terms.spread_e8, terms.fee_e8, maker, terms.liquidation_fee_e8, terms.leverage_e4, int(in_quantities), checked)
    rates = np.array(tiers, np.int64).reshape(-1, 3).T
    return Rules(units, scales, np.ascontiguousarray(rates), np.array(row_of_terms, np.int64), float(terms.volume_share))


def funding_steps(instruments: Sequence[Instrument]) -> list[int]:
    """The different funding intervals in nanoseconds, ascending."""
    return sorted({row.funding_interval_minutes * NS_PER_MINUTE for row in instruments if row.funding_interval_minutes})


def funding_due(instruments: Sequence[Instrument], open_times_ns: Ints) -> Ints:
    """int64[D, T]: how many times of each funding interval lie after the open of the bar before, up to this bar's open; none at the first."""
    steps = funding_steps(instruments)
    due = np.zeros((len(steps), len(open_times_ns)), np.int64)
    for row, step in enumerate(steps):
        due[row, 1:] = np.diff(open_times_ns // step)
    return due


def simulation_market(panel: BarPanel, instruments: Sequence[Instrument], decisions: Decisions, slippage_e8: Ints, terms: FillTerms, rules: Rules) -> Market:
    """Bars and decisions as the kernel takes them; the highest price of each symbol goes into the rules.

    Raises DataError for a price that is not finite, below half a tick, or above 2^53 ticks.
    """
    open_, high, low, close, volume = (np.ascontiguousarray(column) for column in (panel.open, panel.high, panel.low, panel.close, panel.volume))
    for index, row in enumerate(instruments):
        tick = float(row.tick)
        for column in (open_, close):
            least, most = _extremes(column[index])
            if least <= tick / 2:
                raise DataError(f"expected prices of at least one tick ({row.tick}), found {least:g}", where=row.id)
            if most / tick >= MOST_TICKS:
                raise DataError(f"expected prices below 2^53 ticks of {row.tick}, found {most:g}", where=row.id)
            rules.scales[index, TOP_PRICE] = max(rules.scales[index, TOP_PRICE], most)
    funding = np.full((len(instruments), 1), terms.funding_e8, np.int64)
    due = funding_due(instruments, panel.open_times_ns) if terms.funding_e8 else np.zeros((0, panel.bars), np.int64)
    due_bars = np.flatnonzero(due.any(axis=0)) if len(due) else np.zeros(0, np.int64)
    return Market(open_, high, low, close, volume, *decisions, np.ascontiguousarray(slippage_e8), funding, due, due_bars)


def _extremes(prices: Floats) -> tuple[float, float]:
    """The least and the highest of prices float64[T], which decide for all; NaN is no bar and takes no part."""
    least, most = np.inf, -np.inf
    for first in range(0, prices.size, CHUNK):
        # A part at a time: for the second look it still lies in the processor's cache.
        part = prices[first : first + CHUNK]
        least, most = min(least, float(np.fmin.reduce(part, initial=np.inf))), max(most, float(np.fmax.reduce(part, initial=-np.inf)))
    return least, most


def empty_books(symbols: int, cash_micro: int) -> Books:
    """The account before the first bar."""
    books = Books(np.zeros((symbols, SYMBOL_SLOTS), np.int64), np.zeros(3), np.zeros(ACCOUNT_SLOTS, np.int64), np.zeros(symbols, np.int64))
    open_books(books, cash_micro)
    return books


def slippage_rows(mode: str, slippage_bps: float, k_atr: float, atr: Floats | None, shape: tuple[int, int]) -> Ints:
    """Slippage in 1e-8 known at each close, int64[S, T], or [S, 1] where it is always the same.

    `fixed`: the same everywhere. `atr`: k_atr · ATR / close, clipped to `ATR_SLIPPAGE_BPS`; the upper end where there is no ATR yet.
    Raises ConfigurationError for another mode.
    """
    if mode == "fixed":
        return np.full((shape[0], 1), rate_e8(slippage_bps / 10_000, "slippage"), np.int64)
    if mode != "atr" or atr is None:
        raise ConfigurationError(f"expected slippage_mode fixed or atr, found {mode}")
    low, high = ATR_SLIPPAGE_BPS
    bps = np.clip(np.where(np.isnan(atr), high, atr * k_atr * 10_000), low, high)
    rows: Ints = np.rint(bps * BPS_E8).astype(np.int64)
    return rows


class Decisions(NamedTuple):
    """Changes of targets in the order of their bars, then of their symbols: bars and symbols int64[N], targets float64[N]."""

    bars: Ints
    symbols: Ints
    targets: Floats


def decisions_of(targets: Floats, panel: BarPanel) -> Decisions:
    """Where targets float64[S, T] change; NaN is no decision, and nothing is decided before a symbol's first close."""
    dense, close = np.ascontiguousarray(targets), np.ascontiguousarray(panel.close)
    # Room for a change at every bar; the system gives memory only to the part that is written.
    bars, symbols, values = np.empty(dense.size, np.int64), np.empty(dense.size, np.int64), np.empty(dense.size)
    found = int(list_decisions(dense, close, bars, symbols, values))
    return merged([Decisions(bars[:found], symbols[:found], values[:found])])


def merged(parts: Sequence[Decisions]) -> Decisions:
    """The decisions of several symbols, each part in the order of its bars, in one."""
    bars, symbols, targets = (np.concatenate([part[k] for part in parts]) for k in range(3))
    order = np.argsort(bars, kind="stable")
    return Decisions(bars[order], symbols[order], targets[order])


def _checked_decisions(targets: Floats | Decisions, panel: BarPanel, in_quantities: bool) -> Decisions:
    shape = (len(panel.symbols), panel.bars)
    if not isinstance(targets, tuple) and targets.shape != shape:
        raise InvariantViolation(f"expected targets of shape {shape}, found {targets.shape}")
    found = targets if isinstance(targets, tuple) else decisions_of(targets, panel)
    if not np.isfinite(found.targets).all() or not (in_quantities or (np.abs(found.targets) <= 1.0).all()):
        raise StrategyError("expected finite targets" if in_quantities else "expected weights between -1 and 1, found one outside")
    return found


def _check_shapes(panel: BarPanel, instruments: Sequence[Instrument], slippage_e8: Ints) -> None:
    shape = (len(panel.symbols), panel.bars)
    if slippage_e8.shape not in (shape, (shape[0], 1)) or len(instruments) != shape[0]:
        raise InvariantViolation(f"expected {shape[0]} instruments and slippage of shape {shape}, found {len(instruments)} and {slippage_e8.shape}")


def simulate_targets(
    panel: BarPanel, instruments: Sequence[Instrument], weights: Floats | Decisions, slippage_e8: Ints, terms: FillTerms, *, in_quantities: bool = False
) -> Simulation:
    """Walk the panel: weights[S, T], or their changes alone, decided at each close fill at the next open.

    With `in_quantities` they are signed base units instead of shares of equity. slippage_e8: int64[S, T], or [S, 1] for the same at every bar.
    Raises StrategyError when the account is wiped out or a weight lies outside [−1, 1], DataError for an impossible price or when an amount leaves int64.
    """
    _check_shapes(panel, instruments, slippage_e8)
    rules = simulation_rules(instruments, terms, in_quantities=in_quantities)
    market = simulation_market(panel, instruments, _checked_decisions(weights, panel, in_quantities), slippage_e8, terms, rules)
    books = empty_books(len(panel.symbols), terms.cash_micro)
    rows = 64 + 4 * len(panel.symbols) + 2 * len(market.decision_bars)
    tape = Tape(np.empty((panel.bars, 3), np.int64), np.empty((rows, len(FILL_COLUMNS)), np.int64), np.empty((rows, len(TRADE_COLUMNS)), np.int64))
    while (status := simulate(market, rules, books, tape)) == FULL:
        tape = Tape(tape.curve, _longer(tape.fills), _longer(tape.trades))
    _refuse_failure(status, panel, books)
    return finished(panel, books, tape, charges_funding=market.due_bars.size > 0)


def _longer(table: Ints) -> Ints:
    out = np.empty((4 * len(table), table.shape[1]), np.int64)
    out[: len(table)] = table
    return out


def _refuse_failure(status: int, panel: BarPanel, books: Books) -> None:
    if status == OVERFLOW:
        raise DataError("expected amounts below 9.2e12 quote units, found one that leaves 64 bits", where=panel.venue, hint="Lower initial_cash")
    if status == WIPED_OUT:
        lost_at = iso_from_ns(int(panel.open_times_ns[int(books.account[ACCOUNT_NEXT_BAR])]))
        raise StrategyError(f"expected equity above 0, found the account wiped out at {lost_at}", hint="Lower the leverage")


def finished(panel: BarPanel, books: Books, tape: Tape, *, charges_funding: bool) -> Simulation:
    """The result, with the tables cut to what was written."""
    account = books.account
    return Simulation(
        symbols=panel.symbols,
        open_times_ns=panel.open_times_ns,
        curve=tape.curve,
        fills=tape.fills[: account[ACCOUNT_FILLS]],
        trades=tape.trades[: account[ACCOUNT_ENDED]],
        refused_small=int(account[ACCOUNT_REFUSED]),
        cut_to_margin=int(account[ACCOUNT_CUT]),
        funding_micro=int(account[ACCOUNT_FUNDING]),
        liquidated=int(account[ACCOUNT_LIQUIDATED]),
        charges_funding=charges_funding,
    )


MANY_FIGURES = ("total_return", "sharpe_simple", "max_drawdown", "trades", "win_rate")
THREADS = 2


def simulate_many(
    panel: BarPanel,
    instruments: Sequence[Instrument],
    count: int,
    targets: Callable[[int], Floats | Decisions],
    slippage_e8: Ints,
    terms: FillTerms,
    bars_per_year: float,
    *,
    in_quantities: bool = False,
    threads: int = THREADS,
) -> Floats:
    """`MANY_FIGURES` of `count` variants of a strategy over one panel, float64[count, 5]: the same bits as a run of each, whatever the threads.

    targets(k) gives the weights float64[S, T] of variant k, or their changes, when its turn comes, so that memory does not grow with `count`; it is called
    from several threads at once. NaN is a figure that does not exist. A variant that loses everything has a total return and a drawdown of −1.
    Raises DataError when an amount leaves int64, StrategyError for a weight outside [−1, 1].
    """
    _check_shapes(panel, instruments, slippage_e8)
    rules = simulation_rules(instruments, terms, in_quantities=in_quantities)
    nothing = Decisions(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    shared = simulation_market(panel, instruments, nothing, slippage_e8, terms, rules)
    out = np.full((count, len(MANY_FIGURES)), np.nan)
    turns = iter(range(count))

    def work() -> None:
        books = empty_books(len(panel.symbols), terms.cash_micro)
        tape = Tape(np.empty((0, 3), np.int64), np.empty((0, len(FILL_COLUMNS)), np.int64), np.empty((0, len(TRADE_COLUMNS)), np.int64))
        for k in turns:
            bars, symbols, values = _checked_decisions(targets(k), panel, in_quantities)
            open_books(books, terms.cash_micro)
            status = simulate(shared._replace(decision_bars=bars, decision_symbols=symbols, decision_targets=values), rules, books, tape)
            if status == OVERFLOW:
                _refuse_failure(status, panel, books)
            out[k] = _many_figures(books, status == WIPED_OUT, panel.bars, terms.cash_micro, bars_per_year)

    if threads == 1:
        work()
        return out
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work) for _ in range(threads)]:
            done.result()
    return out


def _many_figures(books: Books, wiped_out: bool, bars: int, cash_micro: int, bars_per_year: float) -> tuple[float, ...]:
    account, nan = books.account, float("nan")
    ended = int(account[ACCOUNT_ENDED])
    rate = int(account[ACCOUNT_WON]) / ended if ended else nan
    if wiped_out:
        return -1.0, nan, -1.0, float(ended), rate
    sharpe = float(performance.sharpe_of(books.moments[SUM], books.moments[SQUARES], bars, bars_per_year))
    return int(account[ACCOUNT_EQUITY]) / cash_micro - 1.0, sharpe, float(books.moments[DEEPEST]), float(ended), rate


def figures(names: Sequence[str], values: Floats) -> Mapping[str, float | None]:
    """Named figures; null where one does not exist."""
    return {name: float(value) if np.isfinite(value) else None for name, value in zip(names, values, strict=True)}
