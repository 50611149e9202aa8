"""Every constant of the observation room."""

from __future__ import annotations

from dataclasses import dataclass, field

from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.time import NS_PER_HOUR, NS_PER_SECOND
from tallystick.kernels.primitives_room import RoomRules


@dataclass(frozen=True, slots=True)
class ObservationConfig:
    """window_ns: how far back a traversal reaches. presence_ns: how long a mark counts as presence. late_ns: the oldest event taken.

    marks_kept, trades_kept, promoted_kept, liquidations_kept, books_kept, nodes_kept, nodes_archived, positions_kept, expected_kept: per symbol.
    baseline_windows: windows behind a promotion. recent_sources: references remembered to find duplicates. quarantine_kept: events kept aside
    until drained. rules: the constants of the primitives. Raises ConfigurationError for a number that is not above 0.
    """

    window_ns: int = 4 * NS_PER_HOUR
    presence_ns: int = 60 * NS_PER_SECOND
    late_ns: int = 30 * NS_PER_SECOND
    marks_kept: int = 256
    recent_sources: int = 10_000
    quarantine_kept: int = 10_000
    trades_kept: int = 500
    promoted_kept: int = 200
    liquidations_kept: int = 200
    books_kept: int = 100
    nodes_kept: int = 1024
    nodes_archived: int = 1000
    positions_kept: int = 4096
    expected_kept: int = 10_000
    baseline_windows: int = 60
    rules: RoomRules = field(default_factory=RoomRules)

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if name != "rules" and getattr(self, name) < 1:
                raise ConfigurationError(f"expected {name} above 0, found {getattr(self, name)}", where=f"observation.{name}")
        for group in self.rules[:-1]:
            for name, value in zip(group._fields, group, strict=True):
                if not value > 0:
                    raise ConfigurationError(f"expected {name} above 0, found {value}", where=f"observation.rules.{name}")
        if not self.rules.threshold_pct > 0:
            raise ConfigurationError(f"expected threshold_pct above 0, found {self.rules.threshold_pct}", where="observation.rules.threshold_pct")
