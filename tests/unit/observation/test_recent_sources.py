"""What was taken lately is known again, alone or in columns, and its id leads back to it."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.contracts.errors import InvariantViolation
from tallystick.observation.ports import TradeColumns
from tallystick.observation.recent_sources import EventBatch, RecentSources, line_of


def columns(first_line: int, count: int, name: str = "feed") -> TradeColumns:
    """Two trades a line."""
    lines = np.repeat(np.arange(first_line, first_line + count), 2)
    numbers = np.ones(2 * count)
    rows = np.arange(2 * count) % 2
    return TradeColumns(name, ("A", "B"), rows, np.arange(2 * count) + 100, numbers, numbers, rows, lines, rows)


def test_trades_of_columns_are_known_one_by_one() -> None:
    recent = RecentSources(10)
    recent.note_trades(1, columns(5, 2))
    known = {source for source in ("feed:4", "feed:5", "feed:5#1", "feed:6#1", "feed:7", "other:5", "feed") if recent.knows(("TRADE", "A", source))}
    assert known == {"feed:5", "feed:5#1", "feed:6#1"}
    assert not recent.knows(("MARK", "A", "feed:5"))


def test_columns_that_overlap_what_was_taken_may_be_known() -> None:
    recent = RecentSources(10)
    recent.note_trades(1, columns(5, 2))
    recent.note(("TRADE", "A", "feed:20#1"), EventBatch(5, "TRADE", ("A",), (1,), "feed:20#1"))
    recent.note(("MARK", "A", "feed:30"), EventBatch(6, "MARK", ("A",), (1,), "feed:30"))
    assert [recent.may_know(columns(first, 2)) for first in (3, 4, 6, 7, 18, 19, 20, 21, 29)] == [False, True, True, False, False, True, True, False, False]
    assert not recent.may_know(columns(5, 2, "other"))


def test_ids_lead_back_and_old_ones_are_forgotten() -> None:
    recent = RecentSources(4)
    recent.note(("MARK", "A", "m"), EventBatch(1, "MARK", ("A",), (7,), "m"))
    recent.note_trades(2, columns(5, 2))
    assert recent.source_of(1) == ("MARK", "A", 7, "m")
    assert recent.source_of(4) == ("TRADE", "A", 102, "feed:6")
    assert recent.source_of(5) == ("TRADE", "B", 103, "feed:6#1")
    recent.note_trades(6, columns(7, 2))
    assert recent.source_of(9) == ("TRADE", "B", 103, "feed:8#1")
    assert not recent.knows(("TRADE", "A", "feed:5"))
    for gone in (0, 5, 10):
        with pytest.raises(InvariantViolation):
            recent.source_of(gone)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("feed:7", ("feed", 7)),
        ("a/b:c.gz:12#3", ("a/b:c.gz", 12)),
        ("feed", ("feed", -1)),
        ("feed:x", ("feed:x", -1)),
        ("feed:٣", ("feed:٣", -1)),
        ("", ("", -1)),
    ],
)
def test_line_of_a_source(source: str, found: tuple[str, int]) -> None:
    assert line_of(source) == found
