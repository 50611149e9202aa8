"""`mean_reversion`: buy what lies far below its own average, in standard deviations, and leave when it has come back; sell the mirror image, if allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tallystick.decision.policies.rule_policy import Rule, check_bounds, check_order
from tallystick.kernels.strategy_rules import REVERSION

NAME = "mean_reversion"


@dataclass(frozen=True, slots=True)
class MeanReversionParameters:
    """window_bars: of the average and the deviation. enter_z: distance at which it enters; leave_z: distance at which it is back.

    shorts: whether what lies far above is sold. weight: fraction of equity. Raises ConfigurationError naming the first number outside its bounds.
    """

    window_bars: int = 60
    enter_z: float = 2.0
    leave_z: float = 0.5
    shorts: bool = False
    weight: float = 0.05
    authority: float = 5.0

    BOUNDS: ClassVar[Mapping[str, tuple[float, float]]] = {"window_bars": (2.0, 2000.0), "enter_z": (0.1, 10.0), "leave_z": (-10.0, 10.0), "shorts": (0.0, 1.0)}

    def __post_init__(self) -> None:
        check_bounds(NAME, self, self.BOUNDS)
        check_order(NAME, "leave_z", self.leave_z, "enter_z", self.enter_z)

    @property
    def rule(self) -> Rule:
        """As the kernel runs it: close minus its mean over its standard deviation."""
        return Rule(NAME, REVERSION, (f"zscore_{self.window_bars}",), self.enter_z, self.leave_z, self.shorts, self.weight, self.authority)
