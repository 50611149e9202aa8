"""Each primitive against a brute-force oracle written from its definition, compiled and plain Python alike."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.kernels import primitives as kernels
from tallystick.kernels.kernel import plain
from tallystick.observation.config import ObservationConfig
from tallystick.observation.governance import Observation

S = 1_000_000_000
marks = st.lists(st.tuples(st.integers(1, 40), st.sampled_from([99.0, 99.5, 100.0, 100.5, 101.0])), min_size=1, max_size=14)


def window(found: list[tuple[int, float]], tail: int, presence: int) -> tuple[list[float], list[int], int, np.ndarray]:
    times, at = [], 0
    for gap, _ in found:
        at += gap
        times.append(at)
    prices = [price for _, price in found]
    now = at + tail
    out = np.empty(kernels.COLUMNS)
    arguments = (np.array(prices), np.array(times) * S, 0, len(prices) - 1, now * S, presence * S)
    kernels.window_primitives(*arguments, out)
    again = np.empty(kernels.COLUMNS)
    plain(kernels.window_primitives)(*arguments, again)
    assert out.tobytes() == again.tobytes()
    return prices, times, now, out


@given(marks, st.integers(0, 60), st.integers(1, 30))
@settings(max_examples=120, deadline=None)
@pytest.mark.clause("D4.07")
def test_every_primitive_is_its_definition(found: list[tuple[int, float]], tail: int, presence: int) -> None:
    prices, times, now, out = window(found, tail, presence)
    covered = {second for at in times for second in range(at, min(at + presence, now))}
    assert out[kernels.WINDOW] == now - times[0]
    assert out[kernels.PRESENCE] == len(covered)
    assert out[kernels.ABSENCE] == now - times[0] - len(covered)
    if len(prices) < 2:
        assert math.isnan(out[kernels.DELTA])
        return
    changes = [after - before for before, after in pairwise(prices)]
    assert out[kernels.DELTA] == prices[-1] - prices[0]
    assert out[kernels.VELOCITY] == (prices[-1] - prices[0]) / (times[-1] - times[0])
    path = sum(map(abs, changes))
    assert out[kernels.PATH] == path
    assert out[kernels.COMPACTNESS] == (abs(sum(changes)) / path if path else 1.0)
    assert 0.0 <= out[kernels.COMPACTNESS] <= 1.0
    assert out[kernels.DEVIATION] == pytest.approx(prices[-1] - sum(prices) / len(prices), abs=1e-12)
    assert out[kernels.MAX_VOID] == max(after - before for before, after in pairwise(times))
    signs = [(change > 0) - (change < 0) for change in changes]
    run = next((place for place, sign in enumerate(reversed(signs)) if sign != signs[-1]), len(signs))
    assert (out[kernels.DIRECTION], out[kernels.RUN]) == (signs[-1], run if signs[-1] else 0)
    half = prices[: len(prices) // 2]
    assert (out[kernels.ANCHOR_LOW], out[kernels.ANCHOR_HIGH]) == (min(half), max(half))
    assert out[kernels.ANCHOR_DWELL] == times[len(half) - 1] - times[0]


@given(st.lists(st.floats(1.0, 2.0), min_size=1, max_size=30), st.integers(2, 8), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_the_window_holds_the_newest_marks_inside_it(prices: list[float], kept: int, width: int) -> None:
    ring, times, count = np.full(kept, np.nan), np.zeros(kept, dtype=np.int64), 0
    for place, price in enumerate(prices):
        count = kernels.push_mark(ring, times, count, price, place * S)
    assert ring[:count].tolist() == prices[-kept:]
    now = (len(prices) - 1) * S
    start = kernels.window_start(times, count, now - width * S)
    assert times[start:count].tolist() == [place * S for place in range(len(prices)) if place * S > now - width * S][-kept:]


def test_a_symbol_is_not_touched_by_another() -> None:
    both, alone = Observation(("A", "B"), ObservationConfig()), Observation(("B",), ObservationConfig())
    for bar in range(9):
        at = (bar + 1) * 60 * S
        both.ingest_marks(at, ("A", "B"), np.array([5.0 * bar + 1, 100.0 + bar % 4]), np.array([at, at]))
        alone.ingest_marks(at, ("B",), np.array([100.0 + bar % 4]), np.array([at]))
    assert both.query("B") == alone.query("B")


@settings(max_examples=300, deadline=None)
@given(st.integers(10**17, 8 * 10**18))
def test_an_instant_in_seconds_is_the_nearest_float(time_ns: int) -> None:
    assert kernels.seconds_of(time_ns) == time_ns / S
