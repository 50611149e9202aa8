"""Order flow: the taker-buy share of volume in trailing windows, and its distance from one half (decision 27). Counts of what was traded, no more."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.kernels.order_flow import taker_buy_shares

WINDOWS_NS = (10 * NS_PER_SECOND, 30 * NS_PER_SECOND, 60 * NS_PER_SECOND)


def imbalance_of(share: float | None) -> float | None:
    """|share − 0.5|, in [0, 0.5]: 0 when buyers and sellers took the same volume; None without volume."""
    return None if share is None else abs(share - 0.5)


def share_history(times: NDArray[np.int64], units: NDArray[np.int64], is_buy: NDArray[np.bool_], window_ns: int) -> NDArray[np.float64]:
    """Taker-buy share in (t − window, t] at each trade, float64[N] in [0, 1]. Times int64[N] UTC ns in order, units int64[N] of the last decimal.

    Raises DataError for trades out of order or columns of different lengths, ConfigurationError for a window that is not above 0.
    """
    if window_ns < 1:
        raise ConfigurationError(f"expected a window above 0, found {window_ns} ns")
    if not times.shape == units.shape == is_buy.shape or times.ndim != 1:
        raise DataError(f"expected three columns of one length, found {times.shape}, {units.shape} and {is_buy.shape}")
    if times.size > 1 and bool(np.any(times[1:] < times[:-1])):
        raise DataError("expected trades in the order of time, found others")
    out = np.empty(times.size)
    taker_buy_shares(times, units, is_buy.astype(np.int64), window_ns, out)
    return out


def imbalance_history(times: NDArray[np.int64], units: NDArray[np.int64], is_buy: NDArray[np.bool_], window_ns: int) -> NDArray[np.float64]:
    """|share − 0.5| at each trade, float64[N] in [0, 0.5]."""
    imbalance: NDArray[np.float64] = np.abs(share_history(times, units, is_buy, window_ns) - 0.5)
    return imbalance


class OrderFlow:
    """The same share on a live stream, for one symbol and one window. Volume is whole units, so the sums are exact."""

    def __init__(self, window_ns: int) -> None:
        if window_ns < 1:
            raise ConfigurationError(f"expected a window above 0, found {window_ns} ns")
        self._window_ns = window_ns
        self._trades: deque[tuple[int, int, bool]] = deque()
        self._bought = 0
        self._total = 0

    def take(self, time_ns: int, units: int, is_buy: bool) -> float | None:
        """One trade; answers the share after it. Raises DataError when time runs backwards."""
        if self._trades and time_ns < self._trades[-1][0]:
            raise DataError(f"expected trades in the order of time, found {time_ns} after {self._trades[-1][0]}")
        self._trades.append((time_ns, units, is_buy))
        self._total += units
        self._bought += units if is_buy else 0
        return self.share(time_ns)

    def share(self, now_ns: int) -> float | None:
        """Taker-buy share of the volume in (now − window, now]; None without volume."""
        while self._trades and self._trades[0][0] <= now_ns - self._window_ns:
            _, units, is_buy = self._trades.popleft()
            self._total -= units
            self._bought -= units if is_buy else 0
        return self._bought / self._total if self._total else None

    def imbalance(self, now_ns: int) -> float | None:
        """|share − 0.5| now, which is what the regime classifier is given (decision 27)."""
        return imbalance_of(self.share(now_ns))
