"""A venue's live messages over WebSocket and REST: connect, subscribe, keep alive, connect again with growing pauses. What a venue wants is in its protocol."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx2
import msgspec
import stamina
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tallystick.adapters.venues.rest import PATIENCE_S
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.observation.ports import Answer, Backlog, ClockStep, FeedItem, Frame, Link, Question, Stream, Unanswered

# What is tried again is told by the marks of the log; a program that wants the library's own lines configures logging.
logging.getLogger("stamina").addHandler(logging.NullHandler())
LOST = (OSError, TimeoutError, WebSocketException)


@dataclass(frozen=True, slots=True)
class RestCall:
    """A question as a venue wants it. asked: what decoders are told. full_rows: so many rows in an answer mean that there may be more; 0: never."""

    method: str
    target: str
    body: bytes = b""
    asked: str = ""
    full_rows: int = 0


@dataclass(frozen=True, slots=True)
class Socket:
    """One connection: its path below the WebSocket address, the streams that come on it, and the messages that subscribe them."""

    path: str
    streams: tuple[str, ...]
    subscriptions: tuple[str, ...]


class LiveProtocol(Protocol):
    """What one venue wants. heartbeat: what a client sends every so often; empty where the venue pings and answers are automatic."""

    venue: str
    streams: tuple[Stream, ...]
    heartbeat: str
    base_url: str
    ws_url: str

    def require(self, symbols: tuple[str, ...]) -> None:
        """Raises ConfigurationError for a name that the venue's messages cannot carry: everything that comes would be foreign."""

    def polled(self, symbols: tuple[str, ...]) -> tuple[Question, ...]:
        """What no stream tells."""

    def accounts(self, addresses: tuple[str, ...]) -> tuple[Question, ...]:
        """The questions about these accounts. Raises ConfigurationError where the venue's accounts are not public, or for what is no address."""

    def least_round_s(self, accounts: int) -> float:
        """The shortest time in which the venue's budget lets so many accounts be asked about once each, with the rest of the budget left."""

    def sockets(self, symbols: tuple[str, ...]) -> tuple[Socket, ...]:
        """The connections that bring every stream of every symbol."""

    def call(self, question: Question) -> RestCall:
        """A question as a REST call."""


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """base_url, ws_url: empty for the venue's own; a given base_url alone is also where the WebSocket is sought.

    silence_s: a connection without any message for so long is given up. wait_s, longest_wait_s: first and longest pause before connecting again.
    tries: of a REST call, but for one about an account. pace_s: least time between two REST calls. waiting: messages that may wait; then reading stops.
    """

    base_url: str = ""
    ws_url: str = ""
    silence_s: float = 60.0
    heartbeat_s: float = 15.0
    open_s: float = 10.0
    answer_s: float = 10.0
    wait_s: float = 0.5
    longest_wait_s: float = 30.0
    tries: int = 4
    pace_s: float = 0.1
    waiting: int = 20_000

    def urls(self, protocol: LiveProtocol) -> tuple[str, str]:
        """REST base and WebSocket address. Raises ConfigurationError for an address of another kind."""
        base = (self.base_url or protocol.base_url).rstrip("/")
        socket = (self.ws_url or (base.replace("http", "ws", 1) if self.base_url else protocol.ws_url)).rstrip("/")
        for name, url, kinds in (("--base-url", base, ("http://", "https://")), ("--ws-url", socket, ("ws://", "wss://"))):
            if not url.startswith(kinds):
                raise ConfigurationError(f"expected an address that begins with {' or '.join(kinds)}, found {url!r}", where=name)
            if not _has_host(url):
                raise ConfigurationError(f"expected an address with a host and a port of 1 to 65535, found {url!r}", where=name)
        return base, socket


