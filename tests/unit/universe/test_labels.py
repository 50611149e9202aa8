from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.contracts.errors import ConfigurationError
from tallystick.universe.labels import BLEND, label_values, parse_label

RETURNS = st.lists(st.one_of(st.just(math.nan), st.sampled_from([-0.2, 0.0, 0.1, 0.1, 0.4]), st.floats(-1, 5)), min_size=1, max_size=12)


@settings(max_examples=80)
@given(st.lists(RETURNS, min_size=3, max_size=3))
def test_the_blended_rank_equals_its_definition_in_pandas(rows: list[list[float]]) -> None:
    size = min(len(row) for row in rows)
    future = {days: np.array(row[:size]) for days, row in zip(BLEND, rows, strict=True)}
    expected = sum(weight * pd.Series(future[days]).rank(pct=True) for days, weight in BLEND.items())
    np.testing.assert_allclose(label_values(parse_label("blended_rank_pct"), future), expected, rtol=1e-12)


def test_decision_39_a_name_without_one_of_the_horizons_has_no_label() -> None:
    future = {30: np.array([0.1, 0.2, 0.3]), 60: np.array([0.1, 0.2, 0.3]), 90: np.array([0.1, math.nan, 0.3])}
    found = label_values(parse_label("blended_rank_pct"), future)
    assert np.isnan(found).tolist() == [False, True, False]
    assert found[2] == pytest.approx(1.0)


def test_the_leaders_of_a_day_are_its_best_three() -> None:
    found = label_values(parse_label("future_topk_label_60"), {60: np.array([0.1, 0.5, math.nan, -0.2, 0.4, 0.3])})
    assert [value for value in found.tolist() if not math.isnan(value)] == [0.0, 1.0, 0.0, 1.0, 1.0]
    assert math.isnan(found[2])


def test_decision_32_the_purge_follows_from_the_label() -> None:
    assert parse_label("blended_rank_pct").purge_days == 90
    assert parse_label("future_topk_label_60").purge_days == 60
    assert parse_label("future_return_30").purge_days == 30
    assert label_values(parse_label("future_return_30"), {30: np.array([0.25])}).tolist() == [0.25]
    with pytest.raises(ConfigurationError, match="future_topk_label_45"):
        parse_label("future_topk_label_45")
