"""Bit-equality of the drivers over random bars with gaps, zeros and huge values, from any start."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.kernels.features import build_table, empty_state, history, step_all
from tallystick.kernels.kind_table import KIND_BY_NAME

ROWS: list[tuple[str, list[float]]] = [
    ("change", [3, 2]), ("volatility", [4]), ("downside_volatility", [3]), ("momentum", [3]), ("up_share", [4]), ("illiquidity", [2]), ("rsi", [2, 6]),
    ("mean", [4, 5]), ("mean_ratio", [3, 3, 1]), ("zscore", [3, 4]), ("band_position", [5]), ("band_width", [2]), ("mean_slope", [3, 2]),
    ("share_above", [2, 3]), ("macd", [1, 2, 2, 6, 0]), ("macd", [1, 2, 2, 6, 1]), ("macd", [1, 2, 2, 6, 2]), ("to_high", [4]), ("to_low", [5]),
    ("drawdown", [6]), ("ulcer", [3]), ("range", [4]), ("atr", [3]), ("valid_bars", [5]), ("excess_change", [2]), ("beta", [4]), ("correlation", [3]),
]  # fmt: skip
TABLE = build_table([*ROWS, 0, 9])
MEMORY = max(KIND_BY_NAME[name].memory(*(int(value) for value in values)) for name, values in ROWS)
values = st.floats(0.5, 200.0) | st.floats(1.0, 2.0) | st.sampled_from([0.0, 1.0, np.nan, np.nan, 1e200, 1e-200])
bar_arrays = (
    st.integers(20, 45).flatmap(lambda bars: st.lists(values, min_size=14 * bars, max_size=14 * bars)).map(lambda flat: np.array(flat).reshape(2, 7, -1))
)


@settings(max_examples=60, deadline=None)
@given(bar_arrays, st.integers(0, 10**9))
def test_history_threads_and_live_steps_give_the_same_bits(x: np.ndarray, first_bar: int) -> None:
    whole = history(TABLE, x, first_bar)
    assert history(TABLE, x, first_bar, parallel=True).tobytes() == whole.tobytes()
    state, out = empty_state(TABLE, 2), np.empty((2, whole.shape[1]))
    for t in range(x.shape[2]):
        step_all(TABLE, state, first_bar + t, np.ascontiguousarray(x[:, :, t]), out)
        assert out.tobytes() == np.ascontiguousarray(whole[:, :, t]).tobytes()


@settings(max_examples=60, deadline=None)
@given(bar_arrays, st.integers(0, 10**9), st.integers(1, 12))
def test_what_lies_before_the_memory_cannot_change_a_bit(x: np.ndarray, first_bar: int, start: int) -> None:
    whole = history(TABLE, x, first_bar)
    cold = history(TABLE, x[:, :, start:], first_bar + start)
    assert np.ascontiguousarray(whole[:, :, start + MEMORY - 1 :]).tobytes() == np.ascontiguousarray(cold[:, :, MEMORY - 1 :]).tobytes()


@settings(max_examples=30, deadline=None)
@given(bar_arrays)
def test_outputs_are_finite_or_the_one_nan(x: np.ndarray) -> None:
    out = history(TABLE, x, 0)
    assert not np.isinf(out).any()
    assert set(out[np.isnan(out)].view(np.int64).tolist()) <= {int(np.array(np.nan).view(np.int64))}
