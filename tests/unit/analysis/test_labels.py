from __future__ import annotations

import math

import numpy as np
import pytest

from tallystick.analysis.labels import blended_forward_return, forward_return, held_return, parse_target
from tallystick.contracts.errors import ConfigurationError, DataError


def grid(seed: int = 0, symbols: int = 3, bars: int = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.cumprod(1.0 + rng.normal(0.0, 0.02, size=(symbols, bars)), axis=1)
    close[rng.random(close.shape) < 0.1] = np.nan
    return close


def brute_force(close: np.ndarray, bars: int) -> np.ndarray:
    out = np.full(close.shape, math.nan)
    for s in range(close.shape[0]):
        for t in range(close.shape[1]):
            if t + bars < close.shape[1] and not math.isnan(close[s, t]) and not math.isnan(close[s, t + bars]):
                out[s, t] = close[s, t + bars] / close[s, t] - 1.0
    return out


@pytest.mark.parametrize("bars", [1, 2, 7, 39, 40, 100])
def test_forward_return_equals_the_brute_force_oracle(bars: int) -> None:
    close = grid()
    np.testing.assert_array_equal(forward_return(close, bars), brute_force(close, bars))


def test_decision_31_labels_stay_on_their_row_when_rows_are_missing() -> None:
    close = grid()
    close[0, :4] = np.nan
    found = forward_return(close, 1)
    assert np.isnan(found[0, :4]).all()
    assert found[0, 10] == brute_force(close, 1)[0, 10]


def test_decision_31_label_begins_at_the_next_bar_and_ends_at_its_horizon() -> None:
    close = grid(1)
    before = forward_return(close, 3)[1, 20]
    for other in (0, 19, 21, 22, 24, 39):
        changed = close.copy()
        changed[1, other] *= 7.0
        after = forward_return(changed, 3)[1, 20]
        assert after == before or (math.isnan(after) and math.isnan(before))


def test_decision_31_shortest_horizon_is_not_constant() -> None:
    found = forward_return(grid(2), 1)
    assert len(np.unique(found[~np.isnan(found)])) > 50


def test_decision_39_blended_label_needs_every_horizon() -> None:
    close = grid(3)
    blended = blended_forward_return(close, {1: 0.25, 5: 0.75})
    short, long = brute_force(close, 1), brute_force(close, 5)
    for s, t in np.ndindex(close.shape):
        if math.isnan(short[s, t]) or math.isnan(long[s, t]):
            assert math.isnan(blended[s, t])
        else:
            assert blended[s, t] == pytest.approx(0.25 * short[s, t] + 0.75 * long[s, t])
    assert np.isnan(blended[:, -5:]).all()


def test_refuses_weights_that_do_not_sum_to_one() -> None:
    with pytest.raises(ConfigurationError, match="sum to 1"):
        blended_forward_return(grid(), {1: 0.5, 2: 0.4})


@pytest.mark.parametrize("bars", [1, 3, 7])
def test_held_return_ends_at_the_last_close_known_by_then(bars: int) -> None:
    close = grid(seed=5)
    wanted = np.full(close.shape, np.nan)
    for s in range(close.shape[0]):
        for t in range(close.shape[1] - bars):
            known = [price for price in close[s, t : t + bars + 1].tolist() if not math.isnan(price)]
            if not math.isnan(close[s, t]):
                wanted[s, t] = known[-1] / known[0] - 1.0
    assert np.array_equal(held_return(close, bars), wanted, equal_nan=True)


def test_zero_price_has_no_label() -> None:
    found = forward_return(np.array([[0.0, 1.0, 2.0]]), 1)
    assert math.isnan(found[0, 0])
    assert found[0, 1] == 1.0


@pytest.mark.clause("D1.69")
def test_target_name_states_kind_and_horizon() -> None:
    target = parse_target("fwd_ret_240m")
    assert (target.kind, target.horizon_minutes, target.horizon_bars(60)) == ("fwd_ret", 240, 4)


@pytest.mark.parametrize("name", ["ret_5m", "fwd-ret-5m", "fwd_ret_0m", "fwd_ret_5", "fwd_ret_1d", ""])
def test_refuses_a_target_it_cannot_compute(name: str) -> None:
    with pytest.raises(ConfigurationError, match="fwd_ret_60m"):
        parse_target(name)


def test_refuses_a_horizon_that_is_no_whole_number_of_bars() -> None:
    with pytest.raises(ConfigurationError, match="whole number"):
        parse_target("fwd_ret_90m").horizon_bars(60)


def test_refuses_a_shape_or_horizon_that_makes_no_sense() -> None:
    with pytest.raises(DataError, match="symbols, times"):
        forward_return(np.ones(3), 1)
    with pytest.raises(ConfigurationError, match="at least one bar"):
        forward_return(np.ones((1, 3)), 0)
