"""What observation asks of the outside: a decoder for the messages of one venue, its live feed, a log that keeps them, and tables of their facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.contracts.collection import StoredMessage
from tallystick.contracts.market_events import Control, MessageCounts, Quarantined, VenueEvent, VenueEventKind

Decoded = VenueEvent | Quarantined | Control


class Decoder(Protocol):
    """Messages of one venue in, facts out; pure, and never an exception: what cannot be taken comes back kept aside with its bytes.

    The answer to one message is never empty, and is one of: events, with entries that were kept aside beside them; one Control; one whole Quarantined.
    """

    @property
    def venue(self) -> str:
        """The venue's short name."""

    @property
    def awaiting_snapshot(self) -> tuple[str, ...]:
        """Symbols whose depth stream has a hole: their changes are kept aside until a snapshot of the book is decoded."""

    def decode(self, message: bytes, received_ns: int, source: str = "", asked: str = "") -> tuple[Decoded, ...]:
        """One message, received at an instant (UTC nanoseconds; 0 where a recording does not tell).

        source: the reference that its events carry, by default `<venue>:<number of the message>`. asked: for the answer of a REST call what was asked, the
        request target (`/fapi/v1/depth?symbol=BTCUSDT`) or the posted body; the decoder knows many answers without it.
        """

    def connected(self) -> None:
        """A new connection: what a venue first sends on one may be history, and depth streams must be joined to a snapshot again."""

    def resume(self, last_event: int) -> None:
        """Forget the counts and keep the memory: the next event has the id after this one, and counting begins again."""

    def counts(self) -> MessageCounts:
        """What became of every message so far."""


@dataclass(frozen=True, slots=True)
class TradeColumns:
    """E trades of consecutive lines of the recording `name`, in its order.

    rows[E] into symbols, times_ns[E] of the venue, prices[E], quantities[E] in base units, sides[E] of the taker (0 buys, 1 sells); lines[E]: the number of
    each trade's line, not falling; places[E]: its place in the message, from 0.
    """

    name: str
    symbols: tuple[str, ...]
    rows: NDArray[int64]
    times_ns: NDArray[int64]
    prices: NDArray[float64]
    quantities: NDArray[float64]
    sides: NDArray[int64]
    lines: NDArray[int64]
    places: NDArray[int64]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def first_line(self) -> int:
        """The number of the first line; there is at least one."""
        return int(self.lines[0])

    @property
    def last_line(self) -> int:
        """The number of the last line."""
        return int(self.lines[-1])

    def fact(self, place: int) -> tuple[str, str, int, str]:
        """(kind, symbol, time, source) of one of them."""
        inside = int(self.places[place])
        source = f"{self.name}:{self.lines[place]}"
        return "TRADE", self.symbols[self.rows[place]], int(self.times_ns[place]), f"{source}#{inside}" if inside else source


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of stream that a venue sends for every symbol.

    kind: of the events that it carries. silence_ns: how long it may be silent before that is a fact; 0: as long as it likes. question: what is asked by REST
    when a part of it is missing, empty where nothing can be. sequential: its trades are numbered without holes.
    """

    name: str
    kind: VenueEventKind
    silence_ns: int
    question: Literal["", "trades", "book"] = ""
    sequential: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask a venue by REST. stream: the name of the stream it is for. after_id: trades after this one; 0: the newest ones. account: the address
    that an `account` question is about; it has no symbol.
    """

    stream: str
    symbol: str
    about: Literal["trades", "book", "open_interest", "account"]
    after_id: int = 0
    account: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """A message of the stream as it came."""

    message: bytes
    received_ns: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a REST answer. asked: as decoders want it. is_full: the venue gave as much as it gives at once, so there may be more."""

    message: bytes
    received_ns: int
    asked: str
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that was asked without waiting, and to which no answer came; why, in words."""

    question: Question
    at_ns: int
    detail: str


@dataclass(frozen=True, slots=True)
class Link:
    """A connection began (is_up) or ended, and why. streams: the names of those that come on it; empty for all."""

    is_up: bool
    at_ns: int
    detail: str = ""
    streams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The receiver's clock was set: by so much. Receive times go on unbroken until the next connection."""

    at_ns: int
    by_ns: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """So many messages wait to be taken, and reading has stopped until there is room: nothing is dropped, but the venue may lose patience."""

    at_ns: int
    waiting: int


FeedItem = Frame | Answer | Unanswered | Link | ClockStep | Backlog


class VenueFeed(Protocol):
    """A venue's live messages in the order in which they came. It connects, subscribes, keeps the connection alive, and connects again by itself."""

    @property
    def venue(self) -> str:
        """The venue's short name."""

    @property
    def streams(self) -> tuple[Stream, ...]:
        """What it subscribes for every symbol."""

    @property
    def polled(self) -> tuple[Question, ...]:
        """What no stream tells, to be asked every so often."""

    def now_ns(self) -> int:
        """The receiver's clock."""

    async def next(self, wait_s: float) -> FeedItem | None:
        """The next item; None when none came in that time."""

    async def ask(self, question: Question) -> Answer | None:
        """The answer of a REST call, after as many tries as are sensible; None when there was none."""

    def ask_later(self, question: Question) -> None:
        """As `ask`, without waiting: the answer comes by `next`, or an `Unanswered`. A question that is still being asked is not asked a second time."""

    async def close(self) -> None:
        """End every connection."""


class EventLog(Protocol):
    """An append-only log of records and their events, numbered without holes."""

    @property
    def next_number(self) -> int:
        """The number of the next record."""

    @property
    def last_event(self) -> int:
        """The id of the last event in it; 0 in an empty log."""

    def begins_day(self, received_ns: int) -> bool:
        """Whether a record of this instant is the first of a new day."""

    def append(self, item: StoredMessage, events: Sequence[VenueEvent]) -> None:
        """Take one record and its events."""

    def earlier(self, first: int, before: int) -> Iterator[tuple[str, int, str, bytes, int]]:
        """Role, receive time, question, bytes and number of the records from one number up to another."""


@dataclass(frozen=True, slots=True)
class FactCounts:
    """What became of the facts that were told to the tables.

    facts: how many. rows_written and rows_known: by table; known are those that it held already. without_table, without_time and unstorable: facts by kind that
    no table takes, that neither the venue nor the receiver dated, or whose text not every database can hold.
    """

    facts: int
    rows_written: Mapping[str, int]
    rows_known: Mapping[str, int]
    without_table: Mapping[str, int]
    without_time: Mapping[str, int]
    unstorable: Mapping[str, int]


class FactTables(Protocol):
    """Tables of facts: the same fact told again changes nothing."""

    def write(self, events: Iterable[VenueEvent]) -> None:
        """Keep these facts durably. Raises ArtifactError when that fails; a later call with the same facts mends it."""

    def counts(self) -> FactCounts:
        """What became of every fact so far."""

    def close(self) -> None:
        """Let the database go."""
