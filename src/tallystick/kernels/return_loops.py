"""Loops over the return kinds: one loop per kind and feature, so a table of features needs no compile of its own.

`lo:hi` is the feature's slice of every symbol's state, `f` its column of the output; symbols first to last, bars in order.
"""

from __future__ import annotations

from numpy import float64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel
from tallystick.kernels.kind_table import CHANGE, DOWNSIDE_VOLATILITY, ILLIQUIDITY, LEVEL, MOMENTUM, RSI, UP_SHARE, VOLATILITY
from tallystick.kernels.return_kinds import change, downside_volatility, illiquidity, level, momentum, rsi, up_share, volatility
from tallystick.kernels.windows import settled

Table = NDArray[float64]


@kernel
def run_return_kind(  # noqa: C901, PLR0912 - a branch for each kind is what makes any table free of compiling
    kind: int, params: Table, state: Table, lo: int, hi: int, first_bar: int, x: Table, out: Table, f: int, first: int, last: int
) -> None:
    """Write out[first:last, f, :] from x[S, I, T], stepping state[S, lo:hi] through the bars."""
    if kind == LEVEL:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(level(params, own, first_bar + t, x[s, :, t]))
    elif kind == CHANGE:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(change(params, own, first_bar + t, x[s, :, t]))
    elif kind == VOLATILITY:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(volatility(params, own, first_bar + t, x[s, :, t]))
    elif kind == DOWNSIDE_VOLATILITY:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(downside_volatility(params, own, first_bar + t, x[s, :, t]))
    elif kind == MOMENTUM:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(momentum(params, own, first_bar + t, x[s, :, t]))
    elif kind == UP_SHARE:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(up_share(params, own, first_bar + t, x[s, :, t]))
    elif kind == ILLIQUIDITY:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(illiquidity(params, own, first_bar + t, x[s, :, t]))
    elif kind == RSI:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(rsi(params, own, first_bar + t, x[s, :, t]))
