"""Loops over the extreme kinds: one loop per kind and feature, so a table of features needs no compile of its own.

`lo:hi` is the feature's slice of every symbol's state, `f` its column of the output; symbols first to last, bars in order.
"""

from __future__ import annotations

from numpy import float64
from numpy.typing import NDArray

from tallystick.kernels.extreme_kinds import atr, drawdown, high_low_range, to_high, to_low, ulcer, valid_bars
from tallystick.kernels.kernel import kernel
from tallystick.kernels.kind_table import ATR, DRAWDOWN, RANGE, TO_HIGH, TO_LOW, ULCER, VALID_BARS
from tallystick.kernels.windows import settled

Table = NDArray[float64]


@kernel
def run_extreme_kind(  # noqa: C901, PLR0912 - a branch for each kind is what makes any table free of compiling
    kind: int, params: Table, state: Table, lo: int, hi: int, first_bar: int, x: Table, out: Table, f: int, first: int, last: int
) -> None:
    """Write out[first:last, f, :] from x[S, I, T], stepping state[S, lo:hi] through the bars."""
    if kind == TO_HIGH:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(to_high(params, own, first_bar + t, x[s, :, t]))
    elif kind == TO_LOW:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(to_low(params, own, first_bar + t, x[s, :, t]))
    elif kind == DRAWDOWN:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(drawdown(params, own, first_bar + t, x[s, :, t]))
    elif kind == ULCER:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(ulcer(params, own, first_bar + t, x[s, :, t]))
    elif kind == RANGE:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(high_low_range(params, own, first_bar + t, x[s, :, t]))
    elif kind == ATR:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(atr(params, own, first_bar + t, x[s, :, t]))
    elif kind == VALID_BARS:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(valid_bars(params, own, first_bar + t, x[s, :, t]))
