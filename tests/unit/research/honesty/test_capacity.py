"""Capacity: the account at which a fill reaches one percent of its bar."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.kernels.cost_split import spread_parts
from tallystick.research.honesty.capacity import capacity_of


def test_largest_account_brings_the_worst_fill_to_the_limit() -> None:
    notionals, volumes = np.array([100.0, 50.0, 10.0]), np.array([1e6, 1e4, 1e6])
    found = capacity_of(notionals, volumes, 1000.0)
    assert found.highest_participation_frac == 0.005
    assert found.largest_equity == pytest.approx(2000.0)
    assert (notionals * 2000.0 / 1000.0 / volumes).max() == pytest.approx(0.01)
    assert found.largest_equity_95 is not None
    assert found.largest_equity_95 > 2000.0


def test_fills_in_bars_without_volume_are_counted_not_averaged_away() -> None:
    found = capacity_of(np.array([5.0, 5.0, 5.0]), np.array([0.0, np.nan, 1e5]), 1000.0)
    assert (found.fills_without_volume, found.largest_equity) == (2, pytest.approx(200_000.0))


def test_run_without_fills_has_no_capacity() -> None:
    found = capacity_of(np.zeros(0), np.zeros(0), 1000.0)
    assert (found.largest_equity, found.largest_equity_95, found.highest_participation_frac, found.fills_without_volume) == (None, None, None, 0)


def test_spread_part_is_half_the_spread_and_never_more_than_was_lost() -> None:
    # Bought at 1.0005 of 1,000,000 micro and sold at 0.9995, with a spread of 2 basis points: 100 of the 500 lost are spread.
    notionals, sides, shortfalls = np.array([1_000_500, 999_500, 1_000_050]), np.array([1, -1, 1]), np.array([500, 500, 50])
    assert spread_parts(notionals, sides, shortfalls, 20_000).tolist() == [100, 100, 50]
    assert spread_parts(notionals, sides, shortfalls, 0).tolist() == [0, 0, 0]
