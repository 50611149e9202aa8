"""Exponential averages that forget completely: two overlapping recursions restarted at aligned blocks.

A plain recursion depends on every bar since its start, so no cold start can ever match it bit for bit. Here a young recursion starts at each
multiple of `block` of the absolute bar number and takes over one block later; the output comes from the elder one, which has seen between one and
two blocks. It depends on at most 2 · block bars and on the bar number: finite memory. A block is chosen as 10 / α bars, so the weight of a
recursion's opening value is at most e⁻¹⁰ ≈ 5e-5 when it speaks.

A missing bar does not move an average, and has no output; the elder is silent until it has seen a block of values. State of `count` averages:
[values the elder saw, elder…, values the young saw, young…], NaN before a generation begins.
"""

from __future__ import annotations

import math

from numpy import float64
from numpy.typing import NDArray

from tallystick.kernels.kernel import inner_kernel

State = NDArray[float64]


def recursions_size(count: int) -> int:
    """State of two generations of `count` averages."""
    return 2 * (1 + count)


@inner_kernel
def hand_over(state: State, at: int, count: int, block: int, bar: int) -> None:
    """At the first bar of a block the young generation becomes the elder and a new one begins."""
    if bar % block != 0:
        return
    young = at + 1 + count
    for j in range(1 + count):
        state[at + j] = state[young + j]
        state[young + j] = math.nan
    state[young] = 0.0


@inner_kernel
def smooth(state: State, place: int, alpha: float, x: float) -> float:
    """One step of an exponential average; the first value opens it."""
    if math.isnan(state[place]):
        state[place] = x
    else:
        state[place] += alpha * (x - state[place])
    smoothed: float = state[place]
    return smoothed


@inner_kernel
def wilder_strength(state: State, at: int, n: int, block: int, bar: int, change: float) -> float:
    """Relative strength index, 0 to 100, of one-bar changes smoothed with α = 1/n (Wilder 1978); 50 when nothing moved."""
    hand_over(state, at, 2, block, bar)
    if math.isnan(change):
        return math.nan
    gain = change if change > 0.0 else 0.0
    loss = -change if change < 0.0 else 0.0
    for generation in range(2):
        place = at + 3 * generation + 1
        state[place - 1] += 1.0
        smooth(state, place, 1.0 / n, gain)
        smooth(state, place + 1, 1.0 / n, loss)
    if not state[at] >= block:
        return math.nan
    moved = state[at + 1] + state[at + 2]
    return 100.0 * state[at + 1] / moved if moved > 0.0 else 50.0


@inner_kernel
def convergence(state: State, at: int, fast: int, slow: int, signal: int, block: int, bar: int, x: float) -> tuple[float, float]:
    """Difference of two exponential averages (α = 2/(n+1)) of x and the average of that difference (Appel's MACD and its signal)."""
    hand_over(state, at, 3, block, bar)
    if math.isnan(x):
        return math.nan, math.nan
    for generation in range(2):
        place = at + 4 * generation + 1
        state[place - 1] += 1.0
        gap = smooth(state, place, 2.0 / (fast + 1), x) - smooth(state, place + 1, 2.0 / (slow + 1), x)
        smooth(state, place + 2, 2.0 / (signal + 1), gap)
    if not state[at] >= block:
        return math.nan, math.nan
    return state[at + 1] - state[at + 2], state[at + 3]
