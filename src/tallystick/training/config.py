"""The settings that training obeys: frozen, and refused loudly when they make no sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tallystick.analysis.features import STANDARD_FEATURES
from tallystick.analysis.labels import parse_target
from tallystick.contracts.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class EvidenceThresholds:
    """When a skill is believed. Correlations lie in [-1, 1]; a t-statistic has an overlap-aware error; p comes from circular time shifts.

    `symbol_max_p_value` is for the family of all symbols and targets of the run: each must pass this divided by their number (Bonferroni).
    Symbol models beside a pooled one (BOTH) need a share of symbols from `min_frac_both` up to `min_frac_symbols`.
    `suspicious_ic` is a mean correlation too good to be honest: the target is blocked as a probable leak.
    """

    min_t_stat: float = 2.5
    max_p_value: float = 0.01
    symbol_max_p_value: float = 0.01
    min_timestamps: int = 200
    min_frac_symbols: float = 0.5
    min_frac_both: float = 0.2
    suspicious_ic: float = 0.5


@dataclass(frozen=True, slots=True)
class PromotionThresholds:
    """What a model must show on the test window, net of costs, before paper. Costs are per unit of turnover and side; percentages are 0–100."""

    taker_fee_bps: float = 4.5
    half_spread_bps: float = 1.0
    min_rebalances: int = 30
    min_t_stat: float = 2.0
    max_drawdown_pct: float = 25.0
    days_per_year: float = 365.0


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """One training run. `features` are catalogue names, `targets` such as `fwd_ret_60m`; row limits bound time, bars are left out evenly.

    benchmark: symbol that relative features compare with.
    ranking_family: fits the out-of-fold predictions on which routing decides. min_names: symbols a timestamp needs for a cross-section.
    label_cap_mad: labels are capped at median ± this many scaled median absolute deviations of their training rows.
    train_blocked: also train targets that routing blocked; they carry `blocked_override` and are never promoted (decision 49).
    """

    features: tuple[str, ...] = STANDARD_FEATURES
    targets: tuple[str, ...] = ("fwd_ret_60m", "fwd_ret_240m")
    families: tuple[str, ...] = ("LightGBM", "Ridge")
    name: str = "default"
    benchmark: str | None = None
    ranking_family: str = "Ridge"
    folds: int = 4
    test_share_pct: float = 20.0
    top_m_features: int = 16
    ranking_rows: int = 120_000
    training_rows: int = 60_000
    min_names: int = 5
    permutations: int = 499
    max_symbols_for_ss: int = 100
    train_blocked: bool = False
    label_cap_mad: float = 15.0
    seed: int = 42
    evidence: Mapping[str, EvidenceThresholds] = field(default_factory=lambda: {"fwd_ret": EvidenceThresholds()})
    promotion: PromotionThresholds = field(default_factory=PromotionThresholds)

    def __post_init__(self) -> None:
        """Raises ConfigurationError naming the first setting that makes no sense."""
        for label, names in (("features", self.features), ("targets", self.targets), ("families", self.families)):
            if not names or len(set(names)) != len(names):
                raise ConfigurationError(f"expected {label} named once each, found {list(names)}", where=f"training.{label}")
        if self.ranking_family not in self.families:
            raise ConfigurationError(f"expected one of {list(self.families)}, found {self.ranking_family!r}", where="training.ranking_family")
        for target in self.targets:
            self.thresholds(target)
        bounds = {
            "folds": (self.folds, 2, 50),
            "test_share_pct": (self.test_share_pct, 1.0, 60.0),
            "top_m_features": (self.top_m_features, 1, 100_000),
            "ranking_rows": (self.ranking_rows, 500, 100_000_000),
            "training_rows": (self.training_rows, 500, 100_000_000),
            "min_names": (self.min_names, 3, 100_000),
            "permutations": (self.permutations, 99, 1_000_000),
            "max_symbols_for_ss": (self.max_symbols_for_ss, 0, 100_000),
            "label_cap_mad": (self.label_cap_mad, 1.0, 1e6),
            "seed": (self.seed, 0, 2**31 - 1),
        }
        for label, (value, low, high) in bounds.items():
            if not low <= value <= high:
                raise ConfigurationError(f"expected a value from {low} to {high}, found {value}", where=f"training.{label}")

    def thresholds(self, target: str) -> EvidenceThresholds:
        """The thresholds of a target's task. Raises ConfigurationError for a task without any."""
        kind = parse_target(target).kind
        if kind not in self.evidence:
            raise ConfigurationError(f"expected thresholds for the task {kind!r}, found {sorted(self.evidence)}", where="training.evidence")
        return self.evidence[kind]

    def document(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return asdict(self)
