"""A loopback server for the REST part of both venues: recorded answers, bar history in pages as each venue pages it, and seeded faults.

    answers = VenueAnswers("binance", recorded_answers("binance"), {("BTCUSDT", "1h"): generated_bars(seed=1, open_ms=START_MS, step_ms=3_600_000, count=5000)})
    answers.faults = AnswerFaults(seed=3, too_many=0.2, drop=0.1)
    with serve(answers) as base_url: ...
    answers.asked    # every request that was read, in order

Binance is asked by GET (`/fapi/v1/klines?…`), Hyperliquid by POST `/info`. What is not known answers as the venue does.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.shared_data import shared_data
from tests.fakes.venue_messages import account_state
from tests.fakes.venue_server import question

from tallystick.adapters.recordings.recording_files import read_recording

# One bar in Binance's layout: [open time, open, high, low, close, volume, close time, quote volume, trades, taker base, taker quote, ignored].
BarRow = list[Any]
BINANCE_PAGE, BINANCE_MOST = 500, 1500
HYPERLIQUID_MOST = 5000


@dataclass
class AnswerFaults:
    """Shares of requests, drawn from a seed: 429 with Retry-After, 503, a connection closed without an answer, an answer cut in its middle.

    in_a_row: after so many faults one request is answered well, so that a patient caller always comes through.
    """

    seed: int = 0
    too_many: float = 0.0
    server_error: float = 0.0
    drop: float = 0.0
    cut: float = 0.0
    in_a_row: int = 2
    retry_after_s: float = 0.01
    drawn: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._last = 0

    def draw(self) -> str:
        """The next request's fault; empty for none."""
        share, found = self._random.random(), ""
        for name in ("too_many", "server_error", "drop", "cut"):
            share -= getattr(self, name)
            if share < 0:
                found = name
                break
        self._last = self._last + 1 if found else 0
        if self._last > self.in_a_row:
            found, self._last = "", 0
        if found:
            self.drawn[found] = self.drawn.get(found, 0) + 1
        return found


