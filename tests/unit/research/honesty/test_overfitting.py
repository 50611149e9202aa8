"""Overfitting of a sweep, against the definition spelled out in plain Python and against markets whose answer is known."""

from __future__ import annotations

import math
import statistics
from itertools import combinations

import numpy as np
import pytest

from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.research.honesty.overfitting import probability_of_backtest_overfitting


def by_definition(returns: np.ndarray, blocks: int) -> tuple[float, float, float]:
    """Probability, probability of loss and median logit by the paper's four steps, list by list."""
    bars = len(returns) // blocks
    pieces = [returns[len(returns) - bars * blocks + bars * k :][:bars].tolist() for k in range(blocks)]
    logits, losses = [], []

    def sharpes(chosen: tuple[int, ...]) -> list[float]:
        rows = [row for k in chosen for row in pieces[k]]
        columns = zip(*rows, strict=True)
        return [statistics.fmean(values) / statistics.stdev(values) for values in map(list, columns)]

    for chosen in combinations(range(blocks), blocks // 2):
        inside, outside = sharpes(chosen), sharpes(tuple(k for k in range(blocks) if k not in chosen))
        best = max(range(len(inside)), key=lambda n: inside[n])
        rank = sum(value < outside[best] for value in outside) + 1
        share = rank / (len(outside) + 1)
        logits.append(math.log(share / (1 - share)))
        losses.append(outside[best] < 0)
    return sum(value <= 0 for value in logits) / len(logits), sum(losses) / len(losses), statistics.median(logits)


@pytest.mark.parametrize(("bars", "trials", "blocks", "seed"), [(60, 5, 6, 1), (97, 3, 4, 2), (64, 12, 8, 3), (40, 2, 2, 4)])
def test_is_the_share_that_the_definition_counts(bars: int, trials: int, blocks: int, seed: int) -> None:
    returns = 0.01 * np.random.default_rng(seed).standard_normal((bars, trials)) + 0.001
    found = probability_of_backtest_overfitting(returns, blocks)
    probability, loss, logit = by_definition(returns, blocks)
    assert (found.probability, found.probability_of_loss) == (probability, loss)
    assert found.median_logit == pytest.approx(logit, abs=1e-12)
    assert found.choices == math.comb(blocks, blocks // 2)


def test_noise_is_overfitted_about_half_of_the_time() -> None:
    found = [probability_of_backtest_overfitting(np.random.default_rng(seed).standard_normal((800, 40)), 8).probability for seed in range(30)]
    assert 0.4 < statistics.fmean(found) < 0.6


def test_one_trial_with_real_skill_is_found_again_out_of_sample() -> None:
    returns = np.random.default_rng(1).standard_normal((1600, 20))
    returns[:, 7] += 0.2
    found = probability_of_backtest_overfitting(returns, 16, bars_per_year=365.0)
    assert found.probability < 0.01
    assert found.probability_of_loss < 0.01
    assert found.median_sharpe_out_of_sample == pytest.approx(0.2 * math.sqrt(365), rel=0.4)


def test_skill_that_moves_from_trial_to_trial_is_overfitted_always() -> None:
    # Each trial earns in its own block and loses it again in all others: the best of one half is the worst of the other.
    returns = 0.1 * np.random.default_rng(2).standard_normal((160, 8))
    for trial in range(8):
        returns[:, trial] -= 0.5
        returns[trial * 20 : trial * 20 + 20, trial] += 4.0
    assert probability_of_backtest_overfitting(returns, 8).probability == 1.0


def test_column_without_a_trade_counts_as_a_sharpe_of_zero() -> None:
    returns = 0.01 * np.random.default_rng(3).standard_normal((64, 3))
    returns[:, 1] = 0.0
    assert 0.0 <= probability_of_backtest_overfitting(returns, 4).probability <= 1.0


@pytest.mark.parametrize(
    ("shape", "blocks", "error"), [((64, 2), 3, ConfigurationError), ((64, 2), 18, ConfigurationError), ((7, 2), 4, DataError), ((64, 1), 4, DataError)]
)
def test_refuses_what_it_cannot_judge(shape: tuple[int, int], blocks: int, error: type[Exception]) -> None:
    with pytest.raises(error, match="expected"):
        probability_of_backtest_overfitting(np.zeros(shape), blocks)


def test_refuses_a_missing_return() -> None:
    returns = np.zeros((64, 2))
    returns[3, 1] = np.nan
    with pytest.raises(DataError, match="every bar of every trial"):
        probability_of_backtest_overfitting(returns, 4)
