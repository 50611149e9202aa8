"""Loops over the average kinds: one loop per kind and feature, so a table of features needs no compile of its own.

`lo:hi` is the feature's slice of every symbol's state, `f` its column of the output; symbols first to last, bars in order.
"""

from __future__ import annotations

from numpy import float64
from numpy.typing import NDArray

from tallystick.kernels.average_kinds import band_position, band_width, macd, mean, mean_ratio, mean_slope, share_above, zscore
from tallystick.kernels.kernel import kernel
from tallystick.kernels.kind_table import BAND_POSITION, BAND_WIDTH, MACD, MEAN, MEAN_RATIO, MEAN_SLOPE, SHARE_ABOVE, ZSCORE
from tallystick.kernels.windows import settled

Table = NDArray[float64]


@kernel
def run_average_kind(  # noqa: C901, PLR0912 - a branch for each kind is what makes any table free of compiling
    kind: int, params: Table, state: Table, lo: int, hi: int, first_bar: int, x: Table, out: Table, f: int, first: int, last: int
) -> None:
    """Write out[first:last, f, :] from x[S, I, T], stepping state[S, lo:hi] through the bars."""
    if kind == MEAN:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(mean(params, own, first_bar + t, x[s, :, t]))
    elif kind == MEAN_RATIO:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(mean_ratio(params, own, first_bar + t, x[s, :, t]))
    elif kind == ZSCORE:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(zscore(params, own, first_bar + t, x[s, :, t]))
    elif kind == BAND_POSITION:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(band_position(params, own, first_bar + t, x[s, :, t]))
    elif kind == BAND_WIDTH:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(band_width(params, own, first_bar + t, x[s, :, t]))
    elif kind == MEAN_SLOPE:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(mean_slope(params, own, first_bar + t, x[s, :, t]))
    elif kind == SHARE_ABOVE:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(share_above(params, own, first_bar + t, x[s, :, t]))
    elif kind == MACD:
        for s in range(first, last):
            own = state[s, lo:hi]
            for t in range(x.shape[2]):
                out[s, f, t] = settled(macd(params, own, first_bar + t, x[s, :, t]))
