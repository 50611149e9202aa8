"""A book after any changes is what a plain sort of its levels says."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.kernels.book_primitives import LEVELS
from tallystick.observation.books import Book

LEVEL = st.tuples(st.integers(1, 30).map(lambda tenths: f"{tenths / 10:.2f}"), st.sampled_from(["0", "0.000", "1.5", "2", "0.30"]))
CHANGE = st.fixed_dictionaries({"bids": st.lists(LEVEL, max_size=8), "asks": st.lists(LEVEL, max_size=8)})


@settings(max_examples=200, deadline=None)
@given(changes=st.lists(CHANGE, max_size=12))
def test_best_levels_are_those_of_a_sort(changes: list[dict[str, list[tuple[str, str]]]]) -> None:
    book, expected = Book(), {"bids": dict[Decimal, str](), "asks": dict[Decimal, str]()}
    for change in changes:
        assert book.change(change)
        for name, levels in expected.items():
            for price, size in change[name]:
                levels[Decimal(price)] = size
            for gone in [price for price, size in levels.items() if Decimal(size) == 0]:
                del levels[gone]
        for name, best_first in (("bids", True), ("asks", False)):
            prices = sorted(expected[name], reverse=best_first)[:LEVELS]
            assert [(Decimal(price), size) for price, size in book.best()[name]] == [(price, expected[name][price]) for price in prices]


@pytest.mark.parametrize("bad", [("x", "1"), ("1", "x"), ("", "1")])
def test_text_that_is_no_number_is_told(bad: tuple[str, str]) -> None:
    book = Book()
    assert not book.change({"bids": [("1.10", "2"), bad], "asks": [("3", "1")]})
    assert book.best() == {"bids": [("1.10", "2")], "asks": []}