@dataclass
class VenueAnswers:
    """What a venue answers. recorded: by question (see `recorded_answers`); bars: by symbol and interval, rising; trades: by symbol, rising, as the venue
    writes them (`aggTrades` rows or `recentTrades` entries); books: by symbol; accounts: by address, what each holds of each coin at `price`,
    told at the time of asking. All may change while the server runs."""

    venue: str
    recorded: Mapping[str, bytes] = field(default_factory=dict)
    bars: Mapping[tuple[str, str], Sequence[BarRow]] = field(default_factory=dict)
    trades: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    books: dict[str, bytes] = field(default_factory=dict)
    accounts: dict[str, dict[str, str]] = field(default_factory=dict)
    price: float = 60_000.0
    faults: AnswerFaults | None = None
    recent: int = 10
    asked: list[str] = field(default_factory=list)

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """Status and content."""
        if method == "POST":
            self.asked.append(body.decode("utf-8", "replace"))
            try:
                return self._hyperliquid(json.loads(body))
            except (ValueError, KeyError, TypeError):
                return 422, b"Failed to deserialize the JSON body into the target type"
        self.asked.append(target)
        parts = urlsplit(target)
        try:
            return self._binance(parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()})
        except (ValueError, KeyError):
            return 400, b'{"code":-1102,"msg":"Mandatory parameter was not sent, was empty/null, or malformed."}'

    def _hyperliquid(self, body: dict[str, Any]) -> tuple[int, bytes]:
        kind = body["type"]
        if kind == "candleSnapshot":
            asked = body["req"]
            rows = self.bars.get((asked["coin"], asked["interval"]))
            if rows is not None:
                chosen = [row for row in rows if row[0] >= asked["startTime"] and row[0] <= asked.get("endTime", 2**62)][-HYPERLIQUID_MOST:]
                return 200, _json([_candle(row, asked["coin"], asked["interval"]) for row in chosen])
        if kind == "recentTrades" and body["coin"] in self.trades:
            return 200, _json(self.trades[body["coin"]][: -self.recent - 1 : -1])
        if kind == "l2Book" and body["coin"] in self.books:
            return 200, self.books[body["coin"]]
        if kind == "clearinghouseState" and body["user"] in self.accounts:
            return 200, _json(account_state(time.time_ns() // 1_000_000, self.price, **self.accounts[body["user"]]))
        found = self.recorded.get(question(body)) or self.recorded.get(kind)
        # An unknown coin is answered with null, an unknown type refused.
        return (200, found) if found is not None else (200, b"null") if "coin" in body else (422, b"Failed to deserialize the JSON body into the target type")

    def _binance(self, path: str, asked: dict[str, str]) -> tuple[int, bytes]:
        name, symbol = path.rsplit("/", 1)[-1], asked.get("symbol", "")
        if name == "ping":
            return 200, b"{}"
        if name == "klines":
            rows = self.bars.get((symbol, asked["interval"]))
            if rows is None:
                return 400, b'{"code":-1121,"msg":"Invalid symbol."}'
            return 200, _json(_page(rows, [row[0] for row in rows], asked, BINANCE_PAGE, BINANCE_MOST))
        if name == "aggTrades" and symbol in self.trades:
            trades = self.trades[symbol]
            if "fromId" in asked:
                trades = [trade for trade in trades if trade["a"] >= int(asked["fromId"])]
                return 200, _json(trades[: min(int(asked.get("limit", 500)), 1000)])
            return 200, _json(_page(trades, [trade["T"] for trade in trades], asked, 500, 1000))
        if name == "depth" and symbol in self.books:
            return 200, self.books[symbol]
        found = self.recorded.get(f"{path}?symbol={symbol}") or self.recorded.get(path)
        if found is not None:
            return 200, found
        return 400, b'{"code":-1121,"msg":"Invalid symbol."}' if symbol else b'{"code":-1,"msg":"not recorded"}'


def _page(rows: Sequence[Any], times: Sequence[int], asked: dict[str, str], page: int, most: int) -> Sequence[Any]:
    """From a start the oldest rows, without one the newest, as Binance gives them."""
    limit = min(int(asked.get("limit", page)), most)
    start, end = int(asked.get("startTime", 0)), int(asked.get("endTime", 2**62))
    chosen = [row for row, at in zip(rows, times, strict=True) if start <= at <= end]
    return chosen[:limit] if "startTime" in asked else chosen[-limit:]


def _candle(row: BarRow, coin: str, interval: str) -> dict[str, Any]:
    return {"t": row[0], "T": row[6], "s": coin, "i": interval, "o": row[1], "c": row[4], "h": row[2], "l": row[3], "v": row[5], "n": row[8]}


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def generated_bars(seed: int, open_ms: int, step_ms: int, count: int, price: float = 100.0) -> list[BarRow]:
    """A seeded walk of bars without holes; prices with two decimals, quantities with three."""
    source, rows = random.Random(seed), []
    for place in range(count):
        start = open_ms + place * step_ms
        close = max(0.01, price * (1 + source.gauss(0, 0.004)))
        high, low = max(price, close) * (1 + source.random() * 0.002), min(price, close) * (1 - source.random() * 0.002)
        volume = source.lognormvariate(4, 1)
        texts = [f"{value:.2f}" for value in (price, high, low, close)]
        trades = source.randrange(1, 500)
        rows.append(
            [start, *texts, f"{volume:.3f}", start + step_ms - 1, f"{volume * close:.5f}", trades, f"{volume / 2:.3f}", f"{volume * close / 2:.5f}", "0"]
        )
        price = float(texts[3])
    return rows


def recorded_answers(venue: str) -> dict[str, bytes]:
    """The recorded REST answers of a venue in the shared payloads, by question: `type` or `type:coin` of a posted body, `<path>?symbol=<symbol>` of a GET."""
    root, found = shared_data() / "payloads" / venue, dict[str, bytes]()
    if venue == "binance":
        for item in read_recording(root / "cryptofeed_recordings" / "BINANCE_FUTURES.http.0.0.txt.gz"):
            parts = urlsplit(item.asked)
            found[f"{parts.path}?symbol={parse_qs(parts.query)['symbol'][0]}"] = item.message
        return found
    for folder in ("go_hyperliquid_cassettes", "python_sdk_cassettes"):
        for path in sorted((root / folder).glob("*.yaml")):
            for item in read_recording(path):
                body = json.loads(item.asked)
                if "type" in body and body.get("dex", "") == "" and item.message != b"[]":
                    found.setdefault(question(body), item.message)
    found["recentTrades:BTC"] = (root / "nautilus_test_data" / "http_recent_trades_btc.json").read_bytes()
    return found


@contextmanager
def serve(answers: VenueAnswers) -> Iterator[str]:
    """Serve on a free loopback port; gives the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self._answer("POST", self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        def do_GET(self) -> None:
            self._answer("GET", b"")

        def _answer(self, method: str, body: bytes) -> None:
            fault = answers.faults.draw() if answers.faults else ""
            if fault == "drop":
                answers.asked.append(f"dropped {self.path}")
                self.close_connection = True
                return
            status, content = answers.answer(method, self.path, body) if fault in ("", "cut") else (0, b"")
            if fault == "too_many":
                status, content = 429, b'{"code":-1003,"msg":"Too many requests"}'
            elif fault == "server_error":
                status, content = 503, b"Service Unavailable"
            self.send_response(status)
            if status == 429 and answers.faults:
                self.send_header("Retry-After", f"{answers.faults.retry_after_s:g}")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if fault == "cut" else content)
            self.close_connection = self.close_connection or fault == "cut"

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
