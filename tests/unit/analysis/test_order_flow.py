"""Order flow: taker-buy share and its distance from one half."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.analysis.order_flow import OrderFlow, imbalance_history, imbalance_of, share_history
from tallystick.contracts.errors import ConfigurationError, DataError


def trades(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.sort(rng.integers(0, 4000, count)).astype(np.int64), rng.integers(0, 10**12, count).astype(np.int64), rng.random(count) < 0.4


def test_history_live_and_the_definition_agree_exactly() -> None:
    times, units, is_buy = trades(3, 400)
    history, live = share_history(times, units, is_buy, 100), OrderFlow(100)
    for i, time in enumerate(times.tolist()):
        inside = (times[: i + 1] > time - 100) & (times[: i + 1] <= time)
        total = int(units[: i + 1][inside].sum())
        bought = int(units[: i + 1][inside & is_buy[: i + 1]].sum())
        share = live.take(time, int(units[i]), bool(is_buy[i]))
        assert share == (bought / total if total else None)
        assert history[i] == share or (share is None and np.isnan(history[i]))


def test_share_depends_on_its_window_alone() -> None:
    times, units, is_buy = trades(5, 600)
    whole, late = share_history(times, units, is_buy, 100), share_history(times[300:], units[300:], is_buy[300:], 100)
    settled = times[300:] - times[300] >= 100
    assert np.array_equal(whole[300:][settled], late[settled], equal_nan=True)


def test_decision_27_imbalance_is_the_distance_from_one_half_on_both_sides() -> None:
    assert imbalance_of(0.18) == pytest.approx(0.32)
    assert imbalance_of(0.82) == pytest.approx(0.32)
    assert imbalance_of(0.5) == 0.0
    assert imbalance_of(None) is None
    times, units, is_buy = trades(7, 200)
    values = imbalance_history(times, units, is_buy, 500)
    assert np.nanmin(values) >= 0.0
    assert np.nanmax(values) <= 0.5


def test_an_empty_window_has_no_share() -> None:
    flow = OrderFlow(100)
    assert flow.share(0) is None
    flow.take(0, 5, is_buy=True)
    assert flow.imbalance(99) == 0.5
    assert flow.imbalance(100) is None


def test_refuses_what_is_no_stream_of_trades() -> None:
    times, units, is_buy = trades(1, 10)
    with pytest.raises(DataError, match="order"):
        share_history(times[::-1].copy(), units, is_buy, 10)
    with pytest.raises(DataError, match="length"):
        share_history(times, units[1:], is_buy, 10)
    with pytest.raises(ConfigurationError):
        share_history(times, units, is_buy, 0)
    with pytest.raises(ConfigurationError):
        OrderFlow(0)
    flow = OrderFlow(10)
    flow.take(5, 1, is_buy=True)
    with pytest.raises(DataError, match="order"):
        flow.take(4, 1, is_buy=True)
