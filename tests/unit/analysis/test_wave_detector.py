"""Waves: groups of liquidations split by gaps."""

from __future__ import annotations

import pickle
from dataclasses import fields
from decimal import Decimal

import numpy as np
import pytest

from tallystick.analysis.wave_detector import WaveDetector, detect_waves, fall_pct
from tallystick.contracts.cascades import WaveLabel
from tallystick.contracts.errors import ConfigurationError, DataError

SECOND = 10**9


def seconds(*values: float) -> np.ndarray:
    return np.array([int(value * SECOND) for value in values], dtype=np.int64)


@pytest.mark.clause("D4.34", "D4.35")
def test_a_gap_above_the_threshold_starts_the_next_wave_and_every_drop_is_there() -> None:
    interest, units = seconds(*range(0, 120, 10)), np.arange(1000, 880, -10, dtype=np.int64)
    waves = detect_waves(seconds(15, 20, 50, 80.000000001), interest, units, 30 * SECOND)
    assert [(wave.wave_num, wave.start_ts, wave.end_ts, wave.liquidation_count) for wave in waves] == [
        (1, 15 * SECOND, 50 * SECOND, 3),
        (2, 80 * SECOND + 1, 80 * SECOND + 1, 1),
    ]
    # 990 at second 10 to 950 at second 50; 920 at second 80 to 910 at second 90.
    assert [wave.oi_drop_pct for wave in waves] == [Decimal("4.04040404"), Decimal("1.08695652")]


@pytest.mark.clause("D4.35")
def test_a_wave_without_open_interest_is_refused_never_null() -> None:
    with pytest.raises(DataError, match="found none"):
        detect_waves(seconds(1, 2), seconds(), seconds())
    with pytest.raises(DataError, match="above 0"):
        detect_waves(seconds(1, 2), seconds(0), seconds(0))
    assert detect_waves(seconds(), seconds(), seconds()) == ()


def test_open_interest_that_did_not_fall_is_a_drop_of_zero() -> None:
    (wave,) = detect_waves(seconds(5), seconds(0, 10), np.array([100, 120], dtype=np.int64))
    assert wave.oi_drop_pct == 0


def test_fall_is_exact_and_rounds_half_to_even() -> None:
    assert fall_pct(3, 2) == Decimal("33.33333333")
    assert fall_pct(10**18, 10**18 - 1) == 0
    assert fall_pct(10**18, 0) == 100
    assert fall_pct(2 * 10**10, 2 * 10**10 - 1) == Decimal("0E-8")
    assert fall_pct(2 * 10**10, 2 * 10**10 - 3) == Decimal("2E-8")


@pytest.mark.clause("D4.34")
def test_live_detector_counts_the_same_waves_and_tells_when_they_are_over() -> None:
    detector = WaveDetector(30 * SECOND, 60 * SECOND)
    assert detector.is_over(0)
    assert detector.wave is None
    numbers = [detector.take(int(time)) for time in seconds(15, 20, 50)]
    assert detector.wave == (15 * SECOND, 50 * SECOND, 3)
    numbers.append(detector.take(80 * SECOND + 1))
    assert numbers == [1, 1, 1, 2]
    assert detector.wave == (80 * SECOND + 1, 80 * SECOND + 1, 1)
    assert not detector.is_over(140 * SECOND)
    assert detector.is_over(140 * SECOND + 1)
    with pytest.raises(DataError, match="order of time"):
        detector.take(80 * SECOND)
    with pytest.raises(ConfigurationError):
        WaveDetector(0)


@pytest.mark.clause("D4.34")
def test_live_detector_holds_one_wave_however_long_the_stream() -> None:
    detector = WaveDetector()
    for number in range(1, 2_001):
        assert detector.take(number * 60 * SECOND) == number
    assert len(pickle.dumps(detector)) < 400


@pytest.mark.clause("D4.36", "D4.37")
def test_a_wave_carries_counts_only() -> None:
    assert [item.name for item in fields(WaveLabel)] == ["wave_num", "start_ts", "end_ts", "liquidation_count", "oi_drop_pct"]
    assert not [name for name in dir(WaveDetector) if any(word in name for word in ("predict", "strength", "next", "outcome", "score"))]
