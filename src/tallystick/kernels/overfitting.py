"""Combinatorially symmetric cross-validation: how often the best of many trials in one half of the bars is below the median in the other half."""

from __future__ import annotations

import math

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel


@kernel
def block_sums(returns: NDArray[float64], blocks: int, out: NDArray[float64]) -> int:
    """Sum and sum of squares of each column of returns[T, N] over `blocks` equal blocks, into out[blocks, 2, N]; answers the bars of a block.

    The first T mod blocks rows are left out. Columns are centred on their own mean first, which changes no variance and keeps its digits;
    `out` holds sums of the centred values, and the mean is in out[blocks, 0].
    """
    bars: int = returns.shape[0] // blocks
    skipped = returns.shape[0] - bars * blocks
    out[:] = 0.0
    for t in range(skipped, returns.shape[0]):
        for n in range(returns.shape[1]):
            out[blocks, 0, n] += returns[t, n] / (bars * blocks)
    for block in range(blocks):
        for t in range(skipped + block * bars, skipped + (block + 1) * bars):
            for n in range(returns.shape[1]):
                centred = returns[t, n] - out[blocks, 0, n]
                out[block, 0, n] += centred
                out[block, 1, n] += centred * centred
    return bars


@kernel
def _sharpe(total: float, squares: float, bars: int, mean: float) -> float:
    """Mean over sample deviation from sums of values centred on `mean`; a column that never moves has 0."""
    variance = (squares - total * total / bars) / (bars - 1)
    level = mean + total / bars
    if not variance > 1e-30 * (1.0 + level * level):
        return 0.0
    return level / math.sqrt(variance)


@kernel
def cross_validate(sums: NDArray[float64], bars: int, halves: NDArray[int64], out: NDArray[float64]) -> None:
    """For each row of halves[C, blocks] (1: in sample, 0: out of sample) the four numbers of `out[C, 4]`.

    They are the logit of the relative rank, out of sample, of the trial with the best Sharpe in sample (average ties); its Sharpe in sample, and out of
    sample; and whether it lost money out of sample (1 or 0). The first of equal bests is taken. sums and bars as `block_sums` gives them.
    """
    blocks, trials = halves.shape[1], sums.shape[2]
    half_bars = bars * blocks // 2
    inside = np.empty(trials)
    outside = np.empty(trials)
    for c in range(halves.shape[0]):
        for n in range(trials):
            total_in, squares_in, total_out, squares_out = 0.0, 0.0, 0.0, 0.0
            for block in range(blocks):
                if halves[c, block] == 1:
                    total_in += sums[block, 0, n]
                    squares_in += sums[block, 1, n]
                else:
                    total_out += sums[block, 0, n]
                    squares_out += sums[block, 1, n]
            inside[n] = _sharpe(total_in, squares_in, half_bars, sums[blocks, 0, n])
            outside[n] = _sharpe(total_out, squares_out, half_bars, sums[blocks, 0, n])
        best = 0
        for n in range(1, trials):
            if inside[n] > inside[best]:
                best = n
        below, equal = 0, 0
        for n in range(trials):
            if outside[n] < outside[best]:
                below += 1
            elif outside[n] == outside[best]:
                equal += 1
        relative = (below + 0.5 * (equal + 1)) / (trials + 1)
        out[c, 0] = math.log(relative / (1.0 - relative))
        out[c, 1] = inside[best]
        out[c, 2] = outside[best]
        out[c, 3] = 1.0 if outside[best] < 0.0 else 0.0
