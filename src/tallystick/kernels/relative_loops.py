"""Loops over the kinds relative to a benchmark: one loop per kind and feature, so a table of features needs no compile of its own.

`lo:hi` is the feature's slice of every symbol's state, `f` its column of the output; symbols first to last, bars in order.
"""

from __future__ import annotations

from numpy import float64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel
from tallystick.kernels.kind_table import BETA, CORRELATION, EXCESS_CHANGE
from tallystick.kernels.relative_kinds import beta, correlation, excess_change
from tallystick.kernels.windows import settled

Table = NDArray[float64]


@kernel
def run_relative_kind(kind: int, params: Table, state: Table, lo: int, hi: int, first_bar: int, x: Table, out: Table, f: int, first: int, last: int) -> None:
    """Write out[first:last, f, :] from x[S, I, T], stepping state[S, lo:hi] through the bars."""
    if kind == EXCESS_CHANGE:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(excess_change(params, own, first_bar + t, x[s, :, t]))
    elif kind == BETA:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(beta(params, own, first_bar + t, x[s, :, t]))
    elif kind == CORRELATION:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(correlation(params, own, first_bar + t, x[s, :, t]))
