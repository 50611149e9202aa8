from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.analysis.splits import hold_out, purged_walk_forward, required_gap
from tallystick.contracts.errors import DataError

MINUTE = 60_000_000_000


@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(st.integers(1, 5), min_size=2, max_size=200),
    folds=st.integers(1, 6),
    horizon=st.integers(1, 12),
    lookback=st.integers(1, 30),
)
def test_every_training_row_lies_the_gap_before_every_judged_row_and_none_more_is_lost(steps: list[int], folds: int, horizon: int, lookback: int) -> None:
    times = np.cumsum(np.array(steps, dtype=np.int64)) * MINUTE
    gap = required_gap(horizon_bars=horizon, lookback_bars=lookback, interval_ns=MINUTE)
    try:
        found = purged_walk_forward(times, folds=folds, gap=gap)
    except DataError:
        return
    for fold in found:
        first = times[fold.validate[0]]
        assert (times[fold.train] <= first - gap.total_ns).all()
        assert int((times <= first - gap.total_ns).sum()) == fold.train.size
        assert (np.diff(fold.validate) == 1).all()
    judged = np.concatenate([fold.validate for fold in found])
    assert len(set(judged.tolist())) == judged.size


@settings(max_examples=100, deadline=None)
@given(count=st.integers(2, 400), share=st.floats(1.0, 60.0), horizon=st.integers(1, 10), lookback=st.integers(1, 20))
def test_test_window_is_never_nearer_than_the_gap(count: int, share: float, horizon: int, lookback: int) -> None:
    times = np.arange(count, dtype=np.int64) * MINUTE
    gap = required_gap(horizon_bars=horizon, lookback_bars=lookback, interval_ns=MINUTE)
    try:
        windows = hold_out(times, test_share_pct=share, gap=gap)
    except DataError:
        return
    assert times[windows.test[0]] - times[windows.development[-1]] == gap.total_ns
    assert windows.test[-1] == count - 1


@settings(max_examples=100, deadline=None)
@given(times=st.lists(st.integers(0, 50), min_size=2, max_size=30))
def test_unsorted_or_duplicate_times_are_always_refused(times: list[int]) -> None:
    gap = required_gap(horizon_bars=1, lookback_bars=1, interval_ns=1)
    ascending = all(left < right for left, right in pairwise(times))
    try:
        purged_walk_forward(np.array(times, dtype=np.int64), folds=1, gap=gap)
        accepted = True
    except DataError as error:
        accepted = "strictly ascending" not in str(error)
    assert accepted == ascending
