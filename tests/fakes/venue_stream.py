"""A loopback WebSocket server that plays a venue's stream, recorded or generated, with seeded faults; the REST answers beside it always know the truth.

    played = VenueStream("binance", generated_stream("binance", seed=1, symbols=("BTCUSDT",), count=500), StreamFaults(seed=2, drop=0.01, gap=0.01))
    with serve(played.answers) as base_url, played.serve() as ws_url: ...

The venue goes on while nobody listens: what a client missed is in `answers` (trades by id, the present book), and in `truth`.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.venue_answers import VenueAnswers
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_socket
from websockets.exceptions import ConnectionClosed

from tallystick.adapters.recordings.recording_files import read_recording

Document = dict[str, Any]
# A coin that the venue does not have.
UNKNOWN = "NOPE"


@dataclass
class StreamFaults:
    """Shares of messages, drawn from a seed. drop: the connection is torn, and stays down for so many messages. cut: the same in the middle of the message.
    gap: it is not sent. duplicate: it is sent twice. silence: nothing is sent for silence_s. calm_after: no fault after so many messages."""

    seed: int = 0
    drop: float = 0.0
    cut: float = 0.0
    gap: float = 0.0
    duplicate: float = 0.0
    silence: float = 0.0
    silence_s: float = 0.3
    down_messages: int = 20
    calm_after: int = 2**62
    drawn: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def draw(self) -> str:
        share = self._random.random()
        self.calm_after -= 1
        if self.calm_after < 0:
            return ""
        for name in ("drop", "cut", "gap", "duplicate", "silence"):
            share -= getattr(self, name)
            if share < 0:
                self.drawn[name] = self.drawn.get(name, 0) + 1
                return name
        return ""


class VenueStream:
    """messages: documents as the venue sends them; their times become the time at which they are played. Nothing is played before a client subscribed."""

    def __init__(self, venue: str, messages: Iterable[Document], faults: StreamFaults | None = None, pause_s: float = 0.001) -> None:
        self.venue = venue
        self.answers = VenueAnswers(venue)
        self.truth: list[Document] = []
        self.pongs = 0
        self.connections = 0
        self.finished = threading.Event()
        self._messages, self._faults, self._pause_s = messages, faults or StreamFaults(), pause_s
        self._clients: dict[ServerConnection, set[str]] = {}
        self._books: dict[str, dict[str, dict[str, str]]] = {}
        self._updates: dict[str, int] = {}
        self._down = 0
        self._stopping = False

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve on a free loopback port; gives the WebSocket address."""
        ready, found = threading.Event(), list[int]()

        async def run() -> None:
            server = await serve_socket(self._client, "127.0.0.1", 0, ping_interval=None, close_timeout=0.1, process_request=self._refuse_when_down)
            try:
                found.append(next(iter(server.sockets)).getsockname()[1])
                ready.set()
                await self._play()
                while not self._stopping:
                    await asyncio.sleep(0.01)
            finally:
                server.close()
                # A client that was stopped in the middle of a handshake may leave its connection open, and would be waited for without end.
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await server.wait_closed()

        thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
        thread.start()
        ready.wait(10)
        try:
            yield f"ws://127.0.0.1:{found[0]}"
        finally:
            self._stopping = True
            thread.join()

    def book(self, symbol: str) -> dict[str, dict[str, str]]:
        """The venue's own book of a symbol now: sides, each price → quantity."""
        return self._books[symbol]

    async def _play(self) -> None:
        # Binance's books come on a connection of their own.
        while len(self._clients) < 1 + (self.venue == "binance") and not self._stopping:
            await asyncio.sleep(0.005)
        # Hyperliquid is asked for one stream at a time: what is played between two requests would be missed.
        settled = -1
        while (subscribed := sum(map(len, self._clients.values()))) != settled and not self._stopping:
            settled = subscribed
            await asyncio.sleep(0.1)
        for document in self._messages:
            if self._stopping:
                return
            played = retimed(document, time.time_ns() // 1_000_000)
            self._remember(played)
            await self._send(played)
            await asyncio.sleep(self._pause_s)
        self._down = 0
        self.finished.set()

    async def _send(self, played: Document) -> None:
        self._down = max(0, self._down - 1)
        fault, message = self._faults.draw(), json.dumps(played, separators=(",", ":"))
        if fault == "silence":
            await asyncio.sleep(self._faults.silence_s)
        if fault == "gap":
            return
        for client, names in list(self._clients.items()):
            if stream_name(self.venue, played) not in names:
                continue
            if fault in ("drop", "cut"):
                self._down = self._faults.down_messages
                if fault == "cut":
                    # A frame that announces its whole length and brings half of it.
                    body = message.encode()
                    client.transport.write(b"\x81\x7f" + len(body).to_bytes(8, "big") + body[: len(body) // 2])
                    client.transport.close()
                else:
                    client.transport.abort()
                self._clients.pop(client, None)
                continue
            with suppress(ConnectionClosed):
                await client.send(message)
                if fault == "duplicate":
                    await client.send(message)

    def _refuse_when_down(self, connection: ServerConnection, request: Any) -> Any:
        return connection.respond(503, "down\n") if self._down else None

    async def _client(self, connection: ServerConnection) -> None:
        self.connections += 1
        with suppress(ConnectionClosed):
            async for text in connection:
                for answer in self._asked(connection, json.loads(text)):
                    await connection.send(json.dumps(answer, separators=(",", ":")))
        self._clients.pop(connection, None)

    def _asked(self, connection: ServerConnection, asked: Document) -> Iterator[Document]:
        names = self._clients.get(connection, set())
        if asked["method"] == "ping":
            self.pongs += 1
            yield {"channel": "pong"}
        elif asked["method"] == "SUBSCRIBE":
            yield {"result": None, "id": asked["id"]}
            is_public = connection.request is not None and connection.request.path.startswith("/public/")
            names.update(name for name in asked["params"] if ("@depth" in name) == is_public)
        elif asked["subscription"]["coin"] == UNKNOWN:
            yield {"channel": "error", "data": f"Invalid subscription {json.dumps(asked['subscription'])}"}
        else:
            yield {"channel": "subscriptionResponse", "data": {"method": "subscribe", "subscription": asked["subscription"]}}
            kind, coin = asked["subscription"]["type"], asked["subscription"]["coin"]
            recent = self.answers.trades.get(coin, [])[-3:]
            if kind == "trades" and recent:
                yield {"channel": "trades", "data": recent}
            names.add(f"{kind}:{coin}")
        self._clients[connection] = names

    def _remember(self, played: Document) -> None:
        self.truth.append(played)
        data = played["data"]
        if self.venue == "hyperliquid":
            if played["channel"] == "trades":
                self.answers.trades.setdefault(data[0]["coin"], []).extend(data)
            elif played["channel"] == "l2Book":
                self.answers.books[data["coin"]] = json.dumps(data).encode()
            return
        if data["e"] == "aggTrade":
            self.answers.trades.setdefault(data["s"], []).append({name: data[name] for name in ("a", "p", "q", "f", "l", "T", "m")})
        elif data["e"] == "depthUpdate":
            book = self._books.setdefault(data["s"], {"bids": {}, "asks": {}})
            for side, name in (("bids", "b"), ("asks", "a")):
                for price, quantity in data[name]:
                    book[side][price] = quantity
                    if float(quantity) == 0:
                        book[side].pop(price, None)
            levels = {side: sorted(book[side].items(), key=lambda row: float(row[0]), reverse=side == "bids") for side in book}
            self.answers.books[data["s"]] = json.dumps({"lastUpdateId": data["u"], "E": data["E"], "T": data["T"], **levels}).encode()


def stream_name(venue: str, document: Document) -> str:
    """What a client subscribed to get this message."""
    if venue == "binance":
        return str(document["stream"])
    data = document["data"]
    return f"{document['channel']}:{(data[0] if isinstance(data, list) else data)['coin']}"


_TIME = re.compile(r'"(E|T|time)":\s*(\d{13})\b')


def retimed(document: Document, now_ms: int) -> Document:
    """The same message at another time: its newest time becomes this one, the others keep their distance."""
    text = json.dumps(document)
    times = [int(found.group(2)) for found in _TIME.finditer(text)]
    moved = _TIME.sub(lambda found: f'"{found.group(1)}":{int(found.group(2)) + now_ms - max(times)}', text)
    return json.loads(moved) if times else document  # type: ignore[no-any-return]


def recorded_stream(path: Path) -> list[Document]:
    """The messages of a recorded stream."""
    return [json.loads(item.message) for item in read_recording(path)]


def generated_stream(venue: str, seed: int, symbols: tuple[str, ...], count: int) -> Iterator[Document]:
    """A seeded stream without holes: trades, books or their changes, marks and, on Binance, liquidations."""
    source = random.Random(seed)
    prices, numbers = dict.fromkeys(symbols, 60_000.0), dict.fromkeys(symbols, 1000)
    for place in range(count):
        symbol, kind = source.choice(symbols), source.random()
        prices[symbol] *= 1 + source.gauss(0, 1e-4)
        price = f"{prices[symbol]:.1f}"
        make = _binance_message if venue == "binance" else _hyperliquid_message
        yield make(source, symbol, price, kind, numbers, place)


def _binance_message(source: random.Random, symbol: str, price: str, kind: float, numbers: dict[str, int], place: int) -> Document:
    at, quantity = 1_700_000_000_000 + place, f"{source.randrange(1, 999) / 1000:.3f}"
    numbers[symbol] += 1
    if kind < 0.45:
        trades = numbers[f"{symbol}#"] = numbers.get(f"{symbol}#", 0) + 1
        data: Document = {"e": "aggTrade", "E": at, "s": symbol, "a": trades, "p": price, "q": quantity, "f": trades, "l": trades, "T": at, "m": kind < 0.2}
        return {"stream": f"{symbol.lower()}@aggTrade", "data": data}
    if kind < 0.9:
        before = numbers.get(f"{symbol}@", 0)
        last = numbers[f"{symbol}@"] = before + source.randrange(1, 4)
        # Around a price that stands still, so that no change crosses the book.
        bids = [[f"{60_000 - source.randrange(1, 40):.1f}", source.choice([quantity, "0.000", quantity])]]
        asks = [[f"{60_000 + source.randrange(1, 40):.1f}", source.choice([quantity, "0.000", quantity])]]
        data = {"e": "depthUpdate", "E": at, "T": at, "s": symbol, "U": before + 1, "u": last, "pu": before, "b": bids, "a": asks}
        return {"stream": f"{symbol.lower()}@depth@100ms", "data": data}
    if kind < 0.98:
        data = {"e": "markPriceUpdate", "E": at, "s": symbol, "p": price, "i": price, "P": price, "r": "0.00010000", "T": at}
        return {"stream": f"{symbol.lower()}@markPrice@1s", "data": data}
    order = {"s": symbol, "S": "SELL", "o": "LIMIT", "f": "IOC", "q": quantity, "p": price, "ap": price, "X": "FILLED", "l": quantity, "z": quantity, "T": at}
    return {"stream": f"{symbol.lower()}@forceOrder", "data": {"e": "forceOrder", "E": at, "o": order}}


def _hyperliquid_message(source: random.Random, symbol: str, price: str, kind: float, numbers: dict[str, int], place: int) -> Document:
    at, quantity = 1_700_000_000_000 + place, f"{source.randrange(1, 999) / 1000:.3f}"
    if kind < 0.5:
        numbers[symbol] += 1
        tid = source.randrange(2**50)
        trade = {"coin": symbol, "side": "B", "px": price, "sz": quantity, "time": at, "hash": f"0x{numbers[symbol]:x}", "tid": tid, "users": ["0xa", "0xb"]}
        return {"channel": "trades", "data": [trade]}
    if kind < 0.9:
        sides = [[{"px": f"{float(price) + sign * step:.1f}", "sz": quantity, "n": 1} for step in range(1, 4)] for sign in (-1, 1)]
        return {"channel": "l2Book", "data": {"coin": symbol, "time": at, "levels": sides}}
    context = {"funding": "0.0000125", "openInterest": quantity, "prevDayPx": price, "dayNtlVlm": "1000.0", "oraclePx": price, "markPx": price, "midPx": price}
    return {"channel": "activeAssetCtx", "data": {"coin": symbol, "ctx": context}}
