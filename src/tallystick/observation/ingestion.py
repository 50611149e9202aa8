"""M1: raw events in, normalised events with sequential ids out. What cannot be taken is kept aside with its reason; nothing is dropped silently."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import get_args

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.observation import EventKind, MarketEvent, QuarantinedEvent, QuarantineReason, RawMarketEvent
from tallystick.contracts.observation_events import BookEvent, PositionEvent, RawStateEvent
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.observation.config import ObservationConfig
from tallystick.observation.ports import TradeColumns
from tallystick.observation.readings import Book, TrackedPosition, number_of, read_state
from tallystick.observation.recent_sources import EventBatch, Identity, RecentSources

KINDS = frozenset(get_args(EventKind))
# Kinds whose events are readings of a state: a second one of the same instant says nothing new.
READINGS = frozenset({"MARK", "BAR_CLOSE"})
TRADED = frozenset({"TRADE", "LIQUIDATION"})
# Lines of order that are kept before those that can refuse nothing any more are let go.
LINES_KEPT = 4096
_NEVER = np.iinfo(np.int64).max
Taken = MarketEvent | BookEvent | PositionEvent


class Ingestion:
    """Counts always add up: received = decoded + kept aside."""

    def __init__(self, symbols: Sequence[str], config: ObservationConfig) -> None:
        self.symbols = tuple(symbols)
        self.config = config
        self.row = {symbol: index for index, symbol in enumerate(self.symbols)}
        self.received = 0
        self.decoded = 0
        self.quarantined: dict[str, int] = {}
        self.overwritten = 0
        self._kept: deque[QuarantinedEvent] = deque()
        self._last_ns: dict[tuple[str, ...], int] = {}
        self._prune_at = LINES_KEPT
        self._mark_last_ns = np.full(len(self.symbols), -1, dtype=np.int64)
        self._rows = np.arange(len(self.symbols), dtype=np.int64)
        self._recent = RecentSources(config.recent_sources)

    def accept(self, event: RawMarketEvent | RawStateEvent, now_ns: int) -> Taken | QuarantinedEvent:
        """One event at a time: normalised, or kept aside."""
        self.received += 1
        reading = read_state(event) if isinstance(event, RawStateEvent) else None
        refusal = self._refusal(event, now_ns, reading)
        if refusal is not None:
            return self._set_aside(*refusal, event, now_ns)
        self.decoded += 1
        self._remember(event, reading)
        if len(self._last_ns) > self._prune_at:
            self._forget_lines(now_ns)
        number, symbol, at_ns, source = self.decoded, event.symbol, event.event_time_ns, event.source
        if isinstance(event, RawMarketEvent):
            quantity = float(event.values["quantity"]) if event.kind in TRADED else None
            side = event.values.get("side") if event.kind in TRADED else None
            return MarketEvent(number, event.kind, symbol, at_ns, float(event.values["price"]), quantity, side, source)
        if isinstance(reading, Book):
            return BookEvent(number, symbol, at_ns, reading.bids, reading.asks, source)
        assert isinstance(reading, TrackedPosition)
        liquidation_price = reading.liquidation_price
        return PositionEvent(number, symbol, at_ns, reading.account, reading.quantity, reading.value, reading.leverage, liquidation_price, source)

    def accept_marks(
        self, now_ns: int, symbols: Sequence[str], prices: NDArray[float64], event_times_ns: NDArray[int64], source: str
    ) -> tuple[NDArray[int64], NDArray[float64], NDArray[int64]]:
        """Bar-close marks of many symbols: rows, prices and times of those that were taken. A NaN price is no event: that symbol had no bar."""
        if len(symbols) != prices.shape[0] or prices.shape != event_times_ns.shape:
            raise InvariantViolation(f"expected one price and one time for each of {len(symbols)} symbols, found {prices.shape} and {event_times_ns.shape}")
        if symbols == self.symbols:
            rows, last = self._rows, self._mark_last_ns
        else:
            rows = self._rows_of(symbols)
            last = np.where(rows >= 0, self._mark_last_ns[rows], _NEVER)
        timely = (event_times_ns <= now_ns) & (event_times_ns >= now_ns - self.config.late_ns) & (event_times_ns > last)
        taken = timely & (prices > 0.0) & (prices < np.inf)
        exists = taken if taken.all() else ~np.isnan(prices)
        self.received += int(np.count_nonzero(exists))
        for index in np.flatnonzero(exists & ~taken).tolist():
            event = RawMarketEvent("BAR_CLOSE", symbols[index], int(event_times_ns[index]), {"price": float(prices[index])}, source)
            refusal = self._refusal(event, now_ns, last_ns=int(last[index]))
            assert refusal is not None
            self._set_aside(*refusal, event, now_ns)
        chosen = np.flatnonzero(taken)
        count = int(chosen.size)
        if count:
            names, times = tuple(symbols[index] for index in chosen.tolist()), tuple(event_times_ns[chosen].tolist())
            self._recent.note_marks(EventBatch(self.decoded + 1, "BAR_CLOSE", names, times, source))
            self._mark_last_ns[rows[chosen]] = event_times_ns[chosen]
            self.decoded += count
        return rows[chosen], prices[chosen], event_times_ns[chosen]

    def _rows_of(self, symbols: Sequence[str]) -> NDArray[int64]:
        if len(set(symbols)) != len(symbols):
            raise InvariantViolation(f"expected each symbol once in one batch of marks, found one twice among {len(symbols)}")
        return np.array([self.row.get(symbol, -1) for symbol in symbols], dtype=np.int64)

    def accept_trades(self, columns: TradeColumns, arrivals_ns: NDArray[int64]) -> NDArray[int64] | None:
        """All trades of columns, each at the instant of its arrival: the rows of their symbols. None, and nothing remembered, where one might be refused."""
        known = np.array([self.row.get(symbol, -1) for symbol in columns.symbols], dtype=np.int64)
        rows, age_ns = known[columns.rows], arrivals_ns - columns.times_ns
        timely = age_ns.min() >= 0 and age_ns.max() <= self.config.late_ns
        possible = np.isfinite(columns.prices).all() and np.isfinite(columns.quantities).all() and min(columns.prices.min(), columns.quantities.min()) > 0.0
        if rows.min() < 0 or not timely or not possible or self._recent.may_know(columns):
            return None
        newest: dict[tuple[str, ...], int] = {}
        for row in np.unique(columns.rows).tolist():
            key = ("TRADE", columns.symbols[row])
            times = columns.times_ns[columns.rows == row]
            if times[0] < self._last_ns.get(key, -1) or (times[1:] < times[:-1]).any():
                return None
            newest[key] = int(times[-1])
        self._last_ns |= newest
        self._recent.note_trades(self.decoded + 1, columns)
        self.received += len(columns)
        self.decoded += len(columns)
        return rows

    def source_of(self, event_id: int) -> tuple[str, str, int, str]:
        """(kind, symbol, event time, source) of a recent id. Raises InvariantViolation for one that was never given or is too old to be remembered."""
        return self._recent.source_of(event_id)

    def drain_quarantine(self) -> tuple[QuarantinedEvent, ...]:
        """The events kept aside since the last call, for the quarantine file."""
        found = tuple(self._kept)
        self._kept.clear()
        return found

    def _remember(self, event: RawMarketEvent | RawStateEvent, reading: Book | TrackedPosition | str | None) -> None:
        if event.kind in READINGS:
            self._mark_last_ns[self.row[event.symbol]] = event.event_time_ns
        else:
            self._last_ns[_line(event, reading)] = event.event_time_ns
        batch = EventBatch(self.decoded, event.kind, (event.symbol,), (event.event_time_ns,), event.source)
        self._recent.note(_identity(event, reading), batch)

    def _forget_lines(self, now_ns: int) -> None:
        """Accounts come and go: what comes before the newest event of a line that is no longer timely is late, whoever remembers that event."""
        self._last_ns = {line: last_ns for line, last_ns in self._last_ns.items() if last_ns > now_ns - self.config.late_ns}
        self._prune_at = max(LINES_KEPT, 2 * len(self._last_ns))

    def _refusal(
        self, event: RawMarketEvent | RawStateEvent, now_ns: int, reading: Book | TrackedPosition | str | None = None, last_ns: int | None = None
    ) -> tuple[QuarantineReason, str] | None:
        malformed = _malformed(event) if isinstance(event, RawMarketEvent) else reading if isinstance(reading, str) else None
        if malformed is not None:
            return "malformed", malformed
        if event.symbol not in self.row:
            return "foreign_symbol", f"{event.symbol} is not among the {len(self.symbols)} configured symbols"
        age_ns = now_ns - event.event_time_ns
        if age_ns < 0:
            return "future", f"event is {-age_ns / NS_PER_SECOND:g} s ahead"
        if age_ns > self.config.late_ns:
            return "late", f"event is {age_ns / NS_PER_SECOND:g} s old, limit {self.config.late_ns / NS_PER_SECOND:g} s"
        if last_ns is None:
            if self._recent.knows(_identity(event, reading)):
                return "duplicate", f"{event.source} was seen before"
            is_mark = event.kind in READINGS
            last_ns = int(self._mark_last_ns[self.row[event.symbol]]) if is_mark else self._last_ns.get(_line(event, reading), -1)
        if event.kind in READINGS and event.event_time_ns == last_ns:
            return "duplicate", "a mark of this instant was seen before"
        if event.event_time_ns < last_ns:
            return "out_of_order", f"event is {(last_ns - event.event_time_ns) / NS_PER_SECOND:g} s before the last one"
        return None

    def _set_aside(self, reason: QuarantineReason, finding: str, event: RawMarketEvent | RawStateEvent, now_ns: int) -> QuarantinedEvent:
        self.quarantined[reason] = self.quarantined.get(reason, 0) + 1
        kept = QuarantinedEvent(reason, finding, event.kind, event.symbol, event.event_time_ns, now_ns, event.source, _content(event.values))
        if len(self._kept) == self.config.quarantine_kept:
            self._kept.popleft()
            self.overwritten += 1
        self._kept.append(kept)
        return kept


def _malformed(event: RawMarketEvent) -> str | None:
    if event.kind not in KINDS:
        return f"kind {event.kind!r}"
    for name in ("price", "quantity") if event.kind in TRADED else ("price",):
        value = event.values.get(name)
        number = number_of(value)
        if not (isfinite(number) and number > 0):
            return f"{name} {value!r}"
    if event.kind in TRADED and event.values.get("side") not in ("buy", "sell"):
        return f"side {event.values.get('side')!r}"
    return None if event.source else "no source"


def _line(event: RawMarketEvent | RawStateEvent, reading: Book | TrackedPosition | str | None) -> tuple[str, ...]:
    """What must come in the order of time. Two accounts are asked one after the other, and their answers say nothing about each other's order."""
    line = (event.kind, event.symbol)
    return (*line, reading.account) if isinstance(reading, TrackedPosition) else line


def _identity(event: RawMarketEvent | RawStateEvent, reading: Book | TrackedPosition | str | None) -> Identity:
    """What makes an event the same as an earlier one. One message may carry the positions of many accounts."""
    account = f" {reading.account}" if isinstance(reading, TrackedPosition) else ""
    return event.kind, event.symbol, event.source + account


def _content(values: Mapping[str, object]) -> str:
    return json.dumps(dict(values), sort_keys=True, default=str)
