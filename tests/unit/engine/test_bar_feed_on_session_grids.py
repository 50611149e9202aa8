"""The feed of a session on a market that closes."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from tests.fakes.session_bars import session_panel

from tallystick.analysis.features import compute_history
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import NS_PER_DAY
from tallystick.engine.bar_feed import BarFeed
from tallystick.engine.market_facts import market_view

NAMES = ("ret_4", "rsi_14")
PANEL = session_panel(symbols=3, days=40, first_number=19)
START_NS = int(PANEL.open_times_ns[-60]) // NS_PER_DAY * NS_PER_DAY
FIRST = int(np.searchsorted(PANEL.open_times_ns, START_NS))


def feed(past_bars: int = 50) -> BarFeed:
    return BarFeed(PANEL, NAMES, START_NS, PANEL.end_ns, past_bars)


def test_turns_carry_the_numbers_of_the_panel_and_the_clock_of_the_wall() -> None:
    found = feed()
    assert (found.bars_per_day, found.adv_feature, found.cycles) == (26, "mean_quote_volume_520", PANEL.bars - FIRST)
    past = list(found.past_turns())
    turns = [found.turn(cycle) for cycle in range(1, found.cycles + 1)]
    assert [turn.bar_number for turn in (*past, *turns)] == list(range(19 + FIRST - 50, 19 + PANEL.bars))
    assert [turn.open_ns for turn in turns] == PANEL.open_times_ns[FIRST:].tolist()
    assert all(turn.now_ns == turn.open_ns + PANEL.interval_ns for turn in turns)


def test_live_features_of_a_session_equal_those_of_training() -> None:
    found = feed()
    whole = compute_history(PANEL, found.names)
    turns = (*found.past_turns(), *(found.turn(cycle) for cycle in range(1, found.cycles + 1)))
    for column, turn in enumerate(turns, start=FIRST - 50):
        assert turn.features.tobytes() == np.ascontiguousarray(whole[:, :, column]).tobytes()


def test_view_is_fresh_at_the_close_and_trades_per_session_not_per_24_hours() -> None:
    found = feed(past_bars=0)
    view = market_view(found, found.turn(1), Decimal(100_000), 2.0)
    assert view.data_age_s == 0.0
    recent = PANEL.quote_volume[:, FIRST + 1 - 520 : FIRST + 1]
    np.testing.assert_allclose(view.adv_usd, 26 * recent.mean(axis=1), rtol=1e-12)


def test_history_that_is_too_short_is_one_sentence() -> None:
    with pytest.raises(DataError, match="bars before 2024-02-"):
        feed(past_bars=FIRST)
