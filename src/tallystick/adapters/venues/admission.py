"""What a well-formed fact must also be: of a configured symbol, in time, new, in order, and without a hole before it."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.market_events import WITHOUT_SYMBOL, MessageReason
from tallystick.contracts.time import NS_PER_SECOND

# Facts that stand for themselves at their own time and may come a second time when asked again.
UNORDERED = frozenset({"BAR", "FILL", "FUNDING", "INSTRUMENT", "POSITION", "ACCOUNT"})
SEQUENCED = frozenset({"BOOK", "BOOK_DELTA"})


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """late_ns: the oldest fact taken. ahead_ns: how far a venue's clock may lead ours. remembered: identities kept per kind and symbol.

    Raises ConfigurationError for limits below 0, or nothing remembered.
    """

    late_ns: int = 30 * NS_PER_SECOND
    ahead_ns: int = 5 * NS_PER_SECOND
    remembered: int = 4096

    def __post_init__(self) -> None:
        if self.late_ns < 1 or self.ahead_ns < 0 or self.remembered < 1:
            raise ConfigurationError(f"expected positive limits, found late {self.late_ns}, ahead {self.ahead_ns}, remembered {self.remembered}")


class _Line:
    """What is remembered of one kind and symbol: its newest time, and the identities seen lately."""

    __slots__ = ("greeted", "last_ns", "order", "seen")

    def __init__(self, remembered: int) -> None:
        self.last_ns = 0
        self.greeted = False
        self.seen: set[Hashable] = set()
        self.order: deque[Hashable] = deque(maxlen=remembered)


class Admission:
    """Stateful and bounded: memory does not grow with the number of messages."""

    def __init__(self, symbols: frozenset[str] | None, limits: AdmissionLimits) -> None:
        self.symbols = symbols
        self.limits = limits
        self._late_ns, self._ahead_ns, self._remembered = limits.late_ns, limits.ahead_ns, limits.remembered
        # A line stands only for a symbol that was once taken, so it is among the configured ones.
        self._trade_lines: dict[str, _Line] = {}
        self._lines: dict[str, dict[str, _Line]] = {"TRADE": self._trade_lines}
        self.ungreeted: list[_Line] = []
        self._last_update: dict[str, int] = {}
        self._holes: set[str] = set()
        self._snapshot: dict[str, int] = {}
        self._unjoined: set[str] = set()

    @property
    def holes(self) -> tuple[str, ...]:
        """Symbols whose depth changes are kept aside until a snapshot comes."""
        return tuple(sorted(self._holes))

    def connected(self) -> None:
        """On a new connection a venue first sends what it has, however old; and its depth streams go on from a snapshot, if one comes before their changes."""
        self._unjoined.update(self._last_update)
        for of_kind in self._lines.values():
            for line in of_kind.values():
                line.greeted = False

    def refusal(
        self, kind: str, symbol: str, event_time_ns: int, received_ns: int, identity: Hashable, values: Mapping[str, Any], history: bool, greeting: bool = False
    ) -> tuple[MessageReason, str] | None:
        """None when the fact is taken (and remembered); else the reason, and what was found.

        history: an answer to a question about the past, to which lateness and order do not apply. greeting: a stream whose first message on a connection
        is the venue's recent past, to which lateness does not apply. received_ns 0: unknown, so time is not checked.
        """
        if kind not in WITHOUT_SYMBOL and (not symbol or (self.symbols is not None and symbol not in self.symbols)):
            return self._stranger(kind, symbol)
        of_kind = self._lines.get(kind)
        line = (of_kind.get(symbol) if of_kind else None) or self._new_line(kind, symbol)
        if received_ns:
            age_ns = received_ns - event_time_ns
            if -age_ns > self._ahead_ns:
                return "future", f"{kind} of {symbol[:40]} is {-age_ns / NS_PER_SECOND:g} s ahead"
            if age_ns > self._late_ns and not history and not (greeting and not line.greeted):
                return "late", f"{kind} of {symbol[:40]} is {age_ns / NS_PER_SECOND:g} s old, limit {self._late_ns / NS_PER_SECOND:g} s"
        if identity is not None and identity in line.seen:
            return "duplicate", f"{kind} of {symbol[:40]} was seen before: {identity!r:.80}"
        if not history and kind not in UNORDERED and event_time_ns < line.last_ns:
            return "out_of_order", f"{kind} of {symbol[:40]} is {(line.last_ns - event_time_ns) / NS_PER_SECOND:g} s before the last one"
        if kind in SEQUENCED:
            hole = self._sequence(kind, symbol, values)
            if hole is not None:
                return hole
        if event_time_ns > line.last_ns and not history:
            line.last_ns = event_time_ns
        if greeting and not line.greeted:
            self.ungreeted.append(line)
            # The book that answers a subscription may come once more as the stream's first; only a repetition after that says nothing new.
            if kind == "BOOK":
                return None
        if identity is not None:
            order = line.order
            if len(order) == self._remembered:
                line.seen.discard(order[0])
            order.append(identity)
            line.seen.add(identity)
        return None

    def _stranger(self, kind: str, symbol: str) -> tuple[MessageReason, str]:
        if not symbol:
            return "impossible_value", f"{kind} of an empty symbol"
        return "foreign_symbol", f"{symbol[:40]} is not among the {len(self.symbols or ())} configured symbols"

    def memory(self, kind: str) -> dict[str, tuple[int, Iterable[Hashable]]]:
        """The newest time and the identities seen lately, oldest first, of every symbol of a kind."""
        return {symbol: (line.last_ns, line.order) for symbol, line in self._lines.get(kind, {}).items()}

    def remember(self, kind: str, symbol: str, last_ns: int, identities: Sequence[Hashable]) -> None:
        """As `refusal` would have remembered facts, none of which it could have refused: the newest of their times, and their identities in order."""
        line = self._lines.get(kind, {}).get(symbol) or self._new_line(kind, symbol)
        line.last_ns = max(line.last_ns, last_ns)
        line.greeted = True
        line.order.extend(identities)
        line.seen = set(line.order)

    def _new_line(self, kind: str, symbol: str) -> _Line:
        line = self._lines.setdefault(kind, {})[symbol] = _Line(self._remembered)
        return line

    def plain_trade(self, symbol: str, event_time_ns: int, received_ns: int, identity: Hashable, greeting: bool) -> bool:
        """Take one trade of a stream when nothing could be said against it: for most of a busy stream, in a fraction of the time of `refusal`.

        False, and nothing remembered, where only `refusal` can judge: the first of a symbol on a connection, and whatever one of its rules might refuse.
        """
        line = self._trade_lines.get(symbol)
        if line is None or event_time_ns < line.last_ns or identity is None or identity in line.seen or (greeting and not line.greeted):
            return False
        if received_ns and not -self._ahead_ns <= received_ns - event_time_ns <= self._late_ns:
            return False
        line.last_ns = event_time_ns
        order, seen = line.order, line.seen
        if len(order) == self._remembered:
            seen.discard(order[0])
        order.append(identity)
        seen.add(identity)
        return True

    def greet(self) -> None:
        """The message that began these streams on this connection has been read whole."""
        for line in self.ungreeted:
            line.greeted = True
        self.ungreeted.clear()

    def _hole(self, symbol: str, values: Mapping[str, Any]) -> tuple[MessageReason, str] | None:
        """Binance's rule for local books: each change names its predecessor; after a hole only a snapshot that a change joins heals it."""
        first, last, previous = values["first_update_id"], values["last_update_id"], values["previous_update_id"]
        known = self._last_update.get(symbol)
        if symbol in self._holes:
            return "sequence_gap", f"BOOK_DELTA {first} of {symbol[:40]} waits for a snapshot after a hole at {known}"
        snapshot = self._snapshot.get(symbol)
        if snapshot is not None:
            if last < snapshot:
                return "out_of_order", f"BOOK_DELTA {last} of {symbol[:40]} is older than the snapshot {snapshot}"
            joins = first <= snapshot + 1 or (previous is not None and previous <= snapshot)
            if not joins:
                self._holes.add(symbol)
                return "sequence_gap", f"expected a change that joins snapshot {snapshot} of {symbol[:40]}, found {first} to {last}"
            del self._snapshot[symbol]
        elif known is not None:
            if last <= known:
                return "out_of_order", f"BOOK_DELTA {last} of {symbol[:40]} after {known}"
            if (previous != known) if previous is not None else (first > known + 1):
                self._holes.add(symbol)
                return "sequence_gap", f"expected the change after {known} of {symbol[:40]}, found {first} after {previous}"
        self._last_update[symbol] = last
        self._unjoined.discard(symbol)
        return None

    def _sequence(self, kind: str, symbol: str, values: Mapping[str, Any]) -> tuple[MessageReason, str] | None:
        if kind == "BOOK_DELTA":
            return self._hole(symbol, values)
        # A snapshot of an unbroken stream changes nothing: the stream itself says what follows what. One before the stream, or after a hole, must be joined.
        if values["last_update_id"] is not None and (symbol in self._holes or symbol in self._unjoined or symbol not in self._last_update):
            self._holes.discard(symbol)
            self._unjoined.discard(symbol)
            self._snapshot[symbol] = values["last_update_id"]
        return None
