"""Live collection into the event store: the feed of a venue, the log, the room, and what is told on the way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any

from tallystick.adapters.event_store.store import EventStore, SegmentLimits
from tallystick.adapters.recordings.quarantine_file import QuarantineFile
from tallystick.adapters.venues.binance.live import BinanceLive
from tallystick.adapters.venues.hyperliquid.live import HyperliquidLive
from tallystick.adapters.venues.live_feed import FeedSettings, LiveFeed, LiveProtocol, ReceiveClock
from tallystick.apps.fact_keeping import FactKeeping
from tallystick.apps.observation_pass import ObservationPass
from tallystick.apps.replay_result import NUMBERS, decoder_of, require_sum, room_quarantine
from tallystick.artifacts.checksum import sha256_file
from tallystick.artifacts.paths import Workspace, get_event_days, get_event_store_dir
from tallystick.contracts.errors import ArtifactError, ConfigurationError
from tallystick.contracts.market_events import Control, VenueEvent
from tallystick.contracts.messages import document_of
from tallystick.contracts.time import NS_PER_SECOND, iso_from_ns
from tallystick.observation.collection import Collection, CollectionLimits
from tallystick.observation.ports import Answer, FactTables, FeedItem, Question, VenueFeed

LIVE: dict[str, Callable[[], LiveProtocol]] = {"binance": BinanceLive, "hyperliquid": HyperliquidLive}
# Messages between two syncs when they come faster than the loop turns.
AT_ONCE = 512
TURN_S = 0.2
ACCOUNT_EVERY_S = 10.0
# An account is asked about once a day at least.
LONGEST_ROUND_S = 86_400.0


@dataclass(frozen=True, slots=True)
class CollectionPlan:
    """What to collect, and until when: duration_s and messages end it, None goes on until stopped. report_s: between two lines of progress.

    accounts: addresses to ask about, each every account_every_s seconds; None: ten, or as many as the venue's budget needs for them.
    """

    venue: str
    symbols: tuple[str, ...]
    duration_s: float | None = None
    messages: int | None = None
    report_s: float = 10.0
    feed: FeedSettings = field(default_factory=FeedSettings)
    limits: CollectionLimits = field(default_factory=CollectionLimits)
    segments: SegmentLimits = field(default_factory=SegmentLimits)
    accounts: tuple[str, ...] = ()
    account_every_s: float | None = None

    def __post_init__(self) -> None:
        if self.venue not in LIVE:
            raise ConfigurationError(f"expected one of the venues {', '.join(sorted(LIVE))}, found {self.venue!r}", where="--venue")
        if not self.symbols or len(set(self.symbols)) != len(self.symbols):
            raise ConfigurationError(f"expected symbols, each once, found {', '.join(self.symbols) or 'none'}", where="--symbols")
        LIVE[self.venue]().require(self.symbols)
        for name, value in (("--duration", self.duration_s), ("--messages", self.messages), ("--report", self.report_s)):
            if value is not None and not 0 < value < inf:
                raise ConfigurationError(f"expected a number above 0, found {value}", where=name)
        self._check_accounts()

    def _check_accounts(self) -> None:
        questions = self.account_questions()
        if len(set(questions)) != len(questions):
            raise ConfigurationError(f"expected accounts, each once, found {', '.join(self.accounts)}", where="--accounts")
        if self.account_every_s is None:
            return
        if not questions:
            raise ConfigurationError("expected accounts to ask about, found none", where="--account-every", hint="Name them with --accounts")
        least_s = LIVE[self.venue]().least_round_s(len(questions))
        if not least_s <= self.account_every_s <= LONGEST_ROUND_S:
            found = f"expected {least_s:g} to {LONGEST_ROUND_S:g} s, found {self.account_every_s:g}"
            raise ConfigurationError(found, where="--account-every", hint="The least is what the venue's budget of questions allows for so many accounts")

    def account_questions(self) -> tuple[Question, ...]:
        """What is asked about the accounts. Raises ConfigurationError where the venue's are not public, or for what is no address."""
        return LIVE[self.venue]().accounts(self.accounts)

    def account_round_s(self) -> float:
        """Seconds from one question about an account to the next about the same."""
        least_s = LIVE[self.venue]().least_round_s(len(self.accounts))
        return max(ACCOUNT_EVERY_S, least_s) if self.account_every_s is None else self.account_every_s


