"""A token bucket: a venue's budget of request weight, spent before each question."""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """At most `capacity` weight at once, refilled by `per_s` a second. In any minute no more than capacity + 60 × per_s is spent."""

    def __init__(self, capacity: float, per_s: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        self._capacity, self._per_s, self._clock, self._sleep = capacity, per_s, clock, sleep
        self._tokens = capacity
        self._last = clock()

    def spend(self, weight: float) -> None:
        """Wait until this weight is there, and spend it. A weight above the capacity waits for a full bucket and leaves a debt."""
        self._refill()
        missing = min(weight, self._capacity) - self._tokens
        if missing > 0:
            self._sleep(missing / self._per_s)
            self._refill()
        self._tokens -= weight

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._last) * self._per_s)
        self._last = now
