"""Waves: liquidations grouped by the gaps between them, counted and measured. It grades no wave and says nothing of the next."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.cascades import WaveLabel
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.kernels.cascades import group_by_gap

WAVE_GAP_NS = 30 * NS_PER_SECOND
EXHAUSTION_NS = 60 * NS_PER_SECOND
PERCENT_STEP = Decimal("0.00000001")
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def fall_pct(before: int, after: int) -> Decimal:
    """How far a count of units fell, in per cent of `before` (above 0), to eight decimals, half to even; 0 when it did not fall."""
    if after >= before:
        return Decimal(0)
    share = _EXACT.divide(Decimal(100 * (before - after)), Decimal(before))
    return share.quantize(PERCENT_STEP, context=_EXACT)


def detect_waves(
    liquidation_times: NDArray[np.int64], interest_times: NDArray[np.int64], interest_units: NDArray[np.int64], gap_ns: int = WAVE_GAP_NS
) -> tuple[WaveLabel, ...]:
    """Groups of liquidations int64[M] (UTC ns, in order) with no gap above `gap_ns` inside; a longer gap starts the next wave.

    oi_drop_pct of a wave: from the last snapshot before its first liquidation (else the first snapshot) to the first snapshot at or after its last one
    (else the last snapshot), over the snapshots int64[N] that are given. Never null: raises DataError without a snapshot above zero to measure from.
    """
    if liquidation_times.size and interest_times.size == 0:
        raise DataError("expected open interest beside the liquidations of a wave, found none", hint="Give the snapshots of the same stretch")
    first = np.empty(liquidation_times.size, dtype=np.int64)
    last = np.empty(liquidation_times.size, dtype=np.int64)
    waves = []
    for number in range(group_by_gap(liquidation_times, gap_ns, first, last)):
        start, end = int(liquidation_times[first[number]]), int(liquidation_times[last[number]])
        before = max(0, int(np.searchsorted(interest_times, start, side="left")) - 1)
        after = min(interest_times.size - 1, int(np.searchsorted(interest_times, end, side="left")))
        if interest_units[before] <= 0:
            raise DataError(f"expected open interest above 0 before a wave, found {interest_units[before]} units", where=f"time {start}")
        drop = fall_pct(int(interest_units[before]), int(interest_units[after]))
        waves.append(WaveLabel(number + 1, start, end, int(last[number] - first[number]) + 1, drop))
    return tuple(waves)


class WaveDetector:
    """Waves as liquidations arrive: the number of the present one, where it began, where it stands, and its liquidations (times in UTC ns).

    It holds the present wave alone, however long the stream.
    """

    def __init__(self, gap_ns: int = WAVE_GAP_NS, exhaustion_ns: int = EXHAUSTION_NS) -> None:
        if not 0 < gap_ns <= exhaustion_ns:
            raise ConfigurationError(f"expected a gap above 0 and no longer than the exhaustion time, found {gap_ns} and {exhaustion_ns} ns")
        self._gap_ns = gap_ns
        self._exhaustion_ns = exhaustion_ns
        self._number = 0
        self._wave: tuple[int, int, int] | None = None

    @property
    def wave(self) -> tuple[int, int, int] | None:
        """Start, end and count of the last wave, which may still grow; None before the first."""
        return self._wave

    def take(self, time_ns: int) -> int:
        """One liquidation; answers the number of its wave, from 1. Raises DataError when time runs backwards."""
        if self._wave is not None:
            start, end, count = self._wave
            if time_ns < end:
                raise DataError(f"expected liquidations in the order of time, found {time_ns} after {end}")
            if time_ns - end <= self._gap_ns:
                self._wave = (start, time_ns, count + 1)
                return self._number
        self._wave = (time_ns, time_ns, 1)
        self._number += 1
        return self._number

    def is_over(self, now_ns: int) -> bool:
        """True when no liquidation came for the exhaustion time, or none came at all."""
        return self._wave is None or now_ns - self._wave[1] >= self._exhaustion_ns
