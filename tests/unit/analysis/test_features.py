"""Features over panels: history, the live stepper, its bytes, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fakes.feature_bars import BENCHMARK, cut, every_family, make_panel

from tallystick.analysis.features import FeatureStepper, compute_history, warm_up_bars
from tallystick.contracts.errors import ArtifactError, DataError

NAMES = every_family(4)
PANEL = make_panel(bars=420, holes=[(2, 60, 70)])
SYMBOLS = PANEL.symbols


def row(t: int) -> np.ndarray:
    return np.ascontiguousarray(PANEL.stacked()[:, :, t])


def test_columns_follow_the_asked_names_and_hidden_sources_stay_hidden() -> None:
    both = compute_history(PANEL, ["cs_rank_ret_5", "vol_4"])
    assert both.shape == (4, 2, 420)
    assert both.flags.c_contiguous
    assert both[:, 1].tobytes() == compute_history(PANEL, ["vol_4"])[:, 0].tobytes()
    assert both[:, 0].tobytes() == compute_history(PANEL, ["ret_5", "cs_rank_ret_5"])[:, 1].tobytes()


def test_stepper_warmed_just_before_the_session_equals_the_full_history() -> None:
    whole = compute_history(PANEL, NAMES, BENCHMARK)
    start = warm_up_bars(NAMES) + 33
    stepper = FeatureStepper(NAMES, SYMBOLS, BENCHMARK)
    assert stepper.warm_up_bars == warm_up_bars(NAMES)
    warmed = stepper.warm(cut(PANEL, start - stepper.warm_up_bars, start))
    assert warmed.tobytes() == np.ascontiguousarray(whole[:, :, start - 1]).tobytes()
    for t in range(start, start + 25):
        assert stepper.step(PANEL.first_bar_number + t, row(t)).tobytes() == np.ascontiguousarray(whole[:, :, t]).tobytes()


@pytest.mark.parametrize("gap", [1, 5, 300])
def test_skipped_bar_numbers_are_bars_that_nobody_had(gap: int) -> None:
    first, stop = 20, 20 + gap
    holed = make_panel(bars=420, holes=[(s, first, stop) for s in range(4)])
    whole = compute_history(holed, NAMES, BENCHMARK)
    stepper = FeatureStepper(NAMES, SYMBOLS, BENCHMARK)
    stepper.warm(cut(holed, 0, first))
    x = holed.stacked()
    for t in range(stop, 420):
        found = stepper.step(holed.first_bar_number + t, x[:, :, t])
        assert found.tobytes() == np.ascontiguousarray(whole[:, :, t]).tobytes(), t


def test_state_bytes_resume_and_are_deterministic() -> None:
    one, two = (FeatureStepper(NAMES, SYMBOLS, BENCHMARK) for _ in range(2))
    one.warm(cut(PANEL, 0, 100))
    two.warm(cut(PANEL, 0, 100))
    assert one.to_bytes() == two.to_bytes()
    again = FeatureStepper.from_bytes(one.to_bytes(), NAMES, SYMBOLS, BENCHMARK)
    assert again.bar_number == one.bar_number == PANEL.first_bar_number + 99
    number = PANEL.first_bar_number + 100
    assert again.step(number, row(100)).tobytes() == one.step(number, row(100)).tobytes()
    assert again.to_bytes() == one.to_bytes()


def test_state_bytes_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = FeatureStepper(["ret_3", "rs_4"], SYMBOLS, "S0").to_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    with pytest.raises(ArtifactError, match="SHA-256"):
        FeatureStepper.from_bytes(bytes(flipped), ["ret_3", "rs_4"], SYMBOLS, "S0")
    with pytest.raises(ArtifactError, match="SHA-256"):
        FeatureStepper.from_bytes(b"", ["ret_3", "rs_4"], SYMBOLS, "S0")
    with pytest.raises(ArtifactError, match="layout"):
        FeatureStepper.from_bytes(data, ["ret_4", "rs_4"], SYMBOLS, "S0")
    with pytest.raises(ArtifactError, match="layout"):
        FeatureStepper.from_bytes(data, ["ret_3", "rs_4"], SYMBOLS, "S1")
    with pytest.raises(ArtifactError, match="symbols"):
        FeatureStepper.from_bytes(data, ["ret_3", "rs_4"], SYMBOLS[::-1], "S0")
    monkeypatch.setattr("tallystick.kernels.state.KERNEL_SET_HASH", "0" * 64)
    with pytest.raises(ArtifactError, match="kernels") as refused:
        FeatureStepper.from_bytes(data, ["ret_3", "rs_4"], SYMBOLS, "S0")
    assert "warm the features from bars" in refused.value.hint


def test_a_relative_feature_needs_its_benchmark() -> None:
    with pytest.raises(DataError, match="beta_60"):
        compute_history(PANEL, ["ret_1", "beta_60"])
    with pytest.raises(DataError, match="BTCUSDT"):
        compute_history(PANEL, ["beta_60"], "BTCUSDT")
    assert compute_history(PANEL, ["ret_1"], "BTCUSDT").shape == (4, 1, 420)


def test_refuses_repeated_names_bad_shapes_and_time_going_back() -> None:
    with pytest.raises(DataError, match="ret_1"):
        compute_history(PANEL, ["ret_1", "ret_1"])
    stepper = FeatureStepper(["ret_1"], SYMBOLS)
    with pytest.raises(DataError, match="shape"):
        stepper.step(5, np.zeros((3, 6)))
    stepper.step(5, row(5))
    with pytest.raises(DataError, match="after number 5"):
        stepper.step(5, row(5))
    with pytest.raises(DataError, match="S3"):
        stepper.warm(PANEL.select(SYMBOLS[::-1]))


def test_an_empty_panel_has_no_features() -> None:
    nothing = PANEL.between(0, 1)
    assert compute_history(nothing, ["ret_1", "cs_rank_ret_1"]).shape == (4, 2, 0)
    assert np.isnan(FeatureStepper(["ret_1"], SYMBOLS).warm(nothing)).all()
