"""Evidence of a track record against the published examples, scipy, empyrical, and resampling spelled out in plain Python."""

from __future__ import annotations

import math

import empyrical
import numpy as np
import pytest
from scipy import stats

from tallystick.kernels import track_record as kernel
from tallystick.kernels.kernel import plain
from tallystick.research.honesty.track_record import Trials, bootstrap_of, evidence_of

YEAR = 8760.0


def walk(bars: int, seed: int, mean: float = 0.0003) -> np.ndarray:
    return 0.01 * np.random.default_rng(seed).standard_t(4, bars) + mean


def test_probabilistic_sharpe_is_that_of_the_paper() -> None:
    # Bailey and López de Prado (2012): 24 months, Sharpe 0.458 a month, skewness −2.448, kurtosis 10.164.
    assert kernel.probabilistic_sharpe(0.458, 0.0, 24, -2.448, 10.164) == pytest.approx(0.913, abs=5e-4)
    assert kernel.probabilistic_sharpe(0.458, 0.0, 24, 0.0, 3.0) == pytest.approx(0.982, abs=5e-4)


def test_deflated_sharpe_is_that_of_the_paper() -> None:
    # Bailey and López de Prado (2014): 100 trials with an annual variance of ½, 1,250 days, annual Sharpe 2.5, skewness −3, kurtosis 10.
    best = kernel.expected_best(100, 0.5 / 250)
    assert best == pytest.approx(0.1132, abs=5e-5)
    assert kernel.probabilistic_sharpe(2.5 / math.sqrt(250), best, 1250, -3.0, 10.0) == pytest.approx(0.9004, abs=5e-5)


@pytest.mark.parametrize("p", [1e-300, 1e-12, 0.001, 0.2, 0.5, 0.77, 0.999, 1 - 1e-12])
def test_normal_distribution_is_scipys(p: float) -> None:
    assert kernel.normal_quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-13, abs=1e-15)
    assert kernel.normal_cdf(stats.norm.ppf(p)) == pytest.approx(p, rel=1e-11)


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, math.nan])
def test_quantile_outside_of_probabilities_is_no_number(p: float) -> None:
    assert math.isnan(kernel.normal_quantile(p))


@pytest.mark.parametrize(("bars", "seed"), [(3, 1), (50, 2), (5000, 3)])
def test_moments_are_scipys_and_the_sharpe_empyricals(bars: int, seed: int) -> None:
    returns = walk(bars, seed)
    sharpe, skewness, kurtosis = kernel.moments(returns)
    assert skewness == pytest.approx(stats.skew(returns), rel=1e-9)
    assert kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-9)
    assert sharpe * math.sqrt(YEAR) == pytest.approx(empyrical.sharpe_ratio(returns, annualization=YEAR), rel=1e-9)


def test_expected_best_is_what_many_draws_show() -> None:
    drawn = np.random.default_rng(5).standard_normal((4000, 50)).max(axis=1).mean()
    assert kernel.expected_best(50, 1.0) == pytest.approx(drawn, rel=0.02)
    assert kernel.expected_best(1, 1.0) == 0.0


def test_minimum_track_record_is_where_the_probability_reaches_its_confidence() -> None:
    bars = kernel.minimum_track_record(0.05, -0.5, 6.0, 0.95)
    assert kernel.probabilistic_sharpe(0.05, 0.0, math.ceil(bars), -0.5, 6.0) >= 0.95
    assert kernel.probabilistic_sharpe(0.05, 0.0, math.floor(bars), -0.5, 6.0) < 0.95
    assert math.isnan(kernel.minimum_track_record(-0.01, 0.0, 3.0, 0.95))


def test_more_trials_deflate_more_and_one_trial_not_at_all() -> None:
    returns = walk(4000, 8)
    one, ten, many = (evidence_of(returns, YEAR, 1, Trials(count, ())) for count in (1, 10, 1000))
    assert one.deflated_sharpe == one.probabilistic_sharpe
    assert one.deflated_sharpe is not None
    assert ten.deflated_sharpe is not None
    assert many.deflated_sharpe is not None
    assert many.deflated_sharpe < ten.deflated_sharpe < one.deflated_sharpe


