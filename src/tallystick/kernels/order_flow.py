"""Order flow and regime measures: taker-buy volume in trailing windows, and how far price stands from its average beside its range."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def taker_buy_shares(times: Ints, units: Ints, is_buy: Ints, window: int, out: Floats) -> None:
    """Taker-buy share of volume in (t − window, t] at each trade, written to out; NaN where the window holds no volume.

    Volume is int64 units of its last decimal, so adding and removing is exact and no share depends on what came before its window.
    """
    first, bought, total = 0, 0, 0
    for i in range(times.size):
        total += units[i]
        bought += units[i] if is_buy[i] != 0 else 0
        while times[first] <= times[i] - window:
            total -= units[first]
            bought -= units[first] if is_buy[first] != 0 else 0
            first += 1
        out[i] = bought / total if total > 0 else math.nan


@kernel
def regime_measures(high: Floats, low: Floats, close: Floats, volume: Floats, short: int, long: int, out: Floats) -> None:
    """Written to out float64[4] from bars float64[T], T > `long`: |close − VWAP| over the last `long` bars in units of the short range, short range over
    long range (mean true ranges, Wilder 1978, of the last `short` and `long` bars), net move over path of closes, and volume.

    NaN where a divisor is zero or a bar is missing.
    """
    bars = close.size
    short_range, long_range, path, weighted, traded = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(bars - long, bars):
        true_range = max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1]))
        if math.isnan(high[i] + low[i] + close[i - 1] + close[i] + volume[i]):
            true_range = math.nan
        long_range += true_range / long
        if i >= bars - short:
            short_range += true_range / short
        path += abs(close[i] - close[i - 1])
        weighted += volume[i] * (high[i] + low[i] + close[i]) / 3.0
        traded += volume[i]
    distance = abs(close[bars - 1] - weighted / traded) if traded > 0.0 else math.nan
    out[0] = distance / short_range if short_range > 0.0 else math.nan
    out[1] = short_range / long_range if long_range > 0.0 else math.nan
    out[2] = abs(close[bars - 1] - close[bars - 1 - long]) / path if path > 0.0 else math.nan
    out[3] = traded
