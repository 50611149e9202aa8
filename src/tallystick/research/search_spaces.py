"""Which parameters a search tries: the space, checked against the strategy's bounds, and the searches that need no library: grid and random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import exp, floor, isfinite, log, prod

import numpy as np

from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.workflows import ParameterRange
from tallystick.research.ports import Proposal
from tallystick.research.strategies import Strategy, resolve_parameters

MOST_EXPERIMENTS = 100_000


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """Parameters by name: a list of values, or a range. Raises ConfigurationError for an empty space, an empty list, or a range that is none."""

    values: Mapping[str, tuple[float, ...]]
    ranges: Mapping[str, ParameterRange] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.values and not self.ranges:
            raise ConfigurationError("expected at least one parameter to search, found none", where="param_grid")
        twice = sorted(self.values.keys() & self.ranges.keys())
        if twice:
            raise ConfigurationError(f"expected values or a range of {twice[0]}, found both", where="param_grid")
        for name, choices in self.values.items():
            if not choices or len(set(choices)) != len(choices) or not all(isfinite(choice) for choice in choices):
                raise ConfigurationError(f"expected distinct values of {name}, found {list(choices)}", where="param_grid")
        for name, bounds in self.ranges.items():
            good = isfinite(bounds.low) and isfinite(bounds.high) and bounds.low < bounds.high and (bounds.step is None or bounds.step > 0)
            if not good or (bounds.log and (bounds.low <= 0 or bounds.step is not None)):
                raise ConfigurationError(f"expected low below high of {name}, a positive step, and log only above 0 without step", where="param_grid")

    @property
    def names(self) -> tuple[str, ...]:
        """Every searched parameter, sorted."""
        return tuple(sorted({*self.values, *self.ranges}))

    def check(self, strategy: Strategy, fixed: Mapping[str, float]) -> None:
        """Every value within the strategy's bounds. Raises ConfigurationError, also for a parameter that is searched and fixed."""
        both = sorted(set(self.names) & fixed.keys())
        if both:
            raise ConfigurationError(f"expected {both[0]} to be searched or fixed, found both", where="param_grid and strategy_params")
        for name in self.names:
            ends = self.values[name] if name in self.values else (self.ranges[name].low, self.ranges[name].high)
            for value in ends:
                whole = name in self.ranges and self.ranges[name].step is None and name.endswith("_bars")
                resolve_parameters(strategy, {**fixed, name: float(round(value)) if whole else value})

    def choices(self, name: str) -> tuple[float, ...] | None:
        """The values of a parameter, in order; None for a range without steps."""
        if name in self.values:
            return self.values[name]
        bounds = self.ranges[name]
        step = 1.0 if bounds.step is None and name.endswith("_bars") and not bounds.log else bounds.step
        if step is None:
            return None
        # Half a step of tolerance at the end: 0.1 + 0.2 must still count as 0.3.
        count = floor((bounds.high - bounds.low) / step + 1e-9) + 1
        return tuple(round(bounds.low + step * place, 12) for place in range(count))


@dataclass(slots=True)
class GridSearch:
    """Every combination once, the last name fastest. Raises ConfigurationError for a range without steps, or more combinations than anyone waits for."""

    space: SearchSpace
    _asked: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        endless = [name for name in self.space.names if self.space.choices(name) is None]
        if endless:
            raise ConfigurationError(f"expected values, or a range with a step, of {endless[0]} in a grid, found a range without", where="param_grid")
        if self.total > MOST_EXPERIMENTS:
            raise ConfigurationError(f"expected at most {MOST_EXPERIMENTS} combinations, found {self.total}", where="param_grid", hint="Use method: random")

    @property
    def total(self) -> int:
        """The number of combinations."""
        return prod(len(self.space.choices(name) or ()) for name in self.space.names)

    def ask(self) -> Sequence[Proposal]:
        """All of them at once."""
        if self._asked:
            return ()
        self._asked = True
        names = self.space.names
        return [dict(zip(names, values, strict=True)) for values in product(*(self.space.choices(name) or () for name in names))]

    def tell(self, values: Sequence[float | None]) -> None:
        """A grid does not learn."""


@dataclass(slots=True)
class RandomSearch:
    """`trials` distinct draws, each parameter on its own; the same seed gives the same draws. Fewer where the space has no more."""

    space: SearchSpace
    trials: int
    seed: int
    _asked: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        if not 1 <= self.trials <= MOST_EXPERIMENTS:
            raise ConfigurationError(f"expected 1 to {MOST_EXPERIMENTS} trials, found {self.trials}", where="trials")

    @property
    def total(self) -> int:
        """How many draws there will be at most."""
        sizes = [self.space.choices(name) for name in self.space.names]
        limit = prod(len(size) for size in sizes if size is not None) if all(size is not None for size in sizes) else self.trials
        return min(self.trials, limit)

    def ask(self) -> Sequence[Proposal]:
        """All draws at once."""
        if self._asked:
            return ()
        self._asked = True
        generator = np.random.default_rng(self.seed)
        found: dict[tuple[float, ...], None] = {}
        # Draws that repeat are drawn again; a bound on the tries keeps an almost exhausted space from taking forever.
        for _ in range(self.trials * 50):
            if len(found) == self.total:
                break
            found[tuple(self._draw(name, float(generator.random())) for name in self.space.names)] = None
        return [dict(zip(self.space.names, values, strict=True)) for values in found]

    def _draw(self, name: str, share: float) -> float:
        choices = self.space.choices(name)
        if choices is not None:
            return choices[min(int(share * len(choices)), len(choices) - 1)]
        bounds = self.space.ranges[name]
        low, high = (log(bounds.low), log(bounds.high)) if bounds.log else (bounds.low, bounds.high)
        drawn = low + share * (high - low)
        value = exp(drawn) if bounds.log else drawn
        return float(round(value)) if name.endswith("_bars") else value

    def tell(self, values: Sequence[float | None]) -> None:
        """Random draws do not learn."""
