"""What the rule score reads on the snapshot day, from the feature catalogue that research and trading share.

Definitions: roc_n = n-day return; momentum_combo = 0.5 roc20 + 0.3 roc60 + 0.2 roc120; risk_adjusted_momentum = momentum_combo / vol20, with vol20
the standard deviation of daily returns × √365; rs_n = roc_n − benchmark's roc_n, rs_combo with the same weights, rs_risk_adj = rs_combo / vol20;
price_vs_sma200 = close / sma200 − 1; trend_persist_90 = share of the last 90 days with close above sma200; ma200_slope = 20-day change of sma200.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.features import compute_history
from tallystick.market.bars import BarPanel
from tallystick.universe.eligibility import Measures

Values = NDArray[np.float64]
CATALOGUE_NAMES = ("ret_20", "ret_60", "ret_120", "vol_20", "ma_ratio_60", "ma_ratio_200", "share_above_sma_90_200", "sma_slope_200_20", "zscore_120")
DAYS_PER_YEAR = 365
# The longest memory is 289 days (share above the 200-day mean over 90 days); features are bit-equal from any earlier start.
MEMORY_DAYS = 320


@dataclass(frozen=True, slots=True)
class DayFeatures:
    """Values on the snapshot day: `by_name[feature]` float64[S] in the order of `symbols`; NaN = no value. `benchmark` is None where it is absent."""

    symbols: tuple[str, ...]
    by_name: Mapping[str, Values]
    benchmark: Mapping[str, float] | None


def day_features(view: BarPanel, members: tuple[str, ...], benchmark: str | None, measures: Mapping[str, Measures]) -> DayFeatures:
    """Features of the members on the last day of `view`, and the benchmark's own trend."""
    names = (*members, benchmark) if benchmark is not None else members
    tail = view.between(max(view.start_ns, view.end_ns - MEMORY_DAYS * view.interval_ns), view.end_ns).select(names)
    last = np.asarray(compute_history(tail, CATALOGUE_NAMES), dtype=np.float64)[:, :, -1]
    column = {name: last[:, place] for place, name in enumerate(CATALOGUE_NAMES)}
    combo = 0.5 * column["ret_20"] + 0.3 * column["ret_60"] + 0.2 * column["ret_120"]
    volatility = column["vol_20"] * math.sqrt(DAYS_PER_YEAR)
    with np.errstate(divide="ignore", invalid="ignore"):
        risk_adjusted = np.where(volatility > 0, combo / volatility, np.nan)
        relative = combo - combo[-1] if benchmark is not None else np.full(len(names), np.nan)
        relative_risk_adjusted = np.where(volatility > 0, relative / volatility, np.nan)
    count = len(members)
    found: dict[str, Values] = {
        "momentum_combo": combo[:count],
        "risk_adjusted_momentum": risk_adjusted[:count],
        "rs_combo": relative[:count],
        "rs_risk_adj": relative_risk_adjusted[:count],
        "price_vs_sma60": column["ma_ratio_60"][:count],
        "price_vs_sma200": column["ma_ratio_200"][:count],
        "trend_persist_90": column["share_above_sma_90_200"][:count],
        "ma200_slope": column["sma_slope_200_20"][:count],
    }
    for name in ("liquidity_stability", "avg_quote_vol_180"):
        found[name] = np.array([getattr(measures[symbol], name) for symbol in members], dtype=np.float64)
    own = None
    if benchmark is not None:
        own = {name: float(column[source][-1]) for name, source in (("price_vs_sma200", "ma_ratio_200"), ("zscore_120", "zscore_120"))}
    return DayFeatures(members, found, own)
