"""Event ids that were announced, and those among them that came."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.primitives import EventNonOccurrenceCounter
from tallystick.kernels.primitives_absences import observed_among


def count_non_occurrence(expected: Iterable[str], seen: Iterable[str]) -> EventNonOccurrenceCounter:
    """Expected ids, each counted once, minus those seen. Raises InvariantViolation for an empty id."""
    wanted, found = set(expected), set(seen)
    if not all(wanted) or not all(found):
        raise InvariantViolation("expected ids of at least one character, found an empty one", where="observation.event_non_occurrence_counter")
    number = {name: place for place, name in enumerate(sorted(wanted))}
    came = sorted(number[name] for name in found if name in number)
    observed = int(observed_among(np.arange(len(wanted), dtype=np.int64), np.array(came, dtype=np.int64)))
    return EventNonOccurrenceCounter(len(wanted), observed, len(wanted) - observed)


class ExpectedEvents:
    """Announced ids of each symbol, the newest `kept`; an older one is lost, which is counted."""

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self.lost = 0
        self._seen: dict[str, dict[str, bool]] = {}

    @property
    def is_empty(self) -> bool:
        """Nothing was ever announced."""
        return not self._seen

    def announce(self, symbol: str, ids: Iterable[str]) -> None:
        """Expect ids from now on; one announced before keeps what is known of it. Raises InvariantViolation for an empty id, before any is taken."""
        new = tuple(ids)
        count_non_occurrence(new, ())
        known = self._seen.setdefault(symbol, {})
        for name in new:
            known.setdefault(name, False)
        while len(known) > self.kept:
            known.pop(next(iter(known)))
            self.lost += 1

    def note(self, symbol: str, name: str) -> None:
        """An event came."""
        known = self._seen.get(symbol)
        if known is not None and name in known:
            known[name] = True

    def counter(self, symbol: str) -> EventNonOccurrenceCounter | None:
        """None where nothing was ever announced."""
        known = self._seen.get(symbol)
        return None if known is None else count_non_occurrence(known, (name for name, came in known.items() if came))
