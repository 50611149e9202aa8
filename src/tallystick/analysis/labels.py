"""Labels on the aligned grid: what happened after a bar, starting at the next one.

Every array is [S, T] on the grid of a panel (NaN where a symbol has no bar), so a position is a time and nothing can slip by a row. A horizon counts
columns: on a session grid the bar after the last of a day is the first of the next, and a label crosses the night as a position held over it would.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.contracts.errors import ConfigurationError, DataError

_FORWARD_RETURN = re.compile(r"^fwd_ret_([1-9][0-9]*)m$")


@dataclass(frozen=True, slots=True)
class Target:
    """A label by name: its kind, which is also its task in configuration, and its horizon in minutes of open market."""

    name: str
    kind: str
    horizon_minutes: int

    def horizon_bars(self, interval_minutes: int) -> int:
        """Bars of the horizon. Raises ConfigurationError unless the horizon is a whole number of bars."""
        bars, rest = divmod(self.horizon_minutes, interval_minutes)
        if bars < 1 or rest:
            raise ConfigurationError(
                f"expected a horizon that is a whole number of {interval_minutes}-minute bars, found {self.horizon_minutes} minutes",
                where=self.name,
            )
        return bars


def parse_target(name: str) -> Target:
    """`fwd_ret_<N>m` as a Target. Raises ConfigurationError for another name."""
    match = _FORWARD_RETURN.match(name)
    if match is None:
        raise ConfigurationError(f"expected a target such as fwd_ret_60m, found {name!r}", hint="Known kinds: fwd_ret_<minutes>m")
    return Target(name=name, kind="fwd_ret", horizon_minutes=int(match.group(1)))


def _require_grid(close: NDArray[float64], bars: int) -> None:
    if close.ndim != 2:
        raise DataError(f"expected closes of shape [symbols, times], found {close.shape}")
    if bars < 1:
        raise ConfigurationError(f"expected a horizon of at least one bar, found {bars}")


def forward_return(close: NDArray[float64], bars: int) -> NDArray[float64]:
    """close[t + bars] / close[t] − 1 as a fraction, [S, T] like `close`; NaN where either bar is missing and for the last `bars` columns.

    Raises DataError for another shape, ConfigurationError for a horizon below one bar.
    """
    _require_grid(close, bars)
    out = np.full(close.shape, np.nan)
    if close.shape[1] > bars:
        with np.errstate(divide="ignore", invalid="ignore"):
            out[:, :-bars] = close[:, bars:] / close[:, :-bars] - 1.0
    out[~np.isfinite(out)] = np.nan
    return out


def held_return(close: NDArray[float64], bars: int) -> NDArray[float64]:
    """What a position taken at close[t] came to `bars` later: the last close known by then over close[t], − 1; [S, T] like `close`.

    A symbol that was delisted on the way has the result of its last bar, so that nobody is spared a loss by looking ahead. NaN without a bar at t and for
    the last `bars` columns. Raises as `forward_return`.
    """
    _require_grid(close, bars)
    places = np.maximum.accumulate(np.where(np.isnan(close), 0, np.arange(close.shape[1])), axis=1)
    known = np.take_along_axis(close, places, axis=1)
    return np.where(np.isnan(close), np.nan, forward_return(known, bars))


def blended_forward_return(close: NDArray[float64], weights: dict[int, float]) -> NDArray[float64]:
    """Weighted forward return over several horizons, `weights` = bars → weight, summing to 1; NaN where any horizon is missing (decision 39).

    Raises ConfigurationError for no horizon or weights that do not sum to 1.
    """
    if not weights or not math.isclose(math.fsum(weights.values()), 1.0, abs_tol=1e-9):
        raise ConfigurationError(f"expected horizon weights that sum to 1, found {weights}")
    out = np.zeros(close.shape)
    for bars in sorted(weights):
        out = out + weights[bars] * forward_return(close, bars)
    return out
