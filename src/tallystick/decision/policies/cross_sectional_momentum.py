"""`cross_sectional_momentum`: long the strongest of the pool, ranked by trailing return at every bar; short the weakest, if allowed.

After Jegadeesh and Titman, Returns to buying winners and selling losers (1993). A buffer below the entry rank keeps small changes of rank from trading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tallystick.decision.policies.rule_policy import Rule, check_bounds
from tallystick.kernels.strategy_rules import RANK

NAME = "cross_sectional_momentum"


@dataclass(frozen=True, slots=True)
class CrossSectionalMomentumParameters:
    """lookback_bars: over which returns are ranked. top_share: fraction of the pool held at each end. buffer_share: how far below a rank may fall before
    its symbol is left. shorts: whether the weakest are sold. weight: fraction of equity. Raises ConfigurationError naming the first outside its bounds."""

    lookback_bars: int = 120
    top_share: float = 0.2
    buffer_share: float = 0.1
    shorts: bool = False
    weight: float = 0.05
    authority: float = 5.0

    BOUNDS: ClassVar[Mapping[str, tuple[float, float]]] = {
        "lookback_bars": (1.0, 2000.0),
        "top_share": (0.01, 0.5),
        "buffer_share": (0.0, 0.5),
        "shorts": (0.0, 1.0),
    }

    def __post_init__(self) -> None:
        check_bounds(NAME, self, self.BOUNDS)

    @property
    def rule(self) -> Rule:
        """As the kernel runs it: the rank of the return among the symbols, 0 to 1, around its middle."""
        enter = 0.5 - self.top_share
        return Rule(NAME, RANK, (f"cs_rank_ret_{self.lookback_bars}",), enter, enter - self.buffer_share, self.shorts, self.weight, self.authority)
