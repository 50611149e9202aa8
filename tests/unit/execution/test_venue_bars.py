from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.fakes.trading import bars, instrument

from tallystick.contracts.errors import DataError
from tallystick.execution.venue_bars import NO_BAR, TickGrid

GRID = TickGrid({"A": instrument("A", tick="0.1", lot="0.01"), "B": instrument("B", tick="0.25", lot="1")})


def test_columns_become_ticks_in_the_venues_order() -> None:
    found = GRID.ticks(bars({"B": (10, 11, 9.5, 10.5), "A": (1, 1.2, 0.9, 1.1)}, volume=100), 0.1)
    assert found.open == [10, 40]
    assert found.high == [12, 44]
    assert found.low == [9, 38]
    assert found.close == [11, 42]
    assert found.lots == [1000, 10]


def test_missing_bar_and_unlisted_symbol_are_no_bar() -> None:
    found = GRID.ticks(bars({"A": None, "Z": (1, 1, 1, 1)}), 0.1)
    assert found.open == found.close == [NO_BAR, NO_BAR]
    assert found.lots == [0, 0]


def test_bar_with_one_missing_price_is_no_bar() -> None:
    broken = bars({"A": (1, 1.2, 0.9, 1.1)})
    broken.low[0] = np.nan
    assert GRID.ticks(broken, 0.1).open == [NO_BAR, NO_BAR]


@pytest.mark.clause("D4.136")
@pytest.mark.parametrize("row", [(1, 0.9, 0.8, 0.85), (1, 1.2, 1.15, 1.1), (1, 1.2, -0.1, 1.1), (0.0, 1.2, 0.0, 1.1)])
def test_impossible_bar_raises(row: tuple[float, float, float, float]) -> None:
    with pytest.raises(DataError, match="found one of A that"):
        GRID.ticks(bars({"A": row}), 0.1)


def test_price_of_too_many_ticks_raises() -> None:
    with pytest.raises(DataError, match="2\\^53"):
        GRID.ticks(bars({"A": (1e16, 1e16, 1e16, 1e16)}), 0.1)


def test_no_volume_leaves_nothing_to_take() -> None:
    thin = bars({"A": (1, 1, 1, 1)}, volume=0.0)
    assert GRID.ticks(thin, 0.1).lots == [0, 0]
    assert GRID.ticks(replace(thin, volume=np.array([np.nan])), 0.1).lots == [0, 0]
