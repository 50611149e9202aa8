"""The present regime of one symbol from measures of its last half hour. It names what is, with the seed's four names, and nothing of what comes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.cascades import RegimeReading, RegimeType
from tallystick.contracts.errors import DataError
from tallystick.contracts.observation import ObservationSnapshot, ObservationStatus
from tallystick.kernels.order_flow import regime_measures

SHORT_BARS = 5
LONG_BARS = 30


@dataclass(frozen=True, slots=True)
class RegimeLimits:
    """Where the regimes begin. Distances in units of the short range; imbalances are |share − 0.5|, so at most 0.5; z of liquidations.

    The public system compares a raw buy share with .18 and .35 where a distance on a scale of 0 to 1 was meant. On |share − 0.5|, half that scale,
    these are .09 and .175 (decision 27). falling_interest_pct, directed_path: what divides an expansion into TRENDING and VOLATILE.
    """

    near_distance: float = 1.25
    far_distance: float = 1.5
    narrow_ratio: float = 0.8
    wide_ratio: float = 1.0
    balanced: float = 0.09
    one_sided: float = 0.175
    calm_z: float = 2.0
    busy_z: float = 2.5
    directed_path: float = 0.5
    falling_interest_pct: float = 5.0


@dataclass(frozen=True, slots=True)
class RegimeInputs:
    """Closed one-minute bars float64[T] of one symbol (NaN = no bar), open interest float64[T] at their closes, oldest first.

    imbalance: |taker-buy share − 0.5|, in [0, 0.5], never a raw share (decision 27). liquidation_z: of the last minute. None: no such fact yet.
    """

    symbol: str
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    open_interest: NDArray[np.float64]
    imbalance: float | None
    liquidation_z: float | None

    def __post_init__(self) -> None:
        if len({values.shape for values in (self.high, self.low, self.close, self.volume, self.open_interest)}) != 1 or self.close.ndim != 1:
            raise DataError("expected five columns of one length, found others", where=self.symbol)
        if self.imbalance is not None and not 0.0 <= self.imbalance <= 0.5:
            raise DataError(
                f"expected an imbalance |share − 0.5| in 0 to 0.5, found {self.imbalance}", where=self.symbol, hint="Give |share − 0.5|, not the share"
            )


def classify(inputs: RegimeInputs, snapshot: ObservationSnapshot, limits: RegimeLimits | None = None) -> RegimeReading:
    """The regime now. UNKNOWN with fewer than 31 whole bars, with a missing measure, after a FAILED observation, or when no regime (or two) fits.

    RANGING: near the average, narrow, balanced, few liquidations. An expansion (far, wide, one-sided, many liquidations) is TRENDING when its path is
    directed and open interest did not fall by the limit, else VOLATILE. The path is the snapshot's compactness where it has one, else that of the closes.
    """
    limit = limits or RegimeLimits()
    bars = int(inputs.close.size)
    reading = RegimeReading(inputs.symbol, snapshot.timestamp, RegimeType.UNKNOWN, bars)
    if bars <= LONG_BARS or inputs.imbalance is None or inputs.liquidation_z is None or snapshot.status is ObservationStatus.FAILED:
        return reading
    out = np.empty(4)
    regime_measures(inputs.high, inputs.low, inputs.close, inputs.volume, SHORT_BARS, LONG_BARS, out)
    distance, ratio, path = float(out[0]), float(out[1]), float(out[2])
    bundle = snapshot.primitives.get(inputs.symbol)
    if bundle is not None and bundle.traversal_compactness is not None:
        path = bundle.traversal_compactness.compactness_ratio
    before, now = float(inputs.open_interest[bars - 1 - LONG_BARS]), float(inputs.open_interest[bars - 1])
    fall_pct = 100.0 * (before - now) / before if before > 0.0 else math.nan
    if any(math.isnan(value) for value in (distance, ratio, path, fall_pct)):
        return reading
    imbalance, z = inputs.imbalance, inputs.liquidation_z
    ranging = distance <= limit.near_distance and ratio < limit.narrow_ratio and imbalance < limit.balanced and z < limit.calm_z
    expansion = distance >= limit.far_distance and ratio >= limit.wide_ratio and imbalance >= limit.one_sided and z >= limit.busy_z
    if ranging == expansion:
        return reading
    if ranging:
        regime = RegimeType.RANGING
    else:
        directed = path >= limit.directed_path and fall_pct < limit.falling_interest_pct
        regime = RegimeType.TRENDING if directed else RegimeType.VOLATILE
    return RegimeReading(inputs.symbol, snapshot.timestamp, regime, bars)
