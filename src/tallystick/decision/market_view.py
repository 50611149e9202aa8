"""What policies see of the market in one cycle: columns over symbols, nothing later than `now_ns`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.contracts.errors import DataError, InvariantViolation
from tallystick.contracts.time import NS_PER_MINUTE, NS_PER_SECOND

Floats = NDArray[float64]
_COLUMNS = ("close", "adv_usd", "volatility", "spread_bps", "quote_age_ms")


@dataclass(frozen=True, eq=False)
class MarketView:
    """One cycle's market, float64[S] unless said otherwise; NaN means "no value".

    now_ns: UTC; bar_number: of the bar that just closed, as its panel counts; bar_close_ns: when it closed (None: (bar_number + 1) · interval).
    close: quote per unit. adv_usd: average daily traded value. volatility: standard deviation of returns per bar (fraction).
    spread_bps: full spread. quote_age_ms: age of the quote at now_ns.
    features: float64[S, F], columns named by feature_names. equity_usd: account equity, for the planned notional.
    Raises InvariantViolation when shapes do not fit or a symbol appears twice.
    """

    now_ns: int
    bar_number: int
    interval_minutes: int
    symbols: tuple[str, ...]
    close: Floats
    adv_usd: Floats
    volatility: Floats
    spread_bps: Floats
    quote_age_ms: Floats
    feature_names: tuple[str, ...]
    features: Floats
    equity_usd: float
    bar_close_ns: int | None = None

    def __post_init__(self) -> None:
        count = len(self.symbols)
        if len(self.row) != count:
            raise InvariantViolation("expected each symbol once in a market view, found one twice")
        for name in _COLUMNS:
            if getattr(self, name).shape != (count,):
                raise InvariantViolation(f"expected {name} for {count} symbols, found shape {getattr(self, name).shape}")
        if self.features.shape != (count, len(self.feature_names)):
            raise InvariantViolation(f"expected features of {count} symbols × {len(self.feature_names)} names, found shape {self.features.shape}")

    @property
    def now_s(self) -> float:
        """Seconds since 1970, the unit of mandates."""
        return self.now_ns / NS_PER_SECOND

    @property
    def data_age_s(self) -> float:
        """Seconds since the newest bar closed; 0 when the cycle runs at the close."""
        closed_ns = (self.bar_number + 1) * self.interval_minutes * NS_PER_MINUTE if self.bar_close_ns is None else self.bar_close_ns
        return max(0, self.now_ns - closed_ns) / NS_PER_SECOND

    @property
    def row(self) -> Mapping[str, int]:
        """Symbol → row of the columns."""
        return _places(self.symbols)

    @property
    def column(self) -> Mapping[str, int]:
        """Feature name → column of `features`."""
        return _places(self.feature_names)

    def columns(self, names: Sequence[str]) -> Floats:
        """Features float64[S, len(names)] in the order asked. Raises DataError naming the first that is not there."""
        column = self.column
        missing = [name for name in names if name not in column]
        if missing:
            raise DataError(f"expected the feature {missing[0]} in the market view, found {len(self.feature_names)} others", where="market view")
        return np.ascontiguousarray(self.features[:, [column[name] for name in names]])


@lru_cache(maxsize=64)
def _places(names: tuple[str, ...]) -> Mapping[str, int]:
    # The same names come in every cycle.
    return MappingProxyType({name: index for index, name in enumerate(names)})
