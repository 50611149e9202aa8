"""A recording of trades through `observe replay`: runs of trades as columns beside the same messages one by one, with the same snapshot at the end.

`replay` is the whole command without its start: decode and count, decode again, and the room. `decode` is one pass of the first of these.
`python benchmarks/bench_observe_replay.py --lines 300000 --out replay.json`
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.apps import observe_replay
from tallystick.apps.observe_replay import decoded_parts, replay

COINS = ("BTC", "ETH", "SOL", "DOGE", "HYPE", "ARB", "kPEPE", "AVAX")
START_NS = 1_700_000_000_000_000_000
LINE = '%d {"channel":"trades","data":[{"coin":"%s","side":"%s","px":"%.5g","sz":"%.5f","time":%d,"hash":"0x%064x","tid":%d,"users":["0x%040x","0x%040x"]}]}\n'


def recorded(count: int, seed: int, folder: Path) -> Path:
    """Trades of eight coins whose prices walk, about fifty a second."""
    rng = np.random.default_rng(seed)
    times = START_NS + np.cumsum(rng.integers(0, 40, count)) * 1_000_000
    coins, sides = rng.integers(0, len(COINS), count), rng.integers(0, 2, count)
    prices = 10.0 ** (coins % 5) * np.exp(np.cumsum(rng.normal(0.0, 2e-5, count)))
    sizes = rng.lognormal(5.0, 1.5, count) / prices
    path = folder / "trades.jsonl"
    with path.open("w") as file:
        for number, (at_ns, coin, side, price, size) in enumerate(zip(times.tolist(), coins.tolist(), sides.tolist(), prices, sizes, strict=True)):
            file.write(LINE % (at_ns + 5_000_000, COINS[coin], "AB"[side], price, size + 1e-5, at_ns // 1_000_000, number, number, number, number))
    return path


def timed(work: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """The best of some runs after one that compiles, and what it answered."""
    found, best = work(), float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        found = work()
        best = min(best, time.perf_counter() - start)
    return best, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = recorded(arguments.lines, arguments.seed, folder)
        decode, _ = timed(lambda: sum(map(len, decoded_parts(hyperliquid_decoder(), path, path.name, worth_bytes=0))), arguments.runs)
        columns, whole = timed(lambda: replay(folder / "workspace", path, "hyperliquid").as_document(), arguments.runs)
        observe_replay.WORTH_BLOCKS = 2**62
        alone, one_by_one = timed(lambda: replay(folder / "workspace", path, "hyperliquid").as_document(), 1)
    assert whole == one_by_one
    assert whole["snapshot"]["counters"]["events_decoded"] == arguments.lines
    document = {
        "benchmark": "observe_replay",
        "lines": arguments.lines,
        "lines_per_second": {way: round(arguments.lines / spent) for way, spent in (("decode", decode), ("replay", columns), ("one_by_one", alone))},
        "replay_times_one_by_one": round(alone / columns, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "python": platform.python_version(),
    }
    text = json.dumps(document, indent=2)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
