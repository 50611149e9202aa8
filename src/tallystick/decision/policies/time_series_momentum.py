"""`time_series_momentum`: long what has risen by more than a threshold over the last bars, out once the rise is gone; short what has fallen, if allowed.

After Moskowitz, Ooi and Pedersen, Time series momentum (2012): the sign of an instrument's own past return.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tallystick.decision.policies.rule_policy import Rule, check_bounds, check_order
from tallystick.kernels.strategy_rules import MOMENTUM

NAME = "time_series_momentum"


@dataclass(frozen=True, slots=True)
class TimeSeriesMomentumParameters:
    """lookback_bars: over which the return is taken. enter_return: fraction above which a trend begins; leave_return: below which it is over.

    shorts: whether falls are sold. weight: fraction of equity. Raises ConfigurationError naming the first number outside its bounds.
    """

    lookback_bars: int = 120
    enter_return: float = 0.02
    leave_return: float = 0.0
    shorts: bool = False
    weight: float = 0.05
    authority: float = 5.0

    BOUNDS: ClassVar[Mapping[str, tuple[float, float]]] = {
        "lookback_bars": (1.0, 2000.0),
        "enter_return": (0.0, 10.0),
        "leave_return": (-1.0, 10.0),
        "shorts": (0.0, 1.0),
    }

    def __post_init__(self) -> None:
        check_bounds(NAME, self, self.BOUNDS)
        check_order(NAME, "leave_return", self.leave_return, "enter_return", self.enter_return)

    @property
    def rule(self) -> Rule:
        """As the kernel runs it: the return over the lookback."""
        return Rule(NAME, MOMENTUM, (f"ret_{self.lookback_bars}",), self.enter_return, self.leave_return, self.shorts, self.weight, self.authority)
