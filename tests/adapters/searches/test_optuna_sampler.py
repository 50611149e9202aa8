"""Optuna behind the port: seeded, in batches whose size no worker count changes, and better than its own first guesses."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tallystick.adapters.searches.optuna_sampler import BATCH, OptunaSearch
from tallystick.contracts.workflows import ParameterRange

CHOICES = {"ma_bars": (5.0, 10.0, 20.0, 40.0)}
RANGES = {"rsi_buy_max": ParameterRange(low=40.0, high=80.0)}


def value(proposal: Mapping[str, float]) -> float | None:
    """A hill with its top at 20 bars and 60."""
    if proposal["ma_bars"] == 40.0:
        return None
    return -abs(proposal["rsi_buy_max"] - 60.0) - abs(proposal["ma_bars"] - 20.0)


def walk(seed: int, trials: int = 60) -> list[Mapping[str, float]]:
    search = OptunaSearch(CHOICES, RANGES, trials=trials, seed=seed)
    assert search.total == trials
    found: list[Mapping[str, float]] = []
    while batch := search.ask():
        assert len(batch) <= BATCH
        search.tell([value(proposal) for proposal in batch])
        found += batch
    return found


def test_same_seed_and_results_lead_to_the_same_proposals() -> None:
    assert walk(7) == walk(7)
    assert walk(7) != walk(8)


def test_every_proposal_lies_in_the_space_and_the_number_is_kept() -> None:
    found = walk(3, 21)
    assert len(found) == 21
    assert all(proposal["ma_bars"] in CHOICES["ma_bars"] and 40.0 <= proposal["rsi_buy_max"] <= 80.0 for proposal in found)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_learns(seed: int) -> None:
    values = [value(proposal) for proposal in walk(seed)]
    early = [item for item in values[:10] if item is not None]
    late = [item for item in values[-20:] if item is not None]
    assert sum(late) / len(late) > sum(early) / len(early)