async def collect(
    root: Path, plan: CollectionPlan, tell: Callable[[dict[str, Any]], None], stop: asyncio.Event, tables: FactTables | None = None
) -> dict[str, Any]:
    """Collect until the plan's bound or `stop`; answer the summary. tell: gets the lines on the way, the first `{"ready": …}`. tables: get the facts after the
    log has them, so that a replay of the store fills in what a crash kept from them; when they fail the log goes on without them, and the summary says so.

    Raises ConfigurationError for a wrong address, ArtifactError when the store cannot be written or has another writer.
    """
    feed = LiveFeed(LIVE[plan.venue](), plan.symbols, plan.feed, ReceiveClock())
    folder = get_event_store_dir(Workspace(root), plan.venue)
    try:
        with EventStore(folder, plan.venue, plan.segments) as store, room_quarantine(root, plan.venue, "collect", sync=True) as aside:
            session = _Session(plan, feed, store, tell, stop, tables, aside)
            summary = await session.run()
    finally:
        await feed.close()
    days = [{"path": Workspace(root).relative(path), "sha256": sha256_file(path)} for path in get_event_days(folder)]
    kept = Workspace(root).relative(aside.path) if aside.written else None
    return {**summary, "room_quarantine": kept, "artifacts": days[-session.days :]}


