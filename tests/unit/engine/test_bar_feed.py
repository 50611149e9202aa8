from __future__ import annotations

import hashlib

import numpy as np
import pytest
from tests.fakes.engine_session import PAST_BARS, SESSION_BAR, generated, without_bars

from tallystick.analysis.features import compute_history
from tallystick.contracts.errors import DataError
from tallystick.engine.bar_feed import BarFeed

NAMES = ("ret_4", "rsi_14", "zscore_20")
PANEL = without_bars(generated().panel, "BRIMUSDT", 3, 6)
START_NS = int(PANEL.open_times_ns[SESSION_BAR])


def feed(panel=PANEL, names=NAMES, cycles=20, past=PAST_BARS) -> BarFeed:
    return BarFeed(panel, names, START_NS, START_NS + cycles * PANEL.interval_ns, past)


def test_turns_are_the_closed_bars_of_the_session_with_the_same_feature_bits_as_history():
    made = feed()
    history = compute_history(PANEL, made.names)
    past = list(made.past_turns())
    assert [turn.open_ns for turn in past] == PANEL.open_times_ns[SESSION_BAR - PAST_BARS : SESSION_BAR].tolist()
    turns = [made.turn(cycle) for cycle in range(1, made.cycles + 1)]
    assert len(turns) == 20
    for offset, turn in enumerate([*past, *turns]):
        column = SESSION_BAR - PAST_BARS + offset
        assert (turn.open_ns, turn.now_ns) == (int(PANEL.open_times_ns[column]), int(PANEL.open_times_ns[column]) + PANEL.interval_ns)
        assert turn.features.tobytes() == np.ascontiguousarray(history[:, :, column]).tobytes()
        assert turn.x.tobytes() == np.ascontiguousarray(PANEL.stacked()[:, :, column]).tobytes()


def test_a_missing_bar_is_no_value_for_policies_and_venue_alike():
    made = feed()
    list(made.past_turns())
    turn = [made.turn(cycle) for cycle in range(1, 5)][-1]
    row = PANEL.symbols.index("BRIMUSDT")
    assert np.isnan(turn.x[row]).all()
    bars = made.venue_bars(turn)
    assert np.isnan([bars.open[row], bars.close[row], bars.volume[row]]).all()
    assert np.isfinite(np.delete(bars.close, row)).all()
    assert (bars.high >= bars.low)[~np.isnan(bars.high)].all()


def test_hashes_cover_time_bars_and_features():
    made = feed()
    list(made.past_turns())
    turn = made.turn(1)
    assert turn.inputs_sha256() == hashlib.sha256(turn.open_ns.to_bytes(8, "little") + turn.x.tobytes()).hexdigest()
    assert turn.features_sha256() == hashlib.sha256(turn.features.tobytes()).hexdigest()
    assert turn.inputs_sha256() != made.turn(2).inputs_sha256()


@pytest.mark.parametrize("wanted", [0, 2, 5])
def test_cycles_are_handed_out_in_their_order_only(wanted):
    made = feed()
    with pytest.raises(DataError, match=f"expected cycle 1, found {wanted}"):
        made.turn(wanted)
    made.turn(1)
    with pytest.raises(DataError, match="expected cycle 2, found 1"):
        made.turn(1)


def test_refuses_a_session_without_bars_and_one_without_enough_bars_before_it():
    end_ns = PANEL.end_ns
    with pytest.raises(DataError, match="expected bars from"):
        BarFeed(PANEL, NAMES, end_ns, end_ns + PANEL.interval_ns, 0)
    with pytest.raises(DataError, match="to warm up, found"):
        feed(PANEL.between(START_NS - 479 * PANEL.interval_ns, PANEL.end_ns), past=0)
    with pytest.raises(DataError, match="to warm up, found"):
        feed(past=SESSION_BAR)


def test_older_history_changes_no_bit():
    short, long = feed(past=10), feed(past=40)
    list(short.past_turns())
    list(long.past_turns())
    for cycle in range(1, 10):
        assert short.turn(cycle).features.tobytes() == long.turn(cycle).features.tobytes()


def test_the_features_of_the_market_view_are_always_there():
    made = feed(names=())
    assert made.names == (made.volatility_feature, made.adv_feature)
    assert made.adv_feature == "mean_quote_volume_480"
    list(made.past_turns())
    turn = made.turn(1)
    assert made.column(turn, made.adv_feature).shape == (len(PANEL.symbols),)
