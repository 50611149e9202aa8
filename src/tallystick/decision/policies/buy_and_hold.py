"""`buy_and_hold`: long from the first bar with a return on, and never out. What every other strategy has to beat after costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tallystick.decision.policies.rule_policy import Rule, check_bounds
from tallystick.kernels.strategy_rules import BUY_AND_HOLD

NAME = "buy_and_hold"


@dataclass(frozen=True, slots=True)
class BuyAndHoldParameters:
    """weight: fraction of equity held. Raises ConfigurationError for one outside [0, 1]."""

    weight: float = 0.05
    authority: float = 5.0

    BOUNDS: ClassVar[Mapping[str, tuple[float, float]]] = {}

    def __post_init__(self) -> None:
        check_bounds(NAME, self, self.BOUNDS)

    @property
    def rule(self) -> Rule:
        """As the kernel runs it."""
        return Rule(NAME, BUY_AND_HOLD, ("ret_1",), weight=self.weight, authority=self.authority)
