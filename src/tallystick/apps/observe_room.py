"""Recordings through the room, in the order in which their messages came: those that ran side by side are read so; runs of trades go in as columns."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from math import inf
from pathlib import Path

from tallystick.adapters.venues.hyperliquid.trade_blocks import TradeBlock
from tallystick.apps.observation_pass import ObservationPass
from tallystick.contracts.market_events import VenueEvent
from tallystick.observation.ports import Decoded

Part = TradeBlock | tuple[Decoded, ...]
"""A run of trades, or the answer to one message."""


@dataclass(frozen=True, slots=True)
class RecordedSpan:
    """A recording with events: what it is called, and when the first of them came (UTC nanoseconds, by `came_at`)."""

    path: Path
    name: str
    first_ns: int


def came_at(part: Part) -> tuple[int, int]:
    """When the first and the newest message of a part came; where a recording does not tell, the venue's time; 0 for what has neither."""
    if isinstance(part, TradeBlock):
        times = part.line_times_ns
        return int(times[0]), int(times.max())
    newest = max((item.received_ns or (item.event_time_ns if isinstance(item, VenueEvent) else 0) for item in part), default=0)
    return newest, newest


class _Reading:
    """A recording that is being read. at_ns: when its next part came; a clock that was set back moves nothing back. None is ahead at its end."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = iter(parts)
        self.at_ns = 0
        self.ahead: Part | None = None
        self._step()

    def take(self, until_ns: float) -> Part:
        """The next part; of a block that goes on after an instant, its first message alone."""
        assert self.ahead is not None
        if isinstance(self.ahead, TradeBlock) and came_at(self.ahead)[1] > until_ns:
            self._parts = chain(self.ahead.messages(), self._parts)
            self.ahead = next(self._parts)
        part = self.ahead
        self.at_ns = max(self.at_ns, came_at(part)[1])
        self._step()
        return part

    def _step(self) -> None:
        self.ahead = next(self._parts, None)
        if self.ahead is not None:
            self.at_ns = max(self.at_ns, came_at(self.ahead)[0])


def observe_recordings(
    room: ObservationPass, spans: Iterable[RecordedSpan], parts_of: Callable[[RecordedSpan], Iterator[Part]], begun: Callable[[int], None]
) -> None:
    """Give the room every part of all recordings. begun: hears how many had been opened before, at each one.

    A recording is opened when the others have come to its first event, so of a year of days one or two files are open at a time.
    """
    waiting = deque(sorted(spans, key=lambda span: (span.first_ns, span.name)))
    opened = 0
    reading: list[tuple[int, int, _Reading]] = []
    while waiting or reading:
        if not reading or (waiting and waiting[0].first_ns <= reading[0][0]):
            begun(opened)
            found = _Reading(parts_of(waiting.popleft()))
            heapq.heappush(reading, (found.at_ns, opened, found))
            opened += 1
            continue
        _, order, current = heapq.heappop(reading)
        until_ns = min(reading[0][0] if reading else inf, waiting[0].first_ns if waiting else inf)
        while current.ahead is not None and current.at_ns <= until_ns:
            part = current.take(until_ns)
            if isinstance(part, TradeBlock):
                room.take_block(part)
            else:
                room.take(part)
        if current.ahead is not None:
            heapq.heappush(reading, (current.at_ns, order, current))
