"""Primitives of tracked positions: liquidation prices near the price, leverage, and the values on both sides."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel

# Columns of `proximity`; the long and the short block have the same four.
AT_RISK, AT_RISK_VALUE, LONG_COUNT, LONG_VALUE, LONG_CLOSEST, LONG_DISTANCE, SHORT_COUNT, SHORT_VALUE, SHORT_CLOSEST, SHORT_DISTANCE = range(10)
PROXIMITY_COLUMNS = 10
# Columns of `leverage`.
MEDIAN, MEAN, P25, P75, P90, LARGEST, LOW, MEDIUM, HIGH, EXTREME, WEIGHTED, LEVERED, LEVERED_VALUE = range(13)
LEVERAGE_COLUMNS = 13
# Columns of `bias`.
NET_LONG, NET_SHORT, LONGS, SHORTS = range(4)
BIAS_COLUMNS = 4


class PositionMemory(NamedTuple):
    """quantity (signed), value, leverage and liquidation price [S, P] of the used[S] tracked positions; NaN for what the venue did not say."""

    quantity: NDArray[float64]
    value: NDArray[float64]
    leverage: NDArray[float64]
    liquidation: NDArray[float64]
    used: NDArray[int64]


def empty_positions(symbols: int, kept: int) -> PositionMemory:
    """Memory of up to `kept` positions of each symbol."""
    quantity, value, leverages, prices = (np.full((symbols, kept), np.nan) for _ in range(4))
    return PositionMemory(quantity, value, leverages, prices, np.zeros(symbols, dtype=np.int64))


@kernel
def proximity(memory: PositionMemory, s: int, price: float, threshold_pct: float, out: NDArray[float64]) -> None:
    """Positions with |liquidation price − price| / price ≤ threshold_pct (0–100), by side; NaN throughout without a price or a position."""
    out[:] = math.nan
    if memory.used[s] == 0 or math.isnan(price):
        return
    out[AT_RISK] = 0.0
    out[AT_RISK_VALUE] = 0.0
    for start in (LONG_COUNT, SHORT_COUNT):
        sign = 1.0 if start == LONG_COUNT else -1.0
        count = 0
        value = 0.0
        distances = 0.0
        nearest = math.inf
        for i in range(memory.used[s]):
            if memory.quantity[s, i] * sign <= 0.0 or math.isnan(memory.liquidation[s, i]):
                continue
            distance = abs(memory.liquidation[s, i] - price) / price * 100.0
            if distance > threshold_pct:
                continue
            count += 1
            value += memory.value[s, i]
            distances += distance
            if distance < nearest:
                nearest = distance
                out[start + 2] = memory.liquidation[s, i]
        out[start] = count
        out[start + 1] = value
        if count > 0:
            out[start + 3] = distances / count
        out[AT_RISK] += count
        out[AT_RISK_VALUE] += value


@kernel
def _quantile(ascending: NDArray[float64], fraction: float) -> float:
    """Linear between neighbours (Hyndman and Fan, type 7)."""
    place = fraction * (ascending.shape[0] - 1)
    below = math.floor(place)
    above = min(below + 1, ascending.shape[0] - 1)
    low: float = ascending[below]
    high: float = ascending[above]
    share: float = place - below
    return low + (high - low) * share


@kernel
def leverage(memory: PositionMemory, s: int, out: NDArray[float64]) -> None:
    """Quantiles, mean and bins (below 5, 10, 20, and from 20) of the leverage of positions that state it; weighted: by position value."""
    out[:] = math.nan
    found = np.empty(memory.used[s])
    n = 0
    for i in range(memory.used[s]):
        if not math.isnan(memory.leverage[s, i]):
            found[n] = memory.leverage[s, i]
            n += 1
    if n == 0:
        return
    ascending = np.sort(found[:n])
    out[LOW : EXTREME + 1] = 0.0
    total = 0.0
    for i in range(n):
        total += ascending[i]
        out[LOW if ascending[i] < 5.0 else MEDIUM if ascending[i] < 10.0 else HIGH if ascending[i] < 20.0 else EXTREME] += 1.0
    weighted = 0.0
    value = 0.0
    for i in range(memory.used[s]):
        if not math.isnan(memory.leverage[s, i]):
            weighted += memory.leverage[s, i] * memory.value[s, i]
            value += memory.value[s, i]
    out[MEDIAN] = _quantile(ascending, 0.5)
    out[MEAN] = total / n
    out[P25] = _quantile(ascending, 0.25)
    out[P75] = _quantile(ascending, 0.75)
    out[P90] = _quantile(ascending, 0.9)
    out[LARGEST] = ascending[n - 1]
    out[WEIGHTED] = weighted / value if value > 0.0 else out[MEAN]
    out[LEVERED] = n
    out[LEVERED_VALUE] = value


@kernel
def bias(memory: PositionMemory, s: int, out: NDArray[float64]) -> None:
    """Values and counts of long and short positions; NaN throughout without a position."""
    out[:] = math.nan
    if memory.used[s] == 0:
        return
    out[:] = 0.0
    for i in range(memory.used[s]):
        if memory.quantity[s, i] > 0.0:
            out[NET_LONG] += memory.value[s, i]
            out[LONGS] += 1.0
        else:
            out[NET_SHORT] += memory.value[s, i]
            out[SHORTS] += 1.0
