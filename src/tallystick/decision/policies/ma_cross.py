"""`ma_cross`: long from the bar at which the fast moving average crosses above the slow one, until it is no longer above; short the other way if allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tallystick.decision.policies.rule_policy import Rule, check_bounds, check_order
from tallystick.kernels.strategy_rules import MA_CROSS

NAME = "ma_cross"


@dataclass(frozen=True, slots=True)
class MaCrossParameters:
    """fast_bars, slow_bars: windows of the two averages, fast below slow. shorts: whether a cross below sells short. weight: fraction of equity.

    Raises ConfigurationError naming the first number outside its bounds.
    """

    fast_bars: int = 10
    slow_bars: int = 30
    shorts: bool = False
    weight: float = 0.05
    authority: float = 5.0

    BOUNDS: ClassVar[Mapping[str, tuple[float, float]]] = {"fast_bars": (2.0, 1000.0), "slow_bars": (3.0, 2000.0), "shorts": (0.0, 1.0)}

    def __post_init__(self) -> None:
        check_bounds(NAME, self, self.BOUNDS)
        check_order(NAME, "fast_bars", self.fast_bars, "slow_bars", self.slow_bars - 1)

    @property
    def rule(self) -> Rule:
        """As the kernel runs it: close over each average."""
        features = (f"ma_ratio_{self.fast_bars}", f"ma_ratio_{self.slow_bars}")
        return Rule(NAME, MA_CROSS, features, shorts=self.shorts, weight=self.weight, authority=self.authority)
