"""The rolling memory behind the model policy: predictions, what became of them, and so how far each model is to be trusted."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.contracts.errors import ArtifactError, ConfigurationError, StrategyError
from tallystick.decision.config import DecisionConfig
from tallystick.decision.market_view import MarketView
from tallystick.decision.model_loading import LoadedModel
from tallystick.kernels import alpha as kernels
from tallystick.kernels.decisions import freshness
from tallystick.kernels.kernel import KERNEL_SET_HASH

Floats = NDArray[float64]
Integers = NDArray[int64]
RETURN_KINDS = ("fwd_ret", "cs_percentile", "cs_zscore", "vol_scaled")
RANK_KINDS = ("cs_percentile", "cs_zscore")
PEAK_KIND, VALLEY_KIND = "will_peak", "will_valley"
FRESHNESS_S_PER_MINUTE, FRESHNESS_MAX_S = 30.0, 7200.0


@dataclass(frozen=True, slots=True)
class ModelColumn:
    """The models of one target, view and family: one pooled model, or one for each symbol that has its own."""

    name: str
    target: str
    kind: str
    minutes: int
    ranked: bool
    pooled: LoadedModel | None
    own: tuple[LoadedModel, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Forecasts:
    """One cycle's numbers. K model columns, H horizons, S symbols; NaN where there is no value.

    alpha: forecast return over the horizon (fraction); costs[H, S, 4]: spread, timing, impact, total (bps); chosen[S]: horizon index or −1.
    p_peak, p_valley[S]: barrier probabilities, the largest over their models.
    """

    raw: Floats
    z: Floats
    ic: Floats
    confidence: Floats
    calibrated: Floats
    weights: Floats
    fresh: Floats
    sigma: Floats
    alpha: Floats
    costs: Floats
    scores: Floats
    thresholds: Floats
    chosen: Integers
    p_peak: Floats
    p_valley: Floats


def model_columns(models: Sequence[LoadedModel]) -> tuple[ModelColumn, ...]:
    """Models grouped by target, view and family, in that order. Names are families, told apart by `own` and by the target where two share one."""
    groups: dict[tuple[int, str, str, str], list[LoadedModel]] = {}
    for model in models:
        groups.setdefault((model.horizon_minutes, model.target, model.view, model.family), []).append(model)
    found = []
    for (minutes, target, view, family), members in sorted(groups.items()):
        targets = {key[1] for key in groups if key[0] == minutes and key[3] == family}
        name = family + (":own" if view == "SYMBOL_SPECIFIC" else "") + (f"@{target}" if len(targets) > 1 else "")
        kind = members[0].kind
        pooled = members[0] if view != "SYMBOL_SPECIFIC" else None
        found.append(ModelColumn(name, target, kind, minutes, kind in RANK_KINDS or members[0].ranks, pooled, () if pooled else tuple(members)))
    return tuple(found)


def predict_column(column: ModelColumn, view: MarketView) -> Floats:
    """Raw predictions float64[S]; NaN for a symbol without a model, or with a feature that has no value (its prediction is skipped)."""
    out = np.full(len(view.symbols), np.nan)
    rows = np.arange(len(view.symbols))
    for model in (column.pooled,) if column.pooled is not None else column.own:
        if model.symbol is not None:
            rows = np.array([view.row[model.symbol]] if model.symbol in view.row else [], dtype=np.int64)
        if not rows.size:
            continue
        features = view.columns(model.feature_list)[rows]
        predicted = np.asarray(model.predictor.predict(features), dtype=np.float64)
        if predicted.shape != (rows.size,):
            raise StrategyError(f"expected {rows.size} predictions of {model.target} {model.label}, found shape {predicted.shape}")
        out[rows] = np.where(np.isfinite(features).all(axis=1) & np.isfinite(predicted), predicted, np.nan)
    return out


class ForecastMemory:
    """Rings of raw predictions, standardised predictions, forecasts and closes. Nothing in them is later than the bar that was shown last."""

    def __init__(self, models: Sequence[LoadedModel], symbols: tuple[str, ...], interval_minutes: int, config: DecisionConfig) -> None:
        columns = model_columns(models)
        strangers = sorted({column.kind for column in columns} - {*RETURN_KINDS, PEAK_KIND, VALLEY_KIND})
        if strangers:
            raise ConfigurationError(f"expected targets of the kinds {', '.join((*RETURN_KINDS, PEAK_KIND, VALLEY_KIND))}, found {strangers[0]}")
        self.symbols, self.interval_minutes, self.config = symbols, interval_minutes, config
        self.columns = tuple(column for column in columns if column.kind in RETURN_KINDS)
        self.barriers = tuple(column for column in columns if column.kind not in RETURN_KINDS)
        self.minutes = tuple(sorted({column.minutes for column in self.columns}))
        if not self.columns or any(minutes % interval_minutes for minutes in self.minutes):
            raise ConfigurationError(f"expected return horizons in whole {interval_minutes}-minute bars, found {list(self.minutes)} minutes")
        self.horizons = tuple(f"{minutes}m" for minutes in self.minutes)
        bars = [minutes // interval_minutes for minutes in self.minutes]
        self._bars = np.array(bars, dtype=np.int64)
        self._minutes = np.array(self.minutes, dtype=np.float64)
        self._temperature = np.array([config.temperature.get(minutes, 1.0) for minutes in self.minutes], dtype=np.float64)
        self._horizon_of = np.array([self.minutes.index(column.minutes) for column in self.columns], dtype=np.int64)
        self._ranked = np.array([int(column.ranked) for column in self.columns], dtype=np.int64)
        self._prior = np.stack([_prior(column, symbols) for column in self.columns])
        k, s, length = len(self.columns), len(symbols), max(max(bars) + config.ic_window, config.blend_window) + 1
        self.raw_ring = np.full((k, s, config.standardise_window), np.nan)
        self.z_ring = np.full((k, s, length), np.nan)
        self.alpha_ring = np.full((k, s, length), np.nan)
        self.close_ring = np.full((s, length), np.nan)
        self.last_bar = -1

    def advance(self, view: MarketView, preference: Floats | None = None) -> Forecasts:
        """Predict, remember and score at one bar; preference[H] weighs the horizons when one is chosen.

        Raises StrategyError when the view is not of these symbols and this interval, or not later than the last."""
        if view.symbols != self.symbols or view.interval_minutes != self.interval_minutes:
            raise StrategyError(f"expected a view of {len(self.symbols)} symbols at {self.interval_minutes} minutes, found another", where="model_alpha")
        if view.bar_number <= self.last_bar:
            raise StrategyError(f"expected a bar after {self.last_bar}, found {view.bar_number}", where="model_alpha")
        config, k, h, s = self.config, len(self.columns), len(self.minutes), len(self.symbols)
        for ring in (self.raw_ring, self.z_ring, self.alpha_ring, self.close_ring):
            kernels.clear_ring(ring.reshape(-1, ring.shape[-1]), self.last_bar, view.bar_number)
        self.close_ring[:, view.bar_number % self.close_ring.shape[1]] = view.close
        self.last_bar = view.bar_number
        raw = np.stack([predict_column(column, view) for column in self.columns])
        z, ic, confidence, calibrated, weights = (np.full((k, s), np.nan) for _ in range(5))
        sigma, alpha, scores = (np.full((h, s), np.nan) for _ in range(3))
        costs, chosen = np.full((h, s, 4), np.nan), np.full(s, -1, dtype=np.int64)
        fresh = np.array([freshness(view.data_age_s, min(FRESHNESS_S_PER_MINUTE * minutes, FRESHNESS_MAX_S)) for minutes in self.minutes])
        # Without equity there is no order to plan: no forecast is worth anything then, but exits, latches and the journal must go on.
        planned = max(0.0, config.max_weight * view.equity_usd)
        capacity = np.minimum(1.0, config.capacity_share * view.adv_usd / planned) if planned > 0.0 else np.full(s, np.nan)
        five = np.empty((1, s))
        kernels.spread_over_horizons(view.volatility, self._bars.astype(np.float64), sigma)
        kernels.spread_over_horizons(view.volatility, np.array([5.0 / self.interval_minutes]), five)
        # A session's settings come from JSON, where 1.0 is 1: a whole number would compile the kernel once more.
        factors = float(config.spread_cost_k), float(config.timing_cost_k), float(config.impact_cost_k)
        kernels.cost_all(view.spread_bps, five[0], view.adv_usd, self._minutes, planned, *factors, costs)
        kernels.standardise_all(view.bar_number, raw, self._ranked, config.min_ranked_symbols, self.raw_ring, z)
        kernels.calibrate_all(
            view.bar_number, z, self._horizon_of, self._bars, self._prior, sigma, fresh, capacity, config.ic_floor, config.ic_window,
            self.z_ring, self.alpha_ring, self.close_ring, ic, confidence, calibrated,
        )  # fmt: skip
        kernels.blend_all(
            view.bar_number, self._horizon_of, ic, calibrated, costs[:, :, 3] / (sigma * 1e4), self._temperature, config.blend_ridge,
            config.blend_cost_weight, config.ic_floor, config.blend_window, self.z_ring, weights, alpha,
        )  # fmt: skip
        kernels.score_all(alpha, costs, self._minutes, scores, chosen)
        thresholds = config.score_base_bps + config.score_spread_share * view.spread_bps
        if preference is not None:
            kernels.prefer_all(scores, thresholds, preference, chosen)
        p_peak, p_valley = (self._barrier(kind, view) for kind in (PEAK_KIND, VALLEY_KIND))
        return Forecasts(raw, z, ic, confidence, calibrated, weights, fresh, sigma, alpha, costs, scores, thresholds, chosen, p_peak, p_valley)

    def _barrier(self, kind: str, view: MarketView) -> Floats:
        out = np.full(len(self.symbols), np.nan)
        for column in self.barriers:
            if column.kind == kind:
                out = np.fmax(out, np.clip(predict_column(column, view), 0.0, 1.0))
        return out

    def to_bytes(self) -> bytes:
        """The memory as bytes: layout and kernel hash, arrays, and a SHA-256 over both."""
        header = json.dumps(self._layout() | {"last_bar": self.last_bar}, sort_keys=True).encode()
        body = struct.pack("<I", len(header)) + header + b"".join(ring.astype("<f8").tobytes() for ring in self._rings())
        return body + hashlib.sha256(body).digest()

    def from_bytes(self, data: bytes) -> None:
        """Take over a saved memory. Raises ArtifactError when it is damaged, or of other models, symbols, settings or kernels: rebuild it from bars then."""
        body, digest = data[:-32], data[-32:]
        if len(data) < 36 or hashlib.sha256(body).digest() != digest:
            raise ArtifactError("expected a saved forecast memory, found damaged bytes", hint="Rebuild it by showing the policy past bars")
        (size,) = struct.unpack_from("<I", body)
        header = json.loads(body[4 : 4 + size])
        last_bar = header.pop("last_bar")
        if header != self._layout():
            raise ArtifactError("expected a forecast memory of these models, symbols and settings, found another", hint="Rebuild it by showing past bars")
        position = 4 + size
        for ring in self._rings():
            ring[...] = np.frombuffer(body, dtype="<f8", count=ring.size, offset=position).reshape(ring.shape)
            position += ring.nbytes
        self.last_bar = int(last_bar)

    def _rings(self) -> tuple[Floats, ...]:
        return self.raw_ring, self.z_ring, self.alpha_ring, self.close_ring

    def _layout(self) -> dict[str, object]:
        models = [model.meta_sha256 for column in self.columns for model in ((column.pooled,) if column.pooled else column.own)]
        shapes = [list(ring.shape) for ring in self._rings()]
        return {"kernels": KERNEL_SET_HASH, "models": models, "symbols": list(self.symbols), "interval_minutes": self.interval_minutes, "shapes": shapes}


def _prior(column: ModelColumn, symbols: tuple[str, ...]) -> Floats:
    if column.pooled is not None:
        return np.full(len(symbols), column.pooled.prior_ic)
    own = {model.symbol: model.prior_ic for model in column.own}
    return np.array([own.get(symbol, 0.0) for symbol in symbols])
