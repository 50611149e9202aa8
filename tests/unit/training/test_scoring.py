from __future__ import annotations

import math

import numpy as np
import pytest

from tallystick.training.scoring import Skill, composite_score, overlap_lag, score_cross_section, score_through_time, shift_p_value, skill01, stability01


def skill(mean: float = 0.05, error: float = 0.01, count: int = 400) -> Skill:
    return Skill(mean_ic=mean, mean_rank_ic=mean, ic_ir=0.2, hit_rate=0.5, error=error, t_stat=mean / error, count=count, p_value=0.001)


@pytest.mark.clause("D1.53")
@pytest.mark.parametrize(("primary", "expected"), [(0.0, 0.5), (0.3, 0.65), (1.0, 1.0), (-1.0, 0.0), (3.0, 1.0), (-7.0, 0.0)])
def test_decision_33_skill01_keeps_the_recorded_formula(primary: float, expected: float) -> None:
    assert skill01(primary) == expected


def test_composite_score_follows_its_formula() -> None:
    found = composite_score(skill(), coverage=0.9)
    assert found == pytest.approx(0.9 / (1.0 + math.exp(-5.0 / 3.0)))
    assert composite_score(skill(count=19), coverage=1.0) == 0.0
    assert composite_score(skill(count=25), coverage=1.0) == pytest.approx(0.85 / (1.0 + math.exp(-5.0 / 3.0)))
    assert composite_score(skill(mean=9.0), coverage=1.0) == pytest.approx(1.0 / (1.0 + math.exp(-4.0)))


def test_stability_falls_with_the_error() -> None:
    assert stability01(0.0) == 1.0
    assert stability01(0.02) == 0.5


def test_lags_of_overlapping_labels_shrink_with_the_stride() -> None:
    assert [overlap_lag(4, stride) for stride in (1, 2, 3, 4, 5)] == [3, 1, 1, 0, 0]


def test_perfect_and_opposite_predictions_score_one_and_minus_one() -> None:
    labels = np.random.default_rng(0).normal(size=(10, 60))
    found = score_cross_section(labels.copy(), labels, lag=0, min_names=5, permutations=99, seed=1)
    assert found.mean_rank_ic == pytest.approx(1.0)
    assert found.hit_rate == 1.0
    assert found.p_value == pytest.approx(0.01)
    assert score_cross_section(-labels, labels, lag=0, min_names=5).mean_rank_ic == pytest.approx(-1.0)


def test_too_few_symbols_give_no_skill() -> None:
    labels = np.random.default_rng(0).normal(size=(4, 60))
    found = score_cross_section(labels, labels, lag=0, min_names=5)
    assert not found.known
    assert found.count == 0


def test_symbol_skill_is_the_weighted_mean_of_its_segments() -> None:
    rng = np.random.default_rng(3)
    labels, predictions = rng.normal(size=90), rng.normal(size=90)
    segments = np.repeat(np.array([1, 2], dtype=np.int64), [30, 60])
    found = score_through_time(predictions, labels, segments, lag=0)
    parts = [score_through_time(predictions[part], labels[part], segments[part], lag=0).mean_rank_ic for part in (slice(0, 30), slice(30, 90))]
    assert found.mean_rank_ic == pytest.approx(parts[0] / 3 + parts[1] * 2 / 3)
    assert found.count == 90


def test_missing_predictions_are_left_out() -> None:
    labels = np.arange(40, dtype=float)
    predictions = labels.copy()
    predictions[5:20] = np.nan
    assert score_through_time(predictions, labels, np.ones(40, dtype=np.int64), lag=0).count == 25


def test_shift_p_value_is_uniform_for_noise_and_small_for_skill() -> None:
    rng = np.random.default_rng(11)
    found = []
    for seed in range(60):
        x, y = rng.normal(size=(300, 4)), rng.normal(size=(300, 4))
        found.append(shift_p_value(x, y, lag=0, permutations=99, seed=seed))
    assert 0.3 < float(np.mean(found)) < 0.7
    assert sum(value <= 0.05 for value in found) <= 9
    signal = rng.normal(size=(300, 4))
    assert shift_p_value(signal, signal + rng.normal(size=(300, 4)), lag=0, permutations=99, seed=1) == pytest.approx(0.01)


def test_window_too_short_to_shift_proves_nothing() -> None:
    x = np.ones((3, 2))
    assert shift_p_value(x, x, lag=2, permutations=99, seed=0) == 1.0
