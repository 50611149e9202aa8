from __future__ import annotations

import numpy as np
import pytest

from tallystick.contracts.errors import DataError
from tallystick.training.selection import pooled_evidence, select, symbol_evidence

NAMES = ("f0", "f1", "f2", "f3")


def evidence(seed: int = 0) -> np.ndarray:
    out = np.random.default_rng(seed).normal(0.0, 0.3, size=(4, 200))
    out[2] += 0.2
    out[1] -= 0.1
    return out


def test_keeps_the_strongest_features_in_sorted_order() -> None:
    found = select(evidence(), NAMES, np.arange(200), lag=0, m=2)
    assert found.names == ("f1", "f2")
    assert found.strongest == "f2"
    assert found.t_stats["f2"] > 0 > found.t_stats["f1"]


def test_sees_training_positions_only() -> None:
    rows = evidence()
    rows[3, 100:] += 5.0
    assert select(rows, NAMES, np.arange(100), lag=0, m=2).names == ("f1", "f2")


def test_drops_a_feature_that_ranks_like_its_label() -> None:
    rows = evidence()
    rows[0] = 1.0
    found = select(rows, NAMES, np.arange(200), lag=0, m=4)
    assert found.leaks == ("f0",)
    assert "f0" not in found.names


def test_refuses_when_no_feature_has_values() -> None:
    with pytest.raises(DataError, match="none of 4"):
        select(np.full((4, 50), np.nan), NAMES, np.arange(50), lag=0, m=2)


def test_pooled_evidence_finds_a_feature_that_orders_symbols() -> None:
    rng = np.random.default_rng(1)
    labels = rng.normal(size=(8, 60))
    features = rng.normal(size=(8, 2, 60))
    features[:, 1] = labels
    found = pooled_evidence(features, labels, 5)
    assert found[1] == pytest.approx(np.ones(60))
    assert abs(found[0].mean()) < 0.2


def test_symbol_evidence_averages_to_the_rank_correlation() -> None:
    rng = np.random.default_rng(2)
    labels, feature = rng.normal(size=80), rng.normal(size=80)
    found = symbol_evidence(feature[None], labels)[0]
    order = lambda row: np.argsort(np.argsort(row)).astype(float)  # noqa: E731
    assert found.mean() == pytest.approx(np.corrcoef(order(feature), order(labels))[0, 1])
