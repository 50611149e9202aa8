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
        self._lot = np.array([float(row.lot) for row in rows])
        self._order: dict[tuple[str, ...], Ints] = {}

    def ticks(self, bars: VenueBars, volume_share: float) -> BarTicks:
        """Prices in ticks and takeable lots. Raises DataError for a bar whose prices are not positive or whose range does not hold its ends."""
        places = self._places(bars.symbols)
        open_, high, low, close = (self._prices(column, places) for column in (bars.open, bars.high, bars.low, bars.close))
        there = (open_ > 0) & (high > 0) & (low > 0) & (close > 0)
        wrong = there & ((high < np.maximum(open_, close)) | (low > np.minimum(open_, close)))
        if bool(wrong.any()):
            symbol = self.symbols[int(np.argmax(wrong))]
            raise DataError(f"expected a bar whose range holds its open and close, found one of {symbol} that does not", where="simulated venue")
        volume = np.where(places >= 0, bars.volume[places], np.nan)
        lots = np.where(np.isfinite(volume) & (volume > 0), np.floor(np.minimum(np.nan_to_num(volume) * volume_share / self._lot, 2.0**53)), 0.0)
        open_, high, low, close = (np.where(there, column, NO_BAR) for column in (open_, high, low, close))
        return BarTicks(open_.tolist(), high.tolist(), low.tolist(), close.tolist(), lots.astype(np.int64).tolist())

    def _places(self, symbols: tuple[str, ...]) -> Ints:
        if symbols not in self._order:
            index = {symbol: place for place, symbol in enumerate(symbols)}
            self._order[symbols] = np.array([index.get(symbol, -1) for symbol in self.symbols], dtype=np.int64)
        return self._order[symbols]

    def _prices(self, column: Floats, places: Ints) -> Ints:
        prices = np.where(places >= 0, column[places], np.nan)
        finite = np.isfinite(prices)
        if bool((prices[finite] <= 0).any()):
            symbol = self.symbols[int(np.argmax(np.where(finite, prices <= 0, False)))]
            raise DataError(f"expected prices above 0, found one of {symbol} that is not", where="simulated venue")
        safe = np.where(finite, prices, 0.0)
        ticks = np.rint(np.where(self._scale > 0, safe * self._scale, safe / self._tick))
        if bool((ticks >= 2.0**53).any()):
            raise DataError(f"expected prices of {self.symbols[int(np.argmax(ticks))]} below 2^53 ticks, found more", where="simulated venue")
        return np.where(finite, np.maximum(ticks, 1.0), float(NO_BAR)).astype(np.int64)
