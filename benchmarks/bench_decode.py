"""Decode and normalise one million Hyperliquid-style trade lines: the decoder with every check on, beside bare parsers, in one run. JSON out.

Run: python benchmarks/bench_decode.py [--lines 1000000]
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator

import msgspec

from tallystick.adapters.venues.hyperliquid import wire
from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.contracts.market_events import VenueEvent

COINS = (b"BTC", b"ETH", b"SOL", b"DOGE", b"HYPE", b"ARB", b"kPEPE", b"AVAX")
START_MS = 1_700_000_000_000
BATCH = 50_000
LINE = b'{"channel":"trades","data":[{"coin":"%s","side":"%s","px":"%d.%d","sz":"0.%05d","time":%d,"hash":"0x%064x","tid":%d,"users":["0x%040x","0x%040x"]}]}'


def line(number: int) -> bytes:
    """Trade number n: the same number gives the same bytes."""
    mixed = number * 2_654_435_761 % 2**32
    return LINE % (
        COINS[number % 8], b"AB"[number % 2 : number % 2 + 1], 20_000 + mixed % 80_000, mixed % 10, 1 + mixed % 99_999,
        START_MS + number, mixed, 10**14 + number * 7, mixed * 3, mixed * 5,
    )  # fmt: skip


def batches(count: int) -> Iterator[tuple[int, list[bytes]]]:
    for first in range(0, count, BATCH):
        yield first, [line(number) for number in range(first, min(first + BATCH, count))]


def measure(count: int, work: Callable[[int, list[bytes]], int]) -> float:
    """Messages a second; making the lines is not counted."""
    spent = found = 0
    for first, lines in batches(count):
        gc.collect()
        start = time.perf_counter_ns()
        found += work(first, lines)
        spent += time.perf_counter_ns() - start
    assert found == count
    return count / (spent / 1e9)


def ours() -> Callable[[int, list[bytes]], int]:
    decoder = hyperliquid_decoder()

    def work(first: int, lines: list[bytes]) -> int:
        decode, received_ns = decoder.decode, (START_MS + first) * 1_000_000
        return sum(len(decode(message, received_ns + place * 1_000_000 + 5_000_000)) for place, message in enumerate(lines))

    return work


def bare_structs(first: int, lines: list[bytes]) -> int:
    decode = msgspec.json.Decoder(wire.TradesMessage).decode
    return sum(len(decode(message).data) for message in lines)


def structs_to_events(first: int, lines: list[bytes]) -> int:
    """The least that any decoder must do to give the same events: parse, and build them, without a single check."""
    decode, found = msgspec.json.Decoder(wire.TradesMessage).decode, 0
    sides = {"A": "sell", "B": "buy"}
    for place, message in enumerate(lines):
        for item in decode(message).data:
            values = {"price": item.px, "quantity": item.sz, "side": sides[item.side], "trade_id": item.tid}
            time_ns = item.time * 1_000_000
            VenueEvent(first + place, "TRADE", "hyperliquid", item.coin, time_ns, time_ns, f"feed:{place}", "venue", values)
            found += 1
    return found


def standard_library(first: int, lines: list[bytes]) -> int:
    return sum(len(json.loads(message)["data"]) for message in lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=1_000_000)
    count = parser.parse_args().lines
    contenders = {"decoder": ours(), "msgspec structs, bare": bare_structs, "msgspec structs to events, unchecked": structs_to_events, "json": standard_library}
    rates = {name: round(measure(count, work)) for name, work in contenders.items()}
    floor = rates["msgspec structs to events, unchecked"]
    document = {
        "benchmark": "decode",
        "lines": count,
        "messages_per_second": rates,
        "decoder_cost_over_unchecked": round(floor / rates["decoder"], 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
