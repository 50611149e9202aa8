"""What a name's daily turnover shows at chosen days: averages, their stability, and counts of days."""

from __future__ import annotations

import math

from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel

AGE, AVERAGE_30, AVERAGE_90, AVERAGE_180, STABILITY, TRADABLE, ABOVE_90, ABOVE_180, MEASURES = range(9)
"""Columns of the result; MEASURES is how many there are."""


@kernel
def _window_mean(x: NDArray[float64], last: int, days: int) -> float:
    total: float = 0.0
    for t in range(last - days + 1, last + 1):
        total += x[t]
    return total / days


@kernel
def turnover_measures(turnover: NDArray[float64], first: NDArray[int64], columns: NDArray[int64], daily: float, out: NDArray[float64]) -> None:
    """Write out[S, C, MEASURES] for turnover[S, T] (no NaN) at the days `columns`[C]; first[S] is a name's first day with a bar, −1 for none.

    All NaN before the first day. Averages are NaN until their window is full; stability = smallest / largest average; tradable = share of up to 180 days
    with turnover, NaN below 30 days; counts are of days with turnover of at least `daily`.
    """
    for s in range(turnover.shape[0]):
        for c in range(columns.shape[0]):
            day = columns[c]
            out[s, c, :] = math.nan
            if first[s] < 0 or day < first[s]:
                continue
            age = day - first[s] + 1
            row = out[s, c]
            row[AGE] = age
            if age >= 30:
                row[AVERAGE_30] = _window_mean(turnover[s], day, 30)
            if age >= 90:
                row[AVERAGE_90] = _window_mean(turnover[s], day, 90)
            if age >= 180:
                row[AVERAGE_180] = _window_mean(turnover[s], day, 180)
                largest = max(row[AVERAGE_30], row[AVERAGE_90], row[AVERAGE_180])
                smallest = min(row[AVERAGE_30], row[AVERAGE_90], row[AVERAGE_180])
                row[STABILITY] = smallest / largest if largest > 0.0 else 0.0
            start = max(first[s], day - 179)
            traded = 0
            above_90 = 0
            above_180 = 0
            for t in range(start, day + 1):
                traded += turnover[s, t] > 0.0
                above_180 += turnover[s, t] >= daily
                above_90 += t > day - 90 and turnover[s, t] >= daily
            if day - start + 1 >= 30:
                row[TRADABLE] = traded / (day - start + 1)
            row[ABOVE_90] = above_90
            row[ABOVE_180] = above_180
