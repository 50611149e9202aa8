"""What the scores read, from the feature catalogue that research and trading share: 44 columns for the models, seven of them for the rule.

roc_n = n-day return; vol_n = standard deviation of daily returns over n days × √365; momentum_combo = 0.5 roc20 + 0.3 roc60 + 0.2 roc120;
risk_adjusted_momentum = momentum_combo / vol20; rs_n = roc_n − benchmark's roc_n, rs_combo with the same weights, rs_risk_adj = rs_combo / vol20;
trend_persist_90 = share of the last 90 days with close above sma200; ma200_slope = 20-day change of sma200; breakout_proximity = close / 90-day high;
drawdown_severity = |rolling_drawdown| · (1 + ulcer_index / 100); recent_liquidity_acceleration = avg_quote_vol_30 / avg_quote_vol_180 − 1.
Columns of the market (benchmark, breadth, dispersion) are the same for every name of a day.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.features import compute_history
from tallystick.kernels.statistics import quantile, sample_std
from tallystick.kernels.turnover import ABOVE_90
from tallystick.market.bars import BarPanel
from tallystick.universe.eligibility import UniverseJudge

Values = NDArray[np.float64]
DAYS_PER_YEAR = 365
# The longest memory is 289 days (share above the 200-day mean over 90 days); features are bit-equal from any earlier start.
MEMORY_DAYS = 320

_CATALOGUE = {
    "roc20": "ret_20",
    "roc60": "ret_60",
    "roc120": "ret_120",
    "price_vs_sma20": "price_vs_sma_20",
    "price_vs_sma60": "price_vs_sma_60",
    "price_vs_sma120": "price_vs_sma_120",
    "price_vs_sma200": "price_vs_sma_200",
    "trend_persist_90": "share_above_sma_90_200",
    "ma200_slope": "sma_slope_200_20",
    "dist_to_90d_high": "close_to_high_90",
    "dist_to_180d_high": "close_to_high_180",
    "vol20": "vol_20",
    "vol60": "vol_60",
    "downside_volatility": "downside_vol_60",
    "atr_ratio": "atr_14",
    "rolling_drawdown": "drawdown_180",
    "ulcer_index": "ulcer_50",
    "quote_volume": "quote_volume",
    "zscore_120": "zscore_120",
}
_RELATIVE = {"rolling_beta_to_btc": "beta_60", "rolling_corr_to_btc": "corr_60"}
CATALOGUE_COLUMNS = tuple(dict.fromkeys((*_CATALOGUE.values(), *_RELATIVE.values())))
"""What is computed of every bar; all else follows from it elementwise."""
_TURNOVER = ("age_days", "avg_quote_vol_30", "avg_quote_vol_90", "avg_quote_vol_180", "liquidity_stability", "tradable_ratio_180")

MODEL_FEATURES: tuple[str, ...] = (
    "roc20", "roc60", "roc120", "rs20", "rs60", "rs120", "rs_combo", "rs_risk_adj", "price_vs_sma20", "price_vs_sma60", "price_vs_sma120",
    "price_vs_sma200", "trend_persist_90", "ma200_slope", "dist_to_90d_high", "dist_to_180d_high", "breakout_proximity", "vol20", "vol60",
    "momentum_combo", "risk_adjusted_momentum", "downside_volatility", "atr_ratio", "rolling_drawdown", "ulcer_index", "drawdown_severity",
    "quote_volume", "avg_quote_vol_30", "avg_quote_vol_90", "avg_quote_vol_180", "liquidity_stability", "age_days", "tradable_ratio_180",
    "rolling_beta_to_btc", "rolling_corr_to_btc", "recent_liquidity_acceleration", "btc_above_ma200", "btc_ma200_slope", "btc_zscore_120",
    "breadth_above_sma60", "breadth_above_sma200", "universe_momentum_dispersion", "universe_rs_dispersion", "single_leader_burst",
)  # fmt: skip
"""The columns of the fitted scores, in order."""
_MARKET = MODEL_FEATURES[36:]


@dataclass(frozen=True, slots=True)
class DayFeatures:
    """Values on a day: `by_name[feature]` float64[N] in the order of `symbols`; NaN = no value. `benchmark` is None where it is absent."""

    symbols: tuple[str, ...]
    by_name: Mapping[str, Values]
    benchmark: Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class MarketContext:
    """Over the names of the universe: shares above their 60- and 200-day means (of the names that have one), spread of momentum and of relative
    strength (sample standard deviation), and the lead of the strongest name over the median."""

    breadth_above_sma60: float
    breadth_above_sma200: float
    momentum_dispersion: float
    rs_dispersion: float
    single_leader_burst: float


NO_CONTEXT = MarketContext(math.nan, math.nan, math.nan, math.nan, math.nan)


def _share_above(values: Values) -> float:
    present = [value for value in values.tolist() if not math.isnan(value)]
    return sum(value > 0 for value in present) / len(present) if present else math.nan


def market_context(features: DayFeatures) -> MarketContext:
    """The context of a day; NaN where no name has a value."""
    momentum = features.by_name["momentum_combo"]
    strongest, median = quantile(momentum, 1.0), quantile(momentum, 0.5)
    return MarketContext(
        breadth_above_sma60=_share_above(features.by_name["price_vs_sma60"]),
        breadth_above_sma200=_share_above(features.by_name["price_vs_sma200"]),
        momentum_dispersion=float(sample_std(momentum)),
        rs_dispersion=float(sample_std(features.by_name["rs_combo"])),
        single_leader_burst=float(strongest - median),
    )


class FeatureHistory:
    """Features of every name of a panel at chosen columns, computed in one pass over the bars.

    A day's values depend on the bars up to that day only, and are bit-equal whatever other columns are asked for.
    """

    def __init__(self, judge: UniverseJudge, columns: Sequence[int]) -> None:
        panel = judge.panel
        self.symbols, self.benchmark = panel.symbols, judge.config.benchmark
        self.columns = np.unique(np.asarray(columns, dtype=np.int64))
        self._place = {int(column): place for place, column in enumerate(self.columns)}
        low = max(0, int(self.columns[0]) - MEMORY_DAYS)
        view = panel.columns(low, int(self.columns[-1]) + 1)
        has_benchmark = self.benchmark in self.symbols
        self._row = panel.row(self.benchmark) if has_benchmark else -1
        by_name = self._derived(view, self.columns - low, has_benchmark=has_benchmark)
        measured = judge.measured(self.columns.tolist())
        by_name |= {name: measured[:, :, place] for place, name in enumerate(_TURNOVER) if place < ABOVE_90}
        with np.errstate(divide="ignore", invalid="ignore"):
            growth = by_name["avg_quote_vol_30"] / by_name["avg_quote_vol_180"] - 1.0
        by_name["recent_liquidity_acceleration"] = np.where(np.isfinite(growth), growth, np.nan)
        self.names = tuple(by_name)
        # [C, F, S]: a day is read whole, many times.
        self._values = np.ascontiguousarray(np.stack(list(by_name.values())).transpose(2, 0, 1))
        self._seen = judge.present[self._row] if has_benchmark else None

    def _derived(self, view: BarPanel, places: NDArray[np.int64], *, has_benchmark: bool) -> dict[str, Values]:
        """Features [S, C] from the catalogue's, elementwise only: no sum runs outside a kernel."""
        wanted = {**_CATALOGUE, **(_RELATIVE if has_benchmark else {})}
        names = tuple(dict.fromkeys(wanted.values()))
        history = compute_history(view, names, self.benchmark if has_benchmark else None, parallel=True)[:, :, places]
        out: dict[str, Values] = {name: history[:, names.index(source)] for name, source in wanted.items()}
        missing = np.full((len(view.symbols), places.size), np.nan)
        for name in ("vol20", "vol60", "downside_volatility"):
            out[name] = out[name] * math.sqrt(DAYS_PER_YEAR)
        for days in (20, 60, 120):
            out[f"rs{days}"] = out[f"roc{days}"] - out[f"roc{days}"][self._row] if has_benchmark else missing
        out["momentum_combo"] = 0.5 * out["roc20"] + 0.3 * out["roc60"] + 0.2 * out["roc120"]
        out["rs_combo"] = out["momentum_combo"] - out["momentum_combo"][self._row] if has_benchmark else missing
        with np.errstate(divide="ignore", invalid="ignore"):
            calm = out["vol20"] > 0
            out["risk_adjusted_momentum"] = np.where(calm, out["momentum_combo"] / out["vol20"], np.nan)
            out["rs_risk_adj"] = np.where(calm, out["rs_combo"] / out["vol20"], np.nan)
        out["breakout_proximity"] = out["dist_to_90d_high"] + 1.0
        out["drawdown_severity"] = np.abs(out["rolling_drawdown"]) * (1.0 + out["ulcer_index"] / 100.0)
        for name in _RELATIVE:
            out.setdefault(name, missing)
        return out

    def day(self, column: int, rows: Sequence[int]) -> DayFeatures:
        """Values of these rows on a day that was asked for, and the benchmark's own trend."""
        there = self._values[self._place[column]]
        own = None
        if self._seen is not None and self._seen[column]:
            own = {name: float(there[self.names.index(name), self._row]) for name in ("price_vs_sma200", "ma200_slope", "zscore_120")}
        chosen = np.ascontiguousarray(there[:, list(rows)])
        return DayFeatures(tuple(self.symbols[row] for row in rows), dict(zip(self.names, chosen, strict=True)), own)


def model_matrix(features: DayFeatures, context: MarketContext) -> Values:
    """float64[N, 44], C-contiguous, columns as MODEL_FEATURES; NaN = no value."""
    own = features.benchmark
    trend = math.nan if own is None else own["price_vs_sma200"]
    market = (
        math.nan if math.isnan(trend) else float(trend > 0),
        math.nan if own is None else own["ma200_slope"],
        math.nan if own is None else own["zscore_120"],
        context.breadth_above_sma60,
        context.breadth_above_sma200,
        context.momentum_dispersion,
        context.rs_dispersion,
        context.single_leader_burst,
    )
    out = np.empty((len(features.symbols), len(MODEL_FEATURES)))
    for place, name in enumerate(MODEL_FEATURES[: -len(_MARKET)]):
        out[:, place] = features.by_name[name]
    out[:, -len(_MARKET) :] = market
    return out
