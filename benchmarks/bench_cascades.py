"""Cascade labelling beside Polars, a compiled plain pass and a plain Python loop, in one run on the same points; ratios count, not seconds.

Every contestant finds the cascades of one stream (start, end, open interest at both, liquidations) and all answers must be equal. The points are about
four a second with sudden falls of open interest spread over forty of them. `compiled_pass`: the same kernel over every point, without leaving out blocks.
`live`: one call an event. `python benchmarks/bench_cascades.py --points 10000000 --out cascades.json`
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from tallystick.analysis.cascade_labeler import CascadeRule, find_cascades
from tallystick.analysis.cascade_labeler_stream import CascadeLabelerStream
from tallystick.kernels import cascades as kernel
from tallystick.kernels.money import E8

MS = 1_000_000
PLAIN_SHARE = 10


def generated(points: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    times = 1_700_000_000_000 * MS + np.cumsum(rng.integers(50, 450, points)).astype(np.int64) * MS
    shock = (rng.random(points) < 5e-5) * rng.uniform(0.01, 0.08, points)
    fall = np.convolve(shock, np.full(40, 1 / 40))[:points]
    steps = rng.normal(0.0, 1e-4, points) - fall
    interest = (1e9 * np.exp(np.cumsum(steps - steps.mean())) * 100).astype(np.int64)
    return times, interest, times[rng.random(points) < 0.02 + 20 * fall]


def compiled_pass(times: np.ndarray, interest: np.ndarray, forced: np.ndarray, rule: CascadeRule) -> np.ndarray:
    state = np.zeros(kernel.HEADER + 4 * (1 << 16), dtype=np.int64)
    kernel.prepare(state, rule.kept_e8, rule.inclusive, rule.span_ns, rule.min_liquidations)
    records = np.empty((forced.size + 1, kernel.RECORD), dtype=np.int64)
    every = np.ones(times.size // kernel.BLOCK + 1, dtype=np.int64)
    return records[: kernel.label_history(times, interest, forced, every, state, records)]


def by_polars(times: np.ndarray, interest: np.ndarray, forced: np.ndarray, rule: CascadeRule) -> np.ndarray:
    """Starts that any point within reach fulfils, by a rolling minimum over reversed time; then the greedy choice among them alone."""
    backwards = pl.DataFrame({"at": -times[::-1], "interest": interest[::-1]}).with_columns(pl.from_epoch("at", time_unit="ns"))
    lowest = backwards.lazy().select(pl.col("interest").rolling_min_by("at", f"{rule.window_ns}ns")).collect()["interest"].to_numpy()[::-1]
    starts = np.flatnonzero(lowest / interest < rule.kept_e8 / E8 * (1 + 1e-12))
    found, free = [], 0
    for start in starts.tolist():
        if start < free:
            continue
        reach = int(np.searchsorted(times, times[start] + rule.span_ns, side="right"))
        meets = np.flatnonzero(interest[start + 1 : reach].astype(object) * E8 < int(interest[start]) * rule.kept_e8)
        if not meets.size:
            continue
        end = start + 1 + int(meets[0])
        count = int(np.searchsorted(forced, times[end], side="right") - np.searchsorted(forced, times[start], side="left"))
        if count >= rule.min_liquidations:
            found.append((times[start], times[end], interest[start], interest[end], count))
            free = end + 1
    return np.array(found, dtype=np.int64).reshape(-1, kernel.RECORD)


def by_plain_loop(times: list[int], interest: list[int], forced: list[int], rule: CascadeRule) -> np.ndarray:
    """The rule as one would first write it, with one short cut: a start is looked at closely only when the next window's lowest point is below its limit."""
    found, start, points = [], 0, len(times)
    queue: list[int] = []
    head = reach = 0
    while start < points:
        while reach < points and times[reach] - times[start] <= rule.span_ns:
            while len(queue) > head and interest[queue[-1]] >= interest[reach]:
                queue.pop()
            queue.append(reach)
            reach += 1
        while queue[head] < start:
            head += 1
        limit = interest[start] * rule.kept_e8
        if interest[queue[head]] * E8 < limit:
            end = next(place for place in range(start + 1, reach) if interest[place] * E8 < limit)
            count = bisect_right(forced, times[end]) - bisect_left(forced, times[start])
            if count >= rule.min_liquidations:
                found.append((times[start], times[end], interest[start], interest[end], count))
                start = end
        start += 1
        if start < points and reach <= start:
            queue, head, reach = [], 0, start
    return np.array(found, dtype=np.int64).reshape(-1, kernel.RECORD)


