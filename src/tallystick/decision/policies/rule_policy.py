"""A rule of `kernels/strategy_rules.py` as a policy: bar by bar through the engine, and over a whole history for research. What each strategy adds is its
features, its parameters and their bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.contracts.decision import Mandate, MandateType
from tallystick.contracts.errors import ConfigurationError, StrategyError
from tallystick.contracts.positions import Direction, Position
from tallystick.decision.market_view import MarketView
from tallystick.kernels.strategy_rules import next_side, rule_targets

Floats = NDArray[float64]


@dataclass(frozen=True, slots=True)
class Rule:
    """One strategy with its numbers. kind: of the kernel's table; features: what it reads, as the catalogue names them; weight: fraction of equity."""

    name: str
    kind: int
    features: tuple[str, ...]
    enter: float = 0.0
    leave: float = 0.0
    shorts: bool = False
    weight: float = 0.05
    authority: float = 5.0

    @property
    def numbers(self) -> Floats:
        """As the kernel takes them."""
        return np.array([self.enter, self.leave, float(self.shorts)])


WEIGHTED: Mapping[str, tuple[float, float]] = {"weight": (0.0, 1.0), "authority": (0.0, 1000.0)}
"""Bounds of what every strategy has when it trades live; research holds an equal part of the account in each symbol."""


def check_bounds(name: str, parameters: object, bounds: Mapping[str, tuple[float, float]]) -> None:
    """Raises ConfigurationError naming the first parameter that does not lie within its bounds."""
    for parameter, (low, high) in {**bounds, **WEIGHTED}.items():
        value = getattr(parameters, parameter)
        if not low <= value <= high:
            raise ConfigurationError(f"expected a value from {low:g} to {high:g}, found {value}", where=f"{name}.{parameter}")


def check_order(name: str, low_name: str, low: float, high_name: str, high: float) -> None:
    """Raises ConfigurationError where the first number is above the second."""
    if low > high:
        raise ConfigurationError(f"expected {low_name} at most {high_name} ({high:g}), found {low:g}", where=f"{name}.{low_name}")


def target_weights(rule: Rule, features: Floats) -> Floats:
    """The rule over history: weight wanted after each bar, float64[S, T], from features[S, F, T] in the rule's order."""
    out = np.zeros((features.shape[0], features.shape[2]))
    rule_targets(rule.kind, np.ascontiguousarray(features), rule.numbers, float(rule.weight), out)
    return out


class RulePolicy:
    """The rule bar by bar. Remembers the last bar's features; what is held it takes from the positions."""

    def __init__(self, symbols: tuple[str, ...], rule: Rule, reads: tuple[str, ...] | None = None, derive: Callable[[Floats], Floats] | None = None) -> None:
        """reads, derive: what the market view must carry and how the rule's inputs float64[S, F] follow from it, where they are not features themselves."""
        self.strategy_id = rule.name
        self._reads = rule.features if reads is None else reads
        self._derive = derive
        self.rule = rule
        self.symbols = symbols
        self._saying = ", ".join(f"{name} %+.5f" for name in rule.features)
        self._before = np.full((len(symbols), len(rule.features)), np.nan)
        self._last_bar = -1

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the market view must carry."""
        return self._reads

    def warm(self, view: MarketView) -> None:
        """Remember a past bar without speaking."""
        self._advance(view)

    def propose(self, view: MarketView, positions: Mapping[str, Position]) -> tuple[Mandate, ...]:
        """ENTRY, EXIT or HOLD of each symbol. Raises StrategyError for a view of other symbols or not later than the last."""
        before, now = self._advance(view)
        numbers, at = self.rule.numbers, view.now_s
        mandates = [
            self._mandate(symbol, at, self._side(held, before[row], now[row], numbers), held, values)
            for row, (symbol, held, values) in enumerate(zip(self.symbols, map(_held_side, map(positions.get, self.symbols)), now.tolist(), strict=True))
        ]
        return tuple(sorted(mandates, key=lambda mandate: mandate.symbol))

    def to_bytes(self) -> bytes:
        """The last bar and its features."""
        return self._last_bar.to_bytes(8, "little", signed=True) + self._before.astype("<f8").tobytes()

    def _advance(self, view: MarketView) -> tuple[Floats, Floats]:
        if view.symbols != self.symbols or view.bar_number <= self._last_bar:
            raise StrategyError(f"expected a later bar of {len(self.symbols)} symbols than {self._last_bar}, found {view.bar_number}", where=self.strategy_id)
        columns = view.columns(self._reads)
        now = columns if self._derive is None else self._derive(columns)
        # A change needs the bar just before: after a gap there is none.
        before = self._before if view.bar_number == self._last_bar + 1 else np.full_like(now, np.nan)
        self._before, self._last_bar = now, view.bar_number
        return before, now

    def _side(self, held: int, before: Floats, now: Floats, numbers: Floats) -> int:
        return int(next_side(self.rule.kind, before, now, numbers, held))

    def _mandate(self, symbol: str, at_s: float, side: int, held: int, values: list[float]) -> Mandate:
        rule = self.rule
        kind = MandateType.HOLD if side == held else MandateType.EXIT if side == 0 else MandateType.ENTRY
        said = self._saying % tuple(values)
        entering = kind is MandateType.ENTRY
        return Mandate(
            symbol=symbol,
            type=kind,
            authority=rule.authority,
            timestamp=at_s,
            strategy_id=rule.name,
            direction=(Direction.LONG if side > 0 else Direction.SHORT) if entering else None,
            reason=said if kind is not MandateType.HOLD else f"no signal: {said}",
            target_weight=side * rule.weight if entering else None,
            stage="prediction",
            value=values[0] if isfinite(values[0]) else None,
            limit=rule.enter if held == 0 else rule.leave,
        )


def _held_side(position: Position | None) -> int:
    return 0 if position is None or position.direction is None or position.quantity == 0 else position.direction.sign
