"""The policy behind the models: predict, standardise, trust, blend, cost, and speak for the horizon that pays best."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from tallystick.contracts.decision import ArbitrationResult, HorizonPredictions, Mandate, MandateType
from tallystick.contracts.errors import ArtifactError, StrategyError
from tallystick.contracts.positions import Direction, Position
from tallystick.decision import stage_table
from tallystick.decision.cils import Cils
from tallystick.decision.config import DecisionConfig
from tallystick.decision.forecasts import ForecastMemory, Forecasts
from tallystick.decision.market_view import MarketView
from tallystick.decision.model_loading import LoadedModel

_PREFIX = 4


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the forecasts say about one symbol."""

    type: MandateType
    stage: str
    reason: str
    direction: Direction | None = None
    alpha: float | None = None
    horizon: str | None = None
    value: float | None = None
    limit: float | None = None


class ModelAlpha:
    """A policy like any other. One mandate per symbol and cycle: ENTRY, EXIT, or HOLD with the number that held it back.

    ENTRY when the best horizon's score reaches the threshold, in the direction of its alpha (shorts too, decision 22). EXIT when alpha has turned
    against a held position and pays its cost, or a barrier model is past its limit by the margin. A flip is EXIT now, ENTRY later (decision 46).
    """

    strategy_id = "model_alpha"

    def __init__(self, models: Sequence[LoadedModel], symbols: tuple[str, ...], interval_minutes: int, config: DecisionConfig) -> None:
        self.config = config
        self.memory = ForecastMemory(models, symbols, interval_minutes, config)
        self.learner = None if config.cils is None else Cils(self.memory.horizons, config.cils)
        self._found: Forecasts | None = None

    @property
    def found(self) -> Forecasts:
        """The numbers of the last cycle. Raises StrategyError before the first one."""
        if self._found is None:
            raise StrategyError("expected a cycle before its numbers are read, found none", where=self.strategy_id)
        return self._found

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Every feature that the models read, sorted."""
        columns = (*self.memory.columns, *self.memory.barriers)
        models = [model for column in columns for model in ((column.pooled,) if column.pooled else column.own)]
        return tuple(sorted({name for model in models for name in model.feature_list}))

    def warm(self, view: MarketView) -> None:
        """Learn from a past bar without speaking."""
        self._found = self.memory.advance(view)

    def propose(self, view: MarketView, positions: Mapping[str, Position]) -> tuple[Mandate, ...]:
        """Mandates of this bar, sorted by symbol. Raises StrategyError for a view of other symbols or not later than the last."""
        preference = None if self.learner is None else self.learner.preference()
        self._found = found = self.memory.advance(view, preference)
        mandates = []
        for row in sorted(range(len(view.symbols)), key=view.symbols.__getitem__):
            symbol = view.symbols[row]
            position = positions.get(symbol)
            verdict = self._judge(found, row, None if position is None else position.direction)
            mandates.append(
                Mandate(
                    symbol=symbol,
                    type=verdict.type,
                    authority=self.config.authority,
                    timestamp=view.now_s,
                    strategy_id=self.strategy_id,
                    direction=verdict.direction,
                    reason=verdict.reason,
                    alpha=verdict.alpha,
                    horizon=verdict.horizon,
                    stage=verdict.stage,
                    value=verdict.value,
                    limit=verdict.limit,
                )
            )
        return tuple(mandates)

    def _judge(self, found: Forecasts, row: int, held: Direction | None) -> _Verdict:
        config = self.config
        barrier = self._barrier_exit(found, row, held)
        if barrier is not None:
            return barrier
        chosen = int(found.chosen[row])
        if chosen < 0:
            return _Verdict(MandateType.HOLD, *self._missing(found, row))
        horizon, alpha, score = self.memory.horizons[chosen], float(found.alpha[chosen, row]), float(found.scores[chosen, row])
        threshold = float(found.thresholds[row])
        direction = Direction.LONG if alpha > 0 else Direction.SHORT if alpha < 0 else None
        said = f"{horizon} forecast {alpha * 1e4:+.2f} bps, cost {found.costs[chosen, row, 3]:.2f} bps, score {score:.2f}"
        if held is not None and direction is held.opposite and score >= config.exit_score_bps:
            return _Verdict(MandateType.EXIT, "prediction", f"{said}: against the held {held.value}", None, None, horizon, score, config.exit_score_bps)
        if direction is None or score < threshold:
            return _Verdict(MandateType.HOLD, "arbitration", f"{said}: below the threshold {threshold:.2f}", None, None, horizon, score, threshold)
        if held is direction.opposite:
            reason = f"{said}: against the held {held.value}, below what an exit needs"
            return _Verdict(MandateType.HOLD, "arbitration", reason, None, None, horizon, score, config.exit_score_bps)
        return _Verdict(MandateType.ENTRY, "arbitration", f"{said}: at least {threshold:.2f}", direction, alpha, horizon, score, threshold)

    def _barrier_exit(self, found: Forecasts, row: int, held: Direction | None) -> _Verdict | None:
        if held is None:
            return None
        name, p, limit = (
            ("p_peak", float(found.p_peak[row]), self.config.barrier_max_p_peak)
            if held is Direction.LONG
            else ("p_valley", float(found.p_valley[row]), self.config.barrier_max_p_valley)
        )
        limit = min(1.0, limit + self.config.barrier_exit_margin)
        if not p > limit:
            return None
        return _Verdict(MandateType.EXIT, "gating", f"{name} {p:.3f} is above {limit:.3f}", value=p, limit=limit)

    def _missing(self, found: Forecasts, row: int) -> tuple[str, str]:
        """The first stage without a value."""
        for stage, array, reason in (
            ("prediction", found.raw[:, row], "no prediction: a feature has no value"),
            ("prediction", found.z[:, row], "no standardised prediction: too few symbols to rank"),
            ("prediction", found.sigma[:, row], "no volatility"),
        ):
            if not any(isfinite(value) for value in array):
                return stage, reason
        return "blending", "no cost or capacity: no spread, no traded volume, or no equity to plan an order with"

    def stages(self, symbol: str) -> dict[str, Any]:
        """The stage table of one symbol in the last cycle, plain values. Raises StrategyError for a symbol the policy does not know."""
        return stage_table.symbol_stages(self.memory, self.found, self._row(symbol))

    def predictions(self, symbol: str) -> tuple[HorizonPredictions, ...]:
        """What the models of each horizon forecast for one symbol in the last cycle."""
        return stage_table.horizon_predictions(self.memory, self.found, self._row(symbol))

    def arbitration(self, symbol: str) -> ArbitrationResult:
        """The horizon that was chosen for one symbol in the last cycle."""
        row = self._row(symbol)
        return stage_table.arbitration_result(self.memory, self.found, row, self._judge(self.found, row, None).reason)

    def barriers(self) -> dict[str, tuple[float | None, float | None]]:
        """Symbol → (p_peak, p_valley) of the last cycle; None without a barrier model."""
        found = self.found
        rows = enumerate(self.memory.symbols)
        return {symbol: (stage_table.number(found.p_peak[row]), stage_table.number(found.p_valley[row])) for row, symbol in rows}

    def sigma(self, symbol: str, horizon: str) -> float | None:
        """Standard deviation of the return over a horizon, as used in the last cycle."""
        return stage_table.number(self.found.sigma[self.memory.horizons.index(horizon), self._row(symbol)])

    def to_bytes(self) -> bytes:
        """The rolling memory, and what the learner holds where there is one."""
        learned = b"" if self.learner is None else self.learner.to_bytes()
        return struct.pack("<I", len(learned)) + learned + self.memory.to_bytes()

    def from_bytes(self, data: bytes) -> None:
        """Take over a saved memory. Raises ArtifactError when it does not fit."""
        size = struct.unpack_from("<I", data)[0] if len(data) >= _PREFIX else -1
        if not (0 <= size <= len(data) - _PREFIX) or (size > 0) != (self.learner is not None):
            raise ArtifactError("expected a saved memory of this policy, found damaged bytes or another policy's", hint="Rebuild it by showing past bars")
        self.memory.from_bytes(data[_PREFIX + size :])
        if self.learner is not None:
            self.learner.from_bytes(data[_PREFIX : _PREFIX + size])
        self._found = None

    def _row(self, symbol: str) -> int:
        if symbol not in self.memory.symbols:
            raise StrategyError(f"expected one of {len(self.memory.symbols)} symbols, found {symbol!r}", where=self.strategy_id)
        return self.memory.symbols.index(symbol)