def test_variance_of_the_known_trials_is_used() -> None:
    returns, sharpes = walk(4000, 8), (1.0, -2.0, 3.5)
    found = evidence_of(returns, YEAR, 1, Trials(3, sharpes))
    assert found.expected_best_sharpe == pytest.approx(math.sqrt(np.var(sharpes, ddof=1)) * kernel.expected_best(3, 1.0), rel=1e-12)


def resampled(returns: np.ndarray, mean_block: float, seed: int, count: int) -> list[list[float]]:
    """The stationary bootstrap with whole numbers of any size: SplitMix64 by its definition, then total return, Sharpe, drawdown."""
    mask = (1 << 64) - 1
    state, jump, out = seed, int(min(2.0**64 / mean_block, 2.0**64 - 2048.0)), []

    def draw() -> int:
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    for _ in range(count):
        place, taken = 0, []
        for t in range(len(returns)):
            jumps = draw() < jump or t == 0
            place = draw() % len(returns) if jumps else (place + 1) % len(returns)
            taken.append(float(returns[place]))
        curve = np.cumprod(1 + np.array([0.0, *taken]))
        sharpe = math.sqrt(YEAR) * np.mean(taken) / np.std(taken, ddof=1)
        out.append([curve[-1] - 1, sharpe, float((curve / np.maximum.accumulate(curve)).min() - 1)])
    return out


def test_bootstrap_walks_the_blocks_of_its_seed() -> None:
    returns, out = walk(60, 4), np.empty((5, 3))
    kernel.bootstrap(returns, 4.0, YEAR, 99, out)
    assert out == pytest.approx(np.array(resampled(returns, 4.0, 99, 5)), rel=1e-9)


def test_bootstrap_has_the_same_bits_in_plain_python() -> None:
    returns, compiled, slow = walk(40, 4), np.empty((3, 3)), np.empty((3, 3))
    kernel.bootstrap(returns, 4.0, YEAR, 99, compiled)
    with np.errstate(over="ignore"):
        plain(kernel.bootstrap)(returns, 4.0, YEAR, 99, slow)
    assert compiled.tobytes() == slow.tobytes()


def test_interval_of_the_mean_is_as_wide_as_its_standard_error() -> None:
    returns = 0.01 * np.random.default_rng(11).standard_normal(3000)
    found = bootstrap_of(returns, YEAR, 3)
    assert found is not None
    interval = found.intervals["sharpe_simple"]
    assert interval.low is not None
    assert interval.high is not None
    assert (interval.high - interval.low) / math.sqrt(YEAR) == pytest.approx(2 * 1.96 / math.sqrt(3000), rel=0.12)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(60):
        found = bootstrap_of(0.01 * np.random.default_rng(seed).standard_normal(400) + 0.0005, 1.0, seed)
        assert found is not None
        item = found.intervals["sharpe_simple"]
        assert item.low is not None
        assert item.high is not None
        covered += item.low <= 0.05 <= item.high
    assert 50 <= covered <= 60


def test_same_seed_same_intervals_and_another_seed_others() -> None:
    returns = walk(500, 1)
    assert bootstrap_of(returns, YEAR, 5) == bootstrap_of(returns, YEAR, 5)
    assert bootstrap_of(returns, YEAR, 5) != bootstrap_of(returns, YEAR, 6)


def test_account_that_never_moves_has_no_evidence() -> None:
    found = evidence_of(np.zeros(500), YEAR, 1, Trials(4, (1.0,)))
    assert (found.probabilistic_sharpe, found.deflated_sharpe, found.bootstrap, found.trials) == (None, None, None, 4)
    assert evidence_of(walk(20, 1), YEAR, 1).bootstrap is None
