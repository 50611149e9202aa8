"""Spaces and the searches over them: everything once, seeded, and nothing outside the strategy's bounds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.workflows import ParameterRange
from tallystick.research.search_spaces import GridSearch, RandomSearch, SearchSpace
from tallystick.research.strategies import find_strategy

STRATEGY = find_strategy("rsi_ma_cross_v2")
GRIDS = st.dictionaries(st.sampled_from(["a", "b", "c_bars"]), st.lists(st.integers(1, 50).map(float), min_size=1, max_size=4, unique=True), min_size=1)


@given(GRIDS)
def test_grid_proposes_every_combination_once(grid: Mapping[str, list[float]]) -> None:
    search = GridSearch(SearchSpace({name: tuple(values) for name, values in grid.items()}))
    names = sorted(grid)
    asked = [tuple(proposal[name] for name in names) for proposal in search.ask()]
    assert asked == list(product(*(grid[name] for name in names)))
    assert search.total == len(asked)
    assert search.ask() == ()


@given(GRIDS, st.integers(1, 40), st.integers(0, 2**32))
def test_random_draws_are_distinct_inside_and_the_same_for_the_same_seed(grid: Mapping[str, list[float]], trials: int, seed: int) -> None:
    space = SearchSpace({name: tuple(values) for name, values in grid.items()}, {"d": ParameterRange(low=0.5, high=2.0)})
    first, again = (RandomSearch(space, trials, seed).ask() for _ in range(2))
    assert first == again
    assert len({tuple(sorted(proposal.items())) for proposal in first}) == len(first) == trials
    assert all(0.5 <= proposal["d"] <= 2.0 and all(proposal[name] in grid[name] for name in grid) for proposal in first)


def test_random_stops_where_the_space_has_no_more() -> None:
    search = RandomSearch(SearchSpace({"a": (1.0, 2.0)}), 50, 7)
    assert sorted(proposal["a"] for proposal in search.ask()) == [1.0, 2.0]


def test_range_with_steps_is_whole_steps_from_low() -> None:
    space = SearchSpace({}, {"fee": ParameterRange(low=0.1, high=0.3, step=0.1), "ma_bars": ParameterRange(low=3, high=5)})
    assert space.choices("fee") == (0.1, 0.2, 0.3)
    assert space.choices("ma_bars") == (3.0, 4.0, 5.0), "bars are whole numbers"


@pytest.mark.parametrize(
    ("values", "ranges", "says"),
    [
        ({}, {}, "at least one parameter"),
        ({"a": ()}, {}, "distinct values of a"),
        ({"a": (1.0, 1.0)}, {}, "distinct values of a"),
        ({"a": (1.0, float("nan"))}, {}, "distinct values of a"),
        ({"a": (1.0,)}, {"a": ParameterRange(low=1, high=2)}, "found both"),
        ({}, {"a": ParameterRange(low=2, high=1)}, "low below high"),
        ({}, {"a": ParameterRange(low=0, high=1, log=True)}, "log only above 0"),
    ],
)
def test_impossible_space_is_refused(values: Mapping[str, tuple[float, ...]], ranges: Mapping[str, ParameterRange], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        SearchSpace(values, ranges)


@pytest.mark.parametrize(
    ("values", "fixed", "says"),
    [
        ({"ma_bar": (1.0,)}, {}, "ma_bar"),
        ({"ma_bars": (1.0,)}, {}, "expected ma_bars from 2"),
        ({"ma_bars": (10.0,)}, {"ma_bars": 20.0}, "searched or fixed"),
    ],
)
def test_space_must_fit_the_strategy(values: Mapping[str, tuple[float, ...]], fixed: Mapping[str, float], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        SearchSpace(values).check(STRATEGY, fixed)


def test_endless_and_enormous_grids_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="range without"):
        GridSearch(SearchSpace({}, {"rsi_buy_max": ParameterRange(low=40, high=60)}))
    with pytest.raises(ConfigurationError, match="at most 100000"):
        GridSearch(SearchSpace({name: tuple(map(float, range(60))) for name in ("a", "b", "c")}))
    with pytest.raises(ConfigurationError, match="trials"):
        RandomSearch(SearchSpace({"a": (1.0,)}), 0, 1)