class ReceiveClock:
    """The receiver's clock, unbroken between two anchors whatever is done to the machine's clock meanwhile."""

    def __init__(self, wall_ns: Callable[[], int] = time.time_ns, steady_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._wall_ns, self._steady_ns = wall_ns, steady_ns
        self.anchor()

    def anchor(self) -> None:
        """Take the machine's clock as it is now."""
        self._start_ns, self._steady_start_ns = self._wall_ns(), self._steady_ns()

    def now_ns(self) -> int:
        """UTC nanoseconds."""
        return self._start_ns + self._steady_ns() - self._steady_start_ns

    def step_ns(self) -> int:
        """By how much the machine's clock was set since the anchor."""
        return self._wall_ns() - self.now_ns()


class LiveFeed:
    """Implements observation's `VenueFeed`. To be used inside one running event loop."""

    def __init__(self, protocol: LiveProtocol, symbols: tuple[str, ...], settings: FeedSettings | None = None, clock: ReceiveClock | None = None) -> None:
        self._protocol, self._symbols, self._settings = protocol, symbols, settings or FeedSettings()
        self._base, self._address = self._settings.urls(protocol)
        self._clock = clock or ReceiveClock()
        self._queue: asyncio.Queue[FeedItem] = asyncio.Queue(self._settings.waiting)
        self._readers: list[asyncio.Task[None]] = []
        self._asking: set[asyncio.Task[None]] = set()
        self._asked: set[Question] = set()
        self._client: httpx2.AsyncClient | None = None
        self._pace = asyncio.Lock()
        self._step_told = False
        self._down_told: set[str] = set()
        self._is_full = False

    @property
    def venue(self) -> str:
        """The venue's short name."""
        return self._protocol.venue

    @property
    def streams(self) -> tuple[Stream, ...]:
        """What it subscribes for every symbol."""
        return self._protocol.streams

    @property
    def polled(self) -> tuple[Question, ...]:
        """What no stream tells."""
        return self._protocol.polled(self._symbols)

    def now_ns(self) -> int:
        """The receiver's clock."""
        return self._clock.now_ns()

    async def next(self, wait_s: float) -> FeedItem | None:
        """The next item; None when none came in that time. Raises what ended a reader, when that was no lost connection."""
        if not self._readers:
            self._readers = [asyncio.create_task(self._read(socket)) for socket in self._protocol.sockets(self._symbols)]
        for reader in self._readers:
            if reader.done():
                reader.result()
        step_ns = self._clock.step_ns()
        if abs(step_ns) > NS_PER_SECOND and not self._step_told:
            self._step_told = True
            return ClockStep(self.now_ns(), step_ns)
        if self._queue.empty():
            if wait_s <= 0:
                return None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    return await self._queue.get()
            return None
        return self._queue.get_nowait()

    async def ask(self, question: Question) -> Answer | None:
        """The answer of a REST call; None after the last try, or when the venue refuses the question."""
        found = await self._answer(question)
        return found if isinstance(found, Answer) else None

    async def _answer(self, question: Question) -> Answer | Unanswered:
        settings, call = self._settings, self._protocol.call(question)
        # The next round asks about an account again: tries in between would spend more than the round was given.
        attempts = 1 if question.about == "account" else settings.tries
        if self._client is None:
            self._client = httpx2.AsyncClient(base_url=self._base, timeout=settings.answer_s)
        tries = stamina.retry_context(
            on=_worth_again, attempts=attempts, timeout=None, wait_initial=settings.wait_s, wait_max=settings.longest_wait_s, wait_jitter=settings.wait_s
        )
        try:
            async for attempt in tries:
                with attempt:
                    async with self._pace:
                        await asyncio.sleep(settings.pace_s)
                    response = await self._client.request(call.method, call.target, content=call.body or None, headers=_JSON if call.body else None)
                    response.raise_for_status()
        except httpx2.HTTPError as error:
            return Unanswered(question, self.now_ns(), _why(error))
        return Answer(response.content, self.now_ns(), call.asked, _is_full(response.content, call.full_rows))

    def ask_later(self, question: Question) -> None:
        """As `ask`; the answer, or that there was none, comes by `next`. A question that is still being asked is not asked a second time."""
        if question in self._asked:
            return
        self._asked.add(question)
        task = asyncio.create_task(self._ask_and_put(question))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def close(self) -> None:
        """End every connection and every call."""
        tasks = [*self._asking, *self._readers]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _ask_and_put(self, question: Question) -> None:
        try:
            await self._queue.put(await self._answer(question))
        finally:
            self._asked.discard(question)

    async def _read(self, socket: Socket) -> None:
        settings = self._settings
        while True:
            tries = stamina.retry_context(
                on=LOST, attempts=None, timeout=None, wait_initial=settings.wait_s, wait_max=settings.longest_wait_s, wait_jitter=settings.wait_s
            )
            async for attempt in tries:
                with attempt:
                    await self._connect(socket)
            await asyncio.sleep(settings.wait_s)

    async def _connect(self, socket: Socket) -> None:
        """One connection from its opening to its end. Raises one of LOST when it brought no message, so that the next pause is longer."""
        brought = 0
        try:
            # The venue's own pings are answered by the library. Ours tell a dead connection from a silent one: the venue's heartbeat, or else the protocol's.
            ping_s = None if self._protocol.heartbeat else self._settings.heartbeat_s
            limits: dict[str, Any] = {"open_timeout": self._settings.open_s, "close_timeout": 1, "max_size": 2**26, "max_queue": 1024}
            async with connect(self._address + socket.path, ping_interval=ping_s, **limits) as connection:
                for text in socket.subscriptions:
                    await connection.send(text)
                beat = asyncio.create_task(self._beat(connection))
                try:
                    async with asyncio.timeout(self._settings.silence_s) as limit:
                        while True:
                            message = await connection.recv(decode=False)
                            received_ns = self.now_ns()
                            limit.reschedule(asyncio.get_running_loop().time() + self._settings.silence_s)
                            if not brought:
                                received_ns = await self._up(socket)
                            brought += 1
                            await self._put(Frame(message, received_ns))
                finally:
                    beat.cancel()
        except LOST as error:
            await self._down(socket, _reason(error, self._settings.silence_s))
            if not brought:
                raise

    async def _put(self, frame: Frame) -> None:
        """Wait for room rather than drop; a full queue is told once, until half of it is free again."""
        if self._queue.full() and not self._is_full:
            self._is_full = True
            await self._queue.put(Backlog(frame.received_ns, self._queue.maxsize))
        elif self._queue.qsize() * 2 < self._queue.maxsize:
            self._is_full = False
        await self._queue.put(frame)

    async def _up(self, socket: Socket) -> int:
        self._clock.anchor()
        self._step_told = False
        self._down_told.discard(socket.path)
        at_ns = self.now_ns()
        await self._queue.put(Link(True, at_ns, self._address + socket.path, socket.streams))
        return at_ns

    async def _down(self, socket: Socket, reason: str) -> None:
        if socket.path not in self._down_told:
            self._down_told.add(socket.path)
            await self._queue.put(Link(False, self.now_ns(), reason, socket.streams))

    async def _beat(self, connection: ClientConnection) -> None:
        while self._protocol.heartbeat:
            await asyncio.sleep(self._settings.heartbeat_s)
            # A connection that ended is told by its reader.
            with contextlib.suppress(WebSocketException):
                await connection.send(self._protocol.heartbeat)


_JSON = {"Content-Type": "application/json"}


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _worth_again(error: Exception) -> bool | float:
    """Whether a call may succeed later; seconds to wait when the venue says so."""
    if isinstance(error, httpx2.HTTPStatusError):
        status = error.response.status_code
        wait = error.response.headers.get("Retry-After", "")
        if status == 429 and wait.isascii() and wait.replace(".", "", 1).isdigit():
            # What comes by the streams waits for the answer: a venue that wants a longer pause has given none.
            return float(wait) if float(wait) <= PATIENCE_S else False
        # 418: Binance's answer to those who go on after 429; going on would make the ban longer.
        return status == 429 or status >= 500
    return isinstance(error, httpx2.TransportError)


def _why(error: httpx2.HTTPError) -> str:
    """Why there was no answer, without the address, which the marks of the connection tell."""
    if isinstance(error, httpx2.HTTPStatusError):
        return f"status {error.response.status_code}: {error.response.content[:80].decode('utf-8', 'replace')!r}"
    return f"{type(error).__name__}: {error}"[:120].rstrip(": ")


def _is_full(content: bytes, rows: int) -> bool:
    try:
        return bool(rows) and len(msgspec.json.decode(content, type=list[msgspec.Raw])) >= rows
    except msgspec.DecodeError:
        return False


def _reason(error: BaseException, silence_s: float) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return f"no message for {silence_s:g} s"
    return f"{type(error).__name__}: {error}"[:200]