class _Session:
    """One run of a collector."""

    def __init__(
        self,
        plan: CollectionPlan,
        feed: VenueFeed,
        store: EventStore,
        tell: Callable[[dict[str, Any]], None],
        stop: asyncio.Event,
        tables: FactTables | None,
        aside: QuarantineFile,
    ) -> None:
        # Told only after the log was synced: what the tables have the log has too.
        self._facts = FactKeeping(tables, None)
        self._tables_failed = ""
        self._plan, self._feed, self._store, self._tell, self._stop = plan, feed, store, tell, stop
        limits = replace(plan.limits, account_ns=round(plan.account_round_s() * NS_PER_SECOND))
        asked = (feed.polled, limits, plan.account_questions())
        self._collection = Collection(plan.venue, plan.symbols, feed.streams, store, lambda names: decoder_of(plan.venue, names), *asked)
        self._room = ObservationPass(sorted(plan.symbols), aside.append)
        self._kinds: Counter[str] = Counter()
        self._messages = 0
        self.days = 1

    async def run(self) -> dict[str, Any]:
        """The whole session."""
        ObservationPass.prepare()
        began_ns = self._feed.now_ns()
        self._collection.start(began_ns)
        first, stored = self._store.next_number - 1, self._store.sync()
        ready: dict[str, Any] = {"venue": self._plan.venue, "symbols": list(self._plan.symbols), "streams": [item.name for item in self._feed.streams]}
        if self._plan.accounts:
            ready |= {"accounts": [question.account for question in self._plan.account_questions()], "account_every_s": self._plan.account_round_s()}
        self._tell({"ready": ready})
        reported_ns, now_ns, ending = began_ns, began_ns, ""
        while not ending:
            await self._turn()
            now_ns = self._feed.now_ns()
            stored = self._store.sync()
            self._keep_facts()
            self._tell_marks()
            if now_ns - reported_ns >= self._plan.report_s * NS_PER_SECOND:
                reported_ns = now_ns
                self._tell({"stored": stored, "last_event": self._store.last_event, "at": iso_from_ns(now_ns), "counters": self._counters()})
            ending = self._ending(now_ns - began_ns)
        self._collection.end(max(now_ns, began_ns), ending)
        self._store.seal()
        self._keep_facts()
        self._tell_marks()
        return self._summary(first, ending)

    def _keep_facts(self) -> None:
        try:
            self._facts.flush()
        except ArtifactError as error:
            # A venue tells most things once: a database that is away must not end the log, from which the tables can be filled again.
            self._facts, self._tables_failed = FactKeeping(None), str(error)
            self._tell({"tables_failed": self._tables_failed})

    async def _turn(self) -> None:
        """What has come, what it makes us ask, and what the clock says."""
        wait_s = TURN_S
        for _ in range(AT_ONCE):
            item = await self._feed.next(wait_s)
            if item is None:
                break
            wait_s = 0.0
            self._count(item, self._collection.take(item))
            await self._ask()
            if self._stop.is_set() or self._is_full():
                return
        now_ns = self._feed.now_ns()
        self._collection.tick(now_ns)
        for question in self._collection.polls(now_ns):
            self._feed.ask_later(question)
        await self._ask()

    async def _ask(self) -> None:
        """Ask until nothing is left to ask; what came meanwhile waits in the feed, so that an answer stands before what it is needed for."""
        while questions := self._collection.questions(self._feed.now_ns()):
            answers = await self._answers(questions)
            if answers is None:
                return
            for question, answer in zip(questions, answers, strict=True):
                found = self._collection.answered(question, answer, self._feed.now_ns())
                if answer is not None:
                    self._count(answer, found)

    async def _answers(self, questions: Sequence[Question]) -> Sequence[Answer | None] | None:
        """All answers, in the order of the questions; None when the session is stopped before they came."""
        asking = asyncio.gather(*(self._feed.ask(question) for question in questions))
        stopping = asyncio.create_task(self._stop.wait())
        waited: set[asyncio.Future[Any]] = {asking, stopping}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            asking.cancel()
            await asyncio.wait({asking})
            return None
        stopping.cancel()
        return asking.result()

    def _count(self, item: FeedItem, found: Sequence[object]) -> None:
        if hasattr(item, "message"):
            self._messages += 1
        self._kinds.update(event.kind for event in found if isinstance(event, VenueEvent))
        self._room.take(found, isinstance(item, Answer))
        self._facts.take(found)
        for answer in found:
            # An unknown symbol, too many streams: a person should see what the venue has to say.
            if isinstance(answer, Control) and answer.channel == "error":
                self._tell({"venue_says": answer.detail})

    def _is_full(self) -> bool:
        return self._plan.messages is not None and self._messages >= self._plan.messages

    def _ending(self, lasted_ns: int) -> str:
        if self._stop.is_set():
            return "interrupted"
        if self._is_full():
            return "messages"
        return "duration" if self._plan.duration_s is not None and lasted_ns >= self._plan.duration_s * NS_PER_SECOND else ""

    def _tell_marks(self) -> None:
        for mark in self._collection.drain_marks():
            self.days += mark.kind == "DAY_STARTED"
            document = document_of(mark)
            self._tell({"mark": {name: document[name] for name in ("kind", "stream", "symbol", "outcome", "count", "detail") if document[name]}})

    def _counters(self) -> dict[str, int]:
        counts = self._collection.counts()
        return {name: getattr(counts, name) for name in NUMBERS}

    def _summary(self, first: int, ending: str) -> dict[str, Any]:
        counts = self._collection.counts()
        require_sum(counts)
        return {
            "venue": self._plan.venue,
            "ended_by": ending,
            "interrupted": ending == "interrupted",
            "first_record": first,
            "stored": self._store.stored,
            "last_event": self._store.last_event,
            "counters": self._counters(),
            "events": dict(sorted(self._kinds.items())),
            "quarantined": [{"reason": reason, "count": count} for reason, count in sorted(counts.quarantined.items())],
            "set_aside": [{"reason": reason, "count": count} for reason, count in sorted(counts.set_aside.items())],
            "marks": dict(sorted(self._collection.marks.items())),
            "gaps": dict(sorted(self._collection.gaps.items())),
            "snapshot": self._room.snapshot(),
        } | ({"tables_failed": self._tables_failed} if self._tables_failed else {})
