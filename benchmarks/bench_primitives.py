"""All primitives over generated trades of several symbols: the streaming kernels of the room beside one hand-fused loop, and live ingestion.

The fused loop does the same steps for a trade (level memory, promotion, window of trades) in one function over plain arrays without any state object,
without a lifecycle and without the measurement: it is the floor, not a rival. `measured_every_second` adds what the floor never does: all primitives of
every symbol, measured over the trailing minute at every second.
`python benchmarks/bench_primitives.py --trades 1000000 --symbols 8 --out primitives.json`
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.contracts.observation import RawMarketEvent
from tallystick.kernels.kernel import kernel
from tallystick.kernels.level_memory import bucket_of
from tallystick.kernels.primitives_room import EventColumns
from tallystick.observation.config import ObservationConfig
from tallystick.observation.governance import Observation
from tallystick.observation.history import measure_history

S = 1_000_000_000
START = 1_700_000_000 * S
OFFSET, BUCKETS = 20_000, 40_000


def generated(trades: int, symbols: int, seed: int) -> tuple[EventColumns, NDArray[int64]]:
    rng = np.random.default_rng(seed)
    times = START + np.cumsum(rng.integers(0, 20_000_000, trades))
    rows = rng.integers(0, symbols, trades)
    prices = np.empty(trades)
    for s in range(symbols):
        mine = rows == s
        prices[mine] = 10.0 ** (s % 5) * np.cumprod(1.0 + rng.normal(0.0, 1e-4, int(mine.sum())))
    quantities = rng.lognormal(5.0, 1.5, trades) / prices
    none = np.empty((0, 2, 5, 2))
    return EventColumns(np.zeros(trades, dtype=np.int64), rows, times, prices, quantities, rng.integers(0, 2, trades), none), times


@kernel
def fused(
    rows: NDArray[int64],
    times_ns: NDArray[int64],
    prices: NDArray[float64],
    quantities: NDArray[float64],
    sides: NDArray[int64],
    nodes: NDArray[float64],
    ring: NDArray[float64],
    means: NDArray[float64],
    windows: NDArray[float64],
) -> int:
    """Trades only: touches[2 · bucket + side] in a flat table, the ring of prices, the one-second baseline; answers how many were promoted."""
    promoted = 0
    for e in range(rows.shape[0]):
        s, price, quantity = rows[e], prices[e], quantities[e]
        bucket = bucket_of(price, 10.0) + OFFSET
        own = 2 * bucket + sides[e]
        for key in range(2 * bucket, 2 * bucket + 2):
            if nodes[s, key, 0] > 0.0:
                gap = (times_ns[e] - nodes[s, key, 1]) / 1e9
                off = gap - nodes[s, key, 2]
                nodes[s, key, 2] += off / nodes[s, key, 0]
                nodes[s, key, 3] += off * (gap - nodes[s, key, 2])
                nodes[s, key, 0] += 1.0
                nodes[s, key, 1] = times_ns[e]
                nodes[s, key, 4 + sides[e]] += quantity
        if nodes[s, own, 0] == 0.0 and price * quantity >= 1000.0:
            nodes[s, own, 0] = 1.0
            nodes[s, own, 1] = times_ns[e]
        second = times_ns[e] // S
        if second != windows[s, 0]:
            if windows[s, 2] > 0.0:
                kept = int(windows[s, 3])
                means[s, kept % 60] = windows[s, 1] / windows[s, 2]
                windows[s, 3] += 1.0
                used = min(60, kept + 1)
                mean = means[s, :used].sum() / used
                windows[s, 4] = mean
                windows[s, 5] = math.sqrt(((means[s, :used] - mean) ** 2).sum() / used)
            windows[s, 0] = second
            windows[s, 1] = 0.0
            windows[s, 2] = 0.0
        if windows[s, 3] >= 10.0 and quantity > windows[s, 4] + 2.0 * windows[s, 5]:
            promoted += 1
        windows[s, 1] += quantity
        windows[s, 2] += 1.0
        ring[s, e % 500] = price
    return promoted


def run_fused(columns: EventColumns, symbols: int) -> int:
    state = np.zeros((symbols, 2 * BUCKETS, 6)), np.zeros((symbols, 500)), np.zeros((symbols, 60)), np.zeros((symbols, 6))
    return int(fused(columns.rows, columns.times_ns, columns.prices, columns.quantities, columns.sides, *state))


def timed(work: Callable[[], object], runs: int) -> float:
    work()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def live_us(columns: EventColumns, symbols: int, events: int, batch: int) -> float:
    """Microseconds for one trade through ingestion and the kernels, in batches of one arrival, with a reading at every second and at the end."""
    names = tuple(f"S{s}" for s in range(symbols))
    room, spent, read = Observation(names), 0.0, 0
    for start in range(0, events, batch):
        chosen = range(start, min(start + batch, events))
        now = int(columns.times_ns[chosen[-1]])
        raw = [
            RawMarketEvent(
                "TRADE",
                names[columns.rows[e]],
                int(columns.times_ns[e]),
                {"price": float(columns.prices[e]), "quantity": float(columns.quantities[e]), "side": "sell" if columns.sides[e] else "buy"},
                f"b:{e}",
            )
            for e in chosen
        ]
        begin = time.perf_counter()
        room.ingest(now, raw)
        # What a reading takes beyond the events that waited for it is no matter of the events.
        if now // S != read or chosen[-1] == events - 1:
            room.level_counts()
            read = now // S
        spent += time.perf_counter() - begin
    return spent / events * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trades", type=int, default=1_000_000)
    parser.add_argument("--symbols", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    arguments = parser.parse_args()

    columns, times = generated(arguments.trades, arguments.symbols, arguments.seed)
    none, config = np.empty(0, dtype=np.int64), ObservationConfig()
    seconds_apart = np.arange(times[0] // S + 1, times[-1] // S + 1) * S
    seconds = {
        "fused_floor": timed(lambda: run_fused(columns, arguments.symbols), arguments.runs),
        "streamed": timed(lambda: measure_history(arguments.symbols, columns, times, none, config), arguments.runs),
        "measured_every_second": timed(lambda: measure_history(arguments.symbols, columns, times, seconds_apart, config), arguments.runs),
    }
    ours = measure_history(arguments.symbols, columns, times, none, config)
    result = {
        "benchmark": "primitives",
        "trades": arguments.trades,
        "symbols": arguments.symbols,
        "measurements": int(seconds_apart.size) * arguments.symbols,
        "events_per_second": {name: round(arguments.trades / spent) for name, spent in seconds.items()},
        "times_fused_floor": {name: round(seconds[name] / seconds["fused_floor"], 2) for name in ("streamed", "measured_every_second")},
        "live_us_per_trade": {str(batch): round(live_us(columns, arguments.symbols, 4000, batch), 1) for batch in (1, 20)},
        "promoted": {"streamed": ours.promoted, "fused_floor": run_fused(columns, arguments.symbols)},
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    text = json.dumps(result, indent=2, sort_keys=True)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
