"""The labeler on a live stream: the same kernel, one event at a time. A cascade is given out when its outcome is due, never before."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from decimal import Decimal

import numpy as np

from tallystick.analysis.cascade_labeler import CascadeRule, LabeledEpisode, WithheldReason, episode_of, withheld_reason
from tallystick.analysis.wave_detector import detect_waves
from tallystick.contracts.cascades import WaveLabel
from tallystick.contracts.errors import DataError
from tallystick.kernels import cascades as kernel

_PRUNE_AT = 4096


class _Column:
    """Times and units of one stream, as far back as they may still be asked for."""

    __slots__ = ("prune_at", "times", "units")

    def __init__(self) -> None:
        self.times: list[int] = []
        self.units: list[int] = []
        self.prune_at = _PRUNE_AT

    def drop_before(self, time_ns: int) -> None:
        """Forget what lies before the newest entry at or before `time_ns`."""
        keep = max(0, bisect_right(self.times, time_ns) - 1)
        del self.times[:keep]
        del self.units[:keep]
        self.prune_at = max(_PRUNE_AT, 2 * len(self.times))


class CascadeLabelerStream:
    """Cascades of one coin from events in the order of time: under a microsecond an event in the kernel, O(1) amortised.

    Units are whole numbers of the last decimal, as in `CoinHistory`. Every `take_…` answers the cascades whose outcome became due before that event.
    """

    def __init__(self, coin: str, rule: CascadeRule, mark_decimals: int, capacity: int = 1024) -> None:
        self._coin = coin
        self._rule = rule
        self._mark_decimals = mark_decimals
        self._state = np.zeros(kernel.HEADER + 4 * (1 << (max(2, capacity) - 1).bit_length()), dtype=np.int64)
        kernel.prepare(self._state, rule.kept_e8, rule.inclusive, rule.span_ns, rule.min_liquidations)
        self._interest, self._liquidations, self._marks = _Column(), _Column(), _Column()
        self._waiting: list[tuple[np.ndarray[tuple[int], np.dtype[np.int64]], tuple[WaveLabel, ...]]] = []
        self._labelled = 0
        self.withheld: dict[WithheldReason, int] = {}

    def take_open_interest(self, time_ns: int, units: int) -> tuple[LabeledEpisode, ...]:
        """One snapshot of open interest. Raises DataError for a second snapshot at an instant, one below 0, or time that runs backwards."""
        column = self._interest
        if units < 0 or (column.times and column.times[-1] >= time_ns):
            raise DataError(f"expected open interest of 0 or more after {column.times[-1:]}, found {units} at {time_ns}", where=self._coin)
        due = self._take(kernel.OPEN_INTEREST, time_ns, units)
        self._keep(column, time_ns, units)
        return due

    def take_liquidation(self, time_ns: int) -> tuple[LabeledEpisode, ...]:
        """One liquidation. Raises DataError when time runs backwards."""
        due = self._take(kernel.LIQUIDATION, time_ns, 0)
        self._keep(self._liquidations, time_ns, 1)
        return due

    def take_mark(self, time_ns: int, units: int) -> tuple[LabeledEpisode, ...]:
        """One mark price. Raises DataError for a second mark at an instant, one not above 0, or time that runs backwards."""
        column = self._marks
        if units <= 0 or (column.times and column.times[-1] >= time_ns):
            raise DataError(f"expected a mark above 0 after {column.times[-1:]}, found {units} at {time_ns}", where=self._coin)
        due = self._take(kernel.CLOCK, time_ns, 0)
        self._keep(column, time_ns, units)
        return due

    def finish(self) -> tuple[LabeledEpisode, ...]:
        """The end of the record: what is due by now is labelled, the rest is withheld and counted."""
        last = int(self._state[kernel.LAST_TIME])
        # No snapshot is to come, so a start that still waits for one gives way to those after it.
        while kernel.settle(self._state, kernel.NEVER) == kernel.FOUND:
            self._hold()
        given = self._give_out(last + 1)
        for _ in self._waiting:
            self._withhold("record_ends_early")
        self._waiting.clear()
        return given

    def _take(self, kind: int, time_ns: int, units: int) -> tuple[LabeledEpisode, ...]:
        while True:
            answer = kernel.take(self._state, kind, time_ns, units)
            if answer == kernel.TAKEN:
                return self._give_out(time_ns) if self._waiting else ()
            if answer == kernel.LATE:
                raise DataError(f"expected events in the order of time, found {time_ns} after {self._state[kernel.LAST_TIME]}", where=self._coin)
            if answer == kernel.FULL:
                larger = np.zeros(kernel.HEADER + 2 * (self._state.size - kernel.HEADER), dtype=np.int64)
                kernel.enlarge(self._state, larger)
                self._state = larger
            else:
                self._hold()

    def _hold(self) -> None:
        record = self._state[kernel.START_TIME : kernel.START_TIME + kernel.RECORD].copy()
        start, end = int(record[0]), int(record[1])
        inside = slice(bisect_left(self._liquidations.times, start), bisect_right(self._liquidations.times, end))
        stretch = slice(bisect_left(self._interest.times, start), bisect_right(self._interest.times, end))
        times, snapshots, units = (
            np.array(values, dtype=np.int64) for values in (self._liquidations.times[inside], self._interest.times[stretch], self._interest.units[stretch])
        )
        self._waiting.append((record, detect_waves(times, snapshots, units, self._rule.wave_gap_ns)))

    def _give_out(self, before_ns: int) -> tuple[LabeledEpisode, ...]:
        # A mark at the very instant still counts, so the outcome is known only after it.
        given: list[LabeledEpisode] = []
        while self._waiting and int(self._waiting[0][0][1]) + self._rule.outcome_after_ns < before_ns:
            record, waves = self._waiting.pop(0)
            end = int(record[1])
            places = [bisect_right(self._marks.times, instant) - 1 for instant in (int(record[0]), end, end + self._rule.outcome_after_ns)]
            reason = withheld_reason(places[0] >= 0, places[2] > places[1], is_due=True)
            if reason is not None:
                self._withhold(reason)
                continue
            prices = [Decimal(self._marks.units[place]).scaleb(-self._mark_decimals) for place in places]
            self._labelled += 1
            given.append(episode_of(self._labelled, self._coin, record, waves, prices, self._rule))
        return tuple(given)

    def _withhold(self, reason: WithheldReason) -> None:
        self.withheld[reason] = self.withheld.get(reason, 0) + 1

    def _keep(self, column: _Column, time_ns: int, units: int) -> None:
        column.times.append(time_ns)
        column.units.append(units)
        if len(column.times) > column.prune_at:
            column.drop_before(self._needed_from(time_ns))

    def _needed_from(self, time_ns: int) -> int:
        state = self._state
        head = int(state[kernel.HEAD])
        oldest = int(state[kernel.HEADER + (head & (int(state[kernel.CAPACITY]) - 1))]) if head < state[kernel.COUNT] else time_ns
        return min([oldest, time_ns, *(int(record[0]) for record, _ in self._waiting[:1])])
