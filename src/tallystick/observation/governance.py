"""M5: time, the whitelist, and the one failure. Observation states facts or is silent; it never says that it is well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.contracts.errors import ConfigurationError, InvariantViolation
from tallystick.contracts.observation import (
    M4PrimitiveBundle,
    MarketEvent,
    ObservationSnapshot,
    ObservationStatus,
    QuarantinedEvent,
    RawMarketEvent,
    SystemCounters,
)
from tallystick.contracts.observation_events import PositionEvent, RawStateEvent
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.kernels import primitives as kernels
from tallystick.observation.bundles import bundle_of, mark_facts
from tallystick.observation.config import ObservationConfig
from tallystick.observation.evidence import Evidence, empty_marks
from tallystick.observation.expected_events import ExpectedEvents
from tallystick.observation.halt import SystemHalted
from tallystick.observation.ingestion import Ingestion, Taken
from tallystick.observation.levels import LevelCounts, LevelNode, level_counts, level_nodes
from tallystick.observation.measured_facts import measured_facts
from tallystick.observation.ports import TradeColumns
from tallystick.observation.promoted import promoted_events


class Observation:
    """Events in, facts out, for a configured set of symbols.

    Time moves by `advance_time` only, forward. Time that goes back fails the room for good: `status` is FAILED, and every call but `status` and
    `failure` raises SystemHalted (decision 13: entries stop, exits that rest on positions go on elsewhere).
    """

    def __init__(self, symbols: Sequence[str], config: ObservationConfig | None = None) -> None:
        if len(set(symbols)) != len(symbols) or not symbols:
            raise ConfigurationError(f"expected symbols, each once, found {list(symbols)}", where="observation")
        self.config = config or ObservationConfig()
        self.ingestion = Ingestion(symbols, self.config)
        self.symbols = tuple(symbols)
        self._now_ns: int | None = None
        self._failure: str | None = None
        self._intervals = 0
        self._expected = ExpectedEvents(self.config.expected_kept)
        self._marks = empty_marks(len(self.symbols), self.config.marks_kept)
        # Made by the first event that is no mark: a session of bars neither holds nor compiles what it never asks for.
        self._evidence: Evidence | None = None

    @property
    def status(self) -> ObservationStatus:
        """UNINITIALIZED, which means "not failed", or FAILED."""
        return ObservationStatus.UNINITIALIZED if self._failure is None else ObservationStatus.FAILED

    @property
    def failure(self) -> str | None:
        """Why the room failed."""
        return self._failure

    def advance_time(self, now_ns: int) -> None:
        """Move to an instant (UTC nanoseconds). One before the last fails the room for good; the same one again changes nothing."""
        self._require_running()
        if now_ns < 0 or (self._now_ns is not None and now_ns < self._now_ns):
            self._failure = f"time went back from {self._now_ns} to {now_ns}"
            return
        if now_ns != self._now_ns:
            self._intervals += 1
        self._now_ns = now_ns
        if self._evidence is not None:
            self._evidence.advance(now_ns)

    def ingest(self, now_ns: int, events: Iterable[RawMarketEvent | RawStateEvent]) -> tuple[Taken | QuarantinedEvent, ...]:
        """Take events at an instant, in order; each comes back normalised or kept aside. Raises SystemHalted when time goes back."""
        self._enter(now_ns)
        answers = tuple(self.ingestion.accept(event, now_ns) for event in events)
        taken = [answer for answer in answers if not isinstance(answer, QuarantinedEvent)]
        for event in taken:
            self._expected.note(event.symbol, event.source)
        self._take(now_ns, taken)
        return answers

    def ingest_marks(self, now_ns: int, symbols: Sequence[str], prices: NDArray[float64], event_times_ns: NDArray[int64], source: str = "bars") -> int:
        """Take one bar-close mark per symbol, columns of equal length; NaN where a symbol had no bar. Answers how many were taken.

        Raises SystemHalted when time goes back.
        """
        self._enter(now_ns)
        rows, taken, times = self.ingestion.accept_marks(now_ns, symbols, prices, event_times_ns, source)
        if self._evidence is None:
            self._push(rows, taken, times, now_ns)
        else:
            found = zip(rows.tolist(), taken.tolist(), times.tolist(), strict=True)
            self._evidence.take([MarketEvent(1, "BAR_CLOSE", self.symbols[row], at, price, None, None, source) for row, price, at in found])
        return int(rows.size)

    def ingest_trades(self, arrivals_ns: NDArray[int64], trades: TradeColumns) -> bool:
        """Take trades of a recording at once, each at the instant of its arrival (not falling): as `ingest` would take each of them alone.

        False, and nothing has changed, where only `ingest` can tell what becomes of every one. Raises SystemHalted after a failure.
        """
        self._require_running()
        before = int(arrivals_ns[0]) if self._now_ns is None else self._now_ns
        rows = self.ingestion.accept_trades(trades, arrivals_ns) if self._expected.is_empty and before <= arrivals_ns[0] else None
        if rows is None:
            return False
        self._intervals += int(np.count_nonzero(np.diff(arrivals_ns, prepend=before))) + (self._now_ns is None)
        if self._evidence is None:
            self._evidence = Evidence(self.ingestion.row, self._marks, self.config, int(arrivals_ns[0]))
        self._evidence.take_trades(trades, rows, arrivals_ns)
        self._now_ns = int(arrivals_ns[-1])
        return True

    def expect(self, symbol: str, sources: Iterable[str]) -> None:
        """Announce references of messages that should come for a symbol; the bundle then counts those that did not.

        Raises InvariantViolation for an empty reference or a symbol that is not configured, SystemHalted after a failure.
        """
        self._require_running()
        self._row(symbol)
        self._expected.announce(symbol, sources)

    def snapshot(self, now_ns: int | None = None) -> ObservationSnapshot:
        """The facts at the last instant, or at `now_ns` after moving there. Raises SystemHalted after a failure, InvariantViolation before any time."""
        if now_ns is not None:
            self._enter(now_ns)
        at_ns = self._require_time()
        bundles = self._bundles(at_ns)
        promoted = () if self._evidence is None else promoted_events(self._evidence.room.trades, self.symbols, at_ns, self.config.rules.trades)
        return ObservationSnapshot(self.status, at_ns / NS_PER_SECOND, self.symbols, self.counters(), promoted, bundles)

    def query(self, symbol: str) -> M4PrimitiveBundle:
        """The primitives of one configured symbol. Raises InvariantViolation for any other, SystemHalted after a failure."""
        at_ns = self._require_time()
        self._row(symbol)
        return self._bundles(at_ns)[symbol]

    def nodes(self, symbol: str, archived: bool = False) -> tuple[LevelNode, ...]:
        """Nodes of the level memory of one configured symbol: live ones by price, or the archive, oldest first. Raises like `query`."""
        self._require_time()
        row = self._row(symbol)
        return () if self._evidence is None else level_nodes(self._evidence.room.levels, row, symbol, self.config.rules.levels, archived)

    def level_counts(self) -> LevelCounts:
        """Counts of the level memory over all symbols. Raises SystemHalted after a failure."""
        self._require_running()
        return LevelCounts(0, 0, 0, 0, 0, 0) if self._evidence is None else level_counts(self._evidence.room.levels)

    def counters(self) -> SystemCounters:
        """Counts since the start. Raises SystemHalted after a failure."""
        self._require_running()
        ingestion = self.ingestion
        dropped = sum(ingestion.quarantined.values())
        # What waits may push out marks, so the evidence is asked first.
        lost = 0 if self._evidence is None else self._evidence.lost
        lost += int(self._marks.lost.sum()) + ingestion.overwritten + self._expected.lost
        return SystemCounters(self._intervals, dropped, ingestion.received, ingestion.decoded, dict(sorted(ingestion.quarantined.items())), lost)

    def drain_quarantine(self) -> tuple[QuarantinedEvent, ...]:
        """Events kept aside since the last call; allowed after a failure too, since evidence is no query."""
        return self.ingestion.drain_quarantine()

    def _enter(self, now_ns: int) -> None:
        self.advance_time(now_ns)
        self._require_running()

    def _require_running(self) -> None:
        if self._failure is not None:
            raise SystemHalted(f"expected a running observation, found FAILED: {self._failure}", where="observation", hint="Start a new session")

    def _require_time(self) -> int:
        self._require_running()
        if self._now_ns is None:
            raise InvariantViolation("expected advance_time before the first question, found no time", where="observation")
        return self._now_ns

    def _row(self, symbol: str) -> int:
        if symbol not in self.ingestion.row:
            raise InvariantViolation(f"expected one of the {len(self.symbols)} configured symbols, found {symbol!r}", where="observation")
        return self.ingestion.row[symbol]

    def _take(self, now_ns: int, events: Sequence[Taken]) -> None:
        if not events:
            return
        if self._evidence is None and any(isinstance(event, PositionEvent) or event.kind not in ("MARK", "BAR_CLOSE") for event in events):
            self._evidence = Evidence(self.ingestion.row, self._marks, self.config, now_ns)
        if self._evidence is not None:
            self._evidence.take(events)
            return
        for event in events:
            assert isinstance(event, MarketEvent)
            row = np.array([self.ingestion.row[event.symbol]])
            self._push(row, np.array([event.price]), np.array([event.event_time_ns]), now_ns)

    def _push(self, rows: NDArray[int64], prices: NDArray[float64], times: NDArray[int64], now_ns: int) -> None:
        if rows.size:
            marks = self._marks
            marks.lost[0] += kernels.push_marks(marks.prices, marks.times_ns, marks.counts, rows, prices, times, now_ns - self.config.window_ns)

    def _bundles(self, now_ns: int) -> dict[str, M4PrimitiveBundle]:
        count, marks = len(self.symbols), self._marks
        measured = None if self._evidence is None else self._evidence.measure(now_ns).tolist()
        starts, out = np.zeros(count, dtype=np.int64), np.empty((count, kernels.COLUMNS))
        kernels.mark_primitives(marks.prices, marks.times_ns, marks.counts, now_ns, self.config.window_ns, self.config.presence_ns, starts, out)
        values, found = out.tolist(), {}
        # The window of the symbol with the longest one holds that of every other.
        first = int(starts.min())
        times = marks.times_ns[:, first : int(marks.counts.max())]
        seconds = np.diff(times, axis=1) / NS_PER_SECOND
        spans = zip(self.symbols, (starts - first).tolist(), (marks.counts - first).tolist(), strict=True)
        for row, (symbol, start, end) in enumerate(spans):
            facts: dict[str, object] = {}
            if start < end:
                facts |= mark_facts(f"{symbol}-{times[row, start]}", values[row], tuple(seconds[row, start : end - 1].tolist()))
            if measured is not None:
                facts |= measured_facts(symbol, measured[row], now_ns, self.config.rules)
            expected = self._expected.counter(symbol)
            if expected is not None:
                facts["event_non_occurrence_counter"] = expected
            found[symbol] = bundle_of(symbol, facts)
        return found
