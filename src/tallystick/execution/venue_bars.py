"""Bars as the simulated venue sees them: one column per field, prices on the tick grid, volume as lots that we may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import DataError
from tallystick.contracts.traded_instruments import TradedInstrument

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NO_BAR = -1


@dataclass(frozen=True, slots=True)
class VenueBars:
    """The bars that open at one instant: float64[S] each, in the order of `symbols`; NaN where a symbol has no bar. volume in base units."""

    symbols: tuple[str, ...]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


@dataclass(frozen=True, slots=True)
class BarTicks:
    """The same in ticks, int64[S] in the venue's symbol order; `NO_BAR` in every price where there is none. lots: what of the volume may be ours."""

    open: list[int]
    high: list[int]
    low: list[int]
    close: list[int]
    lots: list[int]


class TickGrid:
    """Turns float columns into ticks for a fixed order of symbols. Nearest tick, half to even; at least one tick."""

    def __init__(self, instruments: Mapping[str, TradedInstrument]) -> None:
        self.symbols = tuple(sorted(instruments))
        rows = [instruments[symbol] for symbol in self.symbols]
        # A power of ten is exact as a float multiplier, so prices on the grid give whole numbers; other ticks divide.
        self._tick = np.array([float(row.tick) for row in rows])
        self._scale = np.array([float(1 / row.tick) if (1 / row.tick) == (1 / row.tick).to_integral_value() else 0.0 for row in rows])
        self._scaled = bool((self._scale > 0).all())
        self._lot = np.array([float(row.lot) for row in rows])
        self._order: dict[tuple[str, ...], Ints] = {}

    def ticks(self, bars: VenueBars, volume_share: float) -> BarTicks:
        """Prices in ticks and takeable lots. Raises DataError for a bar whose prices are not positive or whose range does not hold its ends."""
        prices = self._prices(np.array((bars.open, bars.high, bars.low, bars.close)), bars.symbols)
        open_, high, low, close = prices
        there = prices.min(axis=0) > 0
        wrong = there & ((high < np.maximum(open_, close)) | (low > np.minimum(open_, close)))
        if bool(wrong.any()):
            symbol = self.symbols[int(np.argmax(wrong))]
            raise DataError(f"expected a bar whose range holds its open and close, found one of {symbol} that does not", where="simulated venue")
        if not bool(there.all()):
            prices[:, ~there] = NO_BAR
        volume = self._in_order(bars.volume, bars.symbols)
        volume = np.where(np.isfinite(volume) & (volume > 0), volume, 0.0)
        lots = np.floor(np.minimum(volume * volume_share / self._lot, 2.0**53))
        return BarTicks(open_.tolist(), high.tolist(), low.tolist(), close.tolist(), lots.astype(np.int64).tolist())

    def _in_order(self, columns: Floats, symbols: tuple[str, ...]) -> Floats:
        """Columns float64[…, S] of the bars in the grid's order of symbols; NaN where the bars have none."""
        if symbols == self.symbols:
            return columns
        if symbols not in self._order:
            index = {symbol: place for place, symbol in enumerate(symbols)}
            self._order[symbols] = np.array([index.get(symbol, -1) for symbol in self.symbols], dtype=np.int64)
        places = self._order[symbols]
        return np.where(places >= 0, columns[..., places], np.nan)

    def _prices(self, columns: Floats, symbols: tuple[str, ...]) -> Ints:
        prices = self._in_order(columns, symbols)
        finite = np.isfinite(prices)
        whole = bool(finite.all())
        if not whole:
            # A price of one tick stands in where there is none.
            prices = np.where(finite, prices, self._tick)
        if not float(prices.min()) > 0.0:
            symbol = self.symbols[int(np.argmax((prices <= 0).any(axis=0)))]
            raise DataError(f"expected prices above 0, found one of {symbol} that is not", where="simulated venue")
        ticks = np.rint(prices * self._scale if self._scaled else np.where(self._scale > 0, prices * self._scale, prices / self._tick))
        if not float(ticks.max()) < 2.0**53:
            symbol = self.symbols[int(np.argmax(ticks.max(axis=0)))]
            raise DataError(f"expected prices of {symbol} below 2^53 ticks, found more", where="simulated venue")
        found = np.maximum(ticks, 1.0).astype(np.int64)
        return found if whole else np.where(finite, found, NO_BAR)
