"""Cross-sectional ranks: the second pass over features already computed."""

from __future__ import annotations

import math

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel

BLOCK = 64
"""Bars counted together, so that the inner loop runs over neighbours in memory."""


@kernel
def rank_symbols(out: NDArray[float64], source: int, target: int, first: int, last: int) -> None:
    """out[s, target, :] = (rank − 0.5) / n of out[s, source, :] among the symbols valid at each bar, for s in first:last.

    Average ties; NaN below two valid symbols. Counting smaller and equal values needs no sort, and whole counts know no order of summation.
    """
    bars = out.shape[2]
    block = min(BLOCK, bars)
    own = np.empty(block, np.float64)
    smaller = np.empty(block, np.int64)
    equal = np.empty(block, np.int64)
    valid = np.empty(block, np.int64)
    for start in range(0, bars, BLOCK):
        n = min(BLOCK, bars - start)
        valid[:n] = 0
        for q in range(out.shape[0]):
            for i in range(n):
                valid[i] += not math.isnan(out[q, source, start + i])
        for s in range(first, last):
            for i in range(n):
                own[i] = out[s, source, start + i]
                smaller[i] = 0
                equal[i] = 0
            for q in range(out.shape[0]):
                for i in range(n):
                    theirs = out[q, source, start + i]
                    smaller[i] += theirs < own[i]
                    equal[i] += theirs == own[i]
            for i in range(n):
                if equal[i] == 0 or valid[i] < 2:
                    out[s, target, start + i] = math.nan
                else:
                    out[s, target, start + i] = (smaller[i] + 0.5 * equal[i]) / valid[i]
