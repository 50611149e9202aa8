"""The drivers of the feature kinds: history, live step, and the plain-Python oracle. All three run the same source and give the same bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.average_loops import run_average_kind
from tallystick.kernels.extreme_loops import run_extreme_kind
from tallystick.kernels.kernel import kernel, plain
from tallystick.kernels.kind_table import AVERAGE_KINDS, EXTREME_KINDS, KIND_BY_NAME, MAX_PARAMETERS, RETURN_KINDS
from tallystick.kernels.ranks import rank_symbols
from tallystick.kernels.relative_loops import run_relative_kind
from tallystick.kernels.return_loops import run_return_kind

RANK = -1
"""Kind number of a cross-sectional rank; its source is the table's `sources`."""

THREADS = 2


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Features as data: kinds[F], params[F, 5], offsets[F + 1] into the state of one symbol, and sources[F] (column ranked, or −1)."""

    kinds: NDArray[int64]
    params: NDArray[float64]
    offsets: NDArray[int64]
    sources: NDArray[int64]

    @property
    def state_size(self) -> int:
        """float64 values kept for one symbol."""
        return int(self.offsets[-1])


def build_table(rows: Sequence[tuple[str, Sequence[float]] | int]) -> FeatureTable:
    """A table from (kind name, parameters) rows; a bare number is the cross-sectional rank of that column."""
    kinds = np.full(len(rows), RANK, np.int64)
    params = np.zeros((len(rows), MAX_PARAMETERS), np.float64)
    sizes = np.zeros(len(rows), np.int64)
    sources = np.full(len(rows), -1, np.int64)
    for f, row in enumerate(rows):
        if isinstance(row, int):
            sources[f] = row
            continue
        name, values = row
        kind = KIND_BY_NAME[name]
        kinds[f] = kind.number
        params[f, : len(values)] = values
        sizes[f] = kind.state_size(*(int(value) for value in values))
    offsets = np.zeros(len(rows) + 1, np.int64)
    offsets[1:] = np.cumsum(sizes)
    return FeatureTable(kinds, params, offsets, sources)


def empty_state(table: FeatureTable, symbols: int) -> NDArray[float64]:
    """state[S, N] before the first bar: NaN, "no value" """
    return np.full((symbols, table.state_size), np.nan)


@kernel
def _run_table(
    kinds: NDArray[int64],
    params: NDArray[float64],
    offsets: NDArray[int64],
    state: NDArray[float64],
    first_bar: int,
    x: NDArray[float64],
    out: NDArray[float64],
    first: int,
    last: int,
) -> None:
    # A history goes symbol by symbol, whose inputs then stay in the processor's cache; a live step takes all symbols in one call per feature.
    together = 1 if x.shape[2] > 1 else max(1, last - first)
    for start in range(first, last, together):
        stop = start + together
        for f in range(kinds.shape[0]):
            kind, lo, hi = kinds[f], offsets[f], offsets[f + 1]
            if kind < 0:
                continue
            if kind < RETURN_KINDS:
                run_return_kind(kind, params[f], state, lo, hi, first_bar, x, out, f, start, stop)
            elif kind < AVERAGE_KINDS:
                run_average_kind(kind, params[f], state, lo, hi, first_bar, x, out, f, start, stop)
            elif kind < EXTREME_KINDS:
                run_extreme_kind(kind, params[f], state, lo, hi, first_bar, x, out, f, start, stop)
            else:
                run_relative_kind(kind, params[f], state, lo, hi, first_bar, x, out, f, start, stop)


@kernel
def _run_ranks(sources: NDArray[int64], out: NDArray[float64], first: int, last: int) -> None:
    for target in range(sources.shape[0]):
        if sources[target] >= 0:
            rank_symbols(out, sources[target], target, first, last)


def advance(table: FeatureTable, state: NDArray[float64], first_bar_number: int, x: NDArray[float64], *, threads: int = 1) -> NDArray[float64]:
    """Step state[S, N] through x[S, I, T], a regular grid of bars from first_bar_number on; returns out[S, F, T].

    Threads share out whole symbols, so their number cannot change a bit.
    """
    symbols = x.shape[0]
    out = np.empty((symbols, table.kinds.shape[0], x.shape[2]))

    def run(first: int, last: int) -> None:
        _run_table(table.kinds, table.params, table.offsets, state, first_bar_number, x, out, first, last)

    def rank(first: int, last: int) -> None:
        _run_ranks(table.sources, out, first, last)

    # A rank reads every symbol, so the second pass begins when the first has ended.
    for stage in (run, rank):
        _share_out(stage, symbols, threads)
    return out


def _share_out(stage: Callable[[int, int], None], symbols: int, threads: int) -> None:
    bounds = [symbols * i // threads for i in range(threads + 1)]
    if threads == 1:
        stage(0, symbols)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(stage, first, last) for first, last in pairwise(bounds)]:
            done.result()


def history(table: FeatureTable, x: NDArray[float64], first_bar_number: int, *, parallel: bool = False) -> NDArray[float64]:
    """All features over a whole history x[S, I, T] from an empty state: out[S, F, T]. One and two threads give the same bits."""
    return advance(table, empty_state(table, x.shape[0]), first_bar_number, np.ascontiguousarray(x), threads=THREADS if parallel else 1)


def step_all(table: FeatureTable, state: NDArray[float64], bar_number: int, x: NDArray[float64], out: NDArray[float64]) -> None:
    """One bar, all symbols: write out[S, F] from x[S, I], stepping state[S, N]. The compiled loops are those of history, over one bar.

    All arrays are C-contiguous; a missing bar is a row of NaN.
    """
    # New axes are views whatever the layout; a reshape might write into a copy.
    wide = out[:, :, np.newaxis]
    _run_table(table.kinds, table.params, table.offsets, state, bar_number, x[:, :, np.newaxis], wide, 0, x.shape[0])
    _run_ranks(table.sources, wide, 0, x.shape[0])


def history_plain(table: FeatureTable, x: NDArray[float64], first_bar_number: int) -> NDArray[float64]:
    """`history` by the same source as plain Python, without the compiler: the oracle."""
    state = empty_state(table, x.shape[0])
    out = np.empty((x.shape[0], table.kinds.shape[0], x.shape[2]))
    plain(_run_table)(table.kinds, table.params, table.offsets, state, first_bar_number, x, out, 0, x.shape[0])
    plain(_run_ranks)(table.sources, out, 0, x.shape[0])
    return out