def timed(work: Callable[[], np.ndarray], runs: int) -> tuple[float, np.ndarray]:
    answer = work()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        answer = work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), answer


def live_ns(times: list[int], interest: list[int], rule: CascadeRule) -> float:
    """Nanoseconds of one kernel call with one snapshot, called from Python."""
    spent = []
    for _ in range(2):
        state = np.zeros(kernel.HEADER + 4 * 4096, dtype=np.int64)
        kernel.prepare(state, rule.kept_e8, rule.inclusive, rule.span_ns, rule.min_liquidations)
        take = kernel.take
        start = time.perf_counter()
        for at, units in zip(times, interest, strict=True):
            while take(state, 0, at, units) == kernel.FOUND:
                pass
        spent.append((time.perf_counter() - start) / len(times) * 1e9)
    return min(spent)


def live_labeler_ns(times: list[int], interest: list[int], rule: CascadeRule) -> float:
    """Nanoseconds of one snapshot through the whole live labeler, with what it keeps for prices and waves."""
    stream = CascadeLabelerStream("BTC", rule, mark_decimals=1)
    start = time.perf_counter()
    for at, units in zip(times, interest, strict=True):
        stream.take_open_interest(at, units)
    return (time.perf_counter() - start) / len(times) * 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--drop-pct", type=Decimal, default=Decimal(2))
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    arguments = parser.parse_args()

    rule = CascadeRule(drop_pct=arguments.drop_pct)
    streams = generated(arguments.points, arguments.seed)
    few = arguments.points // PLAIN_SHARE
    lists = (streams[0][:few].tolist(), streams[1][:few].tolist(), streams[2][streams[2] <= streams[0][few - 1]].tolist())
    start = time.perf_counter()
    find_cascades(*(column[:1000] for column in streams), rule)
    first_call = time.perf_counter() - start

    seconds, ours = timed(lambda: find_cascades(*streams, rule), arguments.runs)
    rates = {"tallystick": arguments.points / seconds}
    seconds, other = timed(lambda: compiled_pass(*streams, rule), arguments.runs)
    rates["compiled_pass"] = arguments.points / seconds
    same = np.array_equal(ours, other)
    seconds, other = timed(lambda: by_polars(*streams, rule), 1)
    rates["polars"] = arguments.points / seconds
    same = same and np.array_equal(ours, other)
    seconds, other = timed(lambda: by_plain_loop(*lists, rule), 1)
    rates["plain_python_loop"] = few / seconds
    same = same and np.array_equal(find_cascades(*(np.array(column, dtype=np.int64) for column in lists), rule), other)
    result = {
        "benchmark": "cascades",
        "points": arguments.points,
        "cascades": len(ours),
        "same_answers": same,
        "points_per_second": {name: round(rate) for name, rate in rates.items()},
        "times": {name: round(rates["tallystick"] / rate, 2) for name, rate in rates.items() if name != "tallystick"},
        "live_ns_per_event": round(live_ns(lists[0][:200_000], lists[1][:200_000], rule)),
        "live_labeler_ns_per_event": round(live_labeler_ns(lists[0][:200_000], lists[1][:200_000], rule)),
        "first_call_s": round(first_call, 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    text = json.dumps(result, indent=2, sort_keys=True)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
