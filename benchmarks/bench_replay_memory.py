"""Memory of a day's replay: the peak of its first hour against the peak of the whole day, for a recording and for an event store.

A seeded day of Binance-style messages (aggregate trades, depth changes of a living book, marks) of several symbols is written once as a recording and once
through the collection into a store. Each replay runs in a process of its own; its peak is the process's largest resident size. Nothing may grow with time:
target peak of the day ≤ 1.2 × peak of the first hour.
`python benchmarks/bench_replay_memory.py --rate 10 --symbols 8 --out memory.json`
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tallystick.adapters.event_store.store import EventStore
from tallystick.adapters.venues.binance.live import BinanceLive
from tallystick.apps.observe_replay import replay
from tallystick.apps.replay_result import decoder_of
from tallystick.artifacts.paths import Workspace, get_event_store_dir
from tallystick.observation.collection import Collection
from tallystick.observation.ports import Answer, Frame, Link

S = 1_000_000_000
START_NS = 1_700_006_400 * S
TARGET = 1.2
# getrusage would count what the parent held when it started the child; this mark begins anew with the program.
STATUS = Path("/proc/self/status")
LEVELS = 200


class Symbol:
    """A market whose price walks and whose book follows it, so that levels come and go all day."""

    def __init__(self, name: str, source: random.Random) -> None:
        self.name, self.source, self.price = name, source, 50_000.0
        self.trades = self.update = 0
        self.books: dict[str, dict[str, str]] = {"b": {}, "a": {}}

    def message(self, at_ms: int) -> dict[str, Any]:
        kind = self.source.random()
        self.price *= 1 + self.source.gauss(0, 2e-5)
        name, quantity = self.name.lower(), f"{self.source.random() * 2 + 0.001:.3f}"
        if kind < 0.45:
            self.trades += 1
            data: dict[str, Any] = {"e": "aggTrade", "E": at_ms, "s": self.name, "a": self.trades, "p": f"{self.price:.1f}", "q": quantity}
            return {"stream": f"{name}@aggTrade", "data": data | {"f": 1, "l": 1, "T": at_ms, "m": kind < 0.2}}
        if kind < 0.95:
            before, self.update = self.update, self.update + self.source.randrange(1, 9)
            changes = {side: self._changes(side, quantity) for side in ("b", "a")}
            data = {"e": "depthUpdate", "E": at_ms, "T": at_ms, "s": self.name, "U": before + 1, "u": self.update, "pu": before, **changes}
            return {"stream": f"{name}@depth@100ms", "data": data}
        price = f"{self.price:.1f}"
        return {
            "stream": f"{name}@markPrice@1s",
            "data": {"e": "markPriceUpdate", "E": at_ms, "s": self.name, "p": price, "i": price, "r": "0.0001", "T": at_ms},
        }

    def _changes(self, side: str, quantity: str) -> list[list[str]]:
        book, sign = self.books[side], -1 if side == "b" else 1
        crossed = [price for price in book if sign * (float(price) - self.price) <= 0]
        far = [self.source.choice(list(book))] if len(book) > LEVELS else []
        new = f"{self.price + sign * (1 + self.source.expovariate(0.05)):.1f}"
        changes = {**dict.fromkeys([*crossed, *far], "0.000"), new: quantity}
        for price, size in changes.items():
            if size == "0.000":
                del book[price]
            else:
                book[price] = size
        return [list(row) for row in changes.items()]

    def snapshot(self, at_ms: int) -> bytes:
        bids, asks = (list(self.books[side].items()) for side in ("b", "a"))
        return json.dumps({"lastUpdateId": self.update, "E": at_ms, "T": at_ms, "bids": bids, "asks": asks}).encode()


def day(seed: int, rate: float, names: tuple[str, ...], hours: float) -> Iterator[tuple[int, bytes]]:
    """(receive time, message), `rate` a second over all symbols."""
    source = random.Random(seed)
    symbols = [Symbol(name, source) for name in names]
    count = int(rate * 3600 * hours)
    for place in range(count):
        at_ns = START_NS + int(place * S / rate)
        yield at_ns + 3_000_000, json.dumps(source.choice(symbols).message(at_ns // 1_000_000), separators=(",", ":")).encode()


def written(root: Path, messages: Iterator[tuple[int, bytes]], names: tuple[str, ...]) -> dict[str, Path]:
    """The same messages as a recording and as a store."""
    recording = root / "day.txt.gz"
    folder = get_event_store_dir(Workspace(root), "binance")
    live = BinanceLive()
    with gzip.open(recording, "wb", compresslevel=1) as out, EventStore(folder, "binance") as store:
        collection = Collection("binance", names, live.streams, store, lambda symbols: decoder_of("binance", symbols))
        collection.start(START_NS)
        collection.take(Link(True, START_NS))
        for name in names:
            empty = json.dumps({"lastUpdateId": 0, "bids": [], "asks": []}).encode()
            out.write(b"https://local/fapi/v1/depth?symbol=%s -> %d.0: %s\n" % (name.encode(), START_NS // S, empty))
            collection.take(Answer(empty, START_NS, f"/fapi/v1/depth?symbol={name}"))
        for received_ns, message in messages:
            out.write(b"%d %s\n" % (received_ns, message))
            collection.take(Frame(message, received_ns))
    return {"recording": recording, "store": folder}


def replayed(path: Path, root: Path) -> dict[str, Any]:
    """What a child process answers about itself."""
    began = time.perf_counter()
    document = replay(root, path, "binance").as_document()
    peak = next(int(line.split()[1]) / 1024 for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    counters = document["counters"]
    return {
        "peak_mb": round(peak, 1),
        "seconds": round(time.perf_counter() - began, 1),
        "messages": counters["messages_in"],
        "decoded_pct": document["decoded_pct"],
    }


def child(path: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as root:
        out = subprocess.run([sys.executable, __file__, "--child", str(path), "--root", root], check=True, capture_output=True, text=True).stdout
    return json.loads(out)  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=10.0, help="messages a second over all symbols")
    parser.add_argument("--symbols", type=int, default=8)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(replayed(arguments.child, arguments.root)))
        return
    names = tuple(f"S{number}USDT" for number in range(arguments.symbols))
    found: dict[str, Any] = {"rate": arguments.rate, "symbols": arguments.symbols, "hours": arguments.hours, "target": TARGET}
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as whole:
        paths = [written(Path(root), day(arguments.seed, arguments.rate, names, hours), names) for root, hours in ((first, 1.0), (whole, arguments.hours))]
        for form in ("recording", "store"):
            hour, full = (child(item[form]) for item in paths)
            ratio = full["peak_mb"] / hour["peak_mb"]
            found[form] = {"first_hour": hour, "day": full, "ratio": round(ratio, 3), "flat": ratio <= TARGET}
            speed = full["messages"] / full["seconds"]
            print(f"{form:9}  first hour {hour['peak_mb']:7.1f} MB  day {full['peak_mb']:7.1f} MB  ratio {ratio:.3f}  {speed:,.0f} messages/s")
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
