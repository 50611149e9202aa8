"""A loopback server that answers questions for candles as Hyperliquid and Binance USD-M do, cuts them to what was asked, and misbehaves on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

HOUR_MS = 3_600_000
# Open time, open, high, low, close, volume, quote volume, trades: the numbers as text.
Bar = tuple[int, str, str, str, str, str, str, int]


def walk(symbol: str, start_ms: int, count: int, step_ms: int = HOUR_MS) -> list[Bar]:
    """A seeded walk in the digits that venues use."""
    rng = np.random.default_rng(sum(symbol.encode()))
    closes = np.round(100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, count))), 2)
    bars: list[Bar] = []
    for place, close in enumerate(closes.tolist()):
        opened = closes[place - 1].item() if place else 100.0
        low, high = round(min(opened, close) - 0.5, 2), round(max(opened, close) + 0.5, 2)
        volume = round(float(rng.uniform(1, 50)), 3)
        bars.append(
            (start_ms + place * step_ms, f"{opened:.2f}", f"{high:.2f}", f"{low:.2f}", f"{close:.2f}", f"{volume:.3f}", f"{volume * close:.5f}", place + 1)
        )
    return bars


@dataclass
class Misdeed:
    """What the server does instead of answering: a status with headers and bytes, or no answer at all (status 0)."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class CandleVenue:
    """What the server has, what it was asked, and how it misbehaves. misdeeds: by the number of the question, from 1; after: from that number on."""

    bars: dict[str, list[Bar]]
    interval: str = "1h"
    step_ms: int = HOUR_MS
    asked: list[str] = field(default_factory=list)
    misdeeds: dict[int, Misdeed] = field(default_factory=dict)
    after: tuple[int, Misdeed] | None = None
    answers: dict[str, bytes] = field(default_factory=dict)
    gate: threading.Event | None = None
    gated_from: int = 0

    def misdeed(self) -> Misdeed | None:
        number = len(self.asked)
        if self.after is not None and number >= self.after[0]:
            return self.after[1]
        return self.misdeeds.get(number)

    def chosen(self, symbol: str, first_ms: int, last_ms: int, limit: int) -> list[Bar]:
        return [bar for bar in self.bars[symbol] if first_ms <= bar[0] <= last_ms][:limit]

    def hyperliquid(self, body: dict[str, Any]) -> tuple[int, bytes]:
        if body["type"] == "meta":
            return 200, json.dumps({"universe": [{"name": name, "szDecimals": 2, "maxLeverage": 10} for name in sorted(self.bars)]}).encode()
        asked = body["req"]
        if asked["coin"] not in self.bars:
            return 500, b"null"
        if asked["coin"] in self.answers:
            return 200, self.answers[asked["coin"]]
        rows = [
            {"t": t, "T": t + self.step_ms - 1, "s": asked["coin"], "i": asked["interval"], "o": o, "c": c, "h": h, "l": low, "v": v, "n": n}
            for t, o, h, low, c, v, _, n in self.chosen(asked["coin"], asked["startTime"], asked["endTime"], 5000)
        ]
        return 200, json.dumps(rows).encode()

    def binance(self, query: dict[str, str]) -> tuple[int, bytes]:
        symbol = query["symbol"]
        if symbol not in self.bars:
            return 400, b'{"code":-1121,"msg":"Invalid symbol."}'
        if symbol in self.answers:
            return 200, self.answers[symbol]
        rows = [
            [t, o, h, low, c, v, t + self.step_ms - 1, q, n, "0", "0", "0"]
            for t, o, h, low, c, v, q, n in self.chosen(symbol, int(query["startTime"]), int(query["endTime"]), int(query["limit"]))
        ]
        return 200, json.dumps(rows).encode()


@contextmanager
def candle_server(venue: CandleVenue) -> Iterator[str]:
    """Serve on a free loopback port; gives the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            self._give(json.dumps(body), lambda: venue.hyperliquid(body))

        def do_GET(self) -> None:
            query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
            self._give(self.path, lambda: venue.binance(query))

        def _give(self, asked: str, answer: Any) -> None:
            venue.asked.append(asked)
            if venue.gate is not None and len(venue.asked) >= venue.gated_from:
                venue.gate.wait(30)
            misdeed = venue.misdeed()
            if misdeed is not None and misdeed.status == 0:
                self.close_connection = True
                return
            status, content = (misdeed.status, misdeed.body) if misdeed is not None else answer()
            self.send_response(status)
            for name, text in (misdeed.headers if misdeed is not None else {}).items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        if venue.gate is not None:
            venue.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()
