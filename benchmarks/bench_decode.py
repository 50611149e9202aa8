"""Decode and normalise one million Hyperliquid-style trade lines: the decoder with every check on, beside bare parsers, in one run. JSON out.

`blocks`: the same decoder over a recording on disk, as `observe replay` reads it: checked columns. DuckDB reads the same recording into typed columns,
unchecked; it is no dependency: `--duckdb PYTHON` names the interpreter of a throw-away environment that has it
(`uv venv /somewhere && uv pip install --python /somewhere/bin/python duckdb`). Without it the document says that it was left out.

Run: python benchmarks/bench_decode.py [--lines 1000000] [--duckdb /somewhere/bin/python]
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from tallystick.adapters.venues.hyperliquid import wire
from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.adapters.venues.hyperliquid.trade_blocks import BlockDecoder
from tallystick.contracts.market_events import VenueEvent


class Normalised(msgspec.Struct, gc=False, frozen=True):
    time_ns: int
    coin: str
    side: int
    price: str
    quantity: str
    trade_id: int


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


def normalised_structs(first: int, lines: list[bytes]) -> int:
    """Parse, and one frozen typed struct a trade, without a single check: what a fast Python adapter does."""
    decode, found = msgspec.json.Decoder(wire.TradesMessage).decode, 0
    for message in lines:
        for item in decode(message).data:
            Normalised(item.time * 1_000_000, item.coin, 1 if item.side == "B" else -1, item.px, item.sz, item.tid)
            found += 1
    return found


def standard_library(first: int, lines: list[bytes]) -> int:
    return sum(len(json.loads(message)["data"]) for message in lines)


DUCKDB = """
import json, sys, time
import duckdb
connection = duckdb.connect()
connection.execute("set threads=2")
fields = "coin VARCHAR, side VARCHAR, px VARCHAR, sz VARCHAR, time BIGINT, tid BIGINT"
query = f'''create or replace temp table t as select d.time*1000000 ts, d.coin coin, case when d.side='B' then 1 else -1 end side, d.px::double px,
d.sz::double sz, d.tid tid from (select unnest(data) d from read_ndjson('{sys.argv[1]}', columns={{data:'STRUCT({fields})[]'}}))'''
spent = []
for _ in range(3):
    start = time.perf_counter()
    connection.execute(query)
    spent.append(time.perf_counter() - start)
print(json.dumps({"count": connection.execute("select count(*) from t").fetchone()[0], "seconds": min(spent)}))
"""


def recorded(count: int, folder: Path) -> Path:
    """The same lines as a recording of bare JSON."""
    path = folder / "trades.jsonl"
    with path.open("wb") as file:
        for _, lines in batches(count):
            file.write(b"\n".join(lines) + b"\n")
    return path


def blocks(path: Path, count: int) -> float:
    """Messages a second through `BlockDecoder`, reading included; the best of three, the first of which compiles."""
    best = math.inf
    for _ in range(4):
        start, found = time.perf_counter(), 0
        for item in BlockDecoder(hyperliquid_decoder()).decode(path):
            found += len(item)
        best = min(best, time.perf_counter() - start)
        assert found == count
    return count / best


def duckdb(python: Path, path: Path, count: int) -> float:
    done = subprocess.run([python, "-c", DUCKDB, path], capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["count"] == count
    return float(count / answer["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--duckdb", type=Path, help="an interpreter that has DuckDB")
    arguments = parser.parse_args()
    count = arguments.lines
    contenders = {
        "decoder": ours(),
        "msgspec structs, bare": bare_structs,
        "msgspec structs, normalised, unchecked": normalised_structs,
        "msgspec structs to events, unchecked": structs_to_events,
        "json": standard_library,
    }
    rates = {name: round(measure(count, work)) for name, work in contenders.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = recorded(count, Path(folder))
        rates["blocks"] = round(blocks(path, count))
        if arguments.duckdb is not None:
            rates["duckdb"] = round(duckdb(arguments.duckdb, path, count))
    floor = rates["msgspec structs to events, unchecked"]
    document = {
        "benchmark": "decode",
        "lines": count,
        "messages_per_second": rates,
        "decoder_cost_over_unchecked_events": round(floor / rates["decoder"], 2),
        "decoder_cost_over_normalised_structs": round(rates["msgspec structs, normalised, unchecked"] / rates["decoder"], 2),
        "blocks_times_bare_structs": round(rates["blocks"] / rates["msgspec structs, bare"], 2),
        "blocks_times_duckdb": round(rates["blocks"] / rates["duckdb"], 2) if "duckdb" in rates else "left out: no --duckdb",
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
