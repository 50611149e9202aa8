"""From bars, targets and costs to fills, closed trades and an equity curve: panels in, one call of the compiled fill model, integers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import ConfigurationError, DataError, InvariantViolation, StrategyError
from tallystick.contracts.instruments import Instrument
from tallystick.contracts.quote_money import exact, micro_floor
from tallystick.contracts.time import iso_from_ns
from tallystick.kernels import simulation as kernel
from tallystick.kernels.money import E8, NO_VALUE
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import InstrumentBook, ticks_of_prices

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BPS_E8 = 10_000
ATR_SLIPPAGE_BPS = (2.0, 30.0)
"""Slippage by volatility stays within these basis points, as the run-artifact document's system does it."""


@dataclass(frozen=True, slots=True)
class FillTerms:
    """What a fill costs, in 1e-8: full spread and fee rate; and what the account may do: leverage in 1e-4, first cash in micro-quote."""

    fee_e8: int
    spread_e8: int
    leverage_e4: int
    cash_micro: int


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """What happened. curve int64[T, 4]: equity, cash, gross, net in micro-quote at each close. fills and trades: columns as the kernel names them."""

    symbols: tuple[str, ...]
    open_times_ns: Ints
    curve: Ints
    fills: Ints
    trades: Ints
    refused_small: int
    cut_to_margin: int


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


def unit_rows(instruments: Sequence[Instrument]) -> Ints:
    """int64[S, 5] as the kernel takes them."""
    out = np.zeros((len(instruments), 5), np.int64)
    for index, row in enumerate(instruments):
        out[index] = (row.unit_num, row.unit_den, micro_floor(exact(float(row.minimum_notional))), row.figures or 0, int(1 / row.tick))
    return out


def tick_rows(instruments: Sequence[Instrument], prices: Floats) -> Ints:
    """Prices float64[S, T] as whole ticks, nearest, half to even; `NO_VALUE` where there is no bar. Raises DataError for a price below half a tick."""
    out = np.empty(prices.shape, np.int64)
    for index, row in enumerate(instruments):
        out[index] = ticks_of_prices(row, prices[index])
        if bool((out[index] == 0).any()):
            raise DataError(f"expected prices of at least one tick ({row.tick}), found a smaller one", where=row.id)
    return out


def slippage_rows(mode: str, slippage_bps: float, k_atr: float, atr: Floats | None, shape: tuple[int, int]) -> Ints:
    """Slippage in 1e-8 known at each close, int64[S, T].

    `fixed`: the same everywhere. `atr`: k_atr · ATR / close, clipped to `ATR_SLIPPAGE_BPS`; the upper end where there is no ATR yet.
    Raises ConfigurationError for another mode.
    """
    if mode == "fixed":
        return np.full(shape, rate_e8(slippage_bps / 10_000, "slippage"), np.int64)
    if mode != "atr" or atr is None:
        raise ConfigurationError(f"expected slippage_mode fixed or atr, found {mode}")
    low, high = ATR_SLIPPAGE_BPS
    bps = np.clip(np.where(np.isnan(atr), high, atr * k_atr * 10_000), low, high)
    rows: Ints = np.rint(bps * BPS_E8).astype(np.int64)
    return rows


def weight_rows(weights: Floats) -> Ints:
    """Signed shares of equity float64[S, T] in 1e-8; NaN is no decision. Raises StrategyError for a weight that is not in [−1, 1]."""
    if bool((np.abs(weights[~np.isnan(weights)]) > 1.0).any()):
        raise StrategyError("expected weights between -1 and 1, found one outside")
    missing = np.isnan(weights)
    targets: Ints = np.rint(np.where(missing, 0.0, weights) * E8).astype(np.int64)
    targets[missing] = NO_VALUE
    return targets


def simulate_targets(panel: BarPanel, instruments: Sequence[Instrument], weights: Floats, slippage_e8: Ints, terms: FillTerms) -> Simulation:
    """Walk the panel: weights[S, T] decided at each close fill at the next open.

    Raises StrategyError when the account is wiped out, DataError when an amount leaves int64.
    """
    shape = (len(panel.symbols), panel.bars)
    if weights.shape != shape or slippage_e8.shape != shape or len(instruments) != shape[0]:
        raise InvariantViolation(f"expected weights and slippage of shape {shape}, found {weights.shape} and {slippage_e8.shape}")
    targets = weight_rows(weights)
    # Each change of a target fills at most twice: out of the old side, into the new one.
    most = 2 * int(kernel.count_changes(targets)) + 1
    curve = np.zeros((panel.bars, 4), np.int64)
    fills = np.zeros((most, len(kernel.FILL_COLUMNS)), np.int64)
    trades = np.zeros((most, len(kernel.TRADE_COLUMNS)), np.int64)
    account = np.zeros(kernel.ACCOUNT_SLOTS, np.int64)
    status = kernel.simulate(
        tick_rows(instruments, panel.open),
        tick_rows(instruments, panel.close),
        targets,
        slippage_e8,
        unit_rows(instruments),
        np.array([terms.spread_e8, terms.fee_e8, terms.leverage_e4, terms.cash_micro], np.int64),
        curve,
        fills,
        trades,
        account,
    )
    if status == kernel.OVERFLOW:
        raise DataError("expected amounts below 9.2e12 quote units, found one that leaves 64 bits", where=panel.venue, hint="Lower initial_cash")
    if status == kernel.WIPED_OUT:
        lost_at = iso_from_ns(int(panel.open_times_ns[int(np.argmax(curve[:, 0] <= 0))]))
        raise StrategyError(f"expected equity above 0, found the account wiped out at {lost_at}", hint="Lower the leverage")
    return Simulation(
        symbols=panel.symbols,
        open_times_ns=panel.open_times_ns,
        curve=curve,
        fills=fills[: account[kernel.ACCOUNT_FILLS]],
        trades=trades[: account[kernel.ACCOUNT_ENDED]],
        refused_small=int(account[kernel.ACCOUNT_REFUSED]),
        cut_to_margin=int(account[kernel.ACCOUNT_CUT]),
    )


def figures(names: Sequence[str], values: Floats) -> Mapping[str, float | None]:
    """Named figures; null where one does not exist."""
    return {name: float(value) if np.isfinite(value) else None for name, value in zip(names, values, strict=True)}
