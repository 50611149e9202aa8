"""The regime classifier: the seed's four names from present measures, UNKNOWN when there are too few."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from tallystick.analysis.regime_classifier import RegimeInputs, RegimeLimits, classify
from tallystick.contracts.cascades import RegimeReading, RegimeType
from tallystick.contracts.errors import DataError
from tallystick.contracts.observation import M4PrimitiveBundle, ObservationSnapshot, ObservationStatus, SystemCounters
from tallystick.contracts.primitives import TraversalCompactness
from tallystick.kernels.kernel import plain
from tallystick.kernels.order_flow import regime_measures


def snapshot(compactness: float | None = None, status: ObservationStatus = ObservationStatus.UNINITIALIZED) -> ObservationSnapshot:
    fact = None if compactness is None else TraversalCompactness(1.0, 1.0 / compactness, compactness)
    bundle = M4PrimitiveBundle("BTC", traversal_compactness=fact)
    return ObservationSnapshot(status, 1_700_000_000.0, ("BTC",), SystemCounters(0, 0), (), {"BTC": bundle})


def inputs(close: np.ndarray, width: np.ndarray, imbalance: float | None, z: float | None, interest: float = 0.0) -> RegimeInputs:
    return RegimeInputs(
        "BTC",
        close + width / 2,
        close - width / 2,
        close,
        np.ones(close.size),
        np.linspace(1000.0, 1000.0 * (1.0 - interest / 100.0), close.size),
        imbalance,
        z,
    )


def quiet(bars: int = 40, imbalance: float | None = 0.05, z: float | None = 0.5) -> RegimeInputs:
    width = np.full(bars, 4.0)
    width[-5:] = 1.0
    return inputs(100.0 + 0.1 * (np.arange(bars) % 2), width, imbalance, z)


def moving(interest: float = 0.0, z: float | None = 3.0, imbalance: float | None = 0.3) -> RegimeInputs:
    close = np.concatenate((np.full(30, 100.0), 100.0 + 2.0 * np.arange(1, 11)))
    return inputs(close, np.full(40, 0.5), imbalance, z, interest)


@pytest.mark.clause("D4.47")
def test_enum_is_the_seeds() -> None:
    assert {item.name: item.value for item in RegimeType} == {name: name for name in ("UNKNOWN", "TRENDING", "RANGING", "VOLATILE")}


@pytest.mark.clause("D4.47")
def test_decision_27_sideways_is_ranging_and_an_expansion_trending_or_volatile() -> None:
    assert classify(quiet(), snapshot()).regime is RegimeType.RANGING
    assert classify(moving(), snapshot()).regime is RegimeType.TRENDING
    assert classify(moving(), snapshot(compactness=0.2)).regime is RegimeType.VOLATILE
    assert classify(moving(interest=20.0), snapshot()).regime is RegimeType.VOLATILE


def test_decision_27_a_balanced_market_is_no_expansion_and_one_sided_selling_is_no_range() -> None:
    # A raw share of .5 passed the source's ".35 or more"; as a distance it is 0.
    assert classify(moving(imbalance=0.0), snapshot()).regime is RegimeType.UNKNOWN
    # A raw share of .1 (sellers only) passed the source's "below .18"; as a distance it is .4.
    assert classify(quiet(imbalance=0.4), snapshot()).regime is RegimeType.UNKNOWN


def test_a_raw_share_is_refused() -> None:
    with pytest.raises(DataError, match=r"0 to 0\.5"):
        quiet(imbalance=0.6)


@pytest.mark.clause("D4.48")
@pytest.mark.parametrize(
    "short",
    [
        pytest.param(quiet(bars=30), id="thirty bars"),
        pytest.param(quiet(imbalance=None), id="no trades"),
        pytest.param(quiet(z=None), id="no baseline of liquidations"),
        pytest.param(replace(quiet(), volume=np.zeros(40)), id="no volume"),
        pytest.param(replace(quiet(), close=np.full(40, np.nan)), id="no closes"),
        pytest.param(replace(quiet(), open_interest=np.full(40, np.nan)), id="no open interest"),
    ],
)
def test_too_little_data_is_unknown(short: RegimeInputs) -> None:
    assert classify(short, snapshot()).regime is RegimeType.UNKNOWN


@pytest.mark.clause("D4.48")
def test_a_failed_observation_is_unknown() -> None:
    assert classify(quiet(), snapshot(status=ObservationStatus.FAILED)).regime is RegimeType.UNKNOWN


def test_reading_carries_the_time_of_the_snapshot_and_its_observations() -> None:
    assert classify(quiet(), snapshot()) == RegimeReading("BTC", 1_700_000_000.0, RegimeType.RANGING, 40)


@pytest.mark.clause("D4.49", "D4.50")
def test_reading_has_no_confidence_and_no_forecast() -> None:
    assert [item.name for item in fields(RegimeReading)] == ["symbol", "timestamp", "regime", "observations"]
    names = [item.name for kind in (RegimeInputs, RegimeLimits) for item in fields(kind)]
    assert not [name for name in names if any(word in name for word in ("confidence", "probability", "next", "predict", "forecast"))]


def test_measures_are_the_definitions_and_the_same_in_plain_python() -> None:
    given = moving()
    out, again = np.empty(4), np.empty(4)
    regime_measures(given.high, given.low, given.close, given.volume, 5, 30, out)
    plain(regime_measures)(given.high, given.low, given.close, given.volume, 5, 30, again)
    assert np.array_equal(out, again)
    ranges = [max(h - low, abs(h - before), abs(low - before)) for h, low, before in zip(given.high[1:], given.low[1:], given.close[:-1], strict=True)]
    typical = (given.high + given.low + given.close)[-30:] / 3.0
    assert out[0] == pytest.approx(abs(given.close[-1] - typical.mean()) / np.mean(ranges[-5:]))
    assert out[1] == pytest.approx(np.mean(ranges[-5:]) / np.mean(ranges[-30:]))
    assert out[2] == pytest.approx(1.0)
    assert out[3] == 30.0


def test_refuses_columns_of_different_lengths() -> None:
    with pytest.raises(DataError, match="one length"):
        replace(quiet(), volume=np.ones(3))
