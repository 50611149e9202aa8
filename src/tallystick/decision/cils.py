"""CILS: the learner of horizons. Each horizon is an arm of a bandit; each closed trade is a pull of the arm that opened it, and its net result the reward.

It never trades and never moves a threshold: among the horizons that pay, it makes those more likely to be chosen that have paid before. Nothing here
is drawn at random: a weight is the probability with which the algorithm would select the arm, so a replay comes to the same one.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.dashboard import CilsArm, CilsStats
from tallystick.contracts.errors import ArtifactError, ConfigurationError, StrategyError
from tallystick.contracts.time import NS_PER_SECOND, iso_from_ns
from tallystick.kernels.track_record import normal_cdf

ALGORITHMS = ("exp3ix", "thompson_sampling", "ucb")
BOUNDS = {
    "exploration": (0.0, 1.0),
    "max_learning_rate": (0.0001, 1.0),
    "reward_cap_bps": (1.0, 10_000.0),
    "blend": (0.0, 0.9),
    "full_after": (1, 1_000_000),
    "expiry_hours": (0.01, 8760.0),
}
# The integral over the gain has its points where some arm's density lies, so that a narrow arm beside a wide one is not stepped over.
_POINTS_PER_ARM, _REACH = 201, 6.0


@dataclass(frozen=True, slots=True)
class CilsConfig:
    """Settings of the learner.

    exploration: γ of Exp3-IX. max_learning_rate: the highest η. reward_cap_bps: a result beyond ± this counts as this. blend: the share of a choice
    that the learner has from full_after pulls on; it grows linearly from none. expiry_hours: a trade held longer teaches nothing.
    Raises ConfigurationError naming the first setting outside its bounds.
    """

    algorithm: str = "exp3ix"
    exploration: float = 0.05
    max_learning_rate: float = 0.07
    reward_cap_bps: float = 100.0
    blend: float = 0.3
    full_after: int = 100
    expiry_hours: float = 24.0

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise ConfigurationError(f"expected an algorithm of {', '.join(ALGORITHMS)}, found {self.algorithm!r}", where="decision.cils.algorithm")
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if not math.isfinite(value) or not low <= value <= high:
                raise ConfigurationError(f"expected a value from {low:g} to {high:g}, found {value}", where=f"decision.cils.{name}")


class Cils:
    """Pulls and rewards of each horizon, and the weights that follow from them."""

    def __init__(self, horizons: tuple[str, ...], config: CilsConfig) -> None:
        self.horizons, self.config = horizons, config
        self.pulls = [0] * len(horizons)
        self.rewards_bps = [0.0] * len(horizons)
        # What the algorithms learn from: gains 0 to 1, and their losses divided by the chance of the pull (Exp3-IX).
        self._gains = [0.0] * len(horizons)
        self._losses = [0.0] * len(horizons)
        self._last_update_ns: int | None = None
        self._weights: tuple[float, ...] | None = None

    def chance(self, horizon: str) -> float:
        """The chance of a horizon to be selected now. Raises StrategyError for one that is no arm."""
        return self.weights()[self._arm(horizon)]

    def learn(self, horizon: str, reward_bps: float, opened_ns: int, closed_ns: int, chance: float) -> None:
        """Take a closed trade that a horizon opened: its result after all costs, in basis points of what was entered.

        chance: what the horizon's chance was when it was selected, which weights have moved from since.

        Raises StrategyError for a horizon that is no arm, and for a reward or a chance that is none.
        """
        arm, cap = self._arm(horizon), self.config.reward_cap_bps
        if not math.isfinite(reward_bps) or not 0.0 <= chance <= 1.0:
            raise StrategyError(f"expected a finite reward and a chance from 0 to 1, found {reward_bps} and {chance}", where="cils")
        if closed_ns - opened_ns > self.config.expiry_hours * 3600 * NS_PER_SECOND:
            return
        gain = (min(cap, max(-cap, reward_bps)) / cap + 1.0) / 2.0
        if self.config.algorithm == "exp3ix":
            self._losses[arm] += (1.0 - gain) / (chance + self.config.exploration)
        self._gains[arm] += gain
        self.pulls[arm] += 1
        self.rewards_bps[arm] += reward_bps
        self._last_update_ns = closed_ns
        self._weights = None

    def weights(self) -> tuple[float, ...]:
        """The chance of each horizon to be selected; they sum to 1, and are equal before the first pull."""
        if self._weights is None:
            self._weights = self._selection()
        return self._weights

    def preference(self) -> NDArray[np.float64]:
        """float64[H]: what a horizon's score is multiplied with when one is chosen; 1 without experience, never below 1 − blend."""
        share = self.config.blend * min(1.0, sum(self.pulls) / self.config.full_after)
        return 1.0 + share * (len(self.horizons) * np.array(self.weights()) - 1.0)

    def stats(self) -> CilsStats:
        """What the dashboard shows (document 2): every horizon, pulled or not. Rewards in net basis points.

        exploration_rate: γ of Exp3-IX; else the chance that an arm other than the likeliest is selected.
        """
        weights = self.weights()
        arms = tuple(
            CilsArm(horizon=horizon, weight=weight, pulls=pulls, rewards=rewards, mean_reward=rewards / pulls if pulls else 0.0)
            for horizon, weight, pulls, rewards in zip(self.horizons, weights, self.pulls, self.rewards_bps, strict=True)
        )
        exploration = self.config.exploration if self.config.algorithm == "exp3ix" else max(0.0, 1.0 - max(weights))
        last = None if self._last_update_ns is None else iso_from_ns(self._last_update_ns)
        return CilsStats(enabled=True, algorithm=self.config.algorithm, arms=arms, total_pulls=sum(self.pulls), exploration_rate=exploration, last_update=last)

    def to_bytes(self) -> bytes:
        """Everything it holds."""
        return json.dumps({**self._layout(), **self._state()}, sort_keys=True).encode()

    def from_bytes(self, data: bytes) -> None:
        """Take over what was saved. Raises ArtifactError when it is of other horizons or settings."""
        found: dict[str, Any] = json.loads(data)
        if {name: found.get(name) for name in self._layout()} != self._layout():
            raise ArtifactError("expected what a learner of these horizons and settings saved, found another", hint="Rebuild it by running the session again")
        self.pulls, self.rewards_bps = found["pulls"], found["rewards_bps"]
        self._gains, self._losses, self._last_update_ns = found["gains"], found["losses"], found["last_update_ns"]
        self._weights = None

    def _arm(self, horizon: str) -> int:
        if horizon not in self.horizons:
            raise StrategyError(f"expected a horizon of {', '.join(self.horizons)}, found {horizon}", where="cils")
        return self.horizons.index(horizon)

    def _layout(self) -> dict[str, Any]:
        return {"horizons": list(self.horizons), "config": asdict(self.config)}

    def _state(self) -> dict[str, Any]:
        state = {"pulls": self.pulls, "rewards_bps": self.rewards_bps, "gains": self._gains, "losses": self._losses}
        return {**state, "last_update_ns": self._last_update_ns}

    def _selection(self) -> tuple[float, ...]:
        found = {"exp3ix": self._exp3ix, "thompson_sampling": self._thompson_sampling, "ucb": self._ucb}[self.config.algorithm]()
        total = math.fsum(found)
        return tuple(weight / total for weight in found)

    def _exp3ix(self) -> list[float]:
        """p_i ∝ exp(−η L_i), L_i the sum of loss / (p + γ) (Neu 2015, "Explore no more"); η = min(cap, √(ln K / (K t)))."""
        arms, pulls = len(self.horizons), sum(self.pulls)
        rate = min(self.config.max_learning_rate, math.sqrt(math.log(arms) / (arms * pulls))) if pulls and arms > 1 else 0.0
        least = min(self._losses)
        return [math.exp(-rate * (loss - least)) for loss in self._losses]

    def _thompson_sampling(self) -> list[float]:
        """The chance of being best where arm i's gain is N(Σ gain / (n + 1), 1 / (n + 1)) (Agrawal and Goyal 2013), by the trapezium rule."""
        centres = [gain / (pulls + 1) for gain, pulls in zip(self._gains, self.pulls, strict=True)]
        spreads = [1.0 / math.sqrt(pulls + 1) for pulls in self.pulls]
        arms = list(zip(centres, spreads, strict=True))
        points = sorted({point for centre, spread in arms for point in np.linspace(centre - _REACH * spread, centre + _REACH * spread, _POINTS_PER_ARM)})
        found, before = [0.0] * len(arms), [0.0] * len(arms)
        for place, point in enumerate(points):
            below = [normal_cdf((point - centre) / spread) for centre, spread in arms]
            for arm, (centre, spread) in enumerate(arms):
                density = math.exp(-0.5 * ((point - centre) / spread) ** 2) / spread * math.prod(below[:arm] + below[arm + 1 :])
                found[arm] += 0.5 * (density + before[arm]) * (point - points[place - 1]) if place else 0.0
                before[arm] = density
        return found

    def _ucb(self) -> list[float]:
        """All weight on the highest mean + √(2 ln t / n) (UCB1, Auer et al. 2002), shared by equals; an arm without a pull comes first."""
        pulls = sum(self.pulls)
        indices = [math.inf if not n else gain / n + math.sqrt(2.0 * math.log(pulls) / n) for gain, n in zip(self._gains, self.pulls, strict=True)]
        return [float(index == max(indices)) for index in indices]
