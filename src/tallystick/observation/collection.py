"""Live collection without its sockets: every item of a feed goes into the log with what became of it; gaps are asked after, silences are stated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tallystick.contracts.collection import CollectionMark, GapOutcome, KeptAside, LogRole, MarkKind, Outcome, StoredMessage
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.market_events import Control, MessageCounts, Quarantined, VenueEvent
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.observation.log_decoding import STARTING, LogDecoding, bytes_of_mark
from tallystick.observation.ports import Answer, Backlog, ClockStep, Decoded, Decoder, EventLog, FeedItem, Frame, Link, Question, Stream, Unanswered

MOST_TRIES = 5
"""How often trades that a venue did not give are asked for again, before they are recorded as lost."""

POLLS_MISSED = 6
"""What is polled is silent for too long after so many polls without a fact of it."""


@dataclass(frozen=True, slots=True)
class CollectionLimits:
    """remembered: messages that a new decoder remembers. retry_ns: pause before a book is asked for again. poll_ns: pause between polls.
    account_ns: from one question about an account to the next about the same.

    Raises ConfigurationError for a limit below 1.
    """

    remembered: int = 20_000
    retry_ns: int = NS_PER_SECOND
    poll_ns: int = 10 * NS_PER_SECOND
    account_ns: int = 10 * NS_PER_SECOND

    def __post_init__(self) -> None:
        if min(self.remembered, self.retry_ns, self.poll_ns, self.account_ns) < 1:
            raise ConfigurationError(f"expected limits above 0, found {self}", where="observation.collection")


class Collection:
    """One session of a venue. `take` each item, ask the feed what `questions` says, and give the answers to `answered`.

    Nothing is dropped: a message is decoded, understood as control, or kept aside with its reason, and is in the log in each case.
    """

    def __init__(
        self,
        venue: str,
        symbols: Sequence[str],
        streams: Sequence[Stream],
        log: EventLog,
        decoder_of: Callable[[tuple[str, ...]], Decoder],
        polled: Sequence[Question] = (),
        limits: CollectionLimits | None = None,
        accounts: Sequence[Question] = (),
    ) -> None:
        self.symbols = tuple(symbols)
        self.limits = limits or CollectionLimits()
        self.marks: Counter[str] = Counter()
        self.gaps: Counter[str] = Counter()
        self._streams, self._polled, self._log = tuple(streams), tuple(polled), log
        silence_ns = POLLS_MISSED * self.limits.poll_ns
        self._asked_for = tuple(Stream(name, "OPEN_INTEREST", silence_ns) for name in sorted({question.stream for question in self._polled}))
        self._decoding = LogDecoding(venue, decoder_of, log.earlier, self._remember)
        self._trades = next((stream for stream in self._streams if stream.question == "trades"), None)
        self._books = next((stream for stream in self._streams if stream.question == "book"), None)
        self._heard: dict[tuple[str, str], int] = {}
        self._told: dict[tuple[str, str], int] = {}
        self._last_trade: dict[str, int] = {}
        self._stale: set[tuple[str, str]] = set()
        self._up: dict[str, int] = {}
        self._polled_ns = self._polling_since = 0
        self._accounts = tuple(accounts)
        self._account_due: dict[Question, int] = {}
        self._due: dict[Question, int] = {}
        self._not_before: dict[Question, int] = {}
        self._tries: Counter[str] = Counter()
        self._gap_from: dict[tuple[str, str], int] = {}
        self._brought: Counter[str] = Counter()
        self._again: Counter[str] = Counter()
        self._new: list[CollectionMark] = []

    def counts(self) -> MessageCounts:
        """What became of every message of this session."""
        return self._decoding.counts()

    def drain_marks(self) -> tuple[CollectionMark, ...]:
        """The marks made since the last call."""
        found = tuple(self._new)
        self._new.clear()
        return found

    def start(self, at_ns: int) -> None:
        """Begin a session: ids go on after the last ones of the log. Questions about accounts are spread evenly over a round."""
        self._start("SESSION_STARTED", at_ns)
        step_ns = self.limits.account_ns // max(1, len(self._accounts))
        self._account_due = {question: at_ns + place * step_ns for place, question in enumerate(self._accounts)}

    def end(self, at_ns: int, detail: str) -> None:
        """End the session. What was still asked for is recorded as lost: the next session asks from its newest trade on."""
        for name, symbol in sorted(self._gap_from):
            self._gap(name, symbol, at_ns, "lost", "the session ended before it was filled")
        self._mark(CollectionMark("SESSION_ENDED", at_ns, detail=detail))

    def take(self, item: FeedItem) -> tuple[Decoded, ...]:
        """One item of the feed, and what it says."""
        match item:
            case Frame():
                return self._record("frame", item.message, item.received_ns)
            case Answer():
                return self._record("answer", item.message, item.received_ns, item.asked)
            case Unanswered():
                question = item.question
                detail = f"{question.account}: {item.detail}" if question.account else item.detail
                self._mark(CollectionMark("UNANSWERED", item.at_ns, question.stream, question.symbol, detail=detail))
            case Link():
                (self._connected if item.is_up else self._disconnected)(item)
            case ClockStep():
                self._mark(CollectionMark("CLOCK_STEP", item.at_ns, detail=f"set by {item.by_ns / NS_PER_SECOND:.3f} s"))
            case Backlog():
                self._mark(CollectionMark("BACKLOG", item.at_ns, count=item.waiting, detail="reading stopped until there was room"))
        return ()

    def tick(self, at_ns: int) -> None:
        """State the streams, and what is polled, that have been silent for too long."""
        for stream in (*self._streams, *self._asked_for):
            began_ns = self._polling_since if stream in self._asked_for else self._up.get(stream.name, 0)
            if not stream.silence_ns or not began_ns:
                continue
            for symbol in self.symbols:
                key, since = (stream.kind, symbol), max(self._heard.get((stream.kind, symbol), 0), began_ns)
                if key not in self._stale and at_ns - since > stream.silence_ns:
                    self._stale.add(key)
                    self._mark(CollectionMark("STALE", at_ns, stream.name, symbol, since, at_ns, detail=f"limit {stream.silence_ns / NS_PER_SECOND:g} s"))

    def polls(self, at_ns: int) -> tuple[Question, ...]:
        """What is to be asked now because no stream tells it; order does not matter. Accounts are asked about whether a stream is up or not."""
        accounts = self._due_accounts(at_ns)
        # A clock that was set back says nothing about when the last poll was.
        if not self._up or 0 <= at_ns - self._polled_ns < self.limits.poll_ns:
            return accounts
        self._polled_ns = at_ns
        self._polling_since = self._polling_since or at_ns
        return (*self._polled, *accounts)

    def _due_accounts(self, at_ns: int) -> tuple[Question, ...]:
        """Those whose time has come. Each keeps its place in the round; a round that could not be asked in its time is left out."""
        every_ns, found = self.limits.account_ns, []
        for question, due_ns in self._account_due.items():
            if not due_ns - every_ns <= at_ns < due_ns:
                found.append(question)
                self._account_due[question] = due_ns + ((at_ns - due_ns) // every_ns + 1) * every_ns
        return tuple(found)

    def questions(self, at_ns: int) -> tuple[Question, ...]:
        """What is to be asked, and answered, before the next item is taken."""
        found = tuple(question for question, due_ns in self._due.items() if due_ns <= at_ns and question.stream in self._up)
        for question in found:
            del self._due[question]
            if question.about == "book":
                # Until the stream joins a book, each further one is asked for after twice the pause.
                self._not_before[question] = at_ns + (self.limits.retry_ns << min(self._tries[question.symbol], 5))
                self._tries[question.symbol] += 1
        return found

    def answered(self, question: Question, answer: Answer | None, at_ns: int) -> tuple[Decoded, ...]:
        """The answer to a question; None when the venue gave none."""
        if answer is None:
            self._gap(question.stream, question.symbol, at_ns, "lost", f"no answer about {question.about}")
            if question.about == "book":
                self._due[question] = self._not_before[question]
            return ()
        found = self._record("answer", answer.message, answer.received_ns, answer.asked)
        if question.about == "trades":
            self._trades_came(question, found, answer.is_full, at_ns)
        elif question.about == "book":
            self._book_came(question, found, at_ns)
        return found

    def _record(self, role: LogRole, message: bytes, at_ns: int, asked: str = "") -> tuple[Decoded, ...]:
        if self._log.begins_day(at_ns):
            self._start("DAY_STARTED", at_ns)
        found = self._append(role, message, at_ns, asked)
        for item in found:
            if isinstance(item, VenueEvent):
                self._note(item, at_ns, role == "frame")
        if self._books is not None:
            self._look_for_holes(self._books, at_ns)
        return found

    def _append(self, role: LogRole, message: bytes, at_ns: int, asked: str = "") -> tuple[Decoded, ...]:
        number = self._log.next_number
        found = self._decoding.take(number, role, at_ns, asked, message)
        events = [item for item in found if isinstance(item, VenueEvent)]
        kept = tuple(KeptAside(item.reason, item.finding, item.channel, item.entries) for item in found if isinstance(item, Quarantined))
        outcome: Outcome = "mark" if role == "mark" else "decoded" if events else "quarantined" if kept else "control"
        self._log.append(StoredMessage(number, role, at_ns, asked, message, outcome, kept), events)
        return found

    def _mark(self, mark: CollectionMark) -> None:
        if self._log.begins_day(mark.at_ns) and mark.kind not in STARTING:
            self._start("DAY_STARTED", mark.at_ns)
        self._append("mark", bytes_of_mark(mark), mark.at_ns)
        self.marks[mark.kind] += 1
        if mark.outcome:
            self.gaps[mark.outcome] += 1
        self._new.append(mark)

    def _start(self, kind: MarkKind, at_ns: int) -> None:
        before = self._log.next_number
        warmed_from = max(1, before - self.limits.remembered) if before > 1 else 0
        self._mark(CollectionMark(kind, at_ns, symbols=self.symbols, warmed_from=warmed_from, last_event=self._log.last_event))

    def _connected(self, link: Link) -> None:
        at_ns, streams = link.at_ns, self._streams_of(link)
        self._mark(CollectionMark("CONNECTED", at_ns, ",".join(link.streams), detail=link.detail))
        # Trades that were still asked for are asked for again, with those missed since.
        wanted = {question: self._due.pop(question) for question in list(self._due) if question.stream in {stream.name for stream in streams}}
        oldest = {(question.stream, question.symbol): question.after_id for question in wanted if question.after_id}
        for stream in streams:
            self._up[stream.name] = at_ns
            heard = {symbol: self._told[stream.kind, symbol] for symbol in self.symbols if (stream.kind, symbol) in self._told}
            if not stream.question:
                if heard:
                    self._gap_from[stream.name, ""] = max(heard.values())
                    self._gap(stream.name, "", at_ns, "lost", "what this stream sends is not kept by the venue")
                continue
            for symbol in self.symbols:
                key = stream.name, symbol
                if symbol in heard:
                    self._gap_from[key] = min(heard[symbol], self._gap_from.get(key, heard[symbol]))
                if stream.question == "book" or symbol in heard:
                    after = oldest.get(key, self._last_trade.get(symbol, 0)) if stream.sequential else 0
                    self._due[Question(stream.name, symbol, stream.question, after)] = at_ns

    def _disconnected(self, link: Link) -> None:
        self._mark(CollectionMark("DISCONNECTED", link.at_ns, ",".join(link.streams), detail=link.detail))
        for stream in self._streams_of(link):
            self._up.pop(stream.name, None)
            self._stale -= {(stream.kind, symbol) for symbol in self.symbols}
        if not self._up:
            self._polling_since = 0
            self._stale.clear()

    def _streams_of(self, link: Link) -> list[Stream]:
        return [stream for stream in self._streams if not link.streams or stream.name in link.streams]

    def _remember(self, event: VenueEvent) -> None:
        key = (event.kind, event.symbol)
        self._heard[key] = event.received_ns
        # A gap begins where the venue's time stood, since what is missing is dated by the venue.
        self._told[key] = max(event.event_time_ns, self._told.get(key, 0))
        number = event.values.get("trade_id") if event.kind == "TRADE" else None
        if isinstance(number, int):
            self._last_trade[event.symbol] = max(number, self._last_trade.get(event.symbol, 0))

    def _note(self, event: VenueEvent, at_ns: int, is_live: bool) -> None:
        key = (event.kind, event.symbol)
        before, told = self._heard.get(key), self._told.get(key, at_ns)
        last = self._last_trade.get(event.symbol)
        self._remember(event)
        if event.kind == "BOOK_DELTA":
            self._tries.pop(event.symbol, None)
        if key in self._stale:
            self._stale.discard(key)
            name = next(stream.name for stream in (*self._streams, *self._asked_for) if stream.kind == event.kind)
            since = min(before or self._up.get(name, at_ns), at_ns)
            self._mark(CollectionMark("RESUMED", at_ns, name, event.symbol, since, at_ns))
        stream = self._trades
        if stream is None or not stream.sequential or not is_live or event.kind != "TRADE" or last is None:
            return
        if self._last_trade[event.symbol] > last + 1:
            self._gap_from.setdefault((stream.name, event.symbol), told)
            self._due[Question(stream.name, event.symbol, "trades", last)] = at_ns

    def _look_for_holes(self, stream: Stream, at_ns: int) -> None:
        for symbol in self._decoding.awaiting_snapshot:
            if (stream.name, symbol) not in self._gap_from:
                self._gap_from[stream.name, symbol] = self._told.get((stream.kind, symbol), at_ns)
            question = Question(stream.name, symbol, "book")
            self._due.setdefault(question, max(at_ns, self._not_before.get(question, at_ns)))

    def _trades_came(self, question: Question, found: Sequence[Decoded], is_full: bool, at_ns: int) -> None:
        events = [item for item in found if isinstance(item, VenueEvent)]
        repeated = any(isinstance(item, Quarantined) and item.reason == "duplicate" for item in found)
        name, symbol = question.stream, question.symbol
        self._brought[symbol] += len(events)
        if not events and not repeated and any(_says_nothing(item) for item in found):
            if not self._ask_again(question, at_ns):
                self._gap(name, symbol, at_ns, "lost", "the venue's answer could not be read")
            return
        if question.after_id:
            numbers = [int(event.values["trade_id"]) for event in events]
            reached, newest = max(numbers, default=question.after_id), self._last_trade.get(symbol, 0)
            if numbers and not repeated and min(numbers) > question.after_id + 1:
                self._gap(name, symbol, at_ns, "lost", f"trades {question.after_id + 1} to {min(numbers) - 1} are no longer given")
                return
            if is_full and numbers:
                self._due[Question(name, symbol, "trades", reached)] = at_ns
                return
            if not repeated and reached + 1 < newest:
                # REST may lag behind the stream whose trade showed the hole.
                if not self._ask_again(Question(name, symbol, "trades", reached), at_ns):
                    self._gap(name, symbol, at_ns, "lost", f"trades {reached + 1} to {newest - 1} are not given")
                return
        outcome: Literal["backfilled", "lost"] = "backfilled" if question.after_id or repeated else "lost"
        oldest = min((event.event_time_ns for event in events), default=at_ns)
        if outcome == "backfilled":
            self._gap(name, symbol, at_ns, outcome, "")
        else:
            self._gap(name, symbol, at_ns, outcome, "the newest trades do not reach back to the last one", oldest)

    def _ask_again(self, question: Question, at_ns: int) -> bool:
        """Ask in a while, unless that was done often enough."""
        self._again[question.symbol] += 1
        if self._again[question.symbol] > MOST_TRIES:
            return False
        self._due[question] = at_ns + self.limits.retry_ns
        return True

    def _book_came(self, question: Question, found: Sequence[Decoded], at_ns: int) -> None:
        if question.symbol in self._decoding.awaiting_snapshot:
            return
        detail = "the book of now; the changes in between are lost"
        if any(isinstance(item, VenueEvent) for item in found) and (question.stream, question.symbol) in self._gap_from:
            self._gap(question.stream, question.symbol, at_ns, "resynchronised", detail)

    def _gap(self, stream: str, symbol: str, at_ns: int, outcome: GapOutcome, detail: str, until_ns: int = 0) -> None:
        """State how a gap ended, where there was one. until_ns: its end, when that is not now."""
        since = self._gap_from.pop((stream, symbol), None)
        brought = self._brought.pop(symbol, 0)
        self._again.pop(symbol, None)
        if since is not None:
            until_ns = until_ns or at_ns
            self._mark(CollectionMark("GAP", at_ns, stream, symbol, min(since, until_ns), until_ns, outcome, brought, detail))


def _says_nothing(item: Decoded) -> bool:
    """An answer that tells nothing of the venue's past: one that was kept aside, or an error."""
    return isinstance(item, Quarantined) or (isinstance(item, Control) and item.channel == "error")
