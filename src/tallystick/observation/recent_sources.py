"""What was taken lately: an event that comes a second time is found, and an id leads back to its message."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from tallystick.contracts.errors import InvariantViolation
from tallystick.observation.ports import TradeColumns

# Kind, symbol and reference: what makes an event the same as an earlier one.
Identity = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Ids first_id … first_id + len(symbols) − 1, and where they came from."""

    first_id: int
    kind: str
    symbols: tuple[str, ...]
    event_times_ns: tuple[int, ...]
    source: str

    def __len__(self) -> int:
        return len(self.symbols)

    def fact(self, place: int) -> tuple[str, str, int, str]:
        """(kind, symbol, time, source) of one of them."""
        return self.kind, self.symbols[place], self.event_times_ns[place], self.source


def line_of(source: str) -> tuple[str, int]:
    """The recording and the number of the line that a source names; −1 for a source of another form."""
    name, _, place = source.rpartition(":")
    digits = place.partition("#")[0]
    return (name, int(digits)) if digits.isascii() and digits.isdigit() else (source, -1)


class RecentSources:
    """Remembers the newest `kept` messages, and of trades taken as columns at least as many."""

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self._seen: set[Identity] = set()
        self._order: deque[Identity] = deque()
        self._batches: deque[EventBatch] = deque(maxlen=kept)
        self._trades: deque[tuple[int, TradeColumns]] = deque()

    def knows(self, identity: Identity) -> bool:
        """Whether such an event was taken lately."""
        if identity in self._seen:
            return True
        if not self._trades or identity[0] != "TRADE":
            return False
        name, line = line_of(identity[2])
        return any(columns.name == name and columns.first_line <= line <= columns.last_line for _, columns in self._trades)

    def may_know(self, columns: TradeColumns) -> bool:
        """Whether one of these trades might have been taken lately; only `knows` can tell."""
        first, last = columns.first_line, columns.last_line
        if any(known.name == columns.name and known.first_line <= last and first <= known.last_line for _, known in self._trades):
            return True
        prefix = f"{columns.name}:"
        alone = (line_of(source)[1] for kind, _, source in self._seen if kind == "TRADE" and source.startswith(prefix))
        return any(first <= line <= last for line in alone)

    def note(self, identity: Identity, batch: EventBatch) -> None:
        """One event was taken."""
        self._seen.add(identity)
        self._order.append(identity)
        if len(self._order) > self.kept:
            self._seen.discard(self._order.popleft())
        self._batches.append(batch)

    def note_marks(self, batch: EventBatch) -> None:
        """Marks of bars were taken: two of one instant are told apart by their time."""
        self._batches.append(batch)

    def note_trades(self, first_id: int, columns: TradeColumns) -> None:
        """Trades were taken as columns."""
        self._trades.append((first_id, columns))
        while sum(len(known) for _, known in self._trades) - len(self._trades[0][1]) >= self.kept:
            self._trades.popleft()

    def source_of(self, event_id: int) -> tuple[str, str, int, str]:
        """(kind, symbol, event time, source) of a recent id. Raises InvariantViolation for one that was never given or is too old to be remembered."""
        for batch in reversed(self._batches):
            if 0 <= event_id - batch.first_id < len(batch):
                return batch.fact(event_id - batch.first_id)
        for first_id, columns in self._trades:
            if 0 <= event_id - first_id < len(columns):
                return columns.fact(event_id - first_id)
        raise InvariantViolation(f"expected one of the last {self.kept} messages, found event id {event_id}")
