from __future__ import annotations

import numpy as np
import pytest

from tallystick.analysis.splits import hold_out, purged_walk_forward, required_gap
from tallystick.contracts.errors import ConfigurationError, DataError

HOUR = 3_600_000_000_000
GAP = required_gap(horizon_bars=4, lookback_bars=20, interval_ns=HOUR)


def times(count: int) -> np.ndarray:
    return 1_704_067_200_000_000_000 + HOUR * np.arange(count, dtype=np.int64)


def test_gap_follows_from_horizon_and_lookback() -> None:
    assert (GAP.purge_ns, GAP.embargo_ns, GAP.total_ns) == (4 * HOUR, 20 * HOUR, 24 * HOUR)


def test_decision_32_refuses_rows_stacked_by_symbol() -> None:
    stacked = np.concatenate([times(50), times(50)])
    with pytest.raises(DataError, match=r"strictly ascending.*position 50"):
        purged_walk_forward(stacked, folds=3, gap=GAP)


def test_decision_32_refuses_duplicate_times() -> None:
    doubled = np.repeat(times(50), 2)
    with pytest.raises(DataError, match="twice at position 1"):
        hold_out(doubled, test_share_pct=20.0, gap=GAP)


def test_folds_leave_exactly_the_gap_on_a_full_grid() -> None:
    axis = times(500)
    folds = purged_walk_forward(axis, folds=4, gap=GAP)
    assert [fold.number for fold in folds] == [1, 2, 3, 4]
    for fold in folds:
        assert axis[fold.validate[0]] - axis[fold.train[-1]] == GAP.total_ns
        assert fold.train[0] == 0
    assert np.concatenate([fold.validate for fold in folds]).tolist() == list(range(100, 500))


def test_no_bar_is_touched_by_training_and_validation() -> None:
    horizon, lookback = 4, 20
    for fold in purged_walk_forward(times(500), folds=4, gap=GAP):
        trained = {bar for t in fold.train.tolist() for bar in range(t - lookback + 1, t + horizon + 1)}
        judged = {bar for t in fold.validate.tolist() for bar in range(t - lookback + 1, t + horizon + 1)}
        assert not trained & judged
        assert max(trained) + 1 == min(judged)


def test_refuses_a_history_too_short_for_the_gap() -> None:
    with pytest.raises(DataError, match="fold 1, found 0"):
        purged_walk_forward(times(60), folds=4, gap=GAP)
    with pytest.raises(DataError, match="development times"):
        hold_out(times(20), test_share_pct=50.0, gap=GAP)


def test_hold_out_keeps_the_last_share_for_the_test() -> None:
    windows = hold_out(times(1000), test_share_pct=20.0, gap=GAP)
    assert windows.test.tolist() == list(range(800, 1000))
    assert windows.development[-1] == 800 - 24


@pytest.mark.parametrize("share", [0.0, 100.0, -5.0])
def test_refuses_a_share_outside_its_range(share: float) -> None:
    with pytest.raises(ConfigurationError, match="between 0 and 100"):
        hold_out(times(100), test_share_pct=share, gap=GAP)


def test_refuses_numbers_below_one() -> None:
    with pytest.raises(ConfigurationError, match="above 0"):
        required_gap(horizon_bars=0, lookback_bars=1, interval_ns=HOUR)
    with pytest.raises(ConfigurationError, match="at least one fold"):
        purged_walk_forward(times(100), folds=0, gap=GAP)
    with pytest.raises(DataError, match="more times than folds"):
        purged_walk_forward(times(3), folds=9, gap=required_gap(horizon_bars=1, lookback_bars=1, interval_ns=1))
    with pytest.raises(DataError, match="at least two times"):
        hold_out(times(1), test_share_pct=20.0, gap=GAP)
    with pytest.raises(DataError, match="enough times"):
        hold_out(times(3), test_share_pct=20.0, gap=GAP)
